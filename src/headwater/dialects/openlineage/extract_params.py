"""The parameters of the extract API."""

import re
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple

from headwater.auth.principal import Scope
from headwater.errors import InvalidParameter
from headwater.event import EventType
from headwater.http.message import Param, Request
from headwater.ids import fold_run_id, job
from headwater.store import EventFilter

LIMIT, MOST = 100, 1_000
FURTHEST = 10_000
"""How many events an offset may skip; a cursor goes on from anywhere."""

_CURSOR = re.compile(r"(?:(\d{1,18})-)?([0-9a-f]{32})")
_LATEST = 253_402_300_800
"""The year 10000, in seconds."""

_TEXT: dict[str, object] = {"type": "string"}
_SECONDS: dict[str, object] = {"type": "number"}
_WORDS: dict[str, object] = {"type": "array", "items": {"type": "string"}}

_NEEDED = " (required, unless only `limit` and `offset` are given: that is Marquez' page)"

PARAMS = (
    Param("start", _SECONDS, f"Not before this time, in seconds since 1970{_NEEDED}."),
    Param("end", _SECONDS, f"Before this time, in seconds since 1970{_NEEDED}."),
    Param(
        "sort_by",
        {"type": "string", "enum": ["EVENT_TIME", "EVENT_SIZE_IN_BYTES"], "default": "EVENT_TIME"},
        "What to sort by.",
    ),
    Param("order", {"type": "string", "enum": ["ASC", "DESC"], "default": "ASC"}, "Which way."),
    Param("run_id", _TEXT, "Only events of this run."),
    Param("run_state", _WORDS, "Only events of one of these types (START, COMPLETE, …)."),
    Param("job_namespace", _TEXT, "Only events of jobs in this namespace."),
    Param("job_name", _TEXT, "Only events of jobs of this name."),
    Param("integrations", _WORDS, "Only events of one of these integrations (SPARK, DBT, …)."),
    Param(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT},
        "How many events to answer with.",
    ),
    Param("cursor", _TEXT, "The header `X-Next-Cursor` of the answer before."),
    Param("offset", {"type": "integer", "maximum": FURTHEST}, "How many events to skip."),
    Param("page", {"type": "integer", "minimum": 1}, "Which page, from 1; `page_size` is `limit`."),
)


class Wanted(NamedTuple):
    """What a request asks for."""

    where: EventFilter
    job_namespace: str | None
    job_name: str | None
    integrations: frozenset[str]
    by: Literal["time", "size"]
    order: Literal["asc", "desc"]
    limit: int
    skip: int
    after: tuple[int | str | bytes, ...] | None
    stored: bool
    numbered: bool
    """Whether pages are asked for by their number, so that none may be short."""

    @property
    def sifts(self) -> bool:
        """Whether there are filters that no index serves."""
        return bool(self.integrations) or (self.job_name is not None and self.where.node is None)


def read(request: Request) -> Wanted:
    """Raises InvalidParameter, which names the parameter."""
    start, end = _seconds(request, "start"), _seconds(request, "end")
    if start > end:
        raise InvalidParameter("end", "lies before start")
    namespace, name = request.text("job_namespace"), request.text("job_name")
    domain = request.principal.domain or "default"
    run_id = request.text("run_id")
    limit = request.number("limit", request.number("page_size", LIMIT, 1, MOST), 1, MOST)
    page = request.number("page", 1, 1, FURTHEST)
    offset = request.number("offset", (page - 1) * limit, 0, FURTHEST)
    if offset > FURTHEST:
        raise InvalidParameter("page", f"lies behind {FURTHEST} events; use `cursor` to go on")
    by = _word(request, "sort_by", {"event_time": "time", "event_size_in_bytes": "size"})
    order = _word(request, "order", {"asc": "asc", "desc": "desc"})
    return Wanted(
        where=EventFilter(
            since=start,
            until=end,
            node=job(namespace, name).key(domain) if namespace and name else None,
            run_id=None if run_id is None else fold_run_id(run_id),
            types=tuple(_state(word) for word in _words(request, "run_state", "state")),
            namespace=namespace,
        ),
        job_namespace=namespace,
        job_name=name,
        integrations=frozenset(
            word.lower() for word in _words(request, "integrations", "integration")
        ),
        by="size" if by == "size" else "time",
        order="desc" if order == "desc" else "asc",
        limit=limit,
        skip=offset,
        after=_cursor(request, by),
        stored=request.principal.may(Scope.ADMIN),
        numbered=request.text("page") is not None or request.text("offset") is not None,
    )


def _seconds(request: Request, name: str) -> int:
    """Microseconds, exactly."""
    text = request.required(name)
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number.copy_abs() > _LATEST:
        raise InvalidParameter(name, f"{text!r} is not a time in seconds since 1970")
    return int(number * 1_000_000)


def _word(request: Request, name: str, known: dict[str, str]) -> str:
    """What a word stands for; the first one when none is given."""
    given = request.text(name)
    found = next(iter(known.values())) if given is None else known.get(given.lower())
    if found is None:
        allowed = ", ".join(word.upper() for word in known)
        raise InvalidParameter(name, f"{given!r} is not one of {allowed}")
    return found


def _words(request: Request, *names: str) -> list[str]:
    """The values under any of the names, repeated or joined by commas."""
    values = [value for name in names for value in request.query.get(name, ())]
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _state(word: str) -> EventType:
    try:
        return EventType(word.upper())
    except ValueError:
        allowed = ", ".join(kind.value for kind in EventType)
        raise InvalidParameter("run_state", f"{word!r} is not one of {allowed}") from None


def _cursor(request: Request, by: str) -> tuple[int | str | bytes, ...] | None:
    text = request.text("cursor")
    if text is None:
        return None
    match = _CURSOR.fullmatch(text)
    if match is None or (match[1] is not None) != (by == "size"):
        raise InvalidParameter("cursor", "is not the X-Next-Cursor of an answer sorted like this")
    identity = bytes.fromhex(match[2])
    return (identity,) if match[1] is None else (int(match[1]), identity)
