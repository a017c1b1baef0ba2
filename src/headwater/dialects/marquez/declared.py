"""What Marquez knows and OpenLineage has no word for: namespaces, sources and tags of their own.

Each is a dataset in a namespace that starts with `headwater:` and is stated by dataset events, so
that the log holds it as it holds all else. Every such event carries the facet `headwater_hidden`,
so no list, no search and no graph ever shows it. What they say stands in facets:

- a namespace: `ownership` (its owner), `documentation`, and `marquez_deleted` once it was deleted
- a source: `dataSource`, `documentation` and `marquez_source` (`{"type": ...}`)
- a tag: `documentation`

A dataset that Marquez' clients declare has `marquez_dataset` (its physicalName, schemaLocation),
and the arguments of a run stand in its facet `marquez_args` (`{"args": {...}}`). These facets are
never shown among the others.
"""

from typing import TypeVar

import msgspec

from headwater.history import FacetStatement
from headwater.ids import NodeId, dataset

T = TypeVar("T")

PREFIX = "headwater:"
DEFAULT = "default"
"""A namespace, and a source, that is always there."""

NAMESPACES = "headwater:namespaces"
SOURCES = "headwater:sources"
TAGS = "headwater:tags"

DELETED = "marquez_deleted"
SOURCE = "marquez_source"
DATASET = "marquez_dataset"
ARGS = "marquez_args"
HIDDEN = "headwater_hidden"
_OURS = ("marquez_", "headwater_")
_NEVER = frozenset({"spark_unknown"})


class SourceFacet(msgspec.Struct):
    type: str | None = None


class DatasetFacet(msgspec.Struct, rename="camel"):
    physical_name: str | None = None
    schema_location: str | None = None


class ArgsFacet(msgspec.Struct):
    args: dict[str, str] = {}


_source = msgspec.json.Decoder(SourceFacet)
_dataset = msgspec.json.Decoder(DatasetFacet)
_args = msgspec.json.Decoder(ArgsFacet)


def namespace(name: str) -> NodeId:
    return dataset(NAMESPACES, name)


def source(name: str) -> NodeId:
    return dataset(SOURCES, name)


def tag(name: str) -> NodeId:
    return dataset(TAGS, name)


def shown(facet: str) -> bool:
    """Whether a facet is shown among the others."""
    return not facet.startswith(_OURS) and facet not in _NEVER


def internal(name: str) -> bool:
    """Whether a namespace is one of these."""
    return name.startswith(PREFIX)


def source_type(facets: dict[str, FacetStatement]) -> str | None:
    said = facets.get(SOURCE)
    return None if said is None else _read(_source, said.facet.body, SourceFacet()).type


def dataset_facet(body: bytes | None) -> DatasetFacet:
    return DatasetFacet() if body is None else _read(_dataset, body, DatasetFacet())


def run_args(body: bytes | None) -> dict[str, str]:
    return {} if body is None else _read(_args, body, ArgsFacet()).args


def _read(decoder: msgspec.json.Decoder[T], body: bytes, otherwise: T) -> T:
    """Anyone may send a facet of this name: one of another shape says nothing."""
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError:
        return otherwise
