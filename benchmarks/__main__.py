"""The command line of the benchmarks: `python -m benchmarks --help`."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast, get_args

import click

from benchmarks import (
    compression,
    dataarts,
    datazone,
    graph,
    ingest,
    lineage,
    marquez,
    results,
    size,
)
from benchmarks import floor as floors
from benchmarks.generator import Mode
from benchmarks.graph import Shape
from benchmarks.results import Row
from benchmarks.server import COUNT_EVENTS
from benchmarks.source import Load
from benchmarks.templates import Size

Command = Callable[..., Any]

_ONE_AT_A_TIME_SHARE = 10


def options(*added: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator."""

    def add(command: Command) -> Command:
        for option in reversed(added):
            command = option(command)
        return command

    return add


def _option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    return click.option(*names, show_default=True, **settings)


load_options = options(
    _option(
        "--size", "sizes", multiple=True, type=click.Choice(get_args(Size)), default=("medium",)
    ),
    _option("--events", default=20_000, help="Events timed in each repetition."),
    _option("--repetitions", default=3),
    _option("--connections", default=64),
    _option("--jobs", default=10_000),
    _option("--datasets", default=50_000),
    _option("--seed", default=1),
)
mode_option = _option(
    "--mode", "modes", multiple=True, type=click.Choice(get_args(Mode)), default=("steady",)
)
count_option = _option("--count-sql", default=COUNT_EVENTS, help="How to count the stored events.")


def common_options(name: str) -> Callable[[Command], Command]:
    return options(
        _option("--name", default=name, help="The results' file name."),
        _option("--folder", type=click.Path(path_type=Path, file_okay=False), default=None,
            help="Where databases are made; must be on a real disk.  [default: temporary]"),
    )  # fmt: skip


@contextmanager
def working(folder: Path | None) -> Iterator[Path]:
    """A new folder for one run's databases, removed after it."""
    with TemporaryDirectory(prefix="headwater-bench-", dir=folder) as made:
        yield Path(made)


def publish(name: str, rows: Sequence[Row], settings: Row, folder: Path) -> None:
    facts = results.machine(folder)
    results.write(name, rows, facts, settings)
    floor = [row for row in rows if "floor" in row]
    for part in ([facts], [row for row in rows if row not in floor], floor):
        if part:
            click.echo(results.table(part) + "\n")


def _load(numbers: dict[str, int]) -> Load:
    return replace(Load(), **cast(dict[str, Any], numbers))


def _settings(load: Load) -> Row:
    """What holds for all rows: each says its own size and mode."""
    alike = {name: value for name, value in asdict(load).items() if name not in ("size", "mode")}
    return {**alike, "warmup": load.warmup}


def _with_ratios(rows: Sequence[Row], floor: Sequence[Row]) -> list[Row]:
    """Each row with its rate as a share of the floors measured with the same load."""
    return [row | _ratios(row, floor) for row in rows]


def _ratios(row: Row, floor: Sequence[Row]) -> Row:
    def rate(of: Row) -> float:
        return float(of["events/s"] or 0)

    same = [low for low in floor if all(low[key] == row[key] for key in ("size", "at a time"))]
    return {f"of {low['floor']}": rate(row) / rate(low) for low in same}


@click.group()
@click.option("--cores", default=2, show_default=True, help="Server and load share so many cores.")
def main(cores: int) -> None:
    """Headwater's benchmarks. Each makes its own load from a seed and writes results/NAME.json."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


@main.command("ingest")
@load_options
@mode_option
@count_option
@_option("--one-at-a-time/--no-one-at-a-time", default=False, help="Also with one connection.")
@_option("--load/--no-load", "file", default=False, help="Also `headwater load` of a file.")
@_option("--floor/--no-floor", default=True, help="Also the floors, and our ratio to each.")
@common_options("ingest")
def ingest_command(
    sizes: Sequence[Size],
    modes: Sequence[Mode],
    count_sql: str,
    one_at_a_time: bool,
    file: bool,
    floor: bool,
    name: str,
    folder: Path | None,
    **load: int,
) -> None:
    """Events posted over HTTP: rate, latency, processor time, memory, bytes on disk."""
    base = _load(load)
    alone = replace(base, connections=1, events=max(base.events // _ONE_AT_A_TIME_SHARE, 1))
    loads = [base, alone] if one_at_a_time else [base]
    rows: list[Row] = []
    low: list[Row] = []
    with working(folder) as made:
        for a, b in product(sizes, modes):
            rows += [ingest.http(replace(each, size=a, mode=b), made, count_sql) for each in loads]
            if file:
                rows.append(ingest.by_load(replace(base, size=a, mode=b), made, count_sql))
        for a in sizes if floor else ():
            low += [row for each in loads for row in floors.run(replace(each, size=a), made)]
            if file:
                low += floors.appended(replace(base, size=a), ingest.LOAD_BATCH, made)
        publish(name, [*_with_ratios(rows, low), *low], _settings(base), made)


@main.command("floor")
@load_options
@_option("--batch", "batches", multiple=True, type=int, default=(1, 64, 500))
@common_options("floor")
def floor_command(
    sizes: Sequence[Size], batches: Sequence[int], name: str, folder: Path | None, **load: int
) -> None:
    """What the machine allows: raw appends, and answers without work."""
    base = _load(load)
    rows: list[Row] = []
    with working(folder) as made:
        for a in sizes:
            rows += floors.run(replace(base, size=a), made, batches)
        publish(name, rows, _settings(base), made)


@main.command("size")
@load_options
@count_option
@_option("--step", "steps", multiple=True, type=int, default=(100_000, 300_000, 1_000_000))
@common_options("size")
def size_command(
    sizes: Sequence[Size],
    count_sql: str,
    steps: Sequence[int],
    name: str,
    folder: Path | None,
    **load: int,
) -> None:
    """Memory, database size, ingest rate and read latency as the number of events grows."""
    base = _load(load)
    rows: list[Row] = []
    with working(folder) as made:
        for a in sizes:
            for row in size.run(replace(base, size=a), sorted(steps), made, count_sql):
                click.echo(results.table([row]))
                rows.append(row)
        publish(name, rows, _settings(base), made)


@main.command("compression")
@load_options
@mode_option
@common_options("compression")
def compression_command(
    sizes: Sequence[Size], modes: Sequence[Mode], name: str, folder: Path | None, **load: int
) -> None:
    """What trained dictionaries are worth, in bytes and processor time."""
    base = _load(load)
    rows: list[Row] = []
    with working(folder) as made:
        for a, b in product(sizes, modes):
            rows += compression.run(replace(base, size=a, mode=b), made)
        publish(name, rows, _settings(base), made)


graph_options = options(
    _option("--preset", type=click.Choice(list(graph.PRESETS)), default="small"),
    _option("--columns/--no-columns", default=False, help="With 40 column edges for each job."),
    _option("--seed", default=1),
    _option("--requests", default=1_000, help="Of each question; 1/20 of the large ones."),
    _option("--connections", default=1),
    _option("--database", type=click.Path(path_type=Path, dir_okay=False), default=None,
        help="Keep the loaded graph here; used again when it is there."),
)  # fmt: skip


def _ask(
    titles: Sequence[str],
    shape: Shape,
    requests: int,
    connections: int,
    database: Path | None,
    name: str,
    folder: Path | None,
) -> None:
    rows: list[Row] = []
    with working(folder) as made:
        kept = made / "graph.db" if database is None else database.absolute()
        if not kept.exists():
            rows.append(lineage.prepare(shape, kept))
        rows = [*lineage.ask(shape, titles, kept, requests, connections), *rows]
        settings = {**asdict(shape), "requests": requests, "connections": connections}
        publish(name, rows, settings, made)


@main.command("lineage")
@graph_options
@common_options("lineage")
def lineage_command(preset: str, columns: bool, seed: int, **asked: Any) -> None:
    """Lineage questions to a power-law graph, from random nodes."""
    shape = replace(graph.PRESETS[preset], columns=columns, seed=seed)
    titles = [*lineage.LINEAGE, *(lineage.COLUMN_LINEAGE if columns else ())]
    _ask(titles, shape, **asked)


@main.command("search")
@graph_options
@common_options("search")
def search_command(preset: str, columns: bool, seed: int, **asked: Any) -> None:
    """Searches among the names of the same graph."""
    shape = replace(graph.PRESETS[preset], columns=columns, seed=seed)
    _ask(list(lineage.SEARCH), shape, **asked)


@main.command("marquez")
@_option("--events", default=1_000_000, help="About how many events the database holds.")
@_option("--size", type=click.Choice(get_args(Size)), default="small")
@_option("--requests", default=20, help="Of each question, after the first.")
@_option("--database", type=click.Path(path_type=Path, dir_okay=False), default=None,
    help="Keep the loaded database here; used again when it is there.")  # fmt: skip
@common_options("marquez")
def marquez_command(
    events: int, size: Size, requests: int, database: Path | None, name: str, folder: Path | None
) -> None:
    """Marquez' reads, each over HTTP, one at a time."""
    rows: list[Row] = []
    with working(folder) as made:
        kept = made / "marquez.db" if database is None else database.absolute()
        if not kept.exists():
            rows.append(marquez.prepare(events, size, kept))
        rows = [*marquez.ask(events, kept, requests), *rows]
        publish(name, rows, {"events": events, "size": size, "requests": requests}, made)


@main.command("datazone")
@load_options
@_option("--stored", default=1_000_000, help="How many events the database of the reads holds.")
@_option("--requests", default=500, help="Of each read; 0 leaves the reads out.")
@_option("--database", type=click.Path(path_type=Path, dir_okay=False), default=None,
    help="Keep the database of the reads here; used again when it is there.")  # fmt: skip
@common_options("datazone")
def datazone_command(
    sizes: Sequence[Size],
    stored: int,
    requests: int,
    database: Path | None,
    name: str,
    folder: Path | None,
    **load: int,
) -> None:
    """Signed posts beside plain ones, and reads of nodes and events."""
    base = _load(load)
    rows: list[Row] = []
    with working(folder) as made:
        for size in sizes:
            rows += datazone.posts(replace(base, size=size), made)
        if requests:
            kept = made / "datazone.db" if database is None else database.absolute()
            if not kept.exists():
                rows.append(marquez.prepare(stored, "small", kept))
            rows += datazone.reads(kept, requests)
        publish(name, rows, _settings(base) | {"stored": stored, "requests": requests}, made)


@main.command("dataarts")
@_option("--events", default=20_000, help="Requests timed in each repetition.")
@_option("--repetitions", default=3)
@_option("--connections", default=64)
@common_options("dataarts")
def dataarts_command(
    events: int, repetitions: int, connections: int, name: str, folder: Path | None
) -> None:
    """Huawei's CreateLineageInfo, signed, against OpenLineage events of that size."""
    with working(folder) as made:
        rows = dataarts.run(events, repetitions, connections, made)
        settings: Row = {
            "events": events,
            "repetitions": repetitions,
            "connections": connections,
        }
        publish(name, rows, settings, made)


@main.command("events")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@load_options
@mode_option
def events_command(file: Path, sizes: Sequence[Size], modes: Sequence[Mode], **load: int) -> None:
    """Write the load of an ingest benchmark to FILE (NDJSON), for other tools."""
    made = replace(_load(load), size=sizes[0], mode=modes[0])
    click.echo(f"{ingest.write_events(made, file):,} events")


if __name__ == "__main__":
    main()
