"""Lineage by operator: the bulk export, the operators of a table, the runs of an operator."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from headwater import fold, lineage
from headwater.auth.principal import Scope
from headwater.dialects.dataarts import describing, finding, names
from headwater.dialects.dataarts.describing import Json
from headwater.dialects.dataarts.writing import workspace_of
from headwater.errors import InvalidParameter
from headwater.fold import Pairs
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route, json_response
from headwater.ids import Key, NodeId, NodeKind
from headwater.records import LAST_STAMP
from headwater.slices import Browser, Slice, ask
from headwater.store import Direction, NodeRow, Page, Reader, RunFilter, RunRow

LIMIT, MOST = 100, 1_000
ROWS = 20_000
"""So many rows of table, node, table an answer holds, or one operator's, if that has more."""
_FURTHEST = 10_000_000


class _Table(msgspec.Struct):
    catalog: str = ""
    database: str = ""
    schema: str = ""
    table: str = ""


class _Facets(msgspec.Struct):
    huawei_table: _Table | UnsetType = UNSET


class _Dataset(msgspec.Struct):
    namespace: str
    name: str
    facets: _Facets = msgspec.field(default_factory=_Facets)


class _Stored(msgspec.Struct):
    inputs: list[_Dataset] = []
    outputs: list[_Dataset] = []


_stored = msgspec.json.Decoder(_Stored)
Tables = dict[tuple[str, str], _Table]


class Operators(NamedTuple):
    """A page of operators with their rows; `following` is the offset of the next page, where this
    one had to end early."""

    total: int
    rows: list[Json]
    following: int | None


class Bulk:
    """Answers by operator."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._most = context.settings.graph_nodes

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/v1/{project_id}/datamap/lineage/bulk", self.bulk,
                  "show_lineage_bulk", Scope.READ, "All lineage, by operator"),
            Route("GET", "/v1/{project_id}/datamap/table/{guid}/node", self.nodes,
                  "show_nodes", Scope.READ, "The operators that touch a table"),
            Route("GET", "/v1/{project_id}/datamap/node/{task_id}/instances", self.instances,
                  "show_instance_infos", Scope.READ, "The runs of an operator"),
        )
        # fmt: on

    async def bulk(self, request: Request) -> Response:
        workspace_of(request, b"instance")
        offset = request.number("offset", 0, 0, _FURTHEST)
        limit = request.number("limit", LIMIT, 1, MOST)
        domain = request.principal.domain or "default"

        async def question(browser: Browser) -> Operators:
            jobs = (domain, NodeKind.JOB, None, Slice(limit, offset))
            page, total = await browser.slice_nodes(*jobs)
            rows: list[Json] = []
            for at, job in enumerate(page):
                own = await _rows(browser, domain, job.row.node)
                if rows and len(rows) + len(own) > ROWS:
                    return Operators(total, rows, offset + at)
                rows += own
            return Operators(total, rows, None)

        found = await ask(self._store, question)
        more: Json = {} if found.following is None else {"next_offset": found.following}
        cut = found.following is not None
        return json_response({"total": found.total, "data": found.rows, "truncated": cut, **more})

    async def nodes(self, request: Request) -> Response:
        workspace_of(request, b"instance")
        domain, guid = request.principal.domain or "default", request.path[1]

        async def question(reader: Reader) -> list[NodeId]:
            start = await finding.resolve(reader, domain, guid)
            if not isinstance(start, NodeId) or start.kind is not NodeKind.DATASET:
                raise finding.unknown(guid)
            walk = (reader, domain, start, Direction.BOTH, 1, None, self._most)
            found = await lineage.lineage(*walk)
            refs = (node.ref for node in found.nodes)
            return [ref for ref in refs if isinstance(ref, NodeId) and ref.kind is NodeKind.JOB]

        jobs = await self._store.read(question)
        return json_response([_node(job, domain) for job in jobs])

    async def instances(self, request: Request) -> Response:
        workspace_of(request, b"instance")
        domain, guid = request.principal.domain or "default", request.path[1]
        since, until = (_micros(request, name) for name in ("start_time", "end_time"))
        offset = request.number("offset", 0, 0, _FURTHEST)
        limit = request.number("limit", LIMIT, 1, MOST)

        async def question(reader: Reader) -> tuple[NodeId, Sequence[RunRow]]:
            job = await finding.resolve(reader, domain, guid)
            if not isinstance(job, NodeId) or job.kind is not NodeKind.JOB:
                raise finding.unknown(guid)
            where = RunFilter(job=job.key(domain), since=since, until=until)
            return job, await reader.list_runs(domain, where, Page(offset + limit))

        job, runs = await self._store.read(question)
        body = {"instances": [_instance(job, run) for run in runs[offset:]]}
        # The SDKs read `body` as a text: it is the answer of another service, handed on.
        text = msgspec.json.encode(body).decode()
        return json_response({"status_code": 200, "body": text, "header_map": {}})


async def _rows(reader: Reader, domain: str, job: NodeId) -> list[Json]:
    key = job.key(domain)
    stated = (await reader.stated([key], None)).get(key, ())
    parts = fold.united_pairs(key, [each.content for each in stated])
    pairs = sorted({pair for part in parts for pair in _pairs(part)})
    rows = await reader.nodes({end for pair in pairs for end in pair})
    canonical = {row.alias_of for row in rows.values() if row.alias_of is not None}
    rows |= await reader.nodes(canonical)
    tables = await _tables(reader, key) if pairs else {}
    named = {key: _shown(rows, key) for key in {end for pair in pairs for end in pair}}
    found: dict[tuple[NodeId, NodeId], Json] = {}
    for source, target in pairs:
        a, b = named[source], named[target]
        if a is not None and b is not None and a != b:
            found[a, b] = _row(a, b, job, domain, tables)
    return list(found.values())


def _pairs(part: Pairs) -> Iterator[tuple[Key, Key]]:
    for target, (_, sources) in part.stated.items():
        for source in sources:
            yield source, target
    for target in part.open:
        for source in part.inputs:
            yield source, target


def _shown(rows: dict[Key, NodeRow], key: Key) -> NodeId | None:
    """The canonical dataset; None: it is hidden, or no dataset."""
    row = rows[key]
    row = rows.get(row.alias_of, row) if row.alias_of is not None else row
    return row.node if row.hidden_at is None and row.node.kind is NodeKind.DATASET else None


async def _tables(reader: Reader, job: Key) -> Tables:
    """The parts of the tables' names, as the operator's newest event has them."""
    rows = await reader.node_events(job, LAST_STAMP, 1)
    found: Tables = {}
    for logged in (await reader.bodies([position for _, position in rows])).values():
        try:
            stored = _stored.decode(logged.body)
        except msgspec.MsgspecError:
            continue  # another dialect's; the parts come from the names then
        for dataset in (*stored.inputs, *stored.outputs):
            if dataset.facets.huawei_table is not UNSET:
                found[dataset.namespace, dataset.name] = dataset.facets.huawei_table
    return found


def _row(source: NodeId, target: NodeId, job: NodeId, domain: str, tables: Tables) -> Json:
    return {
        **_side("source", source, domain, tables),
        **_side("target", target, domain, tables),
        "node_guid": describing.guid(job, domain),
        "node_name": describing.short_name(job),
        "node_type": describing.type_name(job),
        "node_qualified_name": describing.qualified_name(job, domain),
        "workspace_id": names.node_of(job).workspace,
    }


def _side(word: str, dataset: NodeId, domain: str, tables: Tables) -> Json:
    known = tables.get((dataset.namespace, dataset.name))
    database, schema, table = (
        (known.database, known.schema, known.table) if known else _guessed(dataset.name)
    )
    return {
        f"{word}_guid": describing.guid(dataset, domain),
        f"{word}_qualified_name": describing.qualified_name(dataset, domain),
        f"{word}_type": describing.type_name(dataset),
        f"{word}_db": database,
        f"{word}_schema": schema,
        f"{word}_table": table,
    }


def _guessed(name: str) -> tuple[str, str, str]:
    """Database, schema and table of a name that is not Huawei's: its last parts."""
    *rest, table = names.split(name)
    if len(rest) >= 2:
        return rest[-2], rest[-1], table
    return (rest[-1] if rest else ""), "", table


def _node(job: NodeId, domain: str) -> Json:
    node = names.node_of(job)
    return {
        "task_id": describing.guid(job, domain),
        "job_name": node.job_id or node.name,
        "workspace_id": node.workspace,
    }


def _instance(job: NodeId, row: RunRow) -> Json:
    record = row.record
    return {
        "instance_id": record.run_id,
        "job_name": job.name,
        "status": record.state,
        "start_time": (record.at or 0) // 1_000,
        "end_time": 0 if record.ended is None else record.ended // 1_000,
    }


def _micros(request: Request, name: str) -> int | None:
    """A time in milliseconds since 1970."""
    text = request.text(name)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 15:
        raise InvalidParameter(name, f"{text!r} is not a time in milliseconds")
    return int(text) * 1_000
