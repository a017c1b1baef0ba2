"""Sets, lists and removes the maps of connections, and joins what came before with its name."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from headwater.auth.principal import Scope
from headwater.dialects.dataarts import finding, names, wire
from headwater.dialects.dataarts.access import Access
from headwater.dialects.dataarts.events import symlinks_event
from headwater.dialects.dataarts.facets import TABLE
from headwater.dialects.dataarts.mapping import FileSetting, MapBook, Mapped, Setting
from headwater.dialects.dataarts.names import Parts
from headwater.dialects.dataarts.operators import Placed
from headwater.dialects.dataarts.recording import Recorder
from headwater.errors import NotFound
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import NodeId, NodeKind
from headwater.store import NodeDetail, Page, Reader

PATH = "/v1/{project_id}/headwater/connections"
_PAGE = 500
_SETTING = wire.Shape(Setting)


class ConnectionItem(msgspec.Struct, frozen=True):
    """A map, and how many tables its last change joined or parted."""

    source: str
    namespace: str
    pattern: str
    datasets: int = 0


class _Table(msgspec.Struct):
    catalog: str = ""
    database: str = ""
    schema: str = ""
    table: str = ""


_table = msgspec.json.Decoder(_Table)


class Connections:
    """Keeps the maps. What they say of the graph is written as events, so a rebuild knows it."""

    def __init__(self, context: Context, access: Access, recorder: Recorder, maps: MapBook) -> None:
        self._store = context.store
        self._clock = context.clock
        self._access = access
        self._recorder = recorder
        self._maps = maps
        self._changing = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", PATH, self.show, "list_connections", Scope.READ,
                  "The maps of connections"),
            Route("PUT", PATH, self.put, "set_connection", Scope.ADMIN,
                  "Say which namespace a connection's tables have elsewhere", body=True),
            Route("DELETE", PATH, self.remove, "remove_connection", Scope.ADMIN,
                  "Take that back", body=True),
        )
        # fmt: on

    async def show(self, request: Request) -> Response:
        await self._maps.refresh()
        start = names.project_namespace(request.path[0])
        found = [
            ConnectionItem(source, *mapped)
            for source, mapped in sorted(self._maps.of(_domain(request)).items())
            if source.startswith(start)
        ]
        return json_response({"connections": found})

    async def put(self, request: Request) -> Response:
        wire.require_text(request.body)
        setting: Setting = _SETTING.read(request.body)
        setting.require_pattern()
        source = setting.source(request.path[0])
        return json_response(await self.set(_domain(request), source, setting))

    async def set(self, domain: str, source: str, setting: Setting) -> ConnectionItem:
        mapped = Mapped(setting.namespace, setting.pattern)
        async with self._changing:
            await self._maps.refresh()
            if self._maps.of(domain).get(source) != mapped:
                await self._maps.put(domain, source, mapped, self._clock())
            joined = await self._join(domain, source, mapped)
        return ConnectionItem(source, *mapped, datasets=joined)

    async def remove(self, request: Request) -> Response:
        wire.require_text(request.body)
        # Which connection is meant is said as it was set; a namespace need not be repeated.
        given = msgspec.json.decode(request.body)
        filled = {"namespace": "-", **given} if isinstance(given, dict) else given
        setting: Setting = _SETTING.read(msgspec.json.encode(filled))
        domain, source = _domain(request), setting.source(request.path[0])
        async with self._changing:
            await self._maps.refresh()
            mapped = self._maps.of(domain).get(source)
            if mapped is None or not await self._maps.remove(domain, source):
                raise NotFound(f"no map of {source} is set")
            parted = await self._join(domain, source, None)
        return json_response(ConnectionItem(source, *mapped, datasets=parted))

    async def apply(self, settings: list[FileSetting]) -> None:
        """Sets the maps of a file; what it does not name stays as it is."""
        await self._access.refresh()
        await self._maps.refresh()
        for setting in settings:
            domain = self._access.domain_of(setting.project)
            if domain is None:
                raise NotFound(f"the project {setting.project!r} belongs to no domain")
            await self.set(domain, setting.source(setting.project), setting)

    async def _join(self, domain: str, source: str, mapped: Mapped | None) -> int:
        """Writes an event for every table of the connection that is not joined as it should be."""
        await self._recorder.settled()
        receipts = []
        async for placed, detail in self._tables(domain, source):
            wanted = () if mapped is None else (mapped.node(placed.parts),)
            if detail.gist.aliases == wanted:
                continue

            def write(time: int, placed: Placed = placed) -> bytes:
                return symlinks_event(placed, mapped, time)

            receipts.append(self._recorder.submit(domain, write))
            if len(receipts) % _PAGE == 0:
                await asyncio.gather(*receipts)
        await asyncio.gather(*receipts)
        return len(receipts)

    async def _tables(self, domain: str, source: str) -> AsyncIterator[tuple[Placed, NodeDetail]]:
        after: tuple[str, str] | None = None
        while True:
            where = Page(_PAGE, after)

            async def question(
                reader: Reader, where: Page = where
            ) -> list[tuple[Placed, NodeDetail]]:
                rows = await reader.list_nodes(domain, NodeKind.DATASET, source, where)
                return [(await _placed(reader, row), row) for row in rows]

            page = await self._store.read(question)
            for found in page:
                yield found
            if len(page) < _PAGE:
                return
            node = page[-1][1].row.node
            after = (node.namespace, node.name)


async def _placed(reader: Reader, detail: NodeDetail) -> Placed:
    """The parts of a table's name, as it was posted; else as its name can be read."""
    node: NodeId = detail.row.node
    stated = (await finding.facets(reader, detail.row.key, node)).get(TABLE)
    if stated is not None and not stated.facet.deleted:
        table = _table.decode(stated.facet.body)
        return Placed(
            node.namespace, Parts(table.catalog, table.database, table.schema, table.table)
        )
    *rest, table_name = names.split(node.name)
    padded = ("", "", "", *rest)[-3:]
    if len(rest) == 1:
        padded = ("", rest[0], "")
    return Placed(node.namespace, Parts(padded[0], padded[1], padded[2], table_name))


def _domain(request: Request) -> str:
    return request.principal.domain or "default"
