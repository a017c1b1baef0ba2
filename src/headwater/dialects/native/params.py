"""Reads the parameters of a question: times, cursors, nodes, pages."""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import TypeVar

import msgspec

from headwater import lineage
from headwater.auth.principal import Scope
from headwater.errors import InvalidParameter
from headwater.http.message import Param, Request
from headwater.ids import NodeId, parse_candidates
from headwater.store import Direction, Moment, Page, Reader

LIMIT = 100
MOST = 1000
DEFAULT_DOMAIN = "default"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?")
# A `+` that nobody percent-encoded has become a space on the way.
_SPACED_ZONE = re.compile(r" (?=\d\d:?\d\d$)")
_FRACTION = re.compile(r"([.,]\d{6})\d+")

Cursor = tuple[int | str | bytes, ...]
Choice = TypeVar("Choice", bound=Enum)

_TEXT: dict[str, object] = {"type": "string"}
_COUNT: dict[str, object] = {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}
_WHEN = "ISO-8601 (UTC where no zone is given) or seconds since 1970"

LISTED = (
    Param("limit", _COUNT, "How many items a page may hold."),
    Param("cursor", _TEXT, "`next` of the page before."),
)
WINDOW = (
    Param("since", _TEXT, f"Not before this time: {_WHEN}."),
    Param("until", _TEXT, f"Before this time: {_WHEN}."),
)
AS_OF = Param("as_of", _TEXT, f"The state at this time: {_WHEN}.")
NAMESPACE = Param("namespace", _TEXT, "Only this namespace.")


def domain_of(request: Request) -> str:
    """The domain that a request is about."""
    return request.principal.domain or DEFAULT_DOMAIN


def sees_stored_bytes(request: Request) -> bool:
    """Whether secrets may be shown: to an admin, and to anyone on an open server."""
    return request.principal.may(Scope.ADMIN)


def parse_time(text: str, parameter: str) -> int:
    """Microseconds since 1970 of any ISO form, or of seconds since 1970.

    Raises:
        InvalidParameter: it is neither, or lies outside the years 1 to 9999.
    """
    if _NUMBER.fullmatch(text):
        whole, _, fraction = text.partition(".")
        sign = -1 if whole.startswith("-") else 1
        micros = int(whole[:30]) * 1_000_000 + sign * int((fraction + "000000")[:6])
        format_time(micros, parameter)
        return micros
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", _SPACED_ZONE.sub("+", text)))
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return (aware - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise InvalidParameter(
            parameter, f"{text!r} is not a time; write it like 2026-11-13T08:30:00Z"
        ) from None


def format_time(micros: int, parameter: str = "time") -> str:
    """ISO-8601 in UTC with microseconds."""
    minutes, rest = divmod(micros, 60_000_000)
    try:
        start = _minute(minutes)
    except OverflowError:
        raise InvalidParameter(parameter, "lies outside the years 1 to 9999") from None
    digits = str(rest + 100_000_000)  # a format with a width takes four times as long
    return f"{start}{digits[1:3]}.{digits[3:]}Z"


@lru_cache(maxsize=10_000)
def _minute(minutes: int) -> str:
    """`2026-11-13T08:30:` for minutes since 1970: the times of an answer lie close together."""
    return (_EPOCH + timedelta(minutes=minutes)).isoformat()[:17]


def iso(micros: int | None) -> str | None:
    return None if micros is None else format_time(micros)


def time(request: Request, name: str) -> int | None:
    text = request.text(name)
    return None if text is None else parse_time(text, name)


def moment(request: Request, now: int) -> Moment | None:
    """The time that a lineage question is about; None: now."""
    until, since = time(request, "as_of"), time(request, "since")
    if until is None and since is None:
        return None
    until = now if until is None else until
    if since is not None and since > until:
        raise InvalidParameter("since", "is after the end of the window")
    return Moment(until, since)


def encode_cursor(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def decode_cursor(text: str, kind: object) -> Cursor:
    """Args:
        kind: the type of the tuple that this list takes.

    Raises:
        InvalidParameter: no list made this cursor, or another one did.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor: Cursor = msgspec.msgpack.decode(raw, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise InvalidParameter("cursor", "is not the `next` of a page of this list") from None
    return cursor


def page(request: Request, kind: object, limit: int | None = None) -> Page:
    """The page asked for, with room for one row more, which tells whether there is a next one."""
    count = request.number("limit", LIMIT, 1, MOST) if limit is None else limit
    text = request.text("cursor")
    return Page(count + 1, None if text is None else decode_cursor(text, kind))


def choice(request: Request, name: str, kind: type[Choice], default: Choice) -> Choice:
    values = choices(request, name, kind)
    return values[-1] if values else default


def choices(request: Request, name: str, kind: type[Choice]) -> tuple[Choice, ...]:
    """The members named, repeated or joined by commas, in any case."""
    members = {str(member.value).lower(): member for member in kind}
    found = []
    for word in words(request, name):
        member = members.get(word.lower())
        if member is None:
            allowed = ", ".join(str(member.value) for member in kind)
            raise InvalidParameter(name, f"{word!r} is not one of {allowed}")
        found.append(member)
    return tuple(found)


def words(request: Request, name: str) -> tuple[str, ...]:
    """The values of a parameter that may be repeated or joined by commas."""
    values = request.query.get(name, ())
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def direction(request: Request, default: Direction = Direction.BOTH) -> Direction:
    return choice(request, "direction", Direction, default)


def node_text(request: Request, name: str) -> str | None:
    """A written node whose form is right; `look_up` finds what it stands for."""
    text = request.text(name)
    if text is not None:
        parse_candidates(text, name)
    return text


async def look_up(reader: Reader, domain: str, text: str, name: str) -> NodeId:
    """The job or dataset that a text stands for; bare colons are read in every way.

    Raises:
        InvalidParameter: it is written like a run or a field.
        NotFound: nothing of that name is known.
    """
    ref = await lineage.resolve(reader, domain, text)
    if not isinstance(ref, NodeId):
        raise InvalidParameter(name, f"{text!r} is not a job or a dataset")
    return ref
