"""The body of a facet: what all facets share."""

import re

import msgspec
from msgspec import UNSET, Raw, UnsetType

from headwater.dialects.openlineage.findings import Findings, fits, step
from headwater.dialects.openlineage.salvage import Reader, kind
from headwater.event import Facet, Octets


class Body(msgspec.Struct):
    """Every facet; a known one adds its own members."""

    producer: str | UnsetType = msgspec.field(default=UNSET, name="_producer")
    schema_url: str | UnsetType = msgspec.field(default=UNSET, name="_schemaURL")
    deleted: bool = msgspec.field(default=False, name="_deleted")


_body = msgspec.json.Decoder(Body)
_parts = Reader(Body)
_ODD = Body("", "")
_MOST = 10_000
"""Facets of one node or run."""
_members = msgspec.json.Decoder(dict[str, Raw])
_version = re.compile(r"/facets/(\d{1,9})-\d{1,9}-\d{1,9}/", re.ASCII)


def split(raw: Octets, pointer: str, findings: Findings) -> list[tuple[str, bytes]]:
    """The facets of a `facets` object, by name; null is as absent, for each of them and for all."""
    if not raw or raw == b"{}":
        return []
    try:
        members = _members.decode(raw)
    except msgspec.ValidationError:
        found = kind(raw)
        findings.fault(pointer, "null" if found == "null" else f"expected an object, got {found}")
        return []
    if len(members) > _MOST:
        findings.refuse(pointer, f"more than {_MOST} facets")
        return []
    facets = []
    for name in sorted(members):
        body = bytes(members[name])
        if body == b"null":
            findings.fault(pointer + step(name), "null")
        elif fits(pointer, findings.fault, name):
            facets.append((name, body))
    return facets


def plain(name: str, body: bytes, pointer: str, findings: Findings) -> Body:
    """Reads a facet that nothing more is known of."""
    if body[:1] != b"{":
        findings.fault(pointer + step(name), f"expected an object, got {kind(body)}")
        return _ODD
    try:
        read = _body.decode(body)
    except msgspec.ValidationError:
        read = _parts.read(body, pointer + step(name), findings.fault) or _ODD
    if read.producer is UNSET or read.schema_url is UNSET:
        origin(name, read, pointer, findings)
    return read


def origin(name: str, body: Body, pointer: str, findings: Findings, model: int = 0) -> None:
    """Checks where a facet says it is from, and if it is of a known model (0: any is)."""
    if body.producer is UNSET or body.schema_url is UNSET:
        missing = ["_producer"] if body.producer is UNSET else []
        missing += ["_schemaURL"] if body.schema_url is UNSET else []
        findings.fault(pointer + step(name), f"no {' and no '.join(missing)}")
    elif model:
        version = _version.search(body.schema_url)
        if version is not None and int(version[1]) > model:
            findings.odd(pointer + step(name), f"version {version[1]} is newer than {model}")


def uses(raw: bytes, pointer: str, findings: Findings, lean: bool) -> tuple[Facet, ...]:
    """The facets of a run or of a dataset's use: kept as they are, or only looked at (lean)."""
    facets = split(raw, pointer, findings)
    for name, body in facets:
        plain(name, body, pointer, findings)
    return () if lean else tuple(Facet(name, body) for name, body in facets)
