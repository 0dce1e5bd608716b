"""The looks of an edge: what it answered while it was alone, handed back to the read log.

Each look has an id that the edge gave it; the read log keeps it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from api.access.policy import Subject
from api.access.read_log import CONSIGNMENT_FIELDS, INSERT, ReadLogEntry, consignment, stored
from registry.domain.values import AdministrationCode, Outcome, Tin
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

OPERATION = "edge"
MOST = 1_000  # looks in one request


class Look(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer of an edge. `at`: when it was given; `law_at`: the instant of valid time asked
    about; `known_at`: the edge's copy showed what was recorded by then; all in UTC."""

    id: UUID
    at: datetime
    tin: str
    territory: str
    law_at: datetime
    known_at: datetime
    outcome: Outcome
    position: Annotated[int, msgspec.Meta(ge=0, le=2**62)]
    purpose: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    consignment: dict[str, str] | None = None


def require_looks(looks: Sequence[Look], partner: AdministrationCode, latest: datetime) -> None:
    """Raises ValueError for a look that cannot be: in the future, of another territory, or with
    what no question says."""
    if len(looks) > MOST:
        raise ValueError(f"found {len(looks):,} looks, wanted at most {MOST:,} in one request")
    for number, look in enumerate(looks):
        if any(at.tzinfo is None for at in (look.at, look.law_at, look.known_at)):
            raise ValueError(f"look {number}: an instant has no zone")
        if look.at > latest:
            raise ValueError(f"look {number}: at: found {look.at}, which is in the future")
        if look.territory != partner.text:
            raise ValueError(f"look {number}: territory: found {look.territory}, wanted {partner}")
        try:
            Tin.parse(look.tin)
        except ValueError as error:
            raise ValueError(f"look {number}: tin: {error}") from None
        if wrong := set(look.consignment or ()) - set(CONSIGNMENT_FIELDS):
            raise ValueError(f"look {number}: consignment: found {', '.join(sorted(wrong))}")


async def record_looks(conninfo: str, subject: Subject, looks: Sequence[Look]) -> int:
    """Writes the looks into the read log. Returns how many were not there yet."""
    entries = [
        ReadLogEntry(
            look.at.astimezone(UTC),
            subject.id,
            subject.role.value,
            subject.administration.text if subject.administration else None,
            look.purpose,
            OPERATION,
            [Tin.parse(look.tin).text],
            look.id,
            look.territory,
            look.law_at,
            look.known_at,
            consignment(look.consignment or {}),
            [look.outcome.value],
            look.position,
            agent=subject.agent or None,
        )
        for look in looks
    ]
    parameters = connection_parameters(conninfo, {"role": "aeo_reader"}, connect_timeout=2)
    new = 0
    async with (
        await AsyncSession.connect(**parameters) as connection,
        connection.cursor() as cursor,
    ):
        for entry in entries:
            await cursor.execute(f"{INSERT} on conflict do nothing", stored(entry))
            new += cursor.rowcount
    return new
