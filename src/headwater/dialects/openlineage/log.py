"""Reads events back from the log, for what is folded when asked."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

from headwater.errors import HeadwaterError
from headwater.event import Event
from headwater.history import FacetStatement, fold_node
from headwater.ids import Key, NodeId, digest_of
from headwater.records import LAST_STAMP, Stamp, stamp_ceiling, stamp_of
from headwater.store import LoggedEvent, Reader

Stamped = list[tuple[Stamp, Event]]
Decoders = Mapping[str, Callable[[bytes], Event]]
"""By the name of the dialect that an event came in; lenient, for what was accepted once."""

PAGE = 200
SCANNED = 5_000
"""How many events of a node are read for its state at a past time."""

LARGEST = 128 << 20
"""How many bytes of events are read for one answer, about."""
_PART = 8 << 20


class Log:
    """The stored events, decoded."""

    def __init__(self, decoders: Decoders) -> None:
        self._decoders = decoders

    def decode(self, logged: LoggedEvent) -> Event | None:
        """None for an event that was kept although it cannot be decoded."""
        decoder = self._decoders.get(logged.dialect)
        if decoder is None:
            return None
        try:
            return decoder(logged.body)
        except HeadwaterError:
            return None

    async def events(self, reader: Reader, positions: Sequence[int]) -> tuple[Stamped, bool]:
        """The events at these places in the log, and whether they are all that was asked for: of
        large ones, only the first."""
        found, size = await self._sized(reader, positions)
        return found, size is not None

    async def _sized(self, reader: Reader, positions: Sequence[int]) -> tuple[Stamped, int | None]:
        """The events, and how many bytes they have; None: they are not all."""
        found: Stamped = []
        read = 0
        async for part, size in self._parts(reader, positions):
            if read >= LARGEST:
                return found, None
            found += part
            read += size
        return found, read

    async def _parts(
        self, reader: Reader, positions: Sequence[int]
    ) -> AsyncIterator[tuple[Stamped, int]]:
        """The events and their size in bytes, in parts that are small when the events are large."""
        count = 4
        while positions:
            bodies = await reader.bodies(positions[:count])
            positions = positions[count:]
            size = sum(len(logged.body) for logged in bodies.values())
            yield list(self._stamped(bodies.values())), size
            count = _next_count(count, size)

    async def grouped(
        self, reader: Reader, groups: Sequence[Sequence[int]]
    ) -> AsyncIterator[Stamped]:
        """The events of each group of places, as `events` gives them; small ones in one go."""
        count, at = 4, 0
        while at < len(groups):
            end = _together(groups, at, count)
            if end == at + 1:
                events, size = await self._sized(reader, groups[at])
                yield events
            else:
                wanted = [place for group in groups[at:end] for place in group]
                bodies = await reader.bodies(wanted)
                for group in groups[at:end]:
                    yield list(self._stamped(bodies[place] for place in group if place in bodies))
                size = sum(len(logged.body) for logged in bodies.values())
            count = 1 if size is None else _next_count(count, size)
            at = end

    def _stamped(self, bodies: Iterable[LoggedEvent]) -> Iterator[tuple[Stamp, Event]]:
        for logged in bodies:
            event = self.decode(logged)
            if event is not None:
                yield (
                    stamp_of(event, digest_of(logged.body, logged.token), logged.received_at),
                    event,
                )

    async def facets(
        self, reader: Reader, key: Key, node: NodeId, until: int | None = None
    ) -> tuple[dict[str, FacetStatement], bool]:
        """The facets of a node now or at a time, deleted ones too, and whether they are complete.

        A facet that was stated last before that time is found at once; for others the node's events
        are read backwards, at most `SCANNED` of them.
        """
        ceiling = LAST_STAMP if until is None else stamp_ceiling(until)
        states = await reader.facets(key)
        found: dict[str, FacetStatement] = {}
        for stamp in {state.stamp for state in states.values() if state.stamp <= ceiling}:
            rows = await reader.node_events(key, _behind(stamp), 1)
            events, _ = await self.events(reader, [position for _, position in rows])
            found = fold_node(events, node, found)
        wanted = states.keys() - found.keys()
        if until is None or not wanted:
            return found, True
        return await self._backwards(reader, key, node, found, wanted, _behind(ceiling))

    async def _backwards(
        self,
        reader: Reader,
        key: Key,
        node: NodeId,
        found: dict[str, FacetStatement],
        wanted: set[str],
        before: Stamp,
    ) -> tuple[dict[str, FacetStatement], bool]:
        room = LARGEST
        for _ in range(0, SCANNED, PAGE):
            rows = await reader.node_events(key, before, PAGE)
            async for part, size in self._parts(reader, [position for _, position in rows]):
                if room <= 0:
                    return found, False
                found = fold_node(part, node, found)
                room -= size
                if wanted <= found.keys():  # what comes behind is older
                    return found, True
            if len(rows) < PAGE:
                return found, True
            before = rows[-1][0]
        return found, False


def _together(groups: Sequence[Sequence[int]], at: int, count: int) -> int:
    """The end of the groups from `at` on that have at most so many places; one at the least."""
    end, places = at + 1, len(groups[at])
    while end < len(groups) and places + len(groups[end]) <= count:
        places += len(groups[end])
        end += 1
    return end


def _next_count(count: int, size: int) -> int:
    """How many events to read next, after so many of this size."""
    return max(1, min(PAGE, 2 * count, count * _PART // max(size, 1)))


def _behind(stamp: Stamp) -> Stamp:
    """The next greater stamp."""
    value = int.from_bytes(stamp, "big") + 1
    return min(value, int.from_bytes(LAST_STAMP, "big")).to_bytes(16, "big")
