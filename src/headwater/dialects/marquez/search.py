"""Search: Marquez' own, and the one that it needs OpenSearch for. Both ask Headwater's index."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum

import msgspec

from headwater import history
from headwater.auth.principal import Scope
from headwater.dialects.marquez import code, identity, params, shelf, times
from headwater.dialects.marquez.cards import node_id
from headwater.dialects.marquez.jobs import type_of
from headwater.dialects.marquez.objects import (
    DatasetHit,
    DatasetHits,
    Facets,
    JobHit,
    JobHits,
    SearchResult,
    SearchResults,
)
from headwater.dialects.marquez.questions import Asker, Question, required
from headwater.dialects.marquez.runs import RunViews
from headwater.dialects.marquez.runs import facets as shown_facets
from headwater.dialects.marquez.times import iso
from headwater.dialects.openlineage import numbered
from headwater.dialects.openlineage.numbered import Room
from headwater.errors import InvalidParameter
from headwater.http.message import Param, Request, Response, Route, json_response
from headwater.ids import Key, NodeId, NodeKind, is_job
from headwater.store import Direction, Hit, NodeDetail, RunRow

LIMIT = 10
HITS = 10
"""How many hits the searches of `/api/v2beta` give, as OpenSearch does by default."""
CANDIDATES = 1_000
"""How many finds are sorted and filtered, at the least."""
LONGEST = 1_000
DAY = 86_400_000_000
BOTH = frozenset(NodeKind)
CODE = "code"
"""Where the words of a hit were found that no index knows of."""


class Sort(Enum):
    """What results are sorted by."""

    NAME = "NAME"
    UPDATE_AT = "UPDATE_AT"


_WORDS = Param("q", params.TEXT, "The words to look for.", required=True)
_KINDS: dict[str, object] = {"type": "string", "enum": ["DATASET", "JOB"]}
_SORTS: dict[str, object] = {"type": "string", "enum": [each.value for each in Sort]}
_COUNT: dict[str, object] = {
    "type": "integer", "minimum": 0, "maximum": numbered.MOST, "default": LIMIT
}  # fmt: skip


class Search:
    """Answers what names, columns, descriptions, tags and code hold some words."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/api/v1/search", self.search, "marquez_search", Scope.READ,
                  "Jobs and datasets by the words of names, columns, descriptions and tags",
                  params=(
                      _WORDS,
                      Param("filter", _KINDS, "Only datasets, or only jobs."),
                      Param("sort", _SORTS, "By name, or the latest first."),
                      Param("limit", _COUNT, "The most that is answered."),
                      Param("namespace", params.TEXT, "Only this namespace."),
                      Param("before", params.TEXT, "Updated before this day, YYYY-MM-DD."),
                      Param("after", params.TEXT, "Updated after this day, YYYY-MM-DD."),
                  ), answer=SearchResults),
            Route("GET", "/api/v2beta/search/jobs", self.jobs, "marquez_search_jobs", Scope.READ,
                  "Jobs by their words, SQL and source code, with what was found",
                  params=(_WORDS,), answer=JobHits),
            Route("GET", "/api/v2beta/search/datasets", self.datasets, "marquez_search_datasets",
                  Scope.READ, "Datasets by their words, with what was found", params=(_WORDS,),
                  answer=DatasetHits),
        )
        # fmt: on

    async def search(self, request: Request) -> Response:
        words = _words(request)
        kind = params.choice(request, "filter", NodeKind)
        kinds = BOTH if kind is None else frozenset({kind})
        sort = params.choice(request, "sort", Sort) or Sort.NAME
        limit = request.number("limit", LIMIT, 0, numbered.MOST)
        namespace = request.text("namespace")
        before, after = (_day(request, name) for name in ("before", "after"))

        async def question(asked: Question) -> SearchResults:
            most = max(limit, CANDIDATES)
            hits = await asked.browser.search(asked.domain, words, kinds, most)
            hits = [hit for hit in hits if namespace in (None, hit.node.namespace)]
            hits.sort(key=_by_name)
            if sort is Sort.NAME and before is after is None:
                hits = hits[:limit]
            details = await asked.browser.details([hit.key for hit in hits])
            lasts = await _lasts(asked, details)
            found = [
                (each.row.node, lasts[key])
                for key, each in details.items()
                if (before is None or lasts[key] < before)
                and (after is None or lasts[key] >= after + DAY)
            ]
            if sort is Sort.UPDATE_AT:
                found.sort(key=lambda each: each[1], reverse=True)
            results = tuple(_result(*each) for each in found[:limit])
            return SearchResults(len(results), results)

        return json_response(await self._ask(request, question))

    async def jobs(self, request: Request) -> Response:
        words = _words(request)

        async def question(asked: Question) -> JobHits:
            hits, details, said = await _found(asked, words, NodeKind.JOB)
            marks = [_highlight(hit, words, said[hit.key]) for hit in hits]
            runs = await _newest_runs(asked, details)
            found = []
            for hit in hits:
                run, run_facets = runs.get(hit.key, (None, {}))
                found.append(
                    JobHit(
                        None if run is None else identity.run_uuid(run.record.run_id),
                        hit.node.name,
                        hit.node.namespace,
                        type_of(details[hit.key].gist),
                        said[hit.key],
                        None if run is None else run.record.state,
                        run_facets,
                    )
                )
            return JobHits(tuple(found), tuple(marks))

        return json_response(await self._ask(request, question))

    async def datasets(self, request: Request) -> Response:
        words = _words(request)

        async def question(asked: Question) -> DatasetHits:
            hits, _, said = await _found(asked, words, NodeKind.DATASET)
            found = (
                DatasetHit(None, hit.node.name, hit.node.namespace, said[hit.key], None, {})
                for hit in hits
            )
            return DatasetHits(tuple(found), tuple(_highlight(hit, words, {}) for hit in hits))

        return json_response(await self._ask(request, question))


async def _found(
    asked: Question, words: str, kind: NodeKind
) -> tuple[list[Hit], dict[Key, NodeDetail], dict[Key, dict[str, msgspec.Raw]]]:
    hits = await asked.browser.search(asked.domain, words, frozenset({kind}), HITS)
    known = {hit.key for hit in hits}
    if kind is NodeKind.JOB and len(hits) < HITS:
        known.update(await code.jobs_with(asked, words, HITS - len(hits), known))
    details = await asked.browser.details(known)
    nodes = {key: each.row.node for key, each in details.items()}
    more = [Hit(key, node, CODE) for key, node in nodes.items() if key not in {h.key for h in hits}]
    hits += sorted(more, key=_by_name)
    said = await shelf.facets(asked.browser, asked.log, nodes)
    shown = {
        key: shown_facets({name: each.facet.body for name, each in said[node].items()})
        for key, node in nodes.items()
    }
    return hits, details, shown


async def _newest_runs(asked: Question, jobs: Iterable[Key]) -> dict[Key, tuple[RunRow, Facets]]:
    """Of each job the run with the newest start, and what is said of it."""
    rows = [each for (each,) in (await asked.browser.newest_runs(jobs, 1)).values()]
    told, room = RunViews(asked).told(rows), Room()
    found: dict[Key, tuple[RunRow, Facets]] = {}
    for row in rows:
        bodies = history.fold_run(await anext(told)).run_facets
        room.take(bodies.values())
        found[row.record.job] = (row, shown_facets(bodies))
    return found


def _highlight(
    hit: Hit, words: str, facets: Mapping[str, msgspec.Raw]
) -> dict[str, tuple[str, ...]]:
    """Where the words were found, marked as OpenSearch marks them."""
    pattern = re.compile(r"\s+".join(map(re.escape, words.split())), re.IGNORECASE)
    parts = code.highlights(facets, pattern)
    if hit.matched != CODE:
        name, text = _place(hit)
        parts[name] = [text]
    return {
        name: tuple([pattern.sub(_marked, text) for text in texts]) for name, texts in parts.items()
    }


def _place(hit: Hit) -> tuple[str, str]:
    """The member of Marquez' document in which the words were found, and what it says."""
    return {
        "namespace": ("namespace", hit.node.namespace),
        "field": ("facets.schema.fields.name", hit.field or ""),
        "text": ("facets.documentation.description", hit.text or ""),
    }.get(hit.matched, ("name", hit.node.name))


def _marked(match: re.Match[str]) -> str:
    """Word by word: the web UI knows no mark that goes over the end of a line."""
    return re.sub(r"\S+", r"<em>\g<0></em>", match[0])


def _words(request: Request) -> str:
    words = required(request, "q")
    if len(words) > LONGEST:
        raise InvalidParameter("q", f"is longer than {LONGEST} characters")
    return words


def _day(request: Request, name: str) -> int | None:
    text = request.text(name)
    return None if text is None else times.parse_day(text, name)


def _by_name(hit: Hit) -> tuple[str, str, str]:
    return hit.node.name, hit.node.namespace, hit.node.kind


async def _lasts(asked: Question, details: Mapping[Key, NodeDetail]) -> dict[Key, int]:
    """When each node was last stated; what only others name, by its edges and its runs."""
    found = {key: each.last for key, each in details.items() if each.last is not None}
    unstated = {key for key in details if key not in found}
    for edge in await asked.browser.edges(unstated, Direction.BOTH, None):
        for key in unstated & {edge.source, edge.target}:
            found[key] = max(edge.evidence.last, found.get(key, 0))
    views = RunViews(asked)
    rows = await asked.browser.newest_runs([key for key in unstated if is_job(key)], 1)
    for key, mine in rows.items():
        for run in await views.brief(mine):
            found[key] = max(times.parse(run.updated_at, "updatedAt"), found.get(key, 0))
    return {key: found.get(key, 0) for key in details}


def _result(node: NodeId, last: int) -> SearchResult:
    return SearchResult(
        node.kind.value.upper(), node.name, iso(last), node.namespace, node_id(node)
    )
