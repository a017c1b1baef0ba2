"""Hides a job or dataset: by an event of our own, so that the log stays the only truth."""

from headwater.dialects.native import views
from headwater.dialects.openlineage.authored import Author, hiding
from headwater.http.context import Context
from headwater.ids import format_event_id
from headwater.store import NodeDetail

DIALECT = "native"


class Hide:
    """Writes the events that hide nodes."""

    def __init__(self, context: Context) -> None:
        self._author = Author(context, DIALECT)

    async def submit(self, domain: str, known: NodeDetail) -> views.HiddenAnswer:
        """Hides the node from now on; a later event that names it shows it again."""
        node = known.row.node
        event = hiding(node, self._author.now(known.last))
        (receipt,) = await self._author.write(domain, event)
        return views.HiddenAnswer(format_event_id(receipt.id), str(node))
