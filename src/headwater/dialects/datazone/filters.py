"""The filters of QueryGraph: read with the constraints of the model, and applied to nodes."""

from collections.abc import Mapping
from enum import Enum

import msgspec

from headwater.errors import InvalidParameter

ATTRIBUTES = (
    *("id", "name", "description", "typeName", "typeRevision", "sourceIdentifier"),
    *("eventTimestamp", "createdAt", "createdBy", "updatedAt", "updatedBy"),
)
_LONGEST_VALUE = 128
_MOST_CLAUSES = 100
_DEEPEST = 20

Attributes = Mapping[str, str | int | None]
"""By name; times are whole seconds."""


class Operator(Enum):
    EQ = "EQ"
    LE = "LE"
    LT = "LT"
    GE = "GE"
    GT = "GT"
    TEXT_SEARCH = "TEXT_SEARCH"


class Filter(msgspec.Struct, rename="camel"):
    attribute: str
    value: str | None = None
    int_value: int | None = None
    operator: Operator = Operator.EQ


class Clause(msgspec.Struct):
    """Exactly one of the three is given."""

    filter: Filter | None = None
    all: list["Clause"] | None = msgspec.field(default=None, name="and")
    any: list["Clause"] | None = msgspec.field(default=None, name="or")


def check(clause: Clause, where: str, depth: int = 0) -> None:
    """Raises InvalidParameter, naming the member that the model does not allow."""
    given = [part for part in (clause.filter, clause.all, clause.any) if part is not None]
    if len(given) != 1:
        raise InvalidParameter(where, "has to have exactly one of filter, and, or")
    if depth > _DEEPEST:
        raise InvalidParameter(where, f"is nested deeper than {_DEEPEST}")
    for name, parts in (("and", clause.all), ("or", clause.any)):
        if parts is not None:
            if not 1 <= len(parts) <= _MOST_CLAUSES:
                raise InvalidParameter(f"{where}.{name}", f"has to have 1 to {_MOST_CLAUSES} items")
            for at, part in enumerate(parts):
                check(part, f"{where}.{name}[{at}]", depth + 1)
    if clause.filter is not None:
        _check_filter(clause.filter, f"{where}.filter")


def _check_filter(read: Filter, where: str) -> None:
    if read.attribute not in ATTRIBUTES:
        known = ", ".join(ATTRIBUTES)
        raise InvalidParameter(f"{where}.attribute", f"{read.attribute!r} is not one of {known}")
    if (read.value is None) == (read.int_value is None):
        raise InvalidParameter(where, "has to have one of value and intValue")
    if read.value is not None and len(read.value) > _LONGEST_VALUE:
        raise InvalidParameter(f"{where}.value", f"is longer than {_LONGEST_VALUE} characters")
    if read.operator is Operator.TEXT_SEARCH and read.value is None:
        raise InvalidParameter(f"{where}.value", "is what TEXT_SEARCH looks for")


def holds(clause: Clause, node: Attributes) -> bool:
    if clause.all is not None:
        return all(holds(part, node) for part in clause.all)
    if clause.any is not None:
        return any(holds(part, node) for part in clause.any)
    assert clause.filter is not None
    return _holds(clause.filter, node)


def _holds(read: Filter, node: Attributes) -> bool:
    here = node.get(read.attribute)
    if here is None:
        return False
    if read.operator is Operator.TEXT_SEARCH:
        words = (read.value or "").casefold().split()
        return all(word in str(here).casefold() for word in words)
    order = _compared(here, read)
    if order is None:
        return False
    return {
        Operator.EQ: order == 0,
        Operator.LE: order <= 0,
        Operator.LT: order < 0,
        Operator.GE: order >= 0,
        Operator.GT: order > 0,
    }[read.operator]


def _compared(here: str | int, read: Filter) -> int | None:
    """-1, 0 or 1; None where a text meets a number that it is not."""
    there: str | int
    if isinstance(here, int):
        try:
            there = int(read.value) if read.value is not None else read.int_value or 0
        except ValueError:
            return None
        return (here > there) - (here < there)
    there = read.value if read.value is not None else str(read.int_value)
    return (here > there) - (here < there)
