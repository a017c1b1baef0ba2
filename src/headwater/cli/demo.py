"""`headwater demo`: the server over a small shop's events, and a first look at its lineage."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater import errors
from headwater.cli import options, output

if TYPE_CHECKING:
    from headwater.settings import Settings

NODE = "dataset:looker://shop:dashboards.revenue_overview"
REFUSED = 2


@click.command(short_help="Run the server over sample events and show a lineage tree.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=8080, show_default=True, help="0 takes a free one.")
@click.option("--no-serve", is_flag=True, help="Load and show, without a server.")
def demo(host: str, port: int, no_serve: bool) -> None:
    """Load the sample events of a small shop into a database of their own, show what one of its
    dashboards is made from, and serve it.
    """
    from headwater.cli.serve import run_loop
    from headwater.settings import Settings

    database = _database()
    settings = Settings.load(
        host=host, port=port, database=str(database), log_format="console", insecure=False
    )
    try:
        if not no_serve:
            _require_port(settings)
        if not database.exists():
            database.parent.mkdir(parents=True, exist_ok=True)
            options.run(_load)(database)
        options.run(_show)(database)
        if not no_serve:
            run_loop(_serve(settings))
    except errors.DatabaseLocked as error:
        output.stop(f"{error.message}; is another demo running?", REFUSED)
    except errors.HeadwaterError as error:
        output.stop(error.message, REFUSED)


def _require_port(settings: "Settings") -> None:
    """Says before anything else that a port is taken."""
    from headwater.http import runner

    try:
        with runner.listening(settings.host, settings.port):
            pass
    except errors.Unavailable as error:
        raise errors.Unavailable(
            f"{error.message}. Choose another port: headwater demo --port {settings.port + 1}"
        ) from error


def _database() -> Path:
    """A file in the user's cache, named for the samples that it holds: new ones get a new file."""
    import platformdirs

    from headwater import samples
    from headwater.ids import digest_of

    content = b"".join(path.read_bytes() for path in samples.paths())
    folder = Path(platformdirs.user_cache_dir("headwater", appauthor=False)) / "demo"
    return folder / f"{digest_of(content).hex()[:12]}.db"


async def _show(database: Path) -> None:
    from headwater.cli.backend import ask, open_backend, path
    from headwater.cli.show import show_graph

    async with open_backend(options.Place(str(database))) as backend:
        body = await ask(backend, path("lineage"), node=NODE, direction="up")
    output.line(f"What {NODE} is made from:\n")
    show_graph(body, "tree")
    output.line()


async def _load(database: Path) -> None:
    """All samples in one transaction: the file is complete, or is made again."""
    from headwater import samples
    from headwater.cli.load import store_sink
    from headwater.cli.loading import Report
    from headwater.cli.sources import Item

    items = [
        Item(path.name, number, line)
        for path in samples.paths()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
    ]
    scratch = database.with_suffix(".new")
    for name in ("", "-wal", "-shm"):
        scratch.with_name(scratch.name + name).unlink(missing_ok=True)
    report = Report()
    async with store_sink(str(scratch), None) as sink:
        await sink.put(items, report)
    scratch.replace(database)
    output.line(f"Loaded {report.accepted} sample events.")


async def _serve(settings: "Settings") -> None:
    from headwater.cli.serve import run_server

    await run_server(settings, output.line, _addresses)


def _addresses(server: str) -> list[str]:
    """What to try, once the server is there."""
    return [
        f"  browse    {server}/  {server}/docs",
        f"  try       curl -s '{server}/api/v2/lineage?node={NODE}&direction=up'",
        f"            curl -s '{server}/api/v2/search?q=revenue'",
        f"            curl -s '{server}/api/v2/runs?state=FAIL'",
        f"            {output.program()} search --server {server} orders",
    ]
