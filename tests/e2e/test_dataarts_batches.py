"""An import is stored whole or not at all, also where the queue is full."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.e2e.huawei import Json
from tests.e2e.serving import Server, command, serving

HEADERS = {"workspace": "w", "instance": "w"}
OPERATORS = 7


def table(name: str) -> Json:
    return {"database": "db", "schema": "", "table": name}


def imported(client: httpx.Client, word: str) -> int:
    """ImportLineage of several operators."""
    elements = [
        {
            "name": f"{word}-{number}",
            "input_tables": [table("a")],
            "output_tables": [table(f"{word}-{number}")],
            "source_connection_id": "c",
        }
        for number in range(OPERATORS)
    ]
    return client.post("/v3/p1/lineage/import", json=elements, headers=HEADERS).status_code


def mapped(client: httpx.Client, word: str) -> int:
    """ImportDataMapLineage of several operators."""
    configs = [
        {
            "name": f"{word}-{number}",
            "sql_statement": "select 1",
            "input_tables": [table("a")],
            "output_table": table(f"{word}-{number}"),
            "column_lineages": [],
        }
        for number in range(OPERATORS)
    ]
    body = {"input_source_id": "c", "output_source_id": "c", "lineage_configs": configs}
    target = "/v1/p1/datamap/lineage/import"
    return client.post(target, json=body, headers=HEADERS).status_code


def stored(server: Server) -> dict[str, int]:
    """How many operators of each request are there."""

    def page(offset: int) -> Json:
        target = f"/v1/p1/datamap/lineage/bulk?limit=500&offset={offset}"
        found: Json = server.client.get(target, headers=HEADERS).json()
        return found

    total = page(0)["total"]
    nodes = {row["node_name"] for at in range(0, total, 500) for row in page(at)["data"]}
    assert len(nodes) == total
    words = sorted(node.rpartition("-")[0] for node in nodes)
    return {word: len(list(each)) for word, each in itertools.groupby(words)}


def test_a_full_queue_takes_all_of_an_import_or_nothing(tmp_path: Path) -> None:
    answers: dict[str, int] = {}

    def client(number: int) -> None:
        """Imports until one was refused, for a time."""
        with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as own:
            for at in range(60):
                word = f"{number}-{at}"
                answers[word] = (mapped if number % 2 else imported)(own, word)
                if at > 5 and 503 in answers.values():
                    return

    with serving(tmp_path, queue_events=2, queue_wait=0) as server:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(client, range(8)))
        assert set(answers.values()) == {200, 503}
        taken = {word for word, status in answers.items() if status == 200}
        assert stored(server) == dict.fromkeys(taken, OPERATORS)
    verified = command(tmp_path, "verify", "--database", str(tmp_path / "hw.db"))
    assert verified.code == 0, verified
