"""Column lineage in groups: the flows of many are made when they are asked for."""

import msgspec
import pytest

from headwater.dialects.openlineage import groups
from headwater.dialects.openlineage.groups import HeadwaterFlows, SharedFlows, shared_flows
from headwater.event import Flow

NAMES = ["a", "b", "c"]


def facet(size: int, *more: object) -> HeadwaterFlows:
    made = [
        {
            "inputs": [[0, f"i{group}_{n}"] for n in range(size)] + [[1]],
            "outputs": [[2, f"o{group}_{n}"] for n in range(size)],
        }
        for group in range(3)
    ]
    said = {
        "_producer": "https://example.com",
        "_schemaURL": "https://example.com/HeadwaterFlows.json",
        "datasets": [{"namespace": "ns", "name": name} for name in NAMES],
        "flows": [*made, *more],
    }
    return msgspec.json.decode(msgspec.json.encode(said), type=HeadwaterFlows)


def read(said: HeadwaterFlows) -> tuple[list[Flow], list[tuple[str, str]], bool]:
    """The flows, what was reported, and whether they are made when asked for."""
    reported: list[tuple[str, str]] = []
    found = shared_flows(said, "/f", lambda pointer, reason: reported.append((pointer, reason)))
    assert list(found) == list(found)
    return list(found), reported, isinstance(found, SharedFlows)


def test_many_are_what_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    said = facet(2_000, {"inputs": [[9, "x"]], "outputs": "no"})
    later, told, lazy = read(said)
    assert lazy
    monkeypatch.setattr(groups, "SMALL", 1 << 30)
    at_once, told_at_once, lazy = read(said)
    assert not lazy
    assert later == at_once
    assert told == told_at_once
    assert told
    assert all(pointer.startswith("/f/flows/3/") for pointer, _ in told)


def test_flows_of_a_group_share_their_sources() -> None:
    flows, told, lazy = read(facet(2))
    assert (len(flows), told, lazy) == (3, [], False)
    (flow, *_) = flows
    assert [(source.node.name, source.field) for source in flow.sources] == [
        ("a", "i0_0"),
        ("a", "i0_1"),
        ("b", None),
    ]
