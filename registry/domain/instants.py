"""Parses instants and civil days from text, in the same way everywhere.

An instant is RFC 3339 with a time zone. Fractional digits beyond microseconds are cut off, because
rounding could give another second or day. A civil day in place of an instant is a day of the
authority concerned. As valid time it means noon of that day there, so that facts of a partner whose
day begins at another hour count with the same date. As transaction time it means the end of that
day, and today means now.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from registry.domain.decisions import civil_day_of, end_of_day, start_of_day
from registry.domain.sentences import Sentence
from registry.domain.time_zones import zone

_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?:(:\d\d)(?:\.(\d+))?)?(?: ?([Zz])|([+-]\d\d:\d\d))",
    re.ASCII,
)
_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
#: The tolerated difference of clocks: an instant up to this far in the future counts as now.
TOLERANCE = timedelta(minutes=1)
LONGEST = 100  # characters of an instant


class InTheFuture(ValueError):
    """The transaction time is in the future."""


def parse(text: object) -> datetime:
    """Parses an instant with its time zone and returns it in UTC.

    Raises ValueError with what was found and what was expected.
    """
    found = _RFC_3339.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST else None
    if found:
        day, minute, second, fraction, utc, offset = found.groups()
        whole = f"{day}T{minute}{second or ':00'}.{(fraction or '')[:6]:0<6}"
        try:
            return datetime.fromisoformat(whole + ("+00:00" if utc else offset)).astimezone(UTC)
        except OverflowError:
            raise ValueError(
                Sentence(
                    "%(text)s is not an instant of the years 1 to 9999 in UTC", text=repr(text)
                )
            ) from None
        except ValueError:
            pass
    shown = repr(text[:LONGEST] if isinstance(text, str) else text)
    if isinstance(text, str) and is_day(text[:10]) and not is_real(text[:10]):
        raise ValueError(
            Sentence(
                "%(found)s is not an instant: the calendar has no day %(day)s",
                found=shown,
                day=text[:10],
            )
        )
    if isinstance(text, str) and _WITHOUT_ZONE.fullmatch(text):
        raise ValueError(
            Sentence(
                "%(found)s is not an instant: it has no zone; add Z for UTC, or +09:00 "
                "and the like",
                found=shown,
            )
        )
    raise ValueError(
        Sentence(
            "%(found)s is not an instant: RFC 3339 with its zone, like 2026-11-21T12:00:00Z",
            found=shown,
        )
    )


def is_day(text: str) -> bool:
    """Whether the text has the form of a civil day."""
    return _DAY.fullmatch(text) is not None


def is_real(text: str) -> bool:
    """Whether the calendar has the day of a text that has the form of one."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def parse_day(text: object) -> date:
    """Parses a civil day. Raises ValueError with what was found and what was expected."""
    if isinstance(text, str) and is_day(text):
        if is_real(text):
            return date.fromisoformat(text)
        raise ValueError(
            Sentence(
                "%(found)s is not a date of the calendar: there is no such day", found=repr(text)
            )
        )
    raise ValueError(
        Sentence(
            "%(found)s is not a date of the calendar: YYYY-MM-DD, like 2026-11-21", found=repr(text)
        )
    )


@dataclass(frozen=True)
class Reading:
    """An instant in UTC, and a sentence that says how the text was understood."""

    at: datetime
    sentence: str


#: The time zone in which a civil day begins first: UTC+14.
FIRST_ZONE = "Pacific/Kiritimati"


def parse_valid_time(text: str, zone_name: str) -> Reading:
    """Parses a valid time: an instant, or a civil day in that time zone. Raises ValueError."""
    if not is_day(text):
        at = parse(text)
        return Reading(at, _shown(at))
    day = parse_day(text)
    local = datetime.combine(day, time(12, tzinfo=zone(zone_name)))
    try:
        at = local.astimezone(UTC)
    except OverflowError:
        raise ValueError(Sentence("%(day)s is beyond the calendar", day=day)) from None
    return Reading(at, f"the civil day {day} in {zone_name} (noon there is {_shown(at)})")


def parse_transaction_time(text: str, zone_name: str, now: datetime) -> Reading:
    """Parses a transaction time: an instant, or a civil day, which means its end in that zone.

    Today means now. In UTC, for a subject without a time zone of its own, a day that has begun
    anywhere means now too, because people east of Greenwich write their own date. Raises
    ValueError, and InTheFuture beyond the tolerance.
    """
    if not is_day(text):
        at = clamp_to_now(parse(text), now)
        return Reading(at, _shown(at))
    day = parse_day(text)
    today = civil_day_of(now, zone_name)
    if day == today:
        return Reading(now, f"now, because {day} is today in {zone_name}")
    if start_of_day(day, zone_name) > now:
        if zone_name == "UTC" and start_of_day(day, FIRST_ZONE) <= now:
            return Reading(now, f"now, because {day} has begun in the east already")
        raise InTheFuture(
            Sentence(
                "%(day)s is in the future in %(zone)s, where today is %(today)s",
                day=day,
                zone=zone_name,
                today=today,
            )
        )
    at = end_of_day(day, zone_name) - timedelta(microseconds=1)
    return Reading(at, f"the end of {day} in {zone_name} ({_shown(at)})")


def clamp_to_now(at: datetime, now: datetime) -> datetime:
    """The transaction time, or now if it is in the future within the tolerance.

    Raises InTheFuture.
    """
    if at > now + TOLERANCE:
        raise InTheFuture(
            Sentence(
                "%(at)s is in the future, it is %(now)s: what will be known then nobody knows",
                at=_shown(at),
                now=_shown(now),
            )
        )
    return min(at, now)


def _shown(at: datetime) -> str:
    """The instant in UTC as text."""
    local = at.astimezone(UTC).replace(tzinfo=None)
    return f"{local.isoformat(sep=' ', timespec='minutes' if not local.second else 'seconds')} UTC"
