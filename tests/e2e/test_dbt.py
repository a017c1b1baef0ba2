"""`dbt-ol` runs a small dbt project on DuckDB against a real server; the graph says what it did."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.serving import Server, clean_environment

NAMESPACE = "shop-dbt"
PROJECT = {
    "dbt_project.yml": """
        name: shop
        version: "1.0"
        profile: shop
        seed-paths: [seeds]
        model-paths: [models]
        flags: {send_anonymous_usage_stats: false}
    """,
    "profiles.yml": """
        shop:
          target: dev
          outputs:
            dev: {type: duckdb, path: shop.duckdb, threads: 2}
    """,
    "seeds/raw_orders.csv": """
        id,customer_id,amount
        1,1,10
        2,2,20
    """,
    "seeds/raw_customers.csv": """
        id,name
        1,ann
        2,bob
    """,
    "models/stg_orders.sql": """
        select id as order_id, customer_id, amount from {{ ref("raw_orders") }}
    """,
    "models/stg_customers.sql": """
        select id as customer_id, name as customer_name from {{ ref("raw_customers") }}
    """,
    "models/revenue.sql": """
        select c.customer_name, sum(o.amount) as revenue
        from {{ ref("stg_orders") }} as o
        join {{ ref("stg_customers") }} as c on o.customer_id = c.customer_id
        group by c.customer_name
    """,
    "models/broken.sql": """
        {{ config(enabled=var("broken", false)) }}
        select no_such_column from {{ ref("revenue") }}
    """,
    "models/after_broken.sql": """
        {{ config(enabled=var("broken", false)) }}
        select * from {{ ref("broken") }}
    """,
}


@pytest.fixture(scope="session")
def dbt_ol() -> Path:
    """The command, from a venv of its own."""
    given = os.environ.get("HEADWATER_DBT_OL") or shutil.which("dbt-ol")
    if given is not None and Path(given).is_file():
        return Path(given)
    missing = (
        f"no dbt-ol: HEADWATER_DBT_OL is {os.environ.get('HEADWATER_DBT_OL')!r}; see `make test`"
    )
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    for name, text in PROJECT.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        file.write_text("".join(line.removeprefix("        ").rstrip() + "\n" for line in lines))
    return folder


def run(dbt_ol: Path, project: Path, server: Server, *arguments: str) -> int:
    """Runs dbt-ol in the project and returns its code; all that it posts has to be taken."""
    environment = clean_environment(
        project,
        PATH=f"{dbt_ol.parent}{os.pathsep}{os.environ['PATH']}",
        OPENLINEAGE_URL=server.url,
        OPENLINEAGE_NAMESPACE=NAMESPACE,
        NO_PROXY="127.0.0.1",
        no_proxy="127.0.0.1",
        DBT_PROFILES_DIR=str(project),
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )
    done = subprocess.run(
        [str(dbt_ol), *arguments, "--project-dir", str(project)],
        env=environment,
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=100,
        check=False,
    )
    said = (done.stdout + done.stderr).decode()
    assert "HTTPError" not in said, said
    assert "Emitted" in said, said
    return done.returncode


def table(name: str) -> str:
    """A table as a node; its namespace is made of the database's path."""
    return f"dataset:duckdb://shop.duckdb:shop.main.{name}"


def short(edges: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Edges with the last parts of the datasets' names, and jobs without project and schema."""

    def cut(name: str) -> str:
        return name.removeprefix("shop.main.")

    return {(cut(source), cut(target), origins) for source, target, origins in edges}


def test_artifacts(dbt_ol: Path, project: Path, hw: Server) -> None:
    """The default mode: everything is posted when dbt has ended, column lineage with it."""
    assert run(dbt_ol, project, hw, "build") == 0
    load, customers, revenue = (
        f"shop.{name}.build.run" for name in ("stg_orders", "stg_customers", "revenue")
    )
    assert short(hw.edges(table("revenue"), direction="up")) == {
        ("raw_orders", load, "column"),
        (load, "stg_orders", "column"),
        ("raw_customers", customers, "column"),
        (customers, "stg_customers", "column"),
        ("stg_orders", revenue, "column"),
        ("stg_customers", revenue, "column"),
        (revenue, "revenue", "column"),
    }
    assert short(hw.edges(table("raw_customers"), direction="down")) == {
        ("raw_customers", customers, "column"),
        (customers, "stg_customers", "column"),
        ("stg_customers", revenue, "column"),
        (revenue, "revenue", "column"),
    }
    assert short(hw.edges(table("revenue"), direction="up", columns="true")) == {
        ("stg_customers.customer_name", "revenue.customer_name", "column"),
        ("raw_customers.name", "stg_customers.customer_name", "column"),
        ("stg_orders.amount", "revenue.revenue", "column"),
        ("raw_orders.amount", "stg_orders.amount", "column"),
    }
    field = table("raw_orders").replace("dataset:", "field:") + ":id"
    assert short(hw.edges(field, direction="down")) == {
        ("raw_orders.id", "stg_orders.order_id", "column")
    }
    runs = hw.ask("/api/v2/runs")["items"]
    assert {each["state"] for each in runs} == {"COMPLETE"}
    (parent,) = [each for each in runs if each["name"] == "dbt-run-shop"]
    children = hw.ask("/api/v2/runs", parent=parent["run_id"])["items"]
    assert sorted(each["name"].removeprefix("shop.main.") for each in children) == sorted(
        (load, customers, revenue)
    )
    assert not any(each["placeholder"] for each in runs)
    _again(dbt_ol, project, hw)


def _again(dbt_ol: Path, project: Path, hw: Server) -> None:
    """A second build is a second run of each job: the same graph, with the evidence of both."""
    stats, edges = hw.stats(), hw.edges(table("revenue"))
    assert (stats["events"], stats["runs"], stats["jobs"], stats["datasets"]) == (8, 4, 4, 5)
    assert run(dbt_ol, project, hw, "build") == 0
    assert hw.stats() == stats | {"events": 16, "runs": 8}
    assert hw.edges(table("revenue")) == edges
    found = hw.ask("/api/v2/lineage", node=table("revenue"), direction="up")["edges"]
    assert [edge["runs"] for edge in found] == [2] * len(edges)


def test_structured_logs(dbt_ol: Path, project: Path, hw: Server) -> None:
    """The live mode: events while dbt runs, a run for each statement, and no column lineage."""
    assert run(dbt_ol, project, hw, "--consume-structured-logs", "build") == 0
    orders, customers, revenue = (
        f"model.shop.{name}" for name in ("stg_orders", "stg_customers", "revenue")
    )
    assert short(hw.edges(table("revenue"), direction="up")) == {
        ("seed.shop.raw_orders", "raw_orders", "inferred"),
        ("seed.shop.raw_customers", "raw_customers", "inferred"),
        ("raw_orders", orders, "inferred"),
        (orders, "stg_orders", "inferred"),
        ("raw_customers", customers, "inferred"),
        (customers, "stg_customers", "inferred"),
        ("stg_orders", revenue, "inferred"),
        ("stg_customers", revenue, "inferred"),
        (revenue, "revenue", "inferred"),
    }
    runs = hw.ask("/api/v2/runs", limit=1000)["items"]
    assert {each["state"] for each in runs} == {"COMPLETE"}
    (parent,) = [each for each in runs if each["name"] == "dbt-run-shop"]
    children = hw.ask("/api/v2/runs", parent=parent["run_id"])["items"]
    assert sorted(each["name"] for each in children) == sorted(
        ("seed.shop.raw_orders", "seed.shop.raw_customers", orders, customers, revenue)
    )
    (built,) = [each for each in children if each["name"] == revenue]
    statements = hw.ask("/api/v2/runs", parent=built["run_id"])["items"]
    assert statements
    assert all(each["name"].startswith(f"{revenue}.sql.") for each in statements)
    assert built["duration"] is not None
    shown = [hw.ask(f"/api/v2/runs/{each['run_id']}")["job_facets"]["sql"] for each in statements]
    assert any("group by c.customer_name" in each["query"] for each in shown)


def test_a_model_that_fails_live(dbt_ol: Path, project: Path, hw: Server) -> None:
    code = run(
        dbt_ol, project, hw, "--consume-structured-logs", "build", "--vars", "{broken: true}"
    )
    assert code != 0
    states = {each["name"]: each["state"] for each in hw.ask("/api/v2/runs", limit=1000)["items"]}
    assert states["model.shop.revenue"] == "COMPLETE"
    assert states["model.shop.broken"] == "FAIL"
    assert states["dbt-run-shop"] == "FAIL"
    assert states.get("model.shop.after_broken", "ABORT") == "ABORT"
    (failed,) = hw.ask("/api/v2/runs", job=f"job:{NAMESPACE}:model.shop.broken")["items"]
    message = hw.ask(f"/api/v2/runs/{failed['run_id']}")["facets"]["errorMessage"]["message"]
    assert "no_such_column" in message
