"""What a benchmark measured: distributions, the machine it ran on, a table and a JSON file."""

import json
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

Cell: TypeAlias = str | int | float | bool | None
Row: TypeAlias = dict[str, Cell]

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Distribution:
    p50: float
    p99: float
    maximum: float
    mean: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Distribution":
        ordered = sorted(values)
        if not ordered:
            return cls(0.0, 0.0, 0.0, 0.0)
        last = len(ordered) - 1
        return cls(
            ordered[last // 2], ordered[round(last * 0.99)], ordered[-1], statistics.fmean(ordered)
        )


def machine(folder: Path) -> Row:
    """Facts that figures depend on; no host name and no path, so that results can be published."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu_model(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: _version(name) for name in ("headwater", "uvicorn", "uvloop", "httptools")},
        "filesystem": _filesystem(folder),
        "fdatasync_p50_ms": round(_fdatasync_ms(folder), 3),
        "load_1min": round(os.getloadavg()[0], 2),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str | None:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, None)


def _filesystem(folder: Path) -> str:
    """The type of the file system that holds `folder`: on tmpfs a sync costs nothing."""
    folder = folder.resolve()
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(len(at), kind) for at, kind in mounts if folder.is_relative_to(at)]
    return max(holding)[1]


def _fdatasync_ms(folder: Path, count: int = 200) -> float:
    with tempfile.TemporaryFile(dir=folder) as file:
        times = []
        for _ in range(count):
            file.write(bytes(9_000))
            file.flush()
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1_000


def table(rows: Sequence[Row]) -> str:
    """A markdown table; rows of one shape, columns in the order of the first row."""
    titles = list(dict.fromkeys(title for row in rows for title in row))
    lines = [titles, ["---"] * len(titles)]
    lines += [[_text(row.get(title)) for title in titles] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 1_000 else f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def write(name: str, rows: Sequence[Row], facts: Row, settings: Row) -> Path:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    report = {"benchmark": name, "machine": facts, "settings": settings, "rows": list(rows)}
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path
