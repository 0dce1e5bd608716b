"""Writes the reference pages of the documentation from the code: `python -m ops.reference`.

Each page is one function that returns its Markdown. `PAGES` has them all, and a test compares
them with the files in `ops/docs`, so a page is never older than the code.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from ops.reference.codes import codes
from ops.reference.command_line import command_line
from ops.reference.configuration import configuration
from ops.reference.decision_index import decisions
from ops.reference.events import events
from ops.reference.folders import architecture
from ops.reference.graphql_types import graphql_reference
from ops.reference.journeys import journeys
from ops.reference.tables import temporary_database_page
from registry.paths import DOCS

#: The page that each function writes, below `ops/docs`.
PAGES: dict[str, Callable[[], str]] = {
    "architecture.md": architecture,
    "decisions.md": decisions,
    "reference/configuration.md": configuration,
    "reference/events.md": events,
    "reference/codes.md": codes,
    "reference/graphql.md": graphql_reference,
    "reference/command-line.md": command_line,
    "reference/journeys.md": journeys,
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
