"""How records are written in columns, and read back."""

import operator
from typing import Any

import msgspec

from headwater.event import EventKind, EventType, Transformation
from headwater.ids import Key
from headwater.records import Content, KeyFlow, KeySource, Mode, RunLinks, RunRecord, Stamp

KINDS = {EventKind.RUN: 0, EventKind.JOB: 1, EventKind.DATASET: 2}
KIND_OF = {number: kind for kind, number in KINDS.items()}

_encode = msgspec.msgpack.Encoder().encode


class _Body(msgspec.Struct, array_like=True):
    """A content with every node listed once; the rest refers to it by place."""

    nodes: list[bytes]
    inputs: list[int]
    outputs: list[int]
    explicit: list[tuple[int, tuple[str, ...], list[tuple[Any, ...]]]] | None
    columns: list[tuple[int, tuple[str, ...], list[tuple[Any, ...]]]]


_bodies = msgspec.msgpack.Decoder(_Body)


def encode_content(content: Content) -> bytes:
    places: dict[Key, int] = {}

    def place(key: Key) -> int:
        return places.setdefault(key, len(places))

    def flows(items: tuple[KeyFlow, ...]) -> list[tuple[int, tuple[str, ...], list[Any]]]:
        return [
            (
                place(flow.target),
                flow.fields,
                [
                    (place(s.node), s.field, s.transformations)
                    if s.transformations
                    else (place(s.node), s.field)
                    for s in flow.sources
                ],
            )
            for flow in items
        ]

    inputs = [place(key) for key in content.inputs]
    outputs = [place(key) for key in content.outputs]
    explicit = None if content.explicit is None else flows(content.explicit)
    columns = flows(content.columns)
    return _encode(_Body(list(places), inputs, outputs, explicit, columns))


def decode_content(body: bytes, digest: bytes) -> Content:
    raw = _bodies.decode(body)
    nodes = raw.nodes

    def flows(
        items: list[tuple[int, tuple[str, ...], list[tuple[Any, ...]]]],
    ) -> tuple[KeyFlow, ...]:
        return tuple(
            [
                KeyFlow(
                    nodes[target],
                    fields,
                    tuple(
                        [
                            KeySource(
                                nodes[source[0]],
                                source[1],
                                tuple([Transformation(*t) for t in source[2]])
                                if len(source) > 2
                                else (),
                            )
                            for source in sources
                        ]
                    ),
                )
                for target, fields, sources in items
            ]
        )

    return Content(
        tuple([nodes[i] for i in raw.inputs]),
        tuple([nodes[i] for i in raw.outputs]),
        None if raw.explicit is None else flows(raw.explicit),
        flows(raw.columns),
        digest,
    )


class _Facts(msgspec.Struct, array_like=True):
    """The parts of a run's record that no query looks at."""

    terminal: tuple[bytes, str] | None = None
    nominal: tuple[bytes, int | None, int | None] | None = None
    links: tuple[bytes, bytes, str, bytes | None, str | None] | None = None
    mode: tuple[bytes, bool, bool] | None = None


_facts = msgspec.msgpack.Decoder(_Facts)


def encode_facts(record: RunRecord) -> bytes:
    return _encode(
        _Facts(
            None if record.terminal is None else (record.terminal[0], record.terminal[1].value),
            record.nominal,
            None if record.links is None else (record.links[0], *record.links[1]),
            None if record.mode is None else (record.mode[0], *record.mode[1]),
        )
    )


def decode_run(
    job: Key,
    run_id: bytes | str,
    columns: tuple[int | None, int | None, int, bytes | None],
    facts: bytes,
    said: dict[bytes, Stamp],
) -> RunRecord:
    """Args: columns: first, started, running, newest."""
    first, started, running, newest = columns
    raw = _facts.decode(facts)
    return RunRecord(
        job=job,
        run_id=read_run_id(run_id),
        first=first,
        newest=newest,
        started=started,
        terminal=None if raw.terminal is None else (raw.terminal[0], EventType(raw.terminal[1])),
        running=bool(running),
        nominal=raw.nominal,
        links=None if raw.links is None else (raw.links[0], RunLinks(*raw.links[1:])),
        mode=None if raw.mode is None else (raw.mode[0], Mode(*raw.mode[1:])),
        said=said,
    )


_dashes = operator.itemgetter(8, 13, 18, 23)


def write_run_id(run_id: str) -> bytes | str:
    """A UUID in its usual form takes 16 bytes; anything else stays text."""
    if len(run_id) != 36 or _dashes(run_id) != ("-", "-", "-", "-"):
        return run_id
    digits = run_id.replace("-", "")
    try:
        stored = bytes.fromhex(digits)
    except ValueError:
        return run_id
    return stored if stored.hex() == digits else run_id


def read_run_id(stored: bytes | str) -> str:
    if isinstance(stored, str):
        return stored
    text = stored.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_said = msgspec.msgpack.Decoder(list[tuple[int, bytes]])


def encode_said(said: list[tuple[int, Stamp]]) -> bytes:
    return _encode(sorted(said))


def decode_said(blob: bytes) -> list[tuple[int, Stamp]]:
    return _said.decode(blob)


_current = msgspec.msgpack.Decoder(list[tuple[int, bool]])


def encode_current(contents: list[tuple[int, bool]]) -> bytes:
    return _encode(contents)


def decode_current(blob: bytes) -> list[tuple[int, bool]]:
    return _current.decode(blob)
