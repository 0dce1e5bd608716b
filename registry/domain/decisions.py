"""Decisions: the fields that every decision has, and the civil days of a time zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from eventsourcing.domain import AggregateEvent
from msgspec import Struct
from msgspec.structs import replace

from registry.domain.errors import GroundNeeded, WrongDates
from registry.domain.time_zones import zone
from registry.domain.values import AdministrationCode

if TYPE_CHECKING:
    from registry.domain.administrations import Administration
    from registry.domain.programmes import Programme


class DatedFact(AggregateEvent):
    """The base of every event of the register.

    `effective`: the civil day from which it counts in valid time. `decided` and `decided_by`: when
    and by whom it was decided. `legal_ground` and `source`: on what it rests.
    """

    _: KW_ONLY
    effective: date
    decided: date | None = None
    decided_by: AdministrationCode | None = None
    legal_ground: str | None = None
    source: str | None = None

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """An event is never changed: a copy of an aggregate, on which a decision is tried, has the
        same events. Copying them cost more than the decisions."""
        return self


class Decision(Struct, frozen=True):
    """The part of a command that every decision needs.

    `effective` and `decided` are civil dates in the authority's time zone. `today` is the current
    date in that zone (for an import: the day on which the authority itself recorded it).
    `programme` and `administration` look one up by its code. `moment`: the instant of which `today`
    is the date, for whoever asks for the day in another zone. `is_operator`: the operator that the
    command is about gives it itself; `decided_by` is its home customs then, too.
    """

    today: date
    effective: date | None = None
    decided: date | None = None
    decided_by: AdministrationCode | None = None
    legal_ground: str | None = None
    source: str | None = None
    programme: Callable[[str], Programme] | None = None
    administration: Callable[[AdministrationCode], Administration] | None = None
    moment: datetime | None = None
    is_operator: bool = False

    def with_ground(self, ground: str | None) -> Decision:
        """The decision with this legal ground if it has none."""
        return replace(self, legal_ground=self.legal_ground or ground)

    def envelope(
        self, effective: date | None = None, *, source_suffices: bool = True
    ) -> dict[str, Any]:
        """The fields that every event has. Raises WrongDates, GroundNeeded.

        A decision with effect from an earlier day needs a legal ground. For public records
        (agreements, programmes, claims) a source is sufficient; for the status of an operator it is
        not.
        """
        counts_from = self.effective or effective or self.today
        reaches_back = counts_from < self.today
        # The day of decision of an old public fact may be unknown.
        unknown = reaches_back and self.source and source_suffices
        decided = self.decided or (None if unknown else self.today)
        if decided and decided > self.today:
            raise WrongDates(
                "decided: found %(decided)s, and the authority's today is %(today)s",
                decided=decided,
                today=self.today,
            )
        if reaches_back and not (self.legal_ground or (source_suffices and self.source)):
            raise GroundNeeded(
                "effective: %(counts_from)s is before %(today)s, the day of recording; a "
                "decision that reaches back needs its legal ground",
                counts_from=counts_from,
                today=self.today,
            )
        return {
            "effective": counts_from,
            "decided": decided,
            "decided_by": self.decided_by,
            "legal_ground": self.legal_ground,
            "source": self.source,
        }


@lru_cache(maxsize=65_536)
def start_of_day(day: date, zone_name: str) -> datetime:
    """The instant (UTC) at which a civil day begins in a time zone.

    The last possible date stands for "never" and the first for "always"; they are the same in every
    zone.
    """
    if day in (date.min, date.max):
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    # The same UTC object as in the ledger's instants: Python compares instants of two time zone
    # objects, even equal ones, by asking both each time.
    return datetime.combine(day, _midnight(zone_name)).astimezone(UTC)


def end_of_day(day: date, zone_name: str) -> datetime:
    """The instant (UTC) at which a civil day ends in a time zone: the beginning of the next day."""
    return start_of_day(day if day == date.max else day + timedelta(days=1), zone_name)


@lru_cache(maxsize=512)
def _midnight(zone_name: str) -> time:
    return time(tzinfo=zone(zone_name))


def civil_day_of(instant: datetime, zone_name: str) -> date:
    """The civil day of an instant in a time zone: the inverse of `start_of_day`.

    "Always" and "never" are the same day in every zone. An instant beyond the calendar of a zone
    belongs to the first or last possible date.
    """
    if instant <= _FIRST or instant >= _LAST:
        return date.min if instant <= _FIRST else date.max
    try:
        return instant.astimezone(zone(zone_name)).date()
    except OverflowError:
        return date.min if instant.year == 1 else date.max


_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class CommandSignature:
    """An administration's signature of a command, with the key id and the signed text."""

    administration: str
    key: str  # its id, in hexadecimal
    text: str
    signature: bytes
