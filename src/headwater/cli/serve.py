"""`headwater serve`: the server."""

import shlex
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from headwater import __version__, errors
from headwater.cli import options, output

if TYPE_CHECKING:
    from headwater.settings import Settings

REFUSED = 2


@click.command(short_help="Run the server.")
@click.option("--host", help="The address to listen on. Default: 127.0.0.1, this machine only.")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one. Default: 8080.")
@click.option(
    "--database",
    metavar="PATH-OR-URL",
    help="The database. Default: HEADWATER_DATABASE, else a file in your data folder.",
)
@click.option("--insecure", is_flag=True, default=None, help="Take requests without any key.")
@click.option("--workers", type=click.IntRange(1), default=1, help="Processes; SQLite has one.")
@click.option("--log-format", type=click.Choice(("json", "console")), help="Default: json.")
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    help="The least severe lines to log. Default: info.",
)
@click.option("--access-log/--no-access-log", default=None, help="A line for each request.")
def serve(workers: int, **given: Any) -> None:
    """Run the server until SIGTERM or Ctrl-C; what was received is committed and answered first.

    Every other setting is an environment variable; they stand in the reference. The command ends
    with 0 after a stop, and with 2 when it cannot start.
    """
    from headwater import app
    from headwater.settings import Settings

    try:
        settings = Settings.load(**given)
        scheme, _ = app.store_of(settings.database)
        if workers > 1 and scheme == "sqlite":
            raise errors.InvalidParameter(
                "--workers", "SQLite has one process that writes; --workers is for PostgreSQL"
            )
        run_loop(run_server(settings, output.note))
    except errors.HeadwaterError as error:
        output.stop(error.message, REFUSED)
    except OSError as error:
        output.stop(f"{error.filename or 'cannot start'}: {error.strerror}", REFUSED)


async def run_server(
    settings: "Settings",
    say: Callable[[str], None],
    more: Callable[[str], list[str]] = lambda _: [],
) -> None:
    """Serves, and says at the start where, on what and for whom.

    Args:
        more: further lines to say, made of the address.
    """
    import asyncio

    from headwater import app

    announcing: set[asyncio.Task[None]] = set()

    async def announce(address: str) -> None:
        for line in (*await _state(settings, address), *more(address)):
            say(line)

    def on_ready(address: str) -> None:
        announcing.add(asyncio.create_task(announce(address)))

    await app.run(settings, on_ready)


async def _state(settings: "Settings", address: str) -> list[str]:
    return [
        f"Headwater {__version__}",
        f"  address   {address}",
        f"  database  {output.safe(settings.database)}",
        f"  access    {await _access(settings)}",
    ]


async def _access(settings: "Settings") -> str:
    from headwater.stores.sqlite import open_admin

    if settings.insecure:
        return "open to everyone who reaches it (--insecure)"
    keys = await (await open_admin(options.database_file(settings.database))).keys()
    held = sum(key.revoked_at is None for key in keys)
    if not keys:
        database = shlex.quote(settings.database)
        make = f"{output.program()} keys create --database {database}"
        return f"open to this machine until a key is made: {output.safe(make)}"
    return f"by key: {held} of {len(keys)} in force"


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Runs under uvloop where there is one."""
    import asyncio

    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)
