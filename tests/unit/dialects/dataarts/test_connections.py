"""A map joins the tables of a connection with what other producers call them."""

import json
from pathlib import Path
from typing import Any

import pytest

from headwater.dialects.dataarts.mapping import Mapped, Setting, read_file
from headwater.dialects.dataarts.names import Parts
from headwater.errors import InvalidParameter
from tests.unit.dialects.dataarts.asking import PROJECT, Desk, request, tell
from tests.unit.dialects.serving import dataset, run_event

PATH = f"/v1/{PROJECT}/headwater/connections"
HIVE = "hive://meta:9083"
SPARK = run_event(job="spark", inputs=(dataset("db.b", HIVE),), outputs=(dataset("report", "pg"),))


async def down(desk: Desk, name: str) -> set[str]:
    path = f"/v3/{PROJECT}/entities/{await desk.guid(name)}/lineage"
    found = await desk.get(path, direction="OUT")
    return {each["display_text"] for each in found["guid_entity_map"].values()} - {name}


async def put(desk: Desk, method: str = "PUT", **said: Any) -> dict[str, Any]:
    answer = await desk.ask(method, PATH, {"connection": "c1", **said})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_came_before_is_joined_and_parted_again(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.create(request("load", ["a"], ["b"]))
        answer = await desk.client.post("/api/v1/lineage", json=SPARK)
        assert answer.status_code == 200
        assert await down(desk, "a") == {"load", "b"}
        assert (await put(desk, namespace=HIVE))["datasets"] == 2
        assert await down(desk, "a") == {"load", "b", "spark", "report"}
        assert (await put(desk, namespace=HIVE))["datasets"] == 0
        await desk.create(request("load", ["a"], ["b"]))
        assert await down(desk, "a") == {"load", "b", "spark", "report"}
        listed = await desk.get(PATH)
        assert [each["namespace"] for each in listed["connections"]] == [HIVE]
        assert (await put(desk, "DELETE"))["datasets"] == 2
        assert await down(desk, "a") == {"load", "b"}
        await desk.create(request("load", ["a"], ["b"]))
        assert await down(desk, "a") == {"load", "b"}
        assert (await desk.ask("DELETE", PATH, {"connection": "c1"})).status_code == 404

    tell(tmp_path, story)


def test_what_comes_after_is_joined_at_once(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await put(desk, namespace=HIVE)
        await desk.client.post("/api/v1/lineage", json=SPARK)
        lineage = {
            "column_lineages": [
                {
                    "input_columns": [{"database": "db", "table": "a", "column": "x"}],
                    "output_columns": [{"database": "db", "table": "b", "column": "y"}],
                }
            ]
        }
        await desk.create(request("load", ["a"], ["b"], lineage=lineage))
        assert await down(desk, "a") == {"load", "b", "spark", "report"}

    tell(tmp_path, story)


def test_a_file_of_maps_is_applied_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "maps.json"
    file.write_text(json.dumps([{"project": PROJECT, "connection": "c1", "namespace": HIVE}]))

    async def story(desk: Desk) -> None:
        await desk.create(request("load", ["a"], ["b"]))
        listed = await desk.get(PATH)
        assert [each["namespace"] for each in listed["connections"]] == [HIVE]

    tell(tmp_path, story, connection_map=str(file))


@pytest.mark.parametrize(
    "text",
    ["{", "{}", '[{"project":"p","namespace":"n"}]', '[{"project":"p","type":"x"}]',
     '[{"project":"p","type":"x","namespace":"n","pattern":"{host}"}]'],
)  # fmt: skip
def test_a_file_that_is_not_understood_stops_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "maps.json"
    file.write_text(text)
    with pytest.raises(InvalidParameter, match="HEADWATER_CONNECTION_MAP"):
        read_file(str(file))


def test_the_name_of_a_table_elsewhere() -> None:
    parts = Parts("cat", "db", "", "t")
    said = {
        "{database}.{schema}.{table}": "db.t",
        "{catalog}.{database}.{schema}.{table}": "cat.db.t",
        "{table}": "t",
        "warehouse/{database}/{table}": "warehouse/db/t",
    }
    for pattern, name in said.items():
        assert Mapped("n", pattern).node(parts) == ("n", name)


def test_which_connection_is_meant() -> None:
    project = "dataarts://p/"
    for setting, source in (
        (Setting(namespace="n", connection="c/1"), "conn/c%2F1"),
        (Setting(namespace="n", name="x", workspace="w"), "ws/w/conn-name/x"),
        (Setting(namespace="n", cluster="k"), "cluster/k"),
        (Setting(namespace="n", type="DLI"), "type/dli"),
    ):
        assert setting.source("p") == project + source
    for setting in (
        Setting(namespace="n"),
        Setting(namespace="n", connection="c", type="t"),
        Setting(namespace="n", name="x"),
        Setting(namespace="n", type="t", workspace="w"),
    ):
        with pytest.raises(InvalidParameter):
            setting.source("p")
