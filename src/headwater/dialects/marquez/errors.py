"""Errors as Marquez answers them: `{"code":404,"message":"..."}`.

What cannot be understood also lists its reasons as `errors`. Ours, on purpose: bad JSON and bad
values are 400, where Marquez answers 500 or 404.
"""

import msgspec

from headwater import errors
from headwater.http.errors import headers_of, status_of
from headwater.http.message import JSON, Request, Response

FAILED = "Server error"


class ErrorAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong."""

    code: int
    message: str
    details: str | None = None
    errors: tuple[str, ...] = ()


def render(_: Request, error: Exception) -> Response:
    """An error as Marquez' clients read it."""
    status = status_of(error)
    if status == 500 or not isinstance(error, errors.HeadwaterError):
        return Response(500, msgspec.json.encode(ErrorAnswer(500, FAILED)))
    reasons: tuple[str, ...] = ()
    if isinstance(error, errors.InvalidEvent):
        reasons = tuple(_said(problem) for problem in error.problems)
    elif isinstance(error, errors.InvalidParameter):
        reasons = (f"{error.name} {error.reason}",)
    said = ErrorAnswer(status, _printable(error.message), errors=tuple(map(_printable, reasons)))
    return Response(status, msgspec.json.encode(said), JSON, headers_of(error))


def _said(problem: errors.Problem) -> str:
    """`run.runId must not be null`, from a JSON pointer and a reason."""
    return f"{problem.pointer.strip('/').replace('/', '.')} {problem.reason}".strip()


def _printable(text: str) -> str:
    """What was sent may be quoted: half a surrogate pair cannot leave as UTF-8."""
    return text.encode("utf-8", "replace").decode()
