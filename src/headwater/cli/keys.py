"""`headwater keys` and `headwater domains`: who may use a database, beside a running server too."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater import errors
from headwater.cli import options, output

if TYPE_CHECKING:
    from headwater.stores.sqlite import AccountBook

SCOPES = ("write", "read", "admin")


async def book_of(database: str | None, create: bool = False) -> "AccountBook":
    """Who may do what in a database, which is made if `create` says so."""
    from headwater.stores.sqlite import open_admin

    return await open_admin((options.database_path if create else options.existing)(database))


def now() -> int:
    return time.time_ns() // 1000


def shown(micros: int | None) -> str:
    if micros is None:
        return ""
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat(" ", "seconds")[:19] + "Z"


@click.group(short_help="Create, list and revoke API keys.")
def keys() -> None:
    """API keys. They act at once, on a running server too. One is made for one domain."""


@keys.command("create", short_help="Make a key; its token is shown once.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What the key allows; may be repeated. Default: write and read. Admin allows everything.",
)
@click.option("--label", default="", help="What the key is for.")
@click.option("--domain", default="default", show_default=True, help="The domain it opens.")
@options.DATABASE
@options.output_format("text", "json")
@options.run
async def create_key(
    scopes: tuple[str, ...], label: str, domain: str, database: str | None, format: str
) -> None:
    """Make a key and print its id, its secret, and both as a Bearer token. Note them now.

    Id and secret are the access key and the secret key of clients that sign their requests (AWS,
    Huawei). The secret is kept encrypted, under the key in a file beside the database.
    """
    from headwater.auth import apikeys
    from headwater.auth.principal import Scope
    from headwater.auth.vault import vault_of
    from headwater.settings import Settings

    granted = [Scope(scope) for scope in scopes or ("write", "read")]
    path = Path(options.database_path(database))
    book = await book_of(database, create=True)
    vault = vault_of(path, Settings.load().key_file)
    key, secret = apikeys.create_key(domain, granted, label, now(), vault)
    await book.add_key(key)
    token = apikeys.token_of(key, secret)
    if format == "json":
        output.json_of({"id": key.id, "secret": secret, "token": token})
        return
    output.line(f"id      {key.id}")
    output.line(f"secret  {secret}")
    output.line(f"token   {token}")
    output.note(
        "Secret and token are shown this once. Clients send 'Authorization: Bearer TOKEN', or sign "
        "with id and secret as access key and secret key."
    )


@keys.command("list", short_help="Show all keys, the revoked ones too.")
@options.DATABASE
@options.output_format("table", "json")
@options.run
async def list_keys(database: str | None, format: str) -> None:
    """Show every key: its id, domain, scopes and label, never its secret."""
    found = await (await book_of(database)).keys()
    if format == "json":
        output.json_of(
            [
                {
                    "id": key.id,
                    "domain": key.domain,
                    "scopes": sorted(key.scopes),
                    "label": key.label,
                    "created_at": shown(key.created_at),
                    "revoked_at": shown(key.revoked_at) or None,
                }
                for key in found
            ]
        )
        return
    output.table(
        ("id", "domain", "scopes", "label", "created", "revoked"),
        [
            (
                key.id,
                key.domain,
                sorted(key.scopes),
                key.label,
                shown(key.created_at),
                shown(key.revoked_at),
            )
            for key in found
        ],
    )


@keys.command("session", short_help="Make temporary credentials of a key.")
@click.argument("identity", metavar="ID")
@click.option(
    "--minutes",
    type=click.IntRange(0, 43_200),
    default=60,
    show_default=True,
    help="How long they hold.",
)
@options.DATABASE
@options.output_format("text", "json")
@options.run
async def open_session(identity: str, minutes: int, database: str | None, format: str) -> None:
    """Make credentials of a key that end by themselves, for clients that sign for AWS.

    They may do what the key may, and end with it when it is revoked. With --format json the output
    is what `credential_process` of an AWS configuration reads.
    """
    from headwater.auth.sessions import open_session
    from headwater.auth.vault import vault_of
    from headwater.settings import Settings

    known = {
        key.id
        for key in await (await book_of(database)).keys()
        if key.revoked_at is None and key.sealed is not None
    }
    if identity not in known:
        raise errors.NotFound("no key of this id that signs is in force: headwater keys list")
    vault = vault_of(Path(options.database_path(database)), Settings.load().key_file)
    session = open_session(vault, identity, now() // 1_000_000 + 60 * minutes)
    ends = datetime.fromtimestamp(session.ends_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if format == "json":
        output.json_of(
            {
                "Version": 1,
                "AccessKeyId": session.key_id,
                "SecretAccessKey": session.secret,
                "SessionToken": session.token,
                "Expiration": ends,
            }
        )
        return
    output.line(f"id      {session.key_id}")
    output.line(f"secret  {session.secret}")
    output.line(f"token   {session.token}")
    output.line(f"ends    {ends}")


@keys.command("revoke", short_help="Take a key out of force, at once.")
@click.argument("identity", metavar="ID")
@options.DATABASE
@options.run
async def revoke_key(identity: str, database: str | None) -> None:
    """Take the key of this id out of force. A running server refuses it from its next request."""
    identity = identity.partition(".")[0]  # a whole token will do
    if not await (await book_of(database)).revoke_key(identity, now()):
        raise errors.NotFound("no key of this id is in force: headwater keys list")
    output.line(f"Revoked {output.safe(identity)}.")


@click.group(short_help="Create and list domains.")
def domains() -> None:
    """Domains keep tenants apart: each has its own events, graph and keys."""


@domains.command("create", short_help="Make a domain.")
@click.argument("name")
@options.DATABASE
@options.run
async def create_domain(name: str, database: str | None) -> None:
    """Make a domain of this name."""
    await (await book_of(database, create=True)).create_domain(name, now())
    output.line(f"Created {output.safe(name)}.")


@domains.command("list", short_help="Show all domains.")
@options.DATABASE
@options.output_format("table", "json")
@options.run
async def list_domains(database: str | None, format: str) -> None:
    """Show every domain."""
    found = await (await book_of(database)).domains()
    if format == "json":
        output.json_of(
            [{"name": each.name, "created_at": shown(each.created_at)} for each in found]
        )
        return
    output.table(("name", "created"), [(each.name, shown(each.created_at)) for each in found])
