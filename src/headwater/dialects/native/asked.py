"""What a question to the graph asks for."""

import re
from typing import Literal, NamedTuple

from headwater import lineage
from headwater.dialects.native import params
from headwater.errors import InvalidParameter
from headwater.http.message import Param, Request
from headwater.ids import FieldId, NodeId, NodeKind, Ref, RunRef
from headwater.store import Direction, Moment, Reader

DEEPEST = 1_000
PARTS = 20

By = Literal["namespace", "parent"] | int

_TEXT: dict[str, object] = {"type": "string"}
_VERSION = re.compile(r"[0-9a-f]{32}")
_WRITTEN = "`dataset:<ns>:<name>`, `job:<ns>:<name>` or `field:<ns>:<name>:<field>`"
_NODE = Param("node", _TEXT, f"{_WRITTEN}.", required=True)
_DEPTH = Param(
    "depth",
    {"type": "integer", "minimum": 0, "maximum": DEEPEST, "default": lineage.DEFAULT_DEPTH},
    "How many edges to follow.",
)
_LIMIT = Param("limit", {"type": "integer", "minimum": 1}, "The most that the answer may hold.")
_SINCE = Param("since", _TEXT, "All that held from this time on, until `as_of` or now.")
_MOMENT = (params.AS_OF, _SINCE)


def _direction(default: Direction) -> Param:
    schema = {"type": "string", "enum": [way.value for way in Direction], "default": default.value}
    return Param("direction", {**schema}, "Where data comes from (up), where it goes (down), both.")


LINEAGE_PARAMS = (
    Param("node", _TEXT, f"{_WRITTEN}; or `run:<runId>`: which runs fed it.", required=True),
    _direction(Direction.BOTH),
    _DEPTH,
    Param("columns", {"type": "boolean", "default": False}, "Follow columns, not whole datasets."),
    *_MOMENT,
    _LIMIT,
    Param(
        "group",
        _TEXT,
        "Roll up to groups: `namespace`, `parent` (job), or the number of parts of a name.",
    ),
    Param("job", _TEXT, "Of a run: whose it is, where several jobs have runs of that id."),
)
IMPACT_PARAMS = (_NODE, _direction(Direction.DOWN), _DEPTH, *_MOMENT, _LIMIT)
PATHS_PARAMS = (
    Param("from", _TEXT, f"Where the data comes from: {_WRITTEN}.", required=True),
    Param("to", _TEXT, f"Where it goes: {_WRITTEN}.", required=True),
    _DEPTH,
    *_MOMENT,
    _LIMIT,
)
DIFF_PARAMS = (
    Param("node", _TEXT, "Whose lineage to compare; with `versions`, the job."),
    Param("from", _TEXT, "The time before."),
    Param("to", _TEXT, "The time after; now, where it is left out."),
    Param("runs", _TEXT, "Instead of times: two run ids, `a,b`."),
    Param("versions", _TEXT, "Instead of times: two versions of the job `node`, `a,b`."),
    Param("job", _TEXT, "Whose runs they are, where several jobs have runs of that id."),
    _direction(Direction.BOTH),
    _DEPTH,
    _LIMIT,
)


class Asked(NamedTuple):
    """What most questions have in common; raises InvalidParameter when it is read."""

    domain: str
    direction: Direction
    depth: int
    moment: Moment | None
    limit: int

    @staticmethod
    def read(request: Request, most: int, now: int, default: Direction) -> "Asked":
        return Asked(
            params.domain_of(request),
            params.direction(request, default),
            request.number("depth", lineage.DEFAULT_DEPTH, 0, DEEPEST),
            params.moment(request, now),
            request.number("limit", min(lineage.DEFAULT_LIMIT, most), 1, most),
        )


def written(request: Request, name: str) -> str:
    """A required node, whose form is right."""
    text = request.required(name)
    params.node_text(request, name)
    return text


async def place(reader: Reader, domain: str, text: str, name: str) -> NodeId | FieldId:
    """The job, dataset or field that a text stands for. Raises NotFound."""
    ref: Ref = await lineage.resolve(reader, domain, text)
    if isinstance(ref, RunRef):
        raise InvalidParameter(name, f"{text!r} is not a job, a dataset or a field")
    return ref


def need_columns(start: NodeId | FieldId, name: str) -> None:
    """Raises InvalidParameter for a job, which has none."""
    if isinstance(start, NodeId) and start.kind is NodeKind.JOB:
        raise InvalidParameter(name, "a job has no columns; start from a dataset or a field")


def group(request: Request) -> By | None:
    """How to roll up an answer; None: not."""
    text = request.text("group")
    match text:
        case None | "namespace" | "parent":
            return text
        case _:
            return request.number("group", 1, 1, PARTS)


def pair(request: Request, name: str) -> tuple[str, str] | None:
    """Two words joined by a comma."""
    text = request.text(name)
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise InvalidParameter(name, f"{text!r} is not two of them, joined by a comma")
    return parts[0], parts[1]


def version(text: str) -> bytes:
    if _VERSION.fullmatch(text) is None:
        raise InvalidParameter("versions", f"{text!r} is not a version of a job")
    return bytes.fromhex(text)
