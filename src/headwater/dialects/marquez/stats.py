"""Counts over the last day or week."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise
from zoneinfo import ZoneInfo

from headwater.auth.principal import Scope
from headwater.dialects.marquez import params
from headwater.dialects.marquez.catalog import Catalog
from headwater.dialects.marquez.graphs import EventCount, Total
from headwater.dialects.marquez.questions import Asker, Question
from headwater.dialects.marquez.times import datetime_of, iso, micros_of, parse
from headwater.errors import InvalidParameter
from headwater.event import EventType
from headwater.http.message import Param, Request, Response, Route, json_response
from headwater.ids import NodeKind
from headwater.slices import QUARTER, Span


class Period(Enum):
    """A day by hours, or a week by days."""

    DAY = "DAY"
    WEEK = "WEEK"


_PARAMS = (
    Param("period", {"type": "string", "enum": [each.value for each in Period]},
          "A day by hours, or a week by days.", required=True),
    Param("timezone", params.TEXT, "Whose days they are, like Europe/Paris; a week needs it."),
)  # fmt: skip


class Stats:
    """Answers how much there was, and how much was going on."""

    def __init__(self, ask: Asker, catalog: Catalog) -> None:
        self._ask = ask
        self._catalog = catalog

    def routes(self) -> tuple[Route, ...]:
        base, read = "/api/v1/stats", Scope.READ
        # fmt: off
        return (
            Route("GET", f"{base}/lineage-events", self.events, "marquez_stats_events", read,
                  "Run events by their type, over time", params=_PARAMS,
                  answer=list[EventCount]),
            Route("GET", f"{base}/jobs", self.jobs, "marquez_stats_jobs", read,
                  "How many jobs there were, over time", params=_PARAMS, answer=list[Total]),
            Route("GET", f"{base}/datasets", self.datasets, "marquez_stats_datasets", read,
                  "How many datasets there were, over time", params=_PARAMS, answer=list[Total]),
            Route("GET", f"{base}/sources", self.sources, "marquez_stats_sources", read,
                  "How many sources there were, over time", params=_PARAMS, answer=list[Total]),
        )
        # fmt: on

    async def events(self, request: Request) -> Response:
        ends = self._ends(request)

        async def question(asked: Question) -> list[EventCount]:
            tallies = await asked.browser.tallies(asked.domain, Span(ends[0], ends[-1]))
            found = []
            for since, until in pairwise(ends):
                counts = dict.fromkeys(EventType, 0)
                for tally in tallies:
                    if since <= tally.start < until and tally.type is not None:
                        counts[tally.type] += tally.events
                found.append(
                    EventCount(
                        iso(since),
                        iso(until),
                        fail=counts[EventType.FAIL],
                        start=counts[EventType.START],
                        complete=counts[EventType.COMPLETE],
                        abort=counts[EventType.ABORT],
                    )
                )
            return found

        return json_response(await self._ask(request, question))

    async def jobs(self, request: Request) -> Response:
        return await self._nodes(request, NodeKind.JOB)

    async def datasets(self, request: Request) -> Response:
        return await self._nodes(request, NodeKind.DATASET)

    async def _nodes(self, request: Request, kind: NodeKind) -> Response:
        ends = self._ends(request)

        async def question(asked: Question) -> list[Total]:
            counts = await asked.browser.first_seen(asked.domain, kind, ends[1:])
            return _totals(ends, counts)

        return json_response(await self._ask(request, question))

    async def sources(self, request: Request) -> Response:
        ends = self._ends(request)

        async def question(asked: Question) -> list[Total]:
            known = await self._catalog.known_sources(asked)
            firsts = [parse(each.created_at, "createdAt") for each in known.values()]
            return _totals(ends, [sum(first < end for first in firsts) for end in ends[1:]])

        return json_response(await self._ask(request, question))

    def _ends(self, request: Request) -> list[int]:
        """Where the spans of the period begin and end; the last one is under way."""
        period = params.choice(request, "period", Period)
        zone = _zone(request)
        if period is None:
            raise InvalidParameter("period", "must not be null")
        now = self._ask.context.clock()
        if period is Period.WEEK:
            if zone is None:
                raise InvalidParameter("timezone", "must not be null for a week")
            return _days(now, zone)
        hour = 4 * QUARTER
        end = now - now % hour + hour
        return [end - hour * back for back in range(24, -1, -1)]


def _days(now: int, zone: ZoneInfo) -> list[int]:
    """Eight midnights; a day may have 23 or 25 hours. Counts go by quarters of an hour."""
    today = datetime_of(now).astimezone(zone).date()
    found = []
    for back in range(-6, 2):
        day = today + timedelta(days=back)
        midnight = micros_of(datetime(day.year, day.month, day.day, tzinfo=zone))
        found.append(midnight - midnight % QUARTER)
    return found


def _zone(request: Request) -> ZoneInfo | None:
    name = request.text("timezone")
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise InvalidParameter("timezone", f"{name!r} is not a time zone") from None


def _totals(ends: Sequence[int], counts: Sequence[int]) -> list[Total]:
    return [
        Total(iso(since), iso(until), count)
        for (since, until), count in zip(pairwise(ends), counts, strict=True)
    ]
