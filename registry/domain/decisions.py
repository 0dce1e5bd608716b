"""A decision on its way into the register: whose it is, from which day, on what ground."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from eventsourcing.domain import AggregateEvent
from msgspec import Struct
from msgspec.structs import replace

from registry.domain.errors import GroundNeeded, WrongDates
from registry.domain.time_zones import zone
from registry.domain.values import AdministrationCode

if TYPE_CHECKING:
    from registry.domain.programmes import Programme


class DatedFact(AggregateEvent):
    """What every event of the register says beside its own: from which civil day it counts in
    law, when and by whom it was decided, on which ground or from which source it is known."""

    _: KW_ONLY
    effective: date
    decided: date | None = None
    decided_by: AdministrationCode | None = None
    legal_ground: str | None = None
    source: str | None = None


class Decision(Struct, frozen=True):
    """The part of a command that every decision needs.

    `effective` and `decided` are civil dates in the authority's zone; `today` is that zone's
    today (for an import: the day on which the authority itself recorded it).
    """

    today: date
    effective: date | None = None
    decided: date | None = None
    decided_by: AdministrationCode | None = None
    legal_ground: str | None = None
    source: str | None = None
    programme: Callable[[str], Programme] | None = None

    def because(self, ground: str | None) -> Decision:
        return replace(self, legal_ground=self.legal_ground or ground)

    def envelope(
        self, effective: date | None = None, *, source_suffices: bool = True
    ) -> dict[str, Any]:
        """The fields that every event carries. Raises WrongDates, GroundNeeded.

        What reaches back needs its ground; of the public record (agreements, programmes,
        claims) a source is ground enough, of an operator's standing it never is.
        """
        counts_from = self.effective or effective or self.today
        reaches_back = counts_from < self.today
        # Of an old fact on public record nobody may know the day of decision.
        unknown = reaches_back and self.source and source_suffices
        decided = self.decided or (None if unknown else self.today)
        if decided and decided > self.today:
            raise WrongDates(f"decided: found {decided}, and the authority's today is {self.today}")
        if reaches_back and not (self.legal_ground or (source_suffices and self.source)):
            raise GroundNeeded(
                f"effective: {counts_from} is before {self.today}, the day of recording; "
                "a decision that reaches back needs its legal ground"
            )
        return {
            "effective": counts_from,
            "decided": decided,
            "decided_by": self.decided_by,
            "legal_ground": self.legal_ground,
            "source": self.source,
        }


@lru_cache(maxsize=65_536)
def begins(day: date, zone_name: str) -> datetime:
    """The instant, in UTC, at which a civil day begins in a zone.

    The last day that a date can hold stands for "never", the first for "always"; they have no
    beginning in any zone and stay what they are.
    """
    if day in (date.min, date.max):
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    # The one UTC that instants of the ledger have too: of two zones, even alike, Python compares
    # instants by asking both of them each time.
    return datetime.combine(day, _midnight(zone_name)).astimezone(UTC)


def ends(day: date, zone_name: str) -> datetime:
    """The instant, in UTC, at which a civil day is over in a zone: the next one begins."""
    return begins(day if day == date.max else day + timedelta(days=1), zone_name)


@lru_cache(maxsize=512)
def _midnight(zone_name: str) -> time:
    return time(tzinfo=zone(zone_name))


def day_of(instant: datetime, zone_name: str) -> date:
    """The civil day in a zone to which an instant belongs.

    The inverse of `begins`: "always" and "never" are their own days in every zone, and an instant
    that another zone's calendar has no day for belongs to the first or the last day there is.
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
    """An administration's signature of a command: by which of its keys, and of which text."""

    administration: str
    key: str  # its id, in hexadecimal
    text: str
    signature: bytes
