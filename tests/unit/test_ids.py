"""Keys."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.ids import NodeId, NodeKind, is_job, key_of

texts = st.text(st.characters(exclude_categories=()))


@given(texts, st.sampled_from(NodeKind), texts, texts)
def test_a_nodes_key_is_that_of_its_parts(
    domain: str, kind: NodeKind, namespace: str, name: str
) -> None:
    """But for the first bit, which says what it is."""
    key = NodeId(kind, namespace, name).key(domain)
    whole = key_of(domain, kind.value, namespace, name)
    assert key[1:] == whole[1:]
    assert key[0] % 128 == whole[0] % 128
    assert is_job(key) == (kind is NodeKind.JOB)
