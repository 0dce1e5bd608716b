"""Commands for auditors, who verify the register with software of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import (
    BAD_FILE,
    EXIT_CODES,
    HOME,
    REFUSED,
    USAGE,
    Home,
    fail,
    home_of,
    named,
    progress,
    register,
)

app = typer.Typer(
    help="Export bundles that an auditor verifies with ops/aeo-verify.", no_args_is_help=True
)


@app.command(epilog=EXIT_CODES)
def export(
    out: Annotated[str, typer.Option(metavar="FILE", help="The bundle (a zip file) to write.")],
    everything: Annotated[bool, typer.Option("--all", help="The whole register.")] = False,
    administration: Annotated[
        str | None, typer.Option(help="With its programmes, operators and agreements.")
    ] = None,
    operator: Annotated[str | None, typer.Option(metavar="TIN", help="One operator.")] = None,
    agreement: Annotated[str | None, typer.Option(metavar="CODE", help="One agreement.")] = None,
    since: Annotated[
        int | None,
        typer.Option(help="Prove consistency with an earlier checkpoint of this many leaves."),
    ] = None,
    home: Home = HOME,
) -> None:
    """Write an audit bundle: events with their salts, proofs, signed checkpoints, expected state.

    The bundle is of the last checkpoint, and identical byte for byte for the same tree. It contains
    data that only auditors may read. Verify it with: python3 ops/aeo-verify bundle FILE --policy
    POLICY
    """
    from psycopg import IsolationLevel

    from api.audit.bundle import NothingToExport, Scope, export
    from api.graphql.errors import Unanswered
    from api.graphql.global_ids import key_of
    from registry.domain.values import Tin
    from registry.ledger.connections import Session

    try:
        operator = operator and Tin.parse(operator).text
        agreement = agreement and key_of("Agreement", agreement, "--agreement")
    except (ValueError, Unanswered) as error:
        fail(USAGE, str(error))
    asked = {"administration": administration, "operator": operator, "agreement": agreement}
    scopes = [Scope(kind, id) for kind, id in asked.items() if id is not None]
    if everything:
        scopes.append(Scope())
    if len(scopes) != 1:
        fail(USAGE, "say one of --all, --administration, --operator and --agreement")
    policy = home_of(home) / "witnesses.txt"
    path = named(out)
    with register(home) as url:
        try:
            text = policy.read_text(encoding="utf-8")
        except OSError as error:
            fail(BAD_FILE, f"{error}: the signer writes it, and nothing was signed from here yet")
        with Session.connect(url) as connection, progress(path.name) as bar:
            # Snapshot isolation: one consistent state, while others keep recording.
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            try:
                done = export(connection, scopes[0], path, text, since=since, progress=bar)
            except NothingToExport as error:
                fail(REFUSED, str(error))
    print(f"{path}: {done.events:,} events, proved by the signed tree of {done.size:,} leaves")
