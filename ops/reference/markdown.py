"""Markdown of the generated pages: tables, paragraphs, sentences, and comments of source code."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from pathlib import Path

GENERATED = "This page is written by `python -m ops.reference`. Do not edit it by hand."


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


def comments_by_name(source: str) -> dict[str, str]:
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


def sentence(text: str) -> str:
    """With a capital first letter and a full stop."""
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def page(title: str, lead: str, *parts: str) -> str:
    body = "\n\n".join(part.strip() for part in parts)
    return f"# {title}\n\n{lead}\n\n{GENERATED}\n\n{body}\n"


def prose(text: str | None) -> str:
    """A docstring or description as one paragraph a line: no indented block becomes code."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)
