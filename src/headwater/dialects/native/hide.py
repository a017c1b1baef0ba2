"""Hides a job or dataset: by an event of our own, so that the log stays the only truth."""

from collections.abc import Callable

from headwater import mask
from headwater.dialects.native import params, views
from headwater.event import Event, Received
from headwater.http.context import Context
from headwater.ids import NodeKind, digest_of, format_event_id
from headwater.records import FUTURE
from headwater.store import NodeDetail

DIALECT = "native"
PRODUCER = "https://github.com/headwater/headwater"
FACET = "headwater_hidden"
FACET_SCHEMA = f"{PRODUCER}/blob/main/docs/reference/facets/HeadwaterHidden.json"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"


class Hide:
    """Writes the events that hide nodes."""

    def __init__(self, context: Context, decode: Callable[[bytes], Event]) -> None:
        self._context = context
        self._decode = decode

    async def submit(self, domain: str, known: NodeDetail) -> views.HiddenAnswer:
        """Hides the node from now on; a later event that names it shows it again."""
        now = self._context.clock()
        # Hiding has to be newer than what a clock stated that runs ahead a little; a time that is
        # further off ranks below anyway.
        ahead = known.last is not None and now <= known.last < now + FUTURE
        time = known.last + 1 if ahead and known.last is not None else now
        node = known.row.node
        body = hiding(node.kind, node.namespace, node.name, time)
        received = Received(
            domain=domain,
            dialect=DIALECT,
            body=body,
            digest=digest_of(body),
            event=self._decode(body),
            received_at=now,
        )
        receipt = await self._context.ingest.enqueue(received)
        self._context.telemetry.event(DIALECT, received.event.kind.value, "accepted")
        return views.HiddenAnswer(format_event_id(receipt.id), str(node))


def hiding(kind: NodeKind, namespace: str, name: str, time: int) -> bytes:
    """The OpenLineage event that hides a job or dataset."""
    facet = {"_producer": PRODUCER, "_schemaURL": FACET_SCHEMA}
    definition = "JobEvent" if kind is NodeKind.JOB else "DatasetEvent"
    return mask.encoded(
        {
            "eventTime": params.format_time(time),
            "producer": PRODUCER,
            "schemaURL": SPEC + definition,
            kind.value: {"namespace": namespace, "name": name, "facets": {FACET: facet}},
        }
    )
