"""The graph of agreements: parties on a circle, agreements as curves, as SVG for the template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, pi, sin

SIZE = 760
RADIUS = 320


@dataclass(frozen=True)
class GraphNode:
    """A party at x, y, with the number of its agreements; its text is at tx, ty."""

    code: str
    x: int
    y: int
    tx: int
    ty: int
    size: float
    agreements: int


@dataclass(frozen=True)
class GraphEdge:
    """Agreements with this title, a curve for each two of their parties. `status`: the style
    class."""

    path: str
    status: str
    title: str


@dataclass(frozen=True)
class NetworkGraph:
    """The graph, in units of the SVG view box, which is a square."""

    size: int
    nodes: list[GraphNode]
    edges: list[GraphEdge]


def draw(links: Iterable[tuple[str, str, str, str]], centre: str = "") -> NetworkGraph:
    """Returns the graph of the links: two parties, a status and a title each. The party `centre`
    is in the middle."""
    links = list(links)
    degrees: dict[str, int] = {}
    for first, second, _, _ in links:
        for code in (first, second):
            degrees[code] = degrees.get(code, 0) + 1
    around = sorted((code for code in degrees if code != centre), key=lambda code: code)
    most = max(degrees.values(), default=1)
    nodes: dict[str, GraphNode] = {}
    middle = SIZE // 2
    for number, code in enumerate(around):
        angle = 2 * pi * number / max(len(around), 1) - pi / 2
        dx, dy = cos(angle), sin(angle)
        nodes[code] = GraphNode(
            code,
            round(middle + dx * RADIUS),
            round(middle + dy * RADIUS),
            round(middle + dx * (RADIUS + 26)),
            round(middle + dy * (RADIUS + 26) + 4),
            round(4 + 8 * degrees[code] / most, 1),
            degrees[code],
        )
    if centre in degrees:
        nodes[centre] = GraphNode(centre, middle, middle, middle, middle + 5, 22, degrees[centre])
    curves: dict[tuple[str, str], str] = {}
    for first, second, status, title in links:
        path = curves.get((status, title), "")
        curves[status, title] = path + _curve(nodes[first], nodes[second])
    edges = [GraphEdge(path, status, title) for (status, title), path in curves.items()]
    return NetworkGraph(SIZE, list(nodes.values()), edges)


def _curve(a: GraphNode, b: GraphNode) -> str:
    """Returns a curve that is bent towards the middle, so that edges do not lie on the circle."""
    cx, cy = (round((u + v) / 2 * 0.55 + SIZE / 2 * 0.45) for u, v in ((a.x, b.x), (a.y, b.y)))
    return f"M{a.x} {a.y}Q{cx} {cy} {b.x} {b.y}"
