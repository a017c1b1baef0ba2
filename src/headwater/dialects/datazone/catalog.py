"""Domains and types: what a program asks before it comes to lineage."""

import re
from typing import Literal, TypeVar

import msgspec

from headwater.auth.principal import Scope
from headwater.dialects.datazone import forms, params, places, shapes
from headwater.dialects.datazone.accounts import Accounts
from headwater.dialects.datazone.domains import AVAILABLE, DELETED, Domains, Known, Said
from headwater.dialects.datazone.errors import UnknownOperation
from headwater.errors import Forbidden, InvalidParameter, MalformedBody
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route

DOMAINS = "/v2/domains"
_DOMAIN = DOMAINS + "/{identifier}"
_MOST_DOMAINS = 25
_ROLE = re.compile(r"arn:aws[^:]*:iam::\d{12}:role(/[a-zA-Z0-9+=,.@_-]+)*/[a-zA-Z0-9+=,.@_-]+")
_TYPES = {
    places.DATASET_TYPE: "A dataset, at the event that made this version of it.",
    places.JOB_TYPE: "A job, at the event that made this version of it.",
    places.RUN_TYPE: "A run of a job, with what it read and wrote.",
}


T = TypeVar("T")


class NewDomain(msgspec.Struct, rename="camel"):
    name: str
    description: str | None = None
    domain_execution_role: str | None = None
    tags: dict[str, str] | None = None
    domain_version: Literal["V1", "V2"] | None = None
    client_token: str | None = None


class TypeSearch(msgspec.Struct, rename="camel"):
    search_scope: Literal["ASSET_TYPE", "FORM_TYPE", "LINEAGE_NODE_TYPE"]
    managed: bool
    search_text: str | None = None
    max_results: int | None = None
    next_token: str | None = None


class Catalog:
    """GetDomain, ListDomains, CreateDomain, DeleteDomain and SearchTypes."""

    def __init__(self, context: Context, domains: Domains, accounts: Accounts) -> None:
        self._domains = domains
        self._accounts = accounts

    def routes(self) -> tuple[Route, ...]:
        types = DOMAINS + "/{domainIdentifier}/types-search"
        return (
            Route("GET", DOMAINS, self.list, "ListDomains", Scope.READ, "The domains"),
            Route(
                "POST",
                DOMAINS,
                self.create,
                "CreateDomain",
                Scope.ADMIN,
                "Create a domain",
                body=True,
            ),
            Route("GET", _DOMAIN, self.show, "GetDomain", Scope.READ, "A domain"),
            Route("DELETE", _DOMAIN, self.delete, "DeleteDomain", Scope.ADMIN, "Delete a domain"),
            Route(
                "PUT",
                _DOMAIN,
                self.unknown,
                "UpdateDomain",
                Scope.ADMIN,
                "Not done here: answered as unknown",
            ),
            Route(
                "POST",
                types,
                self.types,
                "SearchTypes",
                Scope.READ,
                "The types that nodes have",
                body=True,
            ),
        )

    async def unknown(self, request: Request) -> Response:
        raise UnknownOperation

    async def show(self, request: Request) -> Response:
        return shapes.answer(request, self._answer(await self._domains.of(request)))

    async def list(self, request: Request) -> Response:
        limit = params.limit(request, _MOST_DOMAINS)
        after = params.read_token(request, "ListDomains", tuple[str])
        status = request.text("status")
        if status not in {None, AVAILABLE}:
            return shapes.answer(request, shapes.DomainList(items=()))
        sender = request.principal
        found = [
            known
            for known in await self._domains.all()
            if sender.key_id is None or sender.domain == known.name
        ]
        rest = [known for known in found if after is None or known.name > after[0]]
        page = rest[:limit]
        token = None
        if len(rest) > limit:
            token = params.write_token("ListDomains", (page[-1].name,))
        items = tuple(map(self._summary, page))
        return shapes.answer(request, shapes.DomainList(items=items, next_token=token))

    async def create(self, request: Request) -> Response:
        """Only on an open server: a key belongs to one domain, and could not enter the new one."""
        if request.principal.key_id is not None:
            raise Forbidden(
                "a key belongs to one domain; make others by 'headwater domains create'"
            )
        given = _read(request.body, NewDomain)
        if given.domain_execution_role is not None:
            params.checked("domainExecutionRole", given.domain_execution_role, _ROLE)
        said = Said(
            description=given.description,
            role=given.domain_execution_role,
            tags=given.tags or {},
            token=given.client_token,
        )
        known = await self._domains.create(given.name, said)
        return shapes.answer(request, self._answer(known), 201)

    async def delete(self, request: Request) -> Response:
        await self._domains.delete(await self._domains.of(request))
        return shapes.answer(request, {"status": DELETED}, 202)

    def _arn(self, known: Known) -> str:
        account = self._accounts.of(known.name)
        return f"arn:aws:datazone:{account.region}:{account.number}:domain/{known.id}"

    def _answer(self, known: Known) -> shapes.DomainAnswer:
        number = self._accounts.of(known.name).number
        said = known.said
        role = said.role or f"arn:aws:iam::{number}:role/headwater"
        return shapes.DomainAnswer(
            id=known.id,
            name=known.name,
            arn=self._arn(known),
            status=said.status,
            description=said.description,
            domain_execution_role=role,
            domain_version="V2",
            created_at=params.seconds(known.created_at),
            last_updated_at=params.seconds(max(said.at, known.created_at)),
            portal_url="",
            tags=said.tags,
        )

    def _summary(self, known: Known) -> shapes.DomainSummary:
        return shapes.DomainSummary(
            id=known.id,
            name=known.name,
            arn=self._arn(known),
            status=known.said.status,
            description=known.said.description,
            managed_account_id=self._accounts.of(known.name).number,
            domain_version="V2",
            created_at=params.seconds(known.created_at),
            last_updated_at=params.seconds(max(known.said.at, known.created_at)),
            portal_url="",
        )

    async def types(self, request: Request) -> Response:
        """The types of lineage nodes; of assets and forms there are none."""
        domain = await self._domains.of(request, modelled=False)
        given = _read(request.body, TypeSearch)
        if given.max_results is not None and not 1 <= given.max_results <= params.MOST:
            raise InvalidParameter("maxResults", f"is not between 1 and {params.MOST}")
        if given.next_token is not None:
            raise InvalidParameter("nextToken", "is not the token of a page of this list")
        words = (given.search_text or "").casefold().split()
        shown = [
            name
            for name, text in _TYPES.items()
            if given.managed
            and given.search_scope == "LINEAGE_NODE_TYPE"
            and all(word in f"{name} {text}".casefold() for word in words)
        ]
        items = tuple(_type(domain.id, name) for name in shown[: given.max_results or params.MOST])
        return shapes.answer(request, shapes.TypeList(items=items, total_match_count=len(shown)))


def _type(domain: str, name: str) -> shapes.TypeItem:
    entries = {
        each: shapes.FormEntry(
            type_name=forms.TYPE_PREFIX + each, type_revision=forms.REVISION, required=False
        )
        for each in forms.OF_TYPE[name]
    }
    return shapes.TypeItem(
        lineage_node_type_item=shapes.NodeType(
            domain_id=domain,
            name=name,
            description=_TYPES[name],
            revision=places.REVISION,
            forms_output=entries,
        )
    )


def _read(body: bytes, kind: type[T]) -> T:
    """Raises MalformedBody, naming the member that is off."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(str(error)) from error
