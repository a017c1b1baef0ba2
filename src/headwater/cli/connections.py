"""`headwater connections`: which datasets the tables of Huawei's data connections are."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import click
import msgspec

from headwater import errors
from headwater.cli import options, output
from headwater.cli.options import Command

PROJECT = click.option("--project", required=True, help="The project id.")


class Changes(Protocol):
    async def change(self, method: str, path: str, body: bytes) -> bytes:
        """The body of a good answer; raises HeadwaterError where there is none."""
        ...


def which(command: Command) -> Command:
    """The connection that is meant."""
    added: tuple[Callable[[Command], Command], ...] = (
        PROJECT,
        click.option("--id", "connection", help="The connection of this id."),
        click.option("--name", help="The connection of this name; needs --workspace."),
        click.option("--workspace", help="The workspace of the name."),
        click.option("--cluster", help="All of this cluster id that have no id and no name."),
        click.option("--type", help="All of this type that have nothing else."),
    )
    for option in reversed(added):
        command = option(command)
    return command


@click.group(short_help="Map Huawei's data connections to other producers' namespaces.")
def connections() -> None:
    """Huawei's requests never say host and port, so a table has the namespace of its connection.
    A map says which namespace Spark, Hive, dbt or Flink use, and makes both names one dataset.

    With a running server, name it (--server); else the database file is changed.
    """


@connections.command("set", short_help="Map a connection, for what came before too.")
@which
@click.option("--namespace", required=True, help="Where others say it is: hive://meta:9083.")
@click.option("--pattern", help="How its tables are named there. Default: database.schema.table.")
@options.target
@options.run
async def set_connection(project: str, namespace: str, pattern: str | None, **given: Any) -> None:
    """Map a connection. Every table that is known by it is joined with its other name."""
    said = {"namespace": namespace, "pattern": pattern}
    answer = await _change("PUT", project, said, given)
    output.line(
        f"{answer['source']} is {answer['namespace']}: {answer['datasets']:,} tables joined."
    )


@connections.command("list", short_help="Show all maps of a project.")
@PROJECT
@options.target
@options.output_format("table", "json")
@options.run
async def list_connections(project: str, format: str, **given: Any) -> None:
    """Show every map of a project."""
    answer = await _change("GET", project, {}, given)
    found = answer["connections"]
    if format == "json":
        output.json_of(found)
        return
    names = ("source", "namespace", "pattern")
    output.table(names, [tuple(each[name] for name in names) for each in found])


@connections.command("remove", short_help="Take a map back.")
@which
@options.target
@options.run
async def remove_connection(project: str, **given: Any) -> None:
    """Take a map back. Every table that it joined stands for itself again."""
    answer = await _change("DELETE", project, {}, given)
    output.line(f"{answer['source']}: {answer['datasets']:,} tables parted.")


async def _change(method: str, project: str, said: dict[str, Any], given: dict[str, Any]) -> Any:
    place = {name: given.pop(name) for name in ("database", "server", "key", "domain")}
    from headwater.ids import encode

    body = {name: value for name, value in (said | given).items() if value is not None}
    path = f"/v1/{encode(project)}/headwater/connections"
    async with _changes(options.place(**place)) as changes:
        answer = await changes.change(method, path, msgspec.json.encode(body))
    return msgspec.json.decode(answer)


@asynccontextmanager
async def _changes(place: options.Place) -> AsyncIterator[Changes]:
    if place.server is not None:
        from headwater.cli.client import Client

        async with Client(place.server, place.key, place.domain) as client:
            yield client
        return
    from headwater.app import create_app
    from headwater.settings import Settings

    settings = Settings.load(database=place.database, access_log=False, log_level="error")
    try:
        app = await create_app(settings)
    except errors.DatabaseLocked as error:
        raise errors.DatabaseLocked(
            f"{error.message}; where that is a server, name it: --server URL"
        ) from error
    try:
        yield _File(app)
    finally:
        await app.close()


class _File:
    """The handlers of the dialect, called without a server; whoever has the file may do all."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def change(self, method: str, path: str, body: bytes) -> bytes:
        from headwater.auth.principal import Principal
        from headwater.dialects.dataarts.routes import dialect
        from headwater.http.message import Request
        from headwater.http.router import Router

        context = self._app.context
        made = dialect(context)
        request = Request(method, path.encode(), b"", {}, "cli")
        match = Router([made]).match(method, request.raw_path)
        request.path, request.body = match.path, body
        projects = {each.id: each.domain for each in await context.store.projects()}
        request.principal = Principal.anyone(projects.get(request.path[0], "default"))
        return (await match.route.handler(request)).body
