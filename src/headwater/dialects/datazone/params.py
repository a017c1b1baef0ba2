"""What requests carry: the constraints of the service model, times, and page tokens."""

import base64
import binascii
import re
from enum import Enum
from typing import TypeVar

import msgspec

from headwater.dialects.datazone import names
from headwater.dialects.openlineage import moment
from headwater.errors import InvalidParameter
from headwater.http.message import Request

MOST = 50
_LONGEST_TOKEN = 8_192
_LONGEST_NODE = 2_086
_LONGEST_CLIENT_TOKEN = 128
_CLIENT_TOKEN = re.compile(r"[\x21-\x7e]+")
FORM_NAME = re.compile(r"(?![0-9_])\w{1,128}|_\w*[a-zA-Z0-9]\w*", re.ASCII)
_MILLIS = re.compile(r"[T ]\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:?\d\d)?\Z")
_BELOW_MILLIS = 999

T = TypeVar("T")
Choice = TypeVar("Choice", bound=Enum)


class Order(Enum):
    ASCENDING = "ASCENDING"
    DESCENDING = "DESCENDING"


def checked(name: str, value: str, pattern: re.Pattern[str]) -> str:
    """The value when it has the form; raises InvalidParameter."""
    if pattern.fullmatch(value) is None:
        raise InvalidParameter(name, f"{value!r} does not have the form {pattern.pattern}")
    return value


def event_identifier(request: Request) -> str:
    return checked("identifier", request.path[1], names.EVENT_ID)


def node_identifier(text: str, name: str = "identifier") -> str:
    if not 1 <= len(text) <= _LONGEST_NODE:
        raise InvalidParameter(name, f"has to be 1 to {_LONGEST_NODE} characters long")
    return text


def client_token(request: Request) -> str | None:
    """From the header; botocore before 1.35.74 sends it in the query."""
    header = request.headers.get(b"client-token")
    query = request.query.get("clientToken")
    if header is None and query is None:
        return None
    token = header.decode("latin-1") if header is not None else query[-1] if query else ""
    if not 1 <= len(token) <= _LONGEST_CLIENT_TOKEN:
        raise InvalidParameter(
            "clientToken", f"has to be 1 to {_LONGEST_CLIENT_TOKEN} characters long"
        )
    return checked("clientToken", token, _CLIENT_TOKEN)


def limit(request: Request, most: int = MOST) -> int:
    return request.number("maxResults", most, 1, most)


def choice(request: Request, name: str, kind: type[Choice]) -> Choice | None:
    text = request.text(name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        allowed = ", ".join(str(member.value) for member in kind)
        raise InvalidParameter(name, f"{text!r} is not one of {allowed}") from None


def time(request: Request, name: str, upto: bool = False) -> int | None:
    """Microseconds since 1970.

    Args:
        upto: what is not finer than a millisecond stands for that whole millisecond. JavaScript
            knows no finer times, and gives back what it was given without the rest.
    """
    text = request.text(name)
    if text is None:
        return None
    read = moment.parse(text)
    if read is None:
        raise InvalidParameter(name, f"{text!r} is not a time like 2026-11-13T08:30:00Z")
    return read.micros + (_BELOW_MILLIS if upto and _MILLIS.search(text) else 0)


def write_token(operation: str, place: tuple[object, ...]) -> str:
    """The `nextToken` that leads on from a place in a list."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((operation, place))).decode().rstrip("=")


def read_token(request: Request, operation: str, kind: type[T]) -> T | None:
    """Where the page starts; None at the beginning.

    Args:
        kind: the type of the place.

    Raises:
        InvalidParameter: this list did not make the token.
    """
    text = request.text("nextToken")
    if text is None:
        return None
    try:
        if len(text) > _LONGEST_TOKEN:
            raise ValueError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        made_by, place = msgspec.msgpack.decode(raw, type=tuple[str, msgspec.Raw])
        if made_by != operation:
            raise ValueError
        return msgspec.msgpack.decode(place, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise InvalidParameter("nextToken", "is not the token of a page of this list") from None


def seconds(micros: int) -> msgspec.Raw:
    """A time as JSON has it: seconds since 1970, exact to the microsecond."""
    whole, rest = divmod(abs(micros), 1_000_000)
    sign = "-" if micros < 0 else ""
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return msgspec.Raw(f"{sign}{whole}{fraction}".encode())
