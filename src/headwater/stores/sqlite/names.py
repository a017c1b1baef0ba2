"""Small integers for domains, namespaces, nodes and field names, and the search index over them."""

from collections.abc import Collection, Iterable, Mapping

from headwater.ids import Key, NodeId, NodeKind
from headwater.memo import Memo
from headwater.stores.sqlite.connection import Connection, Row, array

NODES_KEPT = 60_000
FIELDS_KEPT = 60_000
KINDS = {NodeKind.DATASET: 0, NodeKind.JOB: 1}
KIND_OF = {number: kind for kind, number in KINDS.items()}


class Names:
    """Finds or makes the surrogate of every name in a batch. Used by the one writer."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._domains: dict[str, int] = {}
        self._namespaces: Memo[tuple[int, str], int] = Memo(FIELDS_KEPT)
        self._nodes: Memo[Key, int] = Memo(NODES_KEPT)
        self._batch: dict[Key, int] = {}
        self._fields: Memo[tuple[int, str], int] = Memo(FIELDS_KEPT)
        self.reset()

    def reset(self) -> None:
        """Forgets everything and reads the counters again: after a roll-back."""
        self._domains.clear()
        self._namespaces.clear()
        self._nodes.clear()
        self._batch.clear()
        self._fields.clear()
        row = self._db.one("name_counters")
        assert row is not None
        self._next_node, self._next_namespace, self._next_field = (n + 1 for n in row)
        self._first_new: int = self._next_node

    def begin(self) -> None:
        self._batch.clear()
        self._first_new = self._next_node

    def new(self, node: int) -> bool:
        """Whether the node was made since `begin`."""
        return node >= self._first_new

    @property
    def batch(self) -> Collection[Key]:
        """The nodes that were asked for since `begin`."""
        return self._batch.keys()

    def domain(self, name: str) -> int:
        """The id of a domain; one that an event names is made on the way."""
        known = self._domains.get(name)
        if known is None:
            row = self._db.one("domain_by_name", name)
            if row is None:
                self._db.run("insert_domain", name, 0)
                row = self._db.one("domain_by_name", name)
                assert row is not None
            known = self._domains[name] = int(row[0])
        return known

    def node(self, key: Key) -> int:
        """The id of a node that `resolve` has seen in this batch."""
        return self._batch[key]

    def resolve(self, domain_id: int, wanted: Mapping[Key, NodeId]) -> None:
        """Makes sure that every node has an id, and indexes the new names for search."""
        missing = []
        for key in wanted:
            known = self._nodes.get(key)
            if known is None:
                missing.append(key)
            else:
                self._batch[key] = known
        if not missing:
            return
        for key, identity in self._db.all("nodes_by_key", array(missing)):
            self._keep(key, identity)
        new: list[Row] = []
        for key in missing:
            if key in self._batch:
                continue
            node = wanted[key]
            namespace = self._namespace(domain_id, node.namespace)
            new.append((self._next_node, namespace, KINDS[node.kind], node.name, key))
            self._keep(key, self._next_node)
            self._next_node += 1
        self._db.bulk("insert_node", new)
        self._db.bulk("insert_search_name", [(row[0], row[3]) for row in new])

    def find(self, keys: Iterable[Key]) -> None:
        """Brings the ids of nodes that exist already into this batch."""
        missing = [key for key in keys if key not in self._batch]
        if missing:
            for key, identity in self._db.all("nodes_by_key", array(missing)):
                self._keep(key, identity)

    def fields(self, domain_id: int, names: Iterable[str]) -> list[int]:
        """The ids of field names, made where they are new."""
        found: dict[str, int] = {}
        missing: set[str] = set()
        wanted = list(names)
        for name in wanted:
            known = self._fields.get((domain_id, name))
            if known is None:
                missing.add(name)
            else:
                found[name] = known
        if missing:
            found.update(self._new_fields(domain_id, missing))
        return [found[name] for name in wanted]

    def _new_fields(self, domain_id: int, missing: set[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        plain = sorted(name for name in missing if "\0" not in name)
        if plain:
            found.update(self._db.all("fields_by_name", domain_id, array(plain)))
        for name in missing:
            if "\0" in name:
                row = self._db.one("field_by_name", domain_id, name)
                if row is not None:
                    found[name] = row[0]
        new: list[Row] = []
        for name in sorted(missing - found.keys()):
            new.append((self._next_field, domain_id, name))
            found[name] = self._next_field
            self._next_field += 1
        self._db.bulk("insert_field_name", new)
        self._db.bulk("insert_search_field", [(row[0], row[2]) for row in new])
        for name in missing:
            self._fields.put((domain_id, name), found[name])
        return found

    def _keep(self, key: Key, identity: int) -> None:
        self._batch[key] = identity
        self._nodes.put(key, identity)

    def _namespace(self, domain_id: int, name: str) -> int:
        known = self._namespaces.get((domain_id, name))
        if known is None:
            row = self._db.one("namespace_by_name", domain_id, name)
            if row is not None:
                known = int(row[0])
            else:
                known = self._next_namespace
                self._db.run("insert_namespace", known, domain_id, name)
                self._next_namespace += 1
            self._namespaces.put((domain_id, name), known)
        return known
