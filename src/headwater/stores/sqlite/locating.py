"""Finds what a derived id stands for, and the versions of a node."""

from collections.abc import Iterable, Sequence

from headwater.event import Event, EventKind, EventType
from headwater.ids import Key
from headwater.records import Stamp, stamp_of
from headwater.store import EventRow, NodeRow, Version
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Row, array
from headwater.stores.sqlite.listing import Listing


class Locating(Listing):
    """The part of the reader that other protocols' ids need."""

    async def nodes_between(self, low: Key, high: Key, limit: int) -> list[NodeRow]:
        return self._rows_of(self._db.all("nodes_between", low, high, limit))

    async def datasets_named(self, domain: str, names: Iterable[str]) -> list[NodeRow]:
        wanted = tuple(names)
        if not wanted:
            return []
        return self._rows_of(self._db.all("datasets_named", self._domain(domain), array(wanted)))

    def _rows_of(self, rows: list[Row]) -> list[NodeRow]:
        ids = [identity for (identity,) in rows]
        self._learn(ids)
        return [self._rows[identity] for identity in ids]

    async def event_span(self, domain: str) -> tuple[bytes, bytes] | None:
        row = self._db.one("event_span", self._domain(domain))
        assert row is not None
        return None if row[0] is None else (row[0], row[1])

    async def events_ending(
        self, domain: str, ranges: Sequence[tuple[bytes, bytes]], tail: bytes
    ) -> list[EventRow]:
        domain_id = self._domain(domain)
        found: list[EventRow] = []
        for low, high in ranges:
            for (identity,) in self._db.all("events_ending", domain_id, low, high, tail):
                row = await self.event(domain, identity)
                assert row is not None
                found.append(row)
        return found

    async def node_versions(
        self,
        key: Key,
        low: tuple[Stamp, int],
        high: tuple[Stamp, int],
        limit: int,
        ascending: bool = False,
    ) -> list[Version]:
        ids = self._known_ids((key,))
        if not ids:
            return []
        name = "node_versions_asc" if ascending else "node_versions_desc"
        rows = self._db.all(name, ids[0], *low, *high, limit)
        return [Version(row[0], row[1], row[2], row[3]) for row in rows]

    async def run_versions(self, job: Key, run_id: str) -> list[Version]:
        ids = self._known_ids((job,))
        if not ids:
            return []
        rows = self._db.all("run_versions", codec.write_run_id(run_id), ids[0])
        return sorted(
            Version(_stamp(time, kind, digest, received_at), position, received_at, dialect)
            for time, kind, digest, received_at, position, dialect in rows
        )

    async def runs_stating(
        self, key: Key, job: Key, until: Stamp, scanned: int
    ) -> list[tuple[Stamp, str]]:
        node, owner = self._known_ids((key,)), self._known_ids((job,))
        if not node or not owner:
            return []
        rows = self._db.all("runs_stating", node[0], owner[0], until, scanned)
        return [(stamp, codec.read_run_id(run_id)) for stamp, run_id in rows]


def _stamp(time: int, kind: str | None, digest: bytes, received_at: int) -> Stamp:
    event = Event(EventKind.RUN, time, None if kind is None else EventType(kind))
    return stamp_of(event, digest, received_at)
