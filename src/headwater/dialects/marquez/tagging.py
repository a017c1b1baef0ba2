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
    """A node, when it was stated last, its tags, and which of the new ones nobody declared."""

    node: NodeId
    last: int | None
    tags: frozenset[_Named]
    unknown: tuple[str, ...]


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
        namespace, name, tag = request.path
        return await self._dataset(request, namespace, name, given=(bodies.name(tag, "tag"), None))

    async def untag_dataset(self, request: Request) -> Response:
        namespace, name, tag = request.path
        return await self._dataset(request, namespace, name, taken=((tag, None),))

    async def tag_field(self, request: Request) -> Response:
        namespace, name, field, tag = request.path
        given = (bodies.name(tag, "tag").upper(), field)
        return await self._dataset(request, namespace, name, given=given)

    async def untag_field(self, request: Request) -> Response:
        namespace, name, field, tag = request.path
        taken = ((tag, field), (tag.upper(), field))
        return await self._dataset(request, namespace, name, taken=taken)

    async def tag_job(self, request: Request) -> Response:
        namespace, name, tag = request.path
        return await self._job(request, namespace, name, given=(bodies.name(tag, "tag"), None))

    async def untag_job(self, request: Request) -> Response:
        namespace, name, tag = request.path
        return await self._job(request, namespace, name, taken=((tag, None),))

    async def _dataset(
        self,
        request: Request,
        namespace: str,
        name: str,
        *,
        given: _Named | None = None,
        taken: tuple[_Named, ...] = (),
    ) -> Response:
        field = given[1] if given is not None else taken[0][1]

        async def before(asked: Question) -> _Tagged:
            detail = await asked.dataset(namespace, name)
            (known,) = await DatasetViews(asked).known([detail])
            if field is not None and all(each.name != field for each in known.fields):
                raise not_found("Field", field)
            tags = frozenset((tag.key, tag.field) for tag in known.tags)
            return _Tagged(detail.row.node, known.last, tags, await _unknown(asked, given))

        await self._write(request, before, given, taken)

        async def question(asked: Question) -> Dataset:
            return await show_dataset(asked, namespace, name)

        return json_response(await self._ask(request, question))

    async def _job(
        self,
        request: Request,
        namespace: str,
        name: str,
        *,
        given: _Named | None = None,
        taken: tuple[_Named, ...] = (),
    ) -> Response:
        async def before(asked: Question) -> _Tagged:
            detail = await asked.job(namespace, name)
            tags = frozenset((tag.key, tag.field) for tag in detail.gist.tags)
            return _Tagged(detail.row.node, detail.last, tags, await _unknown(asked, given))

        await self._write(request, before, given, taken)

        async def question(asked: Question) -> Job:
            return await show_job(asked, namespace, name)

        return json_response(await self._ask(request, question))

    async def _write(
        self,
        request: Request,
        before: Callable[[Question], Awaitable[_Tagged]],
        given: _Named | None,
        taken: tuple[_Named, ...],
    ) -> None:
        """States what changes; what is so already is not said again."""
        known = await self._ask(request, before)
        time = self._author.now(known.last)
        events = [statements.tag(tag, time) for tag in known.unknown]
        gone = dict.fromkeys(each for each in taken if each in known.tags)
        if gone:
            events.append(about(known.node, statements.tagged(gone, removed=True), time))
        if given is not None and given not in known.tags:
            events.append(about(known.node, statements.tagged([given]), time))
        if events:
            await self._author.write(params.domain_of(request), *events)


async def _unknown(asked: Question, given: _Named | None) -> tuple[str, ...]:
    return () if given is None else await unknown_tags(asked, [given[0]])
