"""The part of Huawei's IAM that its clients need: tokens by password or by key, and projects."""

import time
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from headwater.access import Project
from headwater.auth import tokens
from headwater.auth.gate import DEFAULT_DOMAIN
from headwater.auth.passwords import PasswordDesk, stamp_of
from headwater.auth.principal import Principal
from headwater.auth.sdk_hmac import verify
from headwater.auth.tokens import Claims
from headwater.dialects.dataarts import wire
from headwater.dialects.dataarts.access import Access
from headwater.dialects.dataarts.events import format_time
from headwater.errors import Forbidden, InvalidRequest, MalformedBody, NotFound, Unauthenticated
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import key_of

Word = Annotated[str, Meta(max_length=wire.LONGEST)]
WRONG = "The username or password is wrong."
LIFE = tokens.LIFE_SECONDS * 1_000_000


class _Named(msgspec.Struct):
    """By id or by name; the id wins."""

    id: Word | None = None
    name: Word | None = None


class _User(msgspec.Struct):
    password: Word
    name: Word | None = None
    id: Word | None = None
    domain: _Named | None = None


class _Password(msgspec.Struct):
    user: _User


class _Word(msgspec.Struct):
    key: Word


class _Pair(msgspec.Struct):
    access: _Word
    secret: _Word


class _Identity(msgspec.Struct):
    methods: list[Word]
    password: _Password | None = None
    hw_ak_sk: _Pair | None = None


class _Scope(msgspec.Struct):
    project: _Named | None = None
    domain: _Named | None = None


class _Auth(msgspec.Struct):
    identity: _Identity
    scope: _Scope | None = None


class _Asked(msgspec.Struct):
    auth: _Auth


_ASKED = wire.Shape(_Asked)


class _Holder(NamedTuple):
    """Whom a token is for."""

    domain: str
    name: str
    method: str
    key_id: str | None = None
    user: str | None = None
    stamp: str | None = None


class Iam:
    """Gives out tokens, looks at them, and lists projects."""

    def __init__(self, context: Context, access: Access) -> None:
        self._gate = context.gate
        self._keys = context.keys
        self._vault = context.vault
        self._clock = context.clock
        self._access = access
        self._desk = PasswordDesk(time.monotonic)

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("POST", "/v3/auth/tokens", self.issue, "issue_token", None,
                  "A token for a user or a key", body=True),
            Route("GET", "/v3/auth/tokens", self.show, "show_token", None,
                  "What a token says"),
            Route("GET", "/v3/projects", self.projects, "list_projects", None,
                  "The projects of the credential's domain"),
        )
        # fmt: on

    async def issue(self, request: Request) -> Response:
        await self._access.refresh()
        try:
            wire.require_text(request.body)
            asked: _Auth = _ASKED.read(request.body).auth
        except (InvalidRequest, MalformedBody) as error:
            raise InvalidRequest(f"The request body is invalid: {error.message}") from error
        holder = await self._holder(request, asked.identity)
        project = self._scope(holder, asked.scope)
        now = self._clock()
        claims = Claims(
            holder.domain,
            now,
            now + LIFE,
            holder.method,
            holder.key_id,
            holder.user,
            holder.stamp,
            None if project is None else project.id,
        )
        token = tokens.write(self._vault, claims)
        answer = {"token": _token(claims, holder.name, project)}
        return json_response(answer, 201, ((b"x-subject-token", token.encode()),))

    async def _holder(self, request: Request, identity: _Identity) -> _Holder:
        if "hw_ak_sk" in identity.methods and identity.hw_ak_sk is not None:
            pair = identity.hw_ak_sk
            shown = f"{pair.access.key}.{pair.secret.key}".encode("utf-8", "replace")
            holder = self._keys.verify(shown)
            if holder is None or holder.domain is None:
                raise Unauthenticated("The access key or the secret key is wrong.")
            self._gate.admitted(holder)
            name = holder.key_id or ""
            return _Holder(holder.domain, name, "hw_ak_sk", key_id=holder.key_id)
        if "password" in identity.methods and identity.password is not None:
            return await self._by_password(request, identity.password.user)
        raise InvalidRequest(
            "The request body is invalid: auth.identity has neither password nor hw_ak_sk"
        )

    async def _by_password(self, request: Request, asked: _User) -> _Holder:
        named = asked.domain or _Named()
        domain = named.id or named.name or DEFAULT_DOMAIN
        name = asked.name or asked.id or ""
        user = self._access.directory.user(domain, name)
        if user is None and self._gate.open and self._access.directory.without_users:
            # Nobody was named yet, and everyone is taken: a client that insists gets its token.
            anyone = await self._gate.anyone()
            return _Holder(anyone.domain or DEFAULT_DOMAIN, name, "password")
        stored = None if user is None else user.password
        if not await self._desk.check(asked.password, stored, request.client) or user is None:
            raise Unauthenticated(WRONG)
        return _Holder(domain, name, "password", user=name, stamp=stamp_of(user.password))

    def _scope(self, holder: _Holder, scope: _Scope | None) -> Project | None:
        """The project that a token is for; None: the domain. Raises Forbidden for another's."""
        asked = scope.project if scope is not None else None
        if asked is None or not (asked.id or asked.name):
            return None
        known = self._access.directory.projects(holder.domain)
        for project in known:
            if asked.id == project.id or (asked.id is None and asked.name == project.name):
                return project
        word = asked.id or asked.name or ""
        if self._access.domain_of(word) == holder.domain and self._gate.open:
            return Project(word, holder.domain, word, 0)
        raise Forbidden(f"this user has no project {word!r}")

    async def show(self, request: Request) -> Response:
        """The token in X-Subject-Token, for who shows one that holds in X-Auth-Token."""
        await self._access.refresh()
        claims = self._claims(request, b"x-auth-token")
        subject = self._claims(request, b"x-subject-token")
        if subject.domain != claims.domain:
            raise NotFound("this token is of another domain")
        project = None
        if subject.project is not None:
            known = self._access.directory.project(subject.project)
            project = known or Project(subject.project, subject.domain, subject.project, 0)
        name = subject.user or subject.key_id or ""
        said = request.headers[b"x-subject-token"]
        return json_response(
            {"token": _token(subject, name, project)}, 200, ((b"x-subject-token", said),)
        )

    def _claims(self, request: Request, header: bytes) -> Claims:
        claims = tokens.read(self._vault, request.headers.get(header, b"").strip(), self._clock())
        self._access.holder(claims)
        return claims

    async def projects(self, request: Request) -> Response:
        """What an SDK asks that was given a region and no project id."""
        await self._access.refresh()
        domain = (await self._asking(request)).domain or DEFAULT_DOMAIN
        name = request.text("name")
        found = [
            project
            for project in self._access.directory.projects(domain)
            if name is None or project.name == name
        ]
        if not found and name and self._gate.open:
            found = [Project(name, domain, name, 0)]
        shown = [
            {
                "id": each.id,
                "name": each.name,
                "domain_id": _id("domain", each.domain),
                "parent_id": _id("domain", each.domain),
                "is_domain": False,
                "enabled": True,
                "description": "",
                "links": {"self": ""},
            }
            for each in found
        ]
        return json_response({"projects": shown, "links": {"self": ""}})

    async def _asking(self, request: Request) -> Principal:
        """Whoever may use the server; which project is asked for is not known yet."""
        try:
            if request.headers.get(b"x-auth-token"):
                return self._gate.admitted(
                    self._access.holder(self._claims(request, b"x-auth-token"))
                )
            key = verify(
                request.method,
                request.raw_path,
                request.query_string,
                request.headers,
                request.raw_body,
                self._keys.signing,
                self._clock() / 1_000_000,
            )
            return self._gate.admitted(key.principal)
        except Unauthenticated:
            if not self._gate.open:
                raise
            return await self._gate.anyone()


def _token(claims: Claims, name: str, project: Project | None) -> dict[str, object]:
    domain = {"id": _id("domain", claims.domain), "name": claims.domain}
    said: dict[str, object] = {
        "catalog": [],
        "expires_at": format_time(claims.expires),
        "issued_at": format_time(claims.issued),
        "methods": [claims.method],
        "roles": [{"id": "0", "name": "te_admin"}],
        "user": {
            "id": _id("user", claims.domain, name),
            "name": name,
            "password_expires_at": "",
            "domain": domain,
        },
    }
    if project is None:
        return said | {"domain": domain}
    return said | {"project": {"id": project.id, "name": project.name, "domain": domain}}


def _id(*words: str) -> str:
    return key_of(*words).hex()
