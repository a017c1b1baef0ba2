"""The data of nodes in lineage answers, as JSON."""

from collections.abc import Mapping

import msgspec

from headwater.dialects.marquez import identity, shelf
from headwater.dialects.marquez.datasets import DEFAULT_SOURCE, fields_of, modified, ours_of
from headwater.dialects.marquez.graphs import DatasetData, JobData
from headwater.dialects.marquez.jobs import times, type_of
from headwater.dialects.marquez.known import Parent
from headwater.dialects.marquez.objects import EntityId
from headwater.dialects.marquez.questions import Question
from headwater.dialects.marquez.runs import RunViews
from headwater.dialects.marquez.times import iso, maybe
from headwater.ids import Key, is_job
from headwater.store import Direction, NodeDetail

_SIDES = b'"inputs":[],"outputs":[]'


async def data_of(
    asked: Question, details: Mapping[Key, NodeDetail]
) -> dict[Key, tuple[bytes, ...]]:
    """By key; that of a job in two parts, what it reads and writes comes between them."""
    jobs = {key: each for key, each in details.items() if is_job(key)}
    datasets = {key: each for key, each in details.items() if not is_job(key)}
    return {**await _jobs(asked, jobs), **await _datasets(asked, datasets)}


async def _jobs(asked: Question, details: Mapping[Key, NodeDetail]) -> dict[Key, tuple[bytes, ...]]:
    rows = await asked.browser.newest_runs(details, 1)
    views = RunViews(asked)
    await views.learn_versions([row for each in rows.values() for row in each])
    found: dict[Key, tuple[bytes, ...]] = {}
    for key, detail in details.items():
        mine = rows.get(key, [])
        runs = await views.brief(mine)
        node, gist = detail.row.node, detail.gist
        parent = Parent(node, mine[0].parent_job if mine else None)
        created, updated = times(detail, runs)
        data = JobData(
            id=EntityId(node.namespace, node.name),
            type=type_of(gist),
            name=node.name,
            simple_name=parent.simple_name,
            parent_job_name=parent.name,
            parent_job_uuid=parent.uuid,
            current_run_uuid=identity.run_uuid(mine[0].record.run_id) if mine else None,
            created_at=created,
            updated_at=updated,
            namespace=node.namespace,
            inputs=(),
            outputs=(),
            location=gist.location,
            description=gist.description,
            latest_run=runs[0] if runs else None,
        )
        before, _, behind = msgspec.json.encode(data).partition(_SIDES)
        found[key] = (before, behind)
    return found


async def _datasets(
    asked: Question, details: Mapping[Key, NodeDetail]
) -> dict[Key, tuple[bytes, ...]]:
    said = await shelf.facets(
        asked.browser, asked.log, {key: each.row.node for key, each in details.items()}
    )
    written = await modified(asked.browser, list(details))
    unstated = [key for key, each in details.items() if each.first is None]
    edges = await asked.browser.edges(unstated, Direction.BOTH, None)
    found: dict[Key, tuple[bytes, ...]] = {}
    for key, detail in details.items():
        node, gist = detail.row.node, detail.gist
        near = [edge for edge in edges if key in (edge.source, edge.target)] if unstated else []
        first = (
            min((e.evidence.first for e in near), default=0)
            if detail.first is None
            else detail.first
        )
        last = (
            max((e.evidence.last for e in near), default=0) if detail.last is None else detail.last
        )
        data = DatasetData(
            id=EntityId(node.namespace, node.name),
            type="STREAM" if gist.type == "STREAM" else "DB_TABLE",
            name=node.name,
            physical_name=ours_of(said[node]).physical_name or node.name,
            created_at=iso(first),
            updated_at=iso(last),
            namespace=node.namespace,
            source_name=gist.source_name or DEFAULT_SOURCE,
            fields=fields_of(said[node]),
            tags=(),
            last_modified_at=maybe(written.get(key)),
            last_lifecycle_state=gist.lifecycle,
            description=gist.description,
        )
        found[key] = (msgspec.json.encode(data),)
    return found
