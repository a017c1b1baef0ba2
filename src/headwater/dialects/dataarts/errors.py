"""Errors as Huawei's gateway and its IAM answer them; clients rely on status and string codes."""

import msgspec

from headwater import errors
from headwater.auth.tokens import ExpiredToken
from headwater.dialects.dataarts.access import ForeignProject
from headwater.http.errors import (
    PHRASES,
    ClientGone,
    MethodNotAllowed,
    NoRoute,
    headers_of,
    status_of,
)
from headwater.http.message import JSON, Request, Response

IAM_PATHS = (b"/v3/auth", b"/v3/projects")

# The first that fits; a subclass stands before its base.
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (MethodNotAllowed, "APIGW.0101"),
    (NoRoute, "APIGW.0101"),
    (errors.NotFound, "DLG.2041"),
    (ExpiredToken, "APIGW.0307"),
    (errors.Unauthenticated, "APIGW.0301"),
    (ForeignProject, "APIGW.0302"),
    (errors.Forbidden, "DLG.9403"),
    (errors.BodyTooLarge, "APIGW.0201"),
    (errors.UnsupportedMedia, "APIGW.0201"),
    (errors.RateLimited, "APIGW.0308"),
    (errors.InvalidRequest, "DLG.9400"),
    (errors.Conflict, "DLG.9409"),
    (errors.Unavailable, "DLG.9503"),
)


def render(request: Request, error: Exception) -> Response:
    """`{"error_code", "error_msg", "request_id"}`; of the token service, IAM's object."""
    iam = request.raw_path.startswith(IAM_PATHS)
    status, message = _status(error), _message(error, iam)
    if iam:
        said: object = {"error": {"code": status, "message": message, "title": PHRASES[status]}}
    else:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), "DLG.9500")
        said = {"error_code": code, "error_msg": message, "request_id": request.id}
    return Response(status, msgspec.json.encode(said), JSON, _headers(error))


def _status(error: Exception) -> int:
    if isinstance(error, MethodNotAllowed):
        return 405
    return 400 if isinstance(error, errors.InvalidRequest) else status_of(error)


def _message(error: Exception, iam: bool) -> str:
    """Nothing internal gets out."""
    if not isinstance(error, errors.HeadwaterError) or isinstance(
        error, errors.StoreError | ClientGone
    ):
        return "Internal server error"
    if isinstance(error, NoRoute):
        return "The API does not exist or has not been published in the environment"
    text = error.message.encode("utf-8", "replace").decode()
    plain = iam or isinstance(error, ExpiredToken)
    if isinstance(error, errors.Unauthenticated) and not plain:
        return f"Incorrect IAM authentication information: {text}"
    return text


def _headers(error: Exception) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(error, errors.Unauthenticated):
        return ((b"www-authenticate", b'SDK-HMAC-SHA256 realm="headwater"'),)
    return headers_of(error)
