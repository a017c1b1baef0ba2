"""`GET /column-lineage`: the columns that a column is made of, in Marquez' shape.

As in Marquez, an edge into a node is written from the node to its input: the web UI counts on it.
Ours: what reaches a whole dataset (a filter, a join key) reaches each of its columns, and a source
table shows what is made of it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from headwater import lineage
from headwater.auth.principal import Scope
from headwater.dialects.marquez import identity, params, times
from headwater.dialects.marquez.datasets import DatasetViews, transformation
from headwater.dialects.marquez.graphs import (
    ColumnGraph,
    Edge,
    FieldData,
    FieldInput,
    FieldNode,
)
from headwater.dialects.marquez.jobs import JobViews
from headwater.dialects.marquez.lineage import find, readings_of
from headwater.dialects.marquez.questions import Asker, Question, required
from headwater.dialects.marquez.versions import VersionViews
from headwater.errors import InvalidParameter, NotFound
from headwater.http.message import Param, Request, Response, Route, json_response
from headwater.ids import FieldId, NodeId, NodeKind, is_job, parse_candidates
from headwater.lineage.graph import GraphEdge
from headwater.store import Direction, Moment

Edges = dict[FieldId, dict[FieldId, GraphEdge]]
"""By the column that is made, then by the one that it is made of."""

_KINDS = ("dataset:", "job:", "datasetField:")


class Asked(NamedTuple):
    """What is asked for; a version fixes the time."""

    text: str
    version: str | None
    depth: int
    downstream: bool

    @staticmethod
    def read(request: Request) -> "Asked":
        """Raises InvalidParameter."""
        text, version = required(request, "nodeId"), None
        head, mark, tail = text.rpartition("#")
        if mark and identity.is_uuid(tail.lower()):
            text, version = head, tail.lower()
        if not text.startswith(_KINDS):
            raise InvalidParameter("nodeId", f"{text!r} is not one of {', '.join(_KINDS)}…")
        parse_candidates(text.replace("datasetField:", "field:", 1), "nodeId")
        downstream = request.flag("withDownstream")
        if version is not None and downstream:
            raise InvalidParameter("withDownstream", "does not go with a version")
        return Asked(text, version, params.depth(request), downstream)


class Columns:
    """Answers what columns are made of."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask
        self._most = ask.context.settings.graph_nodes

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/api/v1/column-lineage", self.lineage, "marquez_column_lineage",
                  Scope.READ, "The columns that columns are made of", params=(
                      Param("nodeId", params.TEXT, "`dataset:<ns>:<name>`, `job:<ns>:<name>` or "
                            "`datasetField:<ns>:<name>:<field>`; `#<version>` may follow.",
                            required=True),
                      params.DEPTHS,
                      Param("withDownstream", {"type": "boolean", "default": False},
                            "Also what is made of them."),
                  ), answer=ColumnGraph),
        )
        # fmt: on

    async def lineage(self, request: Request) -> Response:
        wanted = Asked.read(request)

        async def question(asked: Question) -> ColumnGraph:
            starts, moment = await _starts(asked, wanted)
            nodes: set[FieldId] = set()
            edges: Edges = {}
            way = Direction.BOTH if wanted.downstream else Direction.UP
            for start in starts:
                found = await lineage.column_lineage(
                    asked.browser, asked.domain, start, way, wanted.depth, moment, self._most
                )
                nodes |= {node.ref for node in found.nodes if isinstance(node.ref, FieldId)}
                for edge in found.edges:
                    if isinstance(edge.source, FieldId) and isinstance(edge.target, FieldId):
                        edges.setdefault(edge.target, {})[edge.source] = edge
            return await _answer(asked, nodes, edges, moment, versioned=wanted.version is not None)

        return json_response(await self._ask(request, question))


async def _starts(asked: Question, wanted: Asked) -> tuple[list[NodeId | FieldId], Moment | None]:
    """What to walk from, and the time that a version stands for. Raises NotFound."""
    if wanted.text.startswith("datasetField:"):
        field = await _field(asked, wanted.text)
        return [field], await _moment(asked, field.dataset, wanted.version)
    node = await find(asked, wanted.text, readings_of(wanted.text))
    moment = await _moment(asked, node, wanted.version)
    if node.kind is NodeKind.DATASET:
        return [node], moment
    edges = await asked.browser.edges((node.key(asked.domain),), Direction.DOWN, moment)
    rows = await asked.browser.nodes(edge.target for edge in edges if not is_job(edge.target))
    return [row.node for row in rows.values() if row.hidden_at is None], moment


async def _field(asked: Question, text: str) -> FieldId:
    """The column of the longest namespace that is known. Raises NotFound."""
    written = text.replace("datasetField:", "field:", 1)
    readings = parse_candidates(written.replace("%", "%25"), "nodeId")
    if "%" in text:
        readings += parse_candidates(written, "nodeId")
    fields = [ref for ref in readings if isinstance(ref, FieldId)]
    rows = await asked.browser.nodes(ref.dataset.key(asked.domain) for ref in fields)
    for field in fields:
        row = rows.get(field.dataset.key(asked.domain))
        if row is not None and row.hidden_at is None:
            return field
    raise NotFound(f"Node '{text}' not found.")


async def _moment(asked: Question, node: NodeId, version: str | None) -> Moment | None:
    """The time of a version. Raises NotFound."""
    if version is None:
        return None
    detail = await asked.node(node.kind, node.namespace, node.name)
    created: str | None = None
    if node.kind is NodeKind.DATASET:
        found = await VersionViews(asked, detail).find(version)
        created = None if found is None else found.created_at
    else:
        for each in await JobViews(asked).versions(detail):
            if each.version == version:
                run = each.latest_run
                created = each.created_at if run is None else run.ended_at or run.created_at
    if created is None:
        raise NotFound(f"Version '{version}' not found.")
    return Moment(times.parse(created, "nodeId"))


async def _answer(
    asked: Question, nodes: set[FieldId], edges: Edges, moment: Moment | None, *, versioned: bool
) -> ColumnGraph:
    datasets = {field.dataset for field in nodes}
    keys = [dataset.key(asked.domain) for dataset in datasets]
    details = list((await asked.browser.details(keys)).values())
    views = DatasetViews(asked)
    known = await views.known(details)
    types = {
        FieldId(each.node, field.name): field.type or "" for each in known for field in each.fields
    }
    versions = {each.row.node: await views.version_at(each, moment) for each in details}
    ids = {field: _id(field, versions if versioned else {}) for field in nodes}
    readers: dict[FieldId, list[str]] = {}
    for target, sources in edges.items():
        for source in sources:
            readers.setdefault(source, []).append(ids[target])
    found = []
    for field in nodes:
        inputs = sorted(edges.get(field, {}).items(), key=lambda item: ids[item[0]])
        found.append(
            FieldNode(
                id=ids[field],
                type="DATASET_FIELD",
                data=_data(field, inputs, versions, types.get(field, "") if inputs else ""),
                in_edges=tuple(Edge(ids[field], ids[source]) for source, _ in inputs),
                out_edges=tuple(Edge(ids[field], far) for far in sorted(readers.get(field, ()))),
            )
        )
    return ColumnGraph(tuple(sorted(found, key=lambda node: node.id)))


def _data(
    field: FieldId,
    inputs: Iterable[tuple[FieldId, GraphEdge]],
    versions: Mapping[NodeId, str | None],
    type_: str,
) -> FieldData:
    made = tuple(
        FieldInput(
            source.dataset.namespace,
            source.dataset.name,
            source.name,
            *transformation(edge.transformations),
            versions.get(source.dataset),
        )
        for source, edge in inputs
    )
    both = {(each.transformation_description, each.transformation_type) for each in made}
    return FieldData(
        field.dataset.namespace,
        field.dataset.name,
        versions.get(field.dataset),
        field.name,
        type_,
        *(both.pop() if len(both) == 1 else (None, None)),
        made,
    )


def _id(field: FieldId, versions: Mapping[NodeId, str | None]) -> str:
    dataset = field.dataset
    version = versions.get(dataset)
    end = "" if version is None else f"#{version}"
    return f"datasetField:{dataset.namespace}:{dataset.name}:{field.name}{end}"
