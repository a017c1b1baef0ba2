"""Which tags hold of a dataset: those of the facet `tags` and those that have a facet each."""

from collections.abc import Iterable

import msgspec

from headwater.dialects.marquez.shelf import Said
from headwater.dialects.openlineage.facets import TAG
from headwater.event import Gist, Tag


def tags_of(said: Said) -> tuple[Tag, ...]:
    """All of them, those of fields too."""
    each = said.get("tags")
    stated = () if each is None else each.statement.facts.tags
    gists = [
        msgspec.json.decode(other.facet.gist, type=Gist)
        for name, other in said.items()
        if name.startswith(TAG) and other.facet.gist
    ]
    gone = {(tag.key, tag.field) for gist in gists for tag in gist.untagged}
    tags = (*stated, *(tag for gist in gists for tag in gist.tags))
    return tuple(tag for tag in tags if (tag.key, tag.field) not in gone)


def own_tags(tags: Iterable[Tag]) -> tuple[str, ...]:
    """Those of a job or dataset itself, as they are shown."""
    return tuple(sorted({tag.key for tag in tags if tag.field is None}))
