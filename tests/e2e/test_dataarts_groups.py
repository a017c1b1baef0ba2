"""[43] A maximal request, 1,000,000 pairs of columns in 1.4 MB, stays 20,000 names everywhere."""

from pathlib import Path

import msgspec
import pytest

from tests.e2e.huawei import Json, table
from tests.e2e.serving import Server, command, serving

SIZE = 100
HEADERS = {"workspace": "w", "instance": "w"}
CREATE = "/v1/p1/lineage/lineage-info"
SPACE = "dataarts%3A%2F%2Fp1%2Fconn%2Fc1"


def column(name: str, field: str) -> Json:
    return {"database": "db", "schema": "", "table": name, "column": field}


def maximal(node: str, spread: bool) -> bytes:
    """Args: spread: each column of a group is of another table; else all of one."""

    def side(word: str, group: int) -> list[Json]:
        return [
            column(f"{node}_{word}{n if spread else group}", f"{word}_column_{group}_{n}")
            for n in range(SIZE)
        ]

    said = {
        "job_id": "job",
        "node_name": node,
        "connection_id": "c1",
        "table_lineage": {
            "input_tables": [table(f"{node}_in{n}") for n in range(SIZE)],
            "output_tables": [table(f"{node}_out{n}") for n in range(SIZE)],
            "column_lineages": [
                {"input_columns": side("in", group), "output_columns": side("out", group)}
                for group in range(SIZE)
            ],
        },
    }
    return msgspec.json.encode(said)


def peak(server: Server) -> int:
    """Bytes of memory, at most until now."""
    return server.status("VmHWM")


def post(server: Server, body: bytes) -> None:
    answer = server.client.post(CREATE, content=body, headers=HEADERS)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_the_memory_that_the_first_maximal_request_takes(
    tmp_path: Path, apart: bool, spread: bool
) -> None:
    """Args: apart: a process of its own writes; the memory of both counts."""
    with serving(tmp_path, writer_process=apart) as server:
        for node, each in (("first", spread), ("second", not spread)):
            body = maximal(node, each)
            before = peak(server)
            post(server, body)
            assert peak(server) - before < 10 * len(body)


@pytest.mark.parametrize("spread", [False, True])
def test_a_maximal_request(tmp_path: Path, spread: bool) -> None:
    body = maximal("n", spread)
    assert len(body) > 1_300_000
    with serving(tmp_path) as server:
        post(server, body)
        post(server, maximal("second", not spread))
        edges = server.edges(f"field:{SPACE}:db.n_out7:out_column_7_7", direction="up")
        sources = {source for source, _, _ in edges}
        assert sources == {f"db.n_in{n if spread else 7}.in_column_7_{n}" for n in range(SIZE)} | (
            set() if spread else {f"db.n_in{n}" for n in range(SIZE) if n != 7}
        )
        read(server)
        again = maximal("n", spread)
        post(server, again)
    verified = command(tmp_path, "verify", "--database", str(tmp_path / "hw.db"))
    assert verified.code == 0, verified
    size = sum(file.stat().st_size for file in tmp_path.glob("hw.db*"))
    assert size < 5 * 3 * len(body)


def read(server: Server) -> None:
    """Every kind of answer is complete, and as small as what it tells of."""
    search = {"query": "n_out7", "type_names": ["Table"], "limit": 100}
    path = "/v3/p1/asset/entities/search"
    found = server.client.post(path, json=search, headers=HEADERS).json()["entities"]
    (guid,) = [each["guid"] for each in found if each["display_text"] == "n_out7"]
    graph = server.client.get(f"/v3/p1/entities/{guid}/lineage", headers=HEADERS).json()
    assert len(graph["guid_entity_map"]) == SIZE + 2
    assert graph["truncated"] is False
    entity = server.client.get(f"/v3/p1/asset/entities/{guid}", headers=HEADERS).json()
    assert len(entity["referred_entities"]) == SIZE
    bulk = server.client.get("/v1/p1/datamap/lineage/bulk?limit=1&offset=0", headers=HEADERS)
    assert len(bulk.json()["data"]) == SIZE * SIZE
