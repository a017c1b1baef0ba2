"""What one decoder and one projector read of many events is what new ones read of each."""

import msgspec
import pytest

from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Event, Received
from headwater.ids import digest_of
from headwater.projection import Projector
from tests.contract.events import dataset, encoded, facet, run_event

NOW = 1_795_000_000_000_000
PARENT = facet(
    run={"runId": "01935b2a-0000-7000-8000-0000000000aa"}, job={"namespace": "n", "name": "p"}
)


def _variants() -> list[bytes]:
    used = {**dataset("a"), "inputFacets": {"quality": facet(rowCount=7)}}
    odd = {**dataset("a"), "inputFacets": {"quality": 7}, "facets": {"schema": 3}}
    events = [
        run_event("START", 1, inputs=(dataset("a"),), outputs=(dataset("b"),)),
        run_event("COMPLETE", 2, inputs=(used,), outputs=(dataset("b"),)),
        run_event("COMPLETE", 3, inputs=(dataset("b"),), outputs=(dataset("a"),)),
        run_event("COMPLETE", 4, inputs=(dataset("a"), dataset("b"))),
        run_event("COMPLETE", 5, outputs=(dataset("a"), dataset("b"))),
        run_event("FAIL", 6, inputs=(odd,), outputs=(dataset("b"),)),
        run_event("START", 7, inputs=(dataset("a"),), run_facets={"parent": PARENT}),
        run_event("START", 8, inputs=(dataset("a"),), run_facets={"parent": PARENT}, job="other"),
        run_event("START", 9, inputs=(dataset("a"),), run_facets={"nominalTime": 1}),
    ]
    return [encoded(event) for event in (*events, *events[::-1])]


def _plain(event: Event) -> object:
    return msgspec.to_builtins(event)


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize("memo_bytes", [0, 4_000, 1 << 20])
def test_repeated_events_are_read_as_new_ones(lean: bool, memo_bytes: int) -> None:
    decoder, projector = Decoder(lean=lean, memo_bytes=memo_bytes), Projector()
    for body in _variants():
        event, fresh = decoder.decode(body), Decoder(lean=lean).decode(body)
        assert _plain(event) == _plain(fresh)
        for domain in ("default", "other"):
            received = Received(domain, "openlineage", body, digest_of(body), event, NOW)
            again = msgspec.structs.replace(received, event=fresh)
            assert msgspec.to_builtins(projector.project(received)) == msgspec.to_builtins(
                Projector().project(again)
            )
