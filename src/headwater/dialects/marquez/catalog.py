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
from headwater.slices import NamespaceRow
from headwater.store import NodeDetail

OWNER = "anonymous"


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
            names = (await known_namespaces(asked))[part.offset : part.offset + part.limit]
            rows = {
                row.name: row for row in await asked.browser.namespace_rows(asked.domain, names)
            }
            made = [await self.made(asked, name, rows.get(name)) for name in names]
            return Namespaces(tuple(made))

        return json_response(await self._ask(request, question))

    async def namespace(self, request: Request) -> Response:
        (name,) = request.path

        async def question(asked: Question) -> Namespace:
            return await self.show_namespace(asked, name)

        return json_response(await self._ask(request, question))

    async def show_namespace(self, asked: Question, name: str) -> Namespace:
        """Raises NotFound."""
        await asked.require_namespace(name)
        rows = await asked.browser.namespace_rows(asked.domain, [name])
        return await self.made(asked, name, rows[0] if rows else None)

    async def made(self, asked: Question, name: str, known: NamespaceRow | None) -> Namespace:
        row = known or NamespaceRow(name, shown=name == declared.DEFAULT, first=None, last=None)
        said = await declaration(asked, declared.namespace(name))
        own = (None, None) if said is None else (said.first, said.last)
        spans = [time for time in (row.first, own[0]) if time is not None]
        ends = [time for time in (row.last, own[1]) if time is not None]
        begun = await asked.browser.first_event(asked.domain)
        otherwise = self._ask.context.clock() if begun is None else begun
        deleted = False
        if said is not None:
            facets = await asked.browser.facets(said.row.key)
            state = facets.get(declared.DELETED)
            deleted = state is not None and not state.deleted and not row.shown
        return Namespace(
            name=name,
            created_at=iso(min(spans, default=otherwise)),
            updated_at=iso(max(ends, default=otherwise)),
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


async def known_namespaces(asked: Question) -> list[str]:
    """The names of those that events name and of those that were declared, in order."""
    names = set(await asked.browser.namespaces(asked.domain))
    if declared.NAMESPACES in names:
        names.update(await declared_names(asked, declared.NAMESPACES))
    return sorted({declared.DEFAULT, *(name for name in names if not declared.internal(name))})


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
