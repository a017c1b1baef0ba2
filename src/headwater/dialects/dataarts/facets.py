"""The facets that Headwater writes of an operator and its tables, as JSON.

A request names tables and columns by the hundred, and may be megabytes: so facets are written piece
by piece.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from headwater.dialects.dataarts.names import Parts
from headwater.dialects.dataarts.operators import End, Operator, Part

PRODUCER = "https://github.com/headwater/headwater"
OURS = f"{PRODUCER}/blob/main/docs/reference/facets/"
STANDARD = "https://openlineage.io/spec/facets/"
INFO, TABLE, FLOWS = "huawei_lineageInfo", "huawei_table", "headwater_flows"
COLUMNS, JOB_TYPE, SQL, SYMLINKS = "columnLineage", "jobType", "sql", "symlinks"

Facet = dict[str, object]
encoded = msgspec.json.Encoder().encode


def facet(schema_url: str, /, **members: object) -> Facet:
    return {"_producer": PRODUCER, "_schemaURL": schema_url, **members}


def _head(schema_url: str) -> bytes:
    """The beginning of a facet's JSON, for more members."""
    return encoded(facet(schema_url))[:-1] + b","


NODE_TYPE = encoded(
    facet(
        STANDARD + "2-0-4/JobTypeJobFacet.json",
        processingType="BATCH",
        integration="DATAARTS",
        jobType="NODE",
    )
)
_INFO_HEAD = _head(OURS + "HuaweiLineageInfo.json")
_TABLE_HEAD = _head(OURS + "HuaweiTable.json")
_COLUMNS_HEAD = _head(STANDARD + "1-2-0/ColumnLineageDatasetFacet.json")
_FLOWS_HEAD = _head(OURS + "HeadwaterFlows.json")


def info(operator: Operator, parts: Sequence[Part], guid_name: str) -> list[bytes]:
    """The requests of an operator, verbatim, and where they came to; the newest is the last."""
    *before, newest = parts
    pieces = [
        b'%b"project_id":%b,"workspace":%b,"qualified_name":%b,'
        % (_INFO_HEAD, *_placed(operator.project, operator.workspace), encoded(guid_name))
    ]
    if before:
        pieces.append(b'"before":[')
        for number, part in enumerate(before):
            pieces += (b",{" if number else b"{", *_part(part), b"}")
        pieces.append(b"],")
    return [*pieces, *_part(newest), b"}"]


@lru_cache(maxsize=1_000)
def _placed(project: str, workspace: str) -> tuple[bytes, bytes]:
    return encoded(project), encoded(workspace)


def _part(part: Part) -> tuple[bytes, bytes]:
    where = b""
    if part.source or part.target:
        where = b'"input_source_id":%b,"output_source_id":%b,' % (
            encoded(part.source),
            encoded(part.target),
        )
    head = b'"operation":%b,%b"request":' % (encoded(part.operation), where)
    return head, part.request


def sql(query: str) -> bytes:
    return encoded(facet(STANDARD + "1-1-0/SQLJobFacet.json", query=query))


def flows(named: Iterable[bytes], groups: Iterable[bytes]) -> list[bytes]:
    """Column lineage of all outputs in groups.

    Args:
        named: the members that say which dataset it is, of each that the groups refer to.
        groups: each as JSON; at least one.
    """
    pieces = [b'%b"datasets":[{' % _FLOWS_HEAD, b"},{".join(named), b'}],"flows":']
    for number, group in enumerate(groups):
        pieces += (b"," if number else b"[", group)
    return [*pieces, b"]}"]


def table(parts: Parts) -> bytes:
    """The parts of a table's name, as they were sent."""
    return b'%b"catalog":%b,"database":%b,"schema":%b,"table":%b}' % (
        _TABLE_HEAD,
        *map(encoded, parts),
    )


def symlinks(node: tuple[str, str] | None) -> bytes:
    """The native name of a table; None takes it back."""
    schema = STANDARD + "1-0-1/SymlinksDatasetFacet.json"
    if node is None:
        return encoded(facet(schema, _deleted=True))
    identifier = {"namespace": node[0], "name": node[1], "type": "TABLE"}
    return encoded(facet(schema, identifiers=[identifier]))


def columns(fields: Mapping[str, Iterable[End]], named: Sequence[bytes]) -> bytes:
    """Column lineage of one output.

    Args:
        fields: its columns with what reaches them.
        named: the members that say which dataset it is, by its place.
    """
    texts = []
    for column, ends in fields.items():
        sources = [b'{%b,"field":%b}' % (named[place], encoded(field)) for place, field in ends]
        texts.append(b'%b:{"inputFields":[%b]}' % (encoded(column), b",".join(sources)))
    return b'%b"fields":{%b}}' % (_COLUMNS_HEAD, b",".join(texts))
