"""The jobs of a domain by their newest event, kept in memory and brought up to date by new events.

Sorting all jobs for every page costs a look-up for each; a column that every event rewrites would
cost more. So a process sorts them once, and later questions move the jobs of the events since.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from headwater.records import FUTURE, credible, stamp_time
from headwater.stores.sqlite.connection import Connection

JOBS = 200_000
"""More are sorted for each question, so that memory stays bounded."""
BEHIND = 50_000
"""After so many events it is quicker to sort anew."""


class Place(NamedTuple):
    """Where a job stands: those with believable events first, the latest of them first."""

    rank: int
    before: int
    namespace: str
    name: str
    id: int


class Jobs(NamedTuple):
    """All jobs, hidden ones too, the latest first; and the states of their newest runs, by id, as
    far as somebody has asked for them. The places are not to be changed; states may be added.
    """

    places: Sequence[Place]
    states: dict[int, str]


class _Order:
    """The jobs of one domain as of a position in the log."""

    def __init__(self, db: Connection, domain: int, position: int) -> None:
        self.position = position
        self.newest_node = 0
        self.places: dict[int, Place] = {}
        for identity, namespace, name, stamp in db.all("jobs_with_stamps", domain):
            self.newest_node = max(self.newest_node, identity)
            self.places[identity] = _place(identity, namespace, name, stamp)
        self.sorted = sorted(self.places.values())
        self.states: dict[int, str] = {}

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.sorted, self.states)

    def move(self, db: Connection, domain: int, position: int) -> None:
        """Takes in what came after; jobs that only others name are new nodes too."""
        self.sorted = self.sorted.copy()  # another thread may be reading the old one
        self.states = self.states.copy()  # or adding to it what holds at its position
        for identity, namespace, name, stamp in db.all("new_jobs", domain, self.newest_node):
            self.newest_node = max(self.newest_node, identity)
            self._put(_place(identity, namespace, name, stamp))
        rows = db.all("jobs_of_events", domain, self.position, position, FUTURE)
        for identity, believed, time in rows:
            self.states.pop(identity, None)
            known = self.places[identity]
            place = known._replace(rank=0 if believed else 1, before=-time)
            if place < known:
                self._put(place)
        self.position = position

    def _put(self, place: Place) -> None:
        known = self.places.get(place.id)
        if known is not None:
            del self.sorted[bisect_left(self.sorted, known)]
        self.places[place.id] = place
        insort(self.sorted, place)


def _place(identity: int, namespace: str, name: str, stamp: bytes | None) -> Place:
    if stamp is None:
        return Place(2, 0, namespace, name, identity)
    rank = 0 if credible(stamp) else 1
    return Place(rank, -stamp_time(stamp), namespace, name, identity)


class Latest:
    """The orders of all domains; used by all reading threads."""

    def __init__(self) -> None:
        self._orders: dict[int, _Order] = {}
        self._lock = Lock()

    def jobs(self, db: Connection, domain: int) -> Jobs:
        """All jobs that the connection sees."""
        row = db.one("last_position")
        position = 0 if row is None else int(row[0])
        with self._lock:
            known = self._orders.get(domain)
            if known is not None and known.position <= position <= known.position + BEHIND:
                if known.position < position:
                    known.move(db, domain, position)
                return known.jobs
        fresh = _Order(db, domain, position)
        with self._lock:
            known = self._orders.get(domain)
            older = known is None or known.position < position
            if older and len(fresh.sorted) <= JOBS:
                self._orders[domain] = fresh
        return fresh.jobs
