"""The bodies of the three writes, as Huawei documents them; unknown members are ignored.

Groups of columns stay raw until they are read one by one: a request may hold 20,000 columns.
"""

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw

from headwater.errors import InvalidParameter, MalformedBody

T = TypeVar("T")

LONGEST = 1_024
LARGEST = 12 << 20
"""Bytes of a body: more cannot be signed."""

Text = Annotated[str, Meta(max_length=LONGEST)]
Some = Text | None
"""An empty text, null and an absent member mean the same."""


class Table(msgspec.Struct, frozen=True):
    """A table, by the parts of its name; the connection says where it is."""

    catalog: Some = None
    database: Some = None
    schema: Some = None
    table: Some = None


class Column(msgspec.Struct, frozen=True):
    """A column; it has no catalog, here neither."""

    database: Some = None
    schema: Some = None
    table: Some = None
    column: Some = None


Tables = Annotated[list[Table], Meta(min_length=1, max_length=100)]
Columns = Annotated[list[Column], Meta(min_length=1, max_length=100)]
Groups = Annotated[list[Raw], Meta(max_length=100)]


class Group(msgspec.Struct):
    """Every input column reaches every output column."""

    input_columns: Columns
    output_columns: Columns


class _Lineage(msgspec.Struct):
    input_tables: Tables
    output_tables: Tables


class TableLineage(_Lineage):
    column_lineages: Groups | None = None


class _ReadLineage(_Lineage):
    column_lineages: Annotated[list[Group], Meta(max_length=100)] | None = None


class _Info(msgspec.Struct):
    cluster_id: Some = None
    data_source_type: Some = None
    connection_id: Some = None
    connection_name: Some = None
    workspace_id: Some = None
    job_id: Some = None
    node_name: Some = None


class LineageInfo(_Info):
    """CreateLineageInfo, v1."""

    table_lineage: TableLineage | None = None


class ReadInfo(_Info):
    """The same with its groups of columns read."""

    table_lineage: _ReadLineage | None = None


class ImportedLineage(TableLineage, kw_only=True):
    """An element of ImportLineage, v3."""

    name: Text
    source_connection_id: Text
    target_connection_id: Some = None


class MapGroup(msgspec.Struct):
    """A group of ImportDataMapLineage: many columns reach one."""

    input_columns: Columns
    output_column: Column


class MapConfig(msgspec.Struct):
    """An operator of ImportDataMapLineage: many tables reach one."""

    name: Text
    input_tables: Tables
    output_table: Table
    sql_statement: str | None = None
    column_lineages: Groups | None = None


class MapLineage(msgspec.Struct):
    """ImportDataMapLineage, the beta's."""

    input_source_id: Text
    output_source_id: Text
    lineage_configs: Annotated[list[Raw], Meta(min_length=1)]


SMALL = 64 << 10
"""Bytes of a request of which the groups of columns are read at once: that is quicker."""
_PLACED = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_SYNTAX = msgspec.json.Decoder(Raw)


class Shape:
    """Reads JSON of one type; what is wrong is named by its path."""

    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def read(self, text: bytes | Raw, at: str = "") -> Any:
        """Raises InvalidParameter with the path of what is off; MalformedBody: it is no JSON."""
        try:
            return self._decoder.decode(text)
        except msgspec.ValidationError as error:
            raise _invalid(str(error), at) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedBody(f"the body is not JSON: {error}") from error
        except RecursionError as error:
            raise MalformedBody("the body is nested too deeply") from error


def _invalid(text: str, at: str) -> InvalidParameter:
    match = _PLACED.fullmatch(text)
    reason, path = (match[1], match[2]) if match else (text, "")
    missing = _MISSING.fullmatch(reason)
    if missing:
        reason = "is missing"
    steps = (at, path, missing[1] if missing else "")
    return InvalidParameter(".".join(filter(None, steps)).replace(".[", "[") or "body", reason)


def lineage_info(text: bytes, at: str) -> LineageInfo | ReadInfo:
    """Raises what `Shape.read` does; what is wrong in a group is left to who reads it."""
    if len(text) <= SMALL:
        try:
            return _read_info.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # told below
    info: LineageInfo = LINEAGE_INFO.read(text, at)
    return info


def require_text(body: bytes) -> None:
    """Raises MalformedBody for an empty body, and for one that is not UTF-8."""
    if not body:
        raise MalformedBody("the body is empty")
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise MalformedBody(f"the body is not UTF-8: {error}") from error


LINEAGE_INFO = Shape(LineageInfo)
_read_info = msgspec.json.Decoder(ReadInfo)
IMPORTED_LIST = Shape(Annotated[list[Raw], Meta(min_length=1)])
IMPORTED = Shape(ImportedLineage)
MAP_LINEAGE = Shape(MapLineage)
MAP_CONFIG = Shape(MapConfig)
GROUP = Shape(Group)
MAP_GROUP = Shape(MapGroup)
