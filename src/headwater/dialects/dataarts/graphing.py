"""ShowLineage and ShowDatamapLineage: the graph around a guid.

Between two tables stands the node, so a hop from table to table is two relations; depth counts
tables. Between two columns there is one relation.
"""

from collections import deque
from typing import NamedTuple

from headwater import ids, lineage
from headwater.auth.principal import Scope
from headwater.dialects.dataarts import describing, finding, names
from headwater.dialects.dataarts.describing import Json
from headwater.dialects.dataarts.writing import workspace_of
from headwater.errors import InvalidParameter
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import FieldId, NodeId, NodeKind
from headwater.lineage.graph import Graph, GraphEdge
from headwater.store import Direction, NodeDetail, Reader

DEPTH, DEEPEST = 5, 100
_WAYS = {"BOTH": Direction.BOTH, "IN": Direction.UP, "OUT": Direction.DOWN}
_FLOW = "DATA_FLOW"
Ref = NodeId | FieldId


class Around(NamedTuple):
    """What lies around a start, in tables or in columns."""

    start: Ref
    nodes: tuple[Ref, ...]
    edges: tuple[tuple[Ref, Ref], ...]
    truncated: bool
    details: dict[Ref, NodeDetail]


class Graphing:
    """Answers what a guid is made of, and what it reaches."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._most = context.settings.graph_nodes

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/v3/{project_id}/entities/{guid}/lineage", self.show,
                  "show_lineage", Scope.READ, "The lineage of an asset"),
            Route("GET", "/v2/{project_id}/datamap/lineage/guid/{guid}", self.show_map,
                  "show_datamap_lineage", Scope.READ, "The same, of the data map"),
        )
        # fmt: on

    async def show(self, request: Request) -> Response:
        workspace_of(request)
        depth = request.number("depth", DEPTH, 1, DEEPEST)
        found = await self._around(request, depth, _direction(request))
        domain = _domain(request)
        entities = {
            describing.guid(ref, domain): describing.entity(ref, domain, found.details.get(ref))
            for ref in found.nodes
        }
        return json_response(
            {
                "base_entity_guid": describing.guid(found.start, domain),
                "guid_entity_map": {
                    guid: {name: said for name, said in entity.items() if name in _HEADER}
                    for guid, entity in entities.items()
                },
                "relations": [_relation(edge, domain) for edge in found.edges],
                "referred_entities": entities,
                "truncated": found.truncated,
            }
        )

    async def show_map(self, request: Request) -> Response:
        workspace_of(request, b"instance")
        depth = DEPTH if request.flag("extend_process_data_flow") else 1
        found = await self._around(request, depth, _direction(request))
        domain, project = _domain(request), request.path[0]
        entities = {
            ref: describing.map_entity(ref, domain, project, found.details.get(ref))
            for ref in found.nodes
        }
        relations = [
            _map_relation(edge, entities, domain) for edge in found.edges if _wants_flow(request)
        ]
        return json_response(
            {
                "total": len(relations),
                "relationships": relations,
                "relationship_types": {_FLOW: {"name": _FLOW}} if relations else {},
                "entities": list(entities.values()),
                "entity_types": {
                    describing.type_name(ref): {"super_type": describing.super_type(ref)}
                    for ref in found.nodes
                },
                "truncated": found.truncated,
            }
        )

    async def _around(self, request: Request, depth: int, way: Direction) -> Around:
        domain, guid, most = _domain(request), request.path[1], self._most

        async def question(reader: Reader) -> Around:
            start = await finding.resolve(reader, domain, guid)
            if isinstance(start, FieldId):
                walk = (reader, domain, start, way, depth, None, most)
                found = await lineage.column_lineage(*walk)
                start = next(
                    (n.ref for n in found.nodes if n.hops == 0 and isinstance(n.ref, FieldId)),
                    start,
                )
            else:
                found = await lineage.lineage(reader, domain, start, way, 2 * depth, None, most)
                start = next(node.ref for node in found.nodes if node.hops == 0)
            around = _within(found, start, depth, way)
            keys = {r.key(domain): r for r in around.nodes if isinstance(r, NodeId)}
            details = await reader.details(keys)
            return around._replace(details={keys[key]: found for key, found in details.items()})

        return await self._store.read(question)


_HEADER = frozenset(
    {
        "attributes",
        "connection",
        "display_text",
        "guid",
        "type_name",
        "tags",
        "classification_names",
    }
)


def _domain(request: Request) -> str:
    return request.principal.domain or "default"


def _direction(request: Request) -> Direction:
    text = request.text("direction", "BOTH")
    way = _WAYS.get((text or "").upper())
    if way is None:
        raise InvalidParameter("direction", f"{text!r} is not one of {', '.join(_WAYS)}")
    return way


def _within(found: Graph, start: Ref, depth: int, way: Direction) -> Around:
    """The part of a graph that is within so many tables of the start: a job costs nothing."""
    ahead: dict[Ref, list[Ref]] = {}
    behind: dict[Ref, list[Ref]] = {}
    for edge in found.edges:
        ahead.setdefault(edge.source, []).append(edge.target)
        behind.setdefault(edge.target, []).append(edge.source)
    kept: dict[Ref, None] = {start: None}
    edges: dict[tuple[Ref, Ref], None] = {}
    if way is not Direction.UP:
        near = _reached(ahead, start, depth)
        kept |= dict.fromkeys(near)
        edges |= {(e.source, e.target): None for e in found.edges if _kept(e, near)}
    if way is not Direction.DOWN:
        near = _reached(behind, start, depth)
        kept |= dict.fromkeys(near)
        edges |= {(e.source, e.target): None for e in found.edges if _kept(e, near)}
    return Around(start, tuple(kept), tuple(edges), found.truncated, {})


def _kept(edge: GraphEdge, near: dict[Ref, int]) -> bool:
    return edge.source in near and edge.target in near


def _reached(following: dict[Ref, list[Ref]], start: Ref, depth: int) -> dict[Ref, int]:
    """How many tables away each node is, as far as the depth."""
    tables: dict[Ref, int] = {}
    ahead = deque([(start, 0)])
    while ahead:
        ref, far = ahead.popleft()
        if ref in tables:
            continue
        tables[ref] = far
        for other in following.get(ref, ()):
            job = isinstance(other, NodeId) and other.kind is NodeKind.JOB
            if job and far < depth:
                ahead.appendleft((other, far))
            elif not job and far < depth:
                ahead.append((other, far + 1))
    return tables


def _relation(edge: tuple[Ref, Ref], domain: str) -> Json:
    source, target = (describing.guid(end, domain) for end in edge)
    return {
        "from_entity_id": source,
        "to_entity_id": target,
        "relationship_id": names.guid_of(ids.key_of(source, target)),
    }


def _wants_flow(request: Request) -> bool:
    """Lineage is the one relation that is told; types that are not known ask for nothing else."""
    asked = {
        value.upper()
        for name in ("relationship_types", "relationship_type_categories")
        for value in request.query.get(name, ())
    }
    return not asked or _FLOW in asked


def _map_relation(edge: tuple[Ref, Ref], entities: dict[Ref, Json], domain: str) -> Json:
    source, target = edge
    said = _relation(edge, domain)
    first, second = entities[source], entities[target]
    return {
        "guid": said["relationship_id"],
        "type_name": _FLOW,
        "type_display_name": _FLOW,
        "display_text": f"{first['display_text']} -> {second['display_text']}",
        "relation_type_name": _FLOW,
        "direction": "OUT",
        "ep1_id": said["from_entity_id"],
        "ep1_type_name": first["type_name"],
        "ep2_id": said["to_entity_id"],
        "ep2_type_name": second["type_name"],
        "end1": first,
        "end2": second,
        "propagate_tag": "NONE",
        "attributes": {},
        "updated_attributes": [],
        "project_id": first["project_id"],
        "domain_id": domain,
        "instance_id": [],
        "workspace_id": [],
        "status": "ACTIVE",
        "created_by": "",
        "updated_by": "",
        "create_time": "0",
        "update_time": "0",
    }
