from datetime import UTC, datetime

import pytest

from headwater.dialects.openlineage import moment

EIGHT = int(datetime(2026, 11, 20, 8, 0, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "micros", "standard"),
    [
        ("2026-11-20T08:00:00Z", EIGHT, True),
        ("2026-11-20T08:00:00.5Z", EIGHT + 500_000, True),
        ("2026-11-20T08:00:00.123456789Z", EIGHT + 123_456, True),
        ("2026-11-20T08:00:00.999999999999Z", EIGHT + 999_999, True),
        ("2026-11-20T18:00:00+10:00", EIGHT, True),
        ("2026-11-20T02:30:00.000-05:30", EIGHT, True),
        ("2026-11-20t08:00:00z", EIGHT, True),
        ("2026-11-20 08:00:00Z", EIGHT, False),
        ("2026-11-20T08:00:00", EIGHT, False),
        ("2026-11-20T08:00:00.000001", EIGHT + 1, False),
        ("2026-11-20T08:00Z", EIGHT, False),
        ("2026-11-20T08:00:00Z[Europe/London]", EIGHT, False),
        ("2026-11-20T09:00:00+01:00[Europe/Paris]", EIGHT, False),
        ("2026-11-20T09:00:00+0100", EIGHT, False),
        ("2026-11-20T09:00:00+01", EIGHT, False),
        ("1970-01-01T00:00:00Z", 0, True),
        ("1969-12-31T23:59:59.999999Z", -1, True),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000, True),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999, True),
    ],
)
def test_reads_what_producers_write(text: str, micros: int, standard: bool) -> None:
    assert moment.parse(text) == (micros, standard)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-20",
        "2026-11-20T08",
        "20261120T080000Z",
        "2026-W47-5T08:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T08:61:00Z",
        "2026-11-20T08:00:00+25:00",
        "2026-11-20T08:00:00Zulu",
        "2026-11-20T08:00.5Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-01:00",
        "10000-01-01T00:00:00Z",
        "٢٠٢٦-11-20T08:00:00Z",
        "2026-11-20T08:00:00Z\n",
        "1763625600",
    ],
)
def test_refuses_what_is_no_date_and_time(text: str) -> None:
    assert moment.parse(text) is None
