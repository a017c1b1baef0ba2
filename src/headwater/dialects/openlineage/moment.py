"""Times as producers write them, as microseconds since 1970-01-01 UTC."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z"""
_LATEST = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z"""

_LONGEST = 64
"""Characters of a time that is remembered: a client must not choose how much memory that takes."""

_USUAL = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
# Java leaves out seconds that are zero, and adds the name of the zone in brackets.
_LENIENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?"
    r" ?(?:([Zz])|([+-]\d\d)(?::?(\d\d))?)?(?:\[[^\[\]]*\])?",
    re.ASCII,
)


class Moment(NamedTuple):
    """A time; `standard` says that it was written as RFC 3339 wants it."""

    micros: int
    standard: bool


def parse(text: str) -> Moment | None:
    """Reads a date and time: no zone is UTC, digits below the microsecond are cut off.

    None: it is not a date and time, or not in the years 1 to 9999 of UTC.
    """
    return _remembered(text) if len(text) <= _LONGEST else _parse(text)


@lru_cache(maxsize=4_096)
def _remembered(text: str) -> Moment | None:
    """Runs that start together state the same nominal times, and each event of a run again."""
    return _parse(text)


def _parse(text: str) -> Moment | None:
    # What nearly every producer writes; fromisoformat alone would take dates and weeks as well.
    if _USUAL.fullmatch(text):
        try:
            return _moment(datetime.fromisoformat(text), standard=True)
        except ValueError:
            return None
    return _parse_lenient(text)


def _parse_lenient(text: str) -> Moment | None:
    match = _LENIENT.fullmatch(text)
    if match is None or text[11:13] == "24":
        return None
    date, minute, second, fraction, utc, hours, minutes = match.groups()
    if fraction is not None and second is None:
        return None
    zone = f"{hours}:{minutes or '00'}" if hours else "+00:00"
    digits = (fraction or "")[:6].ljust(6, "0")
    try:
        time = datetime.fromisoformat(f"{date}T{minute}{second or ':00'}.{digits}{zone}")
    except ValueError:
        return None
    standard = (
        text[10] in "Tt"
        and second is not None
        and bool(utc or minutes)
        and text[-1] != "]"
        and " " not in text
        and "," not in text
        and (not hours or text[-3] == ":")
    )
    return _moment(time, standard)


def _moment(time: datetime, standard: bool) -> Moment | None:
    since = time - _EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return Moment(micros, standard) if _EARLIEST <= micros <= _LATEST else None
