"""From an event to the records that it implies. Pure: the same event gives the same records.

What is worked out once is remembered, because most events repeat what the ones before them said.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from headwater.event import (
    TERMINAL,
    DatasetFacts,
    Event,
    EventKind,
    EventType,
    Flow,
    JobFacts,
    NodeStatement,
    Received,
    RunLink,
    Source,
)
from headwater.ids import Key, NodeId, digest_of, event_id
from headwater.memo import Memo
from headwater.records import (
    Content,
    KeyFlow,
    KeySource,
    Mode,
    NodeRecord,
    PackedContent,
    Projected,
    RunLinks,
    RunRecord,
    Stamp,
    content,
    ordered_sources,
    stamp_of,
)

Mentions = dict[Key, NodeId]
Pack = Callable[[Key, Content], PackedContent]
"""Makes of a content and its owner what a store keeps."""
NODES_KEPT = 40_000
SHAPES_WEIGHT = 48 << 20


class _Shape(NamedTuple):
    """What follows from an event's statements alone, whichever run states them."""

    owner: NodeRecord
    nodes: tuple[NodeRecord, ...]
    keys: frozenset[Key]
    mentions: tuple[tuple[Key, NodeId], ...]
    renames: tuple[tuple[Key, Key], ...]
    content: Content | PackedContent


class Projector:
    """Projects events; holds nothing but what it can work out again.

    Args:
        pack: contents are packed by it, once for all events that state them: a packed one takes a
            tenth of the memory, and a store would pack it anyway.
    """

    def __init__(self, pack: Pack | None = None) -> None:
        self._pack = pack
        self._nodes: Memo[tuple[str, bytes], NodeRecord] = Memo(NODES_KEPT)
        self._jobs: Memo[tuple[str, str, str], Key] = Memo(NODES_KEPT)
        self._shapes: Memo[tuple[str, bytes], _Shape] = Memo(SHAPES_WEIGHT)

    def project(self, received: Received) -> Projected:
        event, domain = received.event, received.domain
        stamp = stamp_of(event, received.digest, received.received_at)
        identity = event_id(event.time, received.digest)
        if event.kind is EventKind.DATASET:
            return self._dataset_event(identity, stamp, event, domain)
        shape = self._shapes.get((domain, event.said)) or self._shape(domain, event)
        mentions = shape.mentions
        run: RunRecord | None = None
        parents: tuple[RunRecord, ...] = ()
        if event.kind is EventKind.RUN:
            named: Mentions = {}
            run, parents = self._run(domain, shape.owner.key, stamp, event, shape.content, named)
            if named:
                named = {**dict(mentions), **named}
                mentions = tuple([each for each in named.items() if each[0] not in shape.keys])
        return Projected(
            id=identity,
            stamp=stamp,
            kind=event.kind,
            nodes=shape.nodes,
            mentions=mentions,
            run=run,
            parents=parents,
            owner=shape.owner.key,
            content=shape.content
            if event.declares or run is not None or shape.owner.hides
            else None,
            renames=shape.renames,
        )

    def _shape(self, domain: str, event: Event) -> _Shape:
        assert event.job is not None
        owner = self._node(domain, event.job)
        nodes = {owner.key: owner}
        keys = {owner.node: owner.key}
        uses = (*event.inputs, *event.outputs)
        records = [self._node(domain, use.statement) for use in uses]
        keys.update([(record.node, record.key) for record in records])
        said, mentions = _content(domain, event, keys)
        renames: list[tuple[Key, Key]] = []
        for use, record in zip(uses, records, strict=True):
            known = nodes.get(record.key)
            nodes[record.key] = record if known is None else _united(known, record)
            _mention(domain, record.key, use.statement, mentions, renames)
        shape = _Shape(
            owner,
            tuple(nodes.values()),
            frozenset(nodes),
            tuple([each for each in mentions.items() if each[0] not in nodes]),
            tuple(renames),
            self._packed(owner.key, said),
        )
        weight = 800 + 200 * (len(nodes) + len(mentions)) + _weight(shape.content)
        return self._shapes.put((domain, event.said), shape, weight) if event.said else shape

    def _packed(self, owner: Key, said: Content) -> Content | PackedContent:
        return said if self._pack is None else self._pack(owner, said)

    def _dataset_event(self, identity: bytes, stamp: Stamp, event: Event, domain: str) -> Projected:
        assert event.dataset is not None
        record = self._node(domain, event.dataset)
        mentions: Mentions = {}
        renames: list[tuple[Key, Key]] = []
        _mention(domain, record.key, event.dataset, mentions, renames)
        facts = event.dataset.facts
        said = None
        if isinstance(facts, DatasetFacts) and facts.lineage is not None:
            said = content((), (), _key_flows(domain, facts.lineage, mentions, {}))
        elif record.hides:
            said = content((), ())
        return Projected(
            id=identity,
            stamp=stamp,
            kind=event.kind,
            nodes=(record,),
            mentions=tuple((key, node) for key, node in mentions.items() if key != record.key),
            owner=None if said is None else record.key,
            content=None if said is None else self._packed(record.key, said),
            renames=tuple(renames),
        )

    def _node(self, domain: str, statement: NodeStatement) -> NodeRecord:
        known = self._nodes.get((domain, statement.digest))
        if known is not None:
            return known
        facts = statement.facts
        record = NodeRecord(
            key=statement.node.key(domain),
            node=statement.node,
            digest=statement.digest,
            facets=statement.facets,
            schema=facts.schema_digest if isinstance(facts, DatasetFacts) else None,
            fields=facts.fields if isinstance(facts, DatasetFacts) else (),
            hides=facts.hides,
        )
        return self._nodes.put((domain, statement.digest), record)

    def _run(
        self,
        domain: str,
        owner: Key,
        stamp: Stamp,
        event: Event,
        said: Content | PackedContent,
        mentions: Mentions,
    ) -> tuple[RunRecord, tuple[RunRecord, ...]]:
        assert event.run_id is not None and event.job is not None
        facts, job_facts, kind = event.run, event.job.facts, event.type
        links, parents = self._links(domain, facts.parent, facts.root, mentions)
        snapshot = job_facts.snapshot if isinstance(job_facts, JobFacts) else None
        mode = None
        if isinstance(job_facts, JobFacts) and snapshot is not None:
            streaming = job_facts.processing in ("STREAMING", "SERVICE")
            mode = (stamp, Mode(streaming, snapshot))
        record = RunRecord(
            job=owner,
            run_id=event.run_id,
            first=event.time,
            newest=stamp,
            started=event.time if kind is EventType.START else None,
            terminal=(stamp, kind) if kind is not None and kind in TERMINAL else None,
            running=kind in (EventType.START, EventType.RUNNING, EventType.OTHER),
            nominal=None if facts.nominal is None else (stamp, *facts.nominal),
            links=None if links is None else (stamp, links),
            mode=mode,
            said={said.digest: stamp},
            final=kind is EventType.FAIL and _never_again(job_facts),
        )
        return record, parents

    def _links(
        self, domain: str, parent: RunLink | None, root: RunLink | None, mentions: Mentions
    ) -> tuple[RunLinks | None, tuple[RunRecord, ...]]:
        if parent is None:
            return None, ()
        placeholders = []
        keys: list[Key] = []
        for link in (parent, root):
            if link is not None:
                key = self._job_key(domain, link.job)
                mentions[key] = link.job
                placeholders.append(RunRecord(job=key, run_id=link.run_id))
                keys.append(key)
        links = (
            RunLinks(keys[0], parent.run_id)
            if root is None
            else RunLinks(keys[0], parent.run_id, keys[1], root.run_id)
        )
        return links, tuple(placeholders)

    def _job_key(self, domain: str, job: NodeId) -> Key:
        name = (domain, job.namespace, job.name)
        return self._jobs.get(name) or self._jobs.put(name, job.key(domain))


def _content(domain: str, event: Event, keys: dict[NodeId, Key]) -> tuple[Content, Mentions]:
    """What the event says of its job's inputs, outputs and flows, and whom it names by that.

    Args:
        keys: those of its job, inputs and outputs; more are added.
    """
    assert event.job is not None
    facts = event.job.facts
    lineage = facts.lineage if isinstance(facts, JobFacts) else None
    together = facts.columns if isinstance(facts, JobFacts) else None
    mentions: Mentions = {}
    columns = _key_flows(domain, together or (), mentions, keys)
    for use in event.outputs:
        stated = use.statement.facts
        if isinstance(stated, DatasetFacts) and stated.columns is not None:
            flows = _key_flows(domain, stated.columns, mentions, keys)
            columns.extend(flows or (KeyFlow(keys[use.statement.node], (), ()),))
    said = content(
        [keys[use.statement.node] for use in event.inputs],
        [keys[use.statement.node] for use in event.outputs],
        None if lineage is None else _key_flows(domain, lineage, mentions, keys),
        columns,
    )
    return said, mentions


def _weight(said: Content | PackedContent) -> int:
    """About how many bytes of memory a content takes."""
    if isinstance(said, PackedContent):
        return len(said.body) + len(said.edges)
    sources = {id(flow.sources): len(flow.sources) for flow in said.columns}
    return 100 * sum([len(flow.fields) for flow in said.columns], sum(sources.values()))


def _united(a: NodeRecord, b: NodeRecord) -> NodeRecord:
    """A node that one event states twice, as input and as output: the output's facets win."""
    if a.digest == b.digest:
        return a
    facets = {facet[0]: facet for facet in (*a.facets, *b.facets)}
    return NodeRecord(
        key=a.key,
        node=a.node,
        digest=digest_of(a.digest + b.digest),
        facets=tuple(facets.values()),
        schema=b.schema if b.schema is not None else a.schema,
        fields=b.fields if b.schema is not None else a.fields,
        hides=a.hides or b.hides,
    )


def _mention(
    domain: str,
    key: Key,
    statement: NodeStatement,
    mentions: Mentions,
    renames: list[tuple[Key, Key]],
) -> None:
    facts = statement.facts
    if not isinstance(facts, DatasetFacts):
        return
    for alias in facts.symlinks:
        mentions[alias.key(domain)] = alias
    if facts.renamed_from is not None:
        old = facts.renamed_from.key(domain)
        mentions[old] = facts.renamed_from
        if old != key:
            renames.append((old, key))


def _key_flows(
    domain: str, flows: Iterable[Flow], mentions: Mentions, keys: dict[NodeId, Key]
) -> list[KeyFlow]:
    """Mentions whom the flows name and whose key is not known."""
    found: list[KeyFlow] = []
    last: tuple[Source, ...] | None = None
    shared: tuple[KeySource, ...] = ()

    def key(node: NodeId) -> Key:
        known = keys.get(node)
        if known is None:
            known = keys[node] = node.key(domain)
            mentions[known] = node
        return known

    for flow in flows:
        if flow.sources is not last:
            last = flow.sources
            shared = ordered_sources(
                [KeySource(key(each.node), each.field, each.transformations) for each in last]
            )
        found.append(KeyFlow(key(flow.target), flow.fields, shared))
    return found


def _never_again(facts: object) -> bool:
    """A run that failed does not start again under its id: so it is with the queries of Spark.

    Its listener says FAIL when a query's job has failed, and COMPLETE when the query has ended,
    which it says of each (github.com/OpenLineage/OpenLineage/issues/4183).
    """
    integration = facts.integration if isinstance(facts, JobFacts) else None
    return integration is not None and integration.upper() == "SPARK"
