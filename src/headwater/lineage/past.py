"""Which edges held at a moment, and how they were known then.

An edge row says how the edge is known now. Most owners state today what they stated at the moment,
so only of the others are the contents read and folded.
"""

from collections.abc import Iterable

from headwater import fold
from headwater.fold import Origin
from headwater.ids import Key
from headwater.store import Moment, Reader, StatedTables
from headwater.walks import Edge, Number


class Past:
    def __init__(self, reader: Reader, moment: Moment) -> None:
        self._reader = reader
        self._moment = moment
        self._met: set[Number] = set()
        self._origins: dict[Number, dict[tuple[Number, Number], Origin]] = {}
        """Of owners for which other contents held than hold now."""

    async def learn(self, owners: set[Number]) -> dict[Number, list[StatedTables]]:
        """Gives what was stated by those of the owners, met for the first time, that state
        something else now."""
        new = owners.difference(self._met)
        if not new:
            return {}
        self._met |= new
        changed = await self._reader.changed(new, self._moment)
        if not changed:
            return {}
        keys = await self._reader.keys(changed)
        stated = await self._reader.stated_tables(keys.values(), self._moment)
        parts = {owner: stated.get(key, []) for owner, key in keys.items()}
        origins = {owner: _origins(keys[owner], parts[owner]) for owner in changed}
        ends = {key for found in origins.values() for pair in found for key in pair}
        number = await self._reader.numbers(ends)
        for owner, found in origins.items():
            self._origins[owner] = {(number[s], number[t]): how for (s, t), how in found.items()}
        return parts

    def holding(self, edges: list[Edge]) -> list[Edge]:
        """The edges that held, with how they were known; their owners are learnt."""
        kept: list[Edge] = []
        for edge in edges:
            then = self._origins.get(edge[2])
            if then is None:
                if edge[3]:
                    kept.append(edge)
                continue
            origin = then.get(edge[:2], 0) | edge[3] & Origin.RENAMED
            if origin:
                kept.append((*edge[:3], int(origin), *edge[4:]))
        return kept


def _origins(owner: Key, parts: Iterable[StatedTables]) -> dict[tuple[Key, Key], Origin]:
    found: dict[tuple[Key, Key], Origin] = {}
    for part in parts:
        stated = (fold.declared_edges if part.declared else fold.edges)(owner, part.content)
        for pair, origin in stated.items():
            known = found.get(pair)
            found[pair] = origin if known is None else known | origin
    return found
