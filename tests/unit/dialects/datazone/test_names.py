"""Derived ids: their form, and that each leads back to what it was made from."""

import random
import re

import pytest

from headwater.dialects.datazone import names
from headwater.ids import dataset, digest_of, event_id, job

FIRST, LAST = event_id(0, bytes(16)), event_id(1 << 55, b"\xff" * 16)
DAY = 86_400_000_000


@pytest.mark.parametrize("time", [0, 1, 1_700_000_000_123_456, 4_102_444_800_000_000, -5, 1 << 60])
def test_an_event_is_found_by_its_name(time: int) -> None:
    identity = event_id(time, digest_of(b"body", "token"))
    name = names.event_name(identity)
    assert names.EVENT_ID.fullmatch(name)
    ranges, tail = names.event_ranges(name, min(identity, FIRST), max(identity, LAST))
    assert any(low <= identity < high for low, high in ranges)
    assert identity.endswith(tail)
    assert len(ranges) < 6_000


def test_the_ranges_are_as_few_as_the_log_is_short() -> None:
    now = 1_790_000_000_000_000
    name = names.event_name(event_id(now, digest_of(b"a")))
    least, greatest = event_id(now - 300 * DAY, bytes(16)), event_id(now + DAY, bytes(16))
    ranges, _ = names.event_ranges(name, least, greatest)
    assert 1 <= len(ranges) <= 3
    assert names.event_ranges("zzzzzzzzzzzzzz", least, greatest)[0] == []


def test_many_events_of_one_moment_have_names_of_their_own() -> None:
    ids = {event_id(1_790_000_000_000_000, digest_of(b"x", str(n))) for n in range(20_000)}
    assert len({names.event_name(identity) for identity in ids}) == len(ids)


def test_nodes_and_runs() -> None:
    for node in (dataset("ns", "a"), job("ns", "a"), dataset("", "é/..")):
        key = node.key("default")
        name = names.node_name(key)
        assert names.EVENT_ID.fullmatch(name)
        between = names.node_range(name)
        assert between is not None
        assert between[0] <= key <= between[1]
        for run_id in (
            "01a1f6c4-93d8-7e15-9d9f-7270fa5716a2",
            "f" * 8 + "-ffff-ffff-ffff-" + "f" * 12,
        ):
            read = names.read_run_name(names.run_name(key, run_id))
            assert read is not None
            assert read[0] == run_id
            assert read[1] <= key <= read[2]
        text = names.run_name(key, "run_id")
        assert names.RUN_ID.fullmatch(text)
        read = names.read_run_name(text)
        assert read is not None
        assert read[0] is None
    assert names.node_range("zzzzzzzzzzzzzz") is None
    assert names.read_run_name("z" * 36) is None


def test_domains() -> None:
    made = {names.domain_name(name) for name in ("default", "Default", "shop", "é", "")}
    assert len(made) == 5
    assert all(names.DOMAIN_ID.fullmatch(name) for name in made)


def test_numbers() -> None:
    chance = random.Random(1)
    for width in (11, 14, 25):
        for _ in range(200):
            value = chance.randrange(36**width)
            written = names.base36(value, width)
            assert re.fullmatch(rf"[a-z0-9]{{{width}}}", written)
            assert int(written, 36) == value


def test_splits() -> None:
    assert list(names.splits("a/b/c", "/")) == [("a/b", "c"), ("a", "b/c")]
    assert list(names.splits("abc", "/")) == []
    assert list(names.splits("/", "/")) == [("", "")]
