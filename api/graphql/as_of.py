"""The `asOf` argument: an instant of valid time (law) and one of transaction time (knowledge)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import strawberry

from api.graphql.errors import bad_input
from api.graphql.scalars import instant_text
from projections.reads.bitemporal_sql import AsOf
from registry.domain import instants

#: How far ahead of now valid time may be asked about: a decision can take effect later.
AHEAD = timedelta(days=3653)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


@strawberry.input(name="AsOf")
class AsOfInput:
    """The instant that is asked about, in valid time and in transaction time."""

    at: datetime | None = strawberry.field(
        default=None,
        description="The instant of valid time: the law of this instant is asked for. Default: "
        "now. From 1900 to ten years ahead.",
    )
    known_at: datetime | None = strawberry.field(
        default=None,
        description="The instant of transaction time: only what the register knew by then is taken "
        "into account. Default: now. It may not be in the future; up to one minute ahead of the "
        "service's clock is read as now.",
    )


def clocks(as_of: AsOfInput | None, now: datetime) -> AsOf:
    """The two instants that are asked about; both default to now.

    Raises Unanswered (BAD_INPUT) for an instant before 1900, for `at` more than ten years ahead,
    and for `known_at` in the future.
    """
    if as_of is None:
        return AsOf(now, now)
    at = as_of.at or now
    known = as_of.known_at or now
    try:
        known = instants.clamp_to_now(known, now)
    except instants.InTheFuture:
        raise bad_input(
            "knownAt: %(known)s is in the future, it is %(now)s: what will be known then "
            "nobody knows",
            known=instant_text(known),
            now=instant_text(now),
        ) from None
    for name, instant in (("at", at), ("knownAt", known)):
        if instant < EARLIEST:
            raise bad_input(
                "%(field)s: %(found)s is before 1900, and the record",
                field=name,
                found=instant_text(instant),
            )
    if at > now + AHEAD:
        raise bad_input("at: %(at)s is more than ten years ahead", at=instant_text(at))
    return AsOf(at, known, asked=as_of is not None and bool(as_of.at or as_of.known_at))
