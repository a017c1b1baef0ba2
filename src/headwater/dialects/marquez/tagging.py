"""Tags of datasets, their fields and jobs.

Each tag is a facet of its own, so that two which are given at once are both kept, and none replaces
what a producer says in the facet `tags`. One that is taken away stays away, whoever stated it,
until it is given again.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from headwater.auth.principal import Scope
from headwater.dialects.marquez import bodies, params, statements
from headwater.dialects.marquez.datasets import DatasetViews
from headwater.dialects.marquez.entities import DATASET, JOB, show_dataset, show_job
from headwater.dialects.marquez.objects import Dataset, Job, Stream
from headwater.dialects.marquez.questions import Asker, Question, not_found
from headwater.dialects.marquez.writes import unknown_tags
from headwater.dialects.openlineage.authored import Author, about
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import NodeId

_Named = tuple[str, str | None]
"""A tag, and the field that has it; None: the job or dataset."""


class _Tagged(NamedTuple):
    """A node, when it was stated last, its tags, and the names of its fields."""

    node: NodeId
    last: int | None
    tags: frozenset[_Named]
    fields: frozenset[str] = frozenset()


class _Kind(NamedTuple):
    """How a kind of node is looked at, and shown."""

    look: Callable[[Question, str, str], Awaitable[_Tagged]]
    show: Callable[[Question, str, str], Awaitable[Dataset | Job]]


class Tagging:
    """Gives and takes tags."""

    def __init__(self, ask: Asker, author: Author) -> None:
        self._ask = ask
        self._author = author

    def routes(self) -> tuple[Route, ...]:
        field, write = f"{DATASET}/fields/{{field}}/tags/{{tag}}", Scope.WRITE
        table, job = f"{DATASET}/tags/{{tag}}", f"{JOB}/tags/{{tag}}"
        # fmt: off
        return (
            Route("POST", table, self.tag_dataset, "marquez_tag_dataset", write,
                  "Tag a dataset", answer=Dataset | Stream),
            Route("DELETE", table, self.untag_dataset, "marquez_untag_dataset", write,
                  "Take a tag from a dataset", answer=Dataset | Stream),
            Route("POST", field, self.tag_field, "marquez_tag_field", write,
                  "Tag a field of a dataset; the tag is written in capitals",
                  answer=Dataset | Stream),
            Route("DELETE", field, self.untag_field, "marquez_untag_field", write,
                  "Take a tag from a field of a dataset", answer=Dataset | Stream),
            Route("POST", job, self.tag_job, "marquez_tag_job", write, "Tag a job", answer=Job),
            Route("DELETE", job, self.untag_job, "marquez_untag_job", write,
                  "Take a tag from a job", answer=Job),
        )
        # fmt: on

    async def tag_dataset(self, request: Request) -> Response:
        *_, tag = request.path
        return await self._change(request, _DATASET, given=(bodies.name(tag, "tag"), None))

    async def untag_dataset(self, request: Request) -> Response:
        *_, tag = request.path
        return await self._change(request, _DATASET, taken=((tag, None),))

    async def tag_field(self, request: Request) -> Response:
        *_, field, tag = request.path
        given = (bodies.name(tag, "tag").upper(), field)
        return await self._change(request, _DATASET, given=given)

    async def untag_field(self, request: Request) -> Response:
        *_, field, tag = request.path
        return await self._change(request, _DATASET, taken=((tag, field), (tag.upper(), field)))

    async def tag_job(self, request: Request) -> Response:
        *_, tag = request.path
        return await self._change(request, _JOB, given=(bodies.name(tag, "tag"), None))

    async def untag_job(self, request: Request) -> Response:
        *_, tag = request.path
        return await self._change(request, _JOB, taken=((tag, None),))

    async def _change(
        self,
        request: Request,
        kind: _Kind,
        *,
        given: _Named | None = None,
        taken: tuple[_Named, ...] = (),
    ) -> Response:
        """States what changes; what is so already is not said again. Answers what is so now."""
        namespace, name = request.path[:2]
        new = () if given is None else (given,)

        async def before(asked: Question) -> tuple[_Tagged, tuple[str, ...]]:
            known = await kind.look(asked, namespace, name)
            for _, field in (*new, *taken):
                if field is not None and field not in known.fields:
                    raise not_found("Field", field)
            return known, await unknown_tags(asked, [tag for tag, _ in new])

        known, unknown = await self._ask(request, before)
        time = self._author.now(known.last)
        events = [statements.tag(tag, time) for tag in unknown]
        gone = dict.fromkeys(each for each in taken if each in known.tags)
        if gone:
            events.append(about(known.node, statements.tagged(gone, removed=True), time))
        added = [each for each in new if each not in known.tags]
        if added:
            events.append(about(known.node, statements.tagged(added), time))
        if events:
            await self._author.write(params.domain_of(request), *events)

        async def question(asked: Question) -> Dataset | Job:
            return await kind.show(asked, namespace, name)

        return json_response(await self._ask(request, question))


async def _dataset(asked: Question, namespace: str, name: str) -> _Tagged:
    detail = await asked.dataset(namespace, name)
    (known,) = await DatasetViews(asked).known([detail])
    tags = frozenset((tag.key, tag.field) for tag in known.tags)
    fields = frozenset(field.name for field in known.fields)
    return _Tagged(detail.row.node, known.last, tags, fields)


async def _job(asked: Question, namespace: str, name: str) -> _Tagged:
    detail = await asked.job(namespace, name)
    tags = frozenset((tag.key, tag.field) for tag in detail.gist.tags)
    return _Tagged(detail.row.node, detail.last, tags)


_DATASET, _JOB = _Kind(_dataset, show_dataset), _Kind(_job, show_job)
