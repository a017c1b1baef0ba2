"""`headwater lineage`, `events`, `runs` and `search`: questions to a database or a server."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import click

from headwater import errors
from headwater.cli import options, output
from headwater.cli.times import FORMS, TIME, iso

if TYPE_CHECKING:
    from headwater.cli.backend import Backend

LIMIT = 50
GRAPH_FORMATS = ("tree", "table", "json", "dot", "mermaid")
EVENT_TYPES = ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER")
STATES = ("NEW", "RUNNING", "COMPLETE", "FAIL", "ABORT")
SUGGESTIONS = 5

_SINCE = click.option("--since", type=TIME, help=f"Not before this time: {FORMS}.")
_UNTIL = click.option("--until", type=TIME, help="Before this time.")
_LIMIT = click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=LIMIT,
    show_default=True,
    help="How many to show.",
)


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


@click.command(short_help="Show where a node's data comes from, or where it goes.")
@click.argument("node")
@click.option(
    "--up", "direction", flag_value="up", default=True, help="What it is made from. The default."
)
@click.option("--down", "direction", flag_value="down", help="What depends on it.")
@click.option("--both", "direction", flag_value="both", help="Both ways.")
@click.option("--depth", type=click.IntRange(0, 1000), help="How many edges to follow.")
@click.option("--columns", is_flag=True, help="Follow columns, not whole datasets.")
@click.option("--as-of", type=TIME, help=f"As it was at this time: {FORMS}.")
@click.option("--since", type=TIME, help="All that held from this time on, until --as-of or now.")
@click.option("--limit", type=click.IntRange(1), help="The most nodes to show.")
@click.option("--evidence", is_flag=True, help="How each edge is known, by which runs, since when.")
@options.output_format(*GRAPH_FORMATS)
@options.target
@options.run
async def lineage(node: str, format: str, evidence: bool, **given: Any) -> None:
    """Show the lineage of NODE.

    NODE is dataset:NAMESPACE:NAME, job:NAMESPACE:NAME, field:NAMESPACE:NAME:FIELD or run:ID, as
    `headwater search` shows it. A part that holds ':' may be given as it is; where two readings
    are possible, percent-encode it (%3A).
    """
    from headwater.cli.backend import ask, open_backend, path
    from headwater.cli.show import show_graph

    async with open_backend(_place(given)) as backend:
        try:
            body = await ask(
                backend,
                path("lineage"),
                node=node,
                direction=given["direction"],
                depth=given["depth"],
                columns="true" if given["columns"] else None,
                as_of=_when(given["as_of"]),
                since=_when(given["since"]),
                limit=given["limit"],
            )
        except (errors.NotFound, errors.InvalidRequest) as error:
            await _suggest(backend, node, error)
    show_graph(body, format, evidence)


def _place(given: dict[str, Any]) -> options.Place:
    return options.place(*(given[name] for name in ("database", "server", "key", "domain")))


async def _suggest(backend: "Backend", node: str, error: errors.HeadwaterError) -> NoReturn:
    """Ends the command; names that look like what was asked for may help."""
    import msgspec

    from headwater.cli.answers import Hits, label
    from headwater.cli.backend import ask, path

    word = node.replace(":", " ").replace("/", " ").split()[-1:]
    message = error.message
    try:
        body = await ask(backend, path("search"), q=word[0] if word else "", limit=SUGGESTIONS)
    except errors.HeadwaterError:
        raise error from None
    hits = msgspec.json.decode(body, type=Hits).items
    if hits:
        names = "".join(f"\n  {output.safe(label(hit.id).written)}" for hit in hits)
        output.note(f"headwater: {output.safe(message)}\nIs it one of these?{names}")
        raise click.exceptions.Exit(1)
    output.stop(f"{message}; 'headwater search WORD' finds names")


@click.command(short_help="List events, or show one.")
@click.argument("identity", metavar="[ID]", required=False)
@_SINCE
@_UNTIL
@click.option("--node", help="Only events of this job or dataset, as `search` shows it.")
@click.option("--run", "run_id", help="Only events of this run.")
@click.option(
    "--type", type=click.Choice(EVENT_TYPES, case_sensitive=False), help="Only this type."
)
@click.option("--failed", is_flag=True, help="Only events that nothing could be derived from.")
@_LIMIT
@click.option("--raw", is_flag=True, help="The bytes of event ID as they were received.")
@options.output_format("table", "json")
@options.target
@options.run
async def events(identity: str | None, raw: bool, format: str, **given: Any) -> None:
    """List the newest events; with an ID, show that one."""
    from headwater.cli import listing
    from headwater.cli.backend import ask, ask_list, open_backend, path

    if raw and identity is None:
        raise click.UsageError("--raw needs the ID of an event")
    async with open_backend(_place(given)) as backend:
        if identity is not None:
            if raw:
                listing.show_stored(*await backend.get_stored(path("events", identity, "raw")))
                return
            body = await ask(backend, path("events", identity))
            (listing.show_event if format == "table" else output.json)(body)
            return
        listed = await ask_list(
            backend,
            path("events"),
            given["limit"],
            since=_when(given["since"]),
            until=_when(given["until"]),
            node=given["node"],
            run=given["run_id"],
            type=given["type"],
            failed="true" if given["failed"] else None,
        )
    listing.show_events(listed, format)


@click.command(short_help="List runs, or show one.")
@click.argument("run_id", metavar="[RUN_ID]", required=False)
@_SINCE
@_UNTIL
@click.option("--job", help="Only runs of this job, as `search` shows it.")
@click.option("--namespace", help="Only runs of jobs in this namespace.")
@click.option("--state", type=click.Choice(STATES, case_sensitive=False), help="Only this state.")
@click.option("--parent", help="Only runs that this run started.")
@_LIMIT
@options.output_format("table", "json")
@options.target
@options.run
async def runs(run_id: str | None, format: str, **given: Any) -> None:
    """List the newest runs; with a RUN_ID, show what its events add up to."""
    from headwater.cli import listing
    from headwater.cli.backend import ask, ask_list, open_backend, path

    async with open_backend(_place(given)) as backend:
        if run_id is not None:
            body = await ask(backend, path("runs", run_id))
            (listing.show_run if format == "table" else output.json)(body)
            return
        listed = await ask_list(
            backend,
            path("runs"),
            given["limit"],
            since=_when(given["since"]),
            until=_when(given["until"]),
            job=given["job"],
            namespace=given["namespace"],
            state=given["state"],
            parent=given["parent"],
        )
    listing.show_runs(listed, format)


@click.command(short_help="Find jobs, datasets and columns by a word.")
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option("--kind", type=click.Choice(("dataset", "job")), help="Only these.")
@_LIMIT
@options.output_format("table", "json")
@options.target
@options.run
async def search(words: tuple[str, ...], format: str, **given: Any) -> None:
    """Find what has every WORD in its namespace, name, columns, description or tags."""
    from headwater.cli import listing
    from headwater.cli.backend import MOST, ask, open_backend, path

    async with open_backend(_place(given)) as backend:
        limit = min(given["limit"], MOST)
        body = await ask(
            backend, path("search"), q=" ".join(words), kind=given["kind"], limit=limit
        )
    if format == "json":
        output.json(body)
        return
    listing.show_hits(body)
