"""Every setting, with its bounds and its meaning; the only reader of the environment.

The variable of a setting is its name in capitals behind `HEADWATER_`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, cast, get_args, get_origin

import msgspec
import platformdirs
from msgspec import Meta

from headwater.errors import InvalidParameter

PREFIX = "HEADWATER_"


class Described(NamedTuple):
    """A setting as the reference shows it."""

    name: str
    variable: str
    type: str
    default: str
    bounds: str
    text: str


def default_database() -> str:
    """The database file in the user's data folder."""
    return str(Path(platformdirs.user_data_dir("headwater", appauthor=False)) / "headwater.db")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be set. Made by `load`; the defaults are right for a laptop and a small team."""

    host: Annotated[str, Meta(min_length=1, description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="The port to listen on; 0 takes a free one.")
    ] = 8080
    database: Annotated[
        str,
        Meta(
            min_length=1,
            description="A file, or the URL of a database. Default: a file in the user's data "
            "folder.",
        ),
    ] = msgspec.field(default_factory=default_database)
    key_file: Annotated[
        str,
        Meta(
            description="The file with the key that encrypts the secrets of API keys. Default: "
            "beside the database, with .secret behind its name; made when it is first needed."
        ),
    ] = ""
    connection_map: Annotated[
        str,
        Meta(
            description="A JSON file that maps the data connections of Huawei clients to the "
            "namespaces of other producers; applied at the start."
        ),
    ] = ""
    insecure: Annotated[
        bool,
        Meta(description="Take requests without a key, on any address. Never on a shared network."),
    ] = False
    strict: Annotated[
        bool,
        Meta(
            description="Refuse events that break the specification, where it is otherwise noted."
        ),
    ] = False
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least severe log lines that are written."),
    ] = "info"
    log_format: Annotated[
        Literal["json", "console"], Meta(description="Log lines for programs or for people.")
    ] = "json"
    access_log: Annotated[
        bool, Meta(description="Write one log line (level info) for each request.")
    ] = True
    body_bytes: Annotated[
        int, Meta(ge=1_024, le=1 << 31, description="The largest body as it is sent, in bytes.")
    ] = 32 << 20
    unzipped_bytes: Annotated[
        int, Meta(ge=1_024, le=1 << 31, description="The largest body after gunzip, in bytes.")
    ] = 64 << 20
    held_bytes: Annotated[
        int,
        Meta(
            ge=1_024,
            le=1 << 40,
            description="The bytes of all bodies in work together; more is answered with 503.",
        ),
    ] = 512 << 20
    batch_events: Annotated[
        int, Meta(ge=1, le=1_000_000, description="The most events in one batch request.")
    ] = 10_000
    nesting: Annotated[
        int, Meta(ge=8, le=500, description="How deep the JSON of an event may nest.")
    ] = 500
    name_length: Annotated[
        int,
        Meta(
            ge=64, le=1 << 20, description="The longest namespace, name or run id, in characters."
        ),
    ] = 4_096
    datazone_event_bytes: Annotated[
        int,
        Meta(ge=1_024, le=1 << 31, description="The largest event that PostLineageEvent takes."),
    ] = 300_000
    datazone_accounts: Annotated[
        str,
        Meta(
            description="The AWS account and region that domains stand for, where an event does "
            "not say them: ACCOUNT/REGION, and DOMAIN=ACCOUNT/REGION for one domain, separated by "
            "spaces."
        ),
    ] = "000000000000/us-east-1"
    graph_nodes: Annotated[
        int, Meta(ge=1, le=1_000_000, description="The most nodes that one answer may hold.")
    ] = 100_000
    writer_process: Annotated[
        bool,
        Meta(
            description="Write to the database in a process of its own, where there is a second "
            "processor for it."
        ),
    ] = True
    rate: Annotated[
        float,
        Meta(ge=0, le=1e9, description="Requests per second for each key; 0 means no limit."),
    ] = 0.0
    queue_events: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            description="Events that may wait for a commit; more have to wait for room.",
        ),
    ] = 10_000
    queue_bytes: Annotated[
        int,
        Meta(ge=1_024, le=1 << 40, description="Bytes of events that may wait for a commit."),
    ] = 256 << 20
    queue_wait: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="Seconds that an event waits for room when the queue is full; then 503.",
        ),
    ] = 0.5
    connections: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Open connections; one more is answered 503.")
    ] = 2_000
    head_timeout: Annotated[
        float,
        Meta(gt=0, le=3_600, description="Seconds for the head of a request to arrive; then 408."),
    ] = 10.0
    body_timeout: Annotated[
        float,
        Meta(
            gt=0,
            le=3_600,
            description="Seconds that a body may stand still; it also has to come at "
            "4 KiB/s on average after as many seconds. Then 408.",
        ),
    ] = 30.0
    keep_alive: Annotated[
        float,
        Meta(gt=0, le=86_400, description="Seconds that a connection may be idle."),
    ] = 75.0
    drain_timeout: Annotated[
        float,
        Meta(gt=0, le=3_600, description="Seconds that requests in work have to end at a stop."),
    ] = 30.0

    @property
    def writes_apart(self) -> bool:
        """Whether there is to be a process that writes."""
        return self.writer_process and processors() > 1

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None, **overrides: object) -> Self:
        """From the environment (or `env`); overrides that are not None win.

        Raises:
            InvalidParameter: a value is not understood or out of bounds; names the variable.
        """
        source = os.environ if env is None else env
        values: dict[str, Any] = {}
        for field in msgspec.structs.fields(cls):
            variable = PREFIX + field.encode_name.upper()
            given = overrides.pop(field.name, None)
            if given is None:
                given = source.get(variable, "").strip() or None
            if given is not None:
                values[field.name] = _convert(variable, given, field.type)
        if overrides:
            raise TypeError(f"no such setting: {', '.join(sorted(overrides))}")
        return cls(**values)

    @classmethod
    def describe(cls) -> list[Described]:
        """Every setting, for the reference."""
        return [_described(field) for field in msgspec.structs.fields(cls)]


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _convert(variable: str, given: object, kind: Any) -> object:
    """Text is read leniently (`1`, `true`); a value of the right type stays."""
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        options = _options(get_args(kind)[0])
        reason = f"is not one of {', '.join(options)}" if options else str(error)
        raise InvalidParameter(variable, f"{given!r}: {reason}") from error


def _options(kind: Any) -> tuple[str, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _described(field: msgspec.structs.FieldInfo) -> Described:
    kind, meta = get_args(field.type)
    meta = cast(Meta, meta)
    bounds = {"at least": meta.ge, "above": meta.gt, "at most": meta.le}
    return Described(
        name=field.name,
        variable=PREFIX + field.name.upper(),
        type=" | ".join(_options(kind)) or kind.__name__,
        default="" if field.default is msgspec.NODEFAULT else _shown(field.default),
        bounds=", ".join(f"{word} {_shown(to)}" for word, to in bounds.items() if to is not None),
        text=meta.description or "",
    )


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
