"""Makes the database that `tests/migration` upgrades: one of the present schema, kept for good.

    python scripts/make_database_fixture.py

Run it once when a schema is released, before the next migration is written: what a version has
made is the only honest test of what comes after it. The name of the file is the schema's number.
"""

import asyncio
import gzip
import sys
import tempfile
from pathlib import Path

from headwater.access import ApiKey
from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Received
from headwater.ids import digest_of
from headwater.projection import Projector
from headwater.stores.sqlite import open_store
from headwater.stores.sqlite.migrations import migrations

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "tests" / "fixtures" / "events"
TARGET = ROOT / "tests" / "migration" / "fixtures"
SOURCES = ("simple-run", "openlineage-examples", "explicit-lineage", "edge-cases")
RECEIVED_AT = 1_800_000_000_000_000


async def make(path: Path) -> None:
    """A database with the events of the sources, a second domain and a key."""
    store = await open_store(path)
    try:
        await store.create_domain("second", RECEIVED_AT)
        key = ApiKey("HWFIXTURE", "second", frozenset({"read"}), "", "fixture", RECEIVED_AT, None)
        await store.add_key(key)
        projector, decoder = Projector(), Decoder()
        for number, name in enumerate(SOURCES):
            for line in (EVENTS / f"{name}.ndjson").read_bytes().splitlines():
                if line.strip():
                    received = Received(
                        domain=("default", "second")[number % 2],
                        dialect="openlineage",
                        body=line,
                        digest=digest_of(line),
                        event=decoder.decode(line),
                        received_at=RECEIVED_AT,
                    )
                    await store.commit([(received, projector.project(received))])
    finally:
        await store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hw.db"
        asyncio.run(make(path))
        target = TARGET / f"v{len(migrations())}.db.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        with gzip.GzipFile(target, "wb", mtime=0) as packed:
            packed.write(path.read_bytes())
    sys.stdout.write(f"{target}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
