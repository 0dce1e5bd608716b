"""The page of the questions that people bring to the pages."""

from __future__ import annotations

from ops.journeys import JOURNEYS, shown
from ops.reference.markdown import page


def journeys() -> str:
    """Each question with who asks it, the steps to its answer, and its test."""
    test = JOURNEYS[0].test.partition("[")[0]
    return page(
        "Questions and journeys",
        "What people come to the pages for. A journey begins at the home page, at an entry of the "
        "menu, or at the visitor's own page, once the visitor is signed in; it has at most three "
        "steps. `python -m ops.journeys` prints the table.",
        shown(),
        f"Each is walked in a browser by `{test}`, with the number in brackets behind it.",
    )
