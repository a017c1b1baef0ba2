"""Flows that are remembered packed are the flows that were read."""

import pytest

from headwater.dialects.openlineage.packed import packed
from headwater.event import Flow, Source, Transformation
from headwater.ids import dataset

TARGET = dataset("s3://lake", "totals")
HOW = (Transformation("DIRECT", "AGGREGATION", "sum", True), Transformation("INDIRECT"))  # masks
FLOWS = (
    Flow(TARGET, (), (Source(dataset("pg", "a"), None),)),
    Flow(
        TARGET, ("x",), (Source(dataset("pg", "é🙂\0"), "y", HOW), Source(dataset("pg", "b"), ""))
    ),
    Flow(TARGET, ("x", "z"), ()),
)
HALF = Flow(TARGET, ("\ud83d",), (Source(dataset("pg", "\udc00"), "y"),))


@pytest.mark.parametrize("flows", [FLOWS, (*FLOWS, HALF), (HALF,), ()])
def test_what_is_unpacked_is_what_was_packed(flows: tuple[Flow, ...]) -> None:
    kept = packed(TARGET, flows)
    assert tuple(kept) == flows
    assert tuple(kept) == flows, "it can be read again"
    assert repr(kept) == repr(flows)
