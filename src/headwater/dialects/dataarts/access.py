"""Who asks, and for which project: AK/SK signatures, tokens, and plain keys."""

from headwater.auth import tokens
from headwater.auth.directory import Directory, require_project_id
from headwater.auth.gate import DEFAULT_DOMAIN
from headwater.auth.passwords import stamp_of
from headwater.auth.principal import Principal, Scope
from headwater.auth.sdk_hmac import verify
from headwater.auth.tokens import Claims
from headwater.errors import Forbidden, InvalidParameter, Unauthenticated
from headwater.http.context import Context
from headwater.http.message import Request

_TOKEN, _AUTHORIZATION = b"x-auth-token", b"authorization"


class ForeignProject(Forbidden):
    """These credentials are not of the domain that the project belongs to."""


class Access:
    """Admits requests. A token alone decides where there is one; Huawei's SDKs sign as well."""

    def __init__(self, context: Context) -> None:
        self._gate = context.gate
        self._keys = context.keys
        self._vault = context.vault
        self._clock = context.clock
        self.directory = Directory(context.store)

    async def refresh(self) -> None:
        await self._gate.refresh()
        await self.directory.refresh()

    async def authenticate(self, request: Request) -> Principal:
        """Who sends this, for the project of the path.

        Raises:
            Unauthenticated: the server needs a credential, and this is none that holds.
            Forbidden: it is not one for this project.
            InvalidParameter: the path holds no project id.
        """
        await self.refresh()
        return self._known(request) or await self._gate.anyone(self.domain_of(request.path[0]))

    def recognized(self, request: Request) -> Principal | None:
        """`authenticate` as far as it needs no I/O; None: it does."""
        current = self._keys.current and self._keys.version == self.directory.version
        return self._known(request) if current else None

    def _known(self, request: Request) -> Principal | None:
        """None: whoever speaks to an open server."""
        project = request.path[0]
        require_project_id(project)
        stated = request.headers.get(b"x-project-id")
        if stated is not None and stated.decode("utf-8", "replace") != project:
            raise InvalidParameter("X-Project-Id", "is not the project of the path")
        try:
            principal, scoped = self._credential(request)
        except Unauthenticated:
            if not self._gate.open:
                raise
            return None
        if self.domain_of(project, principal.domain) != principal.domain:
            raise ForeignProject
        if scoped is not None and scoped != project:
            raise ForeignProject("this token is for another project")
        return self._gate.admitted(principal)

    def domain_of(self, project: str, asking: str | None = None) -> str | None:
        """The domain of a project. One that was never added belongs to the default domain while the
        server is open, else to none."""
        known = self.directory.project(project)
        if known is not None:
            return known.domain
        return DEFAULT_DOMAIN if self._gate.open else None

    def _credential(self, request: Request) -> tuple[Principal, str | None]:
        """The holder, and the project that a token is for (None: any of the domain's)."""
        token = request.headers.get(_TOKEN)
        if token:
            claims = tokens.read(self._vault, token.strip(), self._clock())
            return self.holder(claims), claims.project
        authorization = request.headers.get(_AUTHORIZATION, b"")
        if not authorization:
            raise Unauthenticated("neither X-Auth-Token nor a signed Authorization header was sent")
        if authorization[:7].lower() == b"bearer ":
            holder = self._keys.verify(authorization[7:].strip())
            if holder is None:
                raise Unauthenticated("this key does not hold")
            return holder, None
        key = verify(
            request.method,
            request.raw_path,
            request.query_string,
            request.headers,
            request.raw_body,
            self._keys.signing,
            self._clock() / 1_000_000,
        )
        return key.principal, None

    def holder(self, claims: Claims) -> Principal:
        """Raises Unauthenticated when the key or the password that a token stands for is gone."""
        if claims.key_id is not None:
            holder = self._keys.holder(claims.key_id)
            if holder is None:
                raise Unauthenticated("decrypt token fail: its key is not in force")
            return holder
        if claims.user is None:
            if not self._gate.open:
                raise Unauthenticated("decrypt token fail: the server is not open any more")
            return Principal.anyone(claims.domain)
        user = self.directory.user(claims.domain, claims.user)
        if user is None or stamp_of(user.password) != claims.stamp:
            raise Unauthenticated("decrypt token fail: its user or password is not in force")
        scopes = [scope for scope in Scope if scope.value in user.scopes]
        return Principal.of_key(f"user:{user.name}", user.domain, scopes)
