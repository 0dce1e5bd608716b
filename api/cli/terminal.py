"""Shared by all commands: exit codes, options, file names, tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time as clock
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from registry.domain import instants
from registry.domain.texts import is_hidden

OK, REFUSED, USAGE, NO_DATABASE, BAD_FILE = range(5)
EXIT_CODES = (
    "Exit codes: 0 done; 1 refused, or something was found; 2 wrong use; "
    "3 no database can be reached; 4 a file that cannot be read."
)

Home = Annotated[
    str,
    typer.Option(
        envvar="AEO_HOME",
        metavar="DIR",
        help="The data folder, used unless DATABASE_URL names a database.",
    ),
]


def _one_name(text: str) -> str:
    """Refuses an id that looks like another one: `kim ` is nobody else than `kim`."""
    if not text or not text.isprintable() or text != " ".join(text.split()):
        raise typer.BadParameter(
            f"found {text!r}, wanted text without spaces around it and without invisible characters"
        )
    return text


Actor = Annotated[str, typer.Option(help="Who is responsible: an opaque id.", callback=_one_name)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
HOME = ".aeo"
CONNECT_TIMEOUT = 10  # seconds
Progress = Callable[[int, int], None]


#: Categories of characters that control a terminal or change how others are shown: control, format,
#: surrogate, private use, line and paragraph separators. They are printed as \uXXXX.
_UNSAFE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def printable(text: str, keep: str = "") -> str:
    """Escapes text from a file or the register so that it cannot control the terminal. `keep`:
    characters to leave."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or not _is_unsafe(char) else _escaped(char) for char in text
    )


def _is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in _UNSAFE or is_hidden(char)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def complain(sentence: str) -> None:
    """Prints one sentence to standard error."""
    # libpq begins its advice with a tab.
    print("aeo:", printable(sentence.replace("\t", " "), keep="\n"), file=sys.stderr)


def fail(code: int, sentence: str) -> NoReturn:
    """Prints a sentence to standard error and ends the command with that exit code."""
    complain(sentence)
    raise typer.Exit(code)


def named(path: str) -> Path:
    """Returns a file name relative to the caller's folder; the launcher has changed to the
    program's folder."""
    return Path(os.environ.get("AEO_CWD", "."), path)


def home_of(home: str) -> Path:
    """Returns the data folder. The default is in the program's folder, wherever it is called
    from."""
    return Path(home) if home == HOME else named(home)


def require_home(home: str) -> None:
    """Raises NoDatabase where nobody has made a register in this home."""
    from api.local.cluster import NoDatabase, has_data

    if not has_data(home_of(home)):
        raise NoDatabase(
            f"there is no register in {home_of(home)}: ./aeo up{home_words(home)} makes one"
        )


def home_words(home: str) -> str:
    """What a command that is named to a reader needs to mean this home: nothing, or ` --home X`."""
    return f" --home {shlex.quote(home)}" if home != HOME else ""


@contextmanager
def register(home: str, *roles: str, makes: bool = False, migrates: bool = True) -> Iterator[str]:
    """Yields the conninfo of the register, and starts the local server if none runs.

    A local database is migrated and its read models are brought up to date first. A database that
    DATABASE_URL names is not changed: its owner migrates it. `roles`: the roles that the command
    needs (registry/ledger/privileges.py). Raises NoDatabase, WrongSession behind a pooler that
    shares sessions, MigrationRefused where the database is of another release, and
    PrivilegeMissing.
    """
    from api.local.postgres import database
    from projections.engine.rederive import bring_up_to_date
    from registry.ledger.database import migrate, require_schema
    from registry.ledger.privileges import require_roles

    if not (makes or "DATABASE_URL" in os.environ):
        require_home(home)
    with database(home_of(home)) as url:
        if "DATABASE_URL" not in os.environ and not migrates:
            require_schema(url)
        elif "DATABASE_URL" not in os.environ:
            migrate(url, say=complain)
            bring_up_to_date(url, complain)
        else:
            require_schema(url)
            require_roles(url, roles)
        yield in_time(url)


def in_time(url: str) -> str:
    """The same conninfo, with CONNECT_TIMEOUT where it has no `connect_timeout` of its own."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    has_timeout = "connect_timeout" in conninfo_to_dict(url)
    return url if has_timeout else make_conninfo(url, connect_timeout=CONNECT_TIMEOUT)


def position(conninfo: str, text: str) -> int:
    """Reads a position, or an instant or "now", which give the last position recorded by then.
    Exits with 2."""
    if text.isdecimal():
        if len(text) > 18:
            fail(USAGE, f"{text[:40]!r} is no position: a whole number of at most 18 digits")
        return int(text)
    until = datetime.max.replace(tzinfo=UTC) if text == "now" else instant(text)
    from registry.ledger.connections import Session

    with Session.connect(conninfo) as connection:
        [(last,)] = connection.execute(
            "select coalesce(max(position), 0) from ledger.event where recorded_at <= %s",
            [until],
        )
    return int(last)


def instant(text: str | None) -> datetime | None:
    """Reads an instant with its zone, or a day, which begins at midnight UTC. Exits with 2."""
    if text is None:
        return None
    try:
        if instants.is_day(text):
            return datetime.combine(instants.parse_day(text), time.min, UTC)
        return instants.parse(text)
    except ValueError as error:
        fail(USAGE, f"{error}; or a day, 2026-03-01")


def zone_of(conninfo: str, code: str) -> str:
    """Returns the time zone of an administration; UTC for an unknown one."""
    from registry.ledger.connections import Session

    with Session.connect(conninfo) as connection:
        row = connection.execute(
            "select time_zone from views.administration where code = %s", [code]
        ).fetchone()
    return str(row[0]) if row else "UTC"


def read_law(text: str | None, zone: str, now: datetime) -> instants.Reading:
    """Reads a valid time; a day is a civil day in that zone. Exits with 2."""
    try:
        return instants.parse_valid_time(text, zone) if text else instants.Reading(now, "now")
    except ValueError as error:
        fail(USAGE, f"--at: {error}; or a day, 2026-03-01")


def read_knowledge(text: str | None, zone: str, now: datetime) -> instants.Reading:
    """Reads a transaction time; a day means its end in that zone, and today means now. Exits with
    2."""
    try:
        return (
            instants.parse_transaction_time(text, zone, now)
            if text
            else instants.Reading(now, "now")
        )
    except instants.InTheFuture as error:
        fail(USAGE, f"--known-at: {error}")
    except ValueError as error:
        fail(USAGE, f"--known-at: {error}; or a day, 2026-03-01")


def word(kind: Any, text: str | None, name: str) -> Any:
    """Parses an argument of the command line; None where it was not given. `kind`: an enum, or a
    value type with `parse`. Ends the command with USAGE where the text is not one of its values."""
    if text is None:
        return None
    try:
        return kind.parse(text) if hasattr(kind, "parse") else kind(text)
    except ValueError as error:
        known = "" if hasattr(kind, "parse") else f": one of {', '.join(map(str, kind))}"
        fail(USAGE, f"{name}: {error}{known}")


def shown(item: Any) -> str:
    """Formats a value for a person. Instants are in UTC, to the minute or, if needed, the
    second."""
    match item:
        case None:
            return ""
        case datetime():
            if item.year in (1, 9999):
                return "always" if item.year == 1 else "never"
            whole = item.second == 0 and item.microsecond == 0
            local = item.replace(tzinfo=None)
            return f"{local.isoformat(' ', 'minutes' if whole else 'seconds')}Z"
        case date():
            return item.isoformat()
        case bool():
            return "yes" if item else "no"
        case list() | tuple():
            return ", ".join(shown(part) for part in item)
    return printable(str(item), keep="\n")


def say(sentence: str) -> None:
    """Prints a line, with unsafe characters escaped."""
    print(printable(sentence))


def plain(item: Any) -> Any:
    """Converts a value for JSON: instants in RFC 3339, UTC."""
    if isinstance(item, datetime):
        return item.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(item)


def print_json(item: Any) -> None:
    """Prints a value as JSON: indented on a terminal, on one line otherwise."""
    indent = 2 if sys.stdout.isatty() else None
    print(json_text(item, indent))


def json_text(item: Any, indent: int | None = None) -> str:
    """Returns JSON in which unsafe non-ASCII characters are escaped, too."""
    text = json.dumps(item, default=plain, ensure_ascii=False, indent=indent)
    plain_text = text.isascii() and "\x7f" not in text
    return text if plain_text else "".join(map(_of_json, text))


def _of_json(char: str) -> str:
    if char == "\x7f":
        return "\\u007f"
    if char.isascii() or not _is_unsafe(char):
        return char
    return json.dumps(char)[1:-1]


def print_table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints a table. On a terminal its cells are fitted to the width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title and shown(title), title_justify="left", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(shown(cell) for cell in row))
    # A file or a pipe has no width, so cells are not truncated there.
    wide = None if sys.stdout.isatty() else 250
    Console(width=wide, highlight=False, markup=False).print(table)


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Shows a progress bar on a terminal; elsewhere a line every few seconds. On standard error."""
    what = printable(what)
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    shape = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Bars(*shape, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lines(what: str) -> Progress:
    last = clock.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal last
        if done == total or clock.monotonic() - last > 5:
            last = clock.monotonic()
            print(f"{what}: {done:,} of {total:,}", file=sys.stderr, flush=True)

    return say
