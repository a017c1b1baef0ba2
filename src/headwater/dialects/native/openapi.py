"""The OpenAPI 3.1 description, made from the routes and the types of their answers."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from headwater import __version__
from headwater.auth.principal import Scope
from headwater.dialects.openlineage.errors import ErrorObject
from headwater.http.message import JSON, Dialect, Request, Response, Route

Schema = dict[str, Any]

_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_REFERENCE = "#/components/schemas/{name}"
_TITLE = "Headwater"
_ABOUT = (
    "Headwater keeps every lineage event and answers where data comes from and where it goes. "
    "A node is written `dataset:<namespace>:<name>`, `job:<namespace>:<name>`, "
    "`field:<namespace>:<name>:<field>` or `run:<runId>`, each part percent-encoded. Lists are "
    "paged: `next` of one page is the `cursor` of the next one. On a server without keys, the "
    "header `X-Headwater-Domain` chooses the domain."
)
_ERRORS = {
    400: "The request cannot be understood.",
    401: "No key, or one that does not hold.",
    403: "The key lacks the scope.",
    404: "Nothing of that name is known.",
    413: "The body is too large.",
    415: "The content type or encoding is not spoken.",
    422: "The event cannot be identified.",
    429: "Too many requests for this key; see Retry-After.",
    503: "Try again later; see Retry-After.",
}
_ALWAYS = (400, 429, 503)
_NODES = frozenset({"node", "nodeId", "runId"})


class OpenApi:
    """Serves the description; it is made when it is first asked for."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._dialects = dialects

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/openapi.json", self.show, "openapi", None),)

    async def show(self, request: Request) -> Response:
        return Response(200, self._body, JSON, ((b"cache-control", b"no-cache"),))

    @cached_property
    def _body(self) -> bytes:
        return msgspec.json.encode(document(self._dialects))


def document(dialects: Iterable[Dialect]) -> Schema:
    """Describes the routes that have an answer type."""
    known = list(dialects)
    shown = [
        (route, dialect.refusal or ErrorObject)
        for dialect in known
        for route in dialect.routes
        if route.answer is not None
    ]
    types = [
        part
        for route, refusal in shown
        for part in (*_kinds(route.answer), route.request_type, refusal)
        if part
    ]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    by_type = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, Schema] = {}
    for route, refusal in shown:
        operation = _operation(route, by_type, by_type[repr(refusal)])
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    about = (_ABOUT, *(dialect.described for dialect in known if dialect.described))
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": __version__, "description": " ".join(about)},
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _kinds(answer: object) -> tuple[object, ...]:
    """The types that an answer may have; a route names several as a tuple."""
    return answer if isinstance(answer, tuple) else (answer,)


def _answer(route: Route, schemas: Mapping[str, Schema]) -> Schema:
    kinds = [schemas[repr(kind)] for kind in _kinds(route.answer)]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _operation(route: Route, schemas: Mapping[str, Schema], refusal: Schema) -> Schema:
    operation: Schema = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [_tag(route)],
        "parameters": [*_path_parameters(route.path), *_query_parameters(route)],
        "responses": {
            "200": {
                "description": "The answer.",
                "content": _json(_answer(route, schemas)),
            },
            **{str(status): _error(status, refusal) for status in _statuses(route)},
        },
    }
    if route.scope is None:
        operation["security"] = []
    else:
        operation["description"] = f"Needs the scope `{route.scope.value}`."
    if route.body:
        schema = schemas[repr(route.request_type)] if route.request_type else {}
        operation["requestBody"] = {"required": True, "content": _json(schema)}
    return operation


def _tag(route: Route) -> str:
    parts = route.path.split("/")
    if route.path.startswith("/api/v2/"):
        return parts[3]
    dialect, mark, _ = route.operation.partition("_")
    return dialect if mark and dialect == "marquez" else "openlineage"


def _path_parameters(path: str) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(path)
    ]


def _query_parameters(route: Route) -> list[Schema]:
    return [
        {
            "name": param.name,
            "in": "query",
            "required": param.required,
            "description": param.text,
            "schema": param.schema,
        }
        for param in route.params
    ]


def _statuses(route: Route) -> list[int]:
    statuses = set(_ALWAYS)
    if route.scope is not None:
        statuses |= {401, 403}
    if route.body:
        statuses |= {413, 415, 422}
    if "{" in route.path or any(param.name in _NODES for param in route.params):
        statuses.add(404)
    if route.scope is not Scope.WRITE:
        statuses -= {413, 415, 422}
    return sorted(statuses)


def _error(status: int, schema: Schema) -> Schema:
    if status == 401 and schema["$ref"].endswith(ErrorObject.__name__):
        # on the OpenLineage paths it is this member alone
        schema = {"type": "object", "properties": {"error": {"const": "Unauthorized"}}}
    return {"description": _ERRORS[status], "content": _json(schema)}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
