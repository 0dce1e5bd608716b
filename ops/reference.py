"""Writes the reference pages of the documentation from the code: `python -m ops.reference`.

Each page is one function that returns its Markdown. `pages()` has them all, and a test compares
them with the files in `ops/docs`, so a page is never older than the code.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

import psycopg
import typer
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
)

from api.cli import app
from api.cli.terminal import EXIT_CODES
from api.graphql.codes import ERRORS, REFUSALS
from api.graphql.enum_descriptions import VALUES
from api.graphql.schema import core
from api.local import postgres
from api.settings import NOT_FROM_OUTSIDE, VARIABLES, Settings
from registry.domain.aggregates import AGGREGATES
from registry.ledger.database import migrate
from registry.ledger.mapper import ENVELOPE
from registry.paths import DECISIONS, DOCS, MIGRATIONS, ROOT, SQL

#: One approved text for each event and version (tests/registry/ledger/test_stored_events.py).
APPROVED_EVENTS = ROOT / "tests" / "registry" / "stored"

GENERATED = "This page is written by `python -m ops.reference`. Do not edit it by hand."

#: Folders that are no package, and so have no docstring.
FOLDERS = {
    "api/static": "Style sheet, scripts and images of the pages.",
    "api/static/vendor": "Scripts of others, with their licences and hashes.",
    "api/templates": "Templates of the pages (Jinja).",
    "ops": "Whatever runs, checks and documents the register and is not imported by it.",
    "ops/bench": "Measurements beside peers, and their results.",
    "ops/clients": "Clients that partners use, run against an instance.",
    "ops/decisions": "Design decisions, one a file.",
    "ops/docs": "This documentation.",
    "ops/migrations": "The baseline of the database schema, and the numbered SQL files after it.",
    "ops/sql": "The objects of the database, one a file.",
    "ops/strangers": "Checks of the log by programs that others wrote.",
    "ops/world": "The published record: administrations, programmes, agreements, with sources.",
    "tests": "Tests; the folders below it have the names of the folders that they test.",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table. Line ends and bars in cells are escaped."""
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines) + "\n"


def cell(text: str) -> str:
    """A text as it may stand in a table: one line, bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def first_line(file: Path) -> str:
    """The first paragraph of a module's docstring."""
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0]


def tree() -> str:
    """The folders of the program with one line each."""
    lines = dict(FOLDERS)
    for package in ("registry", "projections", "api"):
        for file in (ROOT / package).rglob("__init__.py"):
            lines[file.parent.relative_to(ROOT).as_posix()] = first_line(file)
    order = ["registry", "projections", "api", "ops", "tests"]
    rows = sorted(lines.items(), key=lambda row: (order.index(row[0].split("/")[0]), row[0]))
    return table(("Folder", "What is in it"), ((f"`{name}/`", line) for name, line in rows))


def architecture() -> str:
    """The page on architecture with its present tree in the section of that name."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    before, head, rest = text.partition("\n| Folder | What is in it |\n")
    _, _, after = rest.partition("\n\n")
    return f"{before}\n{tree()}\n{after}" if head else text


def decisions() -> str:
    """The index of the decisions."""
    rows = []
    for file in sorted(DECISIONS.glob("*.md")):
        number = file.stem[:4]
        title = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        words = title.lstrip("0123456789").removeprefix(".").removeprefix(":").strip()
        rows.append((number, f"[{words}](../decisions/{file.name})"))
    return (
        f"# Decisions\n\n{GENERATED}\n\nEach decision says what was decided, why, what was given "
        "up and what holds it. A decision is not rewritten when a later one changes it; the later "
        f"one names it.\n\n{table(('Number', 'Decision'), rows)}"
    )


# ------------------------------------------------------------------ configuration

_DEFAULTS = {
    "DATABASE_URL": "a PostgreSQL of the program's own",
    "AEO_PG_BIN": "the wheel's, else the system's",
    "AEO_DATABASE": "passed in by the program",
    "AEO_WORKERS": "0",
    "AEO_CHECK_HOURS": "24",
    "AEO_CHECK_SHARE": "0.25",
    "AEO_VENV": "`.venv`",
    "AEO_CWD": "set by the launcher",
    "AEO_BENCH_CACHE": "the user's cache folder",
    "PROMETHEUS_MULTIPROC_DIR": "set by the service",
}


def configuration() -> str:
    """Every variable of the environment that the program or its launcher reads."""
    rows = [(f"`{name}`", default, meaning) for name, default, meaning in _settings()]
    rows += [
        (f"`{name}`", _DEFAULTS.get(name, "none"), _sentence(meaning))
        for name, meaning in VARIABLES.items()
    ]
    return _page(
        "Configuration",
        "Every variable of the environment that the program or its launcher reads; nothing else "
        "is read. An option of the command line comes before the variable of the same meaning.",
        table(("Variable", "Default", "Meaning"), rows),
    )


def _settings() -> Iterator[tuple[str, str, str]]:
    """Name, default and meaning of each setting that comes from outside."""
    meanings = _meanings(inspect.getsource(Settings))
    for name, field in Settings.model_fields.items():
        if name not in NOT_FROM_OUTSIDE:
            variable = f"AEO_{name.upper()}"
            default = "none" if field.default in ("", None) else f"`{field.default}`"
            if field.is_required():
                default = _DEFAULTS[variable]
            limits = [str(each) for each in field.metadata]
            meaning = _sentence(meanings.get(name) or field.description or "")
            yield variable, default, f"{meaning} {_limits(limits)}".strip()


def _limits(annotations: list[str]) -> str:
    found = dict(re.findall(r"(\w+)=([\d.]+)", " ".join(annotations)))
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    said = [f"{words[name]} {found[name]}" for name in words if name in found]
    return f"({', '.join(said)})" if said else ""


def _meanings(source: str) -> dict[str, str]:
    """The comment of each annotated name: the `#:` lines above it, or `#` behind it.

    A comment above several names without a blank line between belongs to the first.
    """
    found, above = {}, list[str]()
    for line in map(str.strip, source.splitlines()):
        if line.startswith("#:") or (above and line.startswith("# ")):
            above.append(line.lstrip("#: "))
        elif match := re.match(r"(\w+): [^#]*(?:#\s*(.*))?$", line):
            found[match[1]] = " ".join(above) or (match[2] or "")
            above = []
        else:
            above = []
    return found


def _sentence(text: str) -> str:
    """With a capital first letter and a full stop."""
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _page(title: str, lead: str, *parts: str) -> str:
    body = "\n\n".join(part.strip() for part in parts)
    return f"# {title}\n\n{lead}\n\n{GENERATED}\n\n{body}\n"


def _prose(text: str | None) -> str:
    """A docstring or description as one paragraph a line: no indented block becomes code."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


# ------------------------------------------------------------------ events

_COMMON = (
    ("effective", "the civil day from which it counts in law, in the authority's time zone"),
    ("decided", "the day on which it was decided"),
    ("decided_by", "the administration that decided"),
    ("legal_ground", "the legal ground"),
    ("source", "where it is known from"),
)


def events() -> str:
    """Every event with its versions and fields, and an approved text of each version."""
    parts = [
        "## What every event has\n\nThe text of an event holds these fields and its own. Fields "
        "without a value are left out. Stream, version, position, time, actor and command are "
        "columns of `ledger.event` ([tables](tables.md)).\n\n"
        + table(("Field", "Meaning"), ((f"`{name}`", words) for name, words in _COMMON))
    ]
    for aggregate in AGGREGATES:
        noun = str(vars(aggregate)["TOPIC"])
        parts.append(f"## {noun.capitalize()}\n\n{_prose(aggregate.__dict__.get('__doc__'))}")
        for event in vars(aggregate).values():
            topic = vars(event).get("TOPIC") if isinstance(event, type) else None
            if topic is not None and _approved(topic):
                parts.append(_event(event, topic))
    return _page(
        "Events",
        "What is stored for ever. A name of an event or a field is never changed; an event of an "
        "earlier version is brought to the current one (*upcast*) when it is read.",
        *filter(None, map(str.strip, parts)),
    )


def _approved(topic: str) -> list[Path]:
    return sorted(APPROVED_EVENTS.glob(f"{topic}.v*.json"))


def _event(event: type, topic: str) -> str:
    version = getattr(event, "class_version", 1)
    own = vars(event).get("__doc__") or ""
    lines = [f"### {topic}", _prose("" if own.startswith(f"{event.__name__}(") else own)]
    upcasts = [
        f"- Version {number} to {number + 1}: {_prose(upcast.__doc__) or 'see the code.'}"
        for number in range(1, version)
        if (upcast := getattr(event, f"upcast_v{number}_v{number + 1}", None))
    ]
    meanings = _meanings(inspect.getsource(event))
    rows = [
        (
            f"`{field.name}`",
            f"`{_type(field.type)}`",
            _default(field),
            _sentence(meanings.get(field.name, "")),
        )
        for field in dataclasses.fields(cast(Any, event))
        if field.name not in ENVELOPE and field.name not in dict(_COMMON)
    ]
    lines.append(f"Version {version}.")
    lines.append("\n".join(upcasts))
    if rows:
        lines.append(table(("Field", "Type", "If left out", "Meaning"), rows).strip())
    lines.append(f"```json\n{_approved(topic)[-1].read_text(encoding='utf-8').strip()}\n```")
    return "\n\n".join(filter(None, lines))


def _type(annotation: Any) -> str:
    return (
        annotation
        if isinstance(annotation, str)
        else getattr(annotation, "__name__", str(annotation))
    )


def _default(field: Any) -> str:
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return "required"
    return "none" if field.default is None else f"`{field.default!r}`"


# ------------------------------------------------------------------ codes


def codes() -> str:
    """Reason codes, codes of refusals and codes of errors."""
    reasons = ((f"`{code}`", meaning) for code, meaning in VALUES["ReasonCode"].items())
    refusals = ((f"`{code}`", meaning) for code, meaning in REFUSALS.items())
    errors = ((f"`{code}`", str(error.status), error.meaning) for code, error in ERRORS.items())
    return _page(
        "Codes",
        "No code is ever renamed; more may be added. `api/graphql/codes.py` lists the codes of "
        "refusals and errors, `registry/domain/values.py` the reason codes.",
        "## Reason codes\n\nWhy a recognition has its outcome: `reasons { code message }`.\n\n"
        + table(("Reason code", "Meaning"), reasons),
        "## Refusal codes\n\nA command that is refused answers `Refused`, which is data: `code` "
        "is one of these, `path` the field of the input that is at fault.\n\n"
        + table(("Code of a refusal", "Meaning"), refusals),
        "## Error codes\n\nAn error of GraphQL has its code in `extensions.code`. The status is "
        "that of HTTP where the error is the whole answer; an error beside data comes with 200.\n\n"
        + table(("Code of an error", "Status", "Meaning"), errors),
    )


# ------------------------------------------------------------------ GraphQL


def graphql_reference() -> str:
    """Types and fields of the GraphQL schema with their descriptions."""
    types = [each for name, each in core.type_map.items() if not name.startswith("__")]
    roots = {core.query_type: "Queries", core.mutation_type: "Mutations"}
    parts = [f"## {title}\n\n{_fields(cast(Any, root))}" for root, title in roots.items() if root]
    kinds = (
        ("Objects", GraphQLObjectType, _fields),
        ("Interfaces", GraphQLInterfaceType, _fields),
        ("Unions", GraphQLUnionType, _members),
        ("Inputs", GraphQLInputObjectType, _inputs),
        ("Enums", GraphQLEnumType, _values),
        ("Scalars", GraphQLScalarType, lambda _: ""),
    )
    for title, kind, write in kinds:
        shown = [each for each in types if isinstance(each, kind) and each not in roots]
        sections = [
            f"### {each.name}\n\n{_prose(each.description)}\n\n{cast(Any, write)(each)}".strip()
            for each in sorted(shown, key=lambda each: str(each.name))
        ]
        if sections:
            parts.append(f"## {title}\n\n" + "\n\n".join(sections))
    return _page(
        "GraphQL",
        "The same text is in `api/schema.graphql`, at `/schema.graphql` of a running service, and "
        "in GraphiQL at `/graphql`. Codes are in [codes](codes.md).",
        *parts,
    )


def _arguments(field: Any) -> str:
    return ", ".join(f"`{name}: {argument.type}`" for name, argument in field.args.items())


def _fields(each: Any) -> str:
    rows = [
        (f"`{name}`", f"`{field.type}`", _arguments(field), _prose(field.description))
        for name, field in each.fields.items()
    ]
    return table(("Field", "Type", "Arguments", "Meaning"), rows)


def _inputs(each: Any) -> str:
    rows = [
        (f"`{name}`", f"`{field.type}`", _prose(field.description))
        for name, field in each.fields.items()
    ]
    return table(("Field", "Type", "Meaning"), rows)


def _values(each: Any) -> str:
    rows = [(f"`{name}`", _prose(value.description)) for name, value in each.values.items()]
    return table(("Value", "Meaning"), rows)


def _members(each: Any) -> str:
    return "One of " + ", ".join(f"`{member.name}`" for member in each.types) + "."


# ------------------------------------------------------------------ the command line


def command_line() -> str:
    """Every command with its arguments and options."""
    root = cast(Any, typer.main.get_command(app))
    parts = [_command(name, command) for name, command in _commands(root, "")]
    return _page(
        "Command line",
        f"`./aeo COMMAND --help` says the same. {EXIT_CODES}",
        *parts,
    )


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        elif not command.hidden:
            yield f"{before}{name}", command


def _command(name: str, command: Any) -> str:
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = " ".join(
        str(each.metavar or each.name.upper())
        for each in shown
        if each.param_type_name == "argument"
    )
    rows = [
        (f"`{_option(each)}`", _sentence(getattr(each, "help", None) or ""), _said(each))
        for each in shown
        if each.name != "help"
    ]
    lines = [f"## aeo {name}", f"    ./aeo {name} {arguments}".rstrip(), _prose(command.help)]
    if rows:
        lines.append(table(("Argument or option", "Meaning", "Default"), rows).strip())
    return "\n\n".join(filter(None, lines))


def _option(each: Any) -> str:
    if each.param_type_name == "argument":
        return str(each.metavar or each.name.upper())
    flag = ", ".join([*each.opts, *each.secondary_opts])
    return flag if each.is_flag else f"{flag} {each.metavar or each.name.upper()}"


def _said(each: Any) -> str:
    if each.required:
        return "required"
    if each.default in (None, False, (), [], "") or callable(each.default):
        return ""
    return f"`{each.default}`"


# ------------------------------------------------------------------ tables

_SCHEMAS = {
    "ledger": "The events and commands: the register itself. Append-only.",
    "views": "The read models, derived from the ledger.",
    "proof": "The Merkle tree of the public log, its signed checkpoints, and cosignatures.",
    "person": "Particulars of persons, encrypted with a key for each person.",
    "access": "What partners looked up.",
    "checks": "The background check: where it is, and what it found.",
}
_COLUMNS = """
select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull,
       exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary
               and a.attnum = any(i.indkey)),
       col_description(c.oid, a.attnum), obj_description(c.oid, 'pg_class')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname = any(%s) and c.relkind in ('r', 'p') and not c.relispartition
order by array_position(%s, n.nspname::text), c.relname, a.attnum
"""


def tables(database: str) -> str:
    """Every table of a migrated database with its columns."""
    names = list(_SCHEMAS)
    with psycopg.connect(database) as connection:
        found = connection.execute(_COLUMNS, (names, names)).fetchall()
    comments = _sql_comments()
    parts = []
    for schema, of_schema in groupby(found, key=itemgetter(0)):
        parts.append(f"## Schema {schema}\n\n{_SCHEMAS[schema]}")
        for name, columns in groupby(of_schema, key=itemgetter(1)):
            rows = list(columns)
            about = rows[0][7] or comments.get((f"{schema}.{name}", "")) or ""
            lines = [
                (
                    f"`{column}`" + (" (key)" if key else ""),
                    f"`{kind}`" + (", may be null" if null else ""),
                    _sentence(said or comments.get((f"{schema}.{name}", column)) or ""),
                )
                for _, _, column, kind, null, key, said, _ in rows
            ]
            head = f"### {schema}.{name}"
            parts.append("\n\n".join(filter(None, (head, _prose(about), table(_HEAD, lines)))))
    return _page(
        "Tables",
        "The tables of the database after all migrations. The meaning of a column is its comment "
        "in `ops/sql`, where each table is a file.",
        *parts,
    )


_HEAD = ("Column", "Type", "Meaning")
_TABLE = re.compile(r"(create|alter) (?:unlogged )?table (?:if not exists )?(\w+\.\w+)", re.I)
_COLUMN = re.compile(r"\s+(?:add column (?:if not exists )?)?(\w+) [^-]*?(?:--\s*(.*))?$", re.I)


def _sql_comments() -> dict[tuple[str, str], str]:
    """The comments of the tables: by table and column, and by table and "" of the table. That of a
    column is behind it or above it."""
    found: dict[tuple[str, str], str] = {}
    name, above = "", list[str]()
    files = [*sorted(SQL.glob("*/tables/*.sql")), *sorted(MIGRATIONS.glob("*.sql"))]
    for line in (line for file in files for line in file.read_text("utf-8").splitlines()):
        if line.lstrip().startswith("--"):
            above.append(line.lstrip("- "))
            continue
        if match := _TABLE.match(line):
            name = match[2]
            if above and match[1] == "create":
                found[name, ""] = " ".join(above)
        elif not line.strip() or line.startswith(")"):
            name = ""
        elif name and (match := _COLUMN.match(line)) and (match[2] or above):
            found.setdefault((name, match[1]), match[2] or " ".join(above))
        above = []
    return found


def temporary_database_page() -> str:
    """The page of tables, from a database that is made for it and removed."""
    with tempfile.TemporaryDirectory(prefix="aeo-reference-") as folder:
        Path(folder).chmod(0o711)
        with postgres.database(Path(folder)) as url:
            migrate(url)
            return tables(url)


#: The page that each function writes, below `ops/docs`.
PAGES: dict[str, Callable[[], str]] = {
    "architecture.md": architecture,
    "decisions.md": decisions,
    "reference/configuration.md": configuration,
    "reference/events.md": events,
    "reference/codes.md": codes,
    "reference/graphql.md": graphql_reference,
    "reference/command-line.md": command_line,
}
TABLES = "reference/tables.md"


def main() -> int:
    os.environ.pop("DATABASE_URL", None)  # the page of tables needs a database of its own
    for name, write in [*PAGES.items(), (TABLES, temporary_database_page)]:
        file = DOCS / name
        file.parent.mkdir(exist_ok=True)
        text = write()
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"written: ops/docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
