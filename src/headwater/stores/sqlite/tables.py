"""Contents as table-level lineage asks for them: which nodes feed which, columns passed over.

A walk reads hundreds of contents, and most of each is the names of columns.
"""

import msgspec
from msgspec import Raw

from headwater.fold import TableContent
from headwater.ids import Key
from headwater.stores.sqlite import codec


class _Source(msgspec.Struct, array_like=True, gc=False):
    """The place of its node; what follows is not read."""

    node: int


class _Flow(msgspec.Struct, array_like=True):
    target: int
    fields: Raw
    sources: list[_Source] | int


class _Body(codec.Head, array_like=True):
    columns: list[_Flow]
    shared: list[list[_Source]] = msgspec.field(default_factory=list)


_bodies = msgspec.msgpack.Decoder(_Body)


def decode_tables(body: bytes) -> TableContent:
    """Reads a content as `codec.encode_content` wrote it."""
    raw = _bodies.decode(body)
    nodes = raw.nodes
    return TableContent(
        frozenset([nodes[place] for place in raw.inputs]),
        frozenset([nodes[place] for place in raw.outputs]),
        raw.explicit_flows,
        _fed(raw),
        bare=raw.explicit is None and not raw.columns,
    )


def _fed(raw: _Body) -> dict[Key, frozenset[Key]]:
    """What feeds each target."""
    if raw.shared:
        return _fed_by_lists(raw)
    nodes = raw.nodes
    links = {(flow.target, each.node) for flow in raw.columns for each in flow.sources}  # type: ignore[union-attr] # nothing is shared
    found: dict[int, list[Key]] = {}
    for target, source in links:
        found.setdefault(target, []).append(nodes[source])
    return {nodes[target]: frozenset(sources) for target, sources in found.items()}


def _fed_by_lists(raw: _Body) -> dict[Key, frozenset[Key]]:
    """Targets that are fed by the same lists share one set: of 100 x 100 columns in each of 100
    groups, sets of their own would be 10,000 entries each time.
    """
    nodes = raw.nodes
    lists: dict[int, set[int]] = {}
    for flow in raw.columns:
        assert isinstance(flow.sources, int)
        lists.setdefault(flow.target, set()).add(flow.sources)
    united: dict[frozenset[int], frozenset[Key]] = {}
    fed: dict[Key, frozenset[Key]] = {}
    for target, those in lists.items():
        which = frozenset(those)
        together = united.get(which)
        if together is None:
            named = {source.node for place in which for source in raw.shared[place]}
            together = united[which] = frozenset([nodes[n] for n in named])
        if together:
            fed[nodes[target]] = together
    return fed
