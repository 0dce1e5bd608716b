"""The picture of the last results: a bar a contender, as long as it is fast."""

from __future__ import annotations

from html import escape
from typing import Any

WIDTH, LEFT, RIGHT = 860, 250, 130
BAR, GAP, HEAD = 15, 5, 44
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2933 }
.title { font-weight: 600; font-size: 13px }
.note { fill: #52606d }
.bar { fill: #9fb3c8 } .ours { fill: #0b6e4f } .limit { fill: #d9e2ec }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb } .note { fill: #9aa5b1 }
  .bar { fill: #627d98 } .ours { fill: #3ebd93 } .limit { fill: #334e68 }
}
"""
MOST = 9  # bars of one section


def draw(figures: dict[str, list[dict[str, Any]]]) -> str:
    """SVG. `figures`: of each bench its sections, with a rate for each contender."""
    parts: list[str] = []
    top = 10
    for sections in figures.values():
        for section in sections:
            if section["rates"]:
                drawn, top = _section(section, top)
                parts += drawn
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
            f'height="{top}" role="img">',
            "<title>How fast the register is, beside its peers</title>",
            f"<style>{STYLE}</style>",
            *parts,
            "</svg>",
            "",
        ]
    )


def _section(section: dict[str, Any], top: int) -> tuple[list[str], int]:
    ranked = sorted(section["rates"].items(), key=lambda value: -value[1])[:MOST]
    longest = max(rate for _, rate in ranked) or 1
    drawn = [
        f'<text class="title" x="10" y="{top + 18}">{escape(section["title"])}</text>',
        f'<text class="note" x="10" y="{top + 34}">{escape(section["unit"])}</text>',
    ]
    y = top + HEAD
    for name, rate in ranked:
        kind = "ours" if name.startswith("ours") else "limit" if "limit" in name else "bar"
        long = max(1.0, rate / longest * (WIDTH - LEFT - RIGHT))
        drawn += [
            f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{long:.1f}" height="{BAR}" rx="2"/>',
            f'<text class="note" x="{LEFT + long + 6:.1f}" y="{y + 12}">{rate:,}</text>',
        ]
        y += BAR + GAP
    return drawn, y + 10
