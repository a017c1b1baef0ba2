"""Times as people write them."""

from datetime import UTC, datetime

import pytest

from headwater.cli.times import iso, micros, parse

NOW = datetime(2026, 11, 21, 9, 30, 15, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-13", "2026-11-13T00:00:00.000000Z"),
        ("2026-11-13T08:30", "2026-11-13T08:30:00.000000Z"),
        ("2026-11-13 08:30:01.5", "2026-11-13T08:30:01.500000Z"),
        ("2026-11-13T08:30:00Z", "2026-11-13T08:30:00.000000Z"),
        ("2026-11-13T08:30:00+05:30", "2026-11-13T03:00:00.000000Z"),
        ("now", "2026-11-21T09:30:15.250000Z"),
        ("today", "2026-11-21T00:00:00.000000Z"),
        (" Yesterday ", "2026-11-20T00:00:00.000000Z"),
        ("2h", "2026-11-21T07:30:15.250000Z"),
        ("3d", "2026-11-18T09:30:15.250000Z"),
        ("3d ago", "2026-11-18T09:30:15.250000Z"),
        ("90 m", "2026-11-21T08:00:15.250000Z"),
        ("1w", "2026-11-14T09:30:15.250000Z"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert iso(parse(text, NOW)) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-40", "5", "3x", "9" * 40 + "d", "-1h"])
def test_what_is_no_time_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time; write it like"):
        parse(text, NOW)


def test_microseconds_are_exact() -> None:
    assert micros(parse("2286-11-20T17:46:39.999999Z", NOW)) == 9_999_999_999_999_999
    assert micros(parse("1969-12-31T23:59:59.999999Z", NOW)) == -1
