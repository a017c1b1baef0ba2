"""Lists, details and search."""

from collections.abc import Sequence

from headwater.event import EventType
from headwater.ids import NodeKind, event_id
from headwater.records import RunRecord
from headwater.store import (
    EventFilter,
    EventRow,
    NodeDetail,
    NodeRow,
    Page,
    RunFilter,
    RunRow,
)
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Row, Value, array
from headwater.stores.sqlite.names import KINDS
from headwater.stores.sqlite.searching import Searching

_EVENT = (
    "SELECT e.id, e.position, e.dialect, e.kind, e.type, e.time, e.received_at, e.size,"
    " e.node_id, r.run_id, e.failure, e.flags"
    " FROM event e LEFT JOIN run r ON r.id = e.run_id"
)
_NODE = "SELECT n.id FROM namespace s CROSS JOIN node n ON n.namespace_id = s.id"
_RUN = (
    "SELECT r.run_id, r.job_id, r.first, r.started, r.running, r.newest, r.facts, r.version_id,"
    " r.said FROM"
)
_RUN_PLACE = "SELECT r.id, r.at, r.run_id, r.job_id FROM run r WHERE"


class Clause:
    """A WHERE clause put together from fixed pieces; values are always bound."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.values: list[Value] = []

    def add(self, part: str, *values: Value) -> None:
        self._parts.append(part)
        self.values.extend(values)

    def __str__(self) -> str:
        return " AND ".join(self._parts)


class Listing(Searching):
    """The part of the reader that pages through things."""

    def _domain(self, name: str) -> int:
        row = self._db.one("domain_by_name", name)
        return -1 if row is None else int(row[0])

    def _details(self, rows: dict[int, NodeRow]) -> list[NodeDetail]:
        raise NotImplementedError

    async def list_nodes(
        self, domain: str, kind: NodeKind, namespace: str | None, page: Page
    ) -> list[NodeDetail]:
        where = Clause()
        where.add("s.domain_id = ? AND n.kind = ?", self._domain(domain), KINDS[kind])
        where.add("n.hidden_at IS NULL")
        if namespace is not None:
            where.add("s.name = ?", namespace)
        if page.after is not None:
            where.add("s.name >= ?", page.after[0])
            where.add("(s.name, n.name) > (?, ?)", *page.after)
        rows = self._db.query(
            f"{_NODE} WHERE {where} ORDER BY s.name, n.name LIMIT ?", [*where.values, page.limit]
        )
        ids = [identity for (identity,) in rows]
        self._learn(ids)
        return self._details({identity: self._rows[identity] for identity in ids})

    async def list_namespaces(self, domain: str, page: Page) -> list[tuple[str, int, int]]:
        after = "" if page.after is None else page.after[0]
        first = page.after is None
        rows = self._db.all("namespaces", self._domain(domain), int(first), after, page.limit)
        return [(row[0], row[1], row[2]) for row in rows]

    async def list_runs(self, domain: str, where: RunFilter, page: Page) -> list[RunRow]:
        clause = self._runs_where(domain, where, page)
        if where.job is None:
            text = f"{_RUN} run r WHERE {clause}"
            text += " ORDER BY r.at DESC, r.run_id DESC, r.job_id DESC LIMIT ?"
            return self._run_rows(self._db.query(text, [*clause.values, page.limit]))
        text = (
            f"{_RUN} ({_RUN_PLACE} {clause} AND r.complete = 1"
            f" UNION ALL {_RUN_PLACE} {clause} AND r.complete = 0"
            " ORDER BY 2 DESC, 3 DESC, 4 DESC LIMIT ?) p CROSS JOIN run r ON r.id = p.id"
        )
        return self._run_rows(self._db.query(text, [*clause.values, *clause.values, page.limit]))

    def _runs_where(self, domain: str, where: RunFilter, page: Page) -> Clause:
        clause = Clause()
        # A plus keeps the index of all runs by time away, which gives the order too.
        by_job = where.job is not None and where.parent is None
        clause.add("+r.domain_id = ?" if by_job else "r.domain_id = ?", self._domain(domain))
        clause.add("r.at IS NOT NULL")
        if where.job is not None:
            ids = self._known_ids((where.job,))
            clause.add("r.job_id = ?", ids[0] if ids else -1)
        if where.namespace is not None:
            clause.add(
                "r.job_id IN (SELECT n.id FROM node n JOIN namespace s ON s.id = n.namespace_id"
                " WHERE n.kind = 1 AND s.domain_id = r.domain_id AND s.name = ?)",
                where.namespace,
            )
        if where.states:
            clause.add("r.state IN (SELECT value FROM carray(?))", array(where.states))
        if where.parent is not None:
            clause.add("r.parent_run = ?", codec.write_run_id(where.parent))
        if where.since is not None:
            clause.add("r.at >= ?", where.since)
        if where.until is not None:
            clause.add("r.at < ?", where.until)
        if page.after is not None:
            at, run_id, job = page.after
            ids = self._known_ids((job if isinstance(job, bytes) else b"",))
            clause.add("r.at <= ?", at)
            stored = codec.write_run_id(str(run_id))
            clause.add("(r.at, r.run_id, r.job_id) < (?, ?, ?)", at, stored, ids[0] if ids else -1)
        return clause

    async def runs(self, domain: str, run_id: str) -> list[RunRow]:
        rows = self._db.query(
            f"{_RUN} run r WHERE r.domain_id = ? AND r.run_id = ?"
            " ORDER BY r.at IS NULL, r.at, r.job_id",
            [self._domain(domain), codec.write_run_id(run_id)],
        )
        return self._run_rows(rows)

    def _run_rows(self, rows: list[Row]) -> list[RunRow]:
        self._learn({row[1] for row in rows})
        said = [_said(row) for row in rows]
        wanted = {content for pairs in said for content in pairs}
        wanted |= {row[7] for row in rows if row[7] is not None}
        digests: dict[int, bytes] = (
            dict(self._db.all("content_digests", array(wanted))) if wanted else {}
        )
        records = [
            codec.decode_run(
                self._keys[row[1]],
                row[0],
                (row[2], row[3], row[4], row[5]),
                row[6],
                {digests[content]: stamp for content, stamp in pairs.items()},
            )
            for row, pairs in zip(rows, said, strict=True)
        ]
        return self._linked(rows, records, digests)

    def _linked(
        self, rows: Sequence[Row], records: list[RunRecord], digests: dict[int, bytes]
    ) -> list[RunRow]:
        """The runs with the names of their jobs, their parents' and their roots'."""
        links = {record.links[1] for record in records if record.links is not None}
        named = {key for link in links for key in (link.parent_job, link.root_job) if key}
        known = {node.key: node.node for node in self._node_rows(named).values()}
        found = []
        for row, record in zip(rows, records, strict=True):
            link = None if record.links is None else record.links[1]
            found.append(
                RunRow(
                    self._rows[row[1]].node,
                    record,
                    None if row[7] is None else digests[row[7]],
                    None if link is None else known.get(link.parent_job),
                    None if link is None or link.root_job is None else known.get(link.root_job),
                )
            )
        return found

    async def list_events(
        self, domain: str, where: EventFilter, page: Page, order: str = "desc", by: str = "time"
    ) -> list[EventRow]:
        clause = self._event_clause(domain, where)
        down = order == "desc"
        sort = ("e.size", "e.id") if by == "size" else ("e.id",)
        if page.after is not None:
            names, marks = ", ".join(sort), ", ".join("?" * len(sort))
            clause.add(f"({names}) {'<' if down else '>'} ({marks})", *page.after)
        ordering = ", ".join(f"{name} {'DESC' if down else 'ASC'}" for name in sort)
        rows = self._db.query(
            f"{_EVENT} WHERE {clause} ORDER BY {ordering} LIMIT ?", [*clause.values, page.limit]
        )
        return self._event_rows(rows)

    def _event_clause(self, domain: str, where: EventFilter) -> Clause:
        clause = Clause()
        clause.add("e.domain_id = ?", self._domain(domain))
        if where.since is not None:
            clause.add("e.id >= ? AND e.time >= ?", _id_floor(where.since), where.since)
        if where.until is not None:
            clause.add("e.id < ? AND e.time < ?", _id_floor(where.until), where.until)
        if where.node is not None:
            ids = self._known_ids((where.node,))
            clause.add(
                "e.position IN (SELECT position FROM node_event_all WHERE node_id = ?)",
                ids[0] if ids else -1,
            )
        if where.run_id is not None:
            clause.add(
                "e.run_id IN (SELECT id FROM run WHERE domain_id = e.domain_id AND run_id = ?)",
                codec.write_run_id(where.run_id),
            )
        if where.kind is not None:
            clause.add("e.kind = ?", codec.KINDS[where.kind])
        if where.types:
            values = array(kind.value for kind in where.types)
            clause.add("e.type IN (SELECT value FROM carray(?))", values)
        if where.namespace is not None:
            clause.add(
                "e.node_id IN (SELECT n.id FROM node n JOIN namespace s ON s.id = n.namespace_id"
                " WHERE s.domain_id = e.domain_id AND s.name = ?)",
                where.namespace,
            )
        if where.failed is not None:
            clause.add(f"e.failure IS {'NOT ' if where.failed else ''}NULL")
        return clause

    async def event(self, domain: str, identity: bytes) -> EventRow | None:
        rows = self._db.query(
            f"{_EVENT} WHERE e.domain_id = ? AND e.id = ?", [self._domain(domain), identity]
        )
        return self._event_rows(rows)[0] if rows else None

    def _event_rows(self, rows: list[Row]) -> list[EventRow]:
        self._learn({row[8] for row in rows if row[8] is not None})
        return [
            EventRow(
                id=row[0],
                position=row[1],
                dialect=row[2],
                kind=codec.KIND_OF[row[3]],
                type=None if row[4] is None else EventType(row[4]),
                time=row[5],
                received_at=row[6],
                size=row[7],
                node=None if row[8] is None else self._rows[row[8]].node,
                run_id=None if row[9] is None else codec.read_run_id(row[9]),
                failure=row[10],
                flags=row[11],
            )
            for row in rows
        ]

    async def counts(self, domain: str) -> dict[str, int]:
        row = self._db.one("counts", self._domain(domain))
        assert row is not None
        return dict(zip(("events", "runs", "jobs", "datasets", "namespaces"), row, strict=True))


def _said(row: Row) -> dict[int, bytes]:
    """The contents that a run's events state, each with its newest stamp."""
    if row[7] is None:
        return {}
    return {row[7]: row[5]} if row[8] is None else dict(codec.decode_said(row[8]))


def _id_floor(time: int) -> bytes:
    """The least event id of this time."""
    return event_id(time, bytes(16))
