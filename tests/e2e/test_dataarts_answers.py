"""What every answer of Huawei's dialect has in common, whichever SDK reads it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.e2e import huawei
from tests.e2e.huawei import PROJECT
from tests.e2e.serving import serving


def test_every_answer_can_be_read_by_every_sdk(tmp_path: Path) -> None:
    """No null, which Java breaks on; texts where Go has texts; a request id; never a redirect."""
    with serving(tmp_path) as server:
        ask = partial(huawei.ask, server, huawei.prepared(server))
        said = huawei.request("read", ["rd_a"], ["rd_b"], [(["rd_a.x"], ["rd_b.y"])])
        node = ask("POST", huawei.CREATE, said).json()[0]["qualified_name"][7:43]
        search = {"query": "rd_b", "type_names": ["Table"], "limit": 10, "offset": 0}
        path = f"/v3/{PROJECT}/asset/entities/search"
        guid = ask("POST", path, search).json()["entities"][0]["guid"]
        v1, v2, v3 = (f"/{version}/{PROJECT}" for version in ("v1", "v2", "v3"))
        asked: list[tuple[str, str, object]] = [
            ("GET", f"{v3}/entities/{guid}/lineage", None),
            ("GET", f"{v3}/entities/{node}/lineage?direction=OUT&depth=2", None),
            ("POST", path, search),
            ("GET", f"{v3}/asset/entities/{guid}", None),
            ("GET", f"{v3}/asset/entities/{node}", None),
            ("POST", f"{v3}/lineage/search/unrelated/table", {"query": "rd_", "limit": 5}),
            ("GET", f"{v1}/datamap/lineage/bulk?limit=1", None),
            ("GET", f"{v1}/datamap/table/{guid}/node", None),
            ("GET", f"{v1}/datamap/node/{node}/instances?offset=0&limit=5", None),
            ("GET", f"{v1}/data-connections", None),
        ]
        maps: list[tuple[str, str, object]] = [
            ("GET", f"{v2}/datamap/lineage/guid/{guid}?extend_process_data_flow=true", None),
            ("POST", f"{v3}/datamap/entities/search", search),
            ("POST", f"{v1}/datamap/entities/guids", [guid, node]),
            ("GET", f"{v1}/datamap/entities/guid/{guid}", None),
        ]
        for method, target, body in (*asked, *maps):
            answer = ask(method, target, body)
            assert answer.status_code == 200, (target, answer.text)
            assert answer.headers["x-request-id"], target
            assert huawei.null_free(answer.json()), target
            times = {*members(answer.json(), "create_time"), *members(answer.json(), "update_time")}
            assert {type(each) for each in times} <= {
                str if (method, target, body) in maps else int
            }


def members(value: object, name: str) -> Iterator[object]:
    """The members of that name, at any depth."""
    if isinstance(value, dict):
        if name in value:
            yield value[name]
        for each in value.values():
            yield from members(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from members(each, name)
