"""What sets nodes that a walk has met apart, and which of them are one dataset."""

from collections.abc import Iterable
from operator import itemgetter

from headwater.ids import Key, NodeId, is_job
from headwater.store import Moment, Reader
from headwater.walks import Number, Trait

source_of = itemgetter(0)
target_of = itemgetter(1)
owner_of = itemgetter(2)


class Known:
    """What every walk keeps of the nodes that it meets, at table level or at column level."""

    def __init__(self, reader: Reader, moment: Moment | None) -> None:
        self._reader = reader
        self._moment = moment
        self._until = None if moment is None else moment.until
        self._met: set[Number] = set()
        self._members: dict[Number, list[Number]] = {}
        # Few nodes are one of these: to ask a set costs the others next to nothing.
        self._hidden: set[Number] = set()
        self._joined: dict[Number, Number] = {}
        """The canonical members of those that have one."""
        self._selective: set[Number] = set()
        """Jobs that lead on by stated flows only."""
        self._declared: set[Number] = set()
        """Datasets that state what they are made of themselves."""
        self._keys: dict[Number, Key] = {}
        self._names: dict[Number, NodeId] = {}

    async def begin(self, key: Key) -> Number | None:
        """The canonical member of a node; None: it is unknown, or hidden."""
        number = (await self._reader.numbers((key,))).get(key)
        if number is None:
            return None
        await self.read({number}, room=1)
        return None if number in self._hidden else self.canonical(number)

    async def read(self, numbers: set[Number], room: int = 0) -> None:
        """Reads what is not known yet of the nodes, and the components they are in; names too,
        where no more nodes than `room` are new."""
        new = numbers.difference(self._met)
        if not new:
            return
        self._met |= new
        if len(new) <= room:
            self._names |= await self._reader.named(new)
        traits = await self._reader.traits(new)
        unread = self._take(traits).difference(self._members) if traits else set()
        if unread:
            self._join(await self._reader.joined(unread))

    async def named(self, numbers: Iterable[Number]) -> dict[Number, NodeId]:
        """The names of these nodes, among others."""
        missing = [number for number in numbers if number not in self._names]
        if missing:
            self._names |= await self._reader.named(missing)
        return self._names

    def _join(self, members: list[Trait]) -> None:
        self._take(members)
        for member in members:
            assert member.alias_of is not None
            self._met.add(member.number)
            self._members.setdefault(member.alias_of, []).append(member.number)

    def _take(self, traits: Iterable[Trait]) -> set[Number]:
        """Gives the canonical members of the components that the nodes are in."""
        aliases: set[Number] = set()
        for trait in traits:
            self._keys[trait.number] = trait.key
            if trait.alias_of is not None:
                self._joined[trait.number] = trait.alias_of
                aliases.add(trait.alias_of)
            if trait.flows:
                (self._selective if is_job(trait.key) else self._declared).add(trait.number)
            if trait.hidden_at is not None and self._is_hidden(trait.hidden_at):
                self._hidden.add(trait.number)
        return aliases

    def _is_hidden(self, at: int) -> bool:
        return self._until is None or at <= self._until

    async def keys(self, numbers: Iterable[Number]) -> dict[Number, Key]:
        """The keys of these nodes, among others."""
        missing = [number for number in numbers if number not in self._keys]
        if missing:
            self._keys |= await self._reader.keys(missing)
        return self._keys

    def canonical(self, number: Number) -> Number:
        return self._joined.get(number, number)

    def names(self, canonical: Number) -> list[Number]:
        """All members of a component; of a node without aliases itself."""
        return self._members.get(canonical) or [canonical]
