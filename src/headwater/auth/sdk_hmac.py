"""Verifies SDK-HMAC-SHA256, the signature that Huawei Cloud SDKs put on a request.

Signed are the method, the raw path and query, the headers that the client names, and the hash of
the body as it came over the wire. A signature may come again within its quarter of an hour: clients
repeat a request within the second that the date of a signature counts in.
"""

import calendar
import hmac
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes

from headwater.auth.apikeys import SigningKey
from headwater.errors import Unauthenticated

ALGORITHM = b"SDK-HMAC-SHA256"
WINDOW_SECONDS = 900
LEAST = "x-sdk-date"
"""The one header that has to be signed; Go signs no host."""

_HEADER = re.compile(
    rb"SDK-HMAC-SHA256 +Access=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})"
)
_DATE = re.compile(rb"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
_PLAIN_PATH = re.compile(rb"[A-Za-z0-9/_.~-]*")
_SIGNED = re.compile(r"[!-:<-~]+(?:;[!-:<-~]+)*")


class BadSignature(Unauthenticated):
    """verify aksk signature fail"""


def verify(
    method: str,
    raw_path: bytes,
    raw_query: bytes,
    headers: Mapping[bytes, bytes],
    body: bytes,
    key_of: Callable[[str], SigningKey | None],
    now: float,
) -> SigningKey:
    """The key that signed a request.

    Args:
        headers: by lower-case name.
        body: as it came over the wire.
        now: seconds since 1970.

    Raises:
        BadSignature: nobody known signed this, as it is, within the window.
    """
    match = _HEADER.fullmatch(headers.get(b"authorization", b""))
    if match is None:
        raise BadSignature(
            "the Authorization header is not 'SDK-HMAC-SHA256 Access=..., SignedHeaders=..., "
            "Signature=...'; no other algorithm is taken"
        )
    access, names, signature = match.groups()
    date = headers.get(b"x-sdk-date", b"")
    if abs(now - _seconds(date)) > WINDOW_SECONDS:
        raise BadSignature("verify aksk signature fail: X-Sdk-Date is more than 15 minutes off")
    signed = _signed(names)
    key = key_of(access.decode("latin-1"))
    if key is None:
        raise BadSignature(
            f"Get secretKey failed,ak:{access.decode('latin-1')[:64]},err:ak not exist"
        )
    canonical = _canonical(method, raw_path, raw_query, headers, body, names, signed)
    mac = key.mac.copy()
    mac.update(b"\n".join((ALGORITHM, date, sha256(canonical).hexdigest().encode())))
    if not hmac.compare_digest(mac.hexdigest().encode(), signature):
        raise BadSignature
    return key


def _canonical(
    method: str,
    raw_path: bytes,
    raw_query: bytes,
    headers: Mapping[bytes, bytes],
    body: bytes,
    names: bytes,
    signed: tuple[bytes, ...],
) -> bytes:
    try:
        lines = b"".join([b"%b:%b\n" % (name, headers[name].strip()) for name in signed])
    except KeyError as error:
        raise BadSignature("verify aksk signature fail: a signed header is missing") from error
    return b"\n".join(
        (
            method.encode(),
            _path(raw_path),
            _query(raw_query) if raw_query else b"",
            lines,
            names,
            sha256(body).hexdigest().encode(),
        )
    )


def _path(raw: bytes) -> bytes:
    path = raw
    if _PLAIN_PATH.fullmatch(raw) is None:
        path = quote(unquote_to_bytes(raw), safe="/~").encode()
    return path if path.endswith(b"/") else path + b"/"


def _query(raw: bytes) -> bytes:
    """Sorted by name and value, each encoded once."""
    pairs = []
    for part in raw.replace(b"+", b"%20").split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(pairs)
    ).encode()


@lru_cache(maxsize=256)
def _signed(names: bytes) -> tuple[bytes, ...]:
    """The names of the signed headers, as they are looked up."""
    text = names.decode("latin-1")
    found = tuple(text.split(";"))
    if LEAST not in found or _SIGNED.fullmatch(text) is None:
        raise BadSignature("verify aksk signature fail: x-sdk-date is not signed")
    if "x-sdk-content-sha256" in found:
        raise BadSignature("verify aksk signature fail: a body has to be signed itself")
    return tuple(name.lower().encode("latin-1") for name in found)


@lru_cache(maxsize=256)
def _seconds(date: bytes) -> float:
    """Seconds since 1970; never, for what is no date."""
    match = _DATE.fullmatch(date)
    if match is None:
        return float("-inf")
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return float("-inf")
    if year < 1970:
        return float("-inf")
    return calendar.timegm((year, month, day, hour, minute, second))
