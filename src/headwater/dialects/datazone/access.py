"""Who sends a request: an AWS signature, a Bearer key, or anyone where the server is open."""

from headwater.auth.apikeys import KeyRing, SigningKey
from headwater.auth.gate import Gate
from headwater.auth.principal import Principal
from headwater.auth.sessions import read_session
from headwater.auth.sigv4 import Claim, Message, SignatureRefused, Verifier, claim_of
from headwater.auth.vault import Vault
from headwater.http.context import Context
from headwater.http.message import Request

SERVICE = "datazone"
_BEARER = b"bearer "


class Access:
    """Fills `Dialect.authenticate`."""

    def __init__(self, context: Context) -> None:
        self._gate: Gate = context.gate
        self._keys: KeyRing = context.keys
        self._vault: Vault = context.vault
        self._clock = context.clock
        self._verifier = Verifier(SERVICE, required=(b"client-token",))

    async def authenticate(self, request: Request) -> Principal:
        """An open server takes and ignores any signature: clients cannot go without.

        Raises:
            SignatureRefused, Unauthenticated, RateLimited: this request is not taken.
        """
        await self._gate.refresh()
        if self._gate.open:
            return await self._gate.anyone()
        authorization = request.headers.get(b"authorization", b"")
        if authorization[:7].lower() == _BEARER:
            return await self._gate.identify(authorization)
        claim = claim_of(request.headers)
        key = self._key(claim)
        message = Message(
            request.method,
            request.raw_path,
            request.query_string,
            request.headers,
            request.raw_body,
        )
        self._verifier.verify(message, claim, key.secret, self._clock())
        return self._gate.admitted(key.principal)

    def _key(self, claim: Claim) -> SigningKey:
        """The key that a request says it is signed with, or the session that stands for it."""
        key = self._keys.signing(claim.key_id)
        session = None
        if key is not None and claim.token is not None:
            session = read_session(self._vault, claim.token)
            if session is None or session.key_id != claim.key_id:
                key = None
        if key is None:
            raise SignatureRefused(
                "UnrecognizedClientException",
                "The security token included in the request is invalid: no key of this id is in "
                "force, or its session token was not made here.",
            )
        if session is None:
            return key
        if session.ends_at * 1_000_000 < self._clock():
            raise SignatureRefused(
                "ExpiredTokenException", "The security token included in the request is expired"
            )
        return SigningKey(session.secret, key.principal)
