"""PUT of namespaces, sources and tags: each becomes a statement of the hidden dataset of its name
(see `declared`).
"""

from headwater.auth.principal import Scope
from headwater.dialects.marquez import bodies, declared, params, statements
from headwater.dialects.marquez.catalog import Catalog, declaration
from headwater.dialects.marquez.objects import Namespace, Source, Tag
from headwater.dialects.marquez.questions import Asker, Question
from headwater.dialects.openlineage.authored import Author
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import NodeId


class Declaring:
    """Takes what Marquez' clients declare of namespaces, sources and tags."""

    def __init__(self, ask: Asker, author: Author, catalog: Catalog) -> None:
        self._ask = ask
        self._author = author
        self._catalog = catalog

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("PUT", "/api/v1/namespaces/{namespace}", self.namespace,
                  "marquez_put_namespace", Scope.WRITE, "Declare a namespace, or its new owner",
                  body=True, answer=Namespace, request_type=bodies.NamespaceBody),
            Route("PUT", "/api/v1/sources/{source}", self.source, "marquez_put_source",
                  Scope.WRITE, "Declare a source of datasets", body=True, answer=Source,
                  request_type=bodies.SourceBody),
            Route("PUT", "/api/v1/tags/{tag}", self.tag, "marquez_put_tag", Scope.WRITE,
                  "Declare a tag, or say what it means", body=True, answer=Tag,
                  request_type=bodies.TagBody),
        )
        # fmt: on

    async def namespace(self, request: Request) -> Response:
        name = bodies.namespace(request.path[0])
        body = bodies.read(request, bodies.NamespaceBody)
        bodies.require(ownerName=body.owner_name)
        time = await self._time(request, declared.namespace(name))
        event = statements.namespace(name, body.owner_name or "", body.description, time)
        await self._author.write(params.domain_of(request), event)

        async def question(asked: Question) -> Namespace:
            return await self._catalog.show_namespace(asked, name)

        return json_response(await self._ask(request, question))

    async def source(self, request: Request) -> Response:
        name = bodies.name(request.path[0], "source")
        body = bodies.read(request, bodies.SourceBody)
        bodies.require(type=body.type, connectionUrl=body.connection_url)
        time = await self._time(request, declared.source(name))
        await self._author.write(params.domain_of(request), statements.source(name, body, time))

        async def question(asked: Question) -> Source:
            return await self._catalog.show_source(asked, name)

        return json_response(await self._ask(request, question))

    async def tag(self, request: Request) -> Response:
        name = bodies.name(request.path[0], "tag")
        body = bodies.read(request, bodies.TagBody)
        time = await self._time(request, declared.tag(name))
        event = statements.tag_described(name, body.description, time)
        await self._author.write(params.domain_of(request), event)
        return json_response(Tag(name, body.description))

    async def _time(self, request: Request, node: NodeId) -> int:
        """A time after that of the last statement of a hidden dataset."""

        async def question(asked: Question) -> int | None:
            said = await declaration(asked, node)
            return None if said is None else said.last

        return self._author.now(await self._ask(request, question))
