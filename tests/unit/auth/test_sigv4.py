"""Signatures: what botocore signs holds, and whatever is changed in it does not."""

import itertools
import random
import string
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from headwater.auth.sigv4 import Message, SignatureRefused, Verifier, claim_of

KEY_ID, SECRET = "HWAKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NODES = "/v2/domains/dzd_abc/lineage/nodes/"
PATHS = (
    "/v2/domains/dzd_abc/lineage/events",
    NODES + "ns%2Fout",
    NODES + "arn%3Aaws%3Aglue%3Aus-east-1%3A1%3Atable%2Fdb%2Ft/history",
    NODES + "..%2F..%2Fa%20b%25%23%3F%2B%3B%28%29%2A~_-.",
    "/prefix/v2/domains/dzd_abc/lineage/events",
    NODES + "%F0%9F%90%9F%C3%A9",
    "/v2/domains//lineage/./events/../events/",
)
QUERIES = ("", "maxResults=50&nextToken=a%2Bb%2Fc%3D%3D", "b=2&a=1&a=0&c", "t=2026-11-20T10%3A00Z")
BODIES = (b"", b'{"eventType":"COMPLETE"}', bytes(range(256)) * 20)


class Sent(NamedTuple):
    """A signed request, and when it was signed."""

    message: Message
    now: int


def signed(
    method: str = "POST",
    path: str = PATHS[0],
    query: str = "",
    body: bytes = BODIES[1],
    token: str | None = None,
    **headers: str,
) -> Sent:
    return signed_by(KEY_ID, SECRET, method, path, query, body, token, **headers)


def signed_by(
    key_id: str,
    secret: str,
    method: str,
    path: str,
    query: str,
    body: bytes,
    token: str | None = None,
    **headers: str,
) -> Sent:
    """A request as botocore signs it."""
    url = f"http://127.0.0.1:8080{path}" + (f"?{query}" if query else "")
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, url, given, body)
    SigV4Auth(Credentials(key_id, secret, token), "datazone", "us-east-1").add_auth(request)
    found = {name.lower().encode(): value.encode() for name, value in request.headers.items()}
    found.setdefault(b"host", b"127.0.0.1:8080")
    split = urlsplit(url)
    message = Message(method, path.encode(), split.query.encode(), found, body)
    return Sent(message, int(datetime.now(UTC).timestamp() * 1_000_000))


def verify(message: Message, now: int, secret: str = SECRET) -> str:
    claim = claim_of(message.headers)
    Verifier("datazone", (b"client-token",)).verify(message, claim, secret, now)
    return claim.key_id


@pytest.mark.parametrize(
    ("path", "query", "body"), tuple(itertools.product(PATHS, QUERIES, BODIES))
)
def test_what_botocore_signs_holds(path: str, query: str, body: bytes) -> None:
    for method in ("GET", "POST", "DELETE"):
        sent = signed(method, path, query, body, client_token="abc", x_odd="  a   b  ")
        assert verify(*sent) == KEY_ID


def test_a_session_token_is_signed() -> None:
    sent = signed(token="session")
    assert claim_of(sent.message.headers).token == "session"
    assert verify(*sent)


def refusal(message: Message, now: int, secret: str = SECRET) -> str:
    with pytest.raises(SignatureRefused) as raised:
        verify(message, now, secret)
    assert raised.value.message
    return raised.value.code


def test_another_secret_or_service() -> None:
    sent = signed()
    assert refusal(*sent, secret="other") == "InvalidSignatureException"
    claim = claim_of(sent.message.headers)
    with pytest.raises(SignatureRefused):
        Verifier("s3").verify(sent.message, claim, SECRET, sent.now)


@pytest.mark.parametrize(("seconds", "holds"), [(890, True), (-890, True), (905, False), (-905, False)])  # noqa: E501 # fmt: skip
def test_the_clock(seconds: int, holds: bool) -> None:
    message, now = signed()
    moved = now + seconds * 1_000_000
    if holds:
        assert verify(message, moved)
    else:
        assert refusal(message, moved) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "MissingAuthenticationTokenException"),
        (b"", "IncompleteSignatureException"),
        (b"Basic abc", "IncompleteSignatureException"),
        (b"AWS4-HMAC-SHA256 Credential=a/b", "IncompleteSignatureException"),
    ],
)
def test_no_signature(authorization: bytes | None, code: str) -> None:
    message, now = signed()
    headers = dict(message.headers)
    if authorization is None:
        del headers[b"authorization"]
    else:
        headers[b"authorization"] = authorization
    assert refusal(message._replace(headers=headers), now) == code


@pytest.mark.parametrize("date", [b"", b"20261399T000000Z", b"2026-11-20T10:00:00Z"])
def test_a_date_that_is_none(date: bytes) -> None:
    message, now = signed()
    headers = dict(message.headers) | {b"x-amz-date": date}
    refusal(message._replace(headers=headers), now)


def test_a_token_or_a_hash_that_nobody_signed() -> None:
    """What changes the meaning of a request has to be signed."""
    for name in (b"client-token", b"x-amz-security-token", b"x-amz-content-sha256"):
        message, now = signed()
        headers = dict(message.headers) | {name: b"added"}
        assert refusal(message._replace(headers=headers), now) == "InvalidSignatureException"


def test_a_hash_of_another_body() -> None:
    message, now = signed(x_amz_content_sha256="0" * 64)
    assert refusal(message, now) == "InvalidSignatureException"


def mutated(message: Message, chance: random.Random) -> Message:
    """The request with one thing changed that its signature covers."""
    kind = chance.choice(("method", "path", "query", "body", "header", "credential", "signature"))
    if kind == "method":
        others = {"GET", "POST", "PUT", "DELETE", "HEAD"} - {message.method}
        return message._replace(method=chance.choice(sorted(others)))
    if kind == "path":
        return message._replace(raw_path=b"/" + _changed(message.raw_path[1:], chance))
    if kind == "query":
        return message._replace(query=_changed(message.query or b"a=1", chance) + b"&z=1")
    if kind == "body":
        return message._replace(body=_changed(message.body, chance))
    headers = dict(message.headers)
    if kind == "header":
        names = claim_of(headers).signed.split(b";")
        name = chance.choice(names)
        headers[name] = _changed(headers[name], chance)
        return message._replace(headers=headers)
    head, _, signature = headers[b"authorization"].rpartition(b"=")
    if kind == "signature":
        changed = signature
        while changed == signature:
            at = chance.randrange(64)
            digit = chance.choice("0123456789abcdef").encode()
            changed = signature[:at] + digit + signature[at + 1 :]
        headers[b"authorization"] = head + b"=" + changed
    else:
        start = head.index(b"Credential=") + len(b"Credential=")
        stop = head.index(b", SignedHeaders")
        scope = head[start:stop].split(b"/", 1)
        altered = scope[0] + b"/" + _changed(scope[1], chance)
        headers[b"authorization"] = head[:start] + altered + head[stop:] + b"=" + signature
    return message._replace(headers=headers)


def _changed(raw: bytes, chance: random.Random) -> bytes:
    """One byte added, taken away or replaced; never by white space, which may not count."""
    letter = chance.choice(string.ascii_letters + string.digits).encode()
    at = chance.randrange(len(raw) + 1)
    if not raw or at == len(raw):
        return raw + letter
    how = chance.randrange(3)
    if how == 0:
        return raw[:at] + letter + raw[at:]
    if how == 1 and raw[at : at + 1] not in {b" ", b"/", b"."}:
        return raw[:at] + raw[at + 1 :]
    return raw[:at] + (letter if raw[at : at + 1] != letter else b"~") + raw[at + 1 :]


def test_a_thousand_changed_requests_and_none_holds() -> None:
    chance = random.Random(20_261_126)
    originals = [
        signed("POST", PATHS[0], "", BODIES[1], client_token="abc"),
        signed("GET", PATHS[1], QUERIES[1], b""),
        signed("POST", PATHS[4], "", BODIES[2], token="session", content_type="application/json"),
        signed("DELETE", PATHS[2], QUERIES[3], b""),
    ]
    for number in range(1_000):
        message, now = originals[number % len(originals)]
        changed = mutated(message, chance)
        assert changed != message
        with pytest.raises(SignatureRefused):
            verify(changed, now)
        assert verify(message, now)
