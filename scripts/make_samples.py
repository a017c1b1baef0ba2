"""Writes the bundled demo events, the pipeline of a made-up online shop: the same bytes each time.

    python scripts/make_samples.py

Longer than a module should be: half of it is the shop's tables, which read best in one place.
Every identifier and figure is derived from names and dates, so nothing here is random and no
clock is read.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SEED = "headwater-shop-1"
TARGET = Path(__file__).parents[1] / "src" / "headwater" / "samples" / "shop.ndjson"
DAYS = tuple(datetime(2026, 11, day, tzinfo=UTC) for day in range(13, 21))

# One table per block: `== table`, then its `from` clause, then lines of
#   <column> <type> [<how> <source>[,<source>]] [: <expression>]
# where how is `=` identity, `~` transformation, `+` aggregation, `#` masking, and lines of
#   * <subtype> <source>     (the source affects every row of the table)
TABLES = """
== pg.orders
order_id bigint
customer_id bigint
status text
channel text
currency char(3)
placed_at timestamptz
paid_at timestamptz
shipped_at timestamptz
shipping_country char(2)
shipping_cost numeric(12,2)
discount_code text
discount_amount numeric(12,2)
total_amount numeric(12,2)
updated_at timestamptz

== pg.order_items
order_item_id bigint
order_id bigint
product_id bigint
quantity integer
unit_price numeric(12,2)
tax_rate numeric(5,4)
discount_amount numeric(12,2)

== pg.customers
customer_id bigint
email text
first_name text
last_name text
phone text
country char(2)
city text
postal_code text
created_at timestamptz
updated_at timestamptz

== pg.payments
payment_id bigint
order_id bigint
customer_id bigint
method text
card_number text
card_country char(2)
amount numeric(12,2)
currency char(3)
fee numeric(12,4)
status text
captured_at timestamptz
refunded_amount numeric(12,2)

== pg.products
product_id bigint
sku text
title text
category text
brand text
unit_cost numeric(12,2)
list_price numeric(12,2)
active boolean
created_at timestamptz

== pg.events
event_id uuid
session_id text
customer_id bigint
event_type text
page text
product_id bigint
referrer text
user_agent text
occurred_at timestamptz

== kafka.shop.clickstream
event_id string
session_id string
customer_id long
event_type string
page string
product_id long
user_agent string
occurred_at timestamp

== kafka.shop.app-events
event_id string
session_id string
customer_id long
event_type string
screen string
app_version string
occurred_at timestamp

== s3.clickstream
from `shop.clickstream` union all `shop.app-events`
event_id string = kafka.shop.clickstream.event_id
session_id string = kafka.shop.clickstream.session_id
customer_id long = kafka.shop.clickstream.customer_id
event_type string ~ kafka.shop.clickstream.event_type : upper(event_type)
page string = kafka.shop.clickstream.page
product_id long = kafka.shop.clickstream.product_id
occurred_at timestamp = kafka.shop.clickstream.occurred_at
ds date ~ kafka.shop.clickstream.occurred_at : to_date(occurred_at)
* WINDOW kafka.shop.clickstream.occurred_at

== stg.orders
from lake.orders
order_id NUMBER = lake.orders.order_id
customer_id NUMBER = lake.orders.customer_id
order_status VARCHAR ~ lake.orders.status : lower(status)
channel VARCHAR = lake.orders.channel
currency VARCHAR = lake.orders.currency
placed_at TIMESTAMP_TZ = lake.orders.placed_at
shipped_at TIMESTAMP_TZ = lake.orders.shipped_at
shipping_country VARCHAR = lake.orders.shipping_country
shipping_cost NUMBER(12,2) = lake.orders.shipping_cost
discount_amount NUMBER(12,2) ~ lake.orders.discount_amount : coalesce(discount_amount, 0)
order_total NUMBER(12,2) = lake.orders.total_amount
* FILTER lake.orders.status

== stg.order_items
from lake.order_items
order_item_id NUMBER = lake.order_items.order_item_id
order_id NUMBER = lake.order_items.order_id
product_id NUMBER = lake.order_items.product_id
quantity NUMBER = lake.order_items.quantity
unit_price NUMBER(12,2) = lake.order_items.unit_price
net_price NUMBER(12,2) ~ lake.order_items.unit_price,lake.order_items.discount_amount \
: unit_price - coalesce(discount_amount, 0)
tax_rate NUMBER(5,4) = lake.order_items.tax_rate

== stg.customers
from lake.customers
customer_id NUMBER = lake.customers.customer_id
email_hash VARCHAR # lake.customers.email : sha2(lower(email), 256)
full_name VARCHAR ~ lake.customers.first_name,lake.customers.last_name \
: first_name || ' ' || last_name
country VARCHAR = lake.customers.country
city VARCHAR = lake.customers.city
customer_since DATE ~ lake.customers.created_at : created_at::date
updated_at TIMESTAMP_TZ = lake.customers.updated_at

== stg.payments
from lake.payments where status in ('captured', 'refunded')
payment_id NUMBER = lake.payments.payment_id
order_id NUMBER = lake.payments.order_id
method VARCHAR = lake.payments.method
card_country VARCHAR = lake.payments.card_country
amount NUMBER(12,2) ~ lake.payments.amount : amount::number(12,2)
refunded_amount NUMBER(12,2) ~ lake.payments.refunded_amount : coalesce(refunded_amount, 0)
fee NUMBER(12,4) = lake.payments.fee
currency VARCHAR = lake.payments.currency
captured_at TIMESTAMP_TZ = lake.payments.captured_at
* FILTER lake.payments.status

== stg.products
from lake.products
product_id NUMBER = lake.products.product_id
sku VARCHAR = lake.products.sku
title VARCHAR = lake.products.title
category VARCHAR = lake.products.category
brand VARCHAR = lake.products.brand
unit_cost NUMBER(12,2) = lake.products.unit_cost
list_price NUMBER(12,2) = lake.products.list_price

== stg.events
from lake.events union all lake.clickstream
event_id VARCHAR = lake.events.event_id,lake.clickstream.event_id
session_id VARCHAR = lake.events.session_id,lake.clickstream.session_id
customer_id NUMBER = lake.events.customer_id,lake.clickstream.customer_id
event_type VARCHAR ~ lake.events.event_type,lake.clickstream.event_type : upper(event_type)
page VARCHAR = lake.events.page,lake.clickstream.page
product_id NUMBER = lake.events.product_id,lake.clickstream.product_id
occurred_at TIMESTAMP_TZ = lake.events.occurred_at,lake.clickstream.occurred_at

== int.order_payments
from analytics.staging.stg_payments group by order_id
order_id NUMBER = stg.payments.order_id
payment_count NUMBER + stg.payments.payment_id : count(payment_id)
amount_paid NUMBER(12,2) + stg.payments.amount : sum(amount)
amount_refunded NUMBER(12,2) + stg.payments.refunded_amount : sum(refunded_amount)
payment_fees NUMBER(12,4) + stg.payments.fee : sum(fee)
first_paid_at TIMESTAMP_TZ + stg.payments.captured_at : min(captured_at)
* GROUP_BY stg.payments.order_id

== int.order_items_priced
from analytics.staging.stg_order_items join analytics.staging.stg_products using (product_id)
order_item_id NUMBER = stg.order_items.order_item_id
order_id NUMBER = stg.order_items.order_id
product_id NUMBER = stg.order_items.product_id
category VARCHAR = stg.products.category
quantity NUMBER = stg.order_items.quantity
line_revenue NUMBER(12,2) ~ stg.order_items.quantity,stg.order_items.net_price \
: quantity * net_price
line_cost NUMBER(12,2) ~ stg.order_items.quantity,stg.products.unit_cost : quantity * unit_cost
line_tax NUMBER(12,2) ~ stg.order_items.net_price,stg.order_items.tax_rate : net_price * tax_rate
* JOIN stg.order_items.product_id
* JOIN stg.products.product_id

== int.customer_sessions
from analytics.staging.stg_events group by customer_id
customer_id NUMBER = stg.events.customer_id
session_count NUMBER + stg.events.session_id : count(distinct session_id)
page_views NUMBER + stg.events.event_id : count(event_id)
first_seen_at TIMESTAMP_TZ + stg.events.occurred_at : min(occurred_at)
last_seen_at TIMESTAMP_TZ + stg.events.occurred_at : max(occurred_at)
* FILTER stg.events.event_type
* GROUP_BY stg.events.customer_id

== mart.fct_orders
from analytics.staging.stg_orders left join analytics.intermediate.int_order_payments \
using (order_id) left join analytics.intermediate.int_order_items_priced using (order_id)
order_id NUMBER = stg.orders.order_id
customer_id NUMBER = stg.orders.customer_id
order_status VARCHAR = stg.orders.order_status
channel VARCHAR = stg.orders.channel
currency VARCHAR = stg.orders.currency
order_date DATE ~ stg.orders.placed_at : placed_at::date
placed_at TIMESTAMP_TZ = stg.orders.placed_at
first_paid_at TIMESTAMP_TZ = int.order_payments.first_paid_at
shipped_at TIMESTAMP_TZ = stg.orders.shipped_at
shipping_country VARCHAR = stg.orders.shipping_country
shipping_cost NUMBER(12,2) = stg.orders.shipping_cost
discount_amount NUMBER(12,2) = stg.orders.discount_amount
order_total NUMBER(12,2) = stg.orders.order_total
item_count NUMBER + int.order_items_priced.quantity : sum(quantity)
items_cost NUMBER(12,2) + int.order_items_priced.line_cost : sum(line_cost)
tax_amount NUMBER(12,2) + int.order_items_priced.line_tax : sum(line_tax)
payment_fees NUMBER(12,4) = int.order_payments.payment_fees
revenue NUMBER(12,2) ~ int.order_payments.amount_paid,int.order_payments.amount_refunded \
: amount_paid - amount_refunded
gross_margin NUMBER(12,2) ~ int.order_payments.amount_paid,int.order_items_priced.line_cost,\
int.order_payments.payment_fees : amount_paid - sum(line_cost) - payment_fees
* JOIN stg.orders.order_id
* JOIN int.order_payments.order_id
* JOIN int.order_items_priced.order_id

== mart.customer_revenue
from analytics.staging.stg_customers join analytics.marts.fct_orders using (customer_id) \
left join analytics.intermediate.int_customer_sessions using (customer_id)
customer_id NUMBER = stg.customers.customer_id
email_hash VARCHAR = stg.customers.email_hash
full_name VARCHAR = stg.customers.full_name
country VARCHAR = stg.customers.country
customer_since DATE = stg.customers.customer_since
first_order_at TIMESTAMP_TZ + mart.fct_orders.placed_at : min(placed_at)
last_order_at TIMESTAMP_TZ + mart.fct_orders.placed_at : max(placed_at)
order_count NUMBER + mart.fct_orders.order_id : count(order_id)
revenue NUMBER(14,2) + mart.fct_orders.revenue : sum(revenue)
gross_margin NUMBER(14,2) + mart.fct_orders.gross_margin : sum(gross_margin)
session_count NUMBER = int.customer_sessions.session_count
last_seen_at TIMESTAMP_TZ = int.customer_sessions.last_seen_at
* JOIN stg.customers.customer_id
* JOIN mart.fct_orders.customer_id
* GROUP_BY stg.customers.customer_id

== mart.product_performance
from analytics.staging.stg_products join analytics.intermediate.int_order_items_priced \
using (product_id) group by all
product_id NUMBER = stg.products.product_id
sku VARCHAR = stg.products.sku
title VARCHAR = stg.products.title
category VARCHAR = stg.products.category
brand VARCHAR = stg.products.brand
units_sold NUMBER + int.order_items_priced.quantity : sum(quantity)
revenue NUMBER(14,2) + int.order_items_priced.line_revenue : sum(line_revenue)
gross_margin NUMBER(14,2) + int.order_items_priced.line_revenue,\
int.order_items_priced.line_cost : sum(line_revenue - line_cost)
* JOIN int.order_items_priced.product_id
* GROUP_BY stg.products.product_id

== mart.v_high_value_customers
from analytics.marts.customer_revenue where revenue >= 1000
customer_id NUMBER = mart.customer_revenue.customer_id
full_name VARCHAR = mart.customer_revenue.full_name
email_hash VARCHAR = mart.customer_revenue.email_hash
country VARCHAR = mart.customer_revenue.country
city VARCHAR = stg.customers.city
revenue NUMBER(14,2) = mart.customer_revenue.revenue
* FILTER mart.customer_revenue.revenue
* JOIN stg.customers.customer_id

== dash.revenue_overview
country string = mart.customer_revenue.country
customers long + mart.customer_revenue.customer_id : count(customer_id)
orders long + mart.customer_revenue.order_count : sum(order_count)
revenue double + mart.customer_revenue.revenue : sum(revenue)
gross_margin double + mart.customer_revenue.gross_margin : sum(gross_margin)
high_value_customers long + mart.v_high_value_customers.customer_id : count(customer_id)
top_category string + mart.product_performance.category,mart.product_performance.units_sold \
: max_by(category, units_sold)
category_revenue double + mart.product_performance.revenue : sum(revenue)
* GROUP_BY mart.customer_revenue.country
"""

WAREHOUSE = "snowflake://shop-eu"
PLACES = {
    "pg": ("postgres://shop-db:5432", "shop.public."),
    "kafka": ("kafka://shop-kafka:9092", ""),
    "s3": ("s3://shop-lake", "warehouse/lake/"),
    "lake": ("hive://metastore:9083", "lake."),
    "stg": (WAREHOUSE, "analytics.staging.stg_"),
    "int": (WAREHOUSE, "analytics.intermediate.int_"),
    "mart": (WAREHOUSE, "analytics.marts."),
    "raw": (WAREHOUSE, "analytics.raw."),
    "feed": ("s3://shop-landing", "feeds/"),
    "finance": ("s3://shop-finance", "exports/"),
    "crm": ("salesforce://shop", ""),
    "export": ("file://batch01", "/srv/exports/"),
    "dash": ("looker://shop", "dashboards."),
}
HOWS = {"=": "IDENTITY", "~": "TRANSFORMATION", "+": "AGGREGATION", "#": "TRANSFORMATION"}
SPARK_TYPES = {
    "bigint": "long",
    "integer": "integer",
    "boolean": "boolean",
    "timestamptz": "timestamp",
}

AIRFLOW = "https://github.com/apache/airflow/tree/providers-openlineage/2.20.3"
SPARK = "https://github.com/OpenLineage/OpenLineage/tree/1.52.0/integration/spark"
FLINK = "https://github.com/OpenLineage/OpenLineage/tree/1.52.0/integration/flink"
DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
LOOKER = "https://shop.example/tools/looker-lineage/1.3.0"
CATALOG = "https://shop.example/tools/catalog/2.0.1"
CRON = "https://shop.example/tools/cron-lineage/0.4"

SPEC = "https://openlineage.io/spec"
STANDARD = {
    "catalog": "1-1-0/CatalogDatasetFacet",
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
    "dataSource": "1-0-1/DatasourceDatasetFacet",
    "datasetType": "1-0-1/DatasetTypeDatasetFacet",
    "documentation": "1-1-0/DocumentationDatasetFacet",
    "documentation@job": "1-1-0/DocumentationJobFacet",
    "environmentVariables": "1-0-0/EnvironmentVariablesRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "externalQuery": "1-0-2/ExternalQueryRunFacet",
    "inputStatistics": "1-0-0/InputStatisticsInputDatasetFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
    "lifecycleStateChange": "1-0-1/LifecycleStateChangeDatasetFacet",
    "lineage": "1-0-0/LineageFacet.json#/$defs/LineageDatasetFacet",
    "lineage@job": "1-0-0/LineageFacet.json#/$defs/LineageJobFacet",
    "nominalTime": "1-0-1/NominalTimeRunFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "ownership": "1-0-1/OwnershipDatasetFacet",
    "ownership@job": "1-0-1/OwnershipJobFacet",
    "parent": "1-2-0/ParentRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "schema": "1-2-0/SchemaDatasetFacet",
    "sourceCode": "1-0-1/SourceCodeJobFacet",
    "sourceCodeLocation": "1-1-0/SourceCodeLocationJobFacet",
    "sql": "1-1-0/SQLJobFacet",
    "storage": "1-0-1/StorageDatasetFacet",
    "symlinks": "1-0-1/SymlinksDatasetFacet",
    "tags": "1-0-0/TagsDatasetFacet",
    "tags@job": "1-0-0/TagsJobFacet",
    "version": "1-0-1/DatasetVersionDatasetFacet",
}
DBT_FACET = (
    "https://github.com/OpenLineage/OpenLineage/tree/main/integration/common/openlineage/schema"
)
CUSTOM = {
    "airflow": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunFacet",
    "spark_properties": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunFacet",
    "dbt_node": f"{DBT_FACET}/dbt-node-job-facet.json",
    "dbt_run": f"{DBT_FACET}/dbt-run-run-facet.json",
    "looker_dashboard": "https://shop.example/schemas/LookerDashboardDatasetFacet.json",
}


# The shop's tables


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    how: str = ""
    sources: tuple[str, ...] = ()
    expression: str = ""


@dataclass(frozen=True)
class Table:
    key: str
    clause: str
    columns: tuple[Column, ...]
    wide: tuple[tuple[str, str], ...] = ()

    def sources(self) -> tuple[str, ...]:
        """The tables this one is made from, in order of mention."""
        names = [source for column in self.columns for source in column.sources]
        names += [source for _, source in self.wide]
        return tuple(dict.fromkeys(name.rpartition(".")[0] for name in names))


def parse_column(line: str) -> Column:
    head, _, expression = line.partition(" : ")
    name, kind, *rest = head.split()
    if not rest:
        return Column(name, kind)
    how, sources = rest
    return Column(name, kind, how, tuple(sources.split(",")), expression)


def parse_table(block: str) -> Table:
    key, *lines = block.strip().splitlines()
    clause = lines.pop(0) if lines[0].startswith("from ") else ""
    wide = [line.split()[1:] for line in lines if line.startswith("*")]
    columns = tuple(parse_column(line) for line in lines if not line.startswith("*"))
    return Table(key, clause, columns, tuple((subtype, source) for subtype, source in wide))


def lake_table(raw: Table) -> Table:
    """What the ingest job writes: the raw table, card numbers masked, and two columns more."""
    name = raw.key.removeprefix("pg.")
    columns = tuple(
        Column(
            column.name,
            SPARK_TYPES.get(column.type, column.type.replace("numeric", "decimal"))
            if column.type[:4] not in {"char", "text", "uuid"}
            else "string",
            "#" if column.name == "card_number" else "=",
            (f"{raw.key}.{column.name}",),
            "sha2(card_number, 256)" if column.name == "card_number" else "",
        )
        for column in raw.columns
    )
    newest = raw.columns[-1].name if name != "payments" else "captured_at"
    own = (
        Column("_ingested_at", "timestamp"),
        Column("ds", "date", "~", (f"{raw.key}.{newest}",), f"to_date({newest})"),
    )
    return Table(f"s3.{name}", f"from {name}", columns + own, (("FILTER", f"{raw.key}.{newest}"),))


def read_tables() -> dict[str, Table]:
    tables = {}
    for block in TABLES.split("\n== ")[1:]:
        table = parse_table(block)
        tables[table.key] = table
        if table.key.startswith("pg."):
            lake = lake_table(table)
            tables[lake.key] = lake
    return tables


SHOP = read_tables()
LAKE = ("orders", "order_items", "customers", "payments", "products", "events")
MODELS = tuple(
    key for key in SHOP if key.partition(".")[0] in {"stg", "int", "mart"} and "v_" not in key
)
CUSTOMERS_2 = replace(
    SHOP["pg.customers"],
    columns=(
        *SHOP["pg.customers"].columns,
        Column("marketing_consent", "boolean"),
        Column("loyalty_tier", "text"),
    ),
)
RENAMED = DAYS[3]  # product_sales becomes product_performance
WIDENED = DAYS[4]  # customers gets two columns


def table_on(key: str, day: datetime) -> Table:
    """The table as it looks that day."""
    if day < WIDENED or key not in {"pg.customers", "s3.customers"}:
        return SHOP[key]
    return CUSTOMERS_2 if key == "pg.customers" else lake_table(CUSTOMERS_2)


def identity(key: str) -> Json:
    place, _, name = key.partition(".")
    namespace, prefix = PLACES[place]
    return {"namespace": namespace, "name": prefix + name}


# Figures, ids and times


def figure(low: int, high: int, *key: object) -> int:
    digest = blake2b(repr((SEED, *key)).encode(), digest_size=8).digest()
    return low + int.from_bytes(digest, "big") % (high - low)


def run_id(when: datetime, *key: object) -> str:
    """A UUIDv7 of that time; the rest of its bits come from the key."""
    rest = figure(0, 1 << 62, "rest", *key)
    bits = round(when.timestamp() * 1000) << 80 | 7 << 76 | figure(0, 1 << 12, *key) << 64
    text = f"{bits | 2 << 62 | rest:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def at(day: datetime, clock: str, *key: object) -> datetime:
    hour, minute, second = clock.split(":")
    offset = timedelta(hours=int(hour), minutes=int(minute), seconds=int(second))
    return day + offset + timedelta(microseconds=figure(0, 1_000_000, day, clock, *key))


def stamp(when: datetime, producer: str) -> str:
    """The time as that producer writes it."""
    if producer == AIRFLOW:
        return when.isoformat(timespec="microseconds")
    precision = "microseconds" if producer == DBT else "milliseconds"
    return when.isoformat(timespec=precision).replace("+00:00", "Z")


# Facets


def facets(producer: str, /, **bodies: Json) -> Json:
    """Facets by name; `name__job` picks the flavour where job and dataset differ."""
    made = {}
    for word, body in bodies.items():
        name, _, flavour = word.partition("__")
        url = CUSTOM.get(name)
        if url is None:
            path = STANDARD[f"{name}@{flavour}" if flavour else name]
            path += "" if "#" in path else f".json#/$defs/{path.rpartition('/')[2]}"
            url = f"{SPEC}/facets/{path}"
        made[name] = {"_producer": producer, "_schemaURL": url, **body}
    return made


def schema(table: Table) -> Json:
    return {"fields": [{"name": column.name, "type": column.type} for column in table.columns]}


def source_field(source: str, *transformations: Json) -> Json:
    table, _, column = source.rpartition(".")
    return {**identity(table), "field": column, "transformations": list(transformations)}


def transformation(column: Column) -> Json:
    expression = {"description": column.expression} if column.expression else {}
    masking = column.how == "#"
    return {"type": "DIRECT", "subtype": HOWS[column.how], **expression, "masking": masking}


def column_lineage(table: Table) -> Json:
    fields = {
        column.name: {
            "inputFields": [
                source_field(source, transformation(column)) for source in column.sources
            ]
        }
        for column in table.columns
        if column.sources
    }
    wide = [
        source_field(source, {"type": "INDIRECT", "subtype": subtype, "masking": False})
        for subtype, source in table.wide
    ]
    return {"fields": fields, **({"dataset": wide} if wide else {})}


def explicit(table: Table) -> Json:
    """The same knowledge as the explicit `lineage` facet of a dataset."""
    inputs = [
        {"type": "DATASET", **source_field(source, {"type": "INDIRECT", "subtype": subtype})}
        for subtype, source in table.wide
    ]
    fields = {
        column.name: {
            "inputs": [
                {"type": "DATASET", **source_field(source, transformation(column))}
                for source in column.sources
            ]
        }
        for column in table.columns
    }
    return {"inputs": inputs, "fields": fields}


def select(table: Table) -> str:
    """The query that the table's columns spell out."""
    parts = [
        f"  {column.expression} as {column.name}" if column.expression else f"  {column.name}"
        for column in table.columns
    ]
    return "select\n" + ",\n".join(parts) + "\n" + table.clause


def owners(*names: str) -> Json:
    return {"owners": [{"name": name, "type": "MAINTAINER"} for name in names]}


def tags(source: str, *words: str) -> Json:
    """Tags from `key=value` or, for a column, `key=value@column`."""
    made = []
    for word in words:
        pair, _, field = word.partition("@")
        key, _, value = pair.partition("=")
        tag = {"key": key, "value": value, "source": source}
        made.append({**tag, "field": field} if field else tag)
    return {"tags": made}


# Events


@dataclass(frozen=True)
class Run:
    """A run, and the runs above it; it makes its own events."""

    producer: str
    namespace: str
    job: str
    id: str
    job_facets: Json
    run_facets: Json
    above: "Run | None" = None

    def link(self) -> Json:
        return {"run": {"runId": self.id}, "job": {"namespace": self.namespace, "name": self.job}}

    def root(self) -> "Run":
        return self.above.root() if self.above else self

    def event(
        self,
        state: str,
        when: datetime,
        inputs: list[Json] | None = None,
        outputs: list[Json] | None = None,
        **more: Json,
    ) -> Json:
        parent = {"parent": {**self.above.link(), "root": self.root().link()}} if self.above else {}
        return {
            "eventTime": stamp(when, self.producer),
            "eventType": state,
            "run": {
                "runId": self.id,
                "facets": {**facets(self.producer, **parent, **more), **self.run_facets},
            },
            "job": {"namespace": self.namespace, "name": self.job, "facets": self.job_facets},
            "inputs": inputs or [],
            "outputs": outputs or [],
            "producer": self.producer,
            "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }


def used(key: str, made: Json, **per_run: Json) -> Json:
    """A dataset as an input or output; `per_run` is its inputFacets or outputFacets."""
    return {**identity(key), "facets": made, **per_run}


def engine(producer: str, name: str, version: str) -> Json:
    adapter = producer.split("/tree/")[1].split("/")[0 if producer != AIRFLOW else 1]
    return {"name": name, "version": version, "openlineageAdapterVersion": adapter}


def job_type(integration: str, kind: str, processing: str = "BATCH") -> Json:
    return {"processingType": processing, "integration": integration, "jobType": kind}


# Airflow


def dag_run(day: datetime, dag: str = "shop_daily", cron: str = "0 2 * * *") -> Run:
    logical = day + timedelta(hours=int(cron.split()[1]))
    run_facets = facets(
        AIRFLOW,
        nominalTime={
            "nominalStartTime": (logical - timedelta(days=1)).isoformat(),
            "nominalEndTime": logical.isoformat(),
        },
        processing_engine=engine(AIRFLOW, "Airflow", "3.3.2"),
        airflow={
            "dag": {"dag_id": dag, "owner": "data-platform", "timetable_summary": cron},
            "dagRun": {"run_id": f"scheduled__{logical.isoformat()}", "run_type": "scheduled"},
        },
    )
    job_facets = facets(
        AIRFLOW,
        jobType=job_type("AIRFLOW", "DAG"),
        ownership__job=owners("data-platform"),
        documentation__job={"description": f"# {dag}\nLoads the lake, then the warehouse."},
        tags__job=tags("AIRFLOW", "team=data-platform"),
    )
    return Run(AIRFLOW, "shop-airflow", dag, run_id(logical, dag), job_facets, run_facets)


def task_run(dag: Run, task: str, attempt: int = 1, index: int = -1) -> Run:
    key = (dag.id, task, attempt, index)
    logical = datetime.fromisoformat(dag.run_facets["nominalTime"]["nominalEndTime"])
    run_facets = {
        **dag.run_facets,
        **facets(
            AIRFLOW,
            airflow={
                "dag": dag.run_facets["airflow"]["dag"],
                "dagRun": dag.run_facets["airflow"]["dagRun"],
                "task": {"task_id": task, "mapped": index >= 0, "retries": 2},
                "taskInstance": {"try_number": attempt, "map_index": index},
            },
        ),
    }
    job_facets = facets(
        AIRFLOW,
        jobType=job_type("AIRFLOW", "TASK"),
        ownership__job=owners("data-platform"),
        sourceCodeLocation={
            "type": "git",
            "url": f"https://git.shop.example/data/pipelines/blob/9f1c2ab/dags/{dag.job}.py",
            "repoUrl": "https://git.shop.example/data/pipelines.git",
            "path": f"dags/{dag.job}.py",
            "version": "9f1c2ab7c4d94f0c8e5e2f1b7d6a3c9012345678",
            "branch": "main",
        },
    )
    name = f"{dag.job}.{task}"
    return Run(AIRFLOW, dag.namespace, name, run_id(logical, *key), job_facets, run_facets, dag)


# Spark


def spark_run(name: str, when: datetime, above: Run, kind: str) -> Run:
    run_facets = facets(
        SPARK,
        processing_engine=engine(SPARK, "spark", "3.5.6"),
        spark_properties={
            "properties": {"spark.master": "k8s://shop", "spark.app.name": "shop_ingest"}
        },
    )
    if kind == "APPLICATION":
        run_facets |= facets(
            SPARK,
            environmentVariables={
                "environmentVariables": [
                    {"name": "DEPLOY_ENV", "value": "production"},
                    {"name": "SHOP_DB_PASSWORD", "value": "not-a-real-password"},
                ]
            },
        )
    processing = "NONE" if kind == "APPLICATION" else "BATCH"
    job_facets = facets(SPARK, jobType=job_type("SPARK", kind, processing))
    return Run(
        SPARK, "shop-spark", name, run_id(when, name, above.id), job_facets, run_facets, above
    )


def raw_input(name: str, day: datetime, counted: bool) -> Json:
    rows = figure(20_000, 60_000, name, day)
    source = {
        "name": "shop-db",
        "uri": "postgres://etl_reader:not-a-real-password@shop-db:5432/shop"
        if name == "payments"
        else "postgres://shop-db:5432/shop",
    }
    made = facets(SPARK, dataSource=source, schema=schema(table_on(f"pg.{name}", day)))
    statistics = {"rowCount": rows, "size": rows * 184}
    per_run = {"inputFacets": facets(SPARK, inputStatistics=statistics)} if counted else {}
    return used(f"pg.{name}", made, **per_run)


def lake_output(name: str, day: datetime, producer: str = SPARK) -> Json:
    table = table_on(f"s3.{name}", day)
    rows = figure(20_000, 60_000, name, day)
    hive = {**identity(f"lake.{name}"), "type": "TABLE"}
    made = facets(
        producer,
        dataSource={"name": "s3://shop-lake", "uri": "s3://shop-lake"},
        schema=schema(table),
        columnLineage=column_lineage(table),
        symlinks={"identifiers": [hive]},
        storage={"storageLayer": "iceberg", "fileFormat": "parquet"},
        catalog={
            "framework": "iceberg",
            "type": "hive",
            "name": "lake",
            "metadataUri": "hive://metastore:9083",
            "warehouseUri": "s3://shop-lake/warehouse",
        },
        version={"datasetVersion": str(figure(1 << 58, 1 << 62, "snapshot", name, day))},
        lifecycleStateChange={"lifecycleStateChange": "OVERWRITE"},
    )
    written = {"rowCount": rows, "size": rows * 61, "fileCount": 1 + rows // 10_000}
    return used(f"s3.{name}", made, outputFacets=facets(producer, outputStatistics=written))


def ingest(day: datetime, name: str, clock: str, above: Run) -> Iterator[Json]:
    """START with what is read, COMPLETE with what was written, as Spark reports it."""
    start = at(day, clock, name)
    job = f"shop_ingest.atomic_replace_table_as_select.lake_{name}"
    run = spark_run(job, start, above, "SQL_JOB")
    yield run.event("START", start, [raw_input(name, day, counted=False)])
    done = start + timedelta(seconds=figure(40, 200, name, day))
    yield run.event(
        "COMPLETE", done, [raw_input(name, day, counted=True)], [lake_output(name, day)]
    )


# dbt


def dbt_run(above: Run, command: str, when: datetime) -> Run:
    invocation = run_id(when, "invocation", command)
    body = {"invocation_id": invocation, "project_name": "shop", "dbt_runtime": "core"}
    return Run(
        DBT,
        "shop-dbt",
        f"dbt-{command}-shop",
        run_id(when, command, above.id),
        facets(DBT, jobType=job_type("DBT", "JOB")),
        facets(DBT, dbt_run=body, processing_engine=engine(DBT, "dbt", "1.10.23")),
        above,
    )


def relation(key: str, day: datetime) -> Table:
    """What a model reads; the lake's tables are known to dbt by their name in the metastore."""
    place, _, name = key.partition(".")
    return table_on(f"s3.{name}", day) if place == "lake" else SHOP[key]


def model_name(key: str, day: datetime) -> str:
    if key == "mart.product_performance" and day < RENAMED:
        return "mart.product_sales"
    return key


def model(day: datetime, key: str, start: datetime, above: Run) -> Iterator[Json]:
    table, named = SHOP[key], model_name(key, day)
    database, folder, alias = identity(named)["name"].split(".")
    path = f"models/{folder}/{alias}.sql"
    job_facets = facets(
        DBT,
        jobType=job_type("DBT", "MODEL"),
        sql={"query": select(table), "dialect": "snowflake"},
        dbt_node={
            "unique_id": f"model.shop.{alias}",
            "database": database,
            "schema": folder,
            "alias": alias,
            "original_file_path": path,
        },
        sourceCodeLocation={
            "type": "git",
            "url": f"https://git.shop.example/data/dbt/blob/5d0e771/{path}",
            "path": path,
            "branch": "main",
        },
    )
    job = f"{database}.{folder}.shop.{alias}"
    run_facets = facets(
        DBT,
        externalQuery={
            "externalQueryId": f"01b{figure(10**7, 10**8, key, day)}-0b0a-8a2f-0000-0005f3a1",
            "source": WAREHOUSE,
        },
        processing_engine=engine(DBT, "dbt", "1.10.23"),
    )
    run = Run(DBT, "shop-dbt", job, run_id(start, key, above.id), job_facets, run_facets, above)
    source = {"name": WAREHOUSE, "uri": WAREHOUSE}
    inputs = [
        used(name, facets(DBT, schema=schema(relation(name, day)))) for name in table.sources()
    ]
    made = facets(DBT, dataSource=source, schema=schema(table), columnLineage=column_lineage(table))
    rows = {"rowCount": figure(8_000, 90_000, "rows", key, day)}
    yield run.event("START", start, inputs, [used(named, made)])
    done = start + timedelta(milliseconds=figure(900, 30_000, key, day))
    output = used(named, made, outputFacets=facets(DBT, outputStatistics=rows))
    yield run.event("COMPLETE", done, inputs, [output])


TESTS = {
    "stg.payments": (("not_null", "order_id"), ("accepted_values", "method")),
    "mart.fct_orders": (
        ("unique", "order_id"),
        ("not_null", "revenue"),
        ("relationships", "customer_id"),
    ),
    "mart.customer_revenue": (("unique", "customer_id"), ("not_null", "revenue")),
}


def assertion_run(
    key: str, start: datetime, above: Run, failing: str = "", severity: str = "error"
) -> Iterator[Json]:
    name = identity(key)["name"]
    alias = name.rpartition(".")[2]
    assertions = [
        {
            "assertion": kind,
            "name": f"{kind}_{alias}_{column}",
            "column": column,
            "success": kind != failing,
            "severity": severity,
            "expected": "0",
            "actual": "17" if kind == failing else "0",
        }
        for kind, column in TESTS[key]
    ]
    job_facets = facets(DBT, jobType=job_type("DBT", "TEST"))
    job = f"{name.rpartition('.')[0]}.shop.{alias}.test"
    run_facets = facets(DBT, processing_engine=engine(DBT, "dbt", "1.10.23"))
    run = Run(DBT, "shop-dbt", job, run_id(start, job, above.id), job_facets, run_facets, above)
    tested = used(
        key, {}, inputFacets=facets(DBT, dataQualityAssertions={"assertions": assertions})
    )
    failed = bool(failing) and severity == "error"
    yield run.event("START", start, [tested])
    yield run.event("FAIL" if failed else "COMPLETE", start + timedelta(seconds=4), [tested])


# The days


def full_day(day: datetime) -> Iterator[Json]:
    """Everything is loaded and built: the first and the last day."""
    dag = dag_run(day)
    yield dag.event("START", at(day, "02:00:04"))
    task = task_run(dag, "spark_ingest")
    yield task.event("START", at(day, "02:00:20"))
    app = spark_run("shop_ingest", at(day, "02:00:31"), task, "APPLICATION")
    yield app.event("START", at(day, "02:00:31"))
    for minute, name in enumerate(LAKE):
        yield from ingest(day, name, f"02:{1 + minute * 2:02}:10", app)
    yield app.event("COMPLETE", at(day, "02:19:12"))
    yield task.event("COMPLETE", at(day, "02:19:30"))
    task = task_run(dag, "dbt_run")
    yield task.event("START", at(day, "02:20:05"))
    dbt = dbt_run(task, "run", at(day, "02:20:11"))
    yield dbt.event("START", at(day, "02:20:11"))
    for minute, key in enumerate(MODELS):
        yield from model(day, key, at(day, f"02:{21 + minute:02}:00", key), dbt)
    yield dbt.event("COMPLETE", at(day, "02:34:40"))
    yield task.event("COMPLETE", at(day, "02:34:52"))
    task = task_run(dag, "dbt_test")
    yield task.event("START", at(day, "02:35:00"))
    for second, key in enumerate(TESTS):
        start = at(day, f"02:35:{10 + second * 10}", key)
        warned = day == DAYS[0] and key == "stg.payments"
        yield from assertion_run(key, start, task, "accepted_values" if warned else "", "warn")
    yield task.event("COMPLETE", at(day, "02:36:12"))
    yield dag.event("COMPLETE", at(day, "02:36:20"))


def light_day(day: datetime) -> Iterator[Json]:
    """Payments only, and one mart."""
    dag = dag_run(day)
    yield dag.event("START", at(day, "02:00:04"))
    task = task_run(dag, "spark_ingest")
    if day == DAYS[4]:
        yield from failed_ingest(day, dag)
        task = task_run(dag, "spark_ingest", attempt=2)
    yield task.event("START", at(day, "02:06:20"))
    yield from ingest(day, "payments", "02:06:40", task)
    yield task.event("COMPLETE", at(day, "02:10:30"))
    task = task_run(dag, "dbt_run")
    yield task.event("START", at(day, "02:11:05"))
    key = "mart.customer_revenue" if day.day % 2 else "mart.fct_orders"
    yield from model(day, key, at(day, "02:11:20", key), task)
    yield task.event("COMPLETE", at(day, "02:12:12"))
    failed = day == DAYS[3]
    if failed:
        start = at(day, "02:12:20")
        yield from assertion_run(
            "mart.fct_orders", start, task_run(dag, "dbt_test"), "relationships"
        )
    yield dag.event("FAIL" if failed else "COMPLETE", at(day, "02:13:20"))


def failed_ingest(day: datetime, dag: Run) -> Iterator[Json]:
    """The first attempt finds the database full; the retry is a run of its own."""
    message = (
        'FATAL: remaining connection slots are reserved for roles with the "SUPERUSER" attribute'
    )
    task = task_run(dag, "spark_ingest")
    yield task.event("START", at(day, "02:00:20"))
    start = at(day, "02:00:40")
    job = "shop_ingest.atomic_replace_table_as_select.lake_payments"
    run = spark_run(job, start, task, "SQL_JOB")
    yield run.event("START", start, [raw_input("payments", day, counted=False)])
    yield run.event(
        "FAIL",
        at(day, "02:00:52"),
        errorMessage={
            "message": f"org.postgresql.util.PSQLException: {message}",
            "programmingLanguage": "JAVA",
            "stackTrace": "\n\tat ".join(
                (
                    f"org.postgresql.util.PSQLException: {message}",
                    "org.postgresql.core.v3.ConnectionFactoryImpl.doAuthentication(:698)",
                    "org.apache.spark.sql.execution.datasources.jdbc.JDBCRDD$.resolveTable(:68)",
                )
            ),
        },
    )
    yield task.event(
        "FAIL",
        at(day, "02:01:02"),
        errorMessage={
            "message": "Spark application shop_ingest finished with state FAILED",
            "programmingLanguage": "python",
            "stackTrace": "airflow.exceptions.AirflowException: Spark application shop_ingest "
            "finished with state FAILED",
        },
    )


def partner_feeds(day: datetime) -> Iterator[Json]:
    """A mapped task: one job, one run for each partner."""
    dag = dag_run(day, "shop_partner_feeds", "0 5 * * *")
    yield dag.event("START", at(day, "05:00:03"))
    columns = ("partner", "partner_order_id", "sku", "quantity", "ordered_at")
    body = {"fields": [{"name": name, "type": "VARCHAR"} for name in columns]}
    for index, partner in enumerate(("zanora", "moebelix", "kiosk24")):
        run = task_run(dag, "load_feed", index=index)
        feed = used(f"feed.{partner}/{day:%Y-%m-%d}.csv", facets(AIRFLOW, schema=body))
        target = used("raw.partner_orders", facets(AIRFLOW, schema=body))
        start = at(day, f"05:00:{10 + index}", partner)
        yield run.event("START", start, [feed], [target])
        yield run.event("COMPLETE", start + timedelta(seconds=21 + index), [feed], [target])
    yield dag.event("COMPLETE", at(day, "05:01:00"))


def aborted_backfill(day: datetime) -> Iterator[Json]:
    dag = dag_run(day, "shop_backfill", "0 11 * * *")
    task = task_run(dag, "rebuild_fct_orders")
    yield dag.event("START", at(day, "11:00:02"))
    start = at(day, "11:00:30")
    yield task.event("START", start, [], [used("mart.fct_orders", {})])
    yield task.event("ABORT", start + timedelta(minutes=12))
    yield dag.event("ABORT", start + timedelta(minutes=12, seconds=2))


def streaming() -> Iterator[Json]:
    """A job without an end; a second topic joins on the fifth day."""
    pattern = {
        "eventTrigger": "PERIODIC",
        "eventContentMode": "ACCUMULATIVE",
        "windowDuration": 86_400,
    }
    start = at(DAYS[0], "00:10:00")
    run = Run(
        FLINK,
        "shop-flink",
        "clickstream_to_lake",
        run_id(start, "clickstream"),
        facets(
            FLINK,
            jobType={**job_type("FLINK", "JOB", "STREAMING"), "emissionPattern": pattern},
            ownership__job=owners("web-analytics"),
        ),
        facets(FLINK, processing_engine=engine(FLINK, "flink", "1.20.2")),
    )
    for day in DAYS:
        when = at(day, "00:10:00")
        topics = ["kafka.shop.clickstream", "kafka.shop.app-events"][: 1 if day < DAYS[4] else 2]
        inputs = [used(topic, facets(FLINK, schema=schema(SHOP[topic]))) for topic in topics]
        table = SHOP["s3.clickstream"]
        if day >= DAYS[4]:
            table = with_app_events(table)
        output = lake_output("clickstream", day, FLINK)
        output["facets"] |= facets(FLINK, columnLineage=column_lineage(table))
        yield run.event("START" if day == DAYS[0] else "RUNNING", when, inputs, [output])


def with_app_events(table: Table) -> Table:
    both = ("event_id", "session_id", "customer_id", "event_type", "occurred_at")
    columns = tuple(
        replace(column, sources=(*column.sources, f"kafka.shop.app-events.{column.name}"))
        if column.name in both
        else column
        for column in table.columns
    )
    return replace(table, columns=columns)


def inventory_export(day: datetime) -> Iterator[Json]:
    """A shell script of old: its run id is no UUID, and one of its times has no zone."""
    job_facets = facets(
        CRON,
        jobType=job_type("CRON", "COMMAND"),
        sourceCode={
            "language": "bash",
            "sourceCode": "snowsql -f product_performance.sql > /srv/exports/products.csv\n",
        },
    )
    run = Run(CRON, "cron", "inventory_export", f"inventory-{day:%Y-%m-%d}", job_facets, {})
    fields = {
        "fields": [{"name": name} for name in ("sku", "title", "brand", "units_sold", "revenue")]
    }
    inputs = [used("mart.product_performance", {})]
    yield run.event("START", at(day, "06:30:00"), inputs)
    done = run.event(
        "COMPLETE",
        at(day, "06:30:09"),
        inputs,
        [used("export.products.csv", facets(CRON, schema=fields))],
    )
    yield {**done, "eventTime": done["eventTime"].removesuffix("Z")}


# Declared, not run


def job_event(when: datetime, producer: str, job: str, made: Json, **sides: list[Json]) -> Json:
    namespace, _, name = job.rpartition("/")
    return {
        "eventTime": stamp(when, producer),
        "job": {"namespace": namespace, "name": name, "facets": made},
        "inputs": sides.get("inputs", []),
        "outputs": sides.get("outputs", []),
        "producer": producer,
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/JobEvent",
    }


def dashboard(when: datetime, keep: tuple[str, ...]) -> Json:
    """The dashboard, declared; the later declaration replaces the earlier one."""
    table = SHOP["dash.revenue_overview"]
    columns = tuple(column for column in table.columns if column.sources[0].startswith(keep))
    table = replace(table, columns=columns)
    made = facets(
        LOOKER,
        schema=schema(table),
        columnLineage=column_lineage(table),
        looker_dashboard={"dashboard_id": "42", "tiles": len(columns), "folder": "Management"},
    )
    about = facets(
        LOOKER,
        jobType=job_type("LOOKER", "DASHBOARD"),
        documentation__job={"description": "Refreshes the revenue overview every morning."},
        ownership__job=owners("team:finance-analytics"),
    )
    inputs = [used(name, {}) for name in table.sources()]
    outputs = [used(table.key, made)]
    return job_event(
        when, LOOKER, "looker://shop/revenue_overview", about, inputs=inputs, outputs=outputs
    )


def finance_export(when: datetime) -> Json:
    """Two files from two tables; the explicit facet says which comes from which."""
    pairs = (
        ("finance.revenue.parquet", "mart.fct_orders", "revenue"),
        ("finance.margins.parquet", "mart.product_performance", "gross_margin"),
    )
    entries = [
        {
            "type": "DATASET",
            **identity(target),
            "inputs": [{"type": "DATASET", **identity(source)}],
            "fields": {
                column: {"inputs": [{"type": "DATASET", **identity(source), "field": column}]}
            },
        }
        for target, source, column in pairs
    ]
    about = facets(CATALOG, jobType=job_type("SPARK", "JOB"), lineage__job={"entries": entries})
    inputs = [used(source, {}) for _, source, _ in pairs]
    outputs = [used(target, {}) for target, _, _ in pairs]
    return job_event(
        when, CATALOG, "finance/month_end_export", about, inputs=inputs, outputs=outputs
    )


def declarations() -> Iterator[Json]:
    yield dashboard(at(DAYS[0], "09:00:00"), ("mart.customer_revenue",))
    yield finance_export(at(DAYS[2], "09:30:00"))
    yield dashboard(at(DAYS[5], "09:00:00"), ("mart.",))
    about = facets(
        CATALOG,
        ownership__job=owners("data-platform", "oncall:data"),
        tags__job=tags("USER", "tier=1", "sla=06:00"),
    )
    yield job_event(at(DAYS[1], "10:00:00"), CATALOG, "shop-airflow/shop_daily", about)
    crm = {
        "inputs": [used("mart.v_high_value_customers", {})],
        "outputs": [used("crm.Account", {})],
    }
    about = facets(CATALOG, jobType=job_type("CENSUS", "SYNC"))
    yield job_event(at(DAYS[6], "08:00:00"), CATALOG, "reverse-etl/crm_accounts", about, **crm)


def dataset_event(when: datetime, key: str, **bodies: Json) -> Json:
    return {
        "eventTime": stamp(when, CATALOG),
        "dataset": {**identity(key), "facets": facets(CATALOG, **bodies)},
        "producer": CATALOG,
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
    }


def catalogue() -> Iterator[Json]:
    """What people wrote down about the tables."""
    described = (
        ("pg.payments", "Every payment, captured or not.", "team:checkout", "pii=true@card_number"),
        ("pg.orders", "Orders as the shop takes them.", "team:checkout", "tier=1"),
        ("lake.customers", "Customers in the lake.", "data-platform", "pii=true@email"),
        ("mart.fct_orders", "One row per order.", "team:analytics", "certified=true"),
        ("mart.customer_revenue", "Revenue by customer.", "team:analytics", "certified=true"),
        ("kafka.shop.clickstream", "Page views, as they happen.", "web-analytics", "retention=7d"),
        ("dash.revenue_overview", "What the board looks at.", "team:finance-analytics", "tier=1"),
    )
    for minute, (key, text, owner, tag) in enumerate(described):
        yield dataset_event(
            at(DAYS[0], f"08:{minute:02}:00"),
            key,
            documentation={"description": text, "contentType": "text/markdown"},
            ownership=owners(owner),
            tags=tags("USER", tag),
        )
    yield dataset_event(
        at(DAYS[0], "08:20:00"), "pg.customers", schema=schema(SHOP["pg.customers"])
    )
    yield dataset_event(
        at(WIDENED, "01:00:00"),
        "pg.customers",
        schema=schema(CUSTOMERS_2),
        lifecycleStateChange={"lifecycleStateChange": "ALTER"},
    )
    yield from lifecycles()
    view = SHOP["mart.v_high_value_customers"]
    first = replace(
        view,
        columns=tuple(column for column in view.columns if column.name != "city"),
        wide=view.wide[:1],
    )
    for when, table in ((at(DAYS[1], "14:00:00"), first), (at(DAYS[5], "08:30:00"), view)):
        yield dataset_event(
            when,
            view.key,
            schema=schema(table),
            datasetType={"datasetType": "VIEW"},
            lineage=explicit(table),
        )


def lifecycles() -> Iterator[Json]:
    words = ("order_id", "customer_id", "legacy_code", "legacy_total", "migrated_at")
    legacy = Table("", "", tuple(Column(word, "VARCHAR") for word in words))
    yield dataset_event(
        at(DAYS[0], "08:21:00"),
        "stg.orders_legacy",
        schema=schema(legacy),
        lifecycleStateChange={"lifecycleStateChange": "CREATE"},
    )
    yield dataset_event(
        at(RENAMED, "01:30:00"),
        "mart.product_performance",
        schema=schema(SHOP["mart.product_performance"]),
        lifecycleStateChange={
            "lifecycleStateChange": "RENAME",
            "previousIdentifier": identity("mart.product_sales"),
        },
    )
    yield dataset_event(
        at(DAYS[5], "12:00:00"),
        "stg.orders_legacy",
        lifecycleStateChange={"lifecycleStateChange": "DROP"},
    )
    yield dataset_event(
        at(DAYS[7], "04:55:00"),
        "raw.partner_orders",
        lifecycleStateChange={"lifecycleStateChange": "TRUNCATE"},
    )


# All of it


def instant(event: Json) -> datetime:
    when = datetime.fromisoformat(event["eventTime"])
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def events() -> list[Json]:
    """Every event, by time; one model's COMPLETE comes before its START, as networks have it."""
    made = [*full_day(DAYS[0]), *full_day(DAYS[-1]), *streaming(), *declarations(), *catalogue()]
    for day in DAYS[1:-1]:
        made += light_day(day)
    made += [*partner_feeds(DAYS[-1]), *aborted_backfill(DAYS[5]), *inventory_export(DAYS[6])]
    made.sort(key=instant)
    late = next(
        index
        for index, event in reversed(list(enumerate(made)))
        if event.get("eventType") == "START" and event["job"]["name"].endswith("stg_payments")
    )
    done = next(
        index
        for index in range(late, len(made))
        if made[index].get("eventType") == "COMPLETE" and made[index]["run"] == made[late]["run"]
    )
    made.insert(done, made.pop(late))
    return made


def render() -> bytes:
    lines = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in events()]
    return ("\n".join(lines) + "\n").encode()


if __name__ == "__main__":
    TARGET.write_bytes(render())
    print(f"{TARGET}: {len(events())} events, {TARGET.stat().st_size:,} bytes")
