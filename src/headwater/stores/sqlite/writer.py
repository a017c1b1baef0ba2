"""The one writer: a batch of events becomes log rows and merged records in one transaction."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from headwater.errors import Conflict
from headwater.event import Received
from headwater.ids import Key, NodeId, event_id
from headwater.records import Projected, stamp_time
from headwater.slices import QUARTER
from headwater.store import Receipt
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.bodies import Bodies, Compressed
from headwater.stores.sqlite.connection import Connection, Row, array, translated
from headwater.stores.sqlite.edges import Edges
from headwater.stores.sqlite.facets import Facets
from headwater.stores.sqlite.names import Names
from headwater.stores.sqlite.runs import Contents, RunName, Runs

Item = tuple[Received, Projected | None]


class Writer:
    """Used by one thread. After an error nothing of the batch is left, in the file or in memory."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self.bodies = Bodies(db)
        self._names = Names(db)
        self._facets = Facets(db, self._names)
        self._contents = Contents(db, self._names)
        self._runs = Runs(db, self._contents)
        self._edges = Edges(db, self._names, self._contents)
        self._events: list[Row] = []
        self._touched: list[Row] = []
        self._next = self._last_position() + 1

    def _last_position(self) -> int:
        row = self._db.one("last_position")
        assert row is not None
        return int(row[0])

    def commit(
        self, batch: Sequence[Item], positions: Sequence[int] | None = None
    ) -> list[Receipt]:
        """Args: positions: the places to keep when a log is copied, else the next are taken."""
        with translated():
            try:
                self._db.begin()
                receipts = self._append(batch, positions)
                self._db.commit()
            except BaseException:
                self._reset()
                raise
        return receipts

    @property
    def named(self) -> Collection[Key]:
        """The nodes that the last batch named."""
        return self._names.batch

    def _reset(self) -> None:
        self._db.rollback()
        for rows in (self._events, self._touched):
            rows.clear()
        for part in (self._names, self._facets, self._contents, self._runs, self._edges):
            part.reset()
        self._next = self._last_position() + 1

    def _append(self, batch: Sequence[Item], positions: Sequence[int] | None) -> list[Receipt]:
        known = self._known(batch)
        tokens = self._known_tokens(batch)
        receipts: list[Receipt] = []
        fresh: list[tuple[Received, Projected | None, bytes, int]] = []
        for index, (received, projected) in enumerate(batch):
            identity = _identity(received, projected)
            name = (received.domain, identity)
            if received.token is not None:
                first = tokens.setdefault((received.domain, received.token), identity)
                if first != identity:
                    raise Conflict("this token came with another event before")
            position = known.get(name)
            receipts.append(Receipt(identity, position or self._next, position is not None))
            if position is None:
                if positions is not None:
                    self._next = positions[index]
                    receipts[-1] = Receipt(identity, self._next, repeated=False)
                known[name] = self._next
                fresh.append((received, projected, identity, self._next))
                self._next += 1
        bodies = self.bodies.begin(
            [(position, received.body) for received, _, _, position in fresh]
        )
        self._prepare(fresh)
        for item in fresh:
            self._derive(*item)
        self._flush(bodies)
        return receipts

    def _known(self, batch: Sequence[Item]) -> dict[tuple[str, bytes], int]:
        """The events of the batch that the log holds already."""
        by_domain: dict[str, dict[bytes, bytes]] = {}
        for received, projected in batch:
            identity = _identity(received, projected)
            by_domain.setdefault(received.domain, {})[identity] = received.digest
        found: dict[tuple[str, bytes], int] = {}
        for domain, wanted in by_domain.items():
            rows = self._db.all("events_by_id", self._names.domain(domain), array(wanted))
            for identity, position, digest in rows:
                if digest != wanted[identity]:
                    raise Conflict("another event has the same id")
                found[domain, identity] = position
        return found

    def _known_tokens(self, batch: Sequence[Item]) -> dict[tuple[str, str], bytes]:
        """The event that each token of the batch came with, for those that the log holds."""
        by_domain: dict[str, set[str]] = {}
        for received, _ in batch:
            if received.token is not None:
                by_domain.setdefault(received.domain, set()).add(received.token)
        return {
            (domain, token): identity
            for domain, wanted in by_domain.items()
            for token, identity in self._db.all(
                "events_by_token", self._names.domain(domain), array(wanted)
            )
        }

    def _prepare(self, fresh: Sequence[tuple[Received, Projected | None, bytes, int]]) -> None:
        """Gives every name in the batch its surrogate, and loads what will be merged."""
        self._names.begin()
        wanted: dict[str, dict[Key, NodeId]] = {}
        for received, projected, _, _ in fresh:
            if projected is not None:
                nodes = wanted.setdefault(received.domain, {})
                for record in projected.nodes:
                    nodes[record.key] = record.node
                nodes.update(projected.mentions)
        for domain, nodes in wanted.items():
            self._names.resolve(self._names.domain(domain), nodes)
        node = self._names.node
        self._facets.load(
            (node(record.key), projected.stamp, record)
            for _, projected, _, _ in fresh
            if projected is not None
            for record in projected.nodes
        )
        self._runs.load(
            (self._run_name(received.domain, run.job, run.run_id), run.job)
            for received, projected, _, _ in fresh
            if projected is not None
            for run in (*((projected.run,) if projected.run else ()), *projected.parents)
        )

    def _run_name(self, domain: str, job: Key, run_id: str) -> RunName:
        return self._names.domain(domain), codec.write_run_id(run_id), self._names.node(job)

    def _derive(
        self, received: Received, projected: Projected | None, identity: bytes, position: int
    ) -> None:
        domain_id = self._names.domain(received.domain)
        owner: int | None = None
        run: int | None = None
        if projected is not None:
            node = self._names.node
            owner = node(projected.nodes[0].key)
            for record in projected.nodes:
                surrogate = node(record.key)
                self._facets.merge(received.domain, domain_id, surrogate, projected.stamp, record)
                self._touched.append((surrogate, projected.stamp, position))
            run = self._state(received.domain, projected)
            for old, new in projected.renames:
                self._edges.rename(node(old), node(new), projected.stamp)
        event = received.event
        self._events.append(
            (
                position,
                domain_id,
                identity,
                received.digest,
                received.dialect,
                codec.KINDS[event.kind],
                None if event.type is None else event.type.value,
                event.time,
                received.received_at,
                len(received.body),
                owner,
                run,
                received.token,
                received.failure,
                len(event.flags),
            )
        )

    def _state(self, domain: str, projected: Projected) -> int | None:
        """Merges what the event says of lineage; returns the surrogate of its run."""
        for placeholder in projected.parents:
            name = self._run_name(domain, placeholder.job, placeholder.run_id)
            self._runs.place(name, placeholder)
        content = projected.content
        if projected.owner is None or content is None:
            return None
        owner_id = self._names.node(projected.owner)
        said = self._contents.put(projected.owner, owner_id, content)
        run: int | None = None
        fresh: set[tuple[int, int]] = set()
        if projected.run is not None:
            name = self._run_name(domain, projected.run.job, projected.run.run_id)
            run, stated = self._runs.merge(name, projected.run, said)
            fresh = set(stated)
        else:
            self._edges.declare(owner_id, projected.stamp, said.id)
        stamp, time = projected.stamp, stamp_time(projected.stamp)
        for edge in said.edges:
            self._edges.see((owner_id, *edge), stamp, time, run, edge in fresh)
        self._edges.touch(owner_id, projected.owner)
        return run

    def _flush(self, bodies: Callable[[], Compressed]) -> None:
        self._db.bulk("insert_event", self._events)
        self._tally()
        self._db.bulk("insert_node_event", sorted(self._touched))
        self._facets.flush()
        moved = self._runs.flush()
        self._edges.flush(moved)
        self._contents.end()
        self._db.bulk("insert_body", bodies())
        for rows in (self._events, self._touched):
            rows.clear()

    def _tally(self) -> None:
        """Counts the run events of the batch by quarters of an hour and types."""
        counts = Counter(
            (row[1], max(row[7], 0) // QUARTER, row[6] or "") for row in self._events if not row[5]
        )
        self._db.bulk("add_tally", [(*key, count) for key, count in counts.items()])


def _identity(received: Received, projected: Projected | None) -> bytes:
    return event_id(received.event.time, received.digest) if projected is None else projected.id
