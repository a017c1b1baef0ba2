"""The port of walks: the reads that take thousands of nodes and edges.

In them nodes go by numbers. A reader gives them out, and they are good for one question: a store
may take its own surrogates. What a node is called is read once, of those that an answer shows.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

import msgspec

from headwater.fold import Origin
from headwater.ids import Key, NodeId

Number = int
Said = tuple[int, int, bytes, int, int | None]
"""What is known of an edge, as a row: origin, first, last, runs, last run. See `evidence`."""
End = tuple[Number, Number, Number]
"""Source, target and owner, which no two edges share."""
Edge = tuple[Number, Number, Number, int, int, bytes, int, int | None]
"""The same, and what is known of the edge."""

About = Mapping[Key, AbstractSet[str | None]]
"""Columns, by their datasets; None among them: any column."""


class Trait(NamedTuple):
    """What sets a node apart from most: `NodeRow` says what each means."""

    number: Number
    key: Key
    alias_of: Number | None
    flows: bool
    hidden_at: int | None


class Evidence(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """How an edge is known, first and last seen (µs), and by which runs. Many edges share one."""

    origin: Origin
    first: int
    last: int
    runs: int
    last_run: str | None


class Walker(Protocol):
    """The part of a reader that walks take."""

    async def numbers(self, keys: Iterable[Key]) -> dict[Key, Number]:
        """The numbers of the nodes that exist."""
        ...

    async def keys(self, numbers: Iterable[Number]) -> dict[Number, Key]: ...

    async def named(self, numbers: Iterable[Number]) -> dict[Number, NodeId]: ...

    async def traits(self, numbers: Iterable[Number]) -> list[Trait]:
        """Of those of the nodes that have any: an alias, flows of their own, or hidden."""
        ...

    async def joined(self, canonical: Iterable[Number]) -> list[Trait]:
        """The members of the alias components of these canonical members."""
        ...

    async def steps(self, numbers: Iterable[Number], *, up: bool, until: int | None) -> list[Edge]:
        """The edges that enter (up) or leave any of the nodes.

        With a time: every edge first seen until then, to be checked against `Reader.stated`.
        """
        ...

    async def ends(self, numbers: Iterable[Number], *, up: bool) -> list[End]:
        """As `steps`, now, where edges are only counted."""
        ...

    async def evidence(self, said: Iterable[Said]) -> dict[Said, Evidence]: ...
