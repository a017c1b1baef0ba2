"""What an event says of a job or a dataset: read once, remembered while the same is said again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from headwater.dialects.openlineage import body, facets
from headwater.dialects.openlineage.findings import Findings, step
from headwater.dialects.openlineage.wire import WireDataset, WireJob
from headwater.event import DatasetFacts, Facet, Gist, JobFacts, NodeStatement
from headwater.ids import NodeId, NodeKind, key_of
from headwater.memo import Memo

_WEIGHT = 2_000
"""Bytes that a remembered statement takes beside its facets, which it holds twice."""
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


class Statements:
    """Reads statements; pointers in a statement start at its node."""

    def __init__(self, strict: bool, name_limit: int, memo_bytes: int) -> None:
        self._strict = strict
        self._limit = name_limit
        self._memo: Memo[tuple[str, str, str, bytes], NodeStatement] = Memo(memo_bytes)

    def read(
        self, role: Role, wire: WireJob | WireDataset, pointer: str, findings: Findings
    ) -> NodeStatement:
        raw = bytes(wire.facets)
        key = (role.word, wire.namespace, wire.name, raw)
        statement = self._memo.get(key)
        if statement is None:
            own = Findings(self._strict)
            statement = self._build(role, wire.namespace, wire.name, raw, own)
            if own.refused:
                for problem in own.refused:
                    findings.refuse(pointer + problem.pointer, problem.reason)
            else:
                self._memo.put(key, statement, _WEIGHT + 3 * len(raw))
        for problem in statement.flags:
            findings.odd(pointer + problem.pointer, problem.reason)
        return statement

    def _build(
        self, role: Role, namespace: str, name: str, raw: bytes, findings: Findings
    ) -> NodeStatement:
        for member, part in (("/namespace", namespace), ("/name", name)):
            if not part:
                findings.odd(member, "empty")
            elif len(part) > self._limit:
                findings.refuse(member, f"longer than {self._limit} characters")
        node = NodeId(role.kind, namespace, name)
        facts: facets.Facts = {}
        found: list[Facet] = []
        parts: list[str | bytes] = [role.kind.value, namespace, name]
        for facet, text in body.split(raw, "/facets", findings):
            found.append(_facet(role, node, facet, text, facts, findings))
            parts += (facet, text)
        if "lineage" in facts:  # one that is not understood here states something else
            parts.append(role.word)
        return NodeStatement(
            node, key_of(*parts), tuple(found), role.facts(**facts), tuple(findings.flags)
        )


def _facet(
    role: Role, node: NodeId, name: str, text: bytes, facts: facets.Facts, findings: Findings
) -> Facet:
    """Reads one facet and adds what it states to the facts."""
    known = role.known.get(name)
    if known is None:
        if name == "lineage":
            findings.odd("/facets/lineage", "explicit lineage is of jobs and of dataset events")
        return Facet(name, text, body.plain(name, text, "/facets", findings).deleted)
    pointer = "/facets" + step(name)
    read = known.reader.read(text, pointer, findings.fault)
    if read is None:
        deleted = text[:1] == b"{" and body.plain(name, text, "/facets", findings).deleted
        return Facet(name, text, deleted)
    body.origin(name, read, "/facets", findings, known.model)
    if read.deleted:
        if known is facets.DATASET["columnLineage"]:
            facts["columns"] = ()  # stated, and none: in a run it takes back what was said before
        return Facet(name, text, deleted=True)
    stated = known.state(read, facets.Place(node, pointer, findings.fault))
    facts.update(stated.facts)
    shown = stated.gist is not None and stated.gist != _NOTHING
    return Facet(name, text, gist=msgspec.json.encode(stated.gist) if shown else b"")
