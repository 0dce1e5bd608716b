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
            f"knownAt: {instant_text(known)} is in the future, it is {instant_text(now)}: "
            "what will be known then nobody knows"
        ) from None
    for name, instant in (("at", at), ("knownAt", known)):
        if instant < EARLIEST:
            raise bad_input(f"{name}: {instant_text(instant)} is before 1900, and the record")
    if at > now + AHEAD:
        raise bad_input(f"at: {instant_text(at)} is more than ten years ahead")
    return AsOf(at, known, asked=as_of is not None and bool(as_of.at or as_of.known_at))
