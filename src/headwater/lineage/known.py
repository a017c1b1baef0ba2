"""The nodes that a walk has read, and which of their names are one dataset."""

from collections.abc import Iterable

from headwater.ids import Key
from headwater.store import Moment, NodeRow, Reader


class Known:
    """What every walk keeps of the nodes that it meets, at table level or at column level."""

    def __init__(self, reader: Reader, moment: Moment | None) -> None:
        self._reader = reader
        self._moment = moment
        self._rows: dict[Key, NodeRow] = {}
        self._members: dict[Key, list[NodeRow]] = {}

    def hidden(self, row: NodeRow) -> bool:
        if row.hidden_at is None:
            return False
        return self._moment is None or row.hidden_at <= self._moment.until

    async def read(self, keys: Iterable[Key]) -> dict[Key, NodeRow]:
        """Reads the nodes that are not known yet, and the components they are in; gives all."""
        missing = [key for key in keys if key not in self._rows]
        if missing:
            found = await self._reader.nodes(missing)
            self._rows.update(found)
            aliases = {row.alias_of for row in found.values() if row.alias_of is not None}
            unread = aliases - self._members.keys()
            if unread:
                for canonical, rows in (await self._reader.members(unread)).items():
                    self._members[canonical] = rows
                    self._rows.update({row.key: row for row in rows})
        return self._rows

    def canonical(self, key: Key) -> Key:
        return self._rows[key].alias_of or key

    def names(self, canonical: Key) -> list[Key]:
        """The keys of all members of a component; of a node without aliases its own."""
        return [row.key for row in self._members.get(canonical, (self._rows[canonical],))]
