"""The outline of an event: who it is about. Facets stay the bytes that they are."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from headwater.dialects.openlineage.findings import Findings
from headwater.dialects.openlineage.salvage import Reader
from headwater.errors import InvalidEvent, MalformedBody, Problem

NO_FACETS = Raw(b"")


class WireRun(msgspec.Struct, rename="camel"):
    run_id: str
    facets: Raw = NO_FACETS


class WireJob(msgspec.Struct):
    namespace: str
    name: str
    facets: Raw = NO_FACETS


class WireDataset(msgspec.Struct, rename="camel"):
    namespace: str
    name: str
    facets: Raw = NO_FACETS
    input_facets: Raw = NO_FACETS
    output_facets: Raw = NO_FACETS


class WireEvent(msgspec.Struct, rename="camel"):
    """An event of any kind; `dataset` is read only once it is known to be the subject."""

    event_time: str
    event_type: str | UnsetType | None = UNSET
    producer: str | UnsetType | None = UNSET
    schema_url: str | UnsetType | None = msgspec.field(default=UNSET, name="schemaURL")
    run: WireRun | UnsetType | None = UNSET
    job: WireJob | UnsetType | None = UNSET
    inputs: list[WireDataset] | UnsetType | None = UNSET
    outputs: list[WireDataset] | UnsetType | None = UNSET
    dataset: Raw = NO_FACETS


_event = msgspec.json.Decoder(WireEvent)
_parts = Reader(WireEvent)
_dataset = Reader(WireDataset)
_syntax = msgspec.json.Decoder(Raw)

# Without these an event is still known by its job, run or dataset.
_SPARE = frozenset({"/producer", "/schemaURL"})


def read(body: bytes, findings: Findings) -> WireEvent:
    """The outline of an event.

    Raises:
        InvalidEvent: a part that identifies the event is missing or of a wrong type.
        MalformedBody: it is JSON, but no object, or an empty one.
        msgspec.DecodeError: the body is not strict JSON.
    """
    try:
        return _event.decode(body)
    except msgspec.ValidationError:
        _syntax.decode(body)
        if body.translate(None, b" \t\r\n") == b"{}" or body.lstrip()[:1] != b"{":
            raise MalformedBody("an event is a JSON object with members") from None

    def report(pointer: str, reason: str) -> None:
        (findings.fault if pointer in _SPARE else findings.refuse)(pointer, reason)

    event = _parts.read(body.strip(), "", report)
    findings.settle()
    if event is None:
        raise InvalidEvent((Problem("", "not an event"),))
    return event


def read_dataset(raw: Raw, findings: Findings) -> WireDataset | None:
    """The dataset that a dataset event is about; None: what is wrong was refused."""
    return _dataset.read(bytes(raw), "/dataset", findings.refuse)
