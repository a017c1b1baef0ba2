"""Searches of the catalogue: what a client finds a guid with."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from headwater.auth.principal import Scope
from headwater.dialects.dataarts import describing, wire
from headwater.dialects.dataarts.describing import Json
from headwater.dialects.dataarts.writing import workspace_of
from headwater.errors import InvalidParameter
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import FieldId, NodeId, NodeKind
from headwater.slices import Browser, ask
from headwater.store import Hit, NodeDetail, Page, Reader

MOST, FURTHEST = 1_000, 10_000
_PAGE = 1_000

Ref = NodeId | FieldId
Words = Annotated[str, Meta(max_length=wire.LONGEST)]
Names = Annotated[list[Words], Meta(max_length=100)]
Limit = Annotated[int, Meta(ge=0, le=MOST)]
Offset = Annotated[int, Meta(ge=0, le=FURTHEST)]


class _Filter(msgspec.Struct):
    """`{"name": "database", "value": ..., "operator": "eq"}` of the v3 search."""

    name: str | None = None
    value: object = None
    operator: str | None = None


class EntitySearch(msgspec.Struct):
    """ShowEntities."""

    query: Words
    type_names: Names
    limit: Limit | None = None
    offset: Offset | None = None
    connection_names: Names | None = None
    filter_criteria: _Filter | None = None


class UnrelatedSearch(msgspec.Struct):
    """ShowUnrelatedTable."""

    query: Words | None = None
    type_names: Names | None = None
    classifications: Names | None = None
    connection_names: Names | None = None
    limit: Limit | None = None
    offset: Offset | None = None


class _Criterion(msgspec.Struct):
    """A condition of the data map's search, or a group of them."""

    attribute: str | None = None
    operator: str | None = None
    value: object = None
    condition: str | None = None
    criterion: list["_Criterion"] | None = None


class MapSearch(msgspec.Struct):
    """ShowDataSets."""

    limit: Limit
    offset: Offset
    query: Words | None = None
    filter: _Criterion | None = None


_ENTITIES, _UNRELATED, _MAP = map(wire.Shape, (EntitySearch, UnrelatedSearch, MapSearch))


class Found(NamedTuple):
    """`total` is of all that match; where not `complete`, of those that were looked at."""

    refs: list[Ref]
    total: int
    complete: bool
    details: dict[Ref, NodeDetail]


class Searching:
    """Answers searches."""

    def __init__(self, context: Context) -> None:
        self._store = context.store

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("POST", "/v3/{project_id}/asset/entities/search", self.entities,
                  "show_entities", Scope.READ, "Assets by words of their names", body=True),
            Route("POST", "/v3/{project_id}/datamap/entities/search", self.map_entities,
                  "show_data_sets", Scope.READ, "The same, of the data map", body=True),
            Route("POST", "/v3/{project_id}/lineage/search/unrelated/table", self.unrelated,
                  "show_unrelated_table", Scope.READ, "Tables without lineage", body=True),
        )
        # fmt: on

    async def entities(self, request: Request) -> Response:
        workspace_of(request)
        wire.require_text(request.body)
        asked: EntitySearch = _ENTITIES.read(request.body)
        where = _criterion(asked.filter_criteria)

        def fits(ref: Ref) -> bool:
            return (
                describing.wanted(ref, asked.type_names)
                and _connected(ref, asked.connection_names)
                and where(ref)
            )

        found = await self._search(request, asked.query, fits, asked.offset or 0, asked.limit or 10)
        domain = _domain(request)
        return json_response(
            {
                "count": found.total,
                "entities": [_header(ref, domain, found) for ref in found.refs],
                "scroll_id": "",
                "truncated": not found.complete,
            }
        )

    async def map_entities(self, request: Request) -> Response:
        workspace_of(request, b"instance")
        wire.require_text(request.body)
        asked: MapSearch = _MAP.read(request.body)
        where = _criteria(asked.filter)
        query = asked.query or ""
        found = await self._search(request, query, where, asked.offset, asked.limit or 100)
        domain, project = _domain(request), request.path[0]
        return json_response(
            {
                "count": found.total,
                "entities": [
                    describing.map_entity(ref, domain, project, found.details.get(ref))
                    for ref in found.refs
                ],
                "facets": [],
                "metrics": {},
                "referred_entities": {},
                "truncated": not found.complete,
            }
        )

    async def unrelated(self, request: Request) -> Response:
        workspace_of(request)
        wire.require_text(request.body)
        asked: UnrelatedSearch = _UNRELATED.read(request.body)
        if not (asked.query or asked.type_names or asked.classifications or asked.connection_names):
            raise InvalidParameter(
                "body", "one of type_names, classifications, connection_names and query is required"
            )
        words = (asked.query or "").lower()

        def fits(ref: Ref) -> bool:
            return (
                words in describing.qualified_name(ref, domain).lower()
                and describing.wanted(ref, asked.type_names or ())
                and _connected(ref, asked.connection_names)
                and not asked.classifications
            )

        domain, offset, limit = _domain(request), asked.offset or 0, asked.limit or 100

        async def question(browser: Browser) -> Found:
            return await _without_lineage(browser, domain, fits, offset, limit)

        found = await ask(self._store, question)
        return json_response(
            {
                "count": found.total,
                "entities": [_header(ref, domain, found) for ref in found.refs],
                "query_text": asked.query or "",
                "query_type": "BASIC",
                "search_parameters": {"limit": limit, "offset": offset},
                "scroll_id": "",
                "truncated": not found.complete,
            }
        )

    async def _search(
        self, request: Request, query: str, fits: Callable[[Ref], bool], offset: int, limit: int
    ) -> Found:
        domain = _domain(request)

        async def question(reader: Reader) -> Found:
            if query.strip():
                hits = await reader.search(domain, query, frozenset(NodeKind), FURTHEST + MOST)
                refs = list(dict.fromkeys(map(_ref, hits)))
                complete = len(hits) < FURTHEST + MOST
            else:
                refs, complete = await _all(reader, domain)
            return await _page(reader, domain, list(filter(fits, refs)), offset, limit, complete)

        return await self._store.read(question)


def _domain(request: Request) -> str:
    return request.principal.domain or "default"


def _ref(hit: Hit) -> Ref:
    return hit.node if hit.field is None else FieldId(hit.node, hit.field)


def _header(ref: Ref, domain: str, found: Found) -> Json:
    detail = found.details.get(ref)
    return describing.header(ref, domain, None if detail is None else detail.gist)


async def _page(
    reader: Reader, domain: str, refs: list[Ref], offset: int, limit: int, complete: bool
) -> Found:
    shown = refs[offset : offset + limit]
    return Found(shown, len(refs), complete, await _details(reader, domain, shown))


async def _details(reader: Reader, domain: str, refs: list[Ref]) -> dict[Ref, NodeDetail]:
    keys = {ref.key(domain): ref for ref in refs if isinstance(ref, NodeId)}
    details = await reader.details(keys) if keys else {}
    return {keys[key]: each for key, each in details.items()}


async def _all(reader: Reader, domain: str) -> tuple[list[Ref], bool]:
    """Every table and node, as many as a search may find."""
    found: list[Ref] = []
    for kind in (NodeKind.DATASET, NodeKind.JOB):
        after: tuple[str, ...] | None = None
        while len(found) < FURTHEST + MOST:
            page = await reader.list_nodes(domain, kind, None, Page(_PAGE, after))
            found += [detail.row.node for detail in page]
            if len(page) < _PAGE:
                break
            after = (page[-1].row.node.namespace, page[-1].row.node.name)
    return found, len(found) < FURTHEST + MOST


async def _without_lineage(
    browser: Browser, domain: str, fits: Callable[[Ref], bool], offset: int, limit: int
) -> Found:
    """A page of the tables that no edge leads to or from, by any of their names."""
    shown: list[Ref] = []
    total = 0
    async for table in browser.unlinked(domain):
        if fits(table):
            if offset <= total < offset + limit:
                shown.append(table)
            total += 1
    return Found(shown, total, True, await _details(browser, domain, shown))


def _connected(ref: Ref, connections: list[str] | None) -> bool:
    if not connections:
        return True
    node = ref.dataset if isinstance(ref, FieldId) else ref
    return node.namespace in connections or node.namespace.rpartition("/")[2] in connections


def _criterion(asked: _Filter | None) -> Callable[[Ref], bool]:
    """Only the name of the database can be asked for; raises InvalidParameter for other names."""
    if asked is None or asked.name is None:
        return lambda _: True
    if asked.name.lower() != "database":
        raise InvalidParameter("filter_criteria.name", f"{asked.name!r} is not known; database is")
    value = str(asked.value)
    return lambda ref: (
        value in (ref.dataset if isinstance(ref, FieldId) else ref).name.split(".")[:-1]
    )


def _criteria(asked: _Criterion | None) -> Callable[[Ref], bool]:
    """A tree of conditions on the type of an asset, and on that of its source."""
    if asked is None:
        return lambda _: True
    if asked.criterion:
        tests = [_criteria(each) for each in asked.criterion]
        some = (asked.condition or "AND").upper() == "OR"
        return lambda ref: (any if some else all)(test(ref) for test in tests)
    values = asked.value if isinstance(asked.value, list) else [asked.value]
    words = [str(value) for value in values if value is not None]
    match asked.attribute:
        case None:
            return lambda _: True
        case "typeName" | "__typeName":
            return lambda ref: describing.wanted(ref, words)
        case "base.DataAsset.sourceType":
            lower = [word.lower() for word in words]
            return lambda ref: describing.source_type(_node(ref).namespace) in lower
        case "workspaceId":
            return lambda ref: any(f"/ws/{word}" in _node(ref).namespace for word in words)
        case other:
            raise InvalidParameter("filter.attribute", f"{other!r} is not known here")


def _node(ref: Ref) -> NodeId:
    return ref.dataset if isinstance(ref, FieldId) else ref
