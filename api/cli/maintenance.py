"""Maintenance commands: migrations, demo data, rebuild and check of the read models."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.import_file import show_bad
from api.cli.terminal import (
    HOME,
    REFUSED,
    USAGE,
    Home,
    Json,
    complain,
    fail,
    position,
    print_json,
    print_table,
    progress,
    register,
)


def migrate(home: Home = HOME) -> None:
    """Migrate the database, forward only. A second run does nothing.

    Read models that were derived by an earlier release, or with other time zones, are derived
    again.
    """
    from api.cli.terminal import home_of
    from api.local.postgres import database
    from projections.engine.rederive import bring_up_to_date
    from registry.ledger.database import migrate as apply

    with database(home_of(home)) as url:
        applied = apply(url, say=complain)
        bring_up_to_date(url, complain)
    print("\n".join(applied) or "up to date")


def load(
    home: Home = HOME,
    operators: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="The number of synthetic operators.")
    ] = 0,
) -> None:
    """Load the published demo world, and as many synthetic operators as asked for.

    Data that is there is not loaded again; an interrupted load continues. Where `AEO_OWN` says for
    which administrations the register is authoritative, operators of others are left out.
    """
    from api.demo.load import load_operators, load_world
    from api.settings import Settings, listed

    with register(home, "aeo_writer", makes=True) as url:
        own = frozenset(listed(Settings(database=url).own))
        if own and operators:
            fail(
                USAGE, "--operators: synthetic ones are of all administrations, and AEO_OWN is set"
            )
        with progress("the world") as bar:
            refused = load_world(url, bar, own)
        if operators:
            with progress(f"{operators:,} synthetic operators") as bar:
                events = load_operators(url, operators, bar)
            print(f"{events:,} events of synthetic operators recorded")
    show_bad(refused)
    if refused:
        fail(REFUSED, f"{len(refused)} lines of the world were refused and left out")
    print("the world is loaded")


def rebuild(
    home: Home = HOME,
    until: Annotated[
        str | None,
        typer.Option(
            help="Only up to a position or an instant: prints the digests and replaces nothing."
        ),
    ] = None,
    digests: Annotated[
        bool, typer.Option("--digests", help="Show the SHA-256 of every table's rows.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Rebuild the read models beside the live ones, and swap them at the end.

    The same events always give the same tables, and therefore the same digests.
    """
    from projections.engine import rebuild as anew
    from projections.engine.projector import Projector
    from registry.ledger.connections import Session

    with (
        register(home, "aeo_owner", "aeo_projector") as url,
        Session.connect(url, autocommit=True) as connection,
    ):
        schema, head = "views", position(url, until or "now")
        with progress("the read models") as bar:
            if until is None:
                reached = anew.rebuild(url, lambda done, more: bar(done, head), complain)
            else:
                schema = "views_until"
                anew.create_tables(connection, schema)
                follower = Projector(url, schema=schema)
                reached = follower.catch_up(lambda done, more: bar(done, head), until=head)
        found = anew.digests(connection, schema) if digests or until else {}
        if until:
            connection.execute("drop schema views_until cascade")
    if as_json:
        print_json({"position": reached, "digests": found})
        return
    print(f"rebuilt up to position {reached:,}")
    if found:
        print_table(None, ("Table", "SHA-256 of its rows"), list(found.items()))


def check(
    home: Home = HOME,
    streams: Annotated[
        int, typer.Option(min=0, help="The number of streams to derive again and compare.")
    ] = 200,
    as_json: Json = False,
) -> None:
    """Check the read models against the ledger and for consistency. Changes nothing."""
    from projections.checking.check import check as prove

    with register(home) as url:
        found = prove(url, streams=streams, say=complain)
    if as_json:
        print_json(
            [
                {
                    "what": finding.what,
                    "good": finding.good,
                    "wrong": finding.wrong,
                    "noted": finding.noted,
                }
                for finding in found
            ]
        )
    else:
        rows = [
            (finding.what, "\n".join([*finding.wrong, *finding.noted]) or "good")
            for finding in found
        ]
        print_table(None, ("What", "Found"), rows)
    if not all(finding.good for finding in found):
        raise typer.Exit(REFUSED)
