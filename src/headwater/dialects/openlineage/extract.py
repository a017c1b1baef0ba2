"""oleander's extract API: `GET /api/v1/events`.

Its documentation names start, end, sort_by and order; how it pages is not public. Here: `limit` (or
`page_size`), then either `cursor`, which is the header `X-Next-Cursor` of the answer before and is
stable while events come in, or `page` (from 1) or `offset`. The header is absent at the end.
Large events make a page shorter; where that would skip some, by `page` or `offset`, it is refused.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import msgspec

from headwater import mask
from headwater.auth.principal import Scope
from headwater.dialects.openlineage import extract_params, numbered
from headwater.dialects.openlineage.extract_params import MOST, Wanted
from headwater.dialects.openlineage.stored import DIALECTS, StoredEvents
from headwater.errors import HeadwaterError, InvalidParameter
from headwater.event import DatasetUse, Event, JobFacts
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import NodeKind, format_event_id
from headwater.store import EventRow, LoggedEvent, Page, Reader

SCANNED = 10_000
"""How many events one request looks at for a filter that no index serves."""

LARGEST = 32 << 20
"""How many bytes of events an answer has, unless a single one has more."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEMA_VERSION = re.compile(r"/(\d+-\d+-\d+)/")
_INTEGRATION = re.compile(r"/integration/([A-Za-z0-9_.-]+)|/(airflow|dbt|dagster|feast|trino)/")
_VERSION = re.compile(r"[/-]v?(\d+\.\d+[A-Za-z0-9.+-]*)")


class DatasetName(msgspec.Struct, frozen=True):
    namespace: str
    name: str


class ExtractedEvent(msgspec.Struct, frozen=True):
    """An event as oleander shows it; secrets in `event_raw` are masked for all but admins."""

    id: str
    parent_run_id: str | None
    parent_job_namespace: str | None
    parent_job_name: str | None
    run_id: str | None
    run_state: str | None
    received_at: str
    job_name: str | None
    job_namespace: str | None
    inputs: tuple[DatasetName, ...]
    outputs: tuple[DatasetName, ...]
    event_time: str
    event_schema: str | None
    event_schema_version: str | None
    event_size_in_bytes: int
    event_raw: msgspec.Raw
    produced_by: str | None
    integration: str | None
    integration_version: str | None


class Extract:
    """Answers with the events of a span of time."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._decode = StoredEvents().decode

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                "GET",
                "/api/v1/events",
                self.extract,
                "extract_events",
                Scope.READ,
                "The events of a span of time, with what was posted",
                params=extract_params.PARAMS,
                answer=(list[ExtractedEvent], numbered.EventPage),
            ),
        )

    async def extract(self, request: Request) -> Response:
        if numbered.asked(request):
            return await numbered.latest(self._store, request)
        wanted = extract_params.read(request)

        async def question(reader: Reader) -> tuple[list[ExtractedEvent], str | None]:
            return await self._collect(reader, request.principal.domain or "default", wanted)

        found, cursor = await self._store.read(question)
        headers = () if cursor is None else ((b"x-next-cursor", cursor.encode()),)
        return json_response(found, headers=headers)

    async def _collect(
        self, reader: Reader, domain: str, wanted: Wanted
    ) -> tuple[list[ExtractedEvent], str | None]:
        """As many events as are wanted, and the cursor to go on from; None at the end."""
        found: list[EventRow] = []
        after, skip = wanted.after, wanted.skip
        size = MOST if wanted.sifts else min(MOST, skip + wanted.limit + 1)
        scanned, end = 0, False
        while scanned < SCANNED and not end and len(found) < wanted.limit:
            page = Page(size, after)
            rows = await reader.list_events(domain, wanted.where, page, wanted.order, wanted.by)
            scanned, end = scanned + len(rows), len(rows) < size
            fitting = await self._fitting(reader, rows, wanted)
            passed, fitting = fitting[:skip], fitting[skip:]
            skip -= len(passed)
            room = wanted.limit - len(found)
            found += fitting[:room]
            end = end and len(fitting) <= room
            last = found[-1] if len(fitting) >= room else rows[-1] if rows else None
            after = after if last is None else _mark(last, wanted.by)
        fitting = _affordable(found)
        if len(fitting) < len(found):
            if wanted.numbered:
                reason = f"these events have more than {LARGEST} bytes: ask for fewer, or by cursor"
                raise InvalidParameter("limit", reason)
            found, end, after = fitting, False, _mark(fitting[-1], wanted.by)
        shown = await self._shown(reader, found, wanted.stored)
        return shown, None if end or after is None else _write(after)

    async def _fitting(
        self, reader: Reader, rows: Sequence[EventRow], wanted: Wanted
    ) -> list[EventRow]:
        """The rows that pass the filters which no index serves."""
        rows = [row for row in rows if _fits(row, wanted)]
        if not wanted.integrations:
            return rows
        found: list[EventRow] = []
        while rows:
            part = _affordable(rows)
            rows = rows[len(part) :]
            bodies = await reader.bodies([row.position for row in part])
            for row in part:
                name, _ = _integration(self._read(bodies.get(row.position)))
                if name.lower() in wanted.integrations:
                    found.append(row)
        return found

    async def _shown(
        self, reader: Reader, rows: Sequence[EventRow], stored: bool
    ) -> list[ExtractedEvent]:
        bodies = await reader.bodies([row.position for row in rows])
        shown = []
        for row in rows:
            logged = bodies.get(row.position)
            raw = b"null"
            if logged is not None and logged.dialect in DIALECTS:
                raw = mask.strict(logged.body) if stored else mask.masked(logged.body)
            shown.append(_extracted(row, self._read(logged), raw))
        return shown

    def _read(self, logged: LoggedEvent | None) -> Event | None:
        """None for what another dialect brought, or was kept although it cannot be decoded."""
        if logged is None or logged.dialect not in DIALECTS:
            return None
        try:
            return self._decode(logged.body)
        except HeadwaterError:
            return None


def _extracted(row: EventRow, event: Event | None, raw: bytes) -> ExtractedEvent:
    parent = None if event is None else event.run.parent
    owner = row.node if row.node is not None and row.node.kind is NodeKind.JOB else None
    schema = "" if event is None else event.schema_url
    version = _SCHEMA_VERSION.search(schema)
    integration, integration_version = _integration(event)
    return ExtractedEvent(
        id=format_event_id(row.id),
        parent_run_id=None if parent is None else parent.run_id,
        parent_job_namespace=None if parent is None else parent.job.namespace,
        parent_job_name=None if parent is None else parent.job.name,
        run_id=row.run_id,
        run_state=None if row.type is None else row.type.value,
        received_at=_iso(row.received_at),
        job_name=None if owner is None else owner.name,
        job_namespace=None if owner is None else owner.namespace,
        inputs=() if event is None else _names(event.inputs),
        outputs=() if event is None else _names(event.outputs),
        event_time=_iso(row.time),
        event_schema=schema or None,
        event_schema_version=None if version is None else version[1],
        event_size_in_bytes=row.size,
        event_raw=msgspec.Raw(raw),
        produced_by=(event.producer if event is not None else "") or None,
        integration=integration or None,
        integration_version=integration_version or None,
    )


def _names(uses: Sequence[DatasetUse]) -> tuple[DatasetName, ...]:
    nodes = (use.statement.node for use in uses)
    return tuple(DatasetName(node.namespace, node.name) for node in nodes)


def _integration(event: Event | None) -> tuple[str, str]:
    """The integration that made an event, and its version: what the job says, else the producer."""
    if event is None:
        return "", ""
    facts = event.job.facts if event.job is not None else None
    said = facts.integration if isinstance(facts, JobFacts) else None
    told, version = _INTEGRATION.search(event.producer), _VERSION.search(event.producer)
    name = said or ((told[1] or told[2]) if told is not None else "")
    return name.upper(), "" if version is None else version[1]


def _iso(micros: int) -> str:
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")[:26] + "Z"


def _affordable(rows: list[EventRow]) -> list[EventRow]:
    """The first of the rows, as far as their bodies go together into one answer."""
    sizes = accumulate(row.size for row in rows)
    return rows[: max(1, sum(size <= LARGEST for size in sizes))]


def _fits(row: EventRow, wanted: Wanted) -> bool:
    if wanted.job_name is None and wanted.job_namespace is None:
        return True
    owner = row.node
    return (
        owner is not None
        and owner.kind is NodeKind.JOB
        and wanted.job_name in (None, owner.name)
        and wanted.job_namespace in (None, owner.namespace)
    )


def _mark(row: EventRow, by: str) -> tuple[int | str | bytes, ...]:
    return (row.size, row.id) if by == "size" else (row.id,)


def _write(after: tuple[int | str | bytes, ...]) -> str:
    return "-".join(part.hex() if isinstance(part, bytes) else str(part) for part in after)
