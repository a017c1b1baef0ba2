"""Edges with their evidence, and which of them hold now."""

from headwater import fold
from headwater.fold import Origin
from headwater.ids import Key
from headwater.records import Stamp, stamp_time
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Connection, Row
from headwater.stores.sqlite.names import Names
from headwater.stores.sqlite.runs import Contents, Moved
from headwater.stores.sqlite.standing import Standings

Edge = tuple[int, int, int]
"""(owner, source, target)"""


class _Seen:
    __slots__ = ("first", "last", "last_run", "runs")

    def __init__(self, first: int, last: Stamp, last_run: int | None, runs: int) -> None:
        self.first = first
        self.last = last
        self.last_run = last_run
        self.runs = runs


class Edges:
    def __init__(self, db: Connection, names: Names, contents: Contents) -> None:
        self._db = db
        self._names = names
        self._contents = contents
        self._seen: dict[Edge, _Seen] = {}
        self._renamed: set[Edge] = set()
        self._owners: dict[int, Key] = {}
        self._declared: dict[int, tuple[Stamp, int]] = {}
        self._current: list[Row] = []
        self._origins: dict[Edge, int] = {}
        """Of edges that are not known as they were."""
        self._standings = Standings(db)

    def reset(self) -> None:
        self._standings.reset()
        self._clear()

    def _clear(self) -> None:
        self._declared.clear()
        self._seen.clear()
        self._renamed.clear()
        self._owners.clear()
        self._current.clear()
        self._origins.clear()

    def see(self, edge: Edge, stamp: Stamp, time: int, run: int | None, new_run: bool) -> None:
        """An event of that time (µs) states the edge; `new_run`: none of its run's events had."""
        known = self._seen.get(edge)
        if known is None:
            self._seen[edge] = _Seen(time, stamp, run, int(new_run))
            return
        known.first = min(known.first, time)
        known.runs += new_run
        if stamp > known.last:
            known.last = stamp
            known.last_run = run

    def rename(self, old: int, new: int, stamp: Stamp) -> None:
        self.see((new, old, new), stamp, stamp_time(stamp), None, new_run=False)
        self._renamed.add((new, old, new))

    def touch(self, owner_id: int, owner: Key) -> None:
        """What holds for this owner is to be worked out again."""
        self._owners[owner_id] = owner

    def declare(self, owner_id: int, stamp: Stamp, content: int) -> None:
        self._db.run("insert_declaration", owner_id, stamp, content)
        known = self._declared.get(owner_id)
        if known is None or stamp > known[0]:
            self._declared[owner_id] = (stamp, content)

    def flush(self, moved: list[Moved]) -> None:
        """Args: moved: the runs of the batch whose standing changed; they are written already."""
        moves: dict[int, list[Moved]] = {}
        for move in moved:
            moves.setdefault(move.job_id, []).append(move)
        for owner_id, owner in self._owners.items():
            self._refresh(owner_id, owner, moves.get(owner_id, []))
        self._write()
        self._db.bulk("put_current", self._current)
        for edge in self._renamed:
            self._db.run("rename_edge", *edge)
        self._clear()

    def _write(self) -> None:
        """A new edge is written once, as it holds now: its indexes say so too."""
        turned = self._origins
        known: list[Row] = []
        new: list[Row] = []
        for edge, seen in self._seen.items():
            origin = turned.pop(edge, None)
            row = (*edge, origin or 0, seen.first, seen.last, seen.runs, seen.last_run)
            (known if origin is None else new).append(row)
        self._db.bulk("merge_edge", known)
        self._db.bulk("merge_turned_edge", new)
        self._db.bulk("set_origin", [(origin, *edge) for edge, origin in turned.items()])

    def _refresh(self, owner_id: int, owner: Key, moves: list[Moved]) -> None:
        """Works out which contents hold for an owner, and writes what changed by it."""
        before, now = self._standings.update(
            owner_id, moves, self._declared.get(owner_id), self._names.new(owner_id)
        )
        if now == before:
            return
        self._current.append((owner_id, codec.encode_current(now)))
        origins: dict[tuple[int, int], Origin] = {}
        flows = False
        node = self._names.node
        for content_id, declared in now:
            bare, stated = self._contents.stated(owner, content_id)
            flows = flows or not bare
            self._names.find({key for pair in stated for key in pair})
            for (source, target), known in stated.items():
                pair = (node(source), node(target))
                origin = fold.declared(known) if declared else known
                origins[pair] = origins.get(pair, Origin(0)) | origin
        self._db.run("set_flows", int(flows), owner_id, int(flows))
        self._write_origins(owner_id, origins)

    def _write_origins(self, owner_id: int, origins: dict[tuple[int, int], Origin]) -> None:
        held = {(s, t): Origin(origin) for s, t, origin in self._db.all("held_edges", owner_id)}
        for pair in held.keys() | origins.keys():
            kept = held.get(pair, Origin(0)) & Origin.RENAMED
            wanted = origins.get(pair, Origin(0)) | kept
            if wanted != held.get(pair, Origin(0)):
                self._origins[(owner_id, *pair)] = int(wanted)
