"""The acceptance tests of Huawei's dialect (their numbers in brackets): the real Python SDK."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkdataartsstudio.v1 import (
    ColumnConfig,
    ColumnLineageConfig,
    CreateLineageInfoRequest,
    DataArtsStudioClient,
    DeleteAssetRequest,
    DeleteEntityRequest,
    ImportDataMapLineageRequest,
    ImportDataMapLineageRequestBody,
    ImportLineageRequest,
    ListDataconnectionsRequest,
    ListEntityDetailsRequest,
    OpenEntitySearchRequest,
    SearchParameter,
    SearchParametersExt,
    ShowDataDetailRequest,
    ShowDatamapLineageRequest,
    ShowDataSetsRequest,
    ShowEntitiesRequest,
    ShowEntityInfoByGuidRequest,
    ShowInstanceInfosRequest,
    ShowLineageBulkRequest,
    ShowLineageRequest,
    ShowNodesRequest,
    ShowUnrelatedTableRequest,
    SubNodeLineageConfig,
    TableConfig,
    TableInfo,
    TableLineage,
)

from tests.e2e import huawei
from tests.e2e.huawei import PROJECT, REGION, SEED, TABLES, WORKSPACE, Json, Key
from tests.e2e.serving import Server, serving


def run_event(
    namespace: str, job: str, inputs: Sequence[Json] = (), outputs: Sequence[Json] = ()
) -> Json:
    """A run of another producer, complete."""
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-20T08:00:00Z",
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "01a1f6c4-93d8-7e15-9d9f-7270fa5716a2"},
        "job": {"namespace": namespace, "name": job},
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


class Desk(NamedTuple):
    server: Server
    key: Key
    client: DataArtsStudioClient

    def create(self, said: Json) -> str:
        """Records an operator; its qualified name."""
        request = CreateLineageInfoRequest(workspace=WORKSPACE, body=huawei.sdk_body(said))
        response = self.client.create_lineage_info(request)
        assert (response.status_code, len(response.body)) == (200, 1)
        name: str = response.body[0].qualified_name
        return name

    def guid(self, name: str, kind: str = "Table") -> str:
        search = OpenEntitySearchRequest(query=name, type_names=[kind], limit=10)
        found = self.client.show_entities(ShowEntitiesRequest(workspace=WORKSPACE, body=search))
        (guid,) = [each.guid for each in found.entities if each.display_text == name]
        assert isinstance(guid, str)
        return guid

    def names(self, guid: str, direction: str | None = None, depth: int | None = None) -> set[str]:
        """The tables around a guid, itself left out; every relation joins two that are told of."""
        request = ShowLineageRequest(
            workspace=WORKSPACE, guid=guid, direction=direction, depth=depth
        )
        found = self.client.show_lineage(request)
        assert found.base_entity_guid == guid
        for relation in found.relations:
            assert {relation.from_entity_id, relation.to_entity_id} <= found.guid_entity_map.keys()
        return {
            each["display_text"]
            for each in found.guid_entity_map.values()
            if each["type_name"] != "Node" and each["guid"] != guid
        }


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving(tmp_path_factory.mktemp("dataarts")) as server:
        key = huawei.prepared(server)
        server.client.headers["authorization"] = f"Bearer {key.token}"
        yield Desk(server, key, huawei.sdk(server, key))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path) as server:
        key = huawei.prepared(server)
        yield Desk(server, key, huawei.sdk(server, key))


def test_the_documented_request_gives_the_documented_answer(desk: Desk) -> None:
    """[1, 26, 37]"""
    request = CreateLineageInfoRequest(workspace=WORKSPACE, body=huawei.sdk_body(SEED))
    response = desk.client.create_lineage_info(request)
    (item,) = response.body
    assert (response.status_code, item.name, item.type_name) == (200, "testNodeMName", "Node")
    form = rf"manual\.[0-9a-f-]{{36}}@node\.{PROJECT}-workspace-{WORKSPACE}"
    assert re.fullmatch(form, item.qualified_name)
    assert desk.create(SEED) == item.qualified_name
    guid = desk.guid("lineageTable1")
    found = desk.client.show_entity_info_by_guid(
        ShowEntityInfoByGuidRequest(workspace=WORKSPACE, guid=guid)
    )
    assert found.entity.attributes["qualifiedName"].startswith(
        "spark_catalog.nbbtemp.lineageTable1@"
    )
    assert [each["name"] for each in found.entity.attributes["columns"]] == ["col1"]
    (column,) = found.referred_entities
    same = desk.client.show_entity_info_by_guid(
        ShowEntityInfoByGuidRequest(workspace=WORKSPACE, guid=column)
    )
    assert same.entity.type_name == "dataarts_column"
    assert desk.names(guid, "IN") == {"origndata_typeall"}


def test_the_same_edges_in_every_dialect(desk: Desk) -> None:
    """[44]: OpenLineage, our own API and ShowLineage, columns included."""
    desk.create(SEED)
    source, target = (
        f"spark_catalog.nbbtemp.{each}" for each in ("origndata_typeall", "lineageTable1")
    )
    job = "testJobID.testNodeMName"
    space = f"dataarts%3A%2F%2F{PROJECT}%2Fconn%2F{huawei.CONNECTION}"
    edges = desk.server.edges(f"dataset:{space}:{target}", direction="up")
    assert edges == {(source, job, "column+declared"), (job, target, "column+declared")}
    columns = desk.server.edges(f"field:{space}:{target}:col1", direction="up")
    assert {(a, b) for a, b, _ in columns} == {(f"{source}.stringf", f"{target}.col1")}
    events = desk.server.ask(
        "/api/v2/events", node=f"job:dataarts%3A%2F%2F{PROJECT}%2Fws%2F{WORKSPACE}:{job}"
    )
    stored = desk.server.ask(f"/api/v2/events/{events['items'][0]['id']}")["event"]
    (output,) = stored["outputs"]
    fields = output["facets"]["columnLineage"]["fields"]
    assert fields["col1"]["inputFields"] == [
        {"namespace": TABLES, "name": source, "field": "stringf"}
    ]
    guid = desk.guid("lineageTable1")
    detail = desk.client.show_entity_info_by_guid(
        ShowEntityInfoByGuidRequest(workspace=WORKSPACE, guid=guid)
    )
    (column,) = detail.referred_entities
    assert desk.names(column, "IN") == {"stringf"}


def test_posting_the_stored_event_as_openlineage_adds_nothing(desk: Desk) -> None:
    """[44]"""
    desk.create(huawei.request("again", ["again_a"], ["again_b"]))
    listed = desk.server.ask("/api/v2/events", kind="job", limit=1)["items"][0]
    before = desk.server.stats()
    assert desk.server.taken(desk.server.stored(listed["id"])) == listed["id"]
    assert desk.server.stats() == before


def test_blank_members(desk: Desk) -> None:
    """[4]: the sample of the OpenAPI definition."""
    said = huawei.request("blankNode", ["dli_01"], ["dli_02"], job_id="", connection_id="")
    said |= {"cluster_id": "", "connection_name": "", "data_source_type": "dli"}
    request = CreateLineageInfoRequest(workspace=WORKSPACE, body=huawei.sdk_body(said))
    assert desk.client.create_lineage_info(request).body[0].name == "blankNode"
    guid = desk.guid("dli_02")
    found = desk.client.show_entity_info_by_guid(
        ShowEntityInfoByGuidRequest(workspace=WORKSPACE, guid=guid)
    )
    assert found.entity.type_name == "dli_table"


def test_wrong_secrets_and_unknown_keys_are_told_apart_by_their_words_only(desk: Desk) -> None:
    """[9, 10]"""
    for key, words in (
        (desk.key._replace(secret="x" * 40), "verify aksk signature fail"),
        (desk.key._replace(id="HWNOBODY"), "err:ak not exist"),
    ):
        with pytest.raises(ClientRequestException) as raised:
            huawei.sdk(desk.server, key).create_lineage_info(
                CreateLineageInfoRequest(workspace=WORKSPACE, body=huawei.sdk_body(SEED))
            )
        said = raised.value
        assert (said.status_code, said.error_code) == (401, "APIGW.0301")
        assert words in said.error_msg
        assert said.request_id


def test_a_newer_request_replaces_and_history_stays(desk: Desk) -> None:
    """[27]"""
    desk.create(huawei.request("moves", ["mv_in"], ["mv_old"]))
    desk.create(huawei.request("moves", ["mv_in"], ["mv_new"]))
    assert desk.names(desk.guid("mv_old"), "IN") == set()
    assert desk.names(desk.guid("mv_new"), "IN") == {"mv_in"}
    job = f"job:dataarts%3A%2F%2F{PROJECT}%2Fws%2F{WORKSPACE}:job.moves"
    assert len(desk.server.ask("/api/v2/events", node=job)["items"]) == 2


def test_merging_is_asked_for_by_a_header(desk: Desk) -> None:
    said = huawei.request("merged", ["mg_a"], ["mg_b"], [(["mg_a.x"], ["mg_b.y"])])
    desk.create(said)
    more = huawei.request("merged", ["mg_c"], ["mg_d"])
    for _ in range(2):
        answer = huawei.ask(
            desk.server, desk.key, "POST", huawei.CREATE, more, **{"X-Headwater-Merge": "true"}
        )
        assert answer.status_code == 200, answer.text
    assert desk.names(desk.guid("mg_b"), "IN") == {"mg_a", "mg_c"}
    assert desk.names(desk.guid("mg_d"), "IN") == {"mg_a", "mg_c"}


def test_every_input_reaches_every_output(desk: Desk) -> None:
    """[28]: columns that name one of the tables do not hide the other."""
    said = huawei.request("wide", ["w_a", "w_b"], ["w_c", "w_d"], [(["w_a.x"], ["w_c.y"])])
    desk.create(said)
    assert desk.names(desk.guid("w_c"), "IN", 1) == {"w_a", "w_b"}
    assert desk.names(desk.guid("w_d"), "IN", 1) == {"w_a", "w_b"}


def test_depth_counts_tables(desk: Desk) -> None:
    """[29]"""
    for number, (source, target) in enumerate((("a", "b"), ("b", "c"), ("c", "d"))):
        desk.create(huawei.request(f"chain{number}", [f"ch_{source}"], [f"ch_{target}"]))
    guid = desk.guid("ch_a")
    assert desk.names(guid, "OUT", 1) == {"ch_b"}
    assert desk.names(guid, "OUT", 2) == {"ch_b", "ch_c"}
    assert desk.names(guid, "OUT") == {"ch_b", "ch_c", "ch_d"}
    assert desk.names(guid, "IN") == set()
    assert desk.names(desk.guid("chain0", "Node"), "OUT", 1) == {"ch_b"}


@pytest.mark.parametrize(
    ("guid", "asked", "status", "code"),
    [
        ("00000000-0000-0000-0000-000000000000", {}, 404, "DLG.2041"),
        ("not/a guid", {}, 404, "DLG.2041"),
        ("x", {"direction": "SIDEWAYS"}, 400, "DLG.9400"),
        ("x", {"depth": 0}, 400, "DLG.9400"),
        ("x", {"depth": "abc"}, 400, "DLG.9400"),
    ],
)
def test_questions_that_have_no_answer(
    desk: Desk, guid: str, asked: Json, status: int, code: str
) -> None:
    """[30]"""
    with pytest.raises(ClientRequestException) as raised:
        desk.client.show_lineage(ShowLineageRequest(workspace=WORKSPACE, guid=guid, **asked))
    assert (raised.value.status_code, raised.value.error_code) == (status, code)


def test_a_cycle_ends(desk: Desk) -> None:
    """[31]"""
    desk.create(huawei.request("round1", ["cy_a"], ["cy_b"]))
    desk.create(huawei.request("round2", ["cy_b"], ["cy_a"]))
    found = desk.client.show_lineage(
        ShowLineageRequest(workspace=WORKSPACE, guid=desk.guid("cy_a"))
    )
    pairs = [(each.from_entity_id, each.to_entity_id) for each in found.relations]
    assert len(pairs) == len(set(pairs)) == 4


def test_imports(desk: Desk) -> None:
    """[32, 33]"""

    def element(number: int) -> TableLineage:
        return TableLineage(
            name=f"imp{number}",
            input_tables=[TableInfo(database="wk", schema=None, table=f"imp_in{number}")],
            output_tables=[TableInfo(database="wk", table=f"imp_out{number}")],
            source_connection_id="source",
            target_connection_id="target",
            column_lineages=[],
        )

    request = ImportLineageRequest(workspace=WORKSPACE, body=[element(n) for n in range(3)])
    response = desk.client.import_lineage(request)
    assert [(each.name, each.type_name) for each in response.body] == [
        (f"imp{number}", "Node") for number in range(3)
    ]
    with pytest.raises(ClientRequestException) as raised:
        desk.client.import_lineage(ImportLineageRequest(workspace=WORKSPACE, body=[]))
    assert raised.value.status_code == 400
    before = desk.server.stats()
    lacking = TableLineage(
        name="lacks", input_tables=[TableInfo(table="a")], output_tables=[TableInfo(table="b")]
    )
    with pytest.raises(ClientRequestException) as raised:
        desk.client.import_lineage(
            ImportLineageRequest(workspace=WORKSPACE, body=[element(9), lacking])
        )
    assert raised.value.status_code == 400
    assert "[1].source_connection_id" in raised.value.error_msg
    assert desk.server.stats() == before


def test_the_data_map_import(desk: Desk) -> None:
    """[34]"""
    column = ColumnConfig(database="db", table="dm_in", column="x", is_exist=True)
    out = ColumnConfig(database="db", table="dm_out", column="y", is_exist=True)
    config = SubNodeLineageConfig(
        name="dm",
        sql_statement="insert into dm_out select * from dm_in",
        input_tables=[TableConfig(database="db", table="dm_in", is_exist=True)],
        output_table=TableConfig(database="db", table="dm_out", is_exist=False),
        column_lineages=[
            ColumnLineageConfig(name=f"g{n}", input_columns=[column], output_column=out)
            for n in range(2)
        ],
    )
    body = ImportDataMapLineageRequestBody(
        input_source_id="s1", output_source_id="s2", lineage_configs=[config]
    )
    request = ImportDataMapLineageRequest(instance=WORKSPACE, body=body)
    (guids,) = desk.client.import_data_map_lineage(request).guids
    assert guids.node == desk.guid("dm", "Node")
    assert len(set(guids.column_lineages)) == 2
    with pytest.raises(ClientRequestException) as raised:
        desk.client.import_data_map_lineage(ImportDataMapLineageRequest(body=body))
    assert raised.value.status_code == 400
    assert "instance" in raised.value.error_msg


def test_the_bulk_pages_by_operator(empty: Desk) -> None:
    """[35]"""
    empty.create(huawei.request("one", ["a1", "a2"], ["b"]))
    empty.create(huawei.request("two", ["b"], ["c"]))

    def page(offset: int) -> list[tuple[str, str, str, str]]:
        request = ShowLineageBulkRequest(instance=WORKSPACE, offset=offset, limit=1)
        found = empty.client.show_lineage_bulk(request)
        assert found.total == 2
        return [
            (each.source_table, each.node_name, each.target_table, each.source_db)
            for each in found.data
        ]

    assert sorted(page(0)) == [("a1", "one", "b", "db"), ("a2", "one", "b", "db")]
    assert page(1) == [("b", "two", "c", "db")]
    assert page(9) == []


def test_the_data_map_lineage(desk: Desk) -> None:
    """[36]"""
    desk.create(huawei.request("map1", ["lm_a"], ["lm_b"]))
    desk.create(huawei.request("map2", ["lm_b"], ["lm_c"]))
    guid = desk.guid("lm_a")
    found = desk.client.show_datamap_lineage(
        ShowDatamapLineageRequest(
            instance=WORKSPACE,
            guid=guid,
            relationship_types=["a", "b"],
            extend_process_data_flow=True,
        )
    )
    assert all(isinstance(each.create_time, str) for each in found.entities)
    assert found.relationships == []
    near, far = (
        desk.client.show_datamap_lineage(
            ShowDatamapLineageRequest(
                instance=WORKSPACE, guid=guid, extend_process_data_flow=extended
            )
        )
        for extended in (False, True)
    )
    assert [each.relation_type_name for each in near.relationships] == ["DATA_FLOW"] * 2
    assert far.total == 4


def test_operators_of_a_table_and_their_runs(desk: Desk) -> None:
    name = desk.create(huawei.request("touches", ["tt_a"], ["tt_b"], job_id="tt_job"))
    request = ShowNodesRequest(instance=WORKSPACE, guid=desk.guid("tt_a"))
    (node,) = desk.client.show_nodes(request).body
    assert (node.job_name, node.workspace_id) == ("tt_job", WORKSPACE)
    assert node.task_id in name
    space = f"dataarts://{PROJECT}/ws/{WORKSPACE}"
    desk.server.taken(run_event(space, "tt_job.touches"))
    found = desk.client.show_instance_infos(
        ShowInstanceInfosRequest(instance=WORKSPACE, task_id=node.task_id, offset=0, limit=10)
    )
    assert (found.status_code, found.body.count("instance_id")) == (200, 1)


def test_tables_without_lineage(desk: Desk) -> None:
    """[38]"""
    desk.create(huawei.request("links", ["un_linked"], ["un_other"]))
    desk.server.taken(
        {
            "eventTime": "2026-11-20T08:00:00Z",
            "producer": "https://example.com",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
            "dataset": {"namespace": "hive://m:9083", "name": "db.un_alone", "facets": {}},
        }
    )
    with pytest.raises(ClientRequestException) as raised:
        desk.client.show_unrelated_table(
            ShowUnrelatedTableRequest(workspace=WORKSPACE, body=SearchParametersExt())
        )
    assert raised.value.status_code == 400
    found = desk.client.show_unrelated_table(
        ShowUnrelatedTableRequest(workspace=WORKSPACE, body=SearchParametersExt(query="un_"))
    )
    assert [each.name for each in found.entities] == ["un_alone"]
    assert found.count == 1


def test_the_data_map_catalogue(desk: Desk) -> None:
    desk.create(huawei.request("cat", ["ct_a"], ["ct_b"]))
    search = SearchParameter(query="ct_a", limit=10, offset=0)
    found = desk.client.show_data_sets(ShowDataSetsRequest(instance=WORKSPACE, body=search))
    (entity,) = found.entities
    assert (found.count, entity.display_text) == (1, "ct_a")
    one = desk.client.show_data_detail(ShowDataDetailRequest(instance=WORKSPACE, guid=entity.guid))
    assert one.entity.guid == entity.guid
    many = desk.client.list_entity_details(
        ListEntityDetailsRequest(instance=WORKSPACE, body=[entity.guid])
    )
    assert [each.guid for each in many.entities] == [entity.guid]
    listed = desk.client.list_dataconnections(ListDataconnectionsRequest(workspace=WORKSPACE))
    assert "c1" in {each.dw_id for each in listed.data_connection_lists}


def test_deletion_hides_and_a_newer_request_shows_again(desk: Desk) -> None:
    said = huawei.request("gone", ["gn_a"], ["gn_b"])
    desk.create(said)
    guid = desk.guid("gn_b")
    node = desk.guid("gone", "Node")
    desk.client.delete_asset(DeleteAssetRequest(workspace=WORKSPACE, guid=node))
    assert desk.names(guid) == set()
    desk.client.delete_asset(DeleteAssetRequest(workspace=WORKSPACE, guid=guid))
    with pytest.raises(ClientRequestException) as raised:
        desk.names(guid)
    assert raised.value.status_code == 404
    desk.create(said)
    assert desk.names(guid) == {"gn_a"}
    for each in (node, guid):
        desk.client.delete_entity(DeleteEntityRequest(instance=WORKSPACE, guid=each))
    with pytest.raises(ClientRequestException) as raised:
        desk.names(guid)
    assert raised.value.status_code == 404
    job = f"job:dataarts%3A%2F%2F{PROJECT}%2Fws%2F{WORKSPACE}:job.gone"
    assert len(desk.server.ask("/api/v2/events", node=job)["items"]) == 4


def test_lineage_of_other_producers_is_seen(desk: Desk) -> None:
    """[45]"""
    facet = {
        "_producer": "https://example.com",
        "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json",
        "fields": {
            "total": {
                "inputFields": [{"namespace": "pg://h:5432", "name": "s.ol_in", "field": "amount"}]
            }
        },
    }
    desk.server.taken(
        run_event(
            "spark",
            "spark_job",
            inputs=[{"namespace": "pg://h:5432", "name": "s.ol_in"}],
            outputs=[
                {"namespace": "pg://h:5432", "name": "s.ol_out", "facets": {"columnLineage": facet}}
            ],
        )
    )
    guid = desk.guid("ol_out")
    assert desk.names(guid, "IN") == {"ol_in"}
    detail = desk.client.show_entity_info_by_guid(
        ShowEntityInfoByGuidRequest(workspace=WORKSPACE, guid=guid)
    )
    (column,) = detail.referred_entities
    assert desk.names(column, "IN") == {"amount"}


def test_an_sdk_that_was_given_a_region_finds_its_project(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[41]"""
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", desk.server.url)
    credentials = BasicCredentials(desk.key.id, desk.key.secret)
    builder = DataArtsStudioClient.new_builder().with_credentials(credentials)
    client = builder.with_region(Region(REGION, desk.server.url)).build()
    request = CreateLineageInfoRequest(workspace=WORKSPACE, body=huawei.sdk_body(SEED))
    assert client.create_lineage_info(request).status_code == 200
    lost = huawei.sdk(desk.server, desk.key, "{project_id}")
    with pytest.raises(ClientRequestException) as raised:
        lost.create_lineage_info(request)
    assert raised.value.status_code == 400
    assert "project_id" in raised.value.error_msg


def test_a_temporary_credential_is_signed_along(desk: Desk) -> None:
    credentials = BasicCredentials(desk.key.id, desk.key.secret, PROJECT)
    builder = DataArtsStudioClient.new_builder()
    builder = builder.with_credentials(credentials.with_security_token("sts"))
    client = builder.with_endpoint(desk.server.url).build()
    request = CreateLineageInfoRequest(workspace=WORKSPACE, body=huawei.sdk_body(SEED))
    assert client.create_lineage_info(request).status_code == 200


def test_a_token_decides_alone(desk: Desk) -> None:
    """[15]"""
    answer = desk.server.client.post(
        "/v3/auth/tokens",
        json={
            "auth": {
                "identity": {
                    "methods": ["hw_ak_sk"],
                    "hw_ak_sk": {
                        "access": {"key": desk.key.id},
                        "secret": {"key": desk.key.secret},
                    },
                },
                "scope": {"project": {"name": REGION}},
            }
        },
    )
    token = answer.headers["x-subject-token"]
    dummy = huawei.sdk(desk.server, Key("dummy", "dummy", ""))
    request = CreateLineageInfoRequest(workspace=WORKSPACE, body=huawei.sdk_body(SEED))
    invoker = dummy.create_lineage_info_invoker(request).add_header("X-Auth-Token", token)
    assert invoker.invoke().status_code == 200
