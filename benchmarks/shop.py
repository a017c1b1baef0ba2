"""The make-believe shop: its datasets' names and columns, each a function of seed and number."""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

COLUMNS_PER_DATASET = 30

_AREAS = ("sales", "billing", "stock", "web", "crm", "risk", "hr", "ads", "ops", "fleet")
_NOUNS = (
    "orders", "customers", "payments", "shipments", "returns", "invoices", "sessions", "clicks",
    "carts", "products", "suppliers", "warehouses", "coupons", "reviews", "tickets", "refunds",
    "prices", "campaigns", "visits", "contracts", "accounts", "devices", "routes", "drivers",
)  # fmt: skip
_FORMS = ("raw", "clean", "daily", "hourly", "joined", "fact", "dim", "snapshot", "agg", "latest")
_PREFIXES = (
    "customer", "order", "payment", "product", "shipping", "billing", "session", "campaign",
    "supplier", "refund", "discount", "currency", "warehouse", "device", "region", "first", "last",
    "net", "gross", "source", "target", "created", "updated", "valid", "parent", "external",
)  # fmt: skip
_SUFFIXES = (
    "id", "key", "code", "name", "type", "status", "amount", "count", "rate", "date", "time",
    "at", "by", "total", "label", "score", "hash", "flag", "url", "email", "city", "country",
)  # fmt: skip
_TYPES = ("VARCHAR", "BIGINT", "INTEGER", "DECIMAL(18,2)", "TIMESTAMP", "DATE", "BOOLEAN", "DOUBLE")
_NOTES = (*("",) * 15, "Natural key of the source.", "In the currency of the order.", "UTC.")


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Dataset:
    namespace: str
    name: str
    columns: tuple[Column, ...]


def words(number: int) -> str:
    """Three words that a dataset's or job's name is made of, spread evenly over numbers."""
    noun = _NOUNS[number % len(_NOUNS)]
    form = _FORMS[number // len(_NOUNS) % len(_FORMS)]
    return f"{_AREAS[number % len(_AREAS)]}.{noun}_{form}"


def namespace(number: int) -> str:
    kind = number % 3
    if kind == 0:
        return f"postgres://db-{number % 21:02d}.shop.example:5432"
    if kind == 1:
        return f"s3://shop-lake-{number % 12:02d}"
    return "snowflake://acme-prod"


def _columns(random: Random) -> tuple[Column, ...]:
    names = dict.fromkeys(
        f"{random.choice(_PREFIXES)}_{random.choice(_SUFFIXES)}"
        for _ in range(COLUMNS_PER_DATASET * 2)
    )
    return tuple(
        Column(name, random.choice(_TYPES), random.choice(_NOTES))
        for name in list(names)[:COLUMNS_PER_DATASET]
    )


@lru_cache(maxsize=2_000)
def dataset(seed: int, number: int) -> Dataset:
    random = Random(f"dataset {seed} {number}")
    return Dataset(namespace(number), f"shop.{words(number)}_{number}", _columns(random))
