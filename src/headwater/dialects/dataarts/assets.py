"""One asset by its guid: its details, and its deletion; and the list of connections."""

from typing import Annotated

import msgspec
from msgspec import Meta

from headwater.auth.principal import Scope
from headwater.dialects.dataarts import describing, events, finding, names, wire
from headwater.dialects.dataarts.describing import Json
from headwater.dialects.dataarts.recording import Recorder
from headwater.dialects.dataarts.writing import workspace_of
from headwater.errors import InvalidParameter
from headwater.event import SchemaField
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import FieldId, NodeId, NodeKind
from headwater.records import FUTURE
from headwater.store import NodeDetail, Page, Reader

_GUIDS = wire.Shape(Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=1_000)])
_PAGE = 1_000
MOST = 1_000


class _Asset(msgspec.Struct, frozen=True):
    ref: NodeId | FieldId
    detail: NodeDetail | None
    columns: dict[str, SchemaField | None]


class Assets:
    """Answers and deletes single assets."""

    def __init__(self, context: Context, recorder: Recorder) -> None:
        self._store = context.store
        self._recorder = recorder

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/v3/{project_id}/asset/entities/{guid}", self.show,
                  "show_entity_info_by_guid", Scope.READ, "An asset with its columns"),
            Route("DELETE", "/v3/{project_id}/asset/{guid}", self.delete_asset,
                  "delete_asset", Scope.WRITE, "Hide a table or node"),
            Route("GET", "/v1/{project_id}/datamap/entities/guid/{guid}", self.show_map,
                  "show_data_detail", Scope.READ, "An asset of the data map"),
            Route("POST", "/v1/{project_id}/datamap/entities/guids", self.list_map,
                  "list_entity_details", Scope.READ, "Assets by their guids", body=True),
            Route("DELETE", "/v1/{project_id}/datamap/entities/guid/{guid}", self.delete_entity,
                  "delete_entity", Scope.WRITE, "Hide a table or node"),
            Route("GET", "/v1/{project_id}/data-connections", self.connections,
                  "list_dataconnections", Scope.READ, "The connections that tables came by"),
        )
        # fmt: on

    async def show(self, request: Request) -> Response:
        workspace_of(request)
        domain = _domain(request)
        asset = await self._read(request, request.path[1])
        entity = describing.entity(asset.ref, domain, asset.detail)
        columns = _columns(asset, domain)
        shown = [_brief(column) for column in columns.values()]
        if isinstance(asset.ref, NodeId) and asset.ref.kind is NodeKind.DATASET:
            entity["attributes"] = _with(entity["attributes"], columns=shown)
            entity["relationship_attributes"] = {"columns": shown}
        return json_response({"entity": entity, "referred_entities": columns})

    async def show_map(self, request: Request) -> Response:
        workspace_of(request, b"instance")
        asset = await self._read(request, request.path[1])
        ignored = request.flag("ignore_relationships")
        return json_response(
            {"entity": _map_entity(asset, request, ignored), "referred_entities": {}}
        )

    async def list_map(self, request: Request) -> Response:
        workspace_of(request, b"instance")
        wire.require_text(request.body)
        guids: list[str] = _GUIDS.read(request.body)
        assets = [await self._read(request, guid) for guid in dict.fromkeys(guids)]
        entities = [_map_entity(asset, request, False) for asset in assets]
        return json_response({"entities": entities, "referred_entities": {}})

    async def _read(self, request: Request, guid: str) -> _Asset:
        domain = _domain(request)

        async def question(reader: Reader) -> _Asset:
            ref = await finding.resolve(reader, domain, guid)
            if isinstance(ref, FieldId):
                return _Asset(ref, None, {})
            columns: dict[str, SchemaField | None] = {}
            if ref.kind is NodeKind.DATASET:
                known = await finding.schema(reader, domain, ref)
                for name in await finding.columns(reader, domain, ref):
                    columns[name] = known.get(name)
            key = ref.key(domain)
            return _Asset(ref, (await reader.details([key])).get(key), columns)

        return await self._store.read(question)

    async def delete_asset(self, request: Request) -> Response:
        return await self._delete(request, b"workspace")

    async def delete_entity(self, request: Request) -> Response:
        return await self._delete(request, b"instance")

    async def _delete(self, request: Request, header: bytes) -> Response:
        """Hides it by an event; a newer event that names it shows it again."""
        workspace_of(request, header)
        asset = await self._read(request, request.path[1])
        ref, detail = asset.ref, asset.detail
        if isinstance(ref, FieldId) or detail is None:
            raise InvalidParameter("guid", "is a column's; it goes with the lineage that names it")
        last = detail.last if detail.last is not None else 0
        near = last if last < self._recorder.now() + FUTURE else None

        def write(time: int) -> bytes:
            return events.hiding_event(ref.kind.value, ref.namespace, ref.name, time)

        await self._recorder.submit(_domain(request), write, near)
        return Response(204)

    async def connections(self, request: Request) -> Response:
        workspace_of(request)
        limit = request.number("limit", 50, 1, MOST)
        offset = request.number("offset", 0, 0, 1_000_000)
        name, kind = (request.text("name") or "").lower(), (request.text("type") or "").lower()
        domain, start = _domain(request), names.project_namespace(request.path[0])

        async def question(reader: Reader) -> list[str]:
            found: list[str] = []
            after = start[:-1]
            while True:
                page = await reader.list_namespaces(domain, Page(_PAGE, (after,)))
                here = [row for row in page if row[0].startswith(start)]
                found += [space for space, _, datasets in here if datasets]
                if len(page) < _PAGE or len(here) < len(page):
                    return found
                after = page[-1][0]

        spaces = await self._store.read(question)
        views = [_connection(space) for space in spaces]
        fitting = [
            view
            for view in views
            if name in str(view["dw_name"]).lower() and kind in ("", str(view["dw_type"]).lower())
        ]
        return json_response(
            {
                "count": len(fitting),
                "total_size": len(fitting),
                "max_records": MOST,
                "data_connection_lists": fitting[offset : offset + limit],
            }
        )


def _domain(request: Request) -> str:
    return request.principal.domain or "default"


def _with(attributes: object, **more: object) -> Json:
    assert isinstance(attributes, dict)
    return {**attributes, **more}


def _columns(asset: _Asset, domain: str) -> dict[str, Json]:
    """By guid."""
    found: dict[str, Json] = {}
    for name, field in asset.columns.items():
        assert isinstance(asset.ref, NodeId)
        ref = FieldId(asset.ref, name)
        said = describing.entity(ref, domain)
        if field is not None:
            stated = {"data_type": field.type, "description": field.description}
            more = {word: text for word, text in stated.items() if text is not None}
            said["attributes"] = _with(said["attributes"], **more)
        found[describing.guid(ref, domain)] = said
    return found


def _brief(entity: Json) -> Json:
    return {name: entity[name] for name in ("guid", "type_name", "name", "display_text")}


def _map_entity(asset: _Asset, request: Request, ignored: bool) -> Json:
    domain = _domain(request)
    entity = describing.map_entity(asset.ref, domain, request.path[0], asset.detail)
    if not ignored and asset.columns:
        shown = [_brief(column) for column in _columns(asset, domain).values()]
        entity["relationship_attributes"] = {"columns": shown}
    return entity


def _connection(namespace: str) -> Json:
    *_, kind, word = namespace.split("/")
    return {
        "dw_id": names.guid_of(names.connection_key(namespace)) if kind != "conn" else word,
        "dw_name": word,
        "dw_type": describing.source_type(namespace).upper(),
        "create_user": "",
        "create_time": 0,
        "agent_id": "",
        "agent_name": "",
        "qualified_name": namespace,
        "description": "",
    }
