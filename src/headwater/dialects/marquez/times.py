"""Times as Marquez writes and reads them: ISO-8601 in UTC, with as many decimals as are needed."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from headwater.dialects.openlineage import moment
from headwater.errors import InvalidParameter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999."""


def iso(micros: int) -> str:
    """With no decimals, three or six, as Java writes an instant."""
    minutes, rest = divmod(min(max(micros, EARLIEST), LATEST), 60_000_000)
    seconds, fraction = divmod(rest, 1_000_000)
    if not fraction:
        decimals = ""
    elif fraction % 1_000:
        decimals = f".{fraction:06d}"
    else:
        decimals = f".{fraction // 1_000:03d}"
    return f"{_minute(minutes)}{seconds:02d}{decimals}Z"


@lru_cache(maxsize=10_000)
def _minute(minutes: int) -> str:
    """`2026-11-13T08:30:` for minutes since 1970: the times of an answer lie close together."""
    return (_EPOCH + timedelta(minutes=minutes)).isoformat()[:17]


def maybe(micros: int | None) -> str | None:
    return None if micros is None else iso(micros)


def parse(text: str, name: str) -> int:
    """Microseconds since 1970; raises InvalidParameter."""
    # A `+` that nobody percent-encoded has become a space on the way.
    read = moment.parse(text) or moment.parse(text[:-6] + text[-6:].replace(" ", "+"))
    if read is None:
        raise InvalidParameter(name, f"{text!r} is not a time; write it like 2026-11-13T08:30:00Z")
    return read.micros


def parse_day(text: str, name: str) -> int:
    """The beginning of a day of UTC, written YYYY-MM-DD; raises InvalidParameter."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidParameter(name, f"{text!r} is not a day written like 2026-11-13") from None
    return micros_of(datetime(day.year, day.month, day.day, tzinfo=UTC))


def micros_of(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def datetime_of(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=min(max(micros, EARLIEST), LATEST))
