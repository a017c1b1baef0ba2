"""What this dialect notes down for itself: events about hidden nodes, in the log like all others.

So a rebuild and an export know of deleted events and domains, and no list, search or lineage shows
the nodes that they are noted at.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from headwater import mask
from headwater.dialects.openlineage.stored import StoredEvents
from headwater.event import Received
from headwater.http.context import Context
from headwater.ids import NodeId, digest_of
from headwater.records import LAST_STAMP
from headwater.store import LoggedEvent, Reader

DIALECT = "datazone"
PRODUCER = "https://github.com/headwater/headwater"
HIDDEN, SAID = "headwater_hidden", "headwater_datazone"
_TOKEN = "datazone-mark:"  # noqa: S105 # with a token, an export tells the dialect too
_PAGE = 20
_FACETS = f"{PRODUCER}/blob/main/docs/reference/facets/"
_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent"

T = TypeVar("T")


class _Subject(msgspec.Struct):
    facets: dict[str, msgspec.Raw]


class _Mark(msgspec.Struct):
    dataset: _Subject


class Marks:
    """Writes and reads marks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._decode = StoredEvents().decode

    async def write(self, domain: str, node: NodeId, facet: dict[str, Any], time: int) -> None:
        """Notes a facet down at a node; returns when that is durable."""
        body = _event(node, facet, time)
        token = _TOKEN + uuid.uuid4().hex
        received = Received(
            domain=domain,
            dialect=DIALECT,
            body=body,
            digest=digest_of(body, token),
            event=self._decode(body),
            received_at=self._context.clock(),
            token=token,
        )
        await self._context.ingest.enqueue(received)
        self._context.telemetry.event(DIALECT, received.event.kind.value, "accepted")

    async def read(self, reader: Reader, domain: str, node: NodeId, kind: type[T]) -> T | None:
        """What the newest mark at the node says; marks of other dialects do not count."""
        key = node.key(domain)
        before = LAST_STAMP
        while rows := await reader.node_events(key, before, _PAGE):
            bodies = await reader.bodies([position for _, position in rows])
            for _, position in rows:
                said = _said(bodies[position], kind)
                if said is not None:
                    return said
            before = rows[-1][0]
        return None


def _event(node: NodeId, facet: dict[str, Any], time: int) -> bytes:
    origin = {"_producer": PRODUCER, "_schemaURL": f"{_FACETS}HeadwaterDataZone.json"}
    hidden = {"_producer": PRODUCER, "_schemaURL": f"{_FACETS}HeadwaterHidden.json"}
    whole, rest = divmod(time, 1_000_000)
    return mask.encoded(
        {
            "eventTime": f"{_iso(whole)}.{rest:06d}Z",
            "producer": PRODUCER,
            "schemaURL": _SPEC,
            "dataset": {
                "namespace": node.namespace,
                "name": node.name,
                "facets": {HIDDEN: hidden, SAID: origin | facet},
            },
        }
    )


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def _said(logged: LoggedEvent, kind: type[T]) -> T | None:
    if logged.dialect != DIALECT:
        return None
    try:
        facets = msgspec.json.decode(logged.body, type=_Mark).dataset.facets
        return msgspec.json.decode(facets[SAID], type=kind)
    except (msgspec.DecodeError, KeyError):
        return None
