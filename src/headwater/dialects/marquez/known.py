"""What is known of jobs and datasets beside their rows, as it is kept between questions."""

from threading import Lock
from typing import NamedTuple

import msgspec

from headwater.dialects.marquez import declared, identity
from headwater.dialects.marquez.kept import Kept
from headwater.dialects.marquez.objects import ColumnLineage, Facets, Field, Run
from headwater.event import Gist, Tag
from headwater.ids import Key, NodeId
from headwater.memo import Memo

BUDGET = 48 << 20
CODE = 64 << 20
"""Bytes of the SQL and source code of jobs that are kept, about."""
COUNTS = 20_000


Near = tuple[tuple[Key, ...], tuple[Key, ...]]
"""What a job reads, and what it writes."""


class Parent:
    """What the parent of a job makes of its name."""

    def __init__(self, job: NodeId, parent: NodeId | None) -> None:
        self.job: NodeId | None = parent
        self.simple_name = job.name
        if parent is None:
            return
        name = parent.name
        if parent.name == job.name:  # such a facet means the part before the last dot
            name = job.name.rpartition(".")[0]
            self.job = NodeId(job.kind, parent.namespace, name) if name else None
        if name and job.name.startswith(f"{name}.") and len(job.name) > len(name) + 1:
            self.simple_name = job.name[len(name) + 1 :]

    @property
    def name(self) -> str | None:
        return None if self.job is None else self.job.name

    @property
    def uuid(self) -> str | None:
        return None if self.job is None else identity.entity_uuid(self.job)


class KnownJob(NamedTuple):
    """What is known of a job beside its row, and what only changes when an event names it.

    `settled`: its runs have events of their own; what is told of others may change with their
    children.
    """

    parent: Parent
    runs: tuple[Run, ...]
    facets: Facets
    version: str | None
    near: Near
    settled: bool

    @property
    def weight(self) -> int:
        return 1_000 + 1_500 * len(self.runs) + sum(len(raw) for raw in self.facets.values())


class KnownDataset(msgspec.Struct, frozen=True):
    """What is known of a dataset under all its names, and when it was stated."""

    node: NodeId
    gist: Gist
    ours: declared.DatasetFacet
    fields: tuple[Field, ...]
    tags: tuple[Tag, ...]
    """Those of fields too."""
    column_lineage: tuple[ColumnLineage, ...] | None
    facets: Facets
    first: int
    last: int

    @property
    def weight(self) -> int:
        return 1_000 + 300 * len(self.fields) + 3 * sum(len(raw) for raw in self.facets.values())


class CurrentVersion(NamedTuple):
    """The version of a dataset that holds as long as no event names it or one of its writers: a run
    may complete without naming what it wrote.
    """

    position: int
    version: str | None
    writers: tuple[Key, ...]


class Texts:
    """Texts by the digest of the facet that states them, for all threads."""

    def __init__(self, budget: int) -> None:
        self._memo: Memo[bytes, str] = Memo(budget)
        self._lock = Lock()
        self.get = self._memo.get

    def put(self, digest: bytes, text: str) -> None:
        with self._lock:
            self._memo.put(digest, text, 200 + len(text))


class Memory:
    """What questions leave for the next ones."""

    def __init__(self) -> None:
        self.currents: Kept[CurrentVersion] = Kept(COUNTS)
        self.runs: Kept[int] = Kept(COUNTS)
        self.jobs: Kept[KnownJob] = Kept(BUDGET)
        self.datasets: Kept[KnownDataset] = Kept(BUDGET)
        self.writes: Kept[int] = Kept(COUNTS)
        self.code = Texts(CODE)
