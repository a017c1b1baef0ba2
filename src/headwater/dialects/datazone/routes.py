"""The DataZone dialect: which operations it has, and who may call them."""

from headwater.dialects.datazone import errors
from headwater.dialects.datazone.access import Access
from headwater.dialects.datazone.accounts import Accounts
from headwater.dialects.datazone.catalog import DOMAINS, Catalog
from headwater.dialects.datazone.domains import Domains
from headwater.dialects.datazone.events import Events
from headwater.dialects.datazone.graph import Graph
from headwater.dialects.datazone.marks import DIALECT
from headwater.dialects.datazone.nodes import Nodes
from headwater.dialects.openlineage.log import Log
from headwater.dialects.openlineage.stored import DIALECTS, StoredEvents
from headwater.http.context import Context
from headwater.http.message import Dialect

TAGS = "/tags"
"""The only operations outside of the domains; there are none here."""


_DESCRIBED = (
    "What AWS clients speak (`/v2/domains`) is not described here but in the API reference of "
    "Amazon DataZone; which of it is served, and where it differs, stands in "
    "docs/how-to/point-aws-clients-at-headwater.md."
)


def dialect(context: Context) -> Dialect:
    """What AWS SDKs and the AWS command line speak.

    Raises:
        InvalidParameter: the setting of accounts is not understood.
    """
    log = Log(dict.fromkeys(DIALECTS, StoredEvents().decode))
    domains = Domains(context)
    accounts = Accounts(context.settings.datazone_accounts)
    routes = (
        *Events(context, domains, log).routes(),
        *Nodes(context, domains, accounts, log).routes(),
        *Graph(context, domains, accounts, log).routes(),
        *Catalog(context, domains, accounts).routes(),
    )
    return Dialect(
        DIALECT,
        routes,
        errors.render,
        Access(context).authenticate,
        owns=(DOMAINS, TAGS),
        anywhere=(DOMAINS,),
        described=_DESCRIBED,
    )
