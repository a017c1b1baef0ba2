"""A day of a bakery's pipelines: 26 run events of 13 jobs, in the shape of Marquez' own sample.

Two layers of tables, SQL, columns with their lineage, an assertion that fails, a run that failed.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.contract.events import Members, facet

NAMESPACE = "bakery"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
# Job -> (what it reads, what it writes).
JOBS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "etl_shops": ((), ("public.shops",)),
    "etl_menus": ((), ("public.menus",)),
    "etl_breads": ((), ("public.breads",)),
    "etl_bakes": ((), ("public.bakes",)),
    "etl_orders": ((), ("public.orders",)),
    "etl_order_lines": (("public.breads",), ("public.order_lines",)),
    "etl_customers": ((), ("public.customers",)),
    "etl_riders": ((), ("public.riders",)),
    "etl_drop_offs": (
        ("public.orders", "public.order_lines", "public.customers", "public.riders"),
        ("public.drop_offs",),
    ),
    "top_drop_offs": (("public.drop_offs",), ("public.top_drop_offs",)),
    "drop_offs_per_day": (("public.drop_offs",), ("public.drop_offs_per_day",)),
    "orders_popular_day": (
        ("public.customers", "public.top_drop_offs"),
        ("public.popular_days",),
    ),
    "mail_drop_offs": (("public.top_drop_offs",), ()),
}
COLUMNS = ("id", "shop_id", "made_at", "price")
TAGGED = "public.customers"
FAILED = "mail_drop_offs"


def run_id(number: int) -> str:
    return f"0193a000-0000-7000-8000-{number:012d}"


def events(now: datetime) -> Iterator[Members]:
    """The last of them ended a few minutes before now."""
    begin = now - timedelta(hours=3)
    for number, (name, (inputs, outputs)) in enumerate(JOBS.items()):
        start = begin + timedelta(minutes=12 * number)
        end = start + timedelta(minutes=2 + number % 5)
        final = "FAIL" if name == FAILED else "COMPLETE"
        for kind, time in (("START", start), (final, end)):
            yield {
                "eventType": kind,
                "eventTime": time.isoformat(),
                "producer": "https://example.com/bakery",
                "schemaURL": SPEC,
                "run": {"runId": run_id(number), "facets": run_facets(start, kind)},
                "job": {"namespace": NAMESPACE, "name": name, "facets": job_facets(name)},
                "inputs": [dataset(each, (), kind) for each in inputs],
                "outputs": [dataset(each, inputs, kind) for each in outputs],
            }


def run_facets(start: datetime, kind: str) -> Members:
    found = {"nominalTime": facet(nominalStartTime=start.replace(second=0).isoformat())}
    if kind == "FAIL":
        message = "The mail server does not answer."
        found["errorMessage"] = facet(message=message, programmingLanguage="PYTHON")
    return found


def job_facets(name: str) -> Members:
    return {
        "documentation": facet(description=f"Makes {name.replace('_', ' ')}."),
        "sql": facet(query=f"INSERT INTO made SELECT * FROM {name} -- dough"),
        "sourceCodeLocation": facet(type="git", url=f"https://example.com/code/{name}.py"),
        "jobType": facet(processingType="BATCH", integration="AIRFLOW", jobType="TASK"),
    }


def dataset(name: str, sources: tuple[str, ...], kind: str) -> Members:
    fields = [
        {"name": each, "type": "INTEGER", "description": f"The {each} of it."} for each in COLUMNS
    ]
    facets: Members = {
        "schema": facet(fields=fields),
        "documentation": facet(description=f"All {name.rpartition('.')[2]}."),
        "dataSource": facet(name="bakery_db", uri="postgres://bakery-db:5432/bakery"),
    }
    found: Members = {"namespace": NAMESPACE, "name": name, "facets": facets}
    if sources:
        facets["columnLineage"] = facet(
            fields={each: {"inputFields": columns(sources, each)} for each in COLUMNS}
        )
    if kind != "START" and name == "public.drop_offs":
        assertions = [
            {"assertion": "not_null", "success": True, "column": "id"},
            {"assertion": "unique", "success": False, "column": "shop_id"},
        ]
        found["inputFacets"] = {"dataQualityAssertions": facet(assertions=assertions)}
    return found


def columns(sources: tuple[str, ...], name: str) -> list[dict[str, Any]]:
    steps = [{"type": "DIRECT", "subtype": "IDENTITY", "description": "as it is"}]
    return [
        {"namespace": NAMESPACE, "name": each, "field": name, "transformations": steps}
        for each in sources
    ]
