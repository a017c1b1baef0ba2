"""The errors that only HTTP knows, and what HTTP makes of all others.

Dialects render the body in their own shape; the status and the headers are the same for all.
"""

from headwater import errors
from headwater.errors import HeadwaterError, InvalidRequest, NotFound


class MethodNotAllowed(InvalidRequest):
    """This path does not take this method."""

    def __init__(self, allow: tuple[str, ...]) -> None:
        self.allow = allow
        super().__init__(f"this path takes only {', '.join(allow)}")


class NoRoute(NotFound):
    """Nothing is served at this path."""


class ClientGone(HeadwaterError):
    """The client closed the connection before its request was complete."""


_STATUS: tuple[tuple[type[HeadwaterError], int], ...] = (
    (MethodNotAllowed, 405),
    (errors.InvalidEvent, 422),
    (errors.InvalidRequest, 400),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.BodyTooLarge, 413),
    (errors.UnsupportedMedia, 415),
    (errors.RateLimited, 429),
    (errors.Unavailable, 503),
)


PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""What a status is called in bodies. Python's own names differ from version to version."""


def status_of(error: Exception) -> int:
    """The status that an error has on the wire; 500 for whatever is not the sender's doing."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return 500


def headers_of(error: Exception) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that belong to an error: Allow, Retry-After, WWW-Authenticate.

    BodyTooLarge has no Retry-After: the Python client would send the same body five times more.
    """
    if isinstance(error, MethodNotAllowed):
        return ((b"allow", ", ".join(error.allow).encode()),)
    if isinstance(error, errors.RateLimited | errors.Unavailable):
        return ((b"retry-after", b"%d" % max(1, error.retry_after)),)
    if isinstance(error, errors.Unauthenticated):
        return ((b"www-authenticate", b'Bearer realm="headwater"'),)
    return ()
