"""The bitemporal chart: valid time from left to right, transaction time from bottom to top.

Each rectangle is a status with the valid time for which, and the transaction time during which, it
was recorded as true. The cross marks the as-of pair of the page. A retroactive decision shows as a
rectangle that begins above the day on which it was recorded and extends to the left of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from api.languages.language import _
from api.pages import forms
from api.pages.labels import instant, moment, standing

WIDTH, HEIGHT = 960, 360
LEFT, RIGHT, TOP, BOTTOM = 96, 16, 16, 34
LETTER = 18  # a smaller rectangle has no room for its letter
YEAR = timedelta(days=365.25)


@dataclass(frozen=True)
class Area:
    """A rectangle of the chart."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    letter: str
    title: str


@dataclass(frozen=True)
class BitemporalChart:
    """The chart, in units of the SVG view box. `cross`: the as-of pair."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    areas: Sequence[Area]
    across: Sequence[tuple[float, str]]
    up: Sequence[tuple[float, str]]
    cross: tuple[float, float]


def draw(
    periods: Sequence[dict[str, Any]], clocks: forms.AsOfFields, now: datetime
) -> BitemporalChart | None:
    """Returns the chart; None where no period is known. Of several authorisations the first is
    drawn on top."""
    at, known = clocks.instant("at", now), clocks.instant("knownAt", now)
    law = [moment(p[name]) for p in periods for name in ("validFrom", "validTo") if p[name]]
    belief = [
        moment(p[name]) for p in periods for name in ("recordedFrom", "recordedTo") if p[name]
    ]
    if not law or not belief:
        return None
    x, across = _axis([*law, at, now], now, LEFT, WIDTH - RIGHT)
    y, up = _axis([*belief, known, now], now, HEIGHT - BOTTOM, TOP)
    areas = []
    for period in reversed(periods):
        begin, end = x(period["validFrom"], LEFT), x(period["validTo"], WIDTH - RIGHT)
        low, high = y(period["recordedFrom"], HEIGHT - BOTTOM), y(period["recordedTo"], TOP)
        sign = standing(period)
        width, height = max(end - begin, 2.0), max(low - high, 2.0)
        fits = width >= LETTER and height >= LETTER
        title = _(
            "%(authorisation)s: %(status)s in law from %(since)s until %(until)s, believed from"
            " %(recorded_from)s until %(recorded_to)s",
            authorisation=period["authorisation"],
            status=sign.word,
            since=instant(period["validFrom"]),
            until=instant(period["validTo"]) or _("further notice"),
            recorded_from=instant(period["recordedFrom"]),
            recorded_to=instant(period["recordedTo"]) or _("now"),
        )
        areas.append(
            Area(
                round(begin, 1),
                round(high, 1),
                round(width, 1),
                round(height, 1),
                sign.tone,
                sign.letter if fits else "",
                title,
            )
        )
    cross = x(at.isoformat(), 0), y(known.isoformat(), 0)
    return BitemporalChart(
        WIDTH,
        HEIGHT,
        LEFT,
        WIDTH - RIGHT,
        TOP,
        HEIGHT - BOTTOM,
        areas,
        across,
        up,
        (round(cross[0], 1), round(cross[1], 1)),
    )


def _axis(
    edges: Sequence[datetime], now: datetime, start: float, end: float
) -> tuple[Any, list[tuple[float, str]]]:
    """Returns a function from an instant to its coordinate between start and end, and the ticks."""
    first, last = min(edges), min(max(edges), now + 3 * YEAR)
    air = max((last - first) * 0.04, timedelta(days=5))
    first, last = first - air, last + air

    def place(text: str | None, otherwise: float) -> float:
        if text is None:
            return otherwise
        share = (moment(text) - first) / (last - first)
        return start + min(max(share, 0.0), 1.0) * (end - start)

    count = 6 if end > start else 4
    step = (last - first) / count
    days = [first + step * (n + 0.5) for n in range(count)]
    length = 4 if step > 2 * YEAR else 7 if step > timedelta(days=60) else 10  # of YYYY-MM-DD
    texts = [day.isoformat() for day in days]
    return place, [(round(place(text, 0), 1), text[:length]) for text in texts]
