"""The three writes. What is posted for an operator replaces what was posted for it before."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from headwater import ids
from headwater.auth.principal import Scope
from headwater.dialects.dataarts import names, wire
from headwater.dialects.dataarts.events import job_event
from headwater.dialects.dataarts.facets import INFO
from headwater.dialects.dataarts.mapping import MapBook
from headwater.dialects.dataarts.operators import CREATE, IMPORT, MAP, Operator, Part
from headwater.dialects.dataarts.recording import DIALECT, Made, Recorder
from headwater.errors import BodyTooLarge, InvalidParameter
from headwater.http.context import Context
from headwater.http.message import Done, Request, Response, Route, json_response
from headwater.ids import NodeId
from headwater.memo import Memo
from headwater.records import LAST_STAMP
from headwater.store import Reader, Receipt

MERGE = b"x-headwater-merge"
"""`true`: the request adds to what the operator's last request declares."""


REMEMBERED, REMEMBERED_BYTES = 64 << 20, 64 << 10
"""Bytes of memory for events that may come again, about, and of the largest of them."""


class ObjectIdInfo(msgspec.Struct, frozen=True):
    """An operator that was recorded."""

    name: str
    type_name: str
    qualified_name: str


class NodeGuids(msgspec.Struct, frozen=True):
    """The guid of an operator, and one for each of its groups of columns."""

    node: str
    column_lineages: tuple[str, ...]


class Place(NamedTuple):
    """For whom a request is."""

    domain: str
    project: str
    workspace: str


class Recorded(NamedTuple):
    """What is answered for an operator."""

    info: ObjectIdInfo
    guid: str
    groups: int

    @property
    def guids(self) -> NodeGuids:
        of_groups = (names.guid_of(ids.key_of(self.guid, str(at))) for at in range(self.groups))
        return NodeGuids(self.guid, tuple(of_groups))


class _Prepared(NamedTuple):
    """What an operator's requests come to, but for the time."""

    parts: tuple[Part, ...]
    job_name: str
    made: Made
    recorded: Recorded


class _Info(msgspec.Struct):
    operation: str
    request: Raw
    input_source_id: str = ""
    output_source_id: str = ""
    before: list["_Info"] = []

    def parts(self) -> tuple[Part, ...]:
        own = Part(self.operation, bytes(self.request), self.input_source_id, self.output_source_id)
        return (*(part for each in self.before for part in each.parts()), own)


class _Facets(msgspec.Struct):
    info: _Info | UnsetType = msgspec.field(default=UNSET, name=INFO)


class _Job(msgspec.Struct):
    facets: _Facets


class _Stored(msgspec.Struct):
    job: _Job | UnsetType = UNSET


_stored = msgspec.json.Decoder(_Stored)


class Writing:
    """Takes lineage in."""

    def __init__(self, context: Context, recorder: Recorder, maps: MapBook) -> None:
        self._store = context.store
        self._recorder = recorder
        self._maps = maps
        self._merging = asyncio.Lock()
        self._known_parts: Memo[tuple[Place, tuple[Part, ...], int], _Prepared] = Memo(REMEMBERED)

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("POST", "/v1/{project_id}/lineage/lineage-info", self.create,
                  "create_lineage_info", Scope.WRITE, "Record an operator's lineage", body=True,
                  direct=self.direct),
            Route("POST", "/v3/{project_id}/lineage/import", self.imported,
                  "import_lineage", Scope.WRITE, "Record the lineage of operators", body=True),
            Route("POST", "/v1/{project_id}/datamap/lineage/import", self.map,
                  "import_data_map_lineage", Scope.WRITE, "The same, of the data map", body=True),
        )
        # fmt: on

    async def create(self, request: Request) -> Response:
        place = _place(request, b"workspace")
        (recorded,) = await self._record(request, place, [(Part(CREATE, request.body), "")])
        return json_response((recorded.info,))

    def direct(self, request: Request, done: Done) -> bool:
        """`create`, for what is not merged."""
        place = _place(request, b"workspace")
        if _merges(request):
            return False
        prepared = self._prepared(place, (Part(CREATE, request.body),))
        answer = json_response((prepared.recorded.info,))

        def receipted(result: Receipt | Exception) -> None:
            done(result if isinstance(result, Exception) else answer)

        self._recorder.take(place.domain, prepared.made, receipted)
        return True

    async def imported(self, request: Request) -> Response:
        place = _place(request, b"workspace")
        elements: list[Raw] = wire.IMPORTED_LIST.read(request.body)
        parts = [(Part(IMPORT, bytes(raw)), f"[{at}]") for at, raw in enumerate(elements)]
        recorded = await self._record(request, place, parts)
        return json_response([each.info for each in recorded])

    async def map(self, request: Request) -> Response:
        place = _place(request, b"instance")
        said: wire.MapLineage = wire.MAP_LINEAGE.read(request.body)
        where = (said.input_source_id, said.output_source_id)
        parts = [
            (Part(MAP, bytes(raw), *where), f"lineage_configs[{at}]")
            for at, raw in enumerate(said.lineage_configs)
        ]
        recorded = await self._record(request, place, parts)
        return json_response({"guids": [each.guids for each in recorded]})

    async def _record(
        self, request: Request, place: Place, parts: Sequence[tuple[Part, str]]
    ) -> list[Recorded]:
        """Looks at every part before the first is recorded."""
        prepared = [self._prepared(place, (part,), at) for part, at in parts]
        if _merges(request):
            async with self._merging:
                return await self._submit(place, await self._united(place, prepared))
        del parts  # a large request is in its event now, and need not be there twice
        request.forget_body()
        return await self._submit(place, prepared)

    async def _submit(self, place: Place, prepared: list[_Prepared]) -> list[Recorded]:
        """Empties the list: an event is kept by whoever needs it still."""
        recorded = [each.recorded for each in prepared]
        made = [each.made for each in prepared]
        prepared.clear()
        receipts = self._recorder.record(place.domain, made)
        if len(receipts) == 1:
            await receipts[0]
        else:
            await asyncio.gather(*receipts)
        return recorded

    def _prepared(self, place: Place, parts: tuple[Part, ...], at: str = "") -> _Prepared:
        """The event of the parts, but for its time. Operators post the same again and again."""
        key = (place, parts, self._maps.version)
        known = self._known_parts.get(key)
        if known is None:
            known = self._prepare(place, parts, at)
            if len(known.made.body) <= REMEMBERED_BYTES:
                self._known_parts.put(key, known, 3 * len(known.made.body) + 2_000)
        return known

    def _prepare(self, place: Place, parts: tuple[Part, ...], at: str) -> _Prepared:
        operator = Operator(place.project, place.workspace)
        for part in parts:
            operator.add(part, at)
        job_name = operator.job_name
        node = ids.job(names.job_namespace(place.project, place.workspace), job_name)
        guid = names.guid_of(node.key(place.domain))
        qualified = names.manual_name(place.project, place.workspace, guid)
        now = self._recorder.now()
        drawn = job_event(operator, parts, qualified, now, self._maps.of(place.domain))
        made = Made(drawn.body, self._recorder.decoded(drawn))
        info = ObjectIdInfo(operator.label, "Node", qualified)
        recorded = Recorded(info, guid, operator.group_count)
        return _Prepared(parts, job_name, made, recorded)

    async def _united(self, place: Place, prepared: Sequence[_Prepared]) -> list[_Prepared]:
        """Each together with what its operator's newest event is made of."""
        before: dict[str, tuple[Part, ...]] = {}
        united = []
        for each in prepared:
            name = each.job_name
            if name not in before:
                before[name] = await self._known(place, name)
            kept = tuple(part for part in before[name] if part not in each.parts)
            before[name] = (*kept, *each.parts)
            united.append(self._prepared(place, before[name]))
        return united

    async def _known(self, place: Place, name: str) -> tuple[Part, ...]:
        node = ids.job(names.job_namespace(place.project, place.workspace), name)
        await self._recorder.settled()

        async def question(reader: Reader) -> tuple[Part, ...]:
            return await _newest(reader, place.domain, node)

        return await self._store.read(question)


async def _newest(reader: Reader, domain: str, node: NodeId) -> tuple[Part, ...]:
    rows = await reader.node_events(node.key(domain), LAST_STAMP, 1)
    bodies = await reader.bodies([position for _, position in rows])
    for logged in bodies.values():
        if logged.dialect == DIALECT:
            job = _stored.decode(logged.body).job
            if job is not UNSET and job.facets.info is not UNSET:
                return job.facets.info.parts()
    return ()


def _place(request: Request, header: bytes) -> Place:
    """Raises InvalidParameter without the header that says the workspace."""
    if len(request.body) > wire.LARGEST:
        raise BodyTooLarge(f"the body is larger than {wire.LARGEST >> 20} MB")
    wire.require_text(request.body)
    return Place(
        request.principal.domain or "default", request.path[0], workspace_of(request, header)
    )


def workspace_of(request: Request, header: bytes = b"workspace") -> str:
    """The workspace that a request is for. Raises InvalidParameter when none is named."""
    value = request.headers.get(header, b"").strip().decode("utf-8", "replace")
    if not value:
        raise InvalidParameter(header.decode(), "the header is missing")
    if len(value) > wire.LONGEST:
        raise InvalidParameter(header.decode(), f"is longer than {wire.LONGEST} characters")
    return value


def _merges(request: Request) -> bool:
    value = request.headers.get(MERGE, b"false").strip().lower()
    if value not in (b"true", b"false"):
        raise InvalidParameter("X-Headwater-Merge", "is neither true nor false")
    return value == b"true"
