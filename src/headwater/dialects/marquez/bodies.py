"""What Marquez' clients send: the bodies of its writes, read once.

A member that is not known is not read (the Python client sends `context`). What is missing is told
as Marquez' validation does, with 422; what has another type is 400.
"""

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from headwater.dialects.marquez import declared, identity, times
from headwater.errors import InvalidEvent, InvalidParameter, InvalidRequest, MalformedBody, Problem
from headwater.http.message import Request
from headwater.ids import fold_run_id

T = TypeVar("T")
Instant = Annotated[str, Meta(description="ISO-8601.", extra_json_schema={"format": "date-time"})]

DATASET_TYPES = ("DB_TABLE", "STREAM")
JOB_TYPES = ("BATCH", "STREAM", "SERVICE")
_NAMESPACE = re.compile(r"[a-zA-Z:;=/0-9_\-.@+]{1,1024}")
_NULL, _BLANK = "must not be null", "must not be blank"


class Sent(msgspec.Struct, frozen=True, rename="camel"):
    """What all of them have in common: camelCase keys."""


class NamespaceBody(Sent, frozen=True):
    """Who owns a namespace."""

    owner_name: str | None = None
    description: str | None = None


class SourceBody(Sent, frozen=True):
    """What a source is, and where."""

    type: str | None = None
    connection_url: str | None = None
    description: str | None = None


class TagBody(Sent, frozen=True):
    """What a tag means."""

    description: str | None = None


class FieldBody(Sent, frozen=True):
    """A column."""

    name: str | None = None
    type: str | None = None
    tags: tuple[str, ...] | None = None
    description: str | None = None


class DatasetBody(Sent, frozen=True):
    """A dataset; `type` is DB_TABLE or STREAM."""

    type: str | None = None
    physical_name: str | None = None
    source_name: str | None = None
    fields: tuple[FieldBody, ...] | None = None
    tags: tuple[str, ...] | None = None
    description: str | None = None
    run_id: str | None = None
    schema_location: str | None = None


class NameBody(Sent, frozen=True):
    """A dataset, by name."""

    namespace: str | None = None
    name: str | None = None


class JobBody(Sent, frozen=True):
    """A job; `type` is BATCH, STREAM or SERVICE."""

    type: str | None = None
    inputs: tuple[NameBody, ...] | None = None
    outputs: tuple[NameBody, ...] | None = None
    location: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    run_id: str | None = None


class RunBody(Sent, frozen=True):
    """A run that is to come."""

    id: str | None = None
    nominal_start_time: Instant | None = None
    nominal_end_time: Instant | None = None
    args: dict[str, str | int | float | bool | None] | None = None


D = TypeVar("D", DatasetBody, JobBody)


def read(request: Request, shape: type[T]) -> T:
    """Raises MalformedBody, InvalidRequest."""
    try:
        return msgspec.json.decode(request.body, type=shape)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"Cannot deserialize the body: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"The body is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidRequest("Cannot deserialize the body: nested too deeply") from error


def require(**members: Any) -> None:
    """Raises InvalidEvent that names every member which is null or blank."""
    problems = []
    for name, value in members.items():
        if value is None:
            problems.append(Problem(f"/{name}", _NULL))
        elif isinstance(value, str) and not value.strip():
            problems.append(Problem(f"/{name}", _BLANK))
    if problems:
        raise InvalidEvent(tuple(problems))


def with_type(body: D, allowed: tuple[str, ...]) -> D:
    """The body, its type as Marquez writes it.

    Raises:
        InvalidEvent: there is none.
        InvalidParameter: it is another one.
    """
    require(type=body.type)
    kind = (body.type or "").upper()
    if kind not in allowed:
        raise InvalidParameter("type", f"{body.type!r} is not one of {', '.join(allowed)}")
    return msgspec.structs.replace(body, type=kind)


def namespace(text: str) -> str:
    """A name that a namespace may have; raises InvalidParameter."""
    if _NAMESPACE.fullmatch(text) is None:
        reason = "must have 1 to 1024 of the characters a-z A-Z 0-9 : ; = / _ - . @ +"
        raise InvalidParameter("namespace", reason)
    if declared.internal(text):
        raise InvalidParameter("namespace", f"{declared.PREFIX} begins Headwater's own namespaces")
    return text


def name(text: str, what: str) -> str:
    """A name from the path; raises InvalidParameter for a blank one."""
    if not text.strip():
        raise InvalidParameter(what, _BLANK)
    return text


def run_id(text: str) -> str:
    """Raises InvalidParameter for what is not a UUID."""
    folded = fold_run_id(text)
    if not identity.is_uuid(folded):
        raise InvalidParameter("id", f"{text!r} is not a UUID")
    return folded


def instant(text: str | None, what: str) -> str | None:
    """A time as events write it; raises InvalidParameter."""
    return None if text is None else times.iso(times.parse(text, what))


def arguments(args: dict[str, str | int | float | bool | None] | None) -> dict[str, str]:
    """The arguments of a run as text, as Marquez keeps them."""
    given = {key: value for key, value in (args or {}).items() if value is not None}
    return {
        key: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for key, value in given.items()
    }
