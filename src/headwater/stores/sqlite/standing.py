"""Which contents hold for an owner now, kept up to date as its runs and declarations change."""

from headwater.memo import Memo
from headwater.records import Stamp
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Connection
from headwater.stores.sqlite.runs import Moved, Standing

OWNERS_KEPT = 20_000
LATER_KEPT = 64
"""A job with more runs after its newest complete one is read from the database each time."""

Held = list[tuple[int, bool]]
"""(content, declared), sorted."""


def _rank(order: tuple[int, bytes | str]) -> tuple[int, bool, bytes | str]:
    """As SQLite orders them: a text stands before bytes."""
    return order[0], isinstance(order[1], bytes), order[1]


class _Owner:
    """The runs of an owner that count: its newest complete one, and the later ones."""

    __slots__ = ("declared", "held", "later", "newest")

    def __init__(self, held: Held) -> None:
        self.held = held
        self.newest: Standing | None = None
        self.later: dict[tuple[int, bytes | str], int] = {}
        self.declared: tuple[Stamp, int] | None = None

    def move(self, moved: Moved) -> bool:
        """Takes one change in; False when the database has to be asked."""
        before, after = moved.before, moved.after
        if before is not None:
            self.later.pop(before.order, None)
            was_newest = self.newest is not None and before.order == self.newest.order
            if was_newest and (
                after is None or not after.complete or _rank(after.order) < _rank(before.order)
            ):
                return False
        if after is None:
            return True
        if after.complete:
            if self.newest is None or _rank(after.order) >= _rank(self.newest.order):
                self.newest = after
                self.later = {o: v for o, v in self.later.items() if _rank(o) > _rank(after.order)}
        elif self.newest is None or _rank(after.order) > _rank(self.newest.order):
            self.later[after.order] = after.version
        return True

    def holds(self) -> Held:
        found = {(version, False) for version in self.later.values()}
        if self.newest is not None:
            found.add((self.newest.version, False))
        if self.declared is not None:
            found.add((self.declared[1], True))
        return sorted(found)


class Standings:
    """Answers, for the owners that a batch touched, what holds and what held before."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._kept: Memo[int, _Owner] = Memo(OWNERS_KEPT)

    def reset(self) -> None:
        self._kept.clear()

    def update(
        self, owner: int, moves: list[Moved], declared: tuple[Stamp, int] | None, new: bool
    ) -> tuple[Held, Held]:
        """Returns (held before, holds now). Called when the runs of the batch are written.

        Args:
            new: the batch made the owner, so the database knows nothing else of it.
        """
        known = _Owner([]) if new else self._kept.get(owner)
        if known is None:
            row = self._db.one("current_of", owner)
            known = _Owner([] if row is None else codec.decode_current(row[0]))
            self._read(owner, known)
        else:
            if declared is not None and (known.declared is None or declared > known.declared):
                known.declared = declared
            if not all(known.move(moved) for moved in moves):
                self._read(owner, known)
        before, known.held = known.held, known.holds()
        if len(known.later) > LATER_KEPT:
            self._kept.drop(owner)
        elif self._kept.get(owner) is not known:
            self._kept.put(owner, known)
        return before, known.held

    def _read(self, owner: int, known: _Owner) -> None:
        row = self._db.one("newest_complete", owner)
        if row is None:
            known.newest = None
            later = self._db.all("all_incomplete", owner)
        else:
            known.newest = Standing((row[0], row[1]), complete=True, version=row[2])
            later = self._db.all("later_incomplete", owner, row[0], row[1])
        known.later = {(at, run_id): version for at, run_id, version in later}
        declared = self._db.one("newest_declaration", owner)
        known.declared = None if declared is None else (declared[0], declared[1])
