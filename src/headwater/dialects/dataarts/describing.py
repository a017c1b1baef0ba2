"""Jobs, datasets and columns in the words of Huawei's catalogue.

No null is ever written: Java's SDK breaks on some. `create_time` is a number in the v3 catalogue
and a text in the data map, as the SDKs read them.
"""

from collections.abc import Iterable
from functools import lru_cache

from headwater import mask
from headwater.dialects.dataarts import names
from headwater.dialects.dataarts.names import SCHEME
from headwater.event import Gist
from headwater.ids import FieldId, NodeId, NodeKind
from headwater.store import NodeDetail

Json = dict[str, object]
Ref = NodeId | FieldId


def guid(ref: Ref, domain: str) -> str:
    if isinstance(ref, FieldId):
        return names.column_guid(ref.dataset.key(domain), ref.name)
    return names.guid_of(ref.key(domain))


def type_name(ref: Ref) -> str:
    if isinstance(ref, FieldId):
        return f"{source_type(ref.dataset.namespace)}_column"
    return "Node" if ref.kind is NodeKind.JOB else f"{source_type(ref.namespace)}_table"


@lru_cache(maxsize=5_000)
def source_type(namespace: str) -> str:
    """What kind of source a namespace is of: its scheme, or the type that Huawei's client named."""
    if namespace.startswith(SCHEME):
        tail = namespace.removeprefix(SCHEME).split("/")
        return tail[2].lower() if len(tail) == 3 and tail[1] == "type" else "dataarts"
    scheme, found, _ = namespace.partition("://")
    return scheme.lower() if found else "dataset"


def short_name(ref: Ref) -> str:
    if isinstance(ref, FieldId):
        return ref.name
    if ref.kind is NodeKind.JOB:
        node = names.node_of(ref)
        return node.name or node.job_id
    return names.split(ref.name)[-1]


def qualified_name(ref: Ref, domain: str) -> str:
    if isinstance(ref, FieldId):
        return f"{ref.dataset.name}.{ref.name}@{ref.dataset.namespace}"
    if ref.kind is NodeKind.JOB:
        return names.node_qualified_name(ref, guid(ref, domain))
    return f"{ref.name}@{ref.namespace}"


def attributes(ref: Ref, domain: str, gist: Gist | None = None) -> Json:
    named = qualified_name(ref, domain)
    found: Json = {"name": short_name(ref), "qualifiedName": named, "qualified_name": named}
    if isinstance(ref, NodeId) and ref.kind is NodeKind.JOB:
        node = names.node_of(ref)
        found |= {"job_id": node.job_id, "node_name": node.name, "workspace_id": node.workspace}
        if node.project:
            found["project_id"] = node.project
    if gist is not None:
        found |= _gist(gist)
    return found


def _gist(gist: Gist) -> Json:
    found: Json = {"owners": [owner.name for owner in gist.owners]}
    if gist.description:
        found["description"] = mask.text(gist.description)
    if gist.location:
        found["location"] = mask.text(gist.location)
    return found


def connection(namespace: str) -> Json:
    return {
        "guid": names.guid_of(names.connection_key(namespace)),
        "display_text": namespace,
        "type_name": "Connection",
        "connection_type": source_type(namespace),
        "qualified_name": namespace,
    }


def header(ref: Ref, domain: str, gist: Gist | None = None) -> Json:
    """OpenEntityHeader; of OpenEntity and AtlasEntityHeader it is a part."""
    found: Json = {
        "guid": guid(ref, domain),
        "type_name": type_name(ref),
        "name": short_name(ref),
        "display_text": short_name(ref),
        "status": "ACTIVE",
        "attributes": attributes(ref, domain, gist),
        "tags": [] if gist is None else _tags(gist),
        "classification_names": [],
    }
    if isinstance(ref, FieldId):
        found["connection"] = connection(ref.dataset.namespace)
    elif ref.kind is NodeKind.DATASET:
        found["connection"] = connection(ref.namespace)
    return found


def _tags(gist: Gist) -> list[Json]:
    shown = [tag for tag in gist.tags if tag.field is None]
    return [{"name": tag.key, "display_text": tag.value or tag.key} for tag in shown]


def entity(ref: Ref, domain: str, detail: NodeDetail | None = None) -> Json:
    """OpenEntity: times are numbers, in milliseconds."""
    gist = None if detail is None else detail.gist
    return header(ref, domain, gist) | {
        "create_time": _millis(None if detail is None else detail.first),
        "update_time": _millis(None if detail is None else detail.last),
        "created_by": "",
        "updated_by": "",
        "relationship_attributes": {},
    }


def map_entity(ref: Ref, domain: str, project: str, detail: NodeDetail | None = None) -> Json:
    """Entity of the data map: times are texts."""
    gist = None if detail is None else detail.gist
    workspace = names.node_of(ref).workspace if _is_job(ref) and isinstance(ref, NodeId) else ""
    return {
        "guid": guid(ref, domain),
        "type_name": type_name(ref),
        "type_display_name": type_name(ref),
        "display_text": short_name(ref),
        "attributes": attributes(ref, domain, gist),
        "updated_attributes": [],
        "super_type_names": [super_type(ref)],
        "relationship_attributes": {},
        "business_attributes": {},
        "multi_attributes": {},
        "extended_attributes": {},
        "project_id": project,
        "domain_id": domain,
        "instance_id": [],
        "workspace_id": [workspace] if workspace else [],
        "status": "ACTIVE",
        "created_by": "",
        "updated_by": "",
        "create_time": str(_millis(None if detail is None else detail.first)),
        "update_time": str(_millis(None if detail is None else detail.last)),
        "version": 1,
    }


def super_type(ref: Ref) -> str:
    if isinstance(ref, FieldId):
        return "Column"
    return "Node" if ref.kind is NodeKind.JOB else "Table"


def _is_job(ref: Ref) -> bool:
    return isinstance(ref, NodeId) and ref.kind is NodeKind.JOB


def _millis(micros: int | None) -> int:
    return 0 if micros is None else micros // 1_000


def wanted(ref: Ref, type_names: Iterable[str]) -> bool:
    """Whether a type, or one above it, is asked for; none asked for is any."""
    asked = {name.lower() for name in type_names}
    own = {type_name(ref).lower(), super_type(ref).lower()}
    if _is_job(ref):
        own.add("job")
    return not asked or bool(asked & (own | {"asset", "dataset"} if not _is_job(ref) else own))
