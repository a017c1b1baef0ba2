"""Search over names, namespaces, columns, descriptions and tags, by trigrams."""

from headwater.ids import NodeKind
from headwater.store import Hit
from headwater.stores.sqlite.connection import Value, array
from headwater.stores.sqlite.names import KINDS
from headwater.stores.sqlite.nodes import Nodes

TRIGRAM = 3
TRIGRAMS_USED = 6
"""A few that lie apart say nearly as much as all; each costs its whole list of names."""
CANDIDATES = 1_000
"""How many finds are ranked, at the least, before the best are shown."""


class Searching(Nodes):
    def _domain(self, name: str) -> int:
        raise NotImplementedError

    async def search(
        self, domain: str, words: str, kinds: frozenset[NodeKind], limit: int
    ) -> list[Hit]:
        """Names first, those that begin with the words before those that hold them."""
        words = words.strip()
        if not words:
            return []
        domain_id, like, match = self._domain(domain), _like(words), _trigrams(words)
        wanted = array(sorted(KINDS[kind] for kind in kinds))
        most = max(limit, CANDIDATES)
        found: dict[int, tuple[str, str | None, str | None]] = {}

        def take(name: str, matched: str, *values: Value) -> None:
            if len(found) < most:
                for node, field, text in self._db.all(name, *values, most):
                    found.setdefault(node, (matched, field, text))

        if match is None:
            take("search_names_short", "name", like, domain_id, wanted)
            take("search_namespaces", "namespace", domain_id, like, wanted)
        else:
            take("search_names", "name", match, like, domain_id, wanted)
            take("search_namespaces", "namespace", domain_id, like, wanted)
            if NodeKind.DATASET in kinds:
                take("search_fields", "field", match, like, domain_id)
            take("search_texts", "text", match, like, domain_id, wanted)
        self._learn(set(found))
        hits = [
            Hit(self._rows[node].key, self._rows[node].node, matched, field, text)
            for node, (matched, field, text) in found.items()
        ]
        return sorted(hits, key=lambda hit: _rank(hit, words.casefold()))[:limit]


def _rank(hit: Hit, words: str) -> tuple[int, int, str, str]:
    name = hit.node.name.casefold()
    order = {"name": 0, "namespace": 1, "field": 2, "text": 3}[hit.matched]
    last = name.rsplit(".", 1)[-1].rsplit("/", 1)[-1]
    near = 0 if words in (name, last) else 1 if name.startswith(words) else 2
    near = min(near, 1) if last.startswith(words) else near
    return (order, near, hit.node.name, hit.node.namespace)


def _trigrams(words: str) -> str | None:
    """The index query for a substring: some of its trigrams; None where it is too short.

    Names begin alike and end apart, so the last ones come first, and before them those with a
    digit; what overlaps comes after what does not. What is found is compared with the whole.
    """
    starts = range(len(words) - TRIGRAM, -1, -1)
    apart = [words[i : i + TRIGRAM] for i in starts[::TRIGRAM]]
    apart.sort(key=lambda piece: not any(map(str.isdigit, piece)))
    pieces = dict.fromkeys([*apart, *(words[i : i + TRIGRAM] for i in starts)])
    quoted = ['"' + piece.replace('"', '""') + '"' for piece in pieces if "\0" not in piece]
    return " AND ".join(quoted[:TRIGRAMS_USED]) or None


def _like(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
