"""What `load` reads of files, folders and stdin."""

import gzip
import io
import json
import os
from pathlib import Path

import pytest

from headwater.cli import sources
from headwater.cli.sources import Item, Reading, Refusal
from headwater.errors import NotFound

ONE = b'{"eventTime": "2026-11-13T00:00:00Z"}'
TWO = b'{"eventTime": "2026-11-14T00:00:00Z", "x": NaN}'


def read(path: Path) -> list[Item | Refusal]:
    return list(Reading(str(path)))


def bodies(path: Path) -> list[tuple[int, bytes]]:
    return [(item.line, item.body) for item in read(path) if isinstance(item, Item)]


def reasons(path: Path) -> list[tuple[int, str]]:
    return [(item.line, item.reason) for item in read(path) if isinstance(item, Refusal)]


def put(path: Path, body: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (ONE + b"\n" + TWO + b"\n", [(1, ONE), (2, TWO)]),
        (ONE + b"\n" + TWO, [(1, ONE), (2, TWO)]),
        (b"\n \n" + ONE + b"\n\n\r\n" + TWO + b"\n\n", [(3, ONE), (6, TWO)]),
        (ONE + b"\r\n" + TWO + b"\r\n", [(1, ONE), (2, TWO)]),
        (b"\xef\xbb\xbf" + ONE + b"\n" + TWO, [(1, ONE), (2, TWO)]),
        (b" " + ONE + b" \n" + TWO, [(1, b" " + ONE + b" "), (2, TWO)]),
        (b"[" + ONE + b"," + TWO + b"]", [(1, ONE), (1, TWO)]),
        (b"[\n" + ONE + b",\n" + TWO + b"\n]\n", [(2, ONE), (3, TWO)]),
        (b"[\n" + ONE + b"\n]", [(2, ONE)]),
        (b"[" + ONE + b"]\n[" + TWO + b"]", [(1, ONE), (2, TWO)]),
        (ONE + b"\n[" + TWO + b"]\n", [(1, ONE), (2, TWO)]),
        (b"\xef\xbb\xbf[" + ONE + b"]", [(1, ONE)]),
        (ONE, [(1, ONE)]),
        (b"", []),
        (b"\n\n", []),
        (b"[]", []),
    ],
)
def test_layouts(tmp_path: Path, body: bytes, expected: list[tuple[int, bytes]]) -> None:
    plain = put(tmp_path / "events.json", body)
    assert bodies(plain) == expected
    assert reasons(plain) == []
    assert bodies(put(tmp_path / "events.json.gz", gzip.compress(body))) == expected


@pytest.mark.parametrize("indent", [0, 2, 4])
def test_pretty_printed(tmp_path: Path, indent: int) -> None:
    texts = [json.dumps({"a": [{"b": n}], "c": {}}, indent=indent).encode() for n in range(3)]
    one_after_the_other = put(tmp_path / "a.json", b"\n".join(texts))
    assert [body for _, body in bodies(one_after_the_other)] == texts
    array = put(tmp_path / "b.json", b"[\n" + b",\n".join(texts) + b"\n]")
    assert [body for _, body in bodies(array)] == texts


def test_a_line_that_is_cut_off_does_not_take_the_others(tmp_path: Path) -> None:
    path = put(tmp_path / "events.ndjson", ONE[:20] + b"\n" + ONE + b"\n" + TWO[:30])
    assert bodies(path) == [(1, ONE[:20]), (2, ONE), (3, TWO[:30])]  # the decoder says why


def test_a_cut_off_pretty_file_is_told(tmp_path: Path) -> None:
    path = put(tmp_path / "event.json", b'{\n  "a": {\n    "b": 1\n')
    assert reasons(path) == [(1, "the object that begins here has no end: 22 bytes")]


def test_a_cut_off_gzip_gives_what_it_holds_and_is_told(tmp_path: Path) -> None:
    lines = b"".join(b'{"n": "%s"}\n' % os.urandom(40).hex().encode() for _ in range(5_000))
    path = put(tmp_path / "events.ndjson.gz", gzip.compress(lines)[:-2_000])
    assert len(bodies(path)) > 1_000
    [(line, reason)] = reasons(path)
    assert line > 1_000
    assert reason.startswith("damaged gzip: Compressed file ended")


def test_utf_16_is_told(tmp_path: Path) -> None:
    path = put(tmp_path / "events.json", ONE.decode().encode("utf-16"))
    assert reasons(path) == [(1, "this is UTF-16; JSON is UTF-8")]


def test_a_line_beyond_all_measure_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGEST", 1 << 10)
    monkeypatch.setattr(sources, "_BUFFER", 1 << 10)
    long = b'{"a": "' + b"x" * 5_000 + b'"}'
    path = put(tmp_path / "events.ndjson", ONE + b"\n" + long + b"\n" + TWO)
    assert [line for line, _ in reasons(path)] == [2]
    assert bodies(path) == [(1, ONE), (3, TWO)]


def test_a_verbatim_file_is_one_event_to_its_last_byte(tmp_path: Path) -> None:
    body = b'\n{"a":\n1}\r\n\n'
    assert bodies(put(tmp_path / "000000000007.event.json", body)) == [(1, body)]


def test_a_folder_is_read_sorted_and_whole(tmp_path: Path) -> None:
    put(tmp_path / "b" / "x.jsonl", ONE)
    put(tmp_path / "a.ndjson.gz", gzip.compress(TWO))
    put(tmp_path / "b" / "y.JSON", TWO)
    put(tmp_path / "readme.txt", b"no event")
    found = [(Path(item.file).name, item.line) for item in read(tmp_path)]
    assert found == [("a.ndjson.gz", 1), ("x.jsonl", 1), ("y.JSON", 1)]


def test_lines_are_read_as_they_are_wanted(tmp_path: Path) -> None:
    path = put(tmp_path / "events.ndjson", b"".join(ONE + b"\n" for _ in range(100_000)))
    reading = Reading(str(path))
    next(iter(reading))
    assert reading.consumed < path.stat().st_size / 100


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file or folder"):
        Reading(str(tmp_path / "nothing"))
    with pytest.raises(NotFound, match=r"holds no file named \*\.json"):
        Reading(str(tmp_path))


def test_progress_counts_bytes_as_they_stand_on_disk(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(ONE + b"\n" for _ in range(10_000)))
    put(tmp_path / "a.ndjson.gz", packed)
    put(tmp_path / "b.ndjson", ONE * 3)
    reading = Reading(str(tmp_path))
    assert reading.total == len(packed) + 3 * len(ONE)
    consumed = [reading.consumed for _ in reading]
    assert consumed == sorted(consumed)
    assert reading.consumed == reading.total


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(ONE + b"\n" + TWO))))
    monkeypatch.setattr("sys.stdin", stdin)
    reading = Reading("-")
    assert list(reading) == [Item("stdin", 1, ONE), Item("stdin", 2, TWO)]
    assert reading.total is None
