"""A bakery's night: 26 events of 13 jobs, of the shape of the demonstration that Marquez ships."""

from collections.abc import Iterator
from typing import Any

from tests.unit.dialects.marquez.asking import made_of, run_id
from tests.unit.dialects.serving import PRODUCER, SPEC, dataset, facet

JOBS, STOCK = "bakery", "postgres://oven:5432"
PARENT = "nightly"

TABLES: dict[str, tuple[tuple[str, str, str | None], ...]] = {
    "public.orders": (
        ("id", "INTEGER", "The order"), ("bread_id", "INTEGER", None), ("shop_id", "INTEGER", None),
        ("loaves", "INTEGER", "How many"), ("baked_at", "TIMESTAMP", None),
    ),
    "public.breads": (
        ("id", "INTEGER", None), ("name", "VARCHAR", None), ("flour", "VARCHAR", None),
    ),
    "public.shops": (
        ("id", "INTEGER", None), ("name", "VARCHAR", None), ("email", "VARCHAR", None),
    ),
    "public.flours": (("name", "VARCHAR", None), ("kilo_price", "NUMERIC", None)),
    "public.drivers": (("id", "INTEGER", None), ("email", "VARCHAR", None)),
    "public.tours": (
        ("id", "INTEGER", None), ("driver_id", "INTEGER", None), ("shop_id", "INTEGER", None),
    ),
    "public.orders_week": (("id", "INTEGER", None), ("bread_id", "INTEGER", None),
                           ("shop_id", "INTEGER", None), ("loaves", "INTEGER", None)),
    "public.costs": (("bread_id", "INTEGER", None), ("cost", "NUMERIC", "Of one loaf")),
    "public.tours_week": (("shop_id", "INTEGER", None), ("tours", "INTEGER", None)),
    "public.top_breads": (("bread_id", "INTEGER", None), ("loaves", "BIGINT", None)),
    "public.margins": (("shop_id", "INTEGER", None), ("margin", "NUMERIC", None)),
}  # fmt: skip

# Job -> the tables it reads, the table it writes, and what its columns are made of.
STEPS: dict[str, tuple[tuple[str, ...], str | None, dict[str, tuple[tuple[str, str], ...]]]] = {
    "extract_orders": ((), "public.orders", {}),
    "extract_breads": ((), "public.breads", {}),
    "extract_shops": ((), "public.shops", {}),
    "extract_flours": ((), "public.flours", {}),
    "extract_drivers": ((), "public.drivers", {}),
    "extract_tours": ((), "public.tours", {}),
    "orders_of_the_week": (
        ("public.orders", "public.shops"), "public.orders_week",
        {name: (("public.orders", name),) for name in ("id", "bread_id", "shop_id", "loaves")},
    ),
    "cost_of_a_loaf": (
        ("public.breads", "public.flours"), "public.costs",
        {"bread_id": (("public.breads", "id"),),
         "cost": (("public.breads", "flour"), ("public.flours", "kilo_price"))},
    ),
    "tours_of_the_week": (
        ("public.tours", "public.drivers"), "public.tours_week",
        {"shop_id": (("public.tours", "shop_id"),), "tours": (("public.tours", "id"),)},
    ),
    "top_breads": (
        ("public.orders_week",), "public.top_breads",
        {"bread_id": (("public.orders_week", "bread_id"),),
         "loaves": (("public.orders_week", "loaves"),)},
    ),
    "margins": (
        ("public.orders_week", "public.costs", "public.tours_week"), "public.margins",
        {"shop_id": (("public.orders_week", "shop_id"),),
         "margin": (("public.orders_week", "loaves"), ("public.costs", "cost"))},
    ),
    "mail_shops": (("public.shops", "public.top_breads"), None, {}),
    "check_orders": (("public.orders",), None, {}),
}  # fmt: skip


def events() -> Iterator[dict[str, Any]]:
    """START and COMPLETE of every job, ten minutes apart."""
    for number, (job, (reads, writes, columns)) in enumerate(STEPS.items(), start=1):
        for kind, minute in (("START", 10 * number), ("COMPLETE", 10 * number + 4)):
            yield {
                "eventType": kind,
                "eventTime": f"2026-11-20T{minute // 60:02d}:{minute % 60:02d}:00Z",
                "producer": PRODUCER,
                "schemaURL": SPEC + "RunEvent",
                "run": {"runId": run_id(number), "facets": run_facets()},
                "job": {"namespace": JOBS, "name": f"{PARENT}.{job}", "facets": job_facets(job)},
                "inputs": [table(name, job == "check_orders") for name in reads],
                "outputs": [] if writes is None or kind == "START" else [
                    table(writes, columns=columns)
                ],
            }  # fmt: skip


def run_facets() -> dict[str, Any]:
    job = {"namespace": JOBS, "name": PARENT}
    return {
        "parent": facet(run={"runId": run_id(99)}, job=job),
        "nominalTime": facet(nominalStartTime="2026-11-20T00:00:00Z"),
    }


def job_facets(job: str) -> dict[str, Any]:
    return {
        "documentation": facet(description=job.replace("_", " ").capitalize() + "."),
        "jobType": facet(processingType="BATCH", integration="AIRFLOW", jobType="TASK"),
        "sql": facet(query=f"SELECT * FROM {job}"),
    }


def table(
    name: str,
    checked: bool = False,
    columns: dict[str, tuple[tuple[str, str], ...]] | None = None,
) -> dict[str, Any]:
    fields = [
        {"name": column, "type": kind} | ({"description": text} if text else {})
        for column, kind, text in TABLES[name]
    ]
    facets: dict[str, Any] = {
        "dataSource": facet(name="oven", uri=STOCK),
        "schema": facet(fields=fields),
    }
    made = dataset(name, STOCK, facets=facets)
    if columns:
        lineage = made_of(**columns)
        for field in lineage["columnLineage"]["fields"].values():
            for source in field["inputFields"]:
                source["namespace"] = STOCK
        facets |= lineage
    if checked:
        assertions = [{"assertion": "not_null", "success": True, "column": "id"}]
        made["inputFacets"] = {"dataQualityAssertions": facet(assertions=assertions)}
    return made
