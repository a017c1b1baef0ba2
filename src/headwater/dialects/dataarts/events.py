"""From an operator to the OpenLineage event that the log keeps: one JobEvent, compact JSON.

The request stands in it verbatim, so nothing that was sent is lost. Column lineage is the standard
facet on each output while it is small; more pairs than that stay in groups (`headwater_flows`), and
so does what the standard facet cannot say: that a table as a whole feeds an output.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from msgspec import Raw

from headwater.dialects.dataarts import facets
from headwater.dialects.dataarts.facets import OURS, PRODUCER, encoded
from headwater.dialects.dataarts.mapping import Mapped, Maps
from headwater.dialects.dataarts.names import job_namespace
from headwater.dialects.dataarts.operators import End, Operator, Part, Placed
from headwater.dialects.dataarts.statements import Stated, Table, job_of, table
from headwater.dialects.openlineage.statements import digest_of_all
from headwater.dialects.openlineage.wire import WireDataset, WireJob
from headwater.event import DatasetUse, Event, EventKind

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
PAIRS = 1_000
"""So many pairs of columns are written one by one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JOB_EVENT = SPEC + "JobEvent"
_AFTER_TIME = b'","producer":"%b","schemaURL":"%b","job":' % (
    PRODUCER.encode(),
    _JOB_EVENT.encode(),
)


class Drawn(NamedTuple):
    """An event as bytes, and what decoding them gives; None: they have to be decoded."""

    body: bytes
    event: Event | None


def job_event(
    operator: Operator, parts: Sequence[Part], guid_name: str, time: int, maps: Maps
) -> Drawn:
    """The event of an operator.

    Args:
        parts: the requests that it is made of; the newest is the last.
        guid_name: the qualified name of the operator.
        time: microseconds since 1970; the receipt.
    """
    tables = [table(placed, maps.get(placed.namespace)) for placed in operator.datasets]
    standard, groups = _columns(operator)
    inputs = [tables[at].alone for at in operator.inputs]
    outputs = [
        tables[at].fed(standard[at], tables) if at in standard else tables[at].alone
        for at in operator.outputs
    ]
    info = facets.info(operator, parts, guid_name)
    job: Stated[WireJob] | None = None
    if operator.sql is None and not groups and all(each.short for each in tables):
        namespace = job_namespace(operator.project, operator.workspace)
        job = job_of(namespace, operator.job_name, b"".join(info))
    body = b"".join(
        (
            b'{"eventTime":"',
            format_time(time).encode(),
            _AFTER_TIME,
            *((job.json,) if job else _grouped(operator, info, tables, groups)),
            b',"inputs":[',
            b",".join([each.json for each in inputs]),
            b'],"outputs":[',
            b",".join([each.json for each in outputs]),
            b"]}",
        )
    )
    return Drawn(body, job and _decoded(time, job, inputs, outputs))


def _decoded(
    time: int,
    job: Stated[WireJob],
    inputs: Sequence[Stated[WireDataset]],
    outputs: Sequence[Stated[WireDataset]],
) -> Event:
    """What a decoder makes of such an event."""
    return Event(
        EventKind.JOB,
        time,
        producer=PRODUCER,
        schema_url=_JOB_EVENT,
        job=job.statement,
        inputs=tuple([DatasetUse(each.statement) for each in inputs]),
        outputs=tuple([DatasetUse(each.statement) for each in outputs]),
        said=digest_of_all(
            job.wire, [each.wire for each in inputs], [each.wire for each in outputs]
        ),
        declares=bool(inputs or outputs),
    )


def _grouped(
    operator: Operator, info: Iterable[bytes], tables: Sequence[Table], groups: Sequence[bytes]
) -> Iterable[bytes]:
    """The JSON of a job of which more is said. It may be megabytes, so it is put together once."""
    yield b'{"namespace":%b,"name":%b,"facets":{"%b":%b,"%b":' % (
        encoded(job_namespace(operator.project, operator.workspace)),
        encoded(operator.job_name),
        facets.JOB_TYPE.encode(),
        facets.NODE_TYPE,
        facets.INFO.encode(),
    )
    yield from info
    if operator.sql is not None:
        yield b',"%b":%b' % (facets.SQL.encode(), facets.sql(operator.sql))
    if groups:
        yield b',"%b":' % facets.FLOWS.encode()
        yield from facets.flows([table.named for table in tables], groups)
    yield b"}}"


_TIME = slice(len('{"eventTime":"'), len('{"eventTime":"1970-01-01T00:00:00.000000Z'))


def dated(event: bytes, time: int) -> bytes:
    """An event of this module with another time."""
    return event[: _TIME.start] + format_time(time).encode() + event[_TIME.stop :]


def symlinks_event(placed: Placed, mapped: Mapped | None, time: int) -> bytes:
    """The event that joins a table with its native name, or parts them again (None)."""
    link = facets.symlinks(mapped and mapped.node(placed.parts))
    return encoded(
        {
            "eventTime": format_time(time),
            "producer": PRODUCER,
            "schemaURL": SPEC + "DatasetEvent",
            "dataset": {
                "namespace": placed.namespace,
                "name": placed.parts.name,
                "facets": {facets.SYMLINKS: Raw(link)},
            },
        }
    )


def hiding_event(kind: str, namespace: str, name: str, time: int) -> bytes:
    """The event that deletes a job or dataset, until a newer one names it."""
    return encoded(
        {
            "eventTime": format_time(time),
            "producer": PRODUCER,
            "schemaURL": SPEC + ("JobEvent" if kind == "job" else "DatasetEvent"),
            kind: {
                "namespace": namespace,
                "name": name,
                "facets": {"headwater_hidden": facets.facet(OURS + "HeadwaterHidden.json")},
            },
        }
    )


def format_time(micros: int) -> str:
    seconds, rest = divmod(micros, 1_000_000)
    return f"{_second(seconds)}.{rest:06}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


_Standard = dict[int, dict[str, dict[End, None]]]


def _columns(operator: Operator) -> tuple[_Standard, list[bytes]]:
    """Column lineage as the standard facet states it, by output, and what stays in groups.

    A group is written before the next one is read: there may be a hundred of 200 columns.
    """
    standard: _Standard = {}
    kept: list[bytes] = []
    fed: dict[int, set[int]] = {}
    if operator.pairs > PAIRS:
        for inputs, outputs in operator.groups():
            sources = {place for place, _ in inputs}
            for place in {place for place, _ in outputs}:
                fed.setdefault(place, set()).update(sources)
            kept.append(encoded({"inputs": inputs, "outputs": outputs}))
    else:
        for inputs, outputs in operator.groups():
            for place, column in outputs:
                fields = standard.setdefault(place, {})
                if column in fields:
                    fields[column].update(dict.fromkeys(inputs))
                else:
                    fields[column] = dict.fromkeys(inputs)
        for place, fields in standard.items():
            fed[place] = {source for ends in fields.values() for source, _ in ends}
    return standard, [*kept, *_whole(operator, fed)]


def _whole(operator: Operator, fed: dict[int, set[int]]) -> list[bytes]:
    """The tables that feed an output of which no column says so; they are stated all the same."""
    missing: dict[tuple[int, ...], list[int]] = {}
    for output, sources in fed.items():
        rest = tuple(
            place
            for place, stated in operator.inputs.items()
            if stated and place not in sources and place != output
        )
        if rest and operator.outputs[output]:
            missing.setdefault(rest, []).append(output)
    return [
        encoded(
            {"inputs": [[place] for place in inputs], "outputs": [[place] for place in outputs]}
        )
        for inputs, outputs in missing.items()
    ]
