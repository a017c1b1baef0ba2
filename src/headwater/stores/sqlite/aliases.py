"""Symlinks: which datasets are one, and which of them stands for all.

The pairs follow the current symlinks facets; the components are worked out again around every pair
that comes or goes. The canonical member is a function of the pairs alone: a name that others point
to and that points nowhere itself, else the first by namespace and name.
"""

from collections.abc import Mapping

from headwater.stores.sqlite.connection import Connection, array


class Aliases:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def link(self, stated: Mapping[int, set[int]]) -> None:
        """Args: stated: for each node, all the others that its symlinks facet names now."""
        touched: set[int] = set()
        for node, others in stated.items():
            before = {other for (other,) in self._db.all("aliases_of", node)}
            if before == others:
                continue
            for other in before - others:
                self._db.run("delete_alias", node, other)
            self._db.bulk("insert_alias", [(node, other) for other in others - before])
            touched |= {node} | before | others
        if touched:
            self._recompute(touched)

    def _recompute(self, touched: set[int]) -> None:
        pending = touched | {
            member for (member,) in self._db.all("component_members", array(sorted(touched)))
        }
        while pending:
            component = self._component(next(iter(pending)))
            pending -= component
            canonical = self._canonical(component) if len(component) > 1 else None
            self._db.run("set_alias_of", canonical, array(sorted(component)))

    def _component(self, start: int) -> set[int]:
        component = {start}
        frontier = [start]
        while frontier:
            wanted = array(frontier)
            found = {n for pair in self._db.all("alias_pairs", wanted, wanted) for n in pair}
            frontier = sorted(found - component)
            component |= found
        return component

    def _canonical(self, component: set[int]) -> int:
        members = array(sorted(component))
        pointing = {a for a, _ in self._db.all("alias_pairs", members, members)}
        rows = self._db.all("node_names", members)
        return min(rows, key=lambda row: (row[0] in pointing, row[1], row[2]))[0]  # type: ignore[no-any-return]
