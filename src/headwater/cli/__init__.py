"""The command line: `headwater COMMAND`.

Modules of commands import only click and the error tree at their head; a command imports what it
needs when it runs. `headwater --help` stays under a quarter of a second that way.
"""

from typing import Any

import click

from headwater import __version__, errors
from headwater.cli import ask, demo, export, keys, load, maintain, output, serve

REFUSED = 2


class Group(click.Group):
    """Turns what goes wrong on purpose into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # click ends quietly when the reader of a pipe has left
        except errors.StoreError as error:
            output.stop(error.message, REFUSED)
        except errors.InvalidParameter as error:
            output.stop(error.message, REFUSED)
        except errors.HeadwaterError as error:
            output.stop(error.message)
        except OSError as error:
            output.stop(f"{error.filename}: {error.strerror}" if error.filename else str(error))


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="headwater %(version)s")
def main() -> None:
    """Headwater keeps every lineage event and answers where data comes from and where it goes."""


for command in (
    serve.serve,
    demo.demo,
    load.load,
    export.export,
    ask.lineage,
    ask.events,
    ask.runs,
    ask.search,
    keys.keys,
    keys.domains,
    maintain.rebuild,
    maintain.verify,
    maintain.prune,
):
    main.add_command(command)
