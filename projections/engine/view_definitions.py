"""The SQL that defines the read models, taken from the baseline and the migrations by what each
statement says: whether the object that it creates or changes is in the schema `views`.

A rebuild runs these statements for a schema of another name. A migration may change read models
and other objects in one file, and its name does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from registry.ledger import baseline
from registry.paths import MIGRATIONS

#: What a semicolon does not end a statement in: comments, literals, and dollar-quoted bodies.
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"|(?P<tag>\$\w*\$).*?(?P=tag)|;", re.DOTALL
)
_PATH = re.compile(r"set (?:local )?search_path (?:=|to) (\w+)", re.IGNORECASE)
_SESSION = re.compile(r"(set|reset)\b", re.IGNORECASE)
#: The name of an object that has a body or a query of its own, in which `views` is only read.
_NAMED = re.compile(
    r"create (?:or replace )?(?:function|procedure|(?:materialized )?view) ([\w.]+)", re.IGNORECASE
)
_IN_VIEWS = re.compile(r"\bviews\.|\bschema views\b", re.IGNORECASE)
_ELSEWHERE = re.compile(r"\b(?:ledger|proof|person|access|checks|rule|public)\.", re.IGNORECASE)
#: Every place where a statement names the schema.
_NAME = re.compile(r"(?<![\w.])views(?=\.)|(?<=schema )views\b", re.IGNORECASE)


@cache
def definition(folder: Path = MIGRATIONS) -> tuple[tuple[str, bool], ...]:
    """The statements that make the read models, in order, each with whether its names are to be
    looked up in the schema `views`."""
    found = baseline.read(folder)
    base = found.baseline
    texts = [text for _, text in base.texts()] if base else []
    texts += [
        file.read_text(encoding="utf-8")
        for number, file in found.after.items()
        if base is None or number > base.through
    ]
    return tuple(each for text in texts for each in of_views(text))


def in_schema(schema: str, folder: Path = MIGRATIONS) -> str:
    """The SQL that makes the read models in a schema of another name, which must not exist. For
    one transaction of a role that may create schemas. Row-level security is left to `securing`,
    because nobody but the owner of a table copies rows into it afterwards."""
    parts = []
    for statement, looked_up in definition(folder):
        if _SECURES.search(_plain(statement)):
            continue
        path = f"set local search_path = {schema if looked_up else 'default'}"
        owner = "reset role" if re.match(r"create schema\b", _plain(statement)) else _OWNER
        parts += [owner, path, _NAME.sub(schema, statement)]
    return ";\n".join([*parts, "reset role", "set local search_path = default", ""])


def securing(schema: str, folder: Path = MIGRATIONS) -> str:
    """The SQL that switches row-level security on in the tables of that schema, for whoever may
    assume the role of their owner."""
    parts = [_NAME.sub(schema, s) for s, _ in definition(folder) if _SECURES.search(_plain(s))]
    return ";\n".join([_OWNER, *parts, "reset role", ""])


_OWNER = f"set local role {baseline.OWNER}"
_SECURES = re.compile(r"\benable row level security$", re.IGNORECASE)


def of_views(text: str) -> Iterator[tuple[str, bool]]:
    """The statements of a file that create or change something in the schema `views`, each with
    whether its names are looked up there."""
    looked_up = False
    for statement in statements(text):
        plain = _plain(statement)
        if found := _PATH.match(plain):
            looked_up = found[1].lower() == "views"
        elif not _SESSION.match(plain) and _is_of_views(statement, plain, looked_up):
            yield statement, looked_up


def _is_of_views(statement: str, plain: str, looked_up: bool) -> bool:
    if named := _NAMED.match(plain):
        schema, dot, _ = named[1].rpartition(".")
        return schema == "views" if dot else looked_up
    searched = statement if plain.startswith("do ") else plain
    return bool(_IN_VIEWS.search(searched)) or (looked_up and not _ELSEWHERE.search(searched))


def statements(text: str) -> Iterator[str]:
    """The SQL statements of a text, without the semicolons between them."""
    start = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            yield text[start : token.start()].strip()
            start = token.end()
    if _plain(text[start:]):
        yield text[start:].strip()


def _plain(statement: str) -> str:
    """A statement without comments and the contents of literals and bodies, on one line."""
    return " ".join(_TOKEN.sub(_emptied, statement).split())


def _emptied(token: re.Match[str]) -> str:
    if token[0].startswith(("--", "/*")):
        return " "
    return token[0] if token[0].startswith('"') else "''"
