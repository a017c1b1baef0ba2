"""DELETE of namespaces, jobs and datasets: they are hidden until a newer event names them."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from headwater.auth.principal import Scope
from headwater.dialects.marquez import declared, params, statements
from headwater.dialects.marquez.catalog import Catalog, declaration
from headwater.dialects.marquez.entities import DATASET, JOB, show_dataset, show_job
from headwater.dialects.marquez.objects import Dataset, Job, Namespace, Stream
from headwater.dialects.marquez.questions import Asker, Question
from headwater.dialects.marquez.writes import require_namespace
from headwater.dialects.openlineage.authored import Author, hiding
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import NodeId, NodeKind

CHUNK = 500
"""Nodes that are hidden at a time: other requests find room in the queue."""


class _Doomed(NamedTuple):
    node: NodeId
    last: int | None


class Deleting:
    """Hides what Marquez' clients delete, and answers what was there before."""

    def __init__(self, ask: Asker, author: Author, catalog: Catalog) -> None:
        self._ask = ask
        self._author = author
        self._catalog = catalog

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("DELETE", "/api/v1/namespaces/{namespace}", self.namespace,
                  "marquez_delete_namespace", Scope.ADMIN,
                  "Hide all jobs and datasets of a namespace until newer events name them",
                  answer=Namespace),
            Route("DELETE", DATASET, self.dataset, "marquez_delete_dataset", Scope.ADMIN,
                  "Hide a dataset until a newer event names it", answer=Dataset | Stream),
            Route("DELETE", JOB, self.job, "marquez_delete_job", Scope.ADMIN,
                  "Hide a job until a newer event names it", answer=Job),
        )
        # fmt: on

    async def dataset(self, request: Request) -> Response:
        return await self._one(request, NodeKind.DATASET, show_dataset)

    async def job(self, request: Request) -> Response:
        return await self._one(request, NodeKind.JOB, show_job)

    async def _one(
        self,
        request: Request,
        kind: NodeKind,
        show: Callable[[Question, str, str], Awaitable[Dataset | Job]],
    ) -> Response:
        namespace, name = request.path

        async def before(asked: Question) -> tuple[Dataset | Job, _Doomed]:
            detail = await asked.node(kind, namespace, name)
            return await show(asked, namespace, name), _Doomed(detail.row.node, detail.last)

        shown, doomed = await self._ask(request, before)
        await self._hide(params.domain_of(request), doomed)
        return json_response(shown)

    async def namespace(self, request: Request) -> Response:
        (name,) = request.path
        domain = params.domain_of(request)

        async def before(asked: Question) -> tuple[Namespace, int | None]:
            await require_namespace(asked, name)
            said = await declaration(asked, declared.namespace(name))
            shown = await self._catalog.show_namespace(asked, name)
            return shown, None if said is None else said.last

        shown, last = await self._ask(request, before)
        time = self._author.now(last)
        await self._author.write(domain, statements.namespace_deleted(name, time))
        nodes = await self._nodes(request, name)
        for start in range(0, len(nodes), CHUNK):
            shown_yet = await self._showing(request, nodes[start : start + CHUNK])
            await self._hide(domain, *shown_yet)
        return json_response(shown)

    async def _nodes(self, request: Request, namespace: str) -> list[NodeId]:
        async def question(asked: Question) -> list[NodeId]:
            found = []
            for kind in NodeKind:
                names = await asked.browser.names(asked.domain, kind, namespace)
                found += [NodeId(kind, namespace, name) for name in names]
            return found

        return await self._ask(request, question)

    async def _showing(self, request: Request, nodes: list[NodeId]) -> list[_Doomed]:
        """Those of the nodes that are not hidden."""

        async def question(asked: Question) -> list[_Doomed]:
            details = await asked.browser.details(node.key(asked.domain) for node in nodes)
            rows = details.values()
            return [_Doomed(d.row.node, d.last) for d in rows if d.row.hidden_at is None]

        return await self._ask(request, question)

    async def _hide(self, domain: str, *doomed: _Doomed) -> None:
        events = [hiding(each.node, self._author.now(each.last)) for each in doomed]
        await self._author.write(domain, *events)
