"""Times as people write them on a command line."""

import re
from datetime import UTC, datetime, timedelta

import click

_AGO = re.compile(r"(\d+)\s*(s|m|h|d|w)(?:\s+ago)?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"today": 0, "yesterday": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORMS = "2026-11-13, 2026-11-13T08:30, yesterday, 2h, 3d"


def parse(text: str, now: datetime) -> datetime:
    """Reads ISO-8601, a date, `now`, `today`, `yesterday`, or how long ago: `2h`, `3d ago`.

    A time without zone is UTC, a day is its first moment.

    Raises:
        ValueError: the text is none of these.
    """
    word = text.strip().lower()
    if word == "now":
        return now
    if word in _DAYS:
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=_DAYS[word])
    try:
        if match := _AGO.fullmatch(word):
            return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time; write it like {FORMS}") from error


def read_iso(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly: floats would lose some."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def iso(moment: datetime) -> str:
    """As the API takes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Time(click.ParamType[datetime]):
    """A time as an option's value."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse(str(value), datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


TIME = Time()
