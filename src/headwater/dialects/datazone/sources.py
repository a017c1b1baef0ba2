"""The sourceIdentifier of nodes: the name that each has outside, and the nodes that may have one.

It is the namespace and the name of the event, joined; tables of AWS Glue and Amazon Redshift go by
their ARN instead, whatever the event calls them.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from headwater.dialects.datazone.accounts import Account
from headwater.dialects.datazone.names import splits
from headwater.event import Event
from headwater.ids import NodeId, dataset, job

_GLUE = "arn:aws:glue:"
_GLUE_NAMESPACE = re.compile(r"arn:aws[a-z-]*:glue:[^:/]*:\d{12}")
_GLUE_TABLE = re.compile(r"arn:aws[a-z-]*:glue:([^:/]*):(\d{12}):table/(.+)/([^/]+)")
_OLD_NAME = re.compile(r"([^./]+)\.([^./]+)")
_REDSHIFT = re.compile(
    r"(?:[a-z]+:)?(?:[a-z]+://)?([^./:@]+)\.(\d{12})\.([a-z0-9-]+)"
    r"\.(redshift|redshift-serverless)\.amazonaws\.com(?:\.cn)?(?::\d+)?(?:/.*)?"
)
_REDSHIFT_ARN = re.compile(
    r"arn:aws[a-z-]*:redshift(?:-serverless)?:[^:/]*:\d{12}:(?:table|view)/[^/]+/(.+)"
)
_GLUE_VARIABLES = frozenset({"GLUE_VERSION", "GLUE_COMMAND_CRITERIA", "GLUE_PYTHON_VERSION"})
_ENVIRONMENT = "environment-properties"
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION", "region")


def of_job(node: NodeId) -> str:
    return f"{node.namespace}.{node.name}"


def of_run(node: NodeId, run_id: str) -> str:
    return f"{node.namespace}.{node.name}/{run_id}"


def of_dataset(names: Iterable[NodeId], is_view: bool = False, glue: Account | None = None) -> str:
    """The identifier of a dataset by all its names, the canonical one first.

    Args:
        glue: a job of AWS Glue states the dataset; where its catalog is.
    """
    known = list(names)
    for node in known:
        if _GLUE_NAMESPACE.fullmatch(node.namespace) and node.name.startswith("table/"):
            return f"{node.namespace}:{node.name}"
    for node in known:
        arn = _redshift(node, is_view)
        if arn is not None:
            return arn
    if glue is not None:
        for node in known:
            match = _OLD_NAME.fullmatch(node.name)
            if match is not None:
                return f"{_GLUE}{glue.region}:{glue.number}:table/{match[1]}/{match[2]}"
    return f"{known[0].namespace}/{known[0].name}"


def needs_run(names: Iterable[NodeId]) -> bool:
    """Whether it has to be known who states a dataset, to tell its identifier."""
    return any(_OLD_NAME.fullmatch(node.name) for node in names)


def glue_of(event: Event, account: Account) -> Account | None:
    """Where the Glue catalog is of a job that runs there; None: it runs elsewhere."""
    for facet in event.run_facets:
        if facet.name == _ENVIRONMENT:
            found = dict(_members(msgspec.json.decode(facet.body)))
            if not _GLUE_VARIABLES & found.keys():
                return None
            regions = (found.get(name) for name in _REGIONS)
            region = next((name for name in regions if name), account.region)
            return Account(account.number, region)
    return None


def _members(value: object) -> Iterator[tuple[str, str]]:
    """The text members of a facet, at any depth: producers nest them differently."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            for name, member in each.items():
                if isinstance(member, str):
                    yield name, member
                else:
                    todo.append(member)
        elif isinstance(each, list):
            todo.extend(each)


def _redshift(node: NodeId, is_view: bool) -> str | None:
    match = _REDSHIFT.fullmatch(node.namespace)
    if match is None:
        return None
    cluster, account, region, service = match.groups()
    kind = "view" if is_view else "table"
    path = "/".join(node.name.split(".", 2))
    return f"arn:aws:{service}:{region}:{account}:{kind}/{cluster}/{path}"


def dataset_readings(text: str) -> Iterator[NodeId]:
    """The datasets whose own name a text may be, the longest namespace first."""
    if text.startswith(_GLUE):
        for namespace, name in splits(text, ":"):
            yield dataset(namespace, name)
    for namespace, name in splits(text, "/"):
        yield dataset(namespace, name)


def job_readings(text: str) -> Iterator[NodeId]:
    for namespace, name in splits(text, "."):
        yield job(namespace, name)


def table_names(text: str) -> tuple[str, ...]:
    """The names, in whatever namespace, of datasets that may have this ARN."""
    glue = _GLUE_TABLE.fullmatch(text)
    if glue is not None:
        return (f"{glue[3]}.{glue[4]}",)
    redshift = _REDSHIFT_ARN.fullmatch(text)
    return () if redshift is None else (redshift[1].replace("/", "."),)
