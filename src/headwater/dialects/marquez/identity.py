"""The UUIDs that Marquez shows: each is derived from names and content, so it is the same anywhere.

One UUID names a version everywhere (Marquez shows the row's in some places and the hash in others).
A run makes one version of each dataset that it writes; what is stated without a run makes one for
each distinct schema.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import md5

from headwater.ids import NodeId, fold_run_id

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def name_uuid(*parts: str) -> str:
    """As Java's `UUID.nameUUIDFromBytes` over the parts joined by colons."""
    raw = ":".join(parts).encode("utf-8", "surrogatepass")
    digest = bytearray(md5(raw, usedforsecurity=False).digest())
    digest[6] = digest[6] & 0x0F | 0x30  # version 3
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


@lru_cache(maxsize=10_000)
def run_uuid(run_id: str) -> str:
    """A run id that is no UUID is shown as the one that is derived from it."""
    folded = fold_run_id(run_id)
    return folded if is_uuid(folded) else name_uuid(run_id)


def entity_uuid(node: NodeId) -> str:
    """Of a job or dataset."""
    return name_uuid(node.kind.value, node.namespace, node.name)


def job_version(job: NodeId, inputs: Iterable[NodeId], outputs: Iterable[NodeId]) -> str:
    """Of all that read and write the same."""
    written = (
        sorted(f"{node.namespace}:{node.name}" for node in side) for side in (inputs, outputs)
    )
    return name_uuid(job.namespace, job.name, *("\n".join(side) for side in written))


def written_version(dataset: NodeId, job: NodeId, run_id: str) -> str:
    """Of a dataset as a run wrote it."""
    return name_uuid(dataset.namespace, dataset.name, job.namespace, job.name, run_id)


def stated_version(dataset: NodeId, schema: bytes) -> str:
    """Of a dataset as it was stated without being written; an empty digest: without a schema."""
    return name_uuid(dataset.namespace, dataset.name, schema.hex())


def schema_version(dataset: NodeId, schema: bytes) -> str:
    return name_uuid("schema", dataset.namespace, dataset.name, schema.hex())
