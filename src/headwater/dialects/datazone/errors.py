"""Errors as AWS clients read them: a name in a header, a message in a JSON object."""

import msgspec

from headwater import errors
from headwater.auth.sigv4 import SignatureRefused
from headwater.http.errors import MethodNotAllowed, NoRoute
from headwater.http.message import JSON, Request, Response


class UnknownOperation(errors.InvalidRequest):
    """This server does not have the operation; see its documentation for those that it has."""


_VALIDATION = (400, "ValidationException")
_UNKNOWN = (501, "UnknownOperationException")
_INTERNAL = (500, "InternalServerException")

# The first that fits; a subclass stands before its base.
_KINDS: tuple[tuple[type[errors.HeadwaterError], tuple[int, str]], ...] = (
    (UnknownOperation, _UNKNOWN),
    (NoRoute, _UNKNOWN),
    (MethodNotAllowed, _UNKNOWN),
    (errors.InvalidRequest, _VALIDATION),
    (errors.BodyTooLarge, _VALIDATION),
    (errors.UnsupportedMedia, _VALIDATION),
    (errors.NotFound, (404, "ResourceNotFoundException")),
    (errors.Conflict, (409, "ConflictException")),
    (errors.Unauthenticated, (401, "UnauthorizedException")),
    (errors.Forbidden, (403, "AccessDeniedException")),
    (errors.RateLimited, (429, "ThrottlingException")),
    (errors.Unavailable, (503, "InternalServerException")),
)


def render(request: Request, error: Exception) -> Response:
    """Any error, in the shape and under the names of the service model."""
    status, name, message = _read(request, error)
    headers = [(b"x-amzn-errortype", name.encode()), request_id(request)]
    if isinstance(error, errors.RateLimited | errors.Unavailable):
        # In milliseconds; the clients do not read Retry-After.
        headers.append((b"x-amz-retry-after", b"%d" % (1_000 * max(1, error.retry_after))))
    printable = message.encode("utf-8", "replace").decode()
    body = msgspec.json.encode({"__type": name, "message": printable})
    return Response(status, body, JSON, tuple(headers))


def request_id(request: Request) -> tuple[bytes, bytes]:
    return b"x-amzn-requestid", request.id.encode("ascii")


def _read(request: Request, error: Exception) -> tuple[int, str, str]:
    if isinstance(error, SignatureRefused):
        return 403, error.code, error.message
    if isinstance(error, NoRoute | MethodNotAllowed):
        if b"//" in request.raw_path:
            return (*_VALIDATION, "an identifier in the path is empty")
        return (*_UNKNOWN, str(UnknownOperation()))
    if isinstance(error, errors.HeadwaterError):
        for kind, (status, name) in _KINDS:
            if isinstance(error, kind):
                return status, name, error.message
    return (*_INTERNAL, "The request has failed on the side of the server.")
