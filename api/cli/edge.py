"""Commands of an edge: run it, and ask it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.golden_copy import keys_given
from api.cli.terminal import (
    BAD_FILE,
    EXIT_CODES,
    REFUSED,
    USAGE,
    Json,
    fail,
    instant,
    named,
    print_json,
    say,
    shown,
    word,
)
from api.cli.tokens import given_token

if TYPE_CHECKING:
    from api.edge.following import FolderSource, RegisterSource
    from api.edge.store import EdgeStore

app = typer.Typer(
    help="An edge: a partner's border post answers offline, from a golden copy.",
    invoke_without_command=True,
)
EdgeHome = Annotated[
    str,
    typer.Option("--edge-home", envvar="AEO_EDGE_HOME", help="The folder of the edge's data."),
]
EDGE_HOME = ".aeo-edge"
MOST_WAIT = 5.0  # seconds for which the register may hold a look that has no answer yet


@app.callback(epilog=EXIT_CODES)
def run(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="URL|FOLDER", help="The register, or a folder of golden copies."
        ),
    ] = None,
    partner: Annotated[
        str | None, typer.Option("--for", metavar="CODE", help="The partner whose edge it is.")
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="A verifier key that must sign, or a file of them: of golden copies, and of the"
            " log. Kept from then on. Without it the register's own are taken at the first start.",
        ),
    ] = None,
    token_file: Annotated[
        str | None, typer.Option(help="A file with the partner's token for the register.")
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client",
            metavar="FILE",
            help="What `aeo client new` wrote: tokens are got with its key, and renewed in time.",
        ),
    ] = None,
    every: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=86_400,
            help="Seconds between two looks at the source. A register says at once what changes.",
        ),
    ] = 1.0,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The TCP port to listen on.")] = 8430,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    once: Annotated[
        bool, typer.Option("--once", help="Take what the source has, report, and end.")
    ] = False,
    edge_home: EdgeHome = EDGE_HOME,
) -> None:
    """Run an edge: it answers the register's question on this machine, from a golden copy.

    It verifies the signature of everything that it takes, goes on without a line, and says with
    each answer how old its data is. Past the limit of the agreement it answers UNKNOWN.
    """
    if context.invoked_subcommand is not None:
        return
    from api.edge.server import Following, serve
    from api.edge.store import EdgeStore
    from api.observability.logging import to_json_lines

    if source is None:
        fail(USAGE, "--from: found nothing, wanted the address of the register, or a folder")
    to_json_lines()
    store = EdgeStore(named(edge_home) / "edge.sqlite")
    where = _source(
        source,
        partner,
        given_token(token_file, client, os.environ.get("AEO_EDGE_TOKEN", "")),
        min(every, MOST_WAIT),
    )
    _pin(store, where, keys)
    following = Following(store, where, every)
    if once:
        took = following.look()
        for each in took:
            say(f"{each.what}: {each.records:,} records, position {each.position:,}")
        if following.why:
            fail(BAD_FILE, following.why)
        return
    serve(store, following, host, port, say)


@app.command(epilog=EXIT_CODES)
def ask(
    tin: Annotated[str, typer.Argument(help="A TIN, or a code like AEOCN1234567890.")],
    at: Annotated[
        str | None, typer.Option(help="Valid time: an instant, or a day (UTC). Default: now.")
    ] = None,
    edge_home: EdgeHome = EDGE_HOME,
    as_json: Json = False,
) -> None:
    """Ask the edge's own copy whether an operator is recognised, without a line.

    The exit code is 0 for every answer, also for UNKNOWN.
    """
    from api.edge.answers import answers
    from api.edge.store import EdgeStore, NotFilled, age
    from registry.domain.recognition import Question
    from registry.domain.values import AdministrationCode, Tin

    now = datetime.now(UTC)
    path = named(edge_home) / "edge.sqlite"
    if not path.exists():
        fail(REFUSED, f"there is no edge in {path.parent}: ./aeo edge --from URL|FOLDER makes one")
    store = EdgeStore(path)
    try:
        state = store.state()
        territory = AdministrationCode(state.partner)
        asked = Question(territory, instant(at) or now)
        [answer] = answers(store, [word(Tin, tin, "TIN")], asked)
    except NotFilled as error:
        fail(REFUSED, str(error))
    store.keep([answer.look(now, "aeo edge ask")])
    fields = answer.as_fields() | {"ageSeconds": age(state, now), "asOf": state.moment.at}
    if as_json:
        print_json(fields)
        return
    reasons = ", ".join(reason["code"] for reason in fields["reasons"])
    print(f"{fields['tin']} in {fields['in']}: {fields['outcome']} ({reasons})")
    for reason in fields["reasons"]:
        say(f"  {reason['message']}")
    hours = fields["ageSeconds"] / 3600
    print(
        f"  at {shown(fields['at'])}, by a copy of {shown(fields['asOf'])}, {hours:.1f} hours old"
    )


def _source(
    source: str, partner: str | None, token: Callable[[], str] | None, wait: float
) -> FolderSource | RegisterSource:
    from api.edge.following import FolderSource, RegisterSource
    from registry.domain.values import AdministrationCode

    code = word(AdministrationCode, partner.strip().upper(), "--for") if partner else None
    if not source.startswith(("http://", "https://")):
        folder = named(source)
        if not folder.is_dir():
            fail(BAD_FILE, f"--from: {folder} is no folder")
        return FolderSource(folder, code.text if code else None)
    if code is None:
        fail(USAGE, "--for: found nothing, wanted the partner whose edge it is")
    return RegisterSource(source.rstrip("/"), code.text, token, wait)


def _pin(store: EdgeStore, source: FolderSource | RegisterSource, given: list[str] | None) -> None:
    """Pins the given keys; at the first start without any, those that the register names."""
    from api.edge.following import FolderSource, NoLine

    if given:
        store.pin([str(key) for key in keys_given(given)])
        return
    if store.pinned():
        return
    if isinstance(source, FolderSource):
        fail(USAGE, "--key: found none, wanted the verifier key of the golden copies in the folder")
    try:
        found = source.keys()
    except NoLine as error:
        fail(REFUSED, f"the register's keys cannot be read, and none were given: {error}")
    store.pin(found)
    for key in found:
        say(f"trusts {key} from now on: compare it with the one that you were given")
