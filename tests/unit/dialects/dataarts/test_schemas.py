"""[44] The events are what OpenLineage's published schemas allow."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from headwater.dialects.dataarts import events, facets, operators
from headwater.dialects.dataarts.mapping import Mapped
from headwater.dialects.dataarts.names import Parts
from headwater.dialects.dataarts.operators import Operator, Part, Placed
from tests.unit.dialects.dataarts.asking import column, request

ROOT = Path(__file__).parents[4]
PUBLISHED = [
    json.loads(file.read_text("utf-8"))
    for file in sorted((ROOT / "tests" / "fixtures" / "schemas").glob("*.json"))
]
OWN = [
    json.loads((ROOT / f"docs/reference/facets/{name}.json").read_text("utf-8"))
    for name in ("HeadwaterFlows", "HuaweiLineageInfo", "HuaweiTable")
]
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in (*PUBLISHED, *OWN)
)
NOW = 1_790_000_000_000_000
MAPS = {"dataarts://p/conn/c1": Mapped("hive://metastore:9083", "{database}.{table}")}


def require_valid(reference: str, said: object) -> None:
    Draft202012Validator({"$ref": reference}, registry=REGISTRY).validate(said)


def made(operation: str, said: object, *where: str) -> Any:
    operator, part = Operator("p", "w"), Part(operation, json.dumps(said).encode(), *where)
    operator.add(part)
    return json.loads(events.job_event(operator, (part,), "q", NOW, MAPS).body)


def groups(size: int) -> dict[str, Any]:
    """Column lineage of one group, all to all."""
    sides = {
        f"{word}put_columns": [column(table, f"c{n}") for n in range(size)]
        for word, table in (("in", "a"), ("out", "b"))
    }
    return {"column_lineages": [sides]}


def test_what_becomes_of_requests() -> None:
    mapped = {
        "name": "m",
        "sql_statement": "select 1",
        "input_tables": [{"table": "a"}],
        "output_table": {"table": "b"},
    }
    found = set()
    for event in (
        made(operators.CREATE, request("n", ["a"], ["b"], lineage=groups(3))),
        made(operators.CREATE, request("n", ["a", "z"], ["b"], lineage=groups(40))),
        made(operators.MAP, mapped, "s1", "s2"),
    ):
        require_valid("https://openlineage.io/spec/2-0-2/OpenLineage.json", event)
        for node in (event["job"], *event["inputs"], *event["outputs"]):
            for name, facet in node["facets"].items():
                schema = REGISTRY.contents(facet["_schemaURL"])
                own = f"#/properties/{name}" if name in schema.get("properties", {}) else ""
                require_valid(facet["_schemaURL"] + own, facet)
                found.add(name)
    own_facets = {facets.INFO, facets.TABLE, facets.FLOWS}
    assert found == own_facets | {"jobType", "sql", "columnLineage", "symlinks"}


def test_what_joins_and_hides() -> None:
    placed = Placed("dataarts://p/conn/c1", Parts("", "db", "", "t"))
    for body in (
        events.symlinks_event(placed, MAPS[placed.namespace], NOW),
        events.symlinks_event(placed, None, NOW),
        events.hiding_event("job", "dataarts://p/ws/w", "j.n", NOW),
        events.hiding_event("dataset", placed.namespace, "db.t", NOW),
    ):
        require_valid("https://openlineage.io/spec/2-0-2/OpenLineage.json", json.loads(body))
