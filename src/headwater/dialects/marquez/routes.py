"""The Marquez dialect: its routes."""

from headwater.auth.principal import Scope
from headwater.dialects.marquez.catalog import Catalog
from headwater.dialects.marquez.columns import Columns
from headwater.dialects.marquez.declaring import Declaring
from headwater.dialects.marquez.deleting import Deleting
from headwater.dialects.marquez.entities import Entities
from headwater.dialects.marquez.errors import ErrorAnswer, render
from headwater.dialects.marquez.events import Events
from headwater.dialects.marquez.lineage import Lineage
from headwater.dialects.marquez.questions import Asker
from headwater.dialects.marquez.running import Running
from headwater.dialects.marquez.search import Search
from headwater.dialects.marquez.stats import Stats
from headwater.dialects.marquez.tagging import Tagging
from headwater.dialects.marquez.upstream import Upstream
from headwater.dialects.marquez.writes import Writes
from headwater.dialects.openlineage.authored import Author
from headwater.errors import Forbidden
from headwater.http.context import Context
from headwater.http.message import Dialect, Request, Response, Route

NAME = "marquez"
OWNS = (
    *("/api/v1/namespaces", "/api/v1/sources", "/api/v1/tags", "/api/v1/jobs", "/api/v1/search"),
    *("/api/v1/column-lineage", "/api/v1/runlineage", "/api/v1/stats", "/api/v1/events/lineage"),
    *("/api/v2beta",),
)


def dialect(context: Context) -> Dialect:
    """What Marquez' clients and its web UI speak."""
    return Dialect(NAME, routes(context), render, owns=OWNS, refusal=ErrorAnswer)


def routes(context: Context) -> tuple[Route, ...]:
    ask = Asker(context)
    catalog = Catalog(ask)
    author = Author(context, NAME)
    return (
        *catalog.routes(),
        *Entities(ask).routes(),
        *Lineage(ask).routes(),
        *Columns(ask).routes(),
        *Upstream(ask).routes(),
        *Events(ask).routes(),
        *Search(ask).routes(),
        *Stats(ask, catalog).routes(),
        *(
            _answering(route)
            for route in (
                *Declaring(ask, author, catalog).routes(),
                *Writes(ask, author, catalog).routes(),
                *Running(ask, author).routes(),
                *Tagging(ask, author).routes(),
                *Deleting(ask, author, catalog).routes(),
            )
        ),
    )


def _answering(route: Route) -> Route:
    """A write shows all that is known of what it names, so its key has to be one that reads too."""

    async def handle(request: Request) -> Response:
        if not request.principal.may(Scope.READ):
            raise Forbidden("This key lacks the scope read: the answer shows what is known")
        return await route.handler(request)

    return route._replace(handler=handle)
