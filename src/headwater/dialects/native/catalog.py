"""Jobs, datasets, namespaces, search and counts."""

from collections.abc import Sequence

from headwater.auth.principal import Scope
from headwater.dialects.native import details, encode, params, views
from headwater.dialects.native.hide import Hide
from headwater.dialects.openlineage.log import Log
from headwater.errors import InvalidParameter
from headwater.http.context import Context
from headwater.http.message import Param, Request, Response, Route
from headwater.ids import NodeId, NodeKind
from headwater.store import NodeDetail, Reader

WORDS_LENGTH = 1_000

_KINDS: dict[str, object] = {"type": "string", "enum": [kind.value for kind in NodeKind]}
_NODE = Param("node", {"type": "string"}, "The job or dataset, written out.", required=True)


class Catalog:
    """Answers what is known of jobs and datasets."""

    def __init__(self, context: Context, log: Log, hide: Hide) -> None:
        self._context = context
        self._store = context.store
        self._log = log
        self._hide = hide

    def routes(self) -> tuple[Route, ...]:
        read = Scope.READ
        return (
            *_OfKind(self, NodeKind.JOB).routes(views.JobAnswer),
            *_OfKind(self, NodeKind.DATASET).routes(views.DatasetAnswer),
            Route(
                "GET",
                "/api/v2/node",
                self.show,
                "show_node",
                read,
                "A job or dataset by its written form, which any name fits into",
                params=(_NODE, params.AS_OF),
                answer=(views.JobAnswer, views.DatasetAnswer),
            ),
            Route(
                "GET",
                "/api/v2/namespaces",
                self.namespaces,
                "list_namespaces",
                read,
                "The namespaces, by name",
                params=params.LISTED,
                answer=views.Page[views.NamespaceItem],
            ),
            Route(
                "GET",
                "/api/v2/search",
                self.search,
                "search",
                read,
                "Jobs, datasets and columns by the words of names, descriptions and tags",
                params=(
                    Param("q", {"type": "string"}, "The words to look for.", required=True),
                    Param("kind", _KINDS, "Only jobs, or only datasets and their columns."),
                    params.LISTED[0],
                ),
                answer=views.SearchAnswer,
            ),
            Route(
                "GET",
                "/api/v2/stats",
                self.stats,
                "stats",
                read,
                "How much the domain holds",
                answer=views.StatsAnswer,
            ),
        )

    async def list(self, request: Request, kind: NodeKind) -> Response:
        domain, page = params.domain_of(request), params.page(request, tuple[str, str])
        namespace = request.text("namespace")

        async def question(reader: Reader) -> Sequence[NodeDetail]:
            return await reader.list_nodes(domain, kind, namespace, page)

        rows = await self._store.read(question)
        items = [encode.entity(row) for row in rows]
        cursors = [(row.row.node.namespace, row.row.node.name) for row in rows]
        return encode.answer(encode.page(items, page.limit - 1, cursors))

    async def show(self, request: Request) -> Response:
        domain, text = params.domain_of(request), request.required("node")
        params.node_text(request, "node")

        async def question(reader: Reader) -> NodeId:
            return await params.look_up(reader, domain, text, "node")

        return await self.detail(request, await self._store.read(question))

    async def detail(self, request: Request, node: NodeId) -> Response:
        domain, until = params.domain_of(request), params.time(request, "as_of")
        limit = self._context.settings.graph_nodes

        async def question(reader: Reader) -> views.JobAnswer | views.DatasetAnswer:
            if node.kind is NodeKind.JOB:
                return await details.job(reader, self._log, domain, node, until, limit)
            return await details.dataset(reader, self._log, domain, node, until, limit)

        return encode.answer(await self._store.read(question))

    async def delete(self, request: Request, node: NodeId) -> Response:
        domain = params.domain_of(request)

        async def question(reader: Reader) -> NodeDetail:
            return await details.known(reader, domain, node)

        known = await self._store.read(question)
        return encode.answer(await self._hide.submit(domain, known))

    async def namespaces(self, request: Request) -> Response:
        domain, page = params.domain_of(request), params.page(request, tuple[str])

        async def question(reader: Reader) -> Sequence[tuple[str, int, int]]:
            return await reader.list_namespaces(domain, page)

        rows = await self._store.read(question)
        items = [views.NamespaceItem(*row) for row in rows]
        return encode.answer(encode.page(items, page.limit - 1, [(row[0],) for row in rows]))

    async def search(self, request: Request) -> Response:
        domain, text = params.domain_of(request), request.required("q")
        if len(text) > WORDS_LENGTH:
            raise InvalidParameter("q", f"is longer than {WORDS_LENGTH} characters")
        kinds = frozenset(params.choices(request, "kind", NodeKind)) or frozenset(NodeKind)
        limit = request.number("limit", params.LIMIT, 1, params.MOST)

        async def question(reader: Reader) -> views.SearchAnswer:
            hits = await reader.search(domain, text, kinds, limit + 1)
            return views.SearchAnswer(tuple(map(encode.hit, hits[:limit])), len(hits) > limit)

        return encode.answer(await self._store.read(question))

    async def stats(self, request: Request) -> Response:
        domain = params.domain_of(request)

        async def question(reader: Reader) -> dict[str, int]:
            return await reader.counts(domain)

        return encode.answer(views.StatsAnswer(await self._store.read(question)))


class _OfKind:
    """The handlers of jobs, or of datasets."""

    def __init__(self, catalog: Catalog, kind: NodeKind) -> None:
        self._catalog = catalog
        self._kind = kind

    def routes(self, answer: object) -> tuple[Route, ...]:
        one, many = self._kind.value, f"{self._kind.value}s"
        base, detail = f"/api/v2/{many}", f"/api/v2/{many}/{{namespace}}/{{name}}"
        return (
            Route(
                "GET",
                base,
                self.list,
                f"list_{many}",
                Scope.READ,
                f"The {many}, by name",
                params=(*params.LISTED, params.NAMESPACE),
                answer=views.Page[views.EntityItem],
            ),
            Route(
                "GET",
                detail,
                self.show,
                f"show_{one}",
                Scope.READ,
                f"A {one}, now or at a time",
                params=(params.AS_OF,),
                answer=answer,
            ),
            Route(
                "DELETE",
                detail,
                self.delete,
                f"hide_{one}",
                Scope.ADMIN,
                f"Hide a {one} until a newer event names it",
                answer=views.HiddenAnswer,
            ),
        )

    async def list(self, request: Request) -> Response:
        return await self._catalog.list(request, self._kind)

    async def show(self, request: Request) -> Response:
        return await self._catalog.detail(request, NodeId(self._kind, *request.path))

    async def delete(self, request: Request) -> Response:
        return await self._catalog.delete(request, NodeId(self._kind, *request.path))
