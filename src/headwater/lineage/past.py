"""Which edges held at a moment, and how they were known then.

An edge row says how the edge is known now. Most owners state today what they stated at the moment,
so only of the others are the contents read and folded.
"""

from collections.abc import Iterable

import msgspec

from headwater import fold
from headwater.fold import Origin
from headwater.ids import Key
from headwater.store import EdgeRow, Moment, Reader, Stated


class Past:
    def __init__(self, reader: Reader, moment: Moment) -> None:
        self._reader = reader
        self._moment = moment
        self._met: set[Key] = set()
        self._origins: dict[Key, dict[tuple[Key, Key], Origin]] = {}
        """Of owners for which other contents held than hold now."""

    async def learn(self, owners: Iterable[Key]) -> dict[Key, list[Stated]]:
        """Gives what was stated by those of the owners, met for the first time, that state
        something else now."""
        new = set(owners) - self._met
        if not new:
            return {}
        self._met |= new
        changed = await self._reader.changed(new, self._moment)
        if not changed:
            return {}
        stated = await self._reader.stated(changed, self._moment)
        parts = {owner: stated.get(owner, []) for owner in changed}
        for owner in changed:
            self._origins[owner] = _origins(owner, parts[owner])
        return parts

    def holding(self, edges: list[EdgeRow]) -> list[EdgeRow]:
        """The edges that held, with how they were known; their owners are learnt."""
        kept = []
        for edge in edges:
            then, evidence = self._origins.get(edge.owner), edge.evidence
            if then is None:
                if evidence.origin:
                    kept.append(edge)
                continue
            origin = then.get((edge.source, edge.target), Origin(0))
            origin |= evidence.origin & Origin.RENAMED
            if origin:
                known = msgspec.structs.replace(evidence, origin=origin)
                kept.append(msgspec.structs.replace(edge, evidence=known))
        return kept


def _origins(owner: Key, parts: list[Stated]) -> dict[tuple[Key, Key], Origin]:
    found: dict[tuple[Key, Key], Origin] = {}
    for part in parts:
        stated = (fold.declared_edges if part.declared else fold.edges)(owner, part.content)
        for pair, origin in stated.items():
            known = found.get(pair)
            found[pair] = origin if known is None else known | origin
    return found
