"""The options that several commands share, and how a command runs."""

import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import click
from click.core import ParameterSource

from headwater.errors import NotFound

P = ParamSpec("P")
T = TypeVar("T")
Command = Callable[..., Any]

SERVER_VARIABLE = "HEADWATER_SERVER"
KEY_VARIABLE = "HEADWATER_KEY"

DATABASE = click.option(
    "--database",
    metavar="PATH",
    help="The database file. Default: HEADWATER_DATABASE, else a file in your data folder.",
)
DOMAIN = click.option("--domain", help="The domain. Default: that of the key, else 'default'.")


def target(command: Command) -> Command:
    """A database file, or a running server."""
    options = (
        DATABASE,
        click.option(
            "--server",
            metavar="URL",
            envvar=SERVER_VARIABLE,
            help=f"Ask a running server instead. Default: {SERVER_VARIABLE}.",
        ),
        click.option(
            "--key",
            metavar="TOKEN",
            envvar=KEY_VARIABLE,
            help=f"The key for the server. Better in {KEY_VARIABLE}: others see command lines.",
        ),
        DOMAIN,
    )
    for option in reversed(options):
        command = option(command)
    return command


def output_format(*names: str) -> Callable[[Command], Command]:
    return click.option(
        "--format",
        "format",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="How to print the answer.",
    )


def run(coroutine: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Makes a coroutine function a plain one, for click."""

    @functools.wraps(coroutine)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        import asyncio  # 40 ms that no --help needs

        return asyncio.run(coroutine(*args, **kwargs))

    return wrapper


def database_path(given: str | None) -> str:
    """The database file that is meant: the option, else the setting."""
    from headwater.settings import Settings

    return database_file(Settings.load(database=given).database)


def existing(given: str | None) -> str:
    """The same, for commands that have nothing to do where there is none.

    Raises:
        NotFound: there is no such file.
    """
    path = database_path(given)
    if not Path(path).exists():
        raise NotFound(f"there is no database at {path}")
    return path


def database_file(location: str) -> str:
    """The file of a path or of a `sqlite://` URL."""
    if "://" not in location:
        return location
    from headwater import app  # loads the server too, so only where a URL wants it

    return app.store_of(location)[1]


class Place(NamedTuple):
    """Where the events are: a database, or a server if one is named."""

    database: str
    server: str | None = None
    key: str | None = None
    domain: str | None = None


def place(
    database: str | None,
    server: str | None,
    key: str | None,
    domain: str | None,
) -> Place:
    """What the options mean together: what is said on the command line wins.

    Raises:
        click.UsageError: both a database and a server are named.
    """
    if database and server:
        if (
            click.get_current_context().get_parameter_source("server")
            is not ParameterSource.ENVIRONMENT
        ):
            raise click.UsageError("--database or --server, not both")
        server = None
    path = "" if server else database_path(database)
    return Place(path, server or None, key or None, domain or None)
