"""The command line. Every command does one thing, prints what it did, and ends with an exit
code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from api.cli import (
    ask,
    audit,
    bench,
    client,
    completion,
    demo,
    edge,
    erase,
    export,
    golden_copy,
    import_file,
    keys,
    log,
    maintenance,
    mcp,
    partner_list,
    peer_decisions,
    peers,
    replay,
    run,
    status,
)
from api.cli.completion import VARIABLE, answer_shells
from api.cli.groups import CommandGroup
from api.cli.terminal import BAD_FILE, EXIT_CODES, NO_DATABASE, REFUSED, complain
from registry import __version__
from registry.paths import IN_CHECKOUT


class _WordsOfCommands(CommandGroup):
    """Commands, some of which have names of two words: `import FILE`, `import partner-list FILE`.

    A file of that name is given as `./partner-list`.
    """

    def find_command(self, ctx: Any, args: list[str]) -> Any:
        """Takes two words for a command where there is one of that name."""
        both = " ".join(args[:2])
        return super().find_command(ctx, [both, *args[2:]] if both in self.commands else args)


app = typer.Typer(
    name="aeo",
    cls=_WordsOfCommands,
    help="Is this operator recognised in that territory, then, as known then, and why?",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",  # paragraphs are filled to the width of the terminal
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
GROUPS: dict[str, dict[str, Callable[..., None]]] = {
    "Run it": {
        "up": run.up,
        "serve": run.serve,
        "follow": run.follow,
        "clerk": run.clerk,
        "webhooks": run.webhooks,
        "webhooks rotate": run.rotate_webhook_key,
        "checker": run.checker,
        "log": log.log,
        "sign": log.sign,
        "follow-peer": peers.follow_peer,
        "mcp": mcp.mcp,
    },
    "Query it": {
        "ask": ask.ask,
        "history": ask.history,
        "replay": replay.replay,
        "diff": replay.diff,
    },
    "Maintain it": {
        "migrate": maintenance.migrate,
        "load": maintenance.load,
        "import": import_file.import_,
        "import partner-list": partner_list.import_partner_list,
        "rebuild": maintenance.rebuild,
        "check": maintenance.check,
        "status": status.status,
        "resume": status.resume,
        "new-epoch": status.new_epoch,
        "erase": erase.erase,
    },
    "Benchmark it": {"bench": bench.bench},
    "Sign": {
        "new-key": keys.new_key,
        "sign-commands": keys.sign_commands,
        "new-receipt-key": keys.new_receipt_key,
    },
    "Export": {"token": export.token, "export-schema": export.export_schema},
    "Your shell": {"completion": completion.completion},
}
for group, commands in GROUPS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=group, epilog=EXIT_CODES)(command)
app.add_typer(audit.app, name="audit", cls=CommandGroup, rich_help_panel="Export")
app.add_typer(client.app, name="client", cls=CommandGroup, rich_help_panel="Maintain it")
app.add_typer(demo.app, name="demo", cls=CommandGroup, rich_help_panel="Run it")
app.add_typer(peer_decisions.app, name="peer", cls=CommandGroup, rich_help_panel="Maintain it")
app.add_typer(edge.app, name="edge", cls=CommandGroup, rich_help_panel="Run it")
app.add_typer(golden_copy.app, name="golden-copy", cls=CommandGroup, rich_help_panel="Export")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aeo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Is this operator recognised in that territory, then, as known then, and why?"""


def main() -> None:
    """Runs one command. Expected failures end with a sentence and an exit code; others with a
    traceback."""
    if VARIABLE in os.environ:
        answer_shells()
    try:
        app(prog_name="./aeo" if IN_CHECKOUT else "aeo", complete_var=VARIABLE)
    except Exception as error:
        if (advice := _lacking(error)) is not None:
            complain(advice)
            sys.exit(REFUSED)
        code = _code(error)
        if code is None:
            raise  # a defect: show the traceback
        complain(str(error).strip() or type(error).__name__)
        if code == NO_DATABASE and _not_migrated(error):
            complain("this database has no register, or an older one: ./aeo migrate")
        sys.exit(code)


def _lacking(error: Exception) -> str | None:
    """Returns the missing database privilege with the SQL that grants it; None for another
    error."""
    from registry.ledger import privileges

    if isinstance(error, privileges.PrivilegeMissing):
        return str(error)
    return privileges.advice_for(os.environ.get("DATABASE_URL", ""), error)


def _code(error: Exception) -> int | None:
    # Imported here because most commands need none of them at the start.
    import psycopg
    from eventsourcing.persistence import OperationalError

    from api.importing.lines import BadFile
    from api.local.postgres import NoDatabase
    from api.peers.store import NotToBeFollowed, NotYetRecorded
    from api.peers.transport import PeerAway, PeerDeclined
    from registry.domain.errors import Refusal
    from registry.ledger.database import MigrationRefused

    match error:
        case Refusal() | NotToBeFollowed() | NotYetRecorded() | PeerAway() | PeerDeclined():
            return REFUSED
        case NoDatabase() | MigrationRefused() | psycopg.OperationalError() | OperationalError():
            return NO_DATABASE
        case TimeoutError():  # the database did not answer in time
            return NO_DATABASE
        case _ if _not_migrated(error):
            return NO_DATABASE
        case BadFile():
            return BAD_FILE
    return None


def _not_migrated(error: Exception) -> bool:
    from psycopg import errors

    missing = (errors.UndefinedTable, errors.UndefinedObject, errors.InvalidSchemaName)
    return isinstance(error, missing) or isinstance(error.__cause__, missing)
