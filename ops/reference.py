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
from registry.paths import DECISIONS, DOCS, MIGRATIONS, ROOT

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
    "ops/migrations": "The database schema, as numbered SQL files.",
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
#: Columns that mean the same in every table of the read models.
_EVERYWHERE = {
    "valid_from": "Valid time: the instant from which the row counts in law.",
    "valid_to": "Valid time: the instant at which it ends; null: no end is known.",
    "recorded_from": "Transaction time: the instant from which the register knew this.",
    "recorded_to": "Transaction time: the instant from which it no longer held; null: it holds.",
    "position": "The position of the event that made the row.",
    "position_to": "The position of the event that ended it; null: none did.",
    "tin": "The operator.",
}
#: What a column means by its name, where no migration has a comment on it.
_BY_NAME = {
    "position": "The position in the ledger",
    "command_id": "The id of the command (idempotency key)",
    "first_position": "The position of its first event; null: it recorded none",
    "events": "How many events it recorded",
    "recorded_at": "When it was recorded, by the ledger's clock",
    "originator_id": "The stream",
    "originator_version": "The place of the event in its stream (expected version plus one)",
    "topic": "The stored name of the event ([events](events.md))",
    "legal_ground": "The legal ground that was stated",
    "one": "Always true: the table has one row",
    "to_day": "The last civil day, in the home administration's time zone",
    "code": "Its code",
    "name": "Its name in English or in Latin letters",
    "time_zone": "The IANA name of its time zone",
    "bloc": "The bloc's code; of an administration: whether it is a bloc",
    "source": "Where it is known from",
    "id": "Its id",
    "kind": "Its kind, a value of `AgreementKind`",
    "pillars": "The pillars of the SAFE Framework that it covers",
    "title": "Its title",
    "legal_basis": "Its legal basis",
    "confidence": "How sure the source is",
    "details": "Further particulars, by name",
    "registered": "When the register first knew of it (transaction time)",
    "proposed": "When it was proposed",
    "titles": "Its title in other languages, by language tag",
    "names": "Original names that it uses, by language tag",
    "authorisation": "The reference of the authorisation",
    "normal": "The number in the normal form of its scheme",
    "administration": "The administration",
    "effective_from": "The instant from which it counts in law",
    "known_at": "The instant from which the register or its source knew it",
    "subject": "The administration whose count it is",
    "measure": "What is counted",
    "value": "The value",
    "as_of": "The day for which it was published",
    "precision": "How exact the source is",
    "text": "The text as it was published",
    "agreement": "The agreement",
    "what": "Which date or deadline it is",
    "side": "The side of the agreement that it is about",
    "earliest": "The earliest day on which it can be",
    "latest": "The latest day on which it can be",
    "assumed": "Whether the day is assumed and not stated by a source",
    "note": "A remark of whoever recorded it",
    "from_at": "The earliest instant, in the side's time zone",
    "by_at": "The latest instant, in the side's time zone",
    "term": "Which term of the side it belongs to",
    "over_at": "The instant at which the day is over",
    "due": "The day on which it is due; null: nobody knows",
    "rule": "The rule that it follows from",
    "met_on": "The day on which it was met",
    "ordinal": "Its place among several",
    "unicode": "The release of Unicode of the normal forms",
    "dated": "The date of the document",
    "parties": "The parties",
    "measures": "The measures that it names",
    "agreements": "The agreements that it belongs to",
    "words": "Everything that a search looks in",
    "language": "The language tag of the text",
    "measure_names": "Original names of the measures, by language tag",
    "quotation": "The words of the source",
    "scheme": "The scheme of the number",
    "issuer": "The administration that gave the number",
    "verified_by": "Who verified the number",
    "from_day": "The first civil day, in the home administration's time zone",
    "shared": "Whether another operator may have the same number",
    "from_party": "The territory whose operators are recognised",
    "to_party": "The territory that recognises them",
    "state": "The state of the row's fact, as a code",
    "programmes": "The programmes",
    "types": "The types of authorisation",
    "roles": "The roles",
    "direction": "The direction: IMPORT, EXPORT or both",
    "hs": "The HS codes that it covers; empty: all goods",
    "crossings": "The border crossings that it covers; empty: all",
    "modes": "The modes of transport that it covers; empty: all",
    "identifier_scheme": "The scheme by which the partner finds operators",
    "declaration_box": "The box of the declaration in which the identifier stands",
    "benefits": "The benefits that it gives",
    "consent_required": "Whether the operator's consent is needed",
    "max_age_hours": "How old a list may be, in hours",
    "hindered_by": "What prevents it from being in force",
    "begins_earliest": "The earliest day on which it can begin",
    "begins_latest": "The latest day on which it can begin",
    "ends_earliest": "The earliest day on which it can end",
    "ends_latest": "The latest day on which it can end",
    "member": "The member of the bloc",
    "sense": "Of which kind the membership is",
    "ground": "The legal ground",
    "number": "The number",
    "local_name": "Its name in its own script",
    "address": "Its address",
    "successor": "The operator into which it was merged",
    "standing": "Its status by the last event",
    "settled": "From this instant on, on both clocks, the row itself gives the current state",
    "held_programmes": "The programmes of the authorisations it holds, one an element",
    "held_types": "Their types",
    "held_statuses": "Their statuses",
    "held_abroad": "Their statuses towards partners",
    "held_from": "From when each is held",
    "schemes": "The schemes of its identifiers, one an element",
    "consents": "The partners that it consents to",
    "settled_until": "The instant up to which the current state holds; null: no end is known",
    "end_to_record": "The earliest end by law that is not recorded yet",
    "folded": "Name and local name in the form that a search compares",
    "party": "The party",
    "launched": "When it was launched, as the source says",
    "operators_described": "How the source describes its operators",
    "programme": "The programme",
    "unit": "The unit of the value",
    "ends": "The last civil day",
    "implemented_from": "The instant from which the side implements it",
    "suspended": "Whether the side has suspended it",
    "status": "The status",
    "type": "The type of authorisation",
    "valid_until": "The last civil day of the authorisation",
    "flags": "Doubts and particulars of the status, as codes",
    "document": "The document",
    "target": "What is to be reached",
    "owner": "Whose target it is",
    "deadline": "By when",
    "relation": "How the target relates to its subject",
    "condition": "On which condition",
    "states": "What the record says of it",
    "willing": "Whether the owner has said that it is willing",
    "projection": "The read model",
    "why": "Why, in words",
    "updated_at": "When the row was last written",
    "size": "How many leaves the tree has",
    "root": "The root hash of the tree",
    "signed_at": "When it was signed",
    "line": "The signature line as the witness sent it",
    "begun_at": "When it began",
    "leaf_index": "The index of the leaf, from 0",
    "entry": "The leaf's bytes",
    "salt": "The random bytes of the commitment",
    "level": "The level of the tile in the tree",
    "index": "The index of the tile in its level",
    "hashes": "The hashes of the tile",
    "kept_at": "When it was kept",
    "erased_at": "When it was erased; null: it was not",
    "at": "When it was asked",
    "role": "The role that was asked about",
    "request": "The id of the request",
    "law_ats": "The instants of valid time that were asked for, one a question",
    "consignments": "The consignments that were asked about, one a question",
    "found_at": "When it was found",
    "mended_at": "When it was put right; null: it is open",
    "why_not": "Why it could not be put right",
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
            about = rows[0][7] or comments.get((name, "")) or ""
            lines = [
                (
                    f"`{column}`" + (" (key)" if key else ""),
                    f"`{kind}`" + (", may be null" if null else ""),
                    _sentence(said or comments.get((name, column)) or _by_name(schema, column)),
                )
                for _, _, column, kind, null, key, said, _ in rows
            ]
            head = f"### {schema}.{name}"
            parts.append("\n\n".join(filter(None, (head, _prose(about), table(_HEAD, lines)))))
    return _page(
        "Tables",
        "The tables of the database after all migrations. The meaning of a column is its comment "
        "in `ops/migrations`.",
        *parts,
    )


def _by_name(schema: str, column: str) -> str:
    of_views = _EVERYWHERE.get(column, "") if schema == "views" else ""
    return of_views or _BY_NAME.get(column) or _EVERYWHERE.get(column, "")


_HEAD = ("Column", "Type", "Meaning")
_CREATE = re.compile(r"create (?:unlogged )?table (?:if not exists )?(?:\w+\.)?(\w+)", re.I)
_ALTER = re.compile(r"alter table (?:\w+\.)?(\w+)", re.I)
_COLUMN = re.compile(r"\s+(?:add column (?:if not exists )?)?(\w+) [^-]*?(?:--\s*(.*))?$", re.I)


def _sql_comments() -> dict[tuple[str, str], str]:
    """The comments of the migrations: by table and column, and by table and "" of the table."""
    found: dict[tuple[str, str], str] = {}
    for file in sorted(MIGRATIONS.glob("*.sql")):
        name, above = "", list[str]()
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("--"):
                above = [] if set(line[2:6].strip()) == {"-"} else [*above, line.lstrip("- ")]
                continue
            if match := _CREATE.match(line):
                name = match[1]
                if above:
                    found[name, ""] = " ".join(above)
            elif match := _ALTER.match(line):
                name = match[1]
            elif not line.strip() or line.startswith(")"):
                name = ""
            elif name and (match := _COLUMN.match(line)) and match[2]:
                found.setdefault((name, match[1]), match[2])
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
