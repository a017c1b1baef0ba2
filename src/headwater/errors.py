"""Every error that Headwater raises on purpose.

HeadwaterError
├── InvalidRequest          what was sent cannot be understood
│   ├── MalformedBody       not JSON at all, bad gzip, empty
│   ├── InvalidEvent        JSON, but not an event that can be identified
│   └── InvalidParameter    a query, path or command-line value is off
├── NotFound                a name that nothing is known of
├── Conflict                contradicts what is stored already
├── AccessError
│   ├── Unauthenticated     no credential, or one that does not hold
│   └── Forbidden           a credential without the scope that is needed
├── LimitError
│   ├── BodyTooLarge        over the byte limit, before or after gunzip
│   ├── UnsupportedMedia    a content encoding or type that is not spoken
│   └── RateLimited         too many requests for this key
├── Unavailable             try again later: queue full, draining, disk full
└── StoreError
    ├── DatabaseTooNew      made by a newer Headwater
    ├── DatabaseLocked      another process writes to it
    └── DatabaseDamaged     the file is not what was written

Errors know nothing of HTTP; each dialect renders them in its own shape. The docstring of a class is
its default message.
"""

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with an event: a JSON pointer (RFC 6901) and the reason."""

    pointer: str
    reason: str


class HeadwaterError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().split("\n")[0]
        super().__init__(self.message)


class InvalidRequest(HeadwaterError):
    """The request cannot be understood."""


class MalformedBody(InvalidRequest):
    """The body is not JSON."""


class InvalidEvent(InvalidRequest):
    """The event cannot be identified."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.reason}" for p in problems))


class InvalidParameter(InvalidRequest):
    """A parameter has a value that is not understood."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}")


class NotFound(HeadwaterError):
    """Nothing of that name is known."""


class Conflict(HeadwaterError):
    """This contradicts what is already stored."""


class AccessError(HeadwaterError):
    """Access is refused."""


class Unauthenticated(AccessError):
    """Unauthorized"""


class Forbidden(AccessError):
    """This key lacks the scope that the request needs."""


class LimitError(HeadwaterError):
    """A limit is exceeded."""


class BodyTooLarge(LimitError):
    """The body is larger than this server accepts."""


class UnsupportedMedia(LimitError):
    """This content type or content encoding is not supported."""


class RateLimited(LimitError):
    """Too many requests for this key."""

    def __init__(self, retry_after: int, message: str | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unavailable(HeadwaterError):
    """The server cannot take this now; try again."""

    def __init__(self, message: str | None = None, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class StoreError(HeadwaterError):
    """The database cannot be used."""


class DatabaseTooNew(StoreError):
    """The database was made by a newer version of Headwater."""


class DatabaseLocked(StoreError):
    """Another process writes to this database."""


class DatabaseDamaged(StoreError):
    """The database file is damaged."""
