"""What walks ask for. The numbers of nodes are their surrogates.

What is looked up for many nodes is looked up in the order in which it is stored: of a file with
millions of rows that takes half the time.
"""

from collections.abc import Iterable
from operator import itemgetter

from headwater.fold import Origin
from headwater.ids import Key, NodeId, NodeKind
from headwater.records import stamp_time
from headwater.store import Direction, EdgeRow, Moment
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Connection, Row, array
from headwater.stores.sqlite.holding import Holding
from headwater.stores.sqlite.names import KIND_OF, KINDS
from headwater.stores.sqlite.nodes import Namespaces
from headwater.walks import Edge, End, Evidence, Number, Said, Trait

EVER = 1 << 62
_ORIGINS = tuple(Origin(number) for number in range(1 << len(Origin)))
_DATASET = KINDS[NodeKind.DATASET]
_run = itemgetter(4)


class Walking(Holding):
    def __init__(self, db: Connection, namespaces: Namespaces) -> None:
        super().__init__(db, namespaces)
        self._datasets: set[int] = set()
        """Those that are known to be datasets."""

    async def numbers(self, keys: Iterable[Key]) -> dict[Key, Number]:
        wanted = list(keys)
        self._known_ids(wanted)
        known = self._ids
        return {key: known[key] for key in wanted if key in known}

    async def keys(self, numbers: Iterable[Number]) -> dict[Number, Key]:
        wanted = sorted(numbers)
        self._learn_keys(wanted)
        known = self._keys
        return {number: known[number] for number in wanted}

    async def named(self, numbers: Iterable[Number]) -> dict[Number, NodeId]:
        wanted = sorted(numbers)
        return self._named(self._db.all("names_by_id", array(wanted))) if wanted else {}

    def _named(self, rows: list[Row]) -> dict[Number, NodeId]:
        """Args: rows: beginning with number, kind, namespace and name."""
        namespaces = self._namespaces.read({row[2] for row in rows})
        self._datasets.update([row[0] for row in rows if row[1] == _DATASET])
        return {row[0]: NodeId(KIND_OF[row[1]], namespaces[row[2]], row[3]) for row in rows}

    def _traits(self, rows: list[Row]) -> list[Trait]:
        self._keys.update([row[:2] for row in rows])
        self._ids.update([row[1::-1] for row in rows])
        return [
            Trait(number, key, alias, flows != 0, hidden)
            for number, key, alias, flows, hidden in rows
        ]

    async def traits(self, numbers: Iterable[Number]) -> list[Trait]:
        wanted = sorted(numbers)
        return self._traits(self._db.all("traits_of", array(wanted))) if wanted else []

    async def joined(self, canonical: Iterable[Number]) -> list[Trait]:
        wanted = sorted(canonical)
        return self._traits(self._db.all("joined_to", array(wanted))) if wanted else []

    async def steps(self, numbers: Iterable[Number], *, up: bool, until: int | None) -> list[Edge]:
        """The edges that a node owns itself are looked for where they lie together; of datasets,
        which seldom own any, only an index is asked."""
        held = (1, EVER) if until is None else (0, until)
        name, wanted = "edges_up" if up else "edges_down", sorted(numbers)
        datasets = [number for number in wanted if number in self._datasets]
        rows = self._db.all(f"{name}_indexed", array(datasets), *held) if datasets else []
        if len(datasets) < len(wanted):
            others = [number for number in wanted if number not in self._datasets]
            rows += self._db.all(name, array(others), *held)
        return rows

    async def ends(self, numbers: Iterable[Number], *, up: bool) -> list[End]:
        wanted = sorted(numbers)
        return self._db.all("ends_up" if up else "ends_down", array(wanted)) if wanted else []

    async def evidence(self, said: Iterable[Said]) -> dict[Said, Evidence]:
        known = set(said)
        runs = self._run_ids({run for run in map(_run, known) if run is not None})
        return {
            row: Evidence(_ORIGINS[row[0]], row[1], stamp_time(row[2]), row[3], runs[row[4]])
            for row in known
        }

    def _run_ids(self, ids: set[int]) -> dict[int | None, str | None]:
        """How runs are named; many edges were last seen by the same one."""
        names: dict[int | None, str | None] = {None: None}
        if ids:
            for identity, stored in self._db.all("run_ids", array(sorted(ids))):
                names[identity] = codec.read_run_id(stored)
        return names

    async def edges(
        self, keys: Iterable[Key], direction: Direction, moment: Moment | None
    ) -> list[EdgeRow]:
        ids = self._known_ids(keys)
        until = None if moment is None else moment.until
        rows: dict[tuple[int, ...], Edge] = {}
        for way in (Direction.DOWN, Direction.UP):
            if direction in (way, Direction.BOTH):
                found = await self.steps(ids, up=way is Direction.UP, until=until)
                rows.update({row[:3]: row for row in found})
        self._learn({identity for name in rows for identity in name})
        told = await self.evidence(row[3:] for row in rows.values())
        keys_of = self._keys
        return [
            EdgeRow(keys_of[row[0]], keys_of[row[1]], keys_of[row[2]], told[row[3:]])
            for row in rows.values()
        ]
