"""Two clocks on every question: what counted in law, and what the register knew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import strawberry

from api.graphql.errors import bad_input
from api.graphql.scalars import instant_text
from projections.reads.bitemporal_sql import AsOf
from registry.domain import instants

#: Decided today, in effect later: that far ahead the law that is known may be asked for.
AHEAD = timedelta(days=3653)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


@strawberry.input(name="AsOf", description="The instant that is asked about, on both clocks.")
class AsOfInput:
    at: datetime | None = strawberry.field(
        default=None, description="The instant whose law is asked for; default now."
    )
    known_at: datetime | None = strawberry.field(
        default=None,
        description="Only what was known by then counts; default now. Never in the future: up to a "
        "minute ahead of our clock is now.",
    )


def clocks(as_of: AsOfInput | None, now: datetime) -> AsOf:
    """Both default to now. Raises Unanswered for an instant that nobody can answer for."""
    if as_of is None:
        return AsOf(now, now)
    at = as_of.at or now
    known = as_of.known_at or now
    try:
        known = instants.known(known, now)
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
