"""Runs, the contents that their events state, and the job versions that these add up to."""

from collections.abc import Iterable
from typing import NamedTuple

from headwater import fold
from headwater.ids import Key
from headwater.memo import Memo
from headwater.records import Content, PackedContent, RunRecord, merge_runs
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Connection, Row, array
from headwater.stores.sqlite.names import Names

RUNS_KEPT = 12_000
EDGES_KEPT = 120_000

RunName = tuple[int, bytes | str, int]
"""(domain, run id as stored, job)"""


class Said(NamedTuple):
    """A content in the store, with the edges that it states between surrogates."""

    id: int
    digest: bytes
    edges: tuple[tuple[int, int], ...]


class Stated(NamedTuple):
    """The edges that a content states, and whether it states no flow."""

    bare: bool
    edges: codec.Edges


class Contents:
    """Finds or makes the row of every content, by owner and digest."""

    def __init__(self, db: Connection, names: Names) -> None:
        self._db = db
        self._names = names
        self._kept: Memo[tuple[int, bytes], Said] = Memo(EDGES_KEPT)
        self._fresh: dict[int, Content | PackedContent] = {}
        self.reset()

    def reset(self) -> None:
        self._kept.clear()
        self._fresh.clear()
        row = self._db.one("content_counter")
        assert row is not None
        self._next = int(row[0]) + 1

    def put(self, owner: Key, owner_id: int, said: Content | PackedContent) -> Said:
        known = self._kept.get((owner_id, said.digest))
        if known is not None:
            return known
        row = self._db.one("content_by_digest", owner_id, said.digest)
        if row is not None:
            identity = int(row[0])
        else:
            identity = self._next
            self._next += 1
            body = said.body if isinstance(said, PackedContent) else codec.encode_content(said)
            self._db.run("insert_content", identity, owner_id, said.digest, body)
            self._fresh[identity] = said
        return self._keep(owner, owner_id, identity, said)

    def get(self, owner: Key, owner_id: int, digest: bytes) -> Said:
        """A content that is stored already."""
        known = self._kept.get((owner_id, digest))
        if known is not None:
            return known
        row = self._db.one("content_by_digest", owner_id, digest)
        assert row is not None
        return self._keep(owner, owner_id, int(row[0]), codec.decode_content(row[1], digest))

    def read(self, identity: int) -> Content:
        """The whole of a content that is stored already; as it was put, if this batch put it."""
        fresh = self._fresh.get(identity)
        if isinstance(fresh, Content):
            return fresh
        if fresh is not None:
            return codec.decode_content(fresh.body, fresh.digest)
        row = self._db.one("content_body", identity)
        assert row is not None
        return codec.decode_content(row[0], row[1])

    def stated(self, owner: Key, identity: int) -> Stated:
        """What a content that is stored already states of edges."""
        return _stated(owner, self._fresh.get(identity) or self.read(identity))

    def end(self) -> None:
        """The batch is written."""
        self._fresh.clear()

    def _keep(
        self, owner: Key, owner_id: int, identity: int, content: Content | PackedContent
    ) -> Said:
        pairs = _stated(owner, content).edges
        self._names.find({key for pair in pairs for key in pair})
        node = self._names.node
        edges = tuple((node(a), node(b)) for a, b in sorted(pairs))
        said = Said(identity, content.digest, edges)
        return self._kept.put((owner_id, content.digest), said, 3 + len(edges))


def _stated(owner: Key, content: Content | PackedContent) -> Stated:
    if isinstance(content, PackedContent):
        return Stated(content.bare, codec.decode_edges(content.edges))
    return Stated(content.bare, fold.edges(owner, content))


class Standing(NamedTuple):
    """What decides if a run shows in the current graph: its place among the runs of its job."""

    order: tuple[int, bytes | str]
    complete: bool
    version: int


class Moved(NamedTuple):
    """A run of a job whose standing a batch has changed."""

    job_id: int
    before: Standing | None
    after: Standing | None


class _Run:
    __slots__ = ("dirty", "id", "new", "record", "standing", "version")

    def __init__(self, identity: int, record: RunRecord, version: int | None, new: bool) -> None:
        self.id = identity
        self.record = record
        self.version = version
        self.new = new
        self.dirty = new
        self.standing: Standing | None = None


class Runs:
    """Merges the run records of a batch and keeps each run's version."""

    def __init__(self, db: Connection, contents: Contents) -> None:
        self._db = db
        self._contents = contents
        self._kept: Memo[RunName, _Run] = Memo(RUNS_KEPT)
        self._batch: dict[RunName, _Run] = {}
        self.reset()

    def reset(self) -> None:
        self._kept.clear()
        self._batch.clear()
        row = self._db.one("run_counter")
        assert row is not None
        self._next = int(row[0]) + 1

    def load(self, wanted: Iterable[tuple[RunName, Key]]) -> None:
        """Brings every run of the batch into memory, from the database where it is there."""
        for name, job in wanted:
            if name in self._batch:
                continue
            known = self._kept.get(name)
            if known is None:
                row = self._db.one("run_by_name", *name)
                known = None if row is None else self._read(name, job, row)
            if known is not None:
                self._batch[name] = known

    def _read(self, name: RunName, job: Key, row: Row) -> _Run:
        identity, first, started, running, newest, facts, version, said_blob = row
        said: dict[bytes, bytes] = {}
        if said_blob is not None:
            pairs = codec.decode_said(said_blob)
            ids = array(content for content, _ in pairs)
            digests: dict[int, bytes] = dict(self._db.all("content_digests", ids))
            said = {digests[content]: stamp for content, stamp in pairs}
        elif version is not None:
            digest_row = self._db.one("content_by_id", version)
            assert digest_row is not None
            said = {digest_row[0]: newest}
        record = codec.decode_run(job, name[1], (first, started, running, newest), facts, said)
        run = _Run(identity, record, version, new=False)
        run.standing = _standing(name, run)
        return run

    def place(self, name: RunName, placeholder: RunRecord) -> None:
        """Makes a run that another one names, unless it is known."""
        if name not in self._batch:
            self._batch[name] = _Run(self._next, placeholder, None, new=True)
            self._next += 1

    def merge(
        self, name: RunName, record: RunRecord, said: Said
    ) -> tuple[int, list[tuple[int, int]]]:
        """Returns the run's surrogate, and the edges that it had not stated before."""
        known = self._batch.get(name)
        if known is None:
            known = self._batch[name] = _Run(self._next, record, said.id, new=True)
            self._next += 1
            return known.id, list(said.edges)
        before = known.record
        known.record = merged = merge_runs(before, record)
        known.dirty = True
        fresh: list[tuple[int, int]] = []
        if said.digest not in before.said:
            old = {edge for part in self._parts(name, before) for edge in part.edges}
            fresh = [edge for edge in said.edges if edge not in old]
        if len(merged.said) == 1:
            known.version = said.id
        else:
            known.version = self._resolve(name, merged)
        return known.id, fresh

    def _parts(self, name: RunName, record: RunRecord) -> list[Said]:
        return [self._contents.get(record.job, name[2], digest) for digest in record.said]

    def _resolve(self, name: RunName, record: RunRecord) -> int:
        stamped = [
            (stamp, self._contents.read(self._contents.get(record.job, name[2], digest).id))
            for digest, stamp in record.said.items()
        ]
        version = fold.resolve(stamped, record.snapshot)
        return self._contents.put(record.job, name[2], version).id

    def flush(self) -> list[Moved]:
        """Writes every run that the batch changed; returns those whose standing changed."""
        new: list[Row] = []
        old: list[Row] = []
        moved: list[Moved] = []
        for name, run in self._batch.items():
            if run.dirty:
                row = self._row(name, run)
                if run.new:
                    new.append(row)
                else:
                    old.append((row[0], *row[4:]))
                standing = _standing(name, run)
                if standing != run.standing:
                    moved.append(Moved(name[2], run.standing, standing))
                    run.standing = standing
                run.dirty = run.new = False
            if self._kept.get(name) is not run:
                self._kept.put(name, run)
        self._db.bulk("insert_run", new)
        self._db.bulk("update_run", old)
        self._batch.clear()
        return moved

    def _row(self, name: RunName, run: _Run) -> Row:
        record = run.record
        said = None
        if record.said and not self._plain(name, run):
            said = codec.encode_said(
                [
                    (self._contents.get(record.job, name[2], digest).id, stamp)
                    for digest, stamp in record.said.items()
                ]
            )
        parent = None if record.links is None else record.links[1].parent_run
        return (
            run.id,
            name[0],
            name[1],
            name[2],
            int(record.complete),
            record.state,
            record.at,
            record.first,
            record.started,
            int(record.running),
            record.newest,
            None if parent is None else codec.write_run_id(parent),
            codec.encode_facts(record),
            run.version,
            said,
        )

    def _plain(self, name: RunName, run: _Run) -> bool:
        """The run said one thing only, which is its version, and its newest event said it too."""
        if len(run.record.said) != 1:
            return False
        ((_, stamp),) = run.record.said.items()
        return stamp == run.record.newest


def _standing(name: RunName, run: _Run) -> Standing | None:
    at = run.record.at
    if at is None or run.version is None:
        return None
    return Standing((at, name[1]), run.record.complete, run.version)
