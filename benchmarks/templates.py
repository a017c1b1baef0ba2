"""The fixed text of a job's events, encoded once, with slots for what differs from run to run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any, Literal

import msgspec

from benchmarks import shop

Size = Literal["small", "medium", "large"]

PRODUCER = "https://airflow.shop.example/1.54.0"
FACETS = "https://openlineage.io/spec/facets"
SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
LINEAGE_COLUMNS = 10
JOBS_PER_PARENT = 20
PLANS = 64
PLAN_BYTES = 190_000

# The slots stand in this order in an encoded event, because its keys are sorted.
_SLOTS = (
    b"@TIME@",
    b"@TYPE@",
    b'"@OUTPUT@"',
    b"@NOMINAL@",
    b"@PARENT@",
    b',"processing_engine":0',
    b"@RUN@",
)
_NEW = b"@NEW@"

_OUTPUT_STATISTICS = (
    b'{"outputStatistics":{"_producer":"' + PRODUCER.encode() + b'","_schemaURL":"'
    + FACETS.encode() + b'/1-0-2/OutputStatisticsOutputDatasetFacet.json","fileCount":4,'
    b'"rowCount":%d,"size":%d}}'
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """What one run puts into the slots of its job's template."""

    run_id: bytes
    parent_id: bytes
    nominal_time: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class Template:
    pieces: tuple[bytes, ...]
    engine: bytes

    def start(self, time: bytes, run: Run) -> bytes:
        return self._event(time, b"START", b"{}", run)

    def complete(self, time: bytes, run: Run) -> bytes:
        return self._event(time, b"COMPLETE", _OUTPUT_STATISTICS % (run.rows, run.rows * 91), run)

    def _event(self, time: bytes, kind: bytes, output: bytes, run: Run) -> bytes:
        a, b, c, d, e, f, g, h = self.pieces
        return b"".join(
            (
                *(a, time, b, kind, c, output, d, run.nominal_time),
                *(e, run.parent_id, f, self.engine, g, run.run_id, h),
            )
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """A template whose job and datasets are named anew by a suffix (for `cold` load)."""

    pieces: tuple[list[bytes], ...]
    engine: bytes

    @classmethod
    def of(cls, template: Template) -> "Pattern":
        return cls(tuple(piece.split(_NEW) for piece in template.pieces), template.engine)

    def named(self, suffix: bytes) -> Template:
        return Template(tuple(map(suffix.join, self.pieces)), self.engine)


def template(
    seed: int, size: Size, job: int, inputs: Sequence[int], output: int, *, cold: bool = False
) -> Template:
    """The template of a job over the datasets with these numbers."""
    suffix = _NEW.decode() if cold else ""
    sources = [shop.dataset(seed, number) for number in inputs]
    target = shop.dataset(seed, output)
    event = {
        "eventTime": "@TIME@",
        "eventType": "@TYPE@",
        "inputs": [_dataset(source, size, suffix) for source in sources],
        "job": _job(job, size, suffix, sources, target),
        "outputs": [_output(seed, size, suffix, sources, target)],
        "producer": PRODUCER,
        "run": {"facets": _run_facets(job, suffix), "runId": "@RUN@"},
        "schemaURL": SCHEMA_URL,
    }
    return Template(_split(msgspec.json.encode(event, order="sorted")), _engine(seed, size, job))


def _split(encoded: bytes) -> tuple[bytes, ...]:
    pieces = []
    for slot in _SLOTS:
        before, found, encoded = encoded.partition(slot)
        if not found:
            raise AssertionError(slot)
        pieces.append(before)
    return (*pieces, encoded)


def _facet(kind: str, **fields: object) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": f"{FACETS}/{kind}", **fields}


def _dataset(dataset: shop.Dataset, size: Size, suffix: str) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    if size != "small":
        fields = list(map(_field, dataset.columns))
        # Without this a store that keeps equal facets once would find a cold schema known.
        fields[0]["description"] = f"Key of {dataset.name}{suffix}."
        facets["schema"] = _facet("1-2-0/SchemaDatasetFacet.json", fields=fields)
    return {"facets": facets, "name": dataset.name + suffix, "namespace": dataset.namespace}


def _field(column: shop.Column) -> dict[str, Any]:
    field = {"name": column.name, "type": column.type}
    return {**field, "description": column.description} if column.description else field


def _output(
    seed: int, size: Size, suffix: str, sources: Sequence[shop.Dataset], target: shop.Dataset
) -> dict[str, Any]:
    output = _dataset(target, size, suffix)
    if size != "small":
        output["facets"]["columnLineage"] = _column_lineage(seed, suffix, sources, target)
    return {**output, "outputFacets": "@OUTPUT@"}


def _column_lineage(
    seed: int, suffix: str, sources: Sequence[shop.Dataset], target: shop.Dataset
) -> dict[str, Any]:
    random = Random(f"columns {seed} {target.name}")
    fields = {}
    for column in target.columns[:LINEAGE_COLUMNS]:
        source = random.choice(sources)
        subtype = random.choice(("IDENTITY", "TRANSFORMATION", "AGGREGATION"))
        transformation = {
            "description": "", "masking": False, "subtype": subtype, "type": "DIRECT",
        }  # fmt: skip
        read = {
            "field": random.choice(source.columns).name,
            "name": source.name + suffix,
            "namespace": source.namespace,
            "transformations": [transformation],
        }
        fields[column.name] = {"inputFields": [read]}
    return _facet("1-2-0/ColumnLineageDatasetFacet.json", fields=fields)


def _job(
    job: int, size: Size, suffix: str, sources: Sequence[shop.Dataset], target: shop.Dataset
) -> dict[str, Any]:
    facets = {}
    if size != "small":
        facets["jobType"] = _facet(
            "2-0-3/JobTypeJobFacet.json",
            integration="AIRFLOW",
            jobType="TASK",
            processingType="BATCH",
        )
        facets["sql"] = _facet("1-1-0/SQLJobFacet.json", query=_query(suffix, sources, target))
        text = f"Builds {target.name}{suffix} every hour from {len(sources)} tables of the shop."
        facets["documentation"] = _facet("1-1-0/DocumentationJobFacet.json", description=text)
    name = f"{_parent_name(job)}.build_{shop.words(job).replace('.', '_')}_{job}{suffix}"
    return {"facets": facets, "name": name, "namespace": "airflow-prod"}


def _query(suffix: str, sources: Sequence[shop.Dataset], target: shop.Dataset) -> str:
    columns = ", ".join(f"a.{column.name}" for column in target.columns[:LINEAGE_COLUMNS])
    tables = [f"{source.name}{suffix}" for source in sources]
    joins = "".join(f" JOIN {table} b ON a.id = b.parent_id" for table in tables[1:])
    return f"INSERT INTO {target.name}{suffix} SELECT {columns} FROM {tables[0]} a{joins}"


def _parent_name(job: int) -> str:
    return f"dag_{shop.words(job // JOBS_PER_PARENT).replace('.', '_')}_{job // JOBS_PER_PARENT}"


def _run_facets(job: int, suffix: str) -> dict[str, Any]:
    parent_job = {"name": _parent_name(job) + suffix, "namespace": "airflow-prod"}
    parent = _facet("1-1-0/ParentRunFacet.json", job=parent_job, run={"runId": "@PARENT@"})
    nominal = _facet("1-0-1/NominalTimeRunFacet.json", nominalStartTime="@NOMINAL@")
    return {"nominalTime": nominal, "parent": parent, "processing_engine": 0}


@lru_cache(maxsize=PLANS)
def _engine_facets(seed: int, plan: int | None) -> bytes:
    engine = msgspec.json.encode(
        _facet(
            "1-1-1/ProcessingEngineRunFacet.json",
            name="Airflow" if plan is None else "spark",
            openlineageAdapterVersion="1.54.0",
            version="3.0.2" if plan is None else "3.5.1",
        )
    )
    engine = b',"processing_engine":' + engine
    if plan is None:
        return engine
    facet = _facet("2-0-2/OpenLineage.json#/$defs/RunFacet", plan=_plan(seed, plan))
    return engine + b',"spark.logicalPlan":' + msgspec.json.encode(facet)


def _engine(seed: int, size: Size, job: int) -> bytes:
    """What fills the last facets of the run; plans are shared by jobs to keep the memory low."""
    if size == "small":
        return b""
    return _engine_facets(seed, job % PLANS if size == "large" else None)


def _plan(seed: int, plan: int) -> list[dict[str, Any]]:
    random = Random(f"plan {seed} {plan}")
    nodes: list[dict[str, Any]] = []
    length = 0
    while length < PLAN_BYTES:
        column = random.choice(shop.dataset(seed, random.randrange(1_000)).columns)
        node = {
            "class": "org.apache.spark.sql.catalyst.expressions.AttributeReference",
            "dataType": column.type.lower(),
            "exprId": {"id": random.randrange(10_000), "jvmId": f"{random.getrandbits(128):032x}"},
            "metadata": {},
            "name": column.name,
            "nullable": True,
            "num-children": 0,
            "qualifier": [],
        }
        length += len(msgspec.json.encode(node)) + 1
        nodes.append(node)
    return nodes
