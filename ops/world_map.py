"""Draws the outlines of the map of the pages: `python -m ops.world_map FOLDER`.

FOLDER is the unpacked npm package `world-atlas` 2.0.2, which is Natural Earth 4.1.0 (public domain)
as TopoJSON. Its countries at 1:110 million are projected (Equal Earth), simplified, and written to
`api/static/world.json` by the code of each territory; a territory that is too small to be drawn has
a point, from 1:50 million. Boundaries are those of the source and say nothing of law.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

from babel.core import get_global

from registry.paths import STATIC

WIDTH, NORTH, SOUTH = 1000, 84.0, -57.0
TOLERANCE = 0.7  # of a unit of the picture
SMALL = 14.0  # square units: a territory below that has a point as well
PLACES = "countries-110m.json", "countries-50m.json"

Point = tuple[float, float]
Arcs = list[list[Point]]


def projected(longitude: float, latitude: float) -> Point:
    """Equal Earth (Savric, Patterson, Jenny 2018), scaled to the picture."""
    a = (1.340264, -0.081106, 0.000893, 0.003796)
    t = asin(sqrt(3) / 2 * sin(radians(latitude)))
    slope = 9 * a[3] * t**8 + 7 * a[2] * t**6 + 3 * a[1] * t**2 + a[0]
    x = 2 * sqrt(3) * radians(longitude) * cos(t) / (3 * slope)
    y = a[3] * t**9 + a[2] * t**7 + a[1] * t**3 + a[0] * t
    scale = WIDTH / (2 * 2.7066299836960748)
    return x * scale + WIDTH / 2, -y * scale


TOP, BOTTOM = projected(0, NORTH)[1], projected(0, SOUTH)[1]


def placed(point: Point) -> Point:
    """A point of the globe in the picture."""
    x, y = projected(*point)
    return x, y - TOP


def continued(points: list[Point], before: float) -> list[Point]:
    """The points as a line that does not jump over the meridian of 180 degrees."""
    found = []
    for longitude, latitude in points:
        longitude += 360 * round((before - longitude) / 360)
        found.append((longitude, latitude))
        before = longitude
    return found


def arcs(topology: dict[str, Any], tolerance: float) -> Arcs:
    """The arcs of a topology in degrees, simplified as they appear in the picture; neighbours share
    them, so borders stay closed."""
    (kx, ky), (dx, dy) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for step in arc:
            x, y = x + step[0], y + step[1]
            points.append((x * kx + dx, y * ky + dy))
        found.append(simplified(continued(points, points[0][0]), tolerance))
    return found


def simplified(points: list[Point], tolerance: float) -> list[Point]:
    """Douglas and Peucker: without the points that lie nearer than that to the line."""
    if len(points) < 3 or not tolerance:
        return points
    (ax, ay), (bx, by) = placed(points[0]), placed(points[-1])
    length = sqrt((bx - ax) ** 2 + (by - ay) ** 2)

    def off(point: Point) -> float:
        p = placed(point)
        if not length:
            return sqrt((p[0] - ax) ** 2 + (p[1] - ay) ** 2)
        return abs((by - ay) * p[0] - (bx - ax) * p[1] + bx * ay - by * ax) / length

    far, most = max(enumerate(map(off, points)), key=lambda each: each[1])
    if most <= tolerance:
        return [points[0], points[-1]]
    return simplified(points[: far + 1], tolerance)[:-1] + simplified(points[far:], tolerance)


def rings(geometry: dict[str, Any], lines: Arcs) -> list[list[Point]]:
    """The outer rings and holes of a territory."""
    parts = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    found = []
    for ring in (ring for part in parts for ring in part):
        points: list[Point] = []
        for index in ring:
            line = lines[index] if index >= 0 else lines[~index][::-1]
            line = continued(line, points[-1][0]) if points else line
            points.extend(line[1:] if points else line)
        middle = sum(longitude for longitude, _ in points) / len(points)
        turns = 360 * round(middle / 360)
        found.append([placed((longitude - turns, latitude)) for longitude, latitude in points])
    return found


def area(ring: list[Point]) -> float:
    """The area of a ring."""
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def path(found: list[list[Point]]) -> str:
    """The rings as an SVG path of whole units, without islands that no eye would see."""
    text = ""
    for ring in found:
        points = [(round(x), round(y)) for x, y in ring]
        points = [p for n, p in enumerate(points) if not n or p != points[n - 1]]
        if len(points) < 4 or (area(ring) < 1.5 and len(found) > 1):
            continue
        steps = "".join(f"{b[0] - a[0]} {b[1] - a[1]} " for a, b in pairwise(points[:-1]))
        text += f"M{points[0][0]} {points[0][1]}l{steps.strip()}z"
    return text.replace(" -", "-")


def code_of(geometry: dict[str, Any]) -> str | None:
    """The two letters of a territory, from its number in ISO 3166 (CLDR's aliases)."""
    found = get_global("territory_aliases").get(geometry.get("id", ""))
    return str(found[0]) if found else None


def drawn(folder: Path) -> dict[str, Any]:
    """Returns the content of the file."""
    coarse, fine = (json.loads((folder / name).read_bytes()) for name in PLACES)
    shapes: dict[str, str] = {}
    points: dict[str, list[int]] = {}
    lines = arcs(coarse, TOLERANCE)
    for number, geometry in enumerate(coarse["objects"]["countries"]["geometries"]):
        code = code_of(geometry)
        if code != "AQ" and (text := path(rings(geometry, lines))):
            shapes[code or f"-{number}"] = text
    widest_of: dict[str, float] = {}
    areas: dict[str, bool] = {}
    lines = arcs(fine, 0)
    for geometry in fine["objects"]["countries"]["geometries"]:
        code = code_of(geometry)
        if not code or code == "AQ" or "arcs" not in geometry:
            continue
        widest = max(rings(geometry, lines), key=area)
        (left, right), (top, bottom) = ((min(c), max(c)) for c in zip(*widest, strict=True))
        if area(widest) > widest_of.get(code, 0):
            widest_of[code] = area(widest)
            points[code] = [round((left + right) / 2), round((top + bottom) / 2)]
        large = sum(map(area, rings(geometry, lines))) >= SMALL
        areas[code] = areas.get(code, False) or large
    return {
        "source": "Natural Earth 4.1.0, countries, by the npm package world-atlas 2.0.2",
        "licence": "public domain (Natural Earth)",
        "sha256": {name: sha256((folder / name).read_bytes()).hexdigest() for name in PLACES},
        "width": WIDTH,
        "height": round(BOTTOM - TOP),
        "shapes": {c: d for c, d in sorted(shapes.items()) if areas.get(c, True)},
        "points": dict(sorted(points.items())),
    }


if __name__ == "__main__":
    text = json.dumps(drawn(Path(sys.argv[1])), indent=0, ensure_ascii=False)
    (STATIC / "world.json").write_text(f"{text}\n", encoding="utf-8")
