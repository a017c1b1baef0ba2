"""From an operator to the OpenLineage event that the log keeps: one JobEvent, compact JSON.

The request stands in it verbatim, so nothing that was sent is lost. Column lineage is the standard
facet on each output while it is small; more pairs than that stay in groups (`headwater_flows`), and
so does what the standard facet cannot say: that a table as a whole feeds an output.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
from msgspec import Raw

from headwater.dialects.dataarts.mapping import Mapped, Maps
from headwater.dialects.dataarts.names import Parts, job_namespace
from headwater.dialects.dataarts.operators import End, Operator, Part, Placed

PRODUCER = "https://github.com/headwater/headwater"
OURS = f"{PRODUCER}/blob/main/docs/reference/facets/"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
STANDARD = "https://openlineage.io/spec/facets/"
INFO, TABLE, FLOWS = "huawei_lineageInfo", "huawei_table", "headwater_flows"
PAIRS = 1_000
"""So many pairs of columns are written one by one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_json = msgspec.json.Encoder().encode
Facet = dict[str, object]


def job_event(
    operator: Operator, parts: Sequence[Part], guid_name: str, time: int, maps: Maps
) -> bytes:
    """The event of an operator.

    Args:
        parts: the requests that it is made of; the newest is the last.
        guid_name: the qualified name of the operator.
        time: microseconds since 1970; the receipt.
    """
    datasets = list(operator.datasets)
    standard, groups = _columns(operator)
    facets: dict[str, object] = {
        "jobType": _JOB_TYPE,
        INFO: _info(operator, parts, guid_name),
    }
    if operator.sql is not None:
        facets["sql"] = _facet(STANDARD + "1-1-0/SQLJobFacet.json", query=operator.sql)
    if groups:
        facets[FLOWS] = _facet(
            OURS + "HeadwaterFlows.json",
            datasets=[Raw(b"{%b}" % _named(placed)) for placed in datasets],
            flows=groups,
        )
    return _json(
        {
            "eventTime": format_time(time),
            "producer": PRODUCER,
            "schemaURL": SPEC + "JobEvent",
            "job": {
                "namespace": job_namespace(operator.project, operator.workspace),
                "name": operator.job_name,
                "facets": facets,
            },
            "inputs": [_dataset(datasets[at], maps, None) for at in operator.inputs],
            "outputs": [
                _dataset(datasets[at], maps, _column_facet(standard.get(at), datasets))
                for at in operator.outputs
            ],
        }
    )


_TIME = slice(len('{"eventTime":"'), len('{"eventTime":"1970-01-01T00:00:00.000000Z'))


def dated(event: bytes, time: int) -> bytes:
    """An event of this module with another time."""
    return event[: _TIME.start] + format_time(time).encode() + event[_TIME.stop :]


def symlinks_event(placed: Placed, mapped: Mapped | None, time: int) -> bytes:
    """The event that joins a table with its native name, or parts them again (None)."""
    return _json(
        {
            "eventTime": format_time(time),
            "producer": PRODUCER,
            "schemaURL": SPEC + "DatasetEvent",
            "dataset": {
                "namespace": placed.namespace,
                "name": placed.parts.name,
                "facets": {"symlinks": _symlinks(mapped and mapped.node(placed.parts))},
            },
        }
    )


def hiding_event(kind: str, namespace: str, name: str, time: int) -> bytes:
    """The event that deletes a job or dataset, until a newer one names it."""
    return _json(
        {
            "eventTime": format_time(time),
            "producer": PRODUCER,
            "schemaURL": SPEC + ("JobEvent" if kind == "job" else "DatasetEvent"),
            kind: {
                "namespace": namespace,
                "name": name,
                "facets": {"headwater_hidden": _facet(OURS + "HeadwaterHidden.json")},
            },
        }
    )


def format_time(micros: int) -> str:
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def _facet(schema_url: str, /, **members: object) -> Facet:
    return {"_producer": PRODUCER, "_schemaURL": schema_url, **members}


def _info(operator: Operator, parts: Sequence[Part], guid_name: str) -> Facet:
    *before, newest = parts
    more: Facet = {"before": [_part(part) for part in before]} if before else {}
    return _facet(
        OURS + "HuaweiLineageInfo.json",
        project_id=operator.project,
        workspace=operator.workspace,
        qualified_name=guid_name,
        **more,
        **_part(newest),
    )


def _part(part: Part) -> dict[str, object]:
    where = {"input_source_id": part.source, "output_source_id": part.target}
    said: dict[str, object] = dict(where) if part.source or part.target else {}
    return {"operation": part.operation, **said, "request": Raw(part.request)}


# A request names tables and columns by the hundred: they are written as JSON piece by piece.


def _head(facet: Facet) -> bytes:
    """The beginning of a facet's JSON, for more members."""
    return _json(facet)[:-1] + b","


_JOB_TYPE = Raw(
    _json(
        _facet(
            STANDARD + "2-0-4/JobTypeJobFacet.json",
            processingType="BATCH",
            integration="DATAARTS",
            jobType="NODE",
        )
    )
)
_TABLE_HEAD = _head(_facet(OURS + "HuaweiTable.json"))
_COLUMNS_HEAD = _head(_facet(STANDARD + "1-2-0/ColumnLineageDatasetFacet.json"))


@lru_cache(maxsize=20_000)
def _named(placed: Placed) -> bytes:
    """The members that say which dataset it is."""
    return b'"namespace":%b,"name":%b' % (_json(placed.namespace), _json(placed.parts.name))


@lru_cache(maxsize=20_000)
def _table(parts: Parts) -> bytes:
    """The facet with the parts of a table's name, and where it stands."""
    return b'"%b":%b"catalog":%b,"database":%b,"schema":%b,"table":%b}' % (
        TABLE.encode(),
        _TABLE_HEAD,
        *map(_json, parts),
    )


def _dataset(placed: Placed, maps: Maps, columns: bytes | None) -> Raw:
    facets = [_table(placed.parts)]
    mapped = maps.get(placed.namespace)
    if mapped is not None:
        facets.append(b'"symlinks":%b' % _json(_symlinks(mapped.node(placed.parts))))
    if columns is not None:
        facets.append(b'"columnLineage":%b' % columns)
    return Raw(b'{%b,"facets":{%b}}' % (_named(placed), b",".join(facets)))


def _symlinks(node: tuple[str, str] | None) -> Facet:
    schema = STANDARD + "1-0-1/SymlinksDatasetFacet.json"
    if node is None:
        return _facet(schema, _deleted=True)
    identifier = {"namespace": node[0], "name": node[1], "type": "TABLE"}
    return _facet(schema, identifiers=[identifier])


_Standard = dict[int, dict[str, dict[End, None]]]


def _columns(operator: Operator) -> tuple[_Standard, list[object]]:
    """Column lineage as the standard facet states it, by output, and what stays in groups.

    A group is written before the next one is read: there may be a hundred of 200 columns.
    """
    many = operator.pairs > PAIRS
    standard: _Standard = {}
    kept: list[object] = []
    fed: dict[int, set[int]] = {}
    for inputs, outputs in operator.groups():
        sources = {place for place, _ in inputs}
        for place in {place for place, _ in outputs}:
            fed.setdefault(place, set()).update(sources)
        if many:
            kept.append(Raw(_json({"inputs": inputs, "outputs": outputs})))
            continue
        for place, column in outputs:
            standard.setdefault(place, {}).setdefault(column, {}).update(dict.fromkeys(inputs))
    return standard, [*kept, *_whole(operator, fed)]


def _whole(operator: Operator, fed: dict[int, set[int]]) -> list[object]:
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
        {"inputs": [[place] for place in inputs], "outputs": [[place] for place in outputs]}
        for inputs, outputs in missing.items()
    ]


def _column_facet(
    stated: dict[str, dict[End, None]] | None, datasets: list[Placed]
) -> bytes | None:
    if not stated:
        return None
    fields = [
        b'%b:{"inputFields":[%b]}'
        % (
            _json(column),
            b",".join(
                [
                    b'{%b,"field":%b}' % (_named(datasets[place]), _json(field))
                    for place, field in inputs
                ]
            ),
        )
        for column, inputs in stated.items()
    ]
    return b'%b"fields":{%b}}' % (_COLUMNS_HEAD, b",".join(fields))
