"""What is taken and what is refused, by the numbers of Huawei's acceptance tests."""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headwater.dialects.dataarts.names import Parts, split
from tests.unit.dialects.dataarts.asking import (
    CREATE,
    PROJECT,
    Desk,
    column,
    request,
    table,
    tell,
)

GROUP = {"input_columns": [column("a", "x")], "output_columns": [column("b", "y")]}
GOOD = request("n", ["a"], ["b"], lineage={"column_lineages": [GROUP]})


def changed(path: str, value: object) -> dict[str, Any]:
    """The good request with one member changed; a value of `...` takes it away."""
    said: Any = copy.deepcopy(GOOD)
    *steps, last = path.split(".")
    at = said
    for step in steps:
        at = at[int(step) if step.isdecimal() else step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return dict(said)


LINEAGE, GROUPS = "table_lineage", "table_lineage.column_lineages"
REFUSED = [
    (changed(f"{LINEAGE}.input_tables", []), "table_lineage.input_tables"),
    (changed(f"{LINEAGE}.input_tables", ...), "table_lineage.input_tables"),
    (changed(f"{LINEAGE}.input_tables", None), "table_lineage.input_tables"),
    (changed(f"{LINEAGE}.output_tables", []), "table_lineage.output_tables"),
    (changed(f"{LINEAGE}.input_tables", [table("a")] * 101), "table_lineage.input_tables"),
    (changed(GROUPS, [GROUP] * 101), "column_lineages"),
    (changed(f"{GROUPS}.0.input_columns", []), "column_lineages[0].input_columns"),
    (changed(f"{GROUPS}.0.input_columns", [column("a", "x")] * 101), "[0].input_columns"),
    (changed(f"{GROUPS}.0.output_columns", ...), "column_lineages[0].output_columns"),
    (changed(f"{GROUPS}.0.input_columns", [column("a", "")]), "input_columns[0].column"),
    (changed("job_id", 5), "job_id"),
    (changed(f"{LINEAGE}.input_tables", {}), "table_lineage.input_tables"),
    (changed(f"{LINEAGE}.input_tables", ["a"]), "table_lineage.input_tables[0]"),
    (changed(f"{LINEAGE}.input_tables", [{}]), "table_lineage.input_tables[0]"),
    (changed("node_name", "x" * 1_025), "node_name"),
    ({}, "body"),
    ({"connection_id": "c"}, "body"),
    (b"[]", "body"),
    (b'"x"', "body"),
    (b"", "empty"),
    (b"{", "JSON"),
    (b'{"a":NaN}', "JSON"),
    (b'{"job_id":"\xff"}', "UTF-8"),
    (b"[" * 100_000, ""),
    (b'{"job_id":"j","x":' + b"[" * 600 + b"]" * 600 + b"}", "nested"),
]


def test_what_is_refused_names_its_path_and_stores_nothing(tmp_path: Path) -> None:
    """[17, 18, 19, 20, 21, 22, 23]"""

    async def story(desk: Desk) -> None:
        for body, words in REFUSED:
            said = await desk.create(body, 400)
            assert said["error_code"] == "DLG.9400"
            assert words in said["error_msg"], said
        answer = await desk.client.post(CREATE, json=GOOD)
        assert answer.status_code == 400
        assert "workspace" in answer.json()["error_msg"]
        assert await desk.stored() == []

    tell(tmp_path, story)


TAKEN = [
    changed(f"{LINEAGE}.input_tables", [table(f"t{n}") for n in range(100)]),
    changed(GROUPS, []),
    changed(GROUPS, None),
    changed(GROUPS, ...),
    changed(GROUPS, [GROUP] * 100),
    changed(f"{GROUPS}.0.input_columns", [column("a", f"c{n}") for n in range(100)]),
    changed(LINEAGE, None),
    changed(LINEAGE, ...),
    changed("unknown", {"deep": [1, None]}),
    changed(f"{LINEAGE}.input_tables.0.unknown", 1),
    changed(f"{GROUPS}.0.unknown", 1),
    changed("job_id", None),
    changed("node_name", "é" * 1_000),
]


def test_what_is_taken(tmp_path: Path) -> None:
    """[19, 20, 21, 25]"""

    async def story(desk: Desk) -> None:
        for body in TAKEN:
            (item,) = await desk.create(body)
            assert item["type_name"] == "Node"
        assert len(await desk.stored()) == len(TAKEN)

    tell(tmp_path, story)


NAMES = ["plain", "dots.in.it", 'quo"te', "back`tick", "表", "🙂", "a b", "x" * 1_000, "%2F/?#"]


def test_any_name_comes_back(tmp_path: Path) -> None:
    """[24]"""

    async def story(desk: Desk) -> None:
        for number, name in enumerate(NAMES):
            lineage = {
                "column_lineages": [
                    {
                        "input_columns": [column(name, name)],
                        "output_columns": [column(f"out{number}", name)],
                    }
                ]
            }
            (item,) = await desk.create(request(name, [name], [f"out{number}"], lineage=lineage))
            assert item["name"] == name
        found = await desk.get(f"/v1/{PROJECT}/datamap/lineage/bulk")
        said = [(each["source_table"], each["node_name"]) for each in found["data"]]
        assert sorted(said) == sorted((name, name) for name in NAMES)
        for number, name in enumerate(NAMES):
            path = f"/v3/{PROJECT}/asset/entities/{await desk.guid(f'out{number}')}"
            entity = (await desk.get(path))["entity"]
            assert [each["name"] for each in entity["attributes"]["columns"]] == [name]

    tell(tmp_path, story)


def test_an_operator_without_lineage_leaves_it_untouched(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.create(GOOD)
        await desk.create({"job_id": "job", "node_name": "n"})
        found = await desk.get(f"/v3/{PROJECT}/entities/{await desk.guid('b')}/lineage")
        assert len(found["relations"]) == 2

    tell(tmp_path, story)


def test_an_operator_without_a_name_goes_by_its_tables(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        said = request("", ["a"], ["b"], job_id="")
        first, second = await desk.create(said), await desk.create(said)
        other = await desk.create(request("", ["a"], ["c"], job_id=""))
        assert first == second != other

    tell(tmp_path, story)


def test_two_requests_of_one_microsecond_are_in_order(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for number in range(20):
            await desk.create(request("same", ["a"], [f"b{number}"]))
        times = [json.loads(body)["eventTime"] for body in await desk.stored()]
        assert times == sorted(set(times))
        found = await desk.get(f"/v1/{PROJECT}/datamap/lineage/bulk")
        assert [each["target_table"] for each in found["data"]] == ["b19"]

    tell(tmp_path, story)


def test_columns_that_name_other_tables_bring_them(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        group = {
            "input_columns": [column("hidden", "x")],
            "output_columns": [{"table": "", "column": "y"}],
        }
        await desk.create(request("n", ["a"], ["b"], lineage={"column_lineages": [group]}))
        found = await desk.get(f"/v3/{PROJECT}/entities/{await desk.guid('b')}/lineage")
        names = {each["display_text"] for each in found["guid_entity_map"].values()}
        assert names == {"a", "b", "hidden", "n"}
        group["output_columns"] = [{"column": "y"}]
        said = request("n", ["a"], ["b", "c"], lineage={"column_lineages": [group]})
        assert "names no table" in (await desk.create(said, 400))["error_msg"]

    tell(tmp_path, story)


def test_a_part_of_a_name_may_hold_anything() -> None:
    for parts in (
        Parts("", "d", "", "t"),
        Parts("a.b", "`", "``.", "x`y.z"),
        Parts("", "", "", "."),
    ):
        assert split(parts.name) == [part for part in parts if part]


@pytest.mark.parametrize("value", ["yes", "1"])
def test_merging_is_true_or_false(tmp_path: Path, value: str) -> None:
    async def story(desk: Desk) -> None:
        said = await desk.create(GOOD, 400, **{"x-headwater-merge": value})
        assert "X-Headwater-Merge" in said["error_msg"]

    tell(tmp_path, story)


def test_the_request_stands_in_the_event_as_it_came(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        body = b' {"job_id" :"j" ,\t"node_name":"\\u00e9", "x": 1.50, "x": null}\n'
        await desk.create(body)
        (stored,) = await desk.stored()
        assert body in stored
        facet = msgspec.json.decode(stored)["job"]["facets"]["huawei_lineageInfo"]
        assert facet["operation"] == "CreateLineageInfo"

    tell(tmp_path, story)
