"""The parameters that many of Marquez' operations take."""

from enum import Enum
from typing import TypeVar

from headwater.dialects.openlineage.numbered import FURTHEST, LIMIT, MOST
from headwater.errors import InvalidParameter
from headwater.http.message import Param, Request

DEPTH, DEEPEST = 20, 1_000
DEFAULT_DOMAIN = "default"

TEXT: dict[str, object] = {"type": "string"}
_LIMIT: dict[str, object] = {"type": "integer", "minimum": 0, "maximum": MOST, "default": LIMIT}
_OFFSET: dict[str, object] = {"type": "integer", "minimum": 0, "maximum": FURTHEST, "default": 0}
_DEPTH: dict[str, object] = {"type": "integer", "minimum": 0, "maximum": DEEPEST, "default": DEPTH}

PAGED = (
    Param("limit", _LIMIT, "How many items a page may hold."),
    Param("offset", _OFFSET, "How many items come before the page."),
)
DEPTHS = Param("depth", _DEPTH, "How many steps to follow.")

Choice = TypeVar("Choice", bound=Enum)


def domain_of(request: Request) -> str:
    return request.principal.domain or DEFAULT_DOMAIN


def depth(request: Request) -> int:
    return request.number("depth", DEPTH, 0, DEEPEST)


def choice(request: Request, name: str, kind: type[Choice]) -> Choice | None:
    """The member named, in any case; None where none is. Raises InvalidParameter."""
    text = request.text(name)
    return None if text is None else member(text, name, kind)


def member(text: str, name: str, kind: type[Choice]) -> Choice:
    for each in kind:
        if str(each.value).lower() == text.strip().lower():
            return each
    allowed = ", ".join(str(each.value) for each in kind)
    raise InvalidParameter(name, f"{text!r} is not one of {allowed}")
