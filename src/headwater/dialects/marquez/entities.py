"""Datasets, jobs and runs."""

from enum import Enum

from headwater import history
from headwater.auth.principal import Scope
from headwater.dialects.marquez import identity, params
from headwater.dialects.marquez.datasets import DatasetViews
from headwater.dialects.marquez.jobs import JobViews
from headwater.dialects.marquez.kept import counted
from headwater.dialects.marquez.objects import (
    Dataset,
    Datasets,
    DatasetVersion,
    DatasetVersions,
    Job,
    Jobs,
    JobVersion,
    JobVersions,
    Run,
    RunFacets,
    Runs,
    Stream,
    StreamVersion,
)
from headwater.dialects.marquez.questions import Asker, Question, not_found
from headwater.dialects.marquez.runs import STATES, RunViews
from headwater.dialects.marquez.runs import facets as shown_facets
from headwater.dialects.marquez.versions import VersionViews
from headwater.dialects.openlineage import numbered
from headwater.errors import InvalidParameter
from headwater.http.message import Param, Request, Response, Route, json_response
from headwater.ids import NodeKind

BASE = "/api/v1/namespaces/{namespace}"
DATASET, JOB = f"{BASE}/datasets/{{dataset}}", f"{BASE}/jobs/{{job}}"
STATE = Enum("STATE", {state: state for state in STATES.values()})  # type: ignore[misc]


class FacetsOf(Enum):
    """Whose facets are asked for."""

    RUN = "run"
    JOB = "job"
    DATASET = "dataset"


_STATES = Param(
    "lastRunStates",
    {"type": "array", "items": {"type": "string", "enum": list(STATES.values())}},
    "Only jobs whose newest run is in one of these states.",
)
_TYPE = Param(
    "type", {"type": "string", "enum": [each.value for each in FacetsOf]}, "Whose facets.",
    required=True,
)  # fmt: skip


class Entities:
    """Answers what is known of datasets, jobs and runs."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask

    def routes(self) -> tuple[Route, ...]:
        paged, read = params.PAGED, Scope.READ
        # fmt: off
        return (
            Route("GET", f"{BASE}/datasets", self.datasets, "marquez_list_datasets", read,
                  "The datasets of a namespace, by name", params=paged, answer=Datasets),
            Route("GET", DATASET, self.dataset, "marquez_show_dataset", read,
                  "A dataset as it is now", answer=Dataset | Stream),
            Route("GET", f"{DATASET}/versions", self.dataset_versions,
                  "marquez_list_dataset_versions", read, "The versions of a dataset, newest first",
                  params=paged, answer=DatasetVersions),
            Route("GET", f"{DATASET}/versions/{{version}}", self.dataset_version,
                  "marquez_show_dataset_version", read, "A version of a dataset",
                  answer=DatasetVersion | StreamVersion),
            Route("GET", "/api/v1/jobs", self.jobs, "marquez_list_all_jobs", read,
                  "The jobs of all namespaces, by last update", params=(*paged, _STATES),
                  answer=Jobs),
            Route("GET", f"{BASE}/jobs", self.jobs, "marquez_list_jobs", read,
                  "The jobs of a namespace, by last update", params=(*paged, _STATES),
                  answer=Jobs),
            Route("GET", JOB, self.job, "marquez_show_job", read, "A job as it is now",
                  answer=Job),
            Route("GET", f"{JOB}/versions", self.job_versions, "marquez_list_job_versions", read,
                  "The versions of a job, newest first", params=paged, answer=JobVersions),
            Route("GET", f"{JOB}/versions/{{version}}", self.job_version,
                  "marquez_show_job_version", read, "A version of a job", answer=JobVersion),
            Route("GET", f"{JOB}/runs", self.runs, "marquez_list_runs", read,
                  "The runs of a job, newest start first", params=paged, answer=Runs),
            Route("GET", "/api/v1/jobs/runs/{id}", self.run, "marquez_show_run", read, "A run",
                  answer=Run),
            Route("GET", "/api/v1/jobs/runs/{id}/facets", self.run_facets,
                  "marquez_show_run_facets", read, "The facets of a run, or of its job",
                  params=(_TYPE,), answer=RunFacets),
        )
        # fmt: on

    async def datasets(self, request: Request) -> Response:
        (namespace,), part = request.path, numbered.part(request)

        async def question(asked: Question) -> Datasets:
            await asked.require_namespace(namespace)
            details, total = await asked.browser.slice_nodes(
                asked.domain, NodeKind.DATASET, namespace, part
            )
            made = await DatasetViews(asked).datasets(details)
            return Datasets(tuple(made), total)

        return json_response(await self._ask(request, question))

    async def dataset(self, request: Request) -> Response:
        namespace, name = request.path

        async def question(asked: Question) -> Dataset:
            return await show_dataset(asked, namespace, name)

        return json_response(await self._ask(request, question))

    async def dataset_versions(self, request: Request) -> Response:
        (namespace, name), part = request.path, numbered.part(request)

        async def question(asked: Question) -> DatasetVersions:
            detail = await asked.dataset(namespace, name)
            views = VersionViews(asked, detail)
            versions, total = await views.page(part)
            return DatasetVersions(tuple(versions), total)

        return json_response(await self._ask(request, question))

    async def dataset_version(self, request: Request) -> Response:
        namespace, name, version = request.path

        async def question(asked: Question) -> DatasetVersion:
            detail = await asked.dataset(namespace, name)
            views = VersionViews(asked, detail)
            found = await views.find(version.lower())
            if found is None:
                raise not_found("Dataset version", version)
            return found

        return json_response(await self._ask(request, question))

    async def jobs(self, request: Request) -> Response:
        namespace = request.path[0] if request.path else None
        part, states = numbered.part(request), _states(request)

        async def question(asked: Question) -> Jobs:
            details, total = await asked.browser.slice_jobs(asked.domain, namespace, states, part)
            views = JobViews(asked)
            return Jobs(tuple(await views.jobs(details)), total)

        return json_response(await self._ask(request, question))

    async def job(self, request: Request) -> Response:
        namespace, name = request.path

        async def question(asked: Question) -> Job:
            return await show_job(asked, namespace, name)

        return json_response(await self._ask(request, question))

    async def job_versions(self, request: Request) -> Response:
        (namespace, name), part = request.path, numbered.part(request)

        async def question(asked: Question) -> JobVersions:
            detail = await asked.job(namespace, name)
            found = await JobViews(asked).versions(detail)
            return JobVersions(tuple(found[part.offset : part.offset + part.limit]))

        return json_response(await self._ask(request, question))

    async def job_version(self, request: Request) -> Response:
        namespace, name, version = request.path

        async def question(asked: Question) -> JobVersion:
            detail = await asked.job(namespace, name)
            for each in await JobViews(asked).versions(detail):
                if each.version == version.lower():
                    return each
            raise not_found("Job version", version)

        return json_response(await self._ask(request, question))

    async def runs(self, request: Request) -> Response:
        (namespace, name), part = request.path, numbered.part(request)

        async def question(asked: Question) -> Runs:
            detail = await asked.job(namespace, name)
            key, browser = detail.row.key, asked.browser
            rows = await browser.slice_runs(key, part)
            total = await counted(asked.memory.runs, browser, key, browser.count_runs)
            views = RunViews(asked)
            return Runs(tuple(await views.whole(rows)), total)

        return json_response(await self._ask(request, question))

    async def run(self, request: Request) -> Response:
        (text,) = request.path

        async def question(asked: Question) -> Run:
            return await show_run(asked, text)

        return json_response(await self._ask(request, question))

    async def run_facets(self, request: Request) -> Response:
        (text,) = request.path
        kind = params.choice(request, "type", FacetsOf)
        if kind is None:
            raise InvalidParameter("type", "must not be null")

        async def question(asked: Question) -> RunFacets:
            row = await asked.run(text)
            views = RunViews(asked)
            detail = history.fold_run(await views.events(row))
            bodies = detail.run_facets if kind is FacetsOf.RUN else detail.job_facets
            shown = {} if kind is FacetsOf.DATASET else shown_facets(bodies)
            return RunFacets(identity.run_uuid(row.record.run_id), shown)

        return json_response(await self._ask(request, question))


async def show_dataset(asked: Question, namespace: str, name: str) -> Dataset:
    """Raises NotFound."""
    detail = await asked.dataset(namespace, name)
    return (await DatasetViews(asked).datasets([detail]))[0]


async def show_job(asked: Question, namespace: str, name: str) -> Job:
    """Raises NotFound."""
    detail = await asked.job(namespace, name)
    return await JobViews(asked).job(detail)


async def show_run(asked: Question, run_id: str) -> Run:
    """Raises NotFound."""
    row = await asked.run(run_id)
    return (await RunViews(asked).whole([row]))[0]


def _states(request: Request) -> tuple[str, ...]:
    """The states asked for, in Headwater's words."""
    ours = {theirs: state for state, theirs in STATES.items()}
    values = [word for value in request.query.get("lastRunStates", ()) for word in value.split(",")]
    found = [params.member(word, "lastRunStates", STATE) for word in values if word.strip()]
    return tuple(ours[each.value] for each in found)
