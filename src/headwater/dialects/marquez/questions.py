"""One question of one request: its reader, its domain, and what Marquez' names stand for."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from headwater.dialects.marquez import declared, identity, params
from headwater.dialects.marquez.known import Memory
from headwater.dialects.openlineage.log import Log
from headwater.dialects.openlineage.stored import DIALECTS, StoredEvents
from headwater.errors import InvalidParameter, NotFound
from headwater.http.context import Context
from headwater.http.message import Request
from headwater.ids import NodeId, NodeKind, fold_run_id
from headwater.slices import Browser, ask
from headwater.store import NodeDetail, RunRow

T = TypeVar("T")


class Question:
    """What a handler asks with."""

    def __init__(self, browser: Browser, log: Log, memory: Memory, domain: str) -> None:
        self.browser = browser
        self.log = log
        self.memory = memory
        self.domain = domain

    async def node(self, kind: NodeKind, namespace: str, name: str) -> NodeDetail:
        """A job or dataset that is known and not hidden. Raises NotFound."""
        key = NodeId(kind, namespace, name).key(self.domain)
        detail = (await self.browser.details((key,))).get(key)
        if detail is None or detail.row.hidden_at is not None:
            raise not_found(kind.value.capitalize(), name)
        return detail

    async def job(self, namespace: str, name: str) -> NodeDetail:
        return await self.node(NodeKind.JOB, namespace, name)

    async def dataset(self, namespace: str, name: str) -> NodeDetail:
        return await self.node(NodeKind.DATASET, namespace, name)

    async def require_namespace(self, name: str) -> None:
        """Raises NotFound for a namespace that nobody named."""
        known = await self.browser.namespace_rows(self.domain, [name])
        if name == declared.DEFAULT or (known and not declared.internal(name)):
            return
        key = declared.namespace(name).key(self.domain)
        if key not in await self.browser.nodes((key,)):
            raise not_found("Namespace", name)

    async def run(self, text: str) -> RunRow:
        """A run by its id, or by the UUID that is shown for it. Raises NotFound."""
        rows = await self.browser.runs(self.domain, fold_run_id(text))
        if not rows and identity.is_uuid(fold_run_id(text)):
            for run_id in await self.browser.text_run_ids(self.domain):
                if identity.run_uuid(run_id) == fold_run_id(text):
                    rows = await self.browser.runs(self.domain, run_id)
        if not rows:
            raise not_found("Run", text)
        return rows[0]


def not_found(kind: str, name: str) -> NotFound:
    return NotFound(f"{kind} '{name}' not found.")


class Asker:
    """Asks the store in the name of a request."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._memory = Memory()
        self._log = Log(dict.fromkeys(DIALECTS, StoredEvents().decode))

    async def __call__(self, request: Request, question: Callable[[Question], Awaitable[T]]) -> T:
        domain = params.domain_of(request)

        async def asked(browser: Browser) -> T:
            return await question(Question(browser, self._log, self._memory, domain))

        return await ask(self.context.store, asked)


def required(request: Request, name: str) -> str:
    """A parameter that holds more than spaces; raises InvalidParameter."""
    text = request.text(name)
    if text is None or not text.strip():
        raise InvalidParameter(name, "must not be blank")
    return text
