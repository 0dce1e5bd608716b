"""Where the bars of a timeline go: plain geometry, drawn as SVG by the template.

Every bar says its state by word or letter and by pattern; the same facts stand in a table below
the picture, for whoever cannot see it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WIDTH = 960
LEFT, RIGHT = 14, 14
TOP = 40  # space for the years and the marks
LANE = 62
BAR = 20
LETTER = 7.6  # mean width of a letter at 13 px, which decides what fits into a bar
GAP = 7
NARROWEST = 4  # an interval of one day must be visible among years
YEAR = timedelta(days=365.25)


@dataclass(frozen=True)
class TimelineBar:
    """The interval of a bar: [start, end), open where None. `doubtful`: drawn with a dashed
    edge."""

    start: datetime | None
    end: datetime | None
    word: str
    letter: str
    tone: str
    title: str
    doubtful: bool = False


@dataclass(frozen=True)
class Label:
    """The label of a bar. `place`: above the bar, or at its height, starting ("start") or ending
    ("end") at x."""

    x: float
    text: str
    place: str


@dataclass(frozen=True)
class Bar:
    """A bar of a lane, in units of the SVG view box. `tone` and `letter`: how the status is
    drawn."""

    x: float
    width: float
    middle: float
    tone: str
    letter: str
    label: Label
    title: str
    doubtful: bool


@dataclass(frozen=True)
class TimelineLane:
    """A lane of the timeline: a name and its bars. `y`: the vertical position."""

    name: str
    bars: Sequence[Bar]
    y: int


@dataclass(frozen=True)
class TimelineLine:
    """A vertical line with its text: a tick of the time axis, or an as-of instant."""

    x: float
    text: str
    kind: str = "tick"
    anchor: str = "middle"


@dataclass(frozen=True)
class Drawing:
    """The timeline, in units of the SVG view box. `top` and `bottom` bound the vertical lines."""

    width: int
    height: int
    top: int
    bottom: int
    lanes: Sequence[TimelineLane]
    ticks: Sequence[TimelineLine]
    marks: Sequence[TimelineLine]
    bar: int = BAR


def draw(
    lanes: Iterable[tuple[str, Sequence[TimelineBar]]],
    now: datetime,
    marks: Iterable[tuple[datetime, str, str]] = (),
) -> Drawing | None:
    """Returns the timeline: lanes from top to bottom, from the earliest day in any of them to
    shortly after now."""
    lanes, marks = list(lanes), list(marks)
    edges = [at for _, found in lanes for s in found for at in (s.start, s.end) if at]
    if not edges:
        return None
    first, last = min(edges), max([*edges, now])
    air = max((last - first) * 0.03, timedelta(days=20))
    first, last = first - air, min(last, now + 3 * YEAR) + air
    span = (last - first) / timedelta(seconds=1)

    def x(at: datetime | None, otherwise: float) -> float:
        if at is None:
            return otherwise
        share = (at - first) / timedelta(seconds=1) / span
        return round(LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT), 1)

    drawn = [
        TimelineLane(name, _bars(found, x), TOP + number * LANE)
        for number, (name, found) in enumerate(lanes)
    ]
    bottom = TOP + len(lanes) * LANE
    return Drawing(
        WIDTH,
        bottom + 26,
        TOP - 8,
        bottom,
        drawn,
        [TimelineLine(x(at, 0), text) for at, text in _ticks(first, last)],
        [_mark(x(at, 0), text, kind) for at, text, kind in marks if first <= at <= last],
    )


def _mark(x: float, text: str, kind: str) -> TimelineLine:
    """Returns a marked line. Its text is aligned inwards near the edges of the picture."""
    anchor = "end" if x > WIDTH - 130 else "start" if x < 130 else "middle"
    return TimelineLine(x, text, kind, anchor)


def _bars(found: Sequence[TimelineBar], x: Callable[[datetime | None, float], float]) -> list[Bar]:
    """Returns the bars, each with its label above where that fits, else beside it, else in its
    title only."""
    spans = [(x(s.start, LEFT), x(s.end, WIDTH - RIGHT)) for s in found]
    bars: list[Bar] = []
    above = beside = (
        0.0  # right edge of the last label above the bars, and of the last one beside them
    )
    for number, (s, (start, end)) in enumerate(zip(found, spans, strict=True)):
        width = round(max(end - start, NARROWEST), 1)
        end, room = start + width, letters(s.word) * LETTER
        following = spans[number + 1][0] if number + 1 < len(spans) else WIDTH - RIGHT
        words: tuple[float, str, str] = (0, "", "start")
        if start >= above and width >= room * 0.7 and start + room < WIDTH:
            words, above = (start, s.word, "above"), start + room + GAP
        elif end + GAP + room < following:
            words, beside = (end + GAP, s.word, "start"), end + GAP + room
        elif start - GAP - room > max(LEFT, beside, spans[number - 1][1] if number else 0):
            words = (start - GAP, s.word, "end")
        letter = s.letter if width >= 15 else ""
        middle = round(start + width / 2, 1)
        label = Label(round(words[0], 1), words[1], words[2])
        bars.append(Bar(start, width, middle, s.tone, letter, label, s.title, s.doubtful))
    return bars


def letters(text: str) -> int:
    """The width of a text in letters: those of East Asia are two wide, and marks above or below a
    letter have no width."""
    wide = {"W": 2, "F": 2}
    return sum(
        wide.get(unicodedata.east_asian_width(c), 1) for c in text if not unicodedata.combining(c)
    )


def _ticks(first: datetime, last: datetime) -> list[tuple[datetime, str]]:
    """Returns about ten ticks: years, or months where the picture spans less than two years."""
    if last - first < 2 * YEAR:
        months = [
            datetime(year, month, 1, tzinfo=UTC)
            for year in range(first.year, last.year + 1)
            for month in range(1, 13, 2)
        ]
        return [(at, at.date().isoformat()[:7]) for at in months if first < at < last]
    step = next(n for n in (1, 2, 5, 10, 20, 50) if (last - first) / YEAR / n <= 12)
    years = [y for y in range(first.year + 1, last.year + 1) if y % step == 0]
    return [(datetime(y, 1, 1, tzinfo=UTC), str(y)) for y in years]
