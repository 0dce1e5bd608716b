"""The status period that each event of an authorisation begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from registry.domain.operators.events import Operator
from registry.domain.programme_rules import unknown_rule_flags
from registry.domain.values import COUNTS_ABROAD, HELD, Role, Status


class Period(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """The valid-time period [valid_from, valid_to) of one status of an authorisation, in UTC.

    `status` is the status of the authorisation. `abroad` is the status of the part that partners
    recognise: an AEOF whose S part is suspended is VALID at home and SUSPENDED abroad.
    `valid_until` is the last civil day of the term. `ground` is shown to the home administration
    and to auditors only.
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


def _set_status(status: Status, **more: Any) -> Callable[[Period, Any], Period]:
    """Returns an effect that sets both statuses and the fields in `more`."""

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
        flags=unknown_rule_flags(event.rule_unknown),
    )


def _revoked(now: Period, event: Operator.Revoked) -> Period:
    return _set_status(Status.REVOKED, flags=unknown_rule_flags(event.rule_unknown))(now, event)


def _renewed(now: Period, event: Operator.Renewed) -> Period:
    """The renewal: the new last day, without the flags that the renewal answers."""
    known = replace(now, flags=flags_of(now, drop="validity_years_unknown"))
    flags = flags_of(known, drop="under_reassessment")
    return replace(now, valid_until=event.valid_until, flags=flags)


def _reassessed(now: Period, event: Operator.ReassessmentClosed) -> Period:
    regular = replace(now, flags=flags_of(now, drop="under_reassessment"))
    remediation = {"add": "remediation"} if event.remediation else {"drop": "remediation"}
    return replace(regular, flags=flags_of(regular, **remediation))


def _suspended(now: Period, event: Operator.Suspended) -> Period:
    if event.part is None:
        return _set_status(Status.SUSPENDED)(now, event)
    return replace(
        now,
        status=Status.VALID,
        abroad=Status.SUSPENDED if event.abroad else now.abroad,
        ground=_ground(event),
        flags=flags_of(now, add=f"part_{event.part}_suspended"),
    )


def _lifted(now: Period, event: Operator.SuspensionLifted) -> Period:
    return without_suspension(now, _ground(event))


def without_suspension(now: Period, ground: str | None) -> Period:
    """The period without any suspension, of the whole or of a part."""
    other_flags = tuple(f for f in now.flags if not f.endswith("_suspended"))
    return replace(now, status=Status.VALID, abroad=Status.VALID, ground=ground, flags=other_flags)


def is_not_suspended(period: Period) -> bool:
    """Whether the authorisation is held and no part of it is suspended."""
    return (
        period.status in HELD
        and period.status is not Status.SUSPENDED
        and not any(flag.endswith("_suspended") for flag in period.flags)
    )


def _extended(now: Period, event: Operator.SuspensionExtended) -> Period | None:
    return None if is_not_suspended(now) or now.status not in HELD else now


def _expired(now: Period, event: Operator.Expired) -> Period | None:
    return None if event.by_law else _set_status(Status.EXPIRED, flags=())(now, event)


def _unlisted(now: Period, event: Operator.Unlisted) -> Period | None:
    return _set_status(Status.DELISTED, flags=())(now, event) if now.status in HELD else None


def listed(of: Operator.Listed, since: date | None, at: datetime) -> Period:
    """The period of an authorisation that is valid according to a published list."""
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
    """The period of a type that lacks the part that partners recognise: no status abroad."""
    return replace(period, abroad=Status.NONE) if period.abroad in COUNTS_ABROAD else period


def uncertain(period: Period, at: datetime) -> Period:
    """The period with the status UNCERTAIN from this instant on."""
    return replace(
        period, status=Status.UNCERTAIN, abroad=Status.UNCERTAIN, valid_from=at, flags=()
    )


def _merged(now: Period, event: Operator.Merged) -> Period | None:
    return _set_status(Status.SUPERSEDED, flags=())(now, event) if now.status in HELD else None


#: The effect of each event. No entry, or a result of None, means that the status does not change.
STATUS_EFFECTS: dict[type[Operator.Event], Callable[[Period, Any], Period | None]] = {
    Operator.Accepted: _set_status(Status.ACCEPTED),
    Operator.NotAccepted: _set_status(Status.NOT_ACCEPTED),
    Operator.Withdrawn: _set_status(Status.WITHDRAWN),
    Operator.ExaminationStarted: _set_status(Status.UNDER_EXAMINATION),
    Operator.Refused: _set_status(Status.REFUSED),
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
    Operator.Annulled: _set_status(Status.ANNULLED, flags=()),
    Operator.Surrendered: _set_status(Status.SURRENDERED, flags=()),
    Operator.Expired: _expired,
    Operator.Unlisted: _unlisted,
    Operator.Merged: _merged,
}


def _ground(event: Operator.Event) -> str | None:
    """The legal ground and the reason. Only the home administration and auditors see it."""
    ground, reason = event.legal_ground, getattr(event, "reason", None)
    return f"{ground}; {reason}" if ground and reason else ground or reason or None


def flags_of(now: Period, add: str | None = None, drop: str | None = None) -> tuple[str, ...]:
    """The flags of a period with one added or removed, sorted."""
    other_flags = tuple(f for f in now.flags if f not in (add, drop))
    return tuple(sorted((*other_flags, add))) if add else other_flags
