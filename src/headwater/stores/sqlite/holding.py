"""Which contents hold for owners, now or at a moment; for all owners of a level at once."""

from collections.abc import Collection, Iterable

from headwater.ids import Key
from headwater.records import Content, stamp_ceiling
from headwater.store import Moment, Stated, StatedTables
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.connection import Row, array
from headwater.stores.sqlite.nodes import Nodes
from headwater.stores.sqlite.standing import Held
from headwater.stores.sqlite.tables import decode_tables
from headwater.walks import About, Number


class Holding(Nodes):
    async def stated(
        self,
        owners: Iterable[Key],
        moment: Moment | None,
        about: About | None = None,
    ) -> dict[Key, list[Stated]]:
        held = self._held(owners, moment)
        contents = self._contents(_named(held), about)
        return {
            self._keys[owner]: [Stated(contents[content], declared) for content, declared in parts]
            for owner, parts in held.items()
        }

    async def stated_tables(
        self, owners: Iterable[Key], moment: Moment | None
    ) -> dict[Key, list[StatedTables]]:
        held = self._held(owners, moment)
        contents = {
            identity: decode_tables(body)
            for identity, body, _ in self._content_bodies(_named(held))
        }
        return {
            self._keys[owner]: [
                StatedTables(contents[content], declared) for content, declared in parts
            ]
            for owner, parts in held.items()
        }

    def _held(self, owners: Iterable[Key], moment: Moment | None) -> dict[int, Held]:
        ids = self._known_ids(owners)
        if not ids:
            return {}
        return self._held_now(ids) if moment is None else self._held_at(ids, moment)

    async def changed(self, owners: Iterable[Number], moment: Moment) -> set[Number]:
        ids = sorted(owners)
        if not ids:
            return set()
        now, then = self._held_now(ids), self._held_at(ids, moment)
        return {owner for owner in ids if now.get(owner) != then.get(owner)}

    def _held_now(self, owners: Collection[int]) -> dict[int, Held]:
        """Of owners for which something holds."""
        rows = self._db.all("currents_of", array(sorted(owners)))
        held = {owner: codec.decode_current(contents) for owner, contents in rows}
        return {owner: parts for owner, parts in held.items() if parts}

    def _held_at(self, owners: Collection[int], moment: Moment) -> dict[int, Held]:
        """As `_held_now`."""
        until, wanted = moment.until, array(owners)
        found: dict[int, set[tuple[int, bool]]] = {}
        if moment.since is not None:
            rows = self._db.all("versions_between", wanted, moment.since, until)
        else:
            rows = self._db.all("versions_at", wanted, until)
        for owner, *versions in rows:
            held = found.setdefault(owner, set())
            held.update([(version, False) for version in versions if version is not None])
        for owner, content in self._db.all("declarations_at", wanted, stamp_ceiling(until)):
            found.setdefault(owner, set()).add((content, True))
        return {owner: sorted(held) for owner, held in found.items() if held}

    def _contents(self, ids: Collection[int], about: About | None = None) -> dict[int, Content]:
        return {
            identity: codec.decode_content(body, digest, about)
            for identity, body, digest in self._content_bodies(ids)
        }

    def _content_bodies(self, ids: Collection[int]) -> list[Row]:
        return self._db.all("content_bodies", array(sorted(ids))) if ids else []

    async def run_stated(self, job: Key, run_id: str) -> Content | None:
        ids = self._known_ids((job,))
        row = self._db.one("run_version", codec.write_run_id(run_id), ids[0]) if ids else None
        return None if row is None or row[0] is None else self._contents(row)[row[0]]


def _named(held: dict[int, Held]) -> set[int]:
    """The contents that are named in it."""
    return {content for parts in held.values() for content, _ in parts}
