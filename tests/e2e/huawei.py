"""Huawei's clients: requests signed as each SDK signs them, and the real SDK for Python."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkdataartsstudio.v1 import (
    ColumnDetails,
    ColumnLineageV2,
    DataArtsStudioClient,
    LineageInfoRequest,
    TableInfoV2,
    TableLineageV2,
)

from tests.e2e.serving import Server

PROJECT = "0833a5737480d53b2f25c010dc1a7b88"
REGION = "cn-north-4"
WORKSPACE = "1b59d3c777ad4d619b89eeac4f3cce87"
CREATE = f"/v1/{PROJECT}/lineage/lineage-info"
CONNECTION = "003b3ed52daf41e6829a0bc74526f5f7"
TABLES = f"dataarts://{PROJECT}/conn/{CONNECTION}"

Json = dict[str, Any]

SEED: Json = {
    "cluster_id": "actual_cluster_id",
    "data_source_type": "actual_data_source_type",
    "connection_id": CONNECTION,
    "connection_name": "dli_test",
    "workspace_id": WORKSPACE,
    "job_id": "testJobID",
    "node_name": "testNodeMName",
    "table_lineage": {
        "input_tables": [
            {
                "catalog": "spark_catalog",
                "database": "nbbtemp",
                "schema": "",
                "table": "origndata_typeall",
            }
        ],
        "output_tables": [
            {
                "catalog": "spark_catalog",
                "database": "nbbtemp",
                "schema": "",
                "table": "lineageTable1",
            }
        ],
        "column_lineages": [
            {
                "input_columns": [
                    {
                        "database": "nbbtemp",
                        "schema": "",
                        "table": "origndata_typeall",
                        "column": "stringf",
                    }
                ],
                "output_columns": [
                    {
                        "database": "nbbtemp",
                        "schema": "",
                        "table": "lineageTable1",
                        "column": "col1",
                    }
                ],
            }
        ],
    },
}
"""The request of Huawei's documentation."""


class Key(NamedTuple):
    id: str
    secret: str
    token: str


def make_key(server: Server, *options: str) -> Key:
    return Key(**json.loads(server.command("keys", "create", "--format", "json", *options)))


def table(name: str, database: str = "db", **more: str) -> Json:
    return {"catalog": "", "database": database, "schema": "", "table": name, **more}


def request(
    node: str,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    columns: Sequence[tuple[Sequence[str], Sequence[str]]] = (),
    **more: Any,
) -> Json:
    """A CreateLineageInfo body; a column is written `table.column`."""

    def column(text: str) -> Json:
        name, _, field = text.partition(".")
        return {"database": "db", "schema": "", "table": name, "column": field}

    lineage: Json = {
        "input_tables": [table(name) for name in inputs],
        "output_tables": [table(name) for name in outputs],
        "column_lineages": [
            {"input_columns": list(map(column, a)), "output_columns": list(map(column, b))}
            for a, b in columns
        ],
    }
    said = {"job_id": "job", "node_name": node, "connection_id": "c1"}
    return {**said, "table_lineage": lineage, **more}


# Signatures.


def stamp(offset: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) + offset).strftime("%Y%m%dT%H%M%SZ")


def signature(
    secret: str,
    method: str,
    target: str,
    headers: Mapping[str, str | bytes],
    signed: Sequence[str],
    body: bytes,
) -> str:
    """As the SDKs sign: path and query encoded once, headers in the order of their names."""
    path, _, query = target.partition("?")
    encoded = quote(unquote_to_bytes(path), safe="/~")
    pairs = sorted(
        (unquote_to_bytes(name), unquote_to_bytes(value))
        for name, _, value in (part.partition("=") for part in query.split("&") if part)
    )
    asked = "&".join(f"{quote(a, safe='~')}={quote(b, safe='~')}" for a, b in pairs)
    lower = {name.lower(): value for name, value in headers.items()}
    lines = b"".join(name.encode() + b":" + _raw(lower[name]).strip() + b"\n" for name in signed)
    canonical = b"\n".join(
        (
            method.encode(),
            (encoded if encoded.endswith("/") else encoded + "/").encode(),
            asked.encode(),
            lines,
            ";".join(signed).encode(),
            hashlib.sha256(body).hexdigest().encode(),
        )
    )
    digest = hashlib.sha256(canonical).hexdigest()
    text = f"SDK-HMAC-SHA256\n{lower['x-sdk-date']!s}\n{digest}"
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


def _raw(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def sign(
    key: Key,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    signed: Sequence[str] | None = None,
    date: str | None = None,
) -> dict[str, str]:
    """The headers of a request, the signature among them."""
    given = {"X-Sdk-Date": date or stamp(), **(headers or {})}
    names = sorted(signed or (name.lower() for name in given))
    made = signature(key.secret, method, target, given, names, body)
    given["Authorization"] = (
        f"SDK-HMAC-SHA256 Access={key.id}, SignedHeaders={';'.join(names)}, Signature={made}"
    )
    return given


def ask(
    server: Server,
    key: Key,
    method: str,
    target: str,
    body: object = None,
    workspace: str | None = WORKSPACE,
    **headers: str,
) -> Any:
    """A signed request over HTTP; its answer."""
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **headers}
    if workspace is not None:
        given |= {"workspace": workspace, "instance": workspace}
    return server.client.request(
        method, target, content=raw, headers=sign(key, method, target, raw, given)
    )


# Answers.


def null_free(value: object) -> bool:
    """Java breaks on a null."""
    if isinstance(value, dict):
        return all(map(null_free, value.values()))
    if isinstance(value, list):
        return all(map(null_free, value))
    return value is not None


# The SDK.


def sdk(server: Server, key: Key, project: str = PROJECT) -> DataArtsStudioClient:
    credentials = BasicCredentials(key.id, key.secret, project)
    builder = DataArtsStudioClient.new_builder().with_credentials(credentials)
    client: DataArtsStudioClient = builder.with_endpoint(server.url).build()
    return client


def sdk_body(said: Json) -> LineageInfoRequest:
    lineage = said["table_lineage"]
    groups = [
        ColumnLineageV2(
            input_columns=[ColumnDetails(**each) for each in group["input_columns"]],
            output_columns=[ColumnDetails(**each) for each in group["output_columns"]],
        )
        for group in lineage["column_lineages"]
    ]
    made = TableLineageV2(
        input_tables=[TableInfoV2(**each) for each in lineage["input_tables"]],
        output_tables=[TableInfoV2(**each) for each in lineage["output_tables"]],
        column_lineages=groups,
    )
    rest = {name: value for name, value in said.items() if name != "table_lineage"}
    return LineageInfoRequest(**rest, table_lineage=made)


def prepared(server: Server) -> Key:
    """A key, the project, and a user; the server is closed to all others."""
    server.command("projects", "add", PROJECT, "--name", REGION)
    return make_key(server, "--scope", "admin")
