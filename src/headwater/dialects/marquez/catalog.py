"""Namespaces, sources and tags."""

from urllib.parse import urlsplit

from headwater import mask
from headwater.auth.principal import Scope
from headwater.dialects.marquez import declared, params, shelf
from headwater.dialects.marquez.objects import (
    Namespace,
    Namespaces,
    Source,
    Sources,
    Tag,
    Tags,
)
from headwater.dialects.marquez.questions import Asker, Question, not_found
from headwater.dialects.marquez.times import iso
from headwater.dialects.openlineage import numbered
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import NodeId, NodeKind
from headwater.slices import NamespaceRow, Slice
from headwater.store import NodeDetail

OWNER = "anonymous"
EVERYTHING = Slice(1_000_000)
_NOTHING = NamespaceRow("", shown=False, first=None, last=None)


class Catalog:
    """Answers what is known of namespaces, sources and tags."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/api/v1/namespaces", self.namespaces, "marquez_list_namespaces",
                  Scope.READ, "The namespaces, by name, those that were deleted too",
                  params=params.PAGED, answer=Namespaces),
            Route("GET", "/api/v1/namespaces/{namespace}", self.namespace,
                  "marquez_show_namespace", Scope.READ, "A namespace", answer=Namespace),
            Route("GET", "/api/v1/sources", self.sources, "marquez_list_sources", Scope.READ,
                  "The sources of datasets, by name", params=params.PAGED, answer=Sources),
            Route("GET", "/api/v1/sources/{source}", self.source, "marquez_show_source",
                  Scope.READ, "A source of datasets", answer=Source),
            Route("GET", "/api/v1/tags", self.tags, "marquez_list_tags", Scope.READ,
                  "The tags, by name", params=params.PAGED, answer=Tags),
        )
        # fmt: on

    async def namespaces(self, request: Request) -> Response:
        part = numbered.part(request)

        async def question(asked: Question) -> Namespaces:
            known = await self.known_namespaces(asked)
            names = sorted(known)[part.offset : part.offset + part.limit]
            return Namespaces(tuple([await self.made(asked, known[name]) for name in names]))

        return json_response(await self._ask(request, question))

    async def namespace(self, request: Request) -> Response:
        (name,) = request.path

        async def question(asked: Question) -> Namespace:
            return await self.show_namespace(asked, name)

        return json_response(await self._ask(request, question))

    async def show_namespace(self, asked: Question, name: str) -> Namespace:
        """Raises NotFound."""
        known = await self.known_namespaces(asked)
        if name not in known:
            raise not_found("Namespace", name)
        return await self.made(asked, known[name])

    async def known_namespaces(self, asked: Question) -> dict[str, NamespaceRow]:
        rows = await asked.browser.slice_namespaces(asked.domain)
        found = {row.name: row for row in rows if not declared.internal(row.name)}
        if any(row.name == declared.NAMESPACES for row in rows):
            for name in await declared_names(asked, declared.NAMESPACES):
                found.setdefault(name, _NOTHING._replace(name=name))
        first = min((row.first for row in found.values() if row.first is not None), default=None)
        found.setdefault(
            declared.DEFAULT, NamespaceRow(declared.DEFAULT, shown=True, first=first, last=first)
        )
        return found

    async def made(self, asked: Question, row: NamespaceRow) -> Namespace:
        said = await declaration(asked, declared.namespace(row.name))
        own = (None, None) if said is None else (said.first, said.last)
        spans = [time for time in (row.first, own[0]) if time is not None]
        ends = [time for time in (row.last, own[1]) if time is not None]
        now = self._ask.context.clock()
        deleted = False
        if said is not None:
            facets = await asked.browser.facets(said.row.key)
            state = facets.get(declared.DELETED)
            deleted = state is not None and not state.deleted and not row.shown
        return Namespace(
            name=row.name,
            created_at=iso(min(spans, default=now)),
            updated_at=iso(max(ends, default=now)),
            owner_name=next((each.name for each in said.gist.owners), OWNER) if said else OWNER,
            description=said.gist.description if said else None,
            is_hidden=deleted,
        )

    async def sources(self, request: Request) -> Response:
        part = numbered.part(request)

        async def question(asked: Question) -> Sources:
            known = await self.known_sources(asked)
            names = sorted(known)[part.offset : part.offset + part.limit]
            return Sources(tuple(known[name] for name in names))

        return json_response(await self._ask(request, question))

    async def source(self, request: Request) -> Response:
        (name,) = request.path

        async def question(asked: Question) -> Source:
            return await self.show_source(asked, name)

        return json_response(await self._ask(request, question))

    async def show_source(self, asked: Question, name: str) -> Source:
        """Raises NotFound."""
        known = await self.known_sources(asked)
        if name not in known:
            raise not_found("Source", name)
        return known[name]

    async def known_sources(self, asked: Question) -> dict[str, Source]:
        """Those that datasets name, those that were declared, and the default one."""
        found: dict[str, Source] = {}
        for gist, first in await asked.browser.stated_gists(asked.domain, "dataSource"):
            name = gist.source_name
            if name is not None and name not in found:
                uri = mask.text(gist.source_uri or "")
                found[name] = Source(_type(uri), name, iso(first), iso(first), uri, None)
        for name in await declared_names(asked, declared.SOURCES):
            said = await declaration(asked, declared.source(name))
            if said is not None:
                found[name] = await _declared_source(asked, name, said)
        if declared.DEFAULT not in found:
            now = iso(self._ask.context.clock())
            born = min((source.created_at for source in found.values()), default=now)
            found[declared.DEFAULT] = Source("POSTGRESQL", declared.DEFAULT, born, born, "", None)
        return found

    async def tags(self, request: Request) -> Response:
        part = numbered.part(request)

        async def question(asked: Question) -> Tags:
            found: dict[str, str | None] = {}
            for gist, _ in await asked.browser.stated_gists(asked.domain, "tags"):
                found.update(dict.fromkeys((tag.key for tag in gist.tags), None))
            for name in await declared_names(asked, declared.TAGS):
                said = await declaration(asked, declared.tag(name))
                found[name] = said.gist.description if said else None
            names = sorted(found)[part.offset : part.offset + part.limit]
            return Tags(tuple(Tag(name, found[name]) for name in names))

        return json_response(await self._ask(request, question))


async def declared_names(asked: Question, namespace: str) -> list[str]:
    """The names of what was declared in one of the namespaces of `declared`."""
    return await asked.browser.names(asked.domain, NodeKind.DATASET, namespace)


async def declaration(asked: Question, node: NodeId) -> NodeDetail | None:
    key = node.key(asked.domain)
    return (await asked.browser.details((key,))).get(key)


async def _declared_source(asked: Question, name: str, said: NodeDetail) -> Source:
    node = said.row.node
    facets = await shelf.facets(asked.browser, asked.log, {said.row.key: node})
    uri = mask.text(said.gist.source_uri or "")
    first, last = said.first or 0, said.last or 0
    kind = declared.source_type(facets[node]) or _type(uri)
    return Source(kind, name, iso(first), iso(last), uri, said.gist.description)


def _type(uri: str) -> str:
    """What kind of a source an address is of, by its scheme."""
    try:
        scheme = urlsplit(uri.removeprefix("jdbc:")).scheme
    except ValueError:
        scheme = ""
    return {"POSTGRES": "POSTGRESQL"}.get(scheme.upper(), scheme.upper()) or "POSTGRESQL"
