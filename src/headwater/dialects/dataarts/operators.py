"""An operator of DataArts: what it reads and writes, whichever operation told of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from msgspec import Raw

from headwater.dialects.dataarts import names, wire
from headwater.dialects.dataarts.names import Connection, Parts
from headwater.errors import InvalidParameter


class Part(NamedTuple):
    """One request, or the element of one, about one operator."""

    operation: str
    request: bytes
    source: str = ""
    """Of the data map: where its inputs are; the request of an element does not say it."""
    target: str = ""


class Placed(NamedTuple):
    """A table and the namespace that it is in."""

    namespace: str
    parts: Parts


End = tuple[int, str]
"""A column of the dataset at a place of the list."""
Ends = tuple[list[End], list[End]]
"""The inputs and the outputs of a group of columns."""

KEPT = 1_000
"""Groups are remembered while they are so few pairs of columns; else they are read again."""


class Operator:
    """What one or more requests say of an operator. Datasets are numbered as they are named."""

    def __init__(self, project: str, workspace: str) -> None:
        self.project = project
        self.workspace = workspace
        self.job_id = ""
        self.node_name = ""
        self.sql: str | None = None
        self.datasets: dict[Placed, int] = {}
        self.inputs: dict[int, bool] = {}
        """By place; False for one that only a column names."""
        self.outputs: dict[int, bool] = {}
        self.pairs = 0
        """Of columns, in all groups."""
        self._groups: list[Ends | Callable[[], Ends]] = []

    @property
    def job_name(self) -> str:
        if self.job_id or self.node_name:
            return names.job_name(self.job_id, self.node_name)
        return names.job_name("", self._content())

    @property
    def label(self) -> str:
        return self.node_name or self.job_id or self._content()

    def _content(self) -> str:
        named = list(self.datasets)
        sides = [
            sorted(f"{named[at].namespace} {named[at].parts.name}" for at in side)
            for side in (self.outputs, self.inputs)
        ]
        return names.content_uuid(self.project, self.workspace, *sides[0], "<-", *sides[1])

    @property
    def group_count(self) -> int:
        return len(self._groups)

    def groups(self) -> Iterator[Ends]:
        """Each group of columns; those of a large request are read one at a time."""
        for group in self._groups:
            yield group() if callable(group) else group

    def add(self, part: Part, at: str = "") -> None:
        """Adds what a request says.

        Raises:
            InvalidParameter: something in it is off; named by its path below `at`.
        """
        _READERS[part.operation](self, part, at)

    def add_tables(
        self,
        inputs: Iterable[wire.Table],
        outputs: Iterable[wire.Table],
        namespaces: tuple[str, str],
        at: str,
        outputs_at: str = "output_tables",
    ) -> "_Sides":
        sides = _Sides(self.datasets, (self.inputs, self.outputs), namespaces)
        sides.add(0, inputs, f"{at}input_tables")
        sides.add(1, outputs, f"{at}{outputs_at}")
        return sides

    def add_groups(
        self,
        groups: Iterable[Raw | wire.Group],
        sides: "_Sides",
        at: str,
        one_output: bool = False,
    ) -> None:
        """Looks at every group. Of many pairs, only how to read them again is remembered."""

        def read(said: Raw | wire.Group, place: str) -> Ends:
            if isinstance(said, wire.Group):
                inputs, outputs = said.input_columns, said.output_columns
            elif one_output:
                single: wire.MapGroup = wire.MAP_GROUP.read(said, place)
                inputs, outputs = single.input_columns, [single.output_column]
            else:
                return read(wire.GROUP.read(said, place), place)
            return sides.ends(0, inputs, place), sides.ends(1, outputs, place)

        for number, said in enumerate(groups):
            place = f"{at}column_lineages[{number}]"
            found = read(said, place)
            self.pairs += len(found[0]) * len(found[1])
            self._groups.append(found if self.pairs <= KEPT else partial(read, said, place))


class _Sides:
    """Resolves the columns of one request against its tables: inputs (0) and outputs (1)."""

    def __init__(
        self,
        datasets: dict[Placed, int],
        uses: tuple[dict[int, bool], dict[int, bool]],
        namespaces: tuple[str, str],
    ) -> None:
        self._datasets = datasets  # not the operator: it would be a cycle with its groups
        self._uses = uses
        self._namespaces = namespaces
        self._known: tuple[dict[tuple[str, ...], int], ...] = ({}, {})

    def add(self, side: int, tables: Iterable[wire.Table], at: str) -> None:
        for number, table in enumerate(tables):
            parts = Parts(
                table.catalog or "", table.database or "", table.schema or "", table.table or ""
            )
            if not any(parts):
                raise InvalidParameter(f"{at}[{number}]", "names no table")
            place = self._place(side, parts)
            self._known[side].setdefault(parts[1:], place)
            self._uses[side][place] = True

    def _place(self, side: int, parts: Parts) -> int:
        placed = Placed(self._namespaces[side], parts)
        return self._datasets.setdefault(placed, len(self._datasets))

    def ends(self, side: int, columns: list[wire.Column], at: str) -> list[End]:
        found: list[End] = []
        for number, column in enumerate(columns):
            if not column.column:
                words = ("input_columns", "output_columns")[side]
                raise InvalidParameter(f"{at}.{words}[{number}].column", "is missing or empty")
            parts = (column.database or "", column.schema or "", column.table or "")
            place = self._known[side].get(parts)
            if place is None:
                place = self._implied(side, parts, at)
            found.append((place, column.column))
        return found

    def _implied(self, side: int, parts: tuple[str, str, str], at: str) -> int:
        """A table that only its column names: the one table of that side, or one more."""
        known = self._known[side]
        if not any(parts):
            if len(known) != 1:
                raise InvalidParameter(at, "a column names no table, and there are several")
            return next(iter(known.values()))
        place = known[parts] = self._place(side, Parts("", *parts))
        self._uses[side].setdefault(place, False)
        return place


def _created(operator: Operator, part: Part, at: str) -> None:
    info = wire.lineage_info(part.request, at)
    operator.job_id, operator.node_name = info.job_id or "", info.node_name or ""
    stated = info.table_lineage
    if stated is None:
        if not (info.job_id or info.node_name):
            raise InvalidParameter(
                "body", "says nothing: table_lineage, job_id and node_name are all missing"
            )
        return
    connection = Connection(
        info.connection_id or "",
        info.connection_name or "",
        info.cluster_id or "",
        info.data_source_type or "",
    )
    where = names.dataset_namespace(operator.project, operator.workspace, connection)
    prefix = "table_lineage."
    sides = operator.add_tables(stated.input_tables, stated.output_tables, (where, where), prefix)
    operator.add_groups(stated.column_lineages or (), sides, prefix)


def _imported(operator: Operator, part: Part, at: str) -> None:
    said: wire.ImportedLineage = wire.IMPORTED.read(part.request, at)
    operator.node_name = said.name
    where = _pair(operator, said.source_connection_id, said.target_connection_id or "")
    prefix = f"{at}." if at else ""
    sides = operator.add_tables(said.input_tables, said.output_tables, where, prefix)
    operator.add_groups(said.column_lineages or (), sides, prefix)


def _mapped(operator: Operator, part: Part, at: str) -> None:
    said: wire.MapConfig = wire.MAP_CONFIG.read(part.request, at)
    operator.node_name = said.name
    operator.sql = said.sql_statement or operator.sql
    where = _pair(operator, part.source, part.target)
    prefix = f"{at}." if at else ""
    sides = operator.add_tables(
        said.input_tables, (said.output_table,), where, prefix, "output_table"
    )
    operator.add_groups(said.column_lineages or (), sides, prefix, one_output=True)


def _pair(operator: Operator, source: str, target: str) -> tuple[str, str]:
    """Where the inputs are and where the outputs are; without a target, in the same place."""
    project, workspace = operator.project, operator.workspace
    return (
        names.dataset_namespace(project, workspace, Connection(source)),
        names.dataset_namespace(project, workspace, Connection(target or source)),
    )


CREATE, IMPORT, MAP = "CreateLineageInfo", "ImportLineage", "ImportDataMapLineage"
_READERS: Mapping[str, Callable[[Operator, Part, str], None]] = {
    CREATE: _created,
    IMPORT: _imported,
    MAP: _mapped,
}
