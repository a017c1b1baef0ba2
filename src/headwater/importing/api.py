"""A Marquez installation, read over its HTTP API.

Its list of events has pages by offset only, and its order among events of one time is not fixed.
So an import goes by time: each page begins at the time of the last event of the page before, and
a page that is all of one time is asked again, larger, until it holds that whole time.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from headwater.dialects.marquez.times import LATEST, iso
from headwater.dialects.openlineage import moment
from headwater.errors import HeadwaterError, InvalidRequest, NotFound, Unauthenticated
from headwater.ids import NodeId, encode
from headwater.importing.marquez import (
    NO_FACETS,
    Column,
    Dataset,
    Job,
    Named,
    Namespace,
    Page,
    Run,
    Source,
    Tag,
    Tagged,
)

Get = Callable[[str, Mapping[str, str]], Awaitable[bytes]]
"""(path, parameters) -> the body of a good answer; raises HeadwaterError"""
T = TypeVar("T")

BEGINNING = -2_208_988_800_000_000
"""1900: no event is older."""
END = LATEST
PAGE = 200
LIST = 100
"""Objects of one page of a list. Marquez makes pages of jobs slowly: 0.2 s for each job."""


class _Wire(msgspec.Struct, rename="camel"):
    pass


class _Events(_Wire):
    events: list[msgspec.Raw]
    total_count: int | None = None


class _Timed(_Wire):
    event_time: str


class _Namespace(_Wire):
    name: str
    created_at: str
    updated_at: str
    owner_name: str | None = None
    description: str | None = None
    is_hidden: bool | None = None


class _Namespaces(_Wire):
    namespaces: list[_Namespace]


class _Source(_Wire):
    name: str
    type: str
    created_at: str
    updated_at: str
    connection_url: str | None = None
    description: str | None = None


class _Sources(_Wire):
    sources: list[_Source]


class _Tag(_Wire):
    name: str
    description: str | None = None


class _Tags(_Wire):
    tags: list[_Tag]


class _Field(_Wire):
    name: str
    type: str | None = None
    tags: list[str] | None = None
    description: str | None = None


class _Dataset(_Wire):
    name: str
    type: str
    created_at: str
    updated_at: str
    physical_name: str | None = None
    source_name: str | None = None
    fields: list[_Field] | None = None
    tags: list[str] | None = None
    description: str | None = None
    schema_location: str | None = None
    facets: msgspec.Raw = NO_FACETS


class _Datasets(_Wire):
    datasets: list[_Dataset]


class _Name(_Wire):
    namespace: str
    name: str


class _Job(_Wire):
    name: str
    type: str
    created_at: str
    updated_at: str
    inputs: list[_Name] | None = None
    outputs: list[_Name] | None = None
    location: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    facets: msgspec.Raw = NO_FACETS


class _Jobs(_Wire):
    jobs: list[_Job]


class Api:
    """Asks a Marquez server.

    Args:
        get: sends the questions.
        page: how many events to ask for at a time.
    """

    hides = False

    def __init__(self, get: Get, page: int = PAGE) -> None:
        self._get = get
        self._page = page

    async def total(self) -> int | None:
        span = {"after": iso(BEGINNING), "before": iso(END)}
        found = await self._ask(_Events, "events/lineage", **span, limit=0)
        return found.total_count

    async def events(self, cursor: str | None) -> AsyncIterator[Page]:
        start = BEGINNING if cursor is None else int(cursor)
        known: set[bytes] = set()
        limit = self._page
        while True:
            bodies = await self._events(start, limit)
            fresh = [body for body in bodies if body not in known]
            last = max(map(_event_time, bodies), default=start)
            if fresh:
                yield Page(fresh, str(max(start, last)))
            if last > start:
                start, known, limit = last, set(bodies), self._page
            elif len(bodies) < limit:
                return
            else:  # all of one time
                known.update(bodies)
                limit *= 2

    async def _events(self, start: int, limit: int) -> list[bytes]:
        span = {"after": iso(start), "before": iso(END)}
        found = await self._ask(_Events, "events/lineage", **span, sortDirection="asc", limit=limit)
        return [bytes(raw) for raw in found.events]

    async def namespaces(self) -> AsyncIterator[Namespace]:
        async for page in self._pages(_Namespaces, "namespaces"):
            for each in page.namespaces:
                times = _time(each.created_at), _time(each.updated_at)
                owner, hidden = each.owner_name or "anonymous", bool(each.is_hidden)
                yield Namespace(each.name, owner, each.description, hidden, *times)
            if len(page.namespaces) < LIST:
                return

    async def sources(self) -> AsyncIterator[Source]:
        async for page in self._pages(_Sources, "sources"):
            for each in page.sources:
                times = _time(each.created_at), _time(each.updated_at)
                url = each.connection_url or ""
                yield Source(each.name, each.type, url, each.description, *times)
            if len(page.sources) < LIST:
                return

    async def tags(self) -> AsyncIterator[Tag]:
        async for page in self._pages(_Tags, "tags"):
            for each in page.tags:
                yield Tag(each.name, each.description, 0)
            if len(page.tags) < LIST:
                return

    async def datasets(self, namespace: str) -> AsyncIterator[Dataset]:
        async for page in self._pages(_Datasets, f"namespaces/{encode(namespace)}/datasets"):
            for each in page.datasets:
                yield _dataset(each)
            if len(page.datasets) < LIST:
                return

    async def jobs(self, namespace: str) -> AsyncIterator[Job]:
        async for page in self._pages(_Jobs, f"namespaces/{encode(namespace)}/jobs"):
            for each in page.jobs:
                yield _job(each)
            if len(page.jobs) < LIST:
                return

    async def runs(self) -> AsyncIterator[Run]:
        runs: tuple[Run, ...] = ()  # the lists do not say which of the runs have events
        for run in runs:
            yield run

    async def shows(self, node: NodeId) -> bool:
        path = f"namespaces/{encode(node.namespace)}/{node.kind}s/{encode(node.name)}"
        try:
            await self._get(f"/api/v1/{path}", {})
        except NotFound:
            return False
        return True

    async def _pages(self, shape: type[T], path: str) -> AsyncIterator[T]:
        offset = 0
        while True:
            yield await self._ask(shape, path, limit=LIST, offset=offset)
            offset += LIST

    async def _ask(self, shape: type[T], path: str, **params: object) -> T:
        path = f"/api/v1/{path}"
        try:
            body = await self._get(path, {name: str(value) for name, value in params.items()})
        except NotFound as error:
            raise HeadwaterError(f"there is no {path}: is this the address of Marquez?") from error
        except Unauthenticated as error:
            raise Unauthenticated("Marquez asks for a token: --server-key") from error
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.MsgspecError as error:
            raise HeadwaterError(f"GET {path} is not answered as Marquez does: {error}") from error


def _event_time(body: bytes) -> int:
    try:
        return _time(msgspec.json.decode(body, type=_Timed).event_time)
    except msgspec.MsgspecError as error:
        raise HeadwaterError(f"an event of the list has no eventTime: {error}") from error


def _time(text: str) -> int:
    read = moment.parse(text)
    if read is None:
        raise InvalidRequest(f"{text!r}, which the source gives, is not a date and time")
    return read.micros


def _dataset(each: _Dataset) -> Dataset:
    created, updated = _time(each.created_at), _time(each.updated_at)
    fields = each.fields or []
    tags = [Tagged(tag, None, created) for tag in each.tags or ()]
    tags += [Tagged(tag, field.name, created) for field in fields for tag in field.tags or ()]
    return Dataset(
        name=each.name,
        type=each.type,
        physical_name=each.physical_name or each.name,
        source=each.source_name or "default",
        created=created,
        updated=updated,
        description=each.description,
        schema_location=each.schema_location,
        columns=tuple(Column(f.name, f.type, f.description) for f in fields),
        tags=tuple(tags),
        facets=each.facets,
    )


def _job(each: _Job) -> Job:
    created = _time(each.created_at)
    return Job(
        name=each.name,
        type=each.type,
        created=created,
        updated=_time(each.updated_at),
        description=each.description,
        location=each.location,
        inputs=_named(each.inputs),
        outputs=_named(each.outputs),
        tags=tuple(Tagged(tag, None, created) for tag in each.tags or ()),
        facets=each.facets,
    )


def _named(names: list[_Name] | None) -> tuple[Named, ...]:
    return tuple(Named(each.namespace, each.name) for each in names or ())
