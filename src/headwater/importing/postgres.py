"""A Marquez installation, read from its PostgreSQL: all kinds of events, and what is hidden too."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib import resources
from typing import Any, LiteralString, cast

import msgspec
import psycopg

from headwater.dialects.marquez.times import micros_of
from headwater.errors import HeadwaterError, Unavailable
from headwater.ids import NodeId
from headwater.importing.marquez import (
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

PAGE = 500
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_pieces = _NAME.split(
    resources.files("headwater.importing").joinpath("marquez.sql").read_text("utf-8")
)
QUERIES = dict(zip(_pieces[1::2], _pieces[2::2], strict=True))
_OPTIONS = "-c default_transaction_read_only=on -c timezone=UTC -c client_encoding=UTF8"

Row = tuple[Any, ...]


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row that was read."""

    time: str
    table: int
    row: str


_columns = msgspec.json.Decoder(tuple[Column, ...])
_tags = msgspec.json.Decoder(list[tuple[str, str | None, float]])
_sides = msgspec.json.Decoder(list[tuple[str, str, str]])
_states = msgspec.json.Decoder(list[tuple[str, float]])
_args = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


@contextmanager
def _translated() -> Iterator[None]:
    """Turns the driver's errors into ours: the one place that knows both."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise HeadwaterError(
            "this is no Marquez database, or one of before 0.47: start a newer Marquez on it once, "
            f"or import with --server: {_said(error)}"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise HeadwaterError(f"the role may not read it: {_said(error)}") from error
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL is not to be reached: {_said(error)}") from error
    except psycopg.Error as error:
        raise HeadwaterError(f"PostgreSQL refuses: {_said(error)}") from error


def _said(error: psycopg.Error) -> str:
    return " ".join(str(error).split())


@asynccontextmanager
async def connected(dsn: str, page: int = PAGE) -> AsyncIterator["Postgres"]:
    """Reads only: the session cannot write.

    Raises:
        HeadwaterError: the database cannot be reached, or is not Marquez'.
    """
    with _translated():
        connection = await psycopg.AsyncConnection.connect(
            dsn, autocommit=True, options=_OPTIONS, connect_timeout=10
        )
    async with connection:
        yield Postgres(connection, page)


class Postgres:
    """Asks a Marquez database."""

    hides = True

    def __init__(self, connection: psycopg.AsyncConnection[Row], page: int) -> None:
        self._connection = connection
        self._page = page

    async def total(self) -> int | None:
        ((about,),) = await self._rows("total", {})
        if not about:
            ((about,),) = await self._rows("count", {})
        return cast("int", about)

    async def events(self, cursor: str | None) -> AsyncIterator[Page]:
        last = None if cursor is None else msgspec.json.decode(cursor, type=_Cursor)
        while True:
            name = "first_events" if last is None else "next_events"
            place = {} if last is None else msgspec.structs.asdict(last)
            rows = await self._rows(name, {**place, "limit": self._page})
            if not rows:
                return
            time, table, row, _ = rows[-1]
            last = _Cursor(time.isoformat(), table, row)
            bodies = [cast("str", text).encode() for *_, text in rows]
            yield Page(bodies, msgspec.json.encode(last).decode())

    async def namespaces(self) -> AsyncIterator[Namespace]:
        async for name, owner, text, hidden, created, updated in self._pages("namespaces"):
            yield Namespace(name, owner, text, hidden, _time(created), _time(updated))

    async def sources(self) -> AsyncIterator[Source]:
        async for name, kind, url, text, created, updated in self._pages("sources"):
            yield Source(name, kind, url, text, _time(created), _time(updated))

    async def tags(self) -> AsyncIterator[Tag]:
        async for name, text, updated in self._pages("tags"):
            yield Tag(name, text, _time(updated))

    async def runs(self) -> AsyncIterator[Run]:
        async for identity, namespace, name, start, end, args, states, sides in self._pages("runs"):
            inputs, outputs = _ends(sides)
            yield Run(
                id=identity,
                job=Named(namespace, name),
                states=tuple((state, round(time * 1e6)) for state, time in _states.decode(states)),
                nominal=(start and _time(start), end and _time(end)),
                args=_texts(args),
                inputs=inputs,
                outputs=outputs,
            )

    async def datasets(self, namespace: str) -> AsyncIterator[Dataset]:
        async for row in self._pages("datasets", namespace=namespace):
            name, kind, physical, source, created, updated, text, hidden, location, *more = row
            columns, tags = more
            yield Dataset(
                name=name,
                type=kind,
                physical_name=physical,
                source=source or "default",
                created=_time(created),
                updated=_time(updated),
                description=text,
                schema_location=location,
                columns=_columns.decode(columns or "[]"),
                tags=_tagged(tags),
                hidden=hidden,
            )

    async def jobs(self, namespace: str) -> AsyncIterator[Job]:
        async for row in self._pages("jobs", namespace=namespace):
            name, kind, created, updated, text, location, hidden, sides, tags = row
            inputs, outputs = _ends(sides)
            yield Job(
                name=name,
                type=kind,
                created=_time(created),
                updated=_time(updated),
                description=text,
                location=location or None,
                inputs=inputs,
                outputs=outputs,
                tags=_tagged(tags),
                hidden=hidden,
            )

    async def shows(self, node: NodeId) -> bool:
        return True  # what is hidden comes with the lists

    async def _pages(self, query: str, **values: object) -> AsyncIterator[Row]:
        """All rows of a list, by their first column."""
        after = ""
        while True:
            rows = await self._rows(query, {**values, "after": after, "limit": self._page})
            for row in rows:
                yield row
            if len(rows) < self._page:
                return
            after = rows[-1][0]

    async def _rows(self, query: str, values: Mapping[str, object]) -> list[Row]:
        with _translated():
            # The text is a file of ours, values are always bound.
            found = await self._connection.execute(cast("LiteralString", QUERIES[query]), values)
            return await found.fetchall()


def _time(time: datetime) -> int:
    """Before V73 of Marquez' schema, times have no zone and are of UTC."""
    return micros_of(time if time.tzinfo is not None else time.replace(tzinfo=UTC))


def _tagged(text: str | None) -> tuple[Tagged, ...]:
    found = _tags.decode(text or "[]")
    return tuple(Tagged(tag, field, round(time * 1e6)) for tag, field, time in found)


def _texts(args: str | None) -> dict[str, str]:
    """The arguments of a run; what is no text as JSON."""
    found = {}
    for name, raw in (_args.decode(args or "null") or {}).items():
        value = msgspec.json.decode(raw)
        if value is not None:
            found[name] = value if isinstance(value, str) else bytes(raw).decode()
    return found


def _ends(text: str | None) -> tuple[tuple[Named, ...], tuple[Named, ...]]:
    """The inputs and the outputs."""
    sides = _sides.decode(text or "[]")
    inputs, outputs = (
        tuple(Named(*end) for side, *end in sides if side == wanted)
        for wanted in ("INPUT", "OUTPUT")
    )
    return inputs, outputs
