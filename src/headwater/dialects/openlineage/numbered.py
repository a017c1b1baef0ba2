"""Pages of events by limit and offset, as Marquez' clients ask for them: `{events, totalCount}`.

Its Python client asks the path of the extract API for one. What names a limit or an offset and no
other parameter is such a request.
"""

from collections.abc import Iterable, Sequence

import msgspec

from headwater import mask
from headwater.errors import InvalidParameter
from headwater.http.message import Request, Response, json_response
from headwater.slices import Browser, Slice, Span, ask
from headwater.store import Store

LIMIT, MOST = 100, 100_000
FURTHEST = 10**12
EVER = Span(0, 1 << 56)
CHUNK = 100
LARGEST = 256 << 20
"""How many bytes of events or facets an answer may have; what is asked for alone may be larger."""

_OWN = frozenset({"limit", "offset"})


class Room:
    """What is left of `LARGEST` for one answer."""

    def __init__(self) -> None:
        self._left = LARGEST

    def take(self, bodies: Iterable[bytes]) -> None:
        """Raises InvalidParameter: there is no room for these beside what was taken before."""
        first = self._left == LARGEST
        self._left -= sum(map(len, bodies))
        if self._left < 0 and not first:
            reason = f"the answer has more than {LARGEST} bytes: ask for fewer"
            raise InvalidParameter("limit", reason)


class EventPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of run events, by event time; secrets are masked."""

    events: tuple[msgspec.Raw, ...]
    total_count: int


def asked(request: Request) -> bool:
    """Whether a request is for such a page."""
    names = request.query.keys() - {"domain"}
    return bool(names) and names <= _OWN


def part(request: Request) -> Slice:
    """The page asked for; raises InvalidParameter."""
    return Slice(request.number("limit", LIMIT, 0, MOST), request.number("offset", 0, 0, FURTHEST))


async def latest(store: Store, request: Request) -> Response:
    """The latest run events of the domain."""
    wanted, domain = part(request), request.principal.domain or "default"

    async def question(browser: Browser) -> EventPage:
        found = await browser.slice_events(domain, EVER, wanted, descending=True)
        return await page(browser, *found)

    return json_response(await ask(store, question))


async def page(browser: Browser, places: Sequence[int], total: int) -> EventPage:
    """The events at these places, in their order.

    Raises:
        InvalidParameter: they are too large for one answer.
    """
    shown: list[msgspec.Raw] = []
    room = Room()
    for at in range(0, len(places), CHUNK):
        part = places[at : at + CHUNK]
        bodies = await browser.bodies(part)
        for logged in bodies.values():
            room.take((logged.body,))
        shown += [msgspec.Raw(mask.masked(bodies[place].body)) for place in part]
    return EventPage(tuple(shown), total)
