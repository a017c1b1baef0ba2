"""Whatever bytes arrive at the running server's way in: an answer that is none of its own faults.

`tests/unit/dialects/openlineage/test_fuzz.py` puts more of them to the decoder alone.
"""

import copy
import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.dialects.openlineage import tolerant
from tests.contract.events import (
    column_lineage,
    dataset,
    documentation,
    entry,
    job_type,
    lineage,
    parent,
    run_event,
    schema,
    symlinks,
)
from tests.e2e.serving import Server

PATHS = ("/api/v1/lineage", "/api/v1/lineage/batch")
ODD = st.sampled_from(
    [
        b"NaN",
        b"-Infinity",
        b"\\ud800",
        b"\x00",
        b"\x1b",
        b'"',
        b"\\",
        b"{",
        b"]",
        b"\xff",
        b"[" * 600,
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
EVENT = run_event(
    "COMPLETE",
    1,
    inputs=(dataset("raw", schema("id") | symlinks("raw view"), inputFacets={"x": {}}),),
    outputs=(dataset("mart", column_lineage(id=[("raw", "id")]), outputFacets={"x": {"y": 1}}),),
    run_facets=parent("dag", "up", ("root", "top")),
    job_facets=lineage(entry("mart", ["raw"])) | documentation("d") | job_type("BATCH"),
)
FEW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def answered(server: Server, body: bytes, path: str = PATHS[0], **headers: str) -> None:
    answer = server.post(body, path, **headers)
    assert answer.status_code in {200, 400, 413, 415, 422}, (answer.status_code, body)
    said = answer.json()
    if answer.status_code == 200:
        if "id" in said:
            assert server.client.get(f"/api/v2/events/{said['id']}/raw").content == body
            server.ask(f"/api/v2/events/{said['id']}")
    else:
        assert set(said) == {"status", "code", "error", "message", "errors", "request_id"}


@FEW
@given(
    body=st.binary(), path=st.sampled_from(PATHS), zipped=st.sampled_from(["", "gzip", "x-gzip"])
)
def test_any_bytes(server: Server, body: bytes, path: str, zipped: str) -> None:
    answered(server, body, path, **({"content_encoding": zipped} if zipped else {}))


@FEW
@given(data=st.data())
def test_any_bytes_inside_an_event(server: Server, data: st.DataObject) -> None:
    body = json.dumps(EVENT).encode()
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 20)))
    answered(server, body[:start] + data.draw(st.binary(max_size=5) | ODD) + body[end:])


@FEW
@given(data=st.data())
def test_any_value_at_any_place(server: Server, data: st.DataObject) -> None:
    event: Any = copy.deepcopy(EVENT)
    inner = event
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inner[key], dict | list) or not inner[key] or data.draw(st.booleans()):
            break
        inner = inner[key]
    inner[key] = data.draw(VALUES)
    answered(server, json.dumps(event).encode())


@FEW
@given(cut=st.integers(0, 400), bit=st.integers(0, 7))
def test_damaged_gzip(server: Server, cut: int, bit: int) -> None:
    zipped = bytearray(gzip.compress(json.dumps(EVENT).encode(), mtime=0))
    zipped[cut % len(zipped)] ^= 1 << bit
    answer = server.post(bytes(zipped), content_encoding="gzip")
    assert answer.status_code in {200, 400, 422}


def test_after_all_that_every_list_answers(server: Server) -> None:
    for name in ("events", "runs", "jobs", "datasets", "namespaces"):
        cursor: dict[str, str] = {}
        while True:
            page = server.ask(f"/api/v2/{name}", limit=1_000, **cursor)
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}


TEXTS = st.recursive(
    st.sampled_from(
        [b"NaN", b"-Infinity", b"1", b'"a"', b'"\\ud800"', b'"\x01"', b'"\\ud83d\\ude00"']
    )
    | st.sampled_from([b'"NaN"', b'"\\\\ud800"', b'"\\""', b'"-Infinity\\n"', b'"x\\\\"', b"null"]),
    lambda inner: st.lists(inner, max_size=4).map(lambda parts: b"[" + b",".join(parts) + b"]"),
    max_leaves=10,
)


@pytest.mark.parametrize("step", [b"", b" "])
@given(body=TEXTS)
def test_what_is_mended_reads_as_python_reads_it(step: bytes, body: bytes) -> None:
    """Python's own decoder takes what its encoder writes: NaN, and raw controls when it may."""
    mended = tolerant.repair(step + body) or body

    def shown(text: bytes, **more: Any) -> str:
        read = json.loads(text, parse_constant=lambda _: None, **more)
        written = json.dumps(read, ensure_ascii=False)
        return "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in written)

    assert shown(mended) == shown(body, strict=False)
