"""The index of the design decisions."""

from __future__ import annotations

from ops.reference.markdown import GENERATED, table
from registry.paths import DECISIONS


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
