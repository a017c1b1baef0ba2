"""Reading JSON as a type: all at once when it fits, part by part when it does not."""

from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import inspect

from headwater.dialects.openlineage.findings import Report, step
from headwater.event import Octets

T = TypeVar("T")

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_LOST: Final = object()
_DEPTH = 60
"""Steps of a pointer; what lies deeper is not taken apart. Each level is scanned once more."""

_PROBLEMS = 10_000

_KINDS = {ord('"'): "a string", ord("{"): "an object", ord("["): "an array"} | {
    ord("t"): "a boolean",
    ord("f"): "a boolean",
    ord("n"): "null",
}
_WANTED: tuple[tuple[type[inspect.Type], str], ...] = (
    (inspect.StrType, "a string"),
    (inspect.StructType, "an object"),
    (inspect.DictType, "an object"),
    (inspect.ListType, "an array"),
    (inspect.VarTupleType, "an array"),
    (inspect.BoolType, "a boolean"),
    (inspect.NoneType, "null"),
)


def kind(raw: Octets) -> str:
    """What a JSON value is, by its first byte."""
    return _KINDS.get(raw[0], "a number")


class Reader(Generic[T]):
    """Reads JSON as one type; where it does not fit, the parts that do are kept.

    A struct without one of its required members is lost as a whole. A list or dict loses the item,
    and is lost itself when nothing is left of it: to be empty would be a statement.
    """

    def __init__(self, shape: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(shape)
        self._info = inspect.type_info(shape)

    def read(self, raw: bytes, pointer: str, report: Report) -> T | None:
        """Reads syntactically valid JSON; None: nothing could be kept. Reports what was lost."""
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError:
            pass
        try:
            value: T | None = _salvage(self._info, raw, pointer, _counted(report))
        except _TooMuch:
            report(pointer, f"more than {_PROBLEMS} problems: not understood")
            return None
        return None if value is _LOST else value


class _TooMuch(Exception):
    """Not worth the time."""


def _counted(report: Report) -> Report:
    left = iter(range(_PROBLEMS))

    def counted(pointer: str, reason: str) -> None:
        if next(left, None) is None:
            raise _TooMuch
        report(pointer, reason)

    return counted


def _salvage(info: inspect.Type, raw: bytes, pointer: str, report: Report) -> Any:
    given = kind(raw)
    options = info.types if isinstance(info, inspect.UnionType) else (info,)
    fitting = next((option for option in options if _wanted(option) == given), None)
    if fitting is None and not isinstance(info, inspect.RawType):
        wanted = next(_wanted(option) for option in options)
        report(pointer, f"expected {wanted}, got {given}")
        return _LOST
    if pointer.count("/") > _DEPTH:
        report(pointer, "nested too deeply to be understood")
        return _LOST
    match fitting:
        case inspect.StructType():
            return _struct(fitting, raw, pointer, report)
        case inspect.DictType():
            members = _MEMBERS.decode(raw)
            read = {
                name: _salvage(fitting.value_type, bytes(value), pointer + step(name), report)
                for name, value in members.items()
            }
            kept = {name: value for name, value in read.items() if value is not _LOST}
            return kept if kept or not members else _LOST
        case inspect.ListType() | inspect.VarTupleType():
            items = _ITEMS.decode(raw)
            every = [
                _salvage(fitting.item_type, bytes(value), f"{pointer}/{at}", report)
                for at, value in enumerate(items)
            ]
            found = [value for value in every if value is not _LOST]
            if items and not found:
                return _LOST
            return tuple(found) if isinstance(fitting, inspect.VarTupleType) else found
        case inspect.StrType() | inspect.BoolType() | inspect.NoneType():
            return msgspec.json.decode(raw)
    return msgspec.Raw(raw)


def _wanted(info: inspect.Type) -> str:
    return next((name for shape, name in _WANTED if isinstance(info, shape)), "")


def _struct(info: inspect.StructType, raw: bytes, pointer: str, report: Report) -> Any:
    members = _MEMBERS.decode(raw)
    values: dict[str, Any] = {}
    whole = True
    for field in info.fields:
        at = pointer + step(field.encode_name)
        value = members.get(field.encode_name)
        if value is None:
            if field.required:
                report(at, "missing")
        else:
            read = _salvage(field.type, bytes(value), at, report)
            if read is not _LOST:
                values[field.name] = read
        whole = whole and (not field.required or field.name in values)
    return info.cls(**values) if whole else _LOST
