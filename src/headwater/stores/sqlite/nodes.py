"""The nodes that a question has met: by their keys, by their surrogates, and by name."""

from collections.abc import Collection, Iterable

from headwater.ids import Key, NodeId
from headwater.store import NodeRow
from headwater.stores.sqlite.connection import Connection, Row, array
from headwater.stores.sqlite.names import KIND_OF

NAMESPACES_KEPT = 10_000


class Namespaces:
    """The names behind the numbers of namespaces, which never change; kept with a connection."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._names: dict[int, str] = {}

    def read(self, wanted: Collection[int]) -> dict[int, str]:
        """The names of these namespaces, among others."""
        missing = [identity for identity in set(wanted) if identity not in self._names]
        if missing:
            if len(self._names) + len(missing) > NAMESPACES_KEPT:
                self._names = {}
                missing = list(set(wanted))
            self._names.update(self._db.all("namespaces_by_id", array(missing)))
        return self._names


class Nodes:
    """What a reader learns while it answers one question is read once."""

    def __init__(self, db: Connection, namespaces: Namespaces) -> None:
        self._db = db
        self._namespaces = namespaces
        self._ids: dict[Key, int] = {}
        self._keys: dict[int, Key] = {}
        self._rows: dict[int, NodeRow] = {}

    def _known_ids(self, keys: Iterable[Key]) -> list[int]:
        """The surrogates of the keys that exist."""
        ids = self._ids
        wanted = list(keys)
        missing = [key for key in wanted if key not in ids]
        if missing:
            for key, identity in self._db.all("nodes_by_key", array(missing)):
                ids[key] = identity
                self._keys[identity] = key
            return [ids[key] for key in wanted if key in ids]
        return [ids[key] for key in wanted]

    def _learn(self, ids: Iterable[int]) -> None:
        """Reads the nodes of these surrogates, so that their keys and rows are at hand."""
        known = self._rows
        missing = [identity for identity in ids if identity not in known]
        if missing:
            self._take(self._db.all("nodes_by_id", array(sorted(missing))))

    def _take(self, rows: list[Row]) -> list[NodeRow]:
        """Keeps what the rows say; gives it in their order."""
        ids, keys, known = self._ids, self._keys, self._rows
        unseen: set[int] = set()
        for row in rows:
            keys[row[0]] = row[1]
            ids[row[1]] = row[0]
            if row[5] is not None:
                unseen.add(row[5])
        self._learn_keys(unseen)
        names = self._namespaces.read([row[3] for row in rows])
        found: list[NodeRow] = []
        for identity, key, kind, namespace, name, alias_of, flows, hidden_at in rows:
            node = NodeId(KIND_OF[kind], names[namespace], name)
            alias = None if alias_of is None else keys[alias_of]
            known[identity] = met = NodeRow(key, node, alias, flows != 0, hidden_at)
            found.append(met)
        return found

    def _learn_keys(self, ids: Iterable[int]) -> None:
        keys = self._keys
        unseen = [identity for identity in ids if identity not in keys]
        if unseen:
            for key, identity in self._db.all("keys_by_id", array(unseen)):
                keys[identity] = key
                self._ids[key] = identity

    def _node_rows(self, keys: Iterable[Key]) -> dict[int, NodeRow]:
        ids = self._known_ids(keys)
        self._learn(ids)
        rows = self._rows
        return {identity: rows[identity] for identity in ids}
