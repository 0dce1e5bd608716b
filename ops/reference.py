"""Writes the reference pages of the documentation from the code: `python -m ops.reference`.

Each page is one function that returns its Markdown. `pages()` has them all, and a test compares
them with the files in `ops/docs`, so a page is never older than the code.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from registry.paths import DECISIONS, DOCS, ROOT

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


#: The page that each function writes, below `ops/docs`.
PAGES: dict[str, Callable[[], str]] = {
    "architecture.md": architecture,
    "decisions.md": decisions,
}


def main() -> int:
    for name, write in PAGES.items():
        file = DOCS / name
        file.parent.mkdir(exist_ok=True)
        text = write()
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"written: ops/docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
