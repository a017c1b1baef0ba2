"""The names that Huawei's words have in the graph, and back.

A job is `{job_id}.{node_name}` in the namespace of its project and workspace, a table is
`catalog.database.schema.table` in the namespace of its connection.
"""

import uuid
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from headwater import ids
from headwater.ids import Key, NodeId

SCHEME = "dataarts://"
_HASH = 8
_UUID_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/headwater/headwater#dataarts")


class Parts(NamedTuple):
    """The parts of a table's name; an empty one is absent."""

    catalog: str
    database: str
    schema: str
    table: str

    @property
    def name(self) -> str:
        return ".".join([_quoted(part) for part in self if part])


def _quoted(part: str) -> str:
    if "." in part or "`" in part:
        return "`" + part.replace("`", "``") + "`"
    return part


def split(name: str) -> list[str]:
    """The parts of a name, quotes taken off; what is not quoted well stays as it is."""
    found: list[str] = []
    at = 0
    while at <= len(name):
        if name[at : at + 1] == "`":
            end = at + 1
            while (end := name.find("`", end)) >= 0 and name[end : end + 2] == "``":
                end += 2
            if end < 0 or name[end + 1 : end + 2] not in ("", "."):
                return name.split(".")
            found.append(name[at + 1 : end].replace("``", "`"))
            at = end + 2
        else:
            end = name.find(".", at)
            end = len(name) if end < 0 else end
            found.append(name[at:end])
            at = end + 1
    return found


class Connection(NamedTuple):
    """What a request says of the connection; the first that is not empty names it."""

    identity: str = ""
    name: str = ""
    cluster: str = ""
    type: str = ""


@lru_cache(maxsize=5_000)
def dataset_namespace(project: str, workspace: str, connection: Connection) -> str:
    start = project_namespace(project)
    if connection.identity:
        return f"{start}conn/{_safe(connection.identity)}"
    if connection.name:
        return f"{start}ws/{_safe(workspace)}/conn-name/{_safe(connection.name)}"
    if connection.cluster:
        return f"{start}cluster/{_safe(connection.cluster)}"
    if connection.type:
        return f"{start}type/{_safe(connection.type.lower())}"
    return f"{start}unknown"


def project_namespace(project: str) -> str:
    """How the namespaces of a project begin."""
    return f"{SCHEME}{_safe(project)}/"


@lru_cache(maxsize=1_000)
def job_namespace(project: str, workspace: str) -> str:
    return f"{project_namespace(project)}ws/{_safe(workspace)}"


def job_name(job_id: str, node_name: str) -> str:
    return f"{job_id.replace('%', '%25').replace('.', '%2E')}.{node_name}"


def content_uuid(*parts: str) -> str:
    """Stands for an operator that has neither a job id nor a name."""
    return str(uuid.uuid5(_UUID_SPACE, "\n".join(map(repr, parts))))


def _safe(part: str) -> str:
    return quote(part, safe="-_.~", errors="surrogatepass")


class Node(NamedTuple):
    """A job in Huawei's words."""

    job_id: str
    name: str
    workspace: str
    project: str


def node_of(job: NodeId) -> Node:
    """Of a job that came in another dialect: its name, in the workspace of its namespace."""
    tail = job.namespace.removeprefix(SCHEME).split("/")
    if not job.namespace.startswith(SCHEME) or len(tail) != 3 or tail[1] != "ws":
        return Node("", job.name, job.namespace, "")
    job_id, _, name = job.name.partition(".")
    return Node(unquote(job_id), name, unquote(tail[2]), unquote(tail[0]))


def node_qualified_name(job: NodeId, guid: str) -> str:
    node = node_of(job)
    if not node.project:
        return f"{job.name}@{job.namespace}"
    return manual_name(node.project, node.workspace, guid)


def manual_name(project: str, workspace: str, guid: str) -> str:
    """The qualified name of an operator that was posted."""
    return f"manual.{guid}@node.{project}-workspace-{workspace}"


# Guids: a node's is its key, written like a UUID; so it is found without an index of its own.


def guid_of(key: Key) -> str:
    text = key.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def column_guid(dataset: Key, column: str) -> str:
    """Half of the dataset's key, and half a hash of the column's name."""
    return guid_of(dataset[:_HASH] + ids.key_of(dataset, column)[:_HASH])


def key_of(guid: str) -> Key | None:
    """The key that a guid writes; None: it is none of ours."""
    try:
        return uuid.UUID(guid).bytes
    except ValueError:
        return None


def connection_key(namespace: str) -> Key:
    return ids.key_of("connection", namespace)
