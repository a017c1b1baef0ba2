"""What an event says of a job or a dataset: read once, remembered while the same is said again."""

import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from headwater.dialects.openlineage import body, facets
from headwater.dialects.openlineage.findings import MOST, Findings, step
from headwater.dialects.openlineage.groups import SharedFlows
from headwater.dialects.openlineage.packed import PackedFlows, packed
from headwater.dialects.openlineage.wire import WireDataset, WireJob
from headwater.event import DatasetFacts, DatasetUse, Facet, Gist, JobFacts, NodeStatement
from headwater.ids import NodeId, NodeKind, digest_of
from headwater.memo import Memo

_WEIGHT = 800
_FACET_WEIGHT = 160
_NOTHING = Gist()


class Role(NamedTuple):
    """As what a node is named: which facets are understood there, and a word for the memo."""

    word: str
    kind: NodeKind
    facts: type[DatasetFacts] | type[JobFacts]
    known: Mapping[str, facets.Known[Any]]


JOB = Role("job", NodeKind.JOB, JobFacts, facets.JOB)
SUBJECT = Role("subject", NodeKind.DATASET, DatasetFacts, facets.DATASET)
"""The dataset that a dataset event is about."""
USED = Role("used", NodeKind.DATASET, DatasetFacts, facets.DATASET_USED)
"""A dataset that is an input or output."""


class Together(NamedTuple):
    """All that an event says of its job and datasets; the facets of their use are left out."""

    digest: bytes
    job: NodeStatement
    inputs: tuple[DatasetUse, ...]
    outputs: tuple[DatasetUse, ...]


class _Weighed(NamedTuple):
    statement: NodeStatement
    weight: int


class Statements:
    """Reads statements; pointers in a statement start at its node."""

    def __init__(self, strict: bool, name_limit: int, memo_bytes: int, lean: bool) -> None:
        self._strict = strict
        self._limit = name_limit
        self._lean = lean
        self._memo: Memo[bytes, _Weighed] = Memo(memo_bytes)
        self._together: Memo[bytes, Together] = Memo(memo_bytes)

    def read_all(
        self,
        job: WireJob,
        inputs: Sequence[WireDataset],
        outputs: Sequence[WireDataset],
        findings: Findings,
    ) -> Together:
        """Most events of a job say what the one before them said, and are read by one look."""
        for side, datasets in (("/inputs", inputs), ("/outputs", outputs)):
            if len(datasets) > MOST:
                findings.refuse(side, f"more than {MOST} datasets")
                findings.settle()
        digest = digest_of_all(job, inputs, outputs)
        known = self._together.get(digest)
        if known is not None:
            return known
        own = Findings(self._strict)
        first = self._weighed(JOB, job, "/job", own)
        read = self._uses(inputs, "/inputs", own)
        written = self._uses(outputs, "/outputs", own)
        uses = [tuple([DatasetUse(each.statement) for each in side]) for side in (read, written)]
        together = Together(digest, first.statement, *uses)
        findings.take_over(own)
        if own.clean:
            weight = sum([each.weight for each in (*read, *written)], first.weight)
            self._together.put(digest, together, weight)
        return together

    def _uses(
        self, datasets: Sequence[WireDataset], side: str, findings: Findings
    ) -> list["_Weighed"]:
        return [
            self._weighed(USED, dataset, f"{side}/{at}", findings)
            for at, dataset in enumerate(datasets)
        ]

    def read(
        self, role: Role, wire: WireJob | WireDataset, pointer: str, findings: Findings
    ) -> NodeStatement:
        return self._weighed(role, wire, pointer, findings).statement

    def _weighed(
        self, role: Role, wire: WireJob | WireDataset, pointer: str, findings: Findings
    ) -> "_Weighed":
        digest = digest_of_node(role, wire)
        known = self._memo.get(digest)
        if known is None:
            own = Findings(self._strict)
            statement = self._build(role, wire, digest, own)
            findings.take_over(own, pointer)
            known = _Weighed(statement, _weight(statement))
            return known if own.refused else self._memo.put(digest, known, known.weight)
        for problem in known.statement.flags:
            findings.odd(pointer + problem.pointer, problem.reason)
        return known

    def _build(
        self, role: Role, wire: WireJob | WireDataset, digest: bytes, findings: Findings
    ) -> NodeStatement:
        namespace, name = wire.namespace, wire.name
        for member, part in (("/namespace", namespace), ("/name", name)):
            if not part:
                findings.odd(member, "empty")
            elif len(part) > self._limit:
                findings.refuse(member, f"longer than {self._limit} characters")
        node = NodeId(role.kind, sys.intern(namespace), name)
        facts: facets.Facts = {}
        found: list[Facet] = []
        for facet, text in body.split(memoryview(wire.facets), "/facets", findings):
            deleted, gist = _read_facet(role, node, facet, text, facts, findings)
            kept = b"" if self._lean else text
            found.append(Facet(sys.intern(facet), kept, deleted, gist, digest_of(text)))
        if self._lean:
            facts.pop("schema", None)
            if role is not JOB and facts.get("columns"):
                facts["columns"] = packed(node, facts["columns"])
        return NodeStatement(node, digest, tuple(found), role.facts(**facts), tuple(findings.flags))


def digest_of_node(role: Role, wire: WireJob | WireDataset) -> bytes:
    """Stands for the node and the bytes of all its facets."""
    namespace, name = wire.namespace, wire.name
    head = f"{role.word}{len(namespace)}:{namespace}{len(name)}:{name}"
    digest = sha256(head.encode("utf-8", "surrogatepass"))
    digest.update(wire.facets)
    return digest.digest()[:16]


def digest_of_all(
    job: WireJob, inputs: Sequence[WireDataset], outputs: Sequence[WireDataset]
) -> bytes:
    """Stands for the nodes in their roles and order, and the bytes of all their facets."""
    nodes: list[WireJob | WireDataset] = [job, *inputs, *outputs]
    heads = [f"{len(inputs)} {len(outputs)}"]
    heads += [
        f" {len(node.namespace)} {len(node.name)} {len(node.facets)}:{node.namespace}{node.name}"
        for node in nodes
    ]
    digest = sha256("".join(heads).encode("utf-8", "surrogatepass"))
    for node in nodes:
        digest.update(node.facets)
    return digest.digest()[:16]


def _weight(statement: NodeStatement) -> int:
    """About how many bytes of memory a remembered statement takes."""
    weight = _WEIGHT
    for facet in statement.facets:
        weight += _FACET_WEIGHT + len(facet.body) + len(facet.gist)
    facts = statement.facts
    if isinstance(facts, DatasetFacts):
        weight += 8 * len(facts.fields) + 200 * len(facts.schema or ())
    columns = facts.columns or ()
    if isinstance(columns, SharedFlows | PackedFlows):
        weight += columns.weight
        columns = ()
    flows = (*(facts.lineage or ()), *columns)
    sources = {id(flow.sources): len(flow.sources) for flow in flows}
    return weight + sum(150 + 70 * len(f.fields) for f in flows) + 70 * sum(sources.values())


def _read_facet(
    role: Role, node: NodeId, name: str, text: bytes, facts: facets.Facts, findings: Findings
) -> tuple[bool, bytes]:
    """Adds what one facet states to the facts; returns whether it deletes, and its gist."""
    known = facets.find(role.known, name)
    if known is None:
        if name == "lineage":
            findings.odd("/facets/lineage", "explicit lineage is of jobs and of dataset events")
        return body.plain(name, text, "/facets", findings).deleted, b""
    pointer = "/facets" + step(name)
    read = known.reader.read(text, pointer, findings.fault)
    if read is None:
        deleted = text[:1] == b"{" and body.plain(name, text, "/facets", findings).deleted
        return deleted, b""
    body.origin(name, read, "/facets", findings, known.model)
    if read.deleted:
        if known is facets.DATASET["columnLineage"]:
            facts["columns"] = ()  # stated, and none: in a run it takes back what was said before
        return True, b""
    stated = known.state(read, facets.Place(node, pointer, findings.fault))
    facts.update(stated.facts)
    shown = stated.gist is not None and stated.gist != _NOTHING
    return False, msgspec.json.encode(stated.gist) if shown else b""
