"""The map of the world: territories by status, and links between them, as SVG for the template.

The outlines are in `api/static/world.json` (Natural Earth, public domain; `ops/world_map.py`). A
territory that is too small to be seen, or has no outline, is a dot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from registry.paths import STATIC

#: Which status of a territory prevails where several agreements give one each.
RANK = ("self", "force", "signed", "ended")


@dataclass(frozen=True)
class MapTerritory:
    """A territory on the map: an outline (SVG path), or a dot at x, y. `status`: the style class;
    "" where there is nothing to say of it."""

    code: str
    path: str
    x: int
    y: int
    status: str


@dataclass(frozen=True)
class MapLink:
    """Agreements with this title, a curve for each two of their territories. `status`: the style
    class."""

    path: str
    status: str
    title: str


@dataclass(frozen=True)
class WorldMap:
    """The map, in units of the SVG view box."""

    width: int
    height: int
    territories: list[MapTerritory]
    links: list[MapLink]


@cache
def world() -> dict[str, Any]:
    """Returns the outlines and points of the territories."""
    found: dict[str, Any] = json.loads((STATIC / "world.json").read_bytes())
    return found


def draw(statuses: Mapping[str, str], links: Iterable[tuple[str, str, str, str]] = ()) -> WorldMap:
    """Returns the map. `statuses`: by the code of a territory; `links`: two codes, a status and a
    title each; a link to a territory that the map does not have is left out."""
    outlines = world()
    territories = [
        MapTerritory(code, path, 0, 0, statuses.get(code, ""))
        for code, path in outlines["shapes"].items()
    ]
    territories += [
        MapTerritory(code, "", x, y, status)
        for code, status in sorted(statuses.items())
        if code not in outlines["shapes"] and code in outlines["points"]
        for x, y in [outlines["points"][code]]
    ]
    curves: dict[tuple[str, str], str] = {}
    for first, second, status, title in links:
        a, b = outlines["points"].get(first), outlines["points"].get(second)
        if a and b:
            curves[status, title] = curves.get((status, title), "") + _curve(a, b)
    drawn = [MapLink(path, status, title) for (status, title), path in curves.items()]
    return WorldMap(outlines["width"], outlines["height"], territories, drawn)


def _curve(a: list[int], b: list[int]) -> str:
    """Returns a curve from a to b that is bent towards the pole, as routes are on maps."""
    bend = 0.18 * abs(b[0] - a[0]) + 6
    return f"M{a[0]} {a[1]}Q{(a[0] + b[0]) // 2} {round((a[1] + b[1]) / 2 - bend)} {b[0]} {b[1]}"


def strongest(found: Iterable[str]) -> str:
    """Returns the status that prevails; "" for none."""
    return min(found, key=RANK.index, default="")
