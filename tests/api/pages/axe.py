"""axe in a page of a test: what somebody who cannot see, hear or point would stumble over."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

_RUN = """async (options) => (await axe.run(document, options)).violations
  .filter((found) => ["serious", "critical"].includes(found.impact))
  .map((found) => [found.id, ...found.nodes.slice(0, 3).map((n) => n.html.slice(0, 90))])
  .map((words) => words.join(" | "))"""
#: The rules whose finding depends on the scheme of colours or on the width of the window.
SEEN = ("color-contrast", "target-size", "scrollable-region-focusable")


def serious(page: Page, *rules: str) -> list[str]:
    """The violations that axe calls serious or critical, each with its first elements. `rules`: the
    ids of the rules to run; without one, all."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(_RUN, options)
    return found
