"""The nodes that a walk has read, and which of their names are one dataset."""

from collections.abc import Collection, Iterable

from headwater.ids import Key, is_job
from headwater.store import EdgeRow, Moment, NodeRow, Reader


class Known:
    """What every walk keeps of the nodes that it meets, at table level or at column level."""

    def __init__(self, reader: Reader, moment: Moment | None) -> None:
        self._reader = reader
        self._moment = moment
        self._rows: dict[Key, NodeRow] = {}
        self._members: dict[Key, list[NodeRow]] = {}
        # Few nodes are one of these: to ask a set costs the others next to nothing.
        self._hidden: set[Key] = set()
        self._joined: dict[Key, Key] = {}
        self._selective: set[Key] = set()
        """Jobs that lead on by stated flows only."""
        self._declared: set[Key] = set()
        """Datasets that state what they are made of themselves."""

    def hidden(self, row: NodeRow) -> bool:
        if row.hidden_at is None:
            return False
        return self._moment is None or row.hidden_at <= self._moment.until

    async def read(self, keys: Iterable[Key]) -> dict[Key, NodeRow]:
        """Reads the nodes that are not known yet, and the components they are in; gives all."""
        rows = self._rows
        missing = [key for key in keys if key not in rows]
        if missing:
            aliases = self._take((await self._reader.nodes(missing)).values())
            unread = [key for key in aliases if key not in self._members]
            if unread:
                for canonical, members in (await self._reader.members(unread)).items():
                    self._members[canonical] = members
                    self._take(members)
        return rows

    async def read_ends(self, edges: Collection[EdgeRow]) -> None:
        """Reads the ends and the owners of edges."""
        rows = self._rows
        await self.read(
            {edge.source for edge in edges if edge.source not in rows}
            | {edge.target for edge in edges if edge.target not in rows}
            | {edge.owner for edge in edges if edge.owner not in rows}
        )

    def _take(self, rows: Iterable[NodeRow]) -> set[Key]:
        """Gives the canonical members of the components that the rows are in."""
        aliases: set[Key] = set()
        for row in rows:
            key = row.key
            self._rows[key] = row
            if row.alias_of is not None:
                self._joined[key] = row.alias_of
                aliases.add(row.alias_of)
            if row.flows:
                (self._selective if is_job(key) else self._declared).add(key)
            if row.hidden_at is not None and self.hidden(row):
                self._hidden.add(key)
        return aliases

    def canonical(self, key: Key) -> Key:
        return self._joined.get(key, key)

    def names(self, canonical: Key) -> list[Key]:
        """The keys of all members of a component; of a node without aliases its own."""
        members = self._members.get(canonical)
        return [canonical] if members is None else [row.key for row in members]
