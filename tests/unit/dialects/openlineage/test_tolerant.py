import json

import msgspec
import pytest

from headwater.dialects.openlineage import tolerant


@pytest.mark.parametrize(
    ("body", "repaired"),
    [
        (b'{"a": NaN}', b'{"a": null}'),
        (b'[Infinity, -Infinity, "NaN -Infinity"]', b'[null, null, "NaN -Infinity"]'),
        (b"\xef\xbb\xbf{}", b"{}"),
        (rb'"\ud800"', rb'"\ufffd"'),
        (rb'"\uDC00x\ud83d"', rb'"\ufffdx\ufffd"'),
        (rb'"\ud83d\ude00 \ud800"', rb'"\ud83d\ude00 \ufffd"'),
        (rb'"\\ud800 \ud800"', rb'"\\ud800 \ufffd"'),
        (b'"a\tb\x00"', rb'"a\u0009b\u0000"'),
        (rb'{"\"NaN": NaN}', rb'{"\"NaN": null}'),
    ],
)
def test_repairs(body: bytes, repaired: bytes) -> None:
    assert tolerant.repair(body) == repaired
    msgspec.json.decode(repaired)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"a":', b'"NaN', b'"\\', b"nul"])
def test_what_needs_another_repair_is_left_alone(body: bytes) -> None:
    assert tolerant.repair(body) is None


@pytest.mark.parametrize("depth", [1, 9, 10, 11, 600])
def test_nesting_is_counted_outside_strings(depth: int) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        inner = rb'"]]}}\"]}\\"'
        body = opening * depth + inner + closing * depth
        assert tolerant.too_deep(body, 10) is (depth > 10)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b'{"a":[]},' * 500 + b"1]",
        b'["' + b"[{" * 500 + b'"]',
        b'["' + rb"\"[\\" * 500 + b'", "' + b"[" * 500 + b'"]',
    ],
)
def test_many_brackets_side_by_side_are_not_deep(body: bytes) -> None:
    msgspec.json.decode(body)
    assert not tolerant.too_deep(body, 10)


def test_an_unfinished_string_full_of_escapes_takes_no_time() -> None:
    body = b'"' + rb"\"[" * 500_000
    assert not tolerant.too_deep(body, 10)
    assert tolerant.repair(body) is None


@pytest.mark.parametrize(
    "elements",
    [
        [],
        [b"{}"],
        [b'{"a": 1}', b'{ "b":[ ] }'],
        [b'{"a": NaN}', b"[-Infinity]", rb'{"\ud800": "\"NaN\t"}', b'"x\ty"', b"[[1], [NaN]]"],
    ],
)
@pytest.mark.parametrize("between", [b",", b" ,\n\t"])
@pytest.mark.parametrize(
    ("before", "after"), [(b"[", b"]"), (b" [ ", b" ] \n"), (b"\xef\xbb\xbf[", b"]")]
)
def test_elements_of_an_array_are_verbatim(
    elements: list[bytes], between: bytes, before: bytes, after: bytes
) -> None:
    body = before + between.join(elements) + after
    assert tolerant.split(body, envelope=False) == elements


@pytest.mark.parametrize("value", [b"1", b"NaN"])
def test_elements_of_an_envelope(value: bytes) -> None:
    events = [b'{"a": %s}' % value, b'{"events": [%s]}' % value]
    body = b'{"x": {"events": []}, "events" : [ %s ], "y": "\\"events\\":"}' % b" , ".join(events)
    assert tolerant.split(body, envelope=True) == events
    assert tolerant.split(body, envelope=False) is None


@pytest.mark.parametrize(
    "body", [b"{}", b'{"events": 1}', b"1", b'"x"', b"null", b"NaN", b'{"a": NaN}']
)
def test_other_values_are_not_split(body: bytes) -> None:
    assert tolerant.split(body, envelope=True) is None


@pytest.mark.parametrize("body", [b"", b"[", b"[1,]", b"[1 2]", b"[NaN", b"[01]", b"\xef\xbb\xbf"])
def test_what_is_not_json_cannot_be_split(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        tolerant.split(body, envelope=False)


def test_a_repaired_number_keeps_its_size() -> None:
    body = json.dumps([10**400, float("nan"), 1e300]).encode()
    assert tolerant.split(body, envelope=False) == [b"1" + b"0" * 400, b"NaN", b"1e+300"]
