"""Requests that arrive whole take a way of their own: every answer is that of the long way."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.events import encoded, run_event
from tests.e2e.serving import Server, serving
from tests.e2e.wire import Answer, Connection

LINEAGE = "/api/v1/lineage"
BATCH = "/api/v1/lineage/batch"
EVENT = encoded(run_event("START", 0, job="whole", run="01a1f6c4-93d8-7e15-9d9f-7270fa5716a2"))
CASES = {
    "event": (LINEAGE, EVENT, ()),
    "other path": ("/openapi/openlineage/api/v1/lineage/", EVENT, ()),
    "gzip": (LINEAGE, gzip.compress(EVENT), ("Content-Encoding: gzip",)),
    "no gzip": (LINEAGE, EVENT, ("Content-Encoding: gzip",)),
    "encoding": (LINEAGE, EVENT, ("Content-Encoding: br",)),
    "array": (LINEAGE, b"[" + EVENT + b"]", ()),
    "batch": (BATCH, b"[" + EVENT + b"]", ()),
    "empty array": (LINEAGE, b"[]", ()),
    "empty": (LINEAGE, b"", ()),
    "not JSON": (LINEAGE, b"{", ()),
    "no event": (LINEAGE, b'{"job": 1}', ()),
    "no domain": (LINEAGE, EVENT, ("X-Headwater-Domain: nowhere",)),
    "no path": ("/api/v1/lineages", EVENT, ()),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("whole")
    with serving(folder) as started:
        yield started


def _ask(server: Server, case: str, *more: str) -> Answer:
    path, body, headers = CASES[case]
    with Connection(server.port) as wire:
        answer = wire.post(path, body, "X-Request-Id: same", *headers, *more)
        return wire.answer() if answer.status == 100 else answer


def _told(answer: Answer) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k not in {"date", "connection"}}


@pytest.mark.parametrize("case", CASES)
def test_both_ways_answer_alike(server: Server, case: str) -> None:
    _ask(server, case)  # from now on an event that is taken is a repeated one
    short = _ask(server, case)
    long = _ask(server, case, "Expect: 100-continue")
    assert (short.status, short.body, _told(short)) == (long.status, long.body, _told(long))
