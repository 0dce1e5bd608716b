"""How the number of agreements grew: step lines over years, as SVG for the template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

#: The first year of a picture; what was signed before is counted in it.
FIRST = 1990
WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 60, 18, 30


@dataclass(frozen=True)
class SignedYears:
    """In which year an agreement was signed at the earliest and at the latest; `latest` is 9999
    where no source says that it was signed at all."""

    earliest: int
    latest: int


@dataclass(frozen=True)
class GrowthYear:
    """A year: how many were certainly signed by its end, and how many perhaps."""

    year: int
    certain: int
    perhaps: int


@dataclass(frozen=True)
class GrowthMark:
    """A line or point with its text."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class GrowthDrawing:
    """The picture, in units of the SVG view box. `lines`: a style class and an SVG path each."""

    width: int
    height: int
    left: int
    right: int
    bottom: int
    lines: Sequence[tuple[str, str]]
    years: Sequence[GrowthMark]
    values: Sequence[GrowthMark]
    points: Sequence[GrowthMark]
    now: float | None


def signed_years(dates: Iterable[dict[str, Any]]) -> SignedYears | None:
    """Returns when an agreement was signed, by all its sources; None where none speaks of it."""
    found = [each for each in dates if each["what"] == "SIGNED"]
    if not found:
        return None
    return SignedYears(
        min(int(each["earliest"][:4]) for each in found),
        max(int(each["latest"][:4]) for each in found),
    )


def by_year(signed: Iterable[SignedYears | None], last: int) -> list[GrowthYear]:
    """Returns the years from before the first signature to the last year."""
    known = [each for each in signed if each]
    first = max(min([each.earliest for each in known], default=last) - 1, FIRST)
    return [
        GrowthYear(
            year,
            sum(each.latest <= year for each in known),
            sum(each.earliest <= year for each in known),
        )
        for year in range(first, last + 1)
    ]


def draw(years: Sequence[GrowthYear], chosen: int | None = None) -> GrowthDrawing | None:
    """Returns the step lines of a development over years; None for less than two years."""
    if len(years) < 2:
        return None
    certain = [(float(each.year), each.certain) for each in years]
    perhaps = [(float(each.year), each.perhaps) for each in years]
    doubtful = certain != perhaps
    lines = [("signed", perhaps), ("", certain)] if doubtful else [("", certain)]
    return _drawn(lines, [], years[0].year, years[-1].year + 1, chosen)


def compared(
    steps: Sequence[dict[str, Any]], claims: Sequence[dict[str, Any]], today: date
) -> GrowthDrawing | None:
    """Returns two step lines up to today: the register's own count from day to day, and the
    published counts, each from the day that it is about until the next one, with a point for each;
    None for less than two claims. `steps`: each with `day` and `count`, in order."""
    found = sorted(claims, key=lambda each: str(each["asOf"]))
    if len(found) < 2:
        return None
    own = [(_year(each["day"]), each["count"]) for each in steps]
    published = [(_year(each["asOf"]), each["value"]) for each in found]
    first = min(int(line[0][0]) for line in (own, published) if line)
    own = [(float(first), 0), *own] if not own or own[0][0] > first else own
    lines = [("", own), ("claimed", published)]
    end = max(_year(today.isoformat()), published[-1][0])
    return _drawn(lines, published, first, int(end) + 1, None, end)


def _year(day: str) -> float:
    """Returns a day as a number of years."""
    parts = [int(part) for part in day.split("-")]
    first = date(parts[0], parts[1] if len(parts) > 1 else 1, parts[2] if len(parts) > 2 else 1)
    return first.year + (first.timetuple().tm_yday - 1) / 366


def _drawn(
    lines: Sequence[tuple[str, Sequence[tuple[float, int]]]],
    points: Sequence[tuple[float, int]],
    first: int,
    last: int,
    chosen: int | None,
    end: float | None = None,
) -> GrowthDrawing:
    """`end`: where the lines end, as a number of years; by default with the picture."""
    most = max([value for _, line in lines for _, value in line] + [v for _, v in points] + [4])
    step = next(n for n in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500) if most / n <= 6)
    top = step * -(-most // step)

    def x(year: float) -> float:
        return round(LEFT + (year - first) / max(last - first, 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)

    def steps(line: Sequence[tuple[float, int]]) -> str:
        begin = f"M{x(line[0][0])} {y(line[0][1])}"
        moved = "".join(f"H{x(year)}V{y(value)}" for year, value in line[1:])
        return f"{begin}{moved}H{x(last if end is None else end)}"

    each = next(n for n in (1, 2, 5, 10) if (last - first) / n <= 16)
    return GrowthDrawing(
        WIDTH,
        HEIGHT,
        LEFT,
        WIDTH - RIGHT,
        HEIGHT - BOTTOM,
        [(kind, steps(line)) for kind, line in lines],
        [
            GrowthMark(x(year), HEIGHT - 10, str(year))
            for year in range(first, last + 1)
            if not year % each
        ],
        [GrowthMark(0, y(value), str(value)) for value in range(0, top + 1, step)],
        [GrowthMark(x(year), y(value), str(value)) for year, value in points],
        x(chosen + 1) if chosen is not None and first <= chosen < last else None,
    )
