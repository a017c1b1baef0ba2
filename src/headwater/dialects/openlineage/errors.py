"""The error object of the OpenLineage endpoints and of the native API: one shape for every client.

Two answers are as oleander documents them: 401 is `{"error":"Unauthorized"}` on the OpenLineage
paths, and 500 is `{"status":500}`, so that nothing internal gets out.
"""

import msgspec

from headwater import errors
from headwater.http.errors import PHRASES, MethodNotAllowed, headers_of, status_of
from headwater.http.message import JSON, Request, Response

UNAUTHORIZED = b'{"error":"Unauthorized"}'
FAILED = b'{"status":500}'


class ErrorItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is off: at a JSON pointer into the body, or in a parameter."""

    reason: str
    pointer: str | None = None
    parameter: str | None = None


class ErrorObject(msgspec.Struct, frozen=True):
    """What went wrong; `request_id` finds it in the logs of the server."""

    status: int
    code: str
    error: str
    message: str
    errors: tuple[ErrorItem, ...]
    request_id: str


# The first that fits; a subclass stands before its base.
_CODES: tuple[tuple[type[errors.HeadwaterError], str], ...] = (
    (MethodNotAllowed, "method_not_allowed"),
    (errors.MalformedBody, "malformed_body"),
    (errors.InvalidEvent, "invalid_event"),
    (errors.InvalidParameter, "invalid_parameter"),
    (errors.InvalidRequest, "invalid_request"),
    (errors.NotFound, "not_found"),
    (errors.Conflict, "conflict"),
    (errors.Unauthenticated, "unauthenticated"),
    (errors.Forbidden, "forbidden"),
    (errors.BodyTooLarge, "body_too_large"),
    (errors.UnsupportedMedia, "unsupported_media"),
    (errors.RateLimited, "rate_limited"),
    (errors.Unavailable, "unavailable"),
)


def render(request: Request, error: Exception) -> Response:
    """An error as the OpenLineage endpoints answer it."""
    if isinstance(error, errors.Unauthenticated):
        return Response(401, UNAUTHORIZED, JSON, headers_of(error))
    return render_object(request, error)


def render_object(request: Request, error: Exception) -> Response:
    """An error as the native API answers it: the object for every status but 500."""
    status = status_of(error)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    if status == 500 or code is None or not isinstance(error, errors.HeadwaterError):
        return Response(500, FAILED)
    said = ErrorObject(
        status=status,
        code=code,
        error=PHRASES[status],
        message=_printable(error.message),
        errors=_items(error),
        request_id=request.id,
    )
    return Response(status, msgspec.json.encode(said), JSON, headers_of(error))


def _items(error: errors.HeadwaterError) -> tuple[ErrorItem, ...]:
    if isinstance(error, errors.InvalidEvent):
        return tuple(
            ErrorItem(_printable(problem.reason), pointer=_printable(problem.pointer))
            for problem in error.problems
        )
    if isinstance(error, errors.InvalidParameter):
        return (ErrorItem(_printable(error.reason), parameter=_printable(error.name)),)
    return ()


def _printable(text: str) -> str:
    """What was sent may be quoted in a message: lone surrogates cannot leave as UTF-8."""
    return text.encode("utf-8", "replace").decode()
