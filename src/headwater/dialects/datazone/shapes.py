"""The answers of the service model. Times are numbers of seconds; what is None is left out."""

import msgspec
from msgspec import Raw

from headwater.dialects.datazone.errors import request_id
from headwater.http.message import JSON, Request, Response


class Shape(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A structure of the model."""


class Named(Shape, frozen=True, kw_only=True):
    name: str
    namespace: str


class RunEventSummary(Shape, frozen=True, kw_only=True):
    event_type: str | None = None
    run_id: str | None = None
    job: Named | None = None
    inputs: tuple[Named, ...]
    outputs: tuple[Named, ...]


class EventSummary(Shape, frozen=True, kw_only=True):
    open_lineage_run_event_summary: RunEventSummary


class LineageEventSummary(Shape, frozen=True, kw_only=True):
    id: str
    domain_id: str
    processing_status: str
    event_time: Raw
    created_by: str
    created_at: Raw
    event_summary: EventSummary | None = None


class EventList(Shape, frozen=True, kw_only=True):
    items: tuple[LineageEventSummary, ...]
    next_token: str | None = None


class Form(Shape, frozen=True, kw_only=True):
    form_name: str
    type_name: str
    type_revision: str
    content: str


class Reference(Shape, frozen=True, kw_only=True):
    id: str
    event_timestamp: Raw


class Node(Shape, frozen=True, kw_only=True):
    """What every answer says of a node."""

    domain_id: str
    id: str
    type_name: str
    type_revision: str
    name: str
    description: str | None = None
    source_identifier: str
    event_timestamp: Raw | None = None
    created_at: Raw | None = None
    created_by: str | None = None
    updated_at: Raw | None = None
    updated_by: str | None = None


class NodeAnswer(Node, frozen=True, kw_only=True):
    forms_output: tuple[Form, ...]
    upstream_nodes: tuple[Reference, ...]
    downstream_nodes: tuple[Reference, ...]


class NodeHistory(Shape, frozen=True, kw_only=True):
    nodes: tuple[Node, ...]
    next_token: str | None = None


class NodeItem(Node, frozen=True, kw_only=True):
    forms_output: tuple[Form, ...] | None = None
    upstream_lineage_node_ids: tuple[str, ...]
    downstream_lineage_node_ids: tuple[str, ...]


class ResultItem(Shape, frozen=True, kw_only=True):
    lineage_node: NodeItem


class GraphAnswer(Shape, frozen=True, kw_only=True):
    items: tuple[ResultItem, ...]
    next_token: str | None = None


class DomainAnswer(Shape, frozen=True, kw_only=True):
    id: str
    name: str
    arn: str
    status: str
    description: str | None = None
    domain_execution_role: str
    domain_version: str
    created_at: Raw
    last_updated_at: Raw
    portal_url: str
    tags: dict[str, str]


class DomainSummary(Shape, frozen=True, kw_only=True):
    id: str
    name: str
    arn: str
    status: str
    description: str | None = None
    managed_account_id: str
    domain_version: str
    created_at: Raw
    last_updated_at: Raw
    portal_url: str


class DomainList(Shape, frozen=True, kw_only=True):
    items: tuple[DomainSummary, ...]
    next_token: str | None = None


class FormEntry(Shape, frozen=True, kw_only=True):
    type_name: str
    type_revision: str
    required: bool


class NodeType(Shape, frozen=True, kw_only=True):
    domain_id: str
    name: str
    description: str
    revision: str
    forms_output: dict[str, FormEntry]


class TypeItem(Shape, frozen=True, kw_only=True):
    lineage_node_type_item: NodeType


class TypeList(Shape, frozen=True, kw_only=True):
    items: tuple[TypeItem, ...]
    next_token: str | None = None
    total_match_count: int


def answer(
    request: Request,
    value: object,
    status: int = 200,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Response:
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Response(status, body, JSON, (request_id(request), *headers))
