"""How an authorisation stands after an event about it, as a stretch of law."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from registry.domain.operators.events import Operator
from registry.domain.programme_rules import remarks
from registry.domain.values import COUNTS_ABROAD, HELD, Role, Status


class Period(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """A stretch of law [valid_from, valid_to) in which an authorisation stood in one way.

    `status` is of the authorisation; `abroad` is of the part of it that partners recognise
    (an AEOF whose S part is suspended is VALID at home and SUSPENDED abroad).
    """

    authorisation: str
    programme: str
    type: str
    status: Status
    abroad: Status
    valid_from: datetime
    valid_to: datetime | None = None
    number: str | None = None
    roles: tuple[Role, ...] = ()
    effective_from: date | None = None
    valid_until: date | None = None
    flags: tuple[str, ...] = ()
    ground: str | None = None


def _to(status: Status, **more: Any) -> Callable[[Period, Any], Period]:
    def stands(now: Period, event: Any) -> Period:
        return replace(now, status=status, abroad=status, ground=_ground(event), **more)

    return stands


def _granted(now: Period, event: Operator.Granted) -> Period:
    return replace(
        now,
        status=Status.VALID,
        abroad=Status.VALID,
        ground=_ground(event),
        number=event.number,
        type=event.type,
        roles=event.roles,
        effective_from=event.effective,
        valid_until=event.valid_until,
        flags=remarks(event.rule_unknown),
    )


def _revoked(now: Period, event: Operator.Revoked) -> Period:
    return _to(Status.REVOKED, flags=remarks(event.rule_unknown))(now, event)


def _renewed(now: Period, event: Operator.Renewed) -> Period:
    kept = replace(now, flags=flags_of(now, drop="validity_years_unknown"))
    flags = flags_of(kept, drop="under_reassessment")
    return replace(now, valid_until=event.valid_until, flags=flags)


def _reassessed(now: Period, event: Operator.ReassessmentClosed) -> Period:
    kept = replace(now, flags=flags_of(now, drop="under_reassessment"))
    mending = {"add": "remediation"} if event.remediation else {"drop": "remediation"}
    return replace(kept, flags=flags_of(kept, **mending))


def _suspended(now: Period, event: Operator.Suspended) -> Period:
    if event.part is None:
        return _to(Status.SUSPENDED)(now, event)
    return replace(
        now,
        status=Status.VALID,
        abroad=Status.SUSPENDED if event.abroad else now.abroad,
        ground=_ground(event),
        flags=flags_of(now, add=f"part_{event.part}_suspended"),
    )


def _lifted(now: Period, event: Operator.SuspensionLifted) -> Period:
    return freed(now, _ground(event))


def freed(now: Period, ground: str | None) -> Period:
    """No part of it is suspended any more."""
    kept = tuple(f for f in now.flags if not f.endswith("_suspended"))
    return replace(now, status=Status.VALID, abroad=Status.VALID, ground=ground, flags=kept)


def is_free(period: Period) -> bool:
    """Is it held, and no part of it suspended?"""
    return (
        period.status in HELD
        and period.status is not Status.SUSPENDED
        and not any(flag.endswith("_suspended") for flag in period.flags)
    )


def _extended(now: Period, event: Operator.SuspensionExtended) -> Period | None:
    return None if is_free(now) or now.status not in HELD else now


def _expired(now: Period, event: Operator.Expired) -> Period | None:
    return None if event.by_law else _to(Status.EXPIRED, flags=())(now, event)


def _unlisted(now: Period, event: Operator.Unlisted) -> Period | None:
    return _to(Status.DELISTED, flags=())(now, event) if now.status in HELD else None


def listed(of: Operator.Listed, since: date | None, at: datetime) -> Period:
    """Valid from an instant on, as a published list says."""
    return Period(
        of.authorisation,
        of.programme,
        of.type,
        Status.VALID,
        Status.LISTED,
        at,
        number=of.number,
        roles=of.roles,
        effective_from=since,
        flags=("listed",),
        ground=_ground(of) or of.source,
    )


def at_home_only(period: Period) -> Period:
    """Of a type that lacks the part that partners recognise nothing counts abroad."""
    return replace(period, abroad=Status.NONE) if period.abroad in COUNTS_ABROAD else period


def uncertain(period: Period, at: datetime) -> Period:
    """The same, of which nobody knows from an instant on whether it is so."""
    return replace(
        period, status=Status.UNCERTAIN, abroad=Status.UNCERTAIN, valid_from=at, flags=()
    )


def _merged(now: Period, event: Operator.Merged) -> Period | None:
    return _to(Status.SUPERSEDED, flags=())(now, event) if now.status in HELD else None


#: How an authorisation stands after an event. Where nothing is said, or None, it stands as before.
STANDS: dict[type[Operator.Event], Callable[[Period, Any], Period | None]] = {
    Operator.Accepted: _to(Status.ACCEPTED),
    Operator.NotAccepted: _to(Status.NOT_ACCEPTED),
    Operator.Withdrawn: _to(Status.WITHDRAWN),
    Operator.ExaminationStarted: _to(Status.UNDER_EXAMINATION),
    Operator.Refused: _to(Status.REFUSED),
    Operator.Granted: _granted,
    Operator.TypeChanged: lambda now, event: replace(now, type=event.type),
    Operator.RolesAmended: lambda now, event: replace(now, roles=event.roles),
    Operator.ReassessmentOpened: lambda now, event: replace(
        now, flags=flags_of(now, add="under_reassessment")
    ),
    Operator.ReassessmentClosed: _reassessed,
    Operator.Renewed: _renewed,
    Operator.Suspended: _suspended,
    Operator.SuspensionExtended: _extended,
    Operator.SuspensionLifted: _lifted,
    Operator.Revoked: _revoked,
    Operator.Annulled: _to(Status.ANNULLED, flags=()),
    Operator.Surrendered: _to(Status.SURRENDERED, flags=()),
    Operator.Expired: _expired,
    Operator.Unlisted: _unlisted,
    Operator.Merged: _merged,
}


def _ground(event: Operator.Event) -> str | None:
    """What home officers and auditors see: the legal ground, and the reason given."""
    ground, reason = event.legal_ground, getattr(event, "reason", None)
    return f"{ground}; {reason}" if ground and reason else ground or reason or None


def flags_of(now: Period, add: str | None = None, drop: str | None = None) -> tuple[str, ...]:
    kept = tuple(f for f in now.flags if f not in (add, drop))
    return tuple(sorted((*kept, add))) if add else kept
