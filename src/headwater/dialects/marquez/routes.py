"""The Marquez dialect: its routes."""

from headwater.dialects.marquez.catalog import Catalog
from headwater.dialects.marquez.entities import Entities
from headwater.dialects.marquez.errors import render
from headwater.dialects.marquez.questions import Asker
from headwater.http.context import Context
from headwater.http.message import Dialect, Route

NAME = "marquez"
OWNS = (
    *("/api/v1/namespaces", "/api/v1/sources", "/api/v1/tags", "/api/v1/jobs", "/api/v1/search"),
    *("/api/v1/column-lineage", "/api/v1/runlineage", "/api/v1/stats", "/api/v1/events/lineage"),
    *("/api/v2beta",),
)


def dialect(context: Context) -> Dialect:
    """What Marquez' clients and its web UI speak."""
    return Dialect(NAME, routes(context), render, owns=OWNS)


def routes(context: Context) -> tuple[Route, ...]:
    ask = Asker(context)
    return (*Catalog(ask).routes(), *Entities(ask).routes())
