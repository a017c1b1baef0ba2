"""SDK-HMAC-SHA256: what was signed is taken, and nothing that was changed."""

import random
import time

import pytest

from headwater.auth.apikeys import SigningKey
from headwater.auth.principal import Principal, Scope
from headwater.auth.sdk_hmac import BadSignature, verify
from tests.e2e.huawei import Key, sign, stamp

KEY = Key("HWKEY", "a secret of forty characters, or so it is", "")
HOLDER = SigningKey(KEY.secret, Principal.of_key(KEY.id, "default", [Scope.WRITE]))
MUTATIONS = 1_000


class Sent:
    """A request as it came over the wire."""

    def __init__(self, target: str, body: bytes, headers: dict[str, str], method: str) -> None:
        path, _, query = target.partition("?")
        self.method, self.path, self.query, self.body = method, path.encode(), query.encode(), body
        self.headers = {k.lower().encode(): v.encode() for k, v in headers.items()}

    def holds(self, now: float | None = None) -> bool:
        given = (self.method, self.path, self.query, self.headers, self.body)
        at = time.time() if now is None else now
        try:
            found = verify(*given, lambda name: HOLDER if name == KEY.id else None, at)
        except BadSignature:
            return False
        return found is HOLDER


def signed(
    target: str = "/v1/p/lineage/lineage-info?b=2&a=%20x&a=1",
    body: bytes = b'{"node_name":"n"}',
    method: str = "POST",
    **more: str,
) -> Sent:
    headers = {"workspace": "w", "Host": "hw", "Content-Type": "application/json", **more}
    return Sent(target, body, sign(KEY, method, target, body, headers), method)


@pytest.mark.parametrize(
    "target",
    ["/", "/v1/p", "/v1/p/", "/v3/p/entities/a%2Fb/lineage", "/v1/p?x=", "/v1/p?x=a%20b&x=%C3%A9"],
)
def test_what_was_signed_holds(target: str) -> None:
    assert signed(target).holds()
    assert signed(target, b"", "GET").holds()


def test_a_plus_is_a_space() -> None:
    sent = signed("/v1/p?x=a%20b")
    sent.query = b"x=a+b"
    assert sent.holds()


def test_the_window() -> None:
    sent, now = signed(), time.time()
    assert sent.holds(now + 890)
    assert not sent.holds(now + 905)
    assert not sent.holds(now - 905)


def mutated(sent: Sent, chance: random.Random) -> str:
    """Changes one thing that is signed; says which."""

    def other(text: bytes) -> bytes:
        at = chance.randrange(len(text))
        return text[:at] + bytes((text[at] ^ chance.randrange(1, 128),)) + text[at + 1 :]

    what = chance.choice(("body", "longer", "path", "query", "header", "authorization", "method"))
    match what:
        case "body":
            sent.body = other(sent.body)
        case "longer":
            sent.body += b" "
        case "path":
            at = chance.randrange(1, len(sent.path))
            letter = bytes((chance.choice(b"abcxyz"),))
            sent.path = sent.path[:at] + letter + sent.path[at:]
        case "query":
            sent.query += chance.choice((b"&c=3", b"&a=2", b"2"))
        case "header":
            name = chance.choice((b"workspace", b"host", b"content-type", b"x-sdk-date"))
            changed = other(sent.headers[name])
            if changed.strip() == sent.headers[name].strip():
                return mutated(sent, chance)
            sent.headers[name] = changed
        case "authorization":
            changed = other(sent.headers[b"authorization"])
            sent.headers[b"authorization"] = changed
        case _:
            sent.method = chance.choice(("GET", "PUT", "DELETE"))
    return what


def test_nothing_that_was_changed_holds() -> None:
    chance = random.Random(5)
    for _ in range(MUTATIONS):
        sent = signed()
        assert sent.holds()
        what = mutated(sent, chance)
        assert not sent.holds(), what


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x.y",
        "SDK-HMAC-SM3 Access=HWKEY, SignedHeaders=x-sdk-date, Signature=" + "0" * 64,
        "V11-HMAC-SHA256 Access=HWKEY, SignedHeaders=x-sdk-date, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=HWKEY, SignedHeaders=, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=HWKEY, SignedHeaders=host, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=HWKEY, SignedHeaders=x-sdk-date;lacking, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=HWKEY, SignedHeaders=x-sdk-date, Signature=0",
    ],
)
def test_what_is_no_signature_of_ours(authorization: str) -> None:
    sent = signed()
    sent.headers[b"authorization"] = authorization.encode()
    assert not sent.holds()


@pytest.mark.parametrize(
    "date", ["", "now", "20261121T005612", "20269921T005612Z", "00000000T000000Z"]
)
def test_what_is_no_date(date: str) -> None:
    body = b"{}"
    headers = {"workspace": "w"}
    made = sign(KEY, "POST", "/", body, headers, None, date or " ")
    sent = Sent("/", body, made, "POST")
    if not date:
        del sent.headers[b"x-sdk-date"]
    assert not sent.holds()


def test_a_body_that_is_not_signed() -> None:
    headers = {"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD", "X-Sdk-Date": stamp()}
    made = sign(KEY, "POST", "/", b"", headers, None, headers["X-Sdk-Date"])
    assert not Sent("/", b"anything", made, "POST").holds()
