"""What an operator's event says of its job and its tables: as JSON, and as decoding that gives it.

Both are made side by side, because to read the JSON again would cost more than to make it.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Raw

from headwater.dialects.dataarts import facets
from headwater.dialects.dataarts.mapping import Mapped
from headwater.dialects.dataarts.operators import End, Placed
from headwater.dialects.openlineage.columns import Reach
from headwater.dialects.openlineage.findings import LONGEST, Findings
from headwater.dialects.openlineage.statements import JOB, USED, Statements, digest_of_node
from headwater.dialects.openlineage.wire import WireDataset, WireJob
from headwater.event import DatasetFacts, Facet, Flow, Gist, NodeStatement, Source
from headwater.ids import NodeId, dataset, digest_of, job

_INFO, _JOB_TYPE, _TABLE, _COLUMNS, _SYMLINKS = (
    b'"%b":' % name.encode()
    for name in (facets.INFO, facets.JOB_TYPE, facets.TABLE, facets.COLUMNS, facets.SYMLINKS)
)
W = TypeVar("W", WireJob, WireDataset)
TABLES_KEPT = 5_000
SHORT = 500
"""Characters of a table's namespace and parts; longer ones are not kept."""


class Stated(NamedTuple, Generic[W]):
    """What an event says of a node: its JSON, the outline of that, and what it states."""

    json: bytes
    wire: W
    statement: NodeStatement


class Table:
    """A table as events name it, whatever they say of its columns."""

    def __init__(self, placed: Placed, mapped: Mapped | None) -> None:
        namespace, name = sys.intern(placed.namespace), placed.parts.name
        self.node = dataset(namespace, name)
        self.named = b'"namespace":%b,"name":%b' % (_text(namespace), facets.encoded(name))
        self.short = len(namespace) <= LONGEST and len(name) <= LONGEST
        """Whether columns may name it: what is longer is not read there."""
        parts = facets.table(placed.parts)
        self._texts = _TABLE + parts
        self._facets = [Facet(facets.TABLE, b"", digest=digest_of(parts))]
        self._symlinks: tuple[NodeId, ...] = ()
        self._alone: Stated[WireDataset] | None = None
        if mapped is not None:
            self._join(*mapped.node(placed.parts))

    def _join(self, namespace: str, name: str) -> None:
        self.short = self.short and len(namespace) <= LONGEST and len(name) <= LONGEST
        text = facets.symlinks((namespace, name))
        gist = msgspec.json.encode(Gist(aliases=((namespace, name),)))
        self._texts += b"," + _SYMLINKS + text
        self._facets.append(Facet(facets.SYMLINKS, b"", gist=gist, digest=digest_of(text)))
        self._symlinks = (dataset(namespace, name),)

    @property
    def alone(self) -> Stated[WireDataset]:
        """The table without columns."""
        if self._alone is None:
            self._alone = self._stated(self._texts, self._facets, None)
        return self._alone

    def fed(
        self, fields: Mapping[str, Collection[End]], tables: Sequence["Table"]
    ) -> Stated[WireDataset]:
        """The table with what reaches its columns, from tables that are named by their places."""
        text = facets.columns(fields, [table.named for table in tables])
        said = Facet(facets.COLUMNS, b"", digest=digest_of(text))
        texts = b"%b,%b%b" % (self._texts, _COLUMNS, text)
        return self._stated(texts, [said, *self._facets], _flows(self.node, fields, tables))

    def _stated(
        self, texts: bytes, found: list[Facet], columns: tuple[Flow, ...] | None
    ) -> Stated[WireDataset]:
        facts = DatasetFacts(columns=columns, symlinks=self._symlinks)
        wire = WireDataset(self.node.namespace, self.node.name, Raw(b"{%b}" % texts))
        json = b'{%b,"facets":{%b}}' % (self.named, texts)
        digest = digest_of_node(USED, wire)
        return Stated(json, wire, NodeStatement(self.node, digest, tuple(found), facts))


def table(placed: Placed, mapped: Mapped | None) -> Table:
    """Most requests name tables that others named before."""
    size = len(placed.namespace) + sum(map(len, placed.parts))
    return (_kept if size <= SHORT else Table)(placed, mapped)


@lru_cache(maxsize=TABLES_KEPT)
def _kept(placed: Placed, mapped: Mapped | None) -> Table:
    return Table(placed, mapped)


@lru_cache(maxsize=TABLES_KEPT)
def _text(namespace: str) -> bytes:
    return facets.encoded(namespace)


def _flows(
    target: NodeId, fields: Mapping[str, Collection[End]], tables: Sequence[Table]
) -> tuple[Flow, ...]:
    reach = Reach()
    reached = reach.columns
    for column, ends in fields.items():
        name = sys.intern(column)
        for place, field in ends:
            source = Source(tables[place].node, sys.intern(field))
            reached.setdefault(source, set()).add(name)
    return tuple(reach.flows(target))


def _read(text: bytes) -> NodeStatement:
    """What the facet with the type of the job states, whichever job it is."""
    wire = WireJob("any", "job", Raw(b"{%b%b}" % (_JOB_TYPE, text)))
    reading = Statements(strict=False, name_limit=LONGEST, memo_bytes=0, lean=True)
    return reading.read(JOB, wire, "", Findings(strict=False))


_TYPED = _read(facets.NODE_TYPE)


def job_of(namespace: str, name: str, info: bytes) -> Stated[WireJob]:
    """An operator, of which nothing is said but its type and its requests."""
    texts = b"%b%b,%b%b" % (_JOB_TYPE, facets.NODE_TYPE, _INFO, info)
    wire = WireJob(namespace, name, Raw(b"{%b}" % texts))
    found = (Facet(facets.INFO, b"", digest=digest_of(info)), *_TYPED.facets)
    node = job(sys.intern(namespace), name)
    statement = NodeStatement(node, digest_of_node(JOB, wire), found, _TYPED.facts)
    json = b'{"namespace":%b,"name":%b,"facets":{%b}}' % (
        _text(namespace),
        facets.encoded(name),
        texts,
    )
    return Stated(json, wire, statement)
