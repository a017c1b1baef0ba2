"""The newest statement of each facet of a node, and what hangs on it: aliases, search, hiding.

The stamp of a facet that the node's newest event states is not written: it is that event's. So an
event that repeats what the one before it said writes nothing, and yet an event that comes late
finds for every facet exactly when it was last stated.
"""

from collections.abc import Iterable

import msgspec

from headwater.event import Gist, gist_of
from headwater.ids import dataset
from headwater.memo import Memo
from headwater.records import NodeRecord, Stamp, stamp_time
from headwater.stores.sqlite.aliases import Aliases
from headwater.stores.sqlite.connection import Connection, Row, array
from headwater.stores.sqlite.names import Names

NODES_KEPT = 50_000
FACETS_KEPT = 50_000
EVENTS_TOGETHER = 16
"""With more events a node's older ones become past ones; with fewer, these moves cost more."""

_SEARCHED = (b'"description"', b'"tags"', b'"untagged"')
"""What a gist says that is searched."""
_gists = msgspec.json.Decoder(Gist)


class _Node:
    """What the writer knows of a node: its first and newest event, what the newest said, and how
    many of its events are not past ones.
    """

    __slots__ = ("digest", "events", "first", "hidden_at", "newest")

    def __init__(
        self, first: Stamp | None, newest: Stamp | None, hidden_at: int | None, events: int
    ) -> None:
        self.first = first
        self.newest = newest
        self.digest = b""
        self.hidden_at = hidden_at
        self.events = events


def _repeats(known: _Node, stamp: Stamp, record: NodeRecord) -> bool:
    """The node's newest event said the very same, so nothing of it changes."""
    return known.newest is not None and stamp > known.newest and record.digest == known.digest


_Facet = tuple[Stamp | None, bytes, int, bytes]


class Facets:
    """Merges the node records of a batch."""

    def __init__(self, db: Connection, names: Names) -> None:
        self._db = db
        self._names = names
        self._aliases = Aliases(db)
        self._nodes: Memo[int, _Node] = Memo(NODES_KEPT)
        self._facets: Memo[int, dict[str, _Facet]] = Memo(FACETS_KEPT)
        self._schemas: Memo[tuple[int, bytes], Stamp] = Memo(NODES_KEPT)
        self._batch: dict[int, dict[str, _Facet]] = {}
        self._states: dict[int, _Node] = {}
        self._changed: dict[tuple[int, str], _Facet] = {}
        self._hidden: dict[int, int | None] = {}
        self._firsts: dict[int, Stamp] = {}
        self._texts: set[int] = set()
        self._linked: dict[int, tuple[str, list[bytes]]] = {}
        self._stated: dict[tuple[int, bytes], Stamp] = {}
        self._fields: set[tuple[int, int]] = set()
        self._crowded: set[int] = set()

    def reset(self) -> None:
        for memo in (self._nodes, self._facets, self._schemas):
            memo.clear()
        self._clear()

    def _clear(self) -> None:
        self._batch.clear()
        self._states.clear()
        self._changed.clear()
        self._hidden.clear()
        self._firsts.clear()
        self._texts.clear()
        self._linked.clear()
        self._stated.clear()
        self._fields.clear()
        self._crowded.clear()

    def load(self, wanted: Iterable[tuple[int, Stamp, NodeRecord]]) -> None:
        """Reads what the batch needs and memory does not hold, before any of it is merged."""
        items = list(wanted)
        unknown: set[int] = set()
        for node, _, _ in items:
            known = self._nodes.get(node)
            if known is None:
                unknown.add(node)
            else:
                self._states[node] = known
        if unknown:
            rows = self._db.all("node_newest", array(sorted(unknown)))
            for node, hidden_at, first, newest, events in rows:
                self._states[node] = _Node(first, newest, hidden_at, events)
                if newest is None:
                    self._batch[node] = {}
        changing = {
            node for node, stamp, record in items if not _repeats(self._states[node], stamp, record)
        }
        self._load_facets(changing)

    def _load_facets(self, nodes: Iterable[int]) -> None:
        missing: list[int] = []
        for node in nodes:
            if node not in self._batch:
                kept = self._facets.get(node)
                if kept is None:
                    missing.append(node)
                else:
                    self._batch[node] = kept
        if missing:
            for node in missing:
                self._batch[node] = {}
            for node, name, *rest in self._db.all("facets_of", array(sorted(missing))):
                self._batch[node][name] = (rest[0], rest[1], rest[2], rest[3])

    def merge(
        self, domain: str, domain_id: int, node: int, stamp: Stamp, record: NodeRecord
    ) -> None:
        known = self._states[node]
        known.events += 1
        if known.events > EVENTS_TOGETHER:
            self._crowded.add(node)
        if known.first is None or stamp < known.first:
            known.first = self._firsts[node] = stamp
        if _repeats(known, stamp, record):
            known.newest = stamp
            if record.hides:
                self._hide(node, known, stamp_time(stamp))
            return
        record = record.whole()
        self._merge_facets(domain, node, known, stamp, record)
        if record.schema is not None:
            self._merge_schema(domain_id, node, stamp, record)

    def _merge_facets(
        self, domain: str, node: int, known: _Node, stamp: Stamp, record: NodeRecord
    ) -> None:
        self._load_facets((node,))
        facets = self._batch[node]
        before = known.newest
        newer = before is None or stamp > before
        if newer:
            stated = {facet.name for facet in record.facets}
            for name, facet in list(facets.items()):
                if facet[0] is None and name not in stated:
                    self._set(domain, node, facets, name, (before, *facet[1:]))
        for name, _, deleted, gist, digest in record.facets:
            old = facets.get(name)
            if newer:
                new: _Facet = (None, digest, int(deleted), gist)
            elif old is None or stamp > (old[0] or before or b""):
                new = (stamp, digest, int(deleted), gist)
            else:
                continue
            if old != new:
                self._set(domain, node, facets, name, new)
        if newer:
            known.newest = stamp
            known.digest = record.digest
            hidden_at = stamp_time(stamp) if record.hides else None
            if hidden_at != known.hidden_at:
                self._hide(node, known, hidden_at)

    def _hide(self, node: int, known: _Node, hidden_at: int | None) -> None:
        known.hidden_at = hidden_at
        self._hidden[node] = hidden_at

    def _set(
        self, domain: str, node: int, facets: dict[str, _Facet], name: str, new: _Facet
    ) -> None:
        old = facets.get(name)
        facets[name] = new
        self._changed[node, name] = new
        gists = (old[3] if old is not None and not old[2] else b"", new[3] if not new[2] else b"")
        if gists[0] == gists[1]:
            return
        if any(word in gist for gist in gists for word in _SEARCHED):
            self._texts.add(node)
        if any(b'"aliases"' in gist for gist in gists):
            aliases = _gists.decode(gists[1]).aliases if gists[1] else ()
            keys = [dataset(*alias).key(domain) for alias in aliases]
            self._linked[node] = (name, keys)

    def _merge_schema(self, domain_id: int, node: int, stamp: Stamp, record: NodeRecord) -> None:
        """The memo holds the first stamp that this process knows of; the row, the first of all."""
        assert record.schema is not None
        name = (node, record.schema)
        first = self._schemas.get(name)
        if first is not None and stamp >= first:
            return
        if first is None:
            fields = self._names.fields(domain_id, dict.fromkeys(record.fields))
            self._fields.update([(field, node) for field in fields])
        self._stated[name] = min(stamp, self._stated.get(name, stamp))
        self._schemas.put(name, stamp)

    def flush(self) -> None:
        """Writes what the batch changed; the rows of its events are written already."""
        rows: list[Row] = [(*key, *facet) for key, facet in self._changed.items()]
        self._db.bulk("put_facet", rows)
        self._db.bulk("set_first", list(self._firsts.items()))
        self._db.bulk("merge_schema", [(*name, first) for name, first in self._stated.items()])
        self._db.bulk("insert_field", sorted(self._fields))
        for node, hidden_at in self._hidden.items():
            self._db.run("set_hidden", hidden_at, node)
        self._index_texts()
        self._thin_out()
        if self._linked:
            self._names.find(key for _, keys in self._linked.values() for key in keys)
            self._aliases.link(
                {
                    node: {self._names.node(key) for key in keys} - {node}
                    for node, (_, keys) in self._linked.items()
                }
            )
        for node, facets in self._batch.items():
            self._facets.put(node, facets, 1 + len(facets))
        for node, known in self._states.items():
            if self._nodes.get(node) is not known:
                self._nodes.put(node, known)
        self._clear()

    def _thin_out(self) -> None:
        """Of nodes with many events, all but the newest become past ones, many at a time: one by
        one, each would be written to a page of its own in a large database.
        """
        for node in sorted(self._crowded):
            known = self._states[node]
            self._db.run("put_past", node, known.newest)
            self._db.run("drop_past", node, known.newest)
            known.events = 1

    def _index_texts(self) -> None:
        """Descriptions and tags are searched as the text that holds now."""
        texts: list[Row] = []
        for node in sorted(self._texts):
            facets = sorted(self._batch[node].items())
            gist = gist_of(gist for _, (_, _, deleted, gist) in facets if gist and not deleted)
            words = [gist.description] if gist.description else []
            words += [
                tag.key if tag.value is None else f"{tag.key}={tag.value}" for tag in gist.tags
            ]
            if not self._names.new(node):
                self._db.run("delete_search_text", node)
            if words:
                texts.append((node, "\n".join(words)))
        self._db.bulk("insert_search_text", texts)
