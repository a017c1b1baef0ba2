"""The command line: `headwater COMMAND`.

A registry: the module of a command is loaded when it is asked for, and imports at its head only
click and the error tree; what a command needs to run it imports when it runs. That keeps
`headwater --help` under a quarter of a second, with a server's worth of libraries at hand.
"""

import importlib
import sys
from typing import Any

import click

from headwater import __version__, errors

REFUSED = 2

# In the order of --help; each module has a command of that name, with `_` for `-`.
COMMANDS = {
    "demo": "demo",
    "serve": "serve",
    "load": "load",
    "import-marquez": "import_marquez",
    "export": "export",
    "lineage": "ask",
    "search": "ask",
    "runs": "ask",
    "events": "ask",
    "keys": "keys",
    "domains": "keys",
    "users": "accounts",
    "projects": "accounts",
    "connections": "connections",
    "rebuild": "maintain",
    "verify": "maintain",
    "prune": "maintain",
}


class Commands(click.Group):
    """Loads commands when they are asked for; ends what goes wrong on purpose with one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"headwater.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # click ends quietly when the reader of a pipe has left
        except errors.HeadwaterError as error:
            _stop(error.message, _code(error))
        except OSError as error:
            _stop(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)


def _stop(message: str, code: int) -> None:
    from headwater.cli import output

    output.stop(message, code)


def _code(error: errors.HeadwaterError) -> int:
    """2 where the command could not begin: a bad value, a database that cannot be used."""
    return REFUSED if isinstance(error, errors.StoreError | errors.InvalidParameter) else 1


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="headwater %(version)s")
def main() -> None:
    """Headwater keeps every lineage event and answers where data comes from and where it goes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the terminal cannot write is escaped
            stream.reconfigure(errors="backslashreplace")
