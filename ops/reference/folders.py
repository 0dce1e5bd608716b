"""The page on architecture, with the present tree of folders."""

from __future__ import annotations

from ops.reference.markdown import first_line, table
from registry.paths import DOCS, ROOT

#: Folders that are no package, and so have no docstring.
FOLDERS = {
    "api/static": "Style sheet, scripts and images of the pages.",
    "api/static/vendor": "Scripts of others, with their licences and hashes.",
    "api/templates": "Templates of the pages (Jinja), and of the certificate (Typst).",
    "api/templates/fonts": "Fonts of the PDF files, with their licences and hashes.",
    "ops": "Whatever runs, checks and documents the register and is not imported by it.",
    "ops/bench": "Measurements beside peers, and their results.",
    "ops/clients": "Clients that partners use, run against an instance.",
    "ops/decisions": "Design decisions, one a file.",
    "ops/docs": "This documentation.",
    "ops/migrations": "The baseline of the database schema, and the numbered SQL files after it.",
    "ops/sql": "The objects of the database, one a file.",
    "ops/reference": "Writes the pages of the documentation that are made from code.",
    "ops/strangers": "Checks of the log by programs that others wrote.",
    "ops/world": "The published record: administrations, programmes, agreements, with sources.",
    "tests": "Tests; the folders below it have the names of the folders that they test.",
}


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
