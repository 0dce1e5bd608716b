"""`aeo import partner-list`: what a partner administration sends of its operators, compared and
recorded."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.import_file import Encoding, Order, SeparatorOption, Sheet, show_bad, source_from
from api.cli.terminal import (
    HOME,
    REFUSED,
    USAGE,
    Actor,
    Home,
    Json,
    complain,
    fail,
    named,
    print_json,
    print_table,
    printable,
    progress,
    register,
)

if TYPE_CHECKING:
    from api.importing.partner_import import PartnerReport
    from registry.domain.values import AdministrationCode

SHOWN = 20  # changes of a kind that are printed; --json has them all
LAYOUT = "partner-list"


def import_partner_list(
    file: Annotated[str, typer.Argument(help="A workbook (xlsx, xls, ods) or a table (.csv).")],
    administration: Annotated[
        str, typer.Option(metavar="CODE", help="The administration that sent it: PE.")
    ],
    as_of: Annotated[
        str, typer.Option(metavar="DAY", help="The day as of which the list is, in its zone.")
    ],
    programme: Annotated[
        str | None, typer.Option(help="Its programme; needed where it has several.")
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="The meaning of its columns and words, in place of the built-in one.",
        ),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Record it although something is suspicious.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would record, record nothing.")
    ] = False,
    encoding: Encoding = None,
    separator: SeparatorOption = None,
    dates: Order = None,
    sheet: Sheet = None,
    actor: Actor = "import",
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Record the list of operators that a partner administration sends.

    The list is compared with what the register holds of that administration, and what it changes is
    printed: new, suspended, released, changed and ended authorisations. Whoever the list names is
    recorded as listed on its day; whoever it no longer names, as absent from it.

    Nothing is recorded where a line is bad, where rows are doubled or missing, where the day is in
    the future or before that of the last list, and where the operators are of another
    administration. A list that would end more than 5 % of the authorisations at once is recorded
    with --confirm only. The same file again records nothing.
    """
    from api.importing.partner_import import as_plain
    from api.importing.partner_import import import_partner_list as import_list

    code, day = _code(administration), _day(as_of)
    source = source_from(named(file), None, layout or LAYOUT, [], encoding, separator, dates, sheet)
    complain(f"{source.path.name}: {source.dialect.description()}")
    roles = ("aeo_writer", "aeo_auditor")
    with register(home, *roles) as url, progress(source.path.name) as bar:
        report = import_list(
            url,
            source,
            code,
            day,
            actor=actor,
            programme=programme,
            confirm=confirm,
            dry_run=dry_run,
            progress=bar,
        )
    if as_json:
        print_json(as_plain(report))
    else:
        _show(report, dry_run)
    if report.bad or (report.suspicious and not (confirm or dry_run)):
        raise typer.Exit(REFUSED)


def _code(text: str) -> AdministrationCode:
    from registry.domain.values import AdministrationCode

    try:
        return AdministrationCode.parse(text)
    except ValueError as error:
        fail(USAGE, f"--administration: {error}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(USAGE, f"--as-of: found {text!r}, wanted a civil day: 2026-11-01")


def _show(report: PartnerReport, dry_run: bool) -> None:
    name = f"list of {report.administration} ({report.programme}) as of {report.as_of}"
    show_bad(report.bad)
    if report.known:
        print(f"{name}: this file was recorded before; nothing is recorded")
        return
    for kind in dict.fromkeys(change.kind for change in report.changes):
        found = [change for change in report.changes if change.kind is kind]
        rows = [
            (str(each.line or "-"), printable(each.tin.text), each.type, printable(each.words))
            for each in found[:SHOWN]
        ]
        print_table(kind.value.capitalize(), ("Line", "Operator", "Type", "What"), rows)
        if (more := len(found) - SHOWN) > 0:
            print(f"and {more:,} more; --json has them all")
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.counts.items()))
    print(f"{name}: {report.rows:,} rows; {counts or 'compared with nothing'}")
    for why in report.suspicious:
        print(f"suspicious: {why}")
    print(_end(report, dry_run))


def _end(report: PartnerReport, dry_run: bool) -> str:
    if report.recorded and not report.events:
        return "the register has all of it already; nothing is recorded"
    if report.recorded:
        return f"{report.events:,} events recorded"
    if report.bad:
        return f"{len(report.bad):,} faults; nothing is recorded"
    if dry_run:
        return "nothing is recorded (--dry-run)"
    return "nothing is recorded; look at it, and say --confirm"
