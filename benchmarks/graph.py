"""A power-law lineage graph, written as OpenLineage events (NDJSON), one run of every job.

Of the nodes a quarter are jobs. Each job writes two datasets and reads, on average, as many as the
number of edges leaves. Jobs stand in layers and read from the layers before them, mostly from their
own area of the last one, so the graph has no cycle; which dataset is read follows a power law. Of
the big graph, depth 5 (edges) downstream from a random dataset holds 315 nodes at the median and
1,724 at p99; depth 10, 8,600 at the median.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import quote

from benchmarks import shop

OUTPUTS = 2
COLUMNS = 10
COLUMN_INPUTS = 2
HUB_READERS = 10_000
CHAIN_LENGTH = 500
WIDE_COLUMNS = 3_000
_LAYERS = 20
_AREAS = 50
_NEAR = 0.8
_SKEW = 2.5
_NAMESPACE = "airflow-prod"
_SHAPES = "postgres://shapes.shop.example:5432"


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the graph is; `columns` adds 40 column edges to each job."""

    nodes: int
    edges: int
    columns: bool = False
    seed: int = 1

    @property
    def jobs(self) -> int:
        return self.nodes // 4

    @property
    def datasets(self) -> int:
        return self.nodes - self.jobs

    @property
    def sources(self) -> int:
        """The datasets that no job writes; they have the lowest numbers."""
        return self.datasets - self.jobs * OUTPUTS

    @property
    def reads(self) -> int:
        return self.edges - self.jobs * OUTPUTS


PRESETS = {"small": Shape(10_000, 40_000), "big": Shape(1_000_000, 4_000_000)}


def dataset_name(number: int) -> str:
    return f"shop.{shop.words(number)}_{number}"


def dataset_node(number: int) -> str:
    return node("dataset", shop.namespace(number), dataset_name(number))


def field_node(number: int, column: int) -> str:
    return node("field", shop.namespace(number), dataset_name(number), f"c{column}")


def node(kind: str, *parts: str) -> str:
    """How a node is written: each part percent-encoded, colons between."""
    return ":".join((kind, *(quote(part, safe="") for part in parts)))


def shape_nodes() -> dict[str, str]:
    """The odd ones that no limit of ours may break on."""
    names = {"hub": "hub", "chain": "chain_0", "wide": "wide_source"}
    return {title: node("dataset", _SHAPES, name) for title, name in names.items()}


def inputs(shape: Shape) -> Iterator[list[int]]:
    """For each job, in order, the datasets that it reads: by default those of its own area."""
    random = Random(f"graph {shape.seed}").random
    per_layer = max(shape.jobs // _LAYERS, 1)
    done = 0
    for job in range(shape.jobs):
        layer = job // per_layer
        ready = shape.sources + layer * per_layer * OUTPUTS
        width = per_layer * OUTPUTS if layer else ready
        area = max(width // _AREAS, 1)
        near = ready - width + job * _AREAS // per_layer % _AREAS * area
        due = shape.reads * (job + 1) // shape.jobs
        chosen: set[int] = set()
        while done < due and len(chosen) < ready:
            rank = random() ** _SKEW
            number = near + int(area * rank) if random() < _NEAR else int(ready * rank)
            if number not in chosen:
                chosen.add(number)
                done += 1
        yield sorted(chosen)


def events(shape: Shape) -> Iterator[bytes]:
    """A COMPLETE event for each job, then the odd shapes."""
    random = Random(f"columns {shape.seed}")
    for job, read in enumerate(inputs(shape)):
        first = shape.sources + job * OUTPUTS
        lineage = _columns(random, read) if shape.columns and read else ""
        outputs = [_dataset(number, lineage) for number in range(first, first + OUTPUTS)]
        yield _event(job, f"{shop.words(job)}_{job}", map(_dataset, read), outputs)
    yield from _shape_events(shape.jobs)


def write(shape: Shape, path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for event in events(shape):
            file.write(event)
            count += 1
    return count


def _event(number: int, job: str, inputs: Iterator[str], outputs: list[str]) -> bytes:
    run_id = f"019b76da-a807-7000-8000-{number:012x}"
    minute, second = divmod(number // 100, 60)
    hour, minute = divmod(minute, 60)
    return (
        f'{{"eventTime":"2026-01-{1 + hour // 24:02d}T{hour % 24:02d}:{minute:02d}:{second:02d}Z",'
        f'"eventType":"COMPLETE","inputs":[{",".join(inputs)}],'
        f'"job":{{"name":"etl.{job}","namespace":"{_NAMESPACE}"}},'
        f'"outputs":[{",".join(outputs)}],"producer":"https://airflow.shop.example/1.54.0",'
        f'"run":{{"runId":"{run_id}"}},'
        '"schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}\n'
    ).encode()


def _dataset(number: int, lineage: str = "") -> str:
    return _named(shop.namespace(number), dataset_name(number), lineage)


def _named(namespace: str, name: str, lineage: str = "") -> str:
    facets = f'"facets":{{"columnLineage":{lineage}}},' if lineage else ""
    return f'{{{facets}"name":"{name}","namespace":"{namespace}"}}'


def _columns(random: Random, read: list[int]) -> str:
    fields = []
    for column in range(COLUMNS):
        sources = [random.choice(read) for _ in range(COLUMN_INPUTS)]
        fields.append(
            f'"c{column}":['
            + ",".join(
                _input_field(
                    shop.namespace(source), dataset_name(source), f"c{random.randrange(COLUMNS)}"
                )
                for source in sources
            )
            + "]"
        )
    return _lineage_facet(fields)


def _input_field(namespace: str, name: str, field: str) -> str:
    return (
        f'{{"field":"{field}","name":"{name}","namespace":"{namespace}",'
        '"transformations":[{"subtype":"IDENTITY","type":"DIRECT"}]}'
    )


def _lineage_facet(fields: list[str]) -> str:
    text = ",".join(field.replace(":[", ':{"inputFields":[', 1) + "}" for field in fields)
    return (
        '{"_producer":"https://airflow.shop.example/1.54.0","_schemaURL":"https://openlineage.io'
        f'/spec/facets/1-2-0/ColumnLineageDatasetFacet.json","fields":{{{text}}}}}'
    )


def _shape_events(number: int) -> Iterator[bytes]:
    """A hub with many readers, a long chain, and a table of very many columns."""
    for reader in range(HUB_READERS):
        output = _named(_SHAPES, f"hub_reader_{reader}")
        yield _event(number, f"hub_{reader}", iter([_named(_SHAPES, "hub")]), [output])
        number += 1
    for link in range(CHAIN_LENGTH):
        read, output = _named(_SHAPES, f"chain_{link}"), _named(_SHAPES, f"chain_{link + 1}")
        yield _event(number, f"chain_{link}", iter([read]), [output])
        number += 1
    fields = [
        f'"w{column}":[{_input_field(_SHAPES, "wide_source", f"w{column}")}]'
        for column in range(WIDE_COLUMNS)
    ]
    wide = _named(_SHAPES, "wide", _lineage_facet(fields))
    yield _event(number, "wide", iter([_named(_SHAPES, "wide_source")]), [wide])
