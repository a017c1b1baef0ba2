"""PUT of datasets and jobs."""

from collections.abc import Iterable
from typing import NamedTuple

from headwater.auth.principal import Scope
from headwater.dialects.marquez import bodies, declared, params, statements
from headwater.dialects.marquez.catalog import Catalog, declaration
from headwater.dialects.marquez.datasets import STREAM
from headwater.dialects.marquez.entities import DATASET, JOB, show_dataset, show_job
from headwater.dialects.marquez.objects import Dataset, Job, Stream
from headwater.dialects.marquez.questions import Asker, Question, not_found
from headwater.dialects.openlineage.authored import Author, about
from headwater.event import Gist
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import NodeId, dataset, job
from headwater.store import NodeDetail, RunRow

_NOTHING = Gist()


class _Before(NamedTuple):
    """What has to be known of a node before it is declared."""

    gist: Gist
    last: int | None
    uri: str = ""
    run: RunRow | None = None
    processing: str | None = None
    declares: bool = False
    """The job has datasets by declaration."""
    tags: tuple[str, ...] = ()
    """Those that are not known yet."""


class Writes:
    """Takes what Marquez' clients declare of datasets and jobs."""

    def __init__(self, ask: Asker, author: Author, catalog: Catalog) -> None:
        self._ask = ask
        self._author = author
        self._catalog = catalog

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("PUT", DATASET, self.dataset, "marquez_put_dataset", Scope.WRITE,
                  "Declare a dataset; with runId, as what that run writes", body=True,
                  answer=Dataset | Stream, request_type=bodies.DatasetBody),
            Route("PUT", JOB, self.job, "marquez_put_job", Scope.WRITE,
                  "Declare a job with its inputs and outputs; with runId, for that run too",
                  body=True, answer=Job, request_type=bodies.JobBody),
        )
        # fmt: on

    async def dataset(self, request: Request) -> Response:
        namespace, name = request.path
        body = _dataset_body(request)
        node = dataset(namespace, bodies.name(name, "dataset"))
        tags = [*(body.tags or ()), *_upper(body.fields or ())]

        async def before(asked: Question) -> _Before:
            await require_namespace(asked, namespace)
            run = await _run(asked, body.run_id)
            uri = await self._address(asked, body.source_name or "")
            found = await _known(asked, node)
            unknown = await unknown_tags(asked, tags)
            if found is None:
                return _Before(
                    _NOTHING, None, uri, run, await _processing(asked, run), tags=unknown
                )
            return _Before(
                found.gist, found.last, uri, run, await _processing(asked, run), tags=unknown
            )

        known = await self._ask(request, before)
        time = self._author.now(known.last)
        facets = statements.dataset_facets(body, known.uri, known.gist.type == STREAM)
        if known.run is None:
            event = about(node, facets, time)
        else:
            run = statements.RunSaid(known.run.job, known.run.record.run_id, known.processing)
            event = run.event(time, outputs=[node], stated={node: facets})
        told = [statements.tag(tag, time) for tag in known.tags]
        await self._author.write(params.domain_of(request), *told, event)

        async def question(asked: Question) -> Dataset:
            return await show_dataset(asked, namespace, name)

        return json_response(await self._ask(request, question))

    async def job(self, request: Request) -> Response:
        namespace, name = request.path
        body = _job_body(request)
        node = job(namespace, bodies.name(name, "job"))
        inputs, outputs = _names(body.inputs), _names(body.outputs)

        async def before(asked: Question) -> _Before:
            await require_namespace(asked, namespace)
            run = await _run(asked, body.run_id)
            for each in (*inputs, *outputs):
                await require_dataset(asked, each)
            found = await _known(asked, node)
            unknown = await unknown_tags(asked, body.tags or ())
            if found is None:
                return _Before(_NOTHING, None, run=run, tags=unknown)
            sides = await declared_sides(asked, node)
            return _Before(found.gist, found.last, run=run, declares=any(sides), tags=unknown)

        known = await self._ask(request, before)
        time = self._author.now(known.last)
        facets = statements.job_facets(body, known.gist)
        if known.declares and not inputs and not outputs:
            facets |= statements.nothing_read_or_written()
        events = [statements.tag(tag, time) for tag in known.tags]
        events.append(statements.job(node, facets, inputs, outputs, time))
        if known.run is not None:
            kind = statements.PROCESSING[body.type or ""]
            run = statements.RunSaid(known.run.job, known.run.record.run_id, kind)
            events.append(run.event(time, inputs=inputs, outputs=outputs))
        await self._author.write(params.domain_of(request), *events)

        async def question(asked: Question) -> Job:
            return await show_job(asked, namespace, name)

        return json_response(await self._ask(request, question))

    async def _address(self, asked: Question, source: str) -> str:
        """Where a source is; raises NotFound."""
        said = await declaration(asked, declared.source(source))
        if said is not None:
            return said.gist.source_uri or ""
        return (await self._catalog.show_source(asked, source)).connection_url


async def require_namespace(asked: Question, name: str) -> None:
    """One of the clients' own. Raises NotFound."""
    if declared.internal(name):
        raise not_found("Namespace", name)
    await asked.require_namespace(name)


async def require_dataset(asked: Question, node: NodeId) -> None:
    """Raises NotFound."""
    await asked.dataset(node.namespace, node.name)


async def declared_sides(
    asked: Question, node: NodeId
) -> tuple[tuple[NodeId, ...], tuple[NodeId, ...]]:
    """The inputs and outputs that a job has by declaration."""
    key = node.key(asked.domain)
    stated = (await asked.browser.stated((key,), None)).get(key, ())
    for each in stated:
        if each.declared:
            said = each.content
            rows = await asked.browser.nodes({*said.inputs, *said.outputs})
            inputs = tuple(sorted((rows[key].node for key in said.inputs), key=str))
            return inputs, tuple(sorted((rows[key].node for key in said.outputs), key=str))
    return (), ()


async def unknown_tags(asked: Question, tags: Iterable[str]) -> tuple[str, ...]:
    """The tags that nobody declared yet."""
    keys = {tag: declared.tag(tag).key(asked.domain) for tag in tags}
    known = await asked.browser.nodes(keys.values()) if keys else {}
    return tuple(tag for tag, key in keys.items() if key not in known)


def _dataset_body(request: Request) -> bodies.DatasetBody:
    body = bodies.read(request, bodies.DatasetBody)
    bodies.require(type=body.type, physicalName=body.physical_name, sourceName=body.source_name)
    for number, field in enumerate(body.fields or ()):
        bodies.require(**{f"fields[{number}].name": field.name})
        _no_blanks(f"fields[{number}].tags", field.tags)
    _no_blanks("tags", body.tags)
    return bodies.with_type(body, bodies.DATASET_TYPES)


def _job_body(request: Request) -> bodies.JobBody:
    body = bodies.read(request, bodies.JobBody)
    for side in ("inputs", "outputs"):
        for number, each in enumerate(getattr(body, side) or ()):
            at = f"{side}[{number}]"
            bodies.require(**{f"{at}.namespace": each.namespace, f"{at}.name": each.name})
    _no_blanks("tags", body.tags)
    return bodies.with_type(body, bodies.JOB_TYPES)


def _no_blanks(name: str, tags: tuple[str, ...] | None) -> None:
    for number, tag in enumerate(tags or ()):
        bodies.require(**{f"{name}[{number}]": tag})


def _upper(fields: Iterable[bodies.FieldBody]) -> list[str]:
    return [tag.upper() for field in fields for tag in field.tags or ()]


def _names(sent: tuple[bodies.NameBody, ...] | None) -> list[NodeId]:
    return [dataset(each.namespace or "", each.name or "") for each in sent or ()]


async def _known(asked: Question, node: NodeId) -> NodeDetail | None:
    """A node, hidden or not."""
    key = node.key(asked.domain)
    return (await asked.browser.details((key,))).get(key)


async def _run(asked: Question, run_id: str | None) -> RunRow | None:
    """Raises NotFound."""
    return None if run_id is None else await asked.run(run_id)


async def _processing(asked: Question, run: RunRow | None) -> str | None:
    if run is None:
        return None
    found = await _known(asked, run.job)
    return None if found is None else found.gist.processing
