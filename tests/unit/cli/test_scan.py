"""Splitting JSON into values: the same whatever the chunks that it comes in."""

import io
import json
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.cli import scan as scanning
from headwater.cli.scan import Value, scan, whole

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5)


class Dribble(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def __init__(self, body: bytes, size: int) -> None:
        super().__init__(body)
        self._size = size

    def read(self, _: int | None = -1) -> bytes:
        return super().read(self._size)


def values(body: bytes, size: int = 1 << 20) -> list[Value]:
    return list(scan(cast(BinaryIO, Dribble(body, size))))


@given(OBJECTS, st.integers(1, 40), st.sampled_from([None, 0, 2]), st.booleans())
def test_values_keep_their_bytes(
    objects: list[object], size: int, indent: int | None, as_array: bool
) -> None:
    texts = [json.dumps(each, indent=indent).encode() for each in objects]
    body = b"[" + b", ".join(texts) + b"]\n" if as_array else b"\n\n".join(texts)
    assert [value.body for value in values(body, size)] == texts


def test_lines_are_counted_from_where_a_value_begins() -> None:
    body = b'[\n {"a": 1},\n\n {"b":\n  2}, {"c": 3}\n]\n{"d": 4}'
    assert [(v.line, v.body) for v in values(body, 3)] == [
        (1, b'{"a": 1}'),
        (3, b'{"b":\n  2}'),
        (4, b'{"c": 3}'),
        (6, b'{"d": 4}'),
    ]


def test_brackets_and_quotes_in_strings_are_text() -> None:
    text = rb'{"a": "}]{[ \" \\", "b": ["]"]}'
    assert [v.body for v in values(text + text, 2)] == [text, text]


def test_what_is_no_object_is_told_and_passed_over() -> None:
    found = values(b'[1, {"a": 1}, "x", null]')
    assert [v.body for v in found if not v.problem] == [b'{"a": 1}']
    assert [v.problem for v in found if v.problem] == [
        f"an event is a JSON object; this is {text!r}" for text in ("1", '"x"', "null")
    ]


def test_an_object_without_an_end_is_told_at_its_line() -> None:
    first, second = values(b'{"a": 1}\n{"b": {"c": "x', 4)
    assert first.body == b'{"a": 1}'
    assert (second.line, second.problem) == (
        1,
        "the object that begins here has no end: 14 bytes",
    )


def test_an_array_without_an_end_is_told() -> None:
    *_, last = values(b'\n[{"a": 1},')
    assert (last.line, last.problem) == (1, "the array that begins here is cut off")


def test_a_bracket_too_many_is_told() -> None:
    assert values(b"]")[0].problem == "an event is a JSON object; this is ']'"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "LARGEST", 1 << 20)
    found = values(b'{"a": "' + b"x" * (2 << 20) + b'"}', 1 << 16)
    assert ["has no end: over 1 MiB" in v.problem for v in found] == [True]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"a": NaN}\r\n', True),
        (b'{"a": 1} \n', True),
        (b"{}\n", False),
        (b"{\n", False),
        (b'{"a": 1},\n', False),
        (b'{"a": {}', False),
        (b'{"a": 1}{"b": 2}', False),
        (b"[1]", False),
        (b"", False),
    ],
)
def test_a_whole_line(line: bytes, expected: bool) -> None:
    assert whole(line) is expected
