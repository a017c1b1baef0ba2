"""A content that is read in part holds what the whole one says of that part."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from headwater import fold
from headwater.event import Transformation
from headwater.ids import Key
from headwater.records import Content, KeyFlow, KeySource, content
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.tables import decode_tables
from headwater.walks import About

JOB = b"\x93" * 16
KEYS = [bytes([n] * 16) for n in range(4)]
FIELDS = ["a", "b", "ab", "\x01", "é", ""]
HOW = Transformation("DIRECT", "IDENTITY", "", False)

keys, fields = st.sampled_from(KEYS), st.sampled_from(FIELDS)
sources = st.builds(KeySource, keys, st.none() | fields, st.sampled_from([(), (HOW,)]))
flows = st.lists(
    st.builds(
        KeyFlow,
        keys,
        st.lists(fields, max_size=2, unique=True).map(tuple),
        st.lists(sources, max_size=3).map(tuple),
    ),
    max_size=6,
)
contents = st.builds(content, st.lists(keys), st.lists(keys), st.none() | flows, flows)
asked = st.dictionaries(keys, st.sets(st.none() | fields, min_size=1), max_size=3)


def read(whole: Content, about: About | None = None) -> Content:
    return codec.decode_content(codec.encode_content(whole), whole.digest, about)


def shared() -> Content:
    """So many sources that those which flows share are written once."""
    group = tuple(KeySource(key, f"s{n}", ()) for key in KEYS[:2] for n in range(60))
    return content(KEYS, KEYS, None, [KeyFlow(KEYS[3], (f"t{n}",), group) for n in range(100)])


def among(found: Iterable[KeySource], about: About) -> tuple[KeySource, ...]:
    return tuple(s for s in found if _wanted(about, s.node, s.field))


def _wanted(about: About, node: Key, field: str | None) -> bool:
    named = about.get(node, set())
    return bool(named) and (field is None or field in named or None in named)


def check(whole: Content, about: About) -> None:
    expected = []
    for flow in whole.columns:
        if any(_wanted(about, flow.target, field) for field in flow.fields or (None,)):
            expected.append(flow)
        elif some := among(flow.sources, about):
            expected.append(flow._replace(sources=some))
    assert read(whole, about).columns == tuple(expected)
    assert read(whole, about).explicit == whole.explicit


@given(contents, asked)
def test_about_some_columns(whole: Content, about: About) -> None:
    check(whole, about)


@given(contents)
def test_which_tables_feed_which(whole: Content) -> None:
    part = decode_tables(codec.encode_content(whole))
    assert fold.pairs(JOB, part) == fold.pairs(JOB, whole)
    assert fold.edges(JOB, part) == fold.edges(JOB, whole)
    assert part.bare == whole.bare


def test_sources_that_flows_share() -> None:
    whole = shared()
    check(whole, {KEYS[0]: {"s7"}})
    check(whole, {KEYS[3]: {"t9", None}})
    assert fold.pairs(JOB, decode_tables(codec.encode_content(whole))) == fold.pairs(JOB, whole)
