"""Deletes; acceptance rows by number."""

from pathlib import Path
from typing import Any

from tests.unit.dialects.marquez.asking import dataset
from tests.unit.dialects.marquez.writing import Writer, write
from tests.unit.dialects.serving import run_event


def now_event(client_run: int, job: str, *writes: str) -> dict[str, Any]:
    """An event dated after all deletes of a test."""
    outputs = tuple(dataset(name, "shop") for name in writes)
    run = f"{client_run:08d}-1111-7111-8111-111111111111"
    return run_event(run, "COMPLETE", "2027-01-01T00:00:00Z", job, (), outputs)
