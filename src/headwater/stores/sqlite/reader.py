"""The reads of one question, in one transaction on one connection."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from itertools import islice

from headwater.event import gist_of
from headwater.fold import Origin
from headwater.ids import Key, NodeKind
from headwater.records import FacetState, Stamp, stamp_time
from headwater.slices import StatedFacet
from headwater.store import (
    Direction,
    EdgeRow,
    End,
    Evidence,
    LoggedEvent,
    Moment,
    NodeDetail,
    NodeRow,
)
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.bodies import Bodies
from headwater.stores.sqlite.browsing import CHUNK, Browsing
from headwater.stores.sqlite.changes import Changes
from headwater.stores.sqlite.connection import Connection, Row, array
from headwater.stores.sqlite.holding import Holding
from headwater.stores.sqlite.latest import Latest
from headwater.stores.sqlite.locating import Locating
from headwater.stores.sqlite.names import KINDS
from headwater.stores.sqlite.nodes import Namespaces

_ORIGINS = tuple(Origin(number) for number in range(1 << len(Origin)))
_EDGES = {
    Direction.DOWN: ("edges_down",),
    Direction.UP: ("edges_up",),
    Direction.BOTH: ("edges_down", "edges_up"),
}


class SqliteReader(Browsing, Locating, Holding):
    """Fills `store.Reader` and `slices.Browser`.

    Nothing here ever waits, so a question runs through in its thread.
    """

    def __init__(
        self,
        db: Connection,
        bodies: Bodies,
        namespaces: Namespaces,
        latest: Latest,
        changes: Changes | None = None,
    ) -> None:
        super().__init__(db, namespaces, latest, changes)
        self._bodies = bodies
        self._evidence: dict[Row, Evidence] = {}

    async def nodes(self, keys: Iterable[Key]) -> dict[Key, NodeRow]:
        return {row.key: row for row in self._node_rows(keys).values()}

    async def details(self, keys: Iterable[Key]) -> dict[Key, NodeDetail]:
        rows = self._node_rows(keys)
        return {detail.row.key: detail for detail in self._details(rows)}

    async def members(self, canonical: Iterable[Key]) -> dict[Key, list[NodeRow]]:
        ids = self._known_ids(set(canonical))
        found: dict[Key, list[NodeRow]] = {}
        if ids:
            for member in self._take(self._db.all("members_of", array(ids))):
                assert member.alias_of is not None
                found.setdefault(member.alias_of, []).append(member)
        return found

    async def edges(
        self, keys: Iterable[Key], direction: Direction, moment: Moment | None
    ) -> list[EdgeRow]:
        ids = self._known_ids(keys)
        if not ids:
            return []
        now = moment is None
        until = (1 << 62) if moment is None else moment.until
        rows: list[Row] = []
        for name in _EDGES[direction]:
            rows += self._db.all(name, array(ids), int(now), until)
        if direction is Direction.BOTH:
            rows = list({row[:3]: row for row in rows}.values())
        known = self._rows
        self._learn({i for row in rows for i in row[:3] if i not in known})
        runs = self._run_ids({row[7] for row in rows})
        keys_of, told = self._keys, self._evidence
        found: list[EdgeRow] = []
        for row in rows:
            said = row[3:]
            evidence = told.get(said)
            if evidence is None:
                origin, first, last, count, run = said
                evidence = Evidence(_ORIGINS[origin], first, stamp_time(last), count, runs[run])
                told[said] = evidence
            found.append(EdgeRow(keys_of[row[0]], keys_of[row[1]], keys_of[row[2]], evidence))
        return found

    def _run_ids(self, ids: set[int | None]) -> dict[int | None, str | None]:
        """How runs are named; many edges were last seen by the same one."""
        wanted = [identity for identity in ids if identity is not None]
        names: dict[int | None, str | None] = {None: None}
        if wanted:
            for identity, stored in self._db.all("run_ids", array(sorted(wanted))):
                names[identity] = codec.read_run_id(stored)
        return names

    async def ends(self, keys: Iterable[Key], direction: Direction) -> list[End]:
        ids = self._known_ids(keys)
        if not ids:
            return []
        name = "ends_down" if direction is Direction.DOWN else "ends_up"
        rows = self._db.all(name, array(ids))
        keys_of = self._keys
        keys_of.update({row[2]: row[3] for row in rows})
        self._learn_keys({row[1] for row in rows} | {row[4] for row in rows} - {None})
        return [
            End(keys_of[near], keys_of[owner], key, key if alias is None else keys_of[alias])
            for near, owner, _, key, alias in rows
        ]

    async def bodies(self, positions: Sequence[int]) -> dict[int, LoggedEvent]:
        if not positions:
            return {}
        return {
            row[0]: LoggedEvent(
                row[0], row[1], row[2], row[3], row[4], self._bodies.restore(row[5], row[6])
            )
            for row in self._db.all("bodies_at", array(positions))
        }

    async def node_events(self, key: Key, before: Stamp, limit: int) -> list[tuple[Stamp, int]]:
        ids = self._known_ids((key,))
        return (
            []
            if not ids
            else [(r[0], r[1]) for r in self._db.all("node_events", ids[0], before, limit)]
        )

    async def run_events(self, job: Key, run_id: str) -> list[int]:
        ids = self._known_ids((job,))
        if not ids:
            return []
        rows = self._db.all("run_events", codec.write_run_id(run_id), ids[0])
        return [position for (position,) in rows]

    async def stated_facets(
        self,
        domain: str,
        kind: NodeKind,
        names: Collection[str],
        skipped: Callable[[bytes], bool],
    ) -> AsyncIterator[list[StatedFacet]]:
        where = (self._domain(domain), KINDS[kind], array(names))
        rows = (row for row in self._db.each("stated_facets", *where) if not skipped(row[2]))
        while part := list(islice(rows, CHUNK)):
            self._learn_keys({row[0] for row in part})
            yield [StatedFacet(self._keys[node], name, digest) for node, name, digest in part]

    async def run_places(self, runs: Iterable[tuple[Key, str]]) -> dict[tuple[Key, str], list[int]]:
        found: dict[tuple[Key, str], list[int]] = {}
        stored: dict[Key, list[bytes]] = {}
        for job, run_id in runs:
            written = codec.write_run_id(run_id)
            if isinstance(written, bytes):
                found[job, run_id] = []
                stored.setdefault(job, []).append(written)
            else:  # few are no UUID
                found[job, run_id] = await self.run_events(job, run_id)
        for job, written_ids in stored.items():
            for identity in self._known_ids((job,)):
                for run, position in self._db.all("run_places", array(written_ids), identity):
                    found[job, codec.read_run_id(run)].append(position)
        return found

    async def facets(self, key: Key) -> dict[str, FacetState]:
        ids = self._known_ids((key,))
        if not ids:
            return {}
        rows = self._db.all("facet_states", ids[0])
        return {
            name: FacetState(stamp, digest, bool(deleted), gist)
            for name, stamp, digest, deleted, gist in rows
        }

    async def schemas(self, key: Key) -> list[tuple[bytes, Stamp]]:
        ids = self._known_ids((key,))
        return [] if not ids else [(r[0], r[1]) for r in self._db.all("schemas_of", ids[0])]

    async def versions(self, job: Key) -> list[tuple[bytes, int, int, int]]:
        ids = self._known_ids((job,))
        return (
            []
            if not ids
            else [(row[0], row[1], row[2], row[3]) for row in self._db.all("versions_of", ids[0])]
        )

    def _details(self, rows: dict[int, NodeRow]) -> list[NodeDetail]:
        if not rows:
            return []
        gists: dict[int, list[bytes]] = {}
        for node, gist in self._db.all("gists_of", array(rows)):
            gists.setdefault(node, []).append(gist)
        spans = {n: (a, b) for n, a, b in self._db.all("spans_of", array(rows))}
        details = []
        for identity, row in rows.items():
            first, last = spans[identity]
            details.append(
                NodeDetail(
                    row,
                    gist_of(gists.get(identity, ())),
                    None if first is None else stamp_time(first),
                    None if last is None else stamp_time(last),
                )
            )
        return details
