"""Requests, responses, routes: what the server and the dialects exchange."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from headwater.auth.principal import Principal, Scope
from headwater.errors import InvalidParameter

JSON = b"application/json"


class Request:
    """One request: the raw bytes that a signature needs, and the parts that a handler reads.

    `path` holds the values of the route's `{}` segments, each decoded once after splitting.
    `body` is complete, un-gzipped and within the limit; `raw_body` is what came over the wire.
    """

    __slots__ = (
        "_query",
        "body",
        "client",
        "headers",
        "id",
        "method",
        "path",
        "principal",
        "query_string",
        "raw_body",
        "raw_path",
    )

    def __init__(
        self,
        method: str,
        raw_path: bytes,
        query_string: bytes,
        headers: Mapping[bytes, bytes],
        identity: str,
        client: str = "",
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.query_string = query_string
        self.headers = headers
        """By lower-case name; repeated headers are joined by a comma."""
        self.id = identity
        self.client = client
        self.path: tuple[str, ...] = ()
        self.body = b""
        self.raw_body = b""
        self.principal = Principal.nobody()
        self._query: dict[str, list[str]] | None = None

    def forget_body(self) -> None:
        """Gives its memory back before the answer, where a handler has read all of it."""
        self.body = self.raw_body = b""

    @property
    def query(self) -> dict[str, list[str]]:
        if self._query is None:
            self._query = {}
            text = self.query_string.decode("latin-1")
            for name, value in parse_qsl(text, keep_blank_values=True):
                self._query.setdefault(name, []).append(value)
        return self._query

    def text(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter; an empty one counts as absent."""
        values = self.query.get(name)
        return values[-1] if values and values[-1] else default

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise InvalidParameter(name, "is required")
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        try:
            number = int(value)
        except ValueError:
            raise InvalidParameter(name, f"{value!r} is not a whole number") from None
        if not low <= number <= high:
            raise InvalidParameter(name, f"{number} is not between {low} and {high}")
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false", "1", "0"):
            raise InvalidParameter(name, f"{value!r} is not true or false")
        return value.lower() in ("true", "1")


class Response(NamedTuple):
    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def json_response(
    value: object, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Response:
    return Response(status, msgspec.json.encode(value), JSON, headers)


Handler = Callable[[Request], Awaitable[Response]]
Done = Callable[[Response | Exception], None]
"""Takes the answer, or the error that is rendered as one."""
Direct = Callable[[Request, Done], bool]
ErrorRenderer = Callable[[Request, Exception], Response]


class Route(NamedTuple):
    """One operation. `path` is written like `/api/v2/datasets/{namespace}/{name}`.

    `scope` is what the credential needs (None: open to all). `operation` is its metric label and
    OpenAPI id. `body` says that a request body is read. `params` and `answer` describe it for
    OpenAPI; a route without `answer` is left out of it. `direct` does the handler's work without a
    coroutine: it tells the answer at once or later, or returns False for what it leaves to the
    handler.
    """

    method: str
    path: str
    handler: Handler
    operation: str
    scope: Scope | None
    summary: str = ""
    body: bool = False
    params: tuple["Param", ...] = ()
    answer: object = None
    request_type: object = None
    direct: Direct | None = None


class Param(NamedTuple):
    """A query parameter, for OpenAPI: its name, a JSON schema and what it means."""

    name: str
    schema: dict[str, object]
    text: str
    required: bool = False


class Dialect(NamedTuple):
    """A wire protocol: its routes, how it renders errors, and how it reads a credential.

    `authenticate` is None where the plain Bearer key is spoken; `recognize` is the same as far as
    it needs no I/O, and gives None where it does. `owns` are starts of paths, written
    like a route's, below which everything that no route serves is the dialect's to refuse.
    `anywhere` are literal starts of paths that are found behind any prefix too: some clients are
    given an endpoint with a path. `refusal` is the type of its errors, for OpenAPI. `described`
    says where routes that OpenAPI leaves out are described, as a sentence.
    """

    name: str
    routes: tuple[Route, ...]
    error: ErrorRenderer
    authenticate: Callable[[Request], Awaitable[Principal]] | None = None
    owns: tuple[str, ...] = ()
    anywhere: tuple[str, ...] = ()
    refusal: object = None
    described: str = ""
    recognize: Callable[[Request], Principal | None] | None = None
