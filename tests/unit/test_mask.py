import json

import pytest

from headwater import mask


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgres://user:pw@host:5432/db", "postgres://user:***@host:5432/db"),
        ("postgres://user:p@ss:w@host/db", "postgres://user:***@host/db"),
        ("jdbc:postgresql://h/db?user=a&password=b&ssl=1", "jdbc:postgresql://h/db?user=a&password=***&ssl=1"),
        ("jdbc:sqlserver://h:1433;password=abc;database=d", "jdbc:sqlserver://h:1433;password=***;database=d"),
        ("Server=x;Pwd=y;Database=z", "Server=x;Pwd=***;Database=z"),
        ("https://token@github.com/x", "https://***@github.com/x"),
        ("s3://b/k?X-Amz-Signature=ab&X-Amz-Date=1", "s3://b/k?X-Amz-Signature=***&X-Amz-Date=1"),
        ("https://a.blob.core/x?sv=1&sig=abc", "https://a.blob.core/x?sv=1&sig=***"),
        ("snowflake://acct?private_key=zzz", "snowflake://acct?private_key=***"),
        ("a://b:c@d and e://f:g@h", "a://b:***@d and e://f:***@h"),
    ],
)  # fmt: skip
def test_the_secrets_of_an_address(given: str, shown: str) -> None:
    assert mask.text(given) == shown
    assert mask.text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "abfss://container@account.dfs.core.windows.net/path",
        "postgres://user@host/db",
        "https://host:8080/a@b",
        "SELECT * FROM users WHERE token == x",
        "plain text, with = and :// in it",
        "",
    ],
)
def test_what_holds_no_secret_stays(text: str) -> None:
    assert mask.text(text) == text


def masked(value: object) -> object:
    return json.loads(mask.masked(json.dumps(value).encode()))


def test_environment_variables() -> None:
    variables = [
        {"name": "DB_PASSWORD", "value": "x"},
        {"name": "AWS_SECRET_ACCESS_KEY", "value": "x"},
        {"name": "API_KEY", "value": 12},
        {"name": "DB_HOST", "value": "db"},
    ]
    facet = {"run": {"facets": {"environmentVariables": {"environmentVariables": variables}}}}
    shown = masked(facet)
    assert isinstance(shown, dict)
    found = shown["run"]["facets"]["environmentVariables"]["environmentVariables"]
    assert [one["value"] for one in found] == ["***", "***", "***", "db"]


def test_members_that_are_named_like_a_secret() -> None:
    given = {
        "spark_properties": {"fs.s3a.secret.key": "x", "spark.app.name": "shop"},
        "environment-properties": {"environment-properties": {"LICENSE_KEY": "x", "HOME": "/"}},
        "connectionUrl": "jdbc:mysql://h/db?password=x",
        "tags": [{"key": "team", "value": "shop", "source": "x"}],
    }
    assert masked(given) == {
        "spark_properties": {"fs.s3a.secret.key": "***", "spark.app.name": "shop"},
        "environment-properties": {"environment-properties": {"LICENSE_KEY": "***", "HOME": "/"}},
        "connectionUrl": "jdbc:mysql://h/db?password=***",
        "tags": [{"key": "team", "value": "shop", "source": "x"}],
    }


def test_names_of_nodes_stay() -> None:
    node = {"namespace": "pg://u:p@h", "name": "a?token=b"}
    assert masked({"inputs": [node], "secret": None, "token": True}) == {
        "inputs": [node],
        "secret": None,
        "token": True,
    }


def test_a_secret_behind_json_escapes() -> None:
    assert b"hunter2" not in mask.masked(rb'{"uri":"pg:\/\/u:hunter2\u0040h"}')
    assert b"hunter2" not in mask.masked(rb'{"\u0070assword":"hunter2"}')


def test_what_has_no_secret_keeps_its_bytes() -> None:
    raw = b' {"a" : [1.0, 2e3]} '
    assert mask.masked(raw) == raw


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"[NaN, -Infinity, 1e999]", [None, None, None]),
        (b'{"a":1,"a":2}', {"a": 2}),
        (rb'"\ud800"', "\N{REPLACEMENT CHARACTER}"),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'"a\tb"', "a\tb"),
        (b"[" + b"1" * 5000 + b", NaN]", [None, None]),
        (b'{"token":NaN}', {"token": None}),
    ],
)
def test_odd_bodies_become_strict_json(raw: bytes, value: object) -> None:
    assert json.loads(mask.masked(raw)) == value
    assert json.loads(mask.strict(raw)) == value


def test_deep_nesting_is_no_recursion() -> None:
    raw = b'{"a":' * 450 + b'"pg://u:p@h"' + b"}" * 450
    assert b"u:***@h" in mask.masked(raw)
