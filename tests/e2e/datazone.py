"""A started server with a DataZone domain of its own for each test."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.aws import Js, boto, javascript
from tests.e2e.serving import Server, serving

_count = itertools.count()


class Dz(NamedTuple):
    """boto3's client, and the id of an empty domain."""

    client: Any
    domain: str
    server: Server
    name: str

    def post(self, body: bytes, **more: Any) -> str:
        given = {"domainIdentifier": self.domain, "event": body} | more
        identity: str = self.client.post_lineage_event(**given)["id"]
        return identity

    def node(self, identifier: str, **more: Any) -> dict[str, Any]:
        given = {"domainIdentifier": self.domain, "identifier": identifier} | more
        node: dict[str, Any] = self.client.get_lineage_node(**given)
        return node

    def ids(self, side: str, identifier: str, **more: Any) -> list[str]:
        return [each["id"] for each in self.node(identifier, **more)[f"{side}Nodes"]]

    def history(self, identifier: str, **more: Any) -> list[dict[str, Any]]:
        given = {"domainIdentifier": self.domain, "identifier": identifier} | more
        pages = self.client.get_paginator("list_lineage_node_history").paginate(**given)
        return [node for page in pages for node in page["nodes"]]

    def events(self, **more: Any) -> list[dict[str, Any]]:
        given = {"domainIdentifier": self.domain} | more
        pages = self.client.get_paginator("list_lineage_events").paginate(**given)
        return [item for page in pages for item in page["items"]]

    def query(self, identifier: str, way: str, steps: int, **more: Any) -> list[dict[str, Any]]:
        entity = {"entityType": "LINEAGE_NODE", "identifier": identifier, **more.pop("entity", {})}
        relation = {"relationType": "LINEAGE", "relationDirection": way, "maxPathLength": steps}
        match = [{"entityPattern": entity}, {"relationPattern": relation}]
        given = {"domainIdentifier": self.domain, "match": match} | more
        pages = self.client.get_paginator("query_graph").paginate(**given)
        return [item["lineageNode"] for page in pages for item in page["items"]]


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    accounts = "123456789012/us-east-1"
    folder: Path = tmp_path_factory.mktemp("datazone")
    with serving(folder, datazone_accounts=accounts) as server:
        yield server


@pytest.fixture
def dz(open_server: Server) -> Dz:
    client = boto(open_server.url)
    name = f"shop-{next(_count)}"
    return Dz(client, client.create_domain(name=name)["id"], open_server, name)


@pytest.fixture(scope="module")
def js(open_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Js]:
    with javascript(open_server.url, tmp_path_factory.mktemp("js")) as client:
        yield client
