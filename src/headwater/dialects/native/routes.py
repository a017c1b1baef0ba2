"""The native dialect: its routes, and those of the pages that explain them."""

from collections.abc import Sequence

from headwater.dialects.native import docs, openapi
from headwater.dialects.native.catalog import Catalog
from headwater.dialects.native.events import Events
from headwater.dialects.native.hide import DIALECT, Hide
from headwater.dialects.native.lineage import Lineage
from headwater.dialects.native.runs import Runs
from headwater.dialects.openlineage import errors
from headwater.dialects.openlineage.log import Decoders, Log
from headwater.dialects.openlineage.stored import DIALECTS, StoredEvents
from headwater.http.context import Context
from headwater.http.message import Dialect


def dialect(context: Context, others: Sequence[Dialect] = ()) -> Dialect:
    """What Headwater says in its own words, and the description of what it speaks besides.

    Args:
        others: the other dialects, to be described too.
    """
    decode = StoredEvents().decode
    decoders: Decoders = dict.fromkeys(DIALECTS, decode)
    log = Log(decoders)
    routes = (
        *Lineage(context).routes(),
        *Catalog(context, log, Hide(context)).routes(),
        *Runs(context, log).routes(),
        *Events(context, log).routes(),
    )
    own = Dialect(DIALECT, routes, errors.render_object)
    described = openapi.OpenApi((*others, own))
    return own._replace(routes=(*routes, *described.routes(), *docs.Docs().routes()))
