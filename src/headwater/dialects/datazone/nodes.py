"""GetLineageNode and ListLineageNodeHistory: an event makes a version of each node it touches."""

from enum import Enum
from typing import Any, NamedTuple

from headwater.auth.principal import Scope
from headwater.dialects.datazone import around, forms, params, runs, shapes
from headwater.dialects.datazone.accounts import Accounts
from headwater.dialects.datazone.around import Around, Neighbour
from headwater.dialects.datazone.domains import Domains, Known
from headwater.dialects.datazone.places import REVISION, Finder, Place
from headwater.dialects.datazone.runs import RunState
from headwater.dialects.openlineage.log import Log
from headwater.errors import NotFound
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route
from headwater.records import LAST_STAMP, Stamp, stamp_ceiling, stamp_time
from headwater.store import Direction, Reader, Version

_NODE = "/v2/domains/{domainIdentifier}/lineage/nodes/{identifier}"
_HISTORY = "ListLineageNodeHistory"
NEIGHBOURS = 100
_FIRST: tuple[Stamp, int] = (b"", 0)
_LAST: tuple[Stamp, int] = (LAST_STAMP, 1 << 62)
_AHEAD = 50
"""Events dated far ahead rank below all others; so many are passed over for a time before them."""


class Way(Enum):
    UPSTREAM = "UPSTREAM"
    DOWNSTREAM = "DOWNSTREAM"


class Found(NamedTuple):
    """A node at a version; all versions of a run are at hand, for it has few."""

    place: Place
    version: Version
    of_run: list[Version]


class Nodes:
    """Answers about one node."""

    def __init__(self, context: Context, domains: Domains, accounts: Accounts, log: Log) -> None:
        self._store = context.store
        self._domains = domains
        self._accounts = accounts
        self._log = log

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                "GET",
                _NODE,
                self.show,
                "GetLineageNode",
                Scope.READ,
                "A node and its neighbours, now or at a past time",
            ),
            Route(
                "GET",
                _NODE + "/history",
                self.history,
                _HISTORY,
                Scope.READ,
                "The versions of a node",
            ),
        )

    async def show(self, request: Request) -> Response:
        domain = await self._domains.of(request)
        identifier = params.node_identifier(request.path[1])
        until = params.time(request, "timestamp", upto=True)

        async def question(reader: Reader) -> tuple[shapes.NodeAnswer, Around, bool]:
            finder = self._finder(reader, domain)
            found = await find(finder, identifier, until)
            return await self._answer(finder, domain, found)

        answer, neighbours, complete = await self._store.read(question)
        headers = [
            (b"x-headwater-upstream-total", b"%d" % len(neighbours.up)),
            (b"x-headwater-downstream-total", b"%d" % len(neighbours.down)),
        ]
        if not complete:
            headers.append((b"x-headwater-truncated", b"true"))
        return shapes.answer(request, answer, headers=tuple(headers))

    def _finder(self, reader: Reader, domain: Known) -> Finder:
        return Finder(reader, domain.name, self._accounts.of(domain.name), self._log)

    async def _answer(
        self, finder: Finder, domain: Known, found: Found
    ) -> tuple[shapes.NodeAnswer, Around, bool]:
        place, version, _ = found
        if place.run_id is None:
            neighbours = await around.of_node(finder, place, version.stamp)
            at = stamp_time(version.stamp)
            shown, complete = await forms.of_node(finder, self._log, place, at)
        else:
            state = await self._state(finder, found)
            neighbours = await around.of_run(finder, place, state.said)
            shown, complete = forms.of_run(place, state), state.complete
        answer = shapes.NodeAnswer(
            **await scalars(finder, domain.id, place, version),
            forms_output=shown,
            upstream_nodes=_references(neighbours.up),
            downstream_nodes=_references(neighbours.down),
        )
        return answer, neighbours, complete

    async def _state(self, finder: Finder, found: Found) -> RunState:
        _, version, versions = found
        return await runs.state_at(finder, self._log, versions, version.stamp)

    async def history(self, request: Request) -> Response:
        domain = await self._domains.of(request)
        identifier = params.node_identifier(request.path[1])
        limit = params.limit(request)
        way = params.choice(request, "direction", Way)
        order = params.choice(request, "sortOrder", params.Order) or params.Order.DESCENDING
        since = params.time(request, "timestampGTE")
        until = params.time(request, "timestampLTE", upto=True)
        after = params.read_token(request, _HISTORY + order.value[0], tuple[bytes, int])
        ascending = order is params.Order.ASCENDING

        async def question(reader: Reader) -> tuple[list[shapes.Node], list[Version]]:
            finder = self._finder(reader, domain)
            found = await find(finder, identifier, None)
            low, high = _bounds(since, until)
            if way is not None:
                start = await self._since(finder, found, way)
                if start is None:
                    return [], []
                low = max(low, (start, 0))
            if after is not None:
                low, high = (max(low, after), high) if ascending else (low, min(high, after))
            versions = await _page(finder, found, low, high, limit + 1, ascending)
            said = await scalars(finder, domain.id, found.place, found.version)
            nodes = [shapes.Node(**said | _times(version)) for version in versions[:limit]]
            return nodes, versions

        nodes, versions = await self._store.read(question)
        token = None
        if len(versions) > limit:
            token = params.write_token(_HISTORY + order.value[0], versions[limit - 1][:2])
        return shapes.answer(request, shapes.NodeHistory(nodes=tuple(nodes), next_token=token))

    async def _since(self, finder: Finder, found: Found, way: Way) -> Stamp | None:
        """The first stamp from which on a node has neighbours on a side; what it has, it keeps."""
        up = way is Way.UPSTREAM
        place = found.place
        if place.run_id is None:
            side = Direction.UP if up else Direction.DOWN
            first = await around.first_seen(finder, place, side)
            return None if first is None else _floor(first)
        for version in found.of_run:
            state = await self._state(finder, found._replace(version=version))
            neighbours = await around.of_run(finder, place, state.said)
            if neighbours.up if up else neighbours.down:
                return version.stamp
        return None


async def find(finder: Finder, identifier: str, until: int | None) -> Found:
    """The node and its newest version at or before a time (None: of all). Raises NotFound."""
    async for place in finder.candidates(identifier):
        if place.hidden(until):
            continue
        found = await newest(finder, place, until)
        if found is not None:
            return found
    when = "" if until is None else " at or before that time"
    raise NotFound(f"there is no lineage node {identifier!r}{when}")


async def newest(finder: Finder, place: Place, until: int | None) -> Found | None:
    """A node at its newest version at or before a time; None: it has none."""
    versions: list[Version] = []
    if place.run_id is not None:
        versions = await finder.reader.run_versions(place.row.key, place.run_id)
    high = _LAST if until is None else (stamp_ceiling(until), 1 << 62)
    count = 1 if until is None else _AHEAD
    for version in await _page(
        finder, Found(place, Version(b"", 0, 0, ""), versions), _FIRST, high, count, False
    ):
        if until is None or stamp_time(version.stamp) <= until:
            return Found(place, version, versions)
    return None


async def _page(
    finder: Finder,
    found: Found,
    low: tuple[Stamp, int],
    high: tuple[Stamp, int],
    count: int,
    ascending: bool,
) -> list[Version]:
    """So many versions between two places in their order, neither of which is included."""
    if found.place.run_id is not None:
        versions = [each for each in found.of_run if low < each[:2] < high]
    else:
        united: set[Version] = set()
        for key in found.place.keys:
            united.update(await finder.reader.node_versions(key, low, high, count, ascending))
        versions = sorted(united)
    return versions[:count] if ascending else versions[::-1][:count]


def _bounds(since: int | None, until: int | None) -> tuple[tuple[Stamp, int], tuple[Stamp, int]]:
    low = _FIRST if since is None else (_floor(since), 0)
    return low, _LAST if until is None else (stamp_ceiling(until), 1 << 62)


def _floor(time: int) -> Stamp:
    """The least stamp that a credible event of this time can have."""
    return stamp_ceiling(time)[:8] + bytes(8)


def _references(neighbours: list[Neighbour]) -> tuple[shapes.Reference, ...]:
    return tuple(
        shapes.Reference(id=each.place.id, event_timestamp=params.seconds(each.time))
        for each in neighbours[:NEIGHBOURS]
    )


def _times(version: Version) -> dict[str, Any]:
    received = params.seconds(version.received_at)
    return {
        "event_timestamp": params.seconds(stamp_time(version.stamp)),
        "created_at": received,
        "created_by": version.dialect,
        "updated_at": received,
        "updated_by": version.dialect,
    }


async def scalars(
    finder: Finder, domain_id: str, place: Place, version: Version | None
) -> dict[str, Any]:
    """What every answer says of a node."""
    detail = (await finder.reader.details((place.row.key,))).get(place.row.key)
    described = None if detail is None or place.run_id is not None else detail.gist.description
    said: dict[str, Any] = {
        "domain_id": domain_id,
        "id": place.id,
        "type_name": place.type,
        "type_revision": REVISION,
        "name": place.name,
        "description": described,
        "source_identifier": await finder.source(place),
    }
    return said if version is None else said | _times(version)
