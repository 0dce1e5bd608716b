"""Commands about clients: programs that get access tokens from the register itself."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from api.cli.terminal import (
    BAD_FILE,
    EXIT_CODES,
    HOME,
    REFUSED,
    USAGE,
    Actor,
    Home,
    complain,
    fail,
    home_of,
    named,
    register,
)

if TYPE_CHECKING:
    from registry.domain import commands as c

app = typer.Typer(
    help="Clients: programs that get access tokens with a key of their own.", no_args_is_help=True
)
SEEN = 10.0  # seconds to wait until the read models show a command
Url = Annotated[
    str | None,
    typer.Option(
        envvar="AEO_PUBLIC_URL",
        metavar="URL",
        help="The address under which clients reach it; otherwise that of `up`.",
    ),
]
ADDRESS = "http://127.0.0.1:8420"


@app.command(epilog=EXIT_CODES)
def new(
    acts_for: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT",
            help="Whom it acts for: partner:KR, officer:CN, company:TIN or auditor:*.",
        ),
    ],
    client: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id; by default one is made.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name, for people.")] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="The new file for its private key.")
    ] = None,
    url: Url = None,
    actor: Actor = "client",
    home: Home = HOME,
) -> None:
    """Make a key pair and a client, and print where the key is and how to ask with it.

    The register records the client and its public key as events. The private key is in the file
    alone: hand it to the partner over a secure channel, or let the partner make its own key and
    register its public part with addClientKey.
    """
    from api.access.client_tokens import write_client_file
    from registry.domain import commands as c
    from registry.domain.clients import administration_of
    from registry.domain.errors import BadValue, Refusal

    try:
        administration = administration_of(acts_for)
    except BadValue as error:
        fail(USAGE, str(error))
    begin = str(administration).lower() if administration else "auditor"
    url = url or _address(home)
    client = client or f"{begin}-{secrets.token_hex(4)}"
    if Path(client).name != client:
        fail(USAGE, f"--id: found {client!r}, wanted letters, digits, . _ and -")
    file = named(out) if out else home_of(home) / "clients" / f"{client}.json"
    try:
        key = write_client_file(file, url, client)
    except OSError as error:
        fail(BAD_FILE, f"{file}: {error.strerror}")
    try:
        _record(
            home,
            actor,
            c.RegisterClient(
                command_id=uuid4(), client=client, name_=name or client, acts_for=acts_for
            ),
            c.AddClientKey(command_id=uuid4(), client=client, key=key),
        )
    except BaseException as error:
        with suppress(OSError):
            file.unlink()
        if isinstance(error, Refusal):
            fail(REFUSED, f"{error.code}: {error}")
        raise
    print(f"client   {client}, which acts for {acts_for}")
    print(f"key      {file}")
    print(f"to try   {_curl(file, url)}")


@app.command(epilog=EXIT_CODES)
def token(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file that `new` wrote.")],
) -> None:
    """Print an access token for a client, got with its key. It is valid for five minutes."""
    from api.access.client_tokens import NoToken, get_token, read_client_file

    path = named(file)
    try:
        client = read_client_file(path)
    except OSError as error:
        fail(BAD_FILE, f"{path}: {error.strerror}")
    except ValueError as error:
        fail(BAD_FILE, f"{path}: {error}")
    try:
        print(get_token(client).text)
    except NoToken as error:
        fail(REFUSED, str(error))


@app.command(epilog=EXIT_CODES)
def revoke(
    client: Annotated[str, typer.Argument(metavar="ID", help="The client's id.")],
    reason: Annotated[str | None, typer.Option(help="Why, as text.")] = None,
    actor: Actor = "client",
    home: Home = HOME,
) -> None:
    """Revoke a client for ever: it gets no more tokens, and those it has end within a minute."""
    from registry.domain import commands as c

    _recorded(home, actor, c.RevokeClient(command_id=uuid4(), client=client, reason=reason))
    print(f"revoked  {client}")


@app.command("retire-key", epilog=EXIT_CODES)
def retire_key(
    client: Annotated[str, typer.Argument(metavar="ID", help="The client's id.")],
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="The key's thumbprint.")],
    actor: Actor = "client",
    home: Home = HOME,
) -> None:
    """Retire one key of a client: tokens that it got with that key end within a minute."""
    from registry.domain import commands as c

    _recorded(home, actor, c.RetireClientKey(command_id=uuid4(), client=client, key_id=key_id))
    print(f"retired  {key_id} of {client}")


@app.command("list", epilog=EXIT_CODES)
def list_clients(home: Home = HOME) -> None:
    """List the clients with their keys."""
    from psycopg.rows import tuple_row

    from registry.ledger.connections import Session

    with (
        register(home, "aeo_reader") as url,
        Session.connect(url, options="-c role=aeo_reader", row_factory=tuple_row) as connection,
    ):
        rows = connection.execute(
            "select c.client, c.acts_for, c.revoked is not null, k.key_id, k.retired is not null"
            " from views.client c left join views.client_key k using (client)"
            " order by c.client, k.position"
        ).fetchall()
    for client, acts_for, revoked, key_id, retired in rows:
        state = "revoked" if revoked else "retired" if retired else "in use"
        print(f"{client}  {acts_for}  {key_id or 'no key'}  {state}")
    if not rows:
        print("no client is registered")


@app.command(epilog=EXIT_CODES)
def quota(
    whose: Annotated[
        str | None,
        typer.Argument(
            metavar="WHOSE",
            help="A group (partner, officer, company, auditor, public, token-address,"
            " token-client), a subject (partner:KR), or a client (partner:KR/ID). Without it all"
            " are listed.",
        ),
    ] = None,
    requests: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Requests in a minute.")
    ] = None,
    work: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="SECONDS", help="Seconds of work in a minute."),
    ] = None,
    default: Annotated[
        bool, typer.Option("--default", help="Remove the quota: the more general one counts.")
    ] = False,
    actor: Actor = "client",
    home: Home = HOME,
) -> None:
    """Show or change how many requests, and how much work, a client may ask for in a minute.

    A change is in force within three seconds in every process of the service, without a restart. A
    client with a quota of its own is counted by itself, all others of its subject together.
    """
    from api.access import quota_rows

    try:
        key = quota_rows.key_of(whose) if whose else None
    except ValueError as error:
        fail(USAGE, str(error))
    changes = default or requests is not None or work is not None
    if changes and key is None:
        fail(USAGE, "WHOSE: found nothing, wanted whose quota is to be changed")
    if default and (requests is not None or work is not None):
        fail(USAGE, "--default: found beside --requests or --work, wanted one of them")
    with register(home, "aeo_writer") as url:
        if key is not None and changes:
            microseconds = None if work is None else round(work * 1_000_000)
            quota_rows.change(url, key, actor, requests, microseconds, default=default)
        rows = quota_rows.quotas_of(url, key)
    for name, found, origin in rows:
        seconds = found.work / 1_000_000
        print(f"{name:24} {found.requests:>10,} requests {seconds:>10,.3f} s of work  {origin}")


def _address(home: str) -> str:
    """Returns the address of `up`. Says so where it is not known."""
    from api.local.up import address_of

    if (found := address_of(home_of(home))) is not None:
        return found
    complain(
        f"no `aeo up` was ready in {home_of(home)} yet, so its address is not known: {ADDRESS} is"
        " supposed; give --url where it is another"
    )
    return ADDRESS


def _recorded(home: str, actor: str, command: c.Command) -> None:
    from registry.domain.errors import Refusal

    try:
        _record(home, actor, command)
    except Refusal as error:
        fail(REFUSED, f"{error.code}: {error}")


def _record(home: str, actor: str, *commands: c.Command) -> None:
    """Records commands, and waits until the read models show them. Raises Refusal."""
    from psycopg.conninfo import make_conninfo

    from projections.engine.read_your_writes import wait_until
    from registry.application.registry import Registry
    from registry.ledger.database import environment

    with register(home, "aeo_writer", "aeo_reader") as url:
        registry = Registry(environment(url))
        try:
            positions = [
                position
                for command in commands
                for position in registry.execute(command, actor).positions
            ]
        finally:
            registry.close()
        if positions and not wait_until(
            make_conninfo(url, options="-c role=aeo_reader"), positions[-1], SEEN
        ):
            complain(
                f"recorded at position {positions[-1]}; the service knows it once its read models"
                " have seen that: is the projector running (./aeo follow, ./aeo up)?"
            )


def _curl(file: Path, url: str) -> str:
    """A line for a shell that asks one question with a token of this client."""
    from shlex import quote

    asked = """'{"query": "{ viewer { subject mayAsk } }"}'"""
    return (
        f'curl -s {url}/graphql -H "Authorization: Bearer $(./aeo client token {quote(str(file))})"'
        f" -H 'Content-Type: application/json' -d {asked}"
    )
