"""`headwater users` and `headwater projects`: whom Huawei's clients name, and for what.

Both act at once, on a running server too.
"""

import sys

import click

from headwater import errors
from headwater.cli import options, output
from headwater.cli.keys import SCOPES, book_of, now, shown

DOMAIN = click.option("--domain", default="default", show_default=True, help="The domain.")


@click.group(short_help="Create, list and remove users with passwords.")
def users() -> None:
    """Users ask for a token by name and password (the token service of Huawei's clients)."""


@users.command("create", short_help="Make a user; the password is asked for.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What the user may do; may be repeated. Default: write and read. Admin allows everything.",
)
@click.option("--replace", is_flag=True, help="Give a user that exists a new password.")
@DOMAIN
@options.DATABASE
@options.run
async def create_user(
    name: str, scopes: tuple[str, ...], replace: bool, domain: str, database: str | None
) -> None:
    """Make a user. The password is asked for, or read as the first line of standard input; it is
    kept as a slow hash. A new password ends the tokens that were given for the old one.
    """
    from headwater.access import UserAccount
    from headwater.auth.passwords import hash_password

    book = await book_of(database, create=True)
    known = {(user.domain, user.name) for user in await book.users()}
    if (domain, name) in known and not replace:
        raise errors.Conflict(f"the user {name!r} exists; --replace gives a new password")
    if not name.strip() or len(name) > 256:
        raise errors.InvalidParameter("name", "is empty or longer than 256 characters")
    granted = frozenset(scopes or ("write", "read"))
    stored = hash_password(_password())
    await book.put_user(UserAccount(domain, name, granted, stored, now()))
    output.line(f"Created {output.safe(name)}.")


def _password() -> str:
    """Never from the command line: others see those."""
    if sys.stdin.isatty():
        given: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise errors.InvalidParameter("password", "is empty")
    return given


@users.command("list", short_help="Show all users.")
@options.DATABASE
@options.output_format("table", "json")
@options.run
async def list_users(database: str | None, format: str) -> None:
    """Show every user: name, domain and scopes, never the password."""
    found = await (await book_of(database)).users()
    if format == "json":
        output.json_of(
            [
                {
                    "name": user.name,
                    "domain": user.domain,
                    "scopes": sorted(user.scopes),
                    "created_at": shown(user.created_at),
                }
                for user in found
            ]
        )
        return
    output.table(
        ("name", "domain", "scopes", "created"),
        [(u.name, u.domain, sorted(u.scopes), shown(u.created_at)) for u in found],
    )


@users.command("remove", short_help="Remove a user and their tokens, at once.")
@click.argument("name")
@DOMAIN
@options.DATABASE
@options.run
async def remove_user(name: str, domain: str, database: str | None) -> None:
    """Remove a user. Tokens that were given to them hold no more."""
    if not await (await book_of(database)).remove_user(domain, name):
        raise errors.NotFound(f"there is no user {name!r} in the domain {domain!r}")
    output.line(f"Removed {output.safe(name)}.")


@click.group(short_help="Add, list and remove project ids of Huawei's clients.")
def projects() -> None:
    """A project id stands in the paths of Huawei's clients; it belongs to one domain."""


@projects.command("add", short_help="Say which domain a project belongs to.")
@click.argument("identity", metavar="ID")
@click.option("--name", help="Its name: the region that an SDK asks for. Default: the id.")
@DOMAIN
@options.DATABASE
@options.run
async def add_project(identity: str, name: str | None, domain: str, database: str | None) -> None:
    """Add a project id to a domain. Keys and users of that domain may use it, no others."""
    from headwater.access import Project
    from headwater.auth.directory import require_project_id

    require_project_id(identity)
    book = await book_of(database, create=True)
    await book.add_project(Project(identity, domain, name or identity, now()))
    output.line(f"Added {output.safe(identity)}.")


@projects.command("list", short_help="Show all projects.")
@options.DATABASE
@options.output_format("table", "json")
@options.run
async def list_projects(database: str | None, format: str) -> None:
    """Show every project: its id, its name and its domain."""
    found = await (await book_of(database)).projects()
    if format == "json":
        output.json_of(
            [
                {
                    "id": project.id,
                    "name": project.name,
                    "domain": project.domain,
                    "created_at": shown(project.created_at),
                }
                for project in found
            ]
        )
        return
    output.table(
        ("id", "name", "domain", "created"),
        [(p.id, p.name, p.domain, shown(p.created_at)) for p in found],
    )


@projects.command("remove", short_help="Take a project away from its domain.")
@click.argument("identity", metavar="ID")
@options.DATABASE
@options.run
async def remove_project(identity: str, database: str | None) -> None:
    """Remove a project id: nobody may use it until it is added again. Its lineage stays."""
    if not await (await book_of(database)).remove_project(identity):
        raise errors.NotFound(f"there is no project {identity!r}")
    output.line(f"Removed {output.safe(identity)}.")
