"""`GET /events/lineage`: run events as they were sent, and those of a namespace.

`GET /api/v1/events`, which marquez-python asks, is also oleander's extract API: see
`dialects/openlineage/numbered.py`.
"""

from enum import Enum

from headwater.auth.principal import Scope
from headwater.dialects.marquez import params, times
from headwater.dialects.marquez.questions import Asker, Question
from headwater.dialects.openlineage import numbered
from headwater.dialects.openlineage.numbered import EventPage, page
from headwater.http.message import Param, Request, Response, Route, json_response
from headwater.slices import Span

EVENTS = "/api/v1/events"
BEFORE, AFTER = "2030-01-01T00:00:00Z", "1970-01-01T00:00:00Z"


class SortDirection(Enum):
    """Which events come first."""

    DESC = "desc"
    ASC = "asc"


class Events:
    """Answers what run events the log holds."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask

    def routes(self) -> tuple[Route, ...]:
        order: dict[str, object] = {
            "type": "string", "enum": [each.value for each in SortDirection], "default": "desc"
        }  # fmt: skip
        # fmt: off
        return (
            Route("GET", f"{EVENTS}/lineage", self.events, "marquez_list_lineage_events",
                  Scope.READ, "The run events, by event time, as they were sent", params=(
                      Param("before", params.TEXT, f"Before this time; by default {BEFORE}."),
                      Param("after", params.TEXT, f"Not before this time; by default {AFTER}."),
                      Param("sortDirection", order, "The latest or the earliest first."),
                      *params.PAGED,
                  ), answer=EventPage),
            Route("GET", f"{EVENTS}/{{namespace}}", self.of_namespace, "marquez_list_events",
                  Scope.READ, "The latest run events of the jobs of a namespace",
                  params=params.PAGED, answer=EventPage),
        )
        # fmt: on

    async def events(self, request: Request) -> Response:
        part = numbered.part(request)
        span = Span(
            times.parse(request.text("after", AFTER) or AFTER, "after"),
            times.parse(request.text("before", BEFORE) or BEFORE, "before"),
        )
        order = params.choice(request, "sortDirection", SortDirection) or SortDirection.DESC
        descending = order is SortDirection.DESC

        async def question(asked: Question) -> EventPage:
            places, total = await asked.browser.slice_events(
                asked.domain, span, part, descending=descending
            )
            return await page(asked.browser, places, total)

        return json_response(await self._ask(request, question))

    async def of_namespace(self, request: Request) -> Response:
        (namespace,), part = request.path, numbered.part(request)

        async def question(asked: Question) -> EventPage:
            places, total = await asked.browser.slice_events_of(asked.domain, namespace, part)
            return await page(asked.browser, places, total)

        return json_response(await self._ask(request, question))
