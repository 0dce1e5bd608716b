"""`aeo import`: reads files of commands in any dialect, and explains or records them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.terminal import (
    BAD_FILE,
    HOME,
    REFUSED,
    USAGE,
    Actor,
    Home,
    Json,
    complain,
    fail,
    json_text,
    named,
    print_json,
    print_table,
    printable,
    progress,
    register,
)

if TYPE_CHECKING:
    from api.importing.files.reading import Source
    from api.importing.import_file import Report
    from api.importing.lines import Bad

Encoding = Annotated[str | None, typer.Option(help="The encoding, as gb18030, cp1251 or utf-16.")]
SeparatorOption = Annotated[
    str | None, typer.Option("--separator", help="One character, or `tab`, between cells.")
]
Order = Annotated[
    str | None, typer.Option(help="The order in 01/02/2026: dmy or mdy.", metavar="dmy|mdy")
]
Sheet = Annotated[str | None, typer.Option(help="The sheet of a workbook.")]
SHOWN = 20  # notes that are printed; --json has them all


def import_(
    file: Annotated[
        str | None,
        typer.Argument(
            help="A workbook (xlsx, xls, ods), a table (.csv, .tsv, .txt), else JSON lines."
        ),
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="The command of every line that names none.")
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="The meaning of the columns: eu-list, cn-list, or a file.",
        ),
    ] = None,
    constants: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A field with the same value in all lines; repeatable.",
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            help="A name that identifies its lines, in place of the file's name and content."
        ),
    ] = None,
    whole_list: Annotated[
        bool,
        typer.Option(
            "--whole-list",
            help="The list is complete: other operators are recorded as no longer listed.",
        ),
    ] = False,
    encoding: Encoding = None,
    separator: SeparatorOption = None,
    dates: Order = None,
    sheet: Sheet = None,
    actor: Actor = "import",
    partial: Annotated[
        bool, typer.Option("--partial", help="Record the good lines of a file that has bad ones.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide all lines, record nothing.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Show how the file is read, and three lines; record nothing."
        ),
    ] = False,
    template: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Print an empty sheet for a command; record nothing."),
    ] = None,
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Record a file of commands: operators, identifiers, consents, decisions, lists, anything.

    Each line is one command. Its fields are those of the mutation, in snake case, and `command`
    names it (register_operator, grant_authorisation, ...). In a table an empty cell is a missing
    field, and the values of a list are separated by semicolons.

    The dialect of the file (encoding, separator, order of dates, header row) is detected and
    printed before anything is recorded. An ambiguous file is refused until an option decides. Every
    bad line is printed with its field and how to correct it. Nothing of a file with a bad line is
    recorded, unless --partial is given.

    A line is identified by its file (name and content, or --batch) and its number. The same file
    again therefore records nothing, and the same words in another file are another command.
    """
    if template is not None:
        _print_template(template)
        return
    if file is None:
        fail(USAGE, "give a FILE, or --template COMMAND for an empty one")
    given = (constants or [], encoding, separator, dates, sheet)
    source = source_from(named(file), command, layout, *given)
    if explain:
        _explain(source, as_json)
        return
    from api.importing.import_file import import_lines

    complain(f"{source.path.name}: {source.dialect.description()}")
    with register(home, "aeo_writer", makes=True) as url, progress(source.path.name) as bar:
        total = source.dialect.lines
        report = import_lines(
            url,
            source,
            actor=actor,
            batch=batch,
            whole_list=whole_list,
            partial=partial,
            dry_run=dry_run,
            progress=lambda done: bar(done, max(done, total)),
        )
    if as_json:
        print_json(asdict(report))
    else:
        _show(report, dry_run)
    if report.bad:
        raise typer.Exit(REFUSED)


def source_from(
    path: Path,
    command: str | None,
    layout: str | None,
    constants: Sequence[str],
    encoding: str | None,
    separator: str | None,
    dates: str | None,
    sheet: str | None,
) -> Source:
    """Returns a file with its dialect detected, by the options of a command. Exits with 2 for an
    option that cannot be, and with 4 for a file that cannot be read."""
    from api.importing.files import BadFile, FileOptions
    from api.importing.files.layouts import layout_of
    from api.importing.files.reading import source_of

    given = dict(pair.partition("=")[::2] for pair in constants)
    if wrong := [pair for pair in constants if "=" not in pair]:
        fail(USAGE, f"--set: found {wrong[0]!r}, wanted FIELD=VALUE")
    if separator is not None:
        separator = {"tab": "\t", "\\t": "\t"}.get(separator, separator)
        if len(separator) != 1:
            fail(USAGE, f"--separator: found {separator!r}, wanted one character, or tab")
    if dates not in (None, "dmy", "mdy"):
        fail(USAGE, f"--dates: found {dates!r}, wanted dmy or mdy")
    options = FileOptions(command, encoding, separator, dates, sheet)
    try:
        return source_of(path, options, layout_of(layout, named(".")) if layout else None, given)
    except BadFile as error:
        fail(BAD_FILE, str(error))


def _explain(source: Source, as_json: bool) -> None:
    """Prints how the file is read, and its first three lines as commands."""
    from api.importing.lines import explain, lines_from
    from registry.domain.errors import BadValue

    readable, bad = [], []
    for line in islice(lines_from(source), 3):
        if isinstance(line.content, BadValue):
            bad.append(explain(line, line.content))
        else:
            readable.append((line.number, line.content))
    if as_json:
        explained = [{"line": number, "said": words} for number, words in readable]
        print_json(
            {
                "dialect": asdict(source.dialect),
                "lines": explained,
                "bad": bad and [asdict(bad_line) for bad_line in bad],
            }
        )
        return
    print(printable(f"{source.path.name}: {source.dialect.description()}"))
    for number, words in readable:
        print(f"line {number}: {json_text(words)}")
    show_bad(bad)
    print("nothing was recorded")


def _print_template(command: str) -> None:
    from api.importing.templates import template_of

    try:
        text = template_of(command)
    except LookupError as error:
        fail(USAGE, f"--template: {error.args[0]}")
    sys.stdout.write(text)


def _show(report: Report, dry_run: bool) -> None:
    from api.importing.unit_of_work import WARNING

    show_bad(report.bad)
    warned = [note for note in report.notes if note.why.startswith(WARNING)]
    unchanged = [note for note in report.notes if not note.why.startswith(WARNING)]
    for title, notes in (("Recorded with a warning", warned), ("Changed nothing", unchanged)):
        if notes:
            rows = [(_place(note.file, note.line), note.why) for note in notes[:SHOWN]]
            print_table(title, ("Line", "Why"), rows)
            if (more := len(notes) - SHOWN) > 0:
                print(f"and {more:,} more; --json has them all")
    if dry_run:
        done = f"{report.kept_back:,} would be recorded"
    else:
        done = f"{report.recorded:,} recorded ({report.events:,} events)"
        if report.kept_back:
            done += f", {report.kept_back:,} good but not recorded"
    print(
        f"{report.lines:,} lines: {done}, {report.repeated:,} known already, "
        f"{report.unchanged:,} unchanged, {len(report.bad):,} bad"
    )
    if report.missing:
        print(f"no longer on the list: {', '.join(map(printable, report.missing))}")


def show_bad(lines: Sequence[Bad]) -> None:
    """Prints every bad line with its field and how to correct it, with unsafe characters
    escaped."""
    if lines:
        print_table(
            "Refused",
            ("Line", "Field", "Found", "What helps"),
            [(_place(line.file, line.line), line.field, line.found, line.cure) for line in lines],
        )


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file
