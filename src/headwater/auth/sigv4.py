"""Verifies AWS Signature Version 4 over the request as it was sent.

The canonical request is built from the raw path and the raw bytes: AWS services but S3 sign the
path as it stands on the request line, percent-encoded once more. Only headers that are signed can
be trusted, so whatever changes what a request means has to be among them.
"""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from headwater.errors import Unauthenticated
from headwater.memo import Memo

SKEW = 900
"""Seconds that the sender's clock may be off."""

_AUTHORIZATION = re.compile(
    rb"AWS4-HMAC-SHA256 +Credential=([^/,\s]{1,128})/(\d{8})/([^/,\s]{1,64})/([^/,\s]{1,64})"
    rb"/aws4_request *, *SignedHeaders=([a-z0-9;_-]{1,4096}) *, *Signature=([0-9a-f]{64})"
)
_STAMP = re.compile(rb"\d{8}T\d{6}Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_ALGORITHM = b"AWS4-HMAC-SHA256"
_TOKEN = b"x-amz-security-token"
_HASH = b"x-amz-content-sha256"
_REMEMBERED = 1_024
_LONG_PATH = 1_024

Headers = Mapping[bytes, bytes]
"""By lower-case name."""


class SignatureRefused(Unauthenticated):
    """The request signature does not hold.

    Args:
        code: the name that AWS has for the reason.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Claim(NamedTuple):
    """What a request says of its signature; nothing of it is proved."""

    key_id: str
    date: bytes
    region: bytes
    service: bytes
    signed: bytes
    signature: bytes
    stamp: bytes
    token: str | None


class Message(NamedTuple):
    """A request as it came over the wire."""

    method: str
    raw_path: bytes
    query: bytes
    headers: Headers
    body: bytes


def claim_of(headers: Headers) -> Claim:
    """Reads the headers of a signed request.

    Raises:
        SignatureRefused: there is no signature, or none of this kind.
    """
    authorization = headers.get(b"authorization")
    if authorization is None:
        raise SignatureRefused(
            "MissingAuthenticationTokenException", "Missing Authentication Token"
        )
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    stamp = headers.get(b"x-amz-date", b"")
    if match is None or _STAMP.fullmatch(stamp) is None:
        raise SignatureRefused(
            "IncompleteSignatureException",
            "Authorization has to be AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature,"
            " and X-Amz-Date a time like 20261126T103000Z",
        )
    key_id, date, region, service, signed, signature = match.groups()
    token = headers.get(_TOKEN)
    return Claim(
        key_id.decode("ascii", "replace"),
        date,
        region,
        service,
        signed,
        signature,
        stamp,
        None if token is None else token.decode("ascii", "replace"),
    )


class Verifier:
    """Verifies what was signed for one service.

    Args:
        service: the name in the credential scope.
        required: headers that must be signed when they are sent.
    """

    def __init__(self, service: str, required: tuple[bytes, ...] = ()) -> None:
        self._service = service.encode()
        self._required = (*required, _TOKEN, _HASH)
        self._keys: Memo[tuple[str, bytes, bytes], bytes] = Memo(_REMEMBERED)
        self._paths: Memo[bytes, bytes] = Memo(_REMEMBERED)

    def verify(self, message: Message, claim: Claim, secret: str, now: int) -> None:
        """Args: now: microseconds since 1970.

        Raises:
            SignatureRefused: the signature does not hold, or not now.
        """
        signed = claim.signed.split(b";")
        headers = message.headers
        self._check_scope(claim, signed, headers)
        _check_clock(claim.stamp, now)
        payload = sha256(message.body).hexdigest().encode()
        if headers.get(_HASH, payload) != payload:
            raise _refused("x-amz-content-sha256 is not the hash of the body")
        scope = b"%b/%b/%b/aws4_request" % (claim.date, claim.region, claim.service)
        canonical = b"%b\n%b\n%b\n%b\n%b\n%b" % (
            message.method.encode(),
            self._path(message.raw_path),
            _query(message.query),
            b"".join([b"%b:%b\n" % (name, _value(headers[name])) for name in signed]),
            claim.signed,
            payload,
        )
        digest = sha256(canonical).hexdigest().encode()
        text = b"%b\n%b\n%b\n%b" % (_ALGORITHM, claim.stamp, scope, digest)
        key = self._key(secret, claim.date, claim.region)
        wanted = hmac.digest(key, text, "sha256").hex().encode()
        if not hmac.compare_digest(wanted, claim.signature):
            raise _refused(
                "The request signature we calculated does not match the signature you provided. "
                "Check the secret key and the method of signing."
            )

    def _check_scope(self, claim: Claim, signed: list[bytes], headers: Headers) -> None:
        if claim.service != self._service:
            raise _refused(f"Credential should be scoped to the service {self._service.decode()!r}")
        if claim.date != claim.stamp[:8]:
            raise _refused("The date of the credential scope is not that of X-Amz-Date")
        if signed != sorted(set(signed)) or b"host" not in signed or b"x-amz-date" not in signed:
            raise _refused("SignedHeaders has to be sorted, and hold host and x-amz-date")
        for name in signed:
            if name not in headers:
                raise _refused(f"the signed header {name.decode('ascii')!r} is missing")
        for name in self._required:
            if name in headers and name not in signed:
                raise _refused(f"the header {name.decode('ascii')!r} has to be signed")

    def _key(self, secret: str, date: bytes, region: bytes) -> bytes:
        known = self._keys.get((secret, date, region))
        if known is not None:
            return known
        key = b"AWS4" + secret.encode()
        for part in (date, region, self._service, b"aws4_request"):
            key = hmac.digest(key, part, "sha256")
        return self._keys.put((secret, date, region), key)

    def _path(self, raw: bytes) -> bytes:
        known = self._paths.get(raw)
        if known is not None:
            return known
        made = quote_from_bytes(_normalised(raw), safe="/~").encode()
        return self._paths.put(raw, made) if len(raw) < _LONG_PATH else made


def _refused(message: str) -> SignatureRefused:
    return SignatureRefused("InvalidSignatureException", message)


def _check_clock(stamp: bytes, now: int) -> None:
    try:
        signed_at = (datetime.fromisoformat(stamp.decode()) - _EPOCH) // _SECOND
    except ValueError as error:
        raise SignatureRefused(
            "IncompleteSignatureException", "X-Amz-Date is not a date and time"
        ) from error
    if abs(now // 1_000_000 - signed_at) > SKEW:
        here = (_EPOCH + timedelta(microseconds=now)).strftime("%Y%m%dT%H%M%SZ")
        raise _refused(
            f"Signature expired or not yet current: signed at {stamp.decode()}, it is {here} here,"
            f" and {SKEW // 60} minutes may lie between"
        )


def _normalised(path: bytes) -> bytes:
    """Without dot segments and doubled slashes; what is percent-encoded is left alone."""
    if b"//" not in path and b"/." not in path:
        return path
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in {b"", b"."}:
            kept.append(segment)
    closing = b"/" if kept and path.endswith(b"/") else b""
    return b"/" + b"/".join(kept) + closing


def _query(raw: bytes) -> bytes:
    """Sorted by name and value; a name without a value is written `name=`."""
    if not raw:
        return b""
    pairs = sorted(part.partition(b"=")[::2] for part in raw.split(b"&"))
    return b"&".join([b"%b=%b" % pair for pair in pairs])


def _value(raw: bytes) -> bytes:
    return b" ".join(raw.split()) if b"  " in raw or b"\t" in raw else raw.strip()
