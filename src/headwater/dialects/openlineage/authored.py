"""Events that Headwater writes itself, in OpenLineage's words: so the log stays the only truth.

Deleting, tagging and declaring are statements like any other; export, rebuild and every dialect
know them.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater import mask
from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Received
from headwater.http.context import Context
from headwater.ids import NodeId, NodeKind, digest_of
from headwater.records import FUTURE
from headwater.store import Receipt

PRODUCER = "https://github.com/headwater/headwater"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
SPEC_FACETS = "https://openlineage.io/spec/facets/"
FACETS = f"{PRODUCER}/blob/main/docs/reference/facets/"
HIDDEN = "headwater_hidden"

Facets = Mapping[str, Mapping[str, object]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Author:
    """Writes events into the log in the name of a dialect."""

    def __init__(self, context: Context, dialect: str) -> None:
        self._context = context
        self._dialect = dialect
        settings = context.settings
        self._decoder = Decoder(
            lean=True, name_limit=settings.name_length, depth_limit=settings.nesting
        )

    def now(self, last: int | None = None) -> int:
        """A time at which a statement replaces what was stated last.

        It is later than what a clock stated that runs ahead a little; a time that is further off
        ranks below anyway.
        """
        now = self._context.clock()
        ahead = last is not None and now <= last < now + FUTURE
        return last + 1 if ahead and last is not None else now

    async def write(
        self, domain: str, *events: Mapping[str, object], token: str | None = None
    ) -> list[Receipt]:
        """Returns when all are durable; nothing is written when one cannot be read back, or the
        queue is full."""
        now = self._context.clock()
        all_received = []
        for event in events:
            body = mask.encoded(event)
            all_received.append(
                Received(
                    domain=domain,
                    dialect=self._dialect,
                    body=body,
                    digest=digest_of(body, token),
                    event=self._decoder.decode(body),
                    received_at=now,
                    token=token,
                )
            )
        receipts = await asyncio.gather(*self._context.ingest.enqueue_all(all_received))
        for received in all_received:
            self._context.telemetry.event(self._dialect, received.event.kind.value, "accepted")
        return receipts


def about(node: NodeId, facets: Facets, time: int) -> dict[str, object]:
    """A job or dataset event: what is stated of a node without a run."""
    definition = "JobEvent" if node.kind is NodeKind.JOB else "DatasetEvent"
    return head(definition, time) | {node.kind.value: named(node, facets)}


def hiding(node: NodeId, time: int) -> dict[str, object]:
    """The event that deletes a job or dataset: it is hidden until a newer event names it."""
    return about(node, {HIDDEN: our_facet("HeadwaterHidden")}, time)


def head(definition: str, time: int) -> dict[str, object]:
    """What every event begins with."""
    return {
        "eventTime": timestamp(time),
        "producer": PRODUCER,
        "schemaURL": SPEC + definition,
    }


def named(node: NodeId, facets: Facets | None = None) -> dict[str, object]:
    name: dict[str, object] = {"namespace": node.namespace, "name": node.name}
    return name | {"facets": facets} if facets else name


def facet(definition: str, version: str = "1-0-0", **members: Any) -> dict[str, object]:
    """A facet of OpenLineage's own."""
    schema = f"{SPEC_FACETS}{version}/{definition}.json#/$defs/{definition}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **members}


def our_facet(definition: str, **members: Any) -> dict[str, object]:
    """A facet of Headwater's own."""
    return {"_producer": PRODUCER, "_schemaURL": f"{FACETS}{definition}.json", **members}


def timestamp(micros: int) -> str:
    time = _EPOCH + timedelta(microseconds=micros)
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
