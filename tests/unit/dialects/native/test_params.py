import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from headwater.dialects.native import params
from headwater.errors import InvalidParameter
from headwater.event import EventType
from headwater.http.message import Request
from headwater.store import Direction, Moment

NOON = 1_700_049_600_000_000  # 2023-11-15T12:00:00Z


def request(query: str) -> Request:
    return Request("GET", b"/", query.encode(), {}, "1")


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-15T12:00:00Z",
        "2023-11-15T12:00:00.000000Z",
        "2023-11-15T12:00:00.000000999Z",
        "2023-11-15T12:00:00",
        "2023-11-15 12:00",
        "2023-11-15T22:00:00+10:00",
        "2023-11-15T22:00:00 10:00",
        "20231115T120000Z",
        "1700049600",
        "1700049600.0",
        "+1700049600",
    ],
)
def test_times(text: str) -> None:
    assert params.parse_time(text, "since") == NOON


def test_a_day_is_its_first_moment() -> None:
    assert params.parse_time("2023-11-15", "since") == NOON - 12 * 3_600_000_000


def test_seconds_keep_their_microseconds() -> None:
    assert params.parse_time("1700049600.1234567", "since") == NOON + 123_456
    assert params.parse_time("-1.5", "since") == -1_500_000


@pytest.mark.parametrize(
    "text", ["noon", "9" * 40, "-" + "9" * 5000, "2023-13-01", "1e9", "NaN", "0000-01-01", "1_0"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        params.parse_time(text, "since")
    assert raised.value.name == "since"


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_a_time_that_is_written_is_read_again(micros: int) -> None:
    text = params.format_time(micros)
    assert len(text) == 27
    assert params.parse_time(text, "since") == micros


def test_the_moment_of_a_question() -> None:
    assert params.moment(request(""), NOON) is None
    assert params.moment(request("as_of=1"), NOON) == Moment(1_000_000)
    assert params.moment(request("since=1"), NOON) == Moment(NOON, 1_000_000)
    with pytest.raises(InvalidParameter):
        params.moment(request("since=2&as_of=1"), NOON)


@given(st.text(), st.integers(-(2**63), 2**63 - 1), st.binary())
def test_a_cursor_comes_back_as_it_was(text: str, number: int, raw: bytes) -> None:
    cursor = (number, text, raw)
    written = params.encode_cursor(cursor)
    assert params.decode_cursor(written, tuple[int, str, bytes]) == cursor
    with pytest.raises(InvalidParameter):
        params.decode_cursor(written, tuple[str, str])


@pytest.mark.parametrize("text", ["x", "====", "é", "AAAA", "%00", "kw"])
def test_a_bad_cursor_is_named(text: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        params.decode_cursor(text, tuple[str, str])
    assert raised.value.name == "cursor"


@given(st.text())
def test_no_cursor_does_harm(text: str) -> None:
    try:
        found = params.decode_cursor(text, tuple[str, str])
    except InvalidParameter:
        return
    assert msgspec.convert(found, tuple[str, str]) == found


def test_a_page_has_room_for_one_more() -> None:
    assert params.page(request("limit=7"), tuple[str]).limit == 8
    for query in ("limit=0", "limit=1001", "limit=x"):
        with pytest.raises(InvalidParameter):
            params.page(request(query), tuple[str])


def test_words_of_a_choice() -> None:
    read = params.choices(request("type=start,COMPLETE&type=Fail"), "type", EventType)
    assert read == (EventType.START, EventType.COMPLETE, EventType.FAIL)
    with pytest.raises(InvalidParameter):
        params.choices(request("type=DONE"), "type", EventType)
    assert params.direction(request("direction=UP")) is Direction.UP
    assert params.direction(request("")) is Direction.BOTH


@pytest.mark.parametrize("text", ["x", "dataset:a", "field:a:b", "table:a:b", "run:"])
def test_a_node_of_no_form_is_named(text: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        params.node_text(request(f"job={text}"), "job")
    assert raised.value.name == "job"
