"""What changed in a golden copy since another instant, as one signed answer: how an edge keeps up.

The body is JSON lines: a head, the law where it changed, and a line for each operator whose record
is another one, as a delta has them. Where too many changed, the head says `whole`: a delta or a
whole copy is then the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from psycopg import AsyncConnection

from api.golden_copy.deltas import removed, tin_of
from api.golden_copy.manifest import CopyMoment
from api.golden_copy.signing import signed
from projections.history.golden_copy import CopyInstant, encode
from projections.history.golden_copy_reads import CopySource, copy_source, lines, moved
from projections.reads.log import head
from registry.domain.values import AdministrationCode
from registry.ledger.epochs import CURRENT
from registry.transparency.signed_notes import Signer

CHANGES = "aeo-golden-copy-changes/1"
MOST = 1_000  # operators in one answer


class ChangesHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line. `since`: what the client has; `moment`: what it has after this answer.

    `law`: the second line is the law. `whole`: too much changed to be told here. `checkpoint`: the
    current signed head of the log.
    """

    format: str
    partner: str
    since: CopyInstant
    moment: CopyMoment
    checkpoint: str | None
    law: bool = False
    whole: bool = False


class SignedChanges(msgspec.Struct, frozen=True):
    """The answer: the body, the note that signs it, and the position up to which it leads."""

    body: str
    note: str
    position: int = 0


@dataclass(frozen=True)
class Since:
    """What a client has: an epoch, and the instants of its copy."""

    epoch: str
    instant: CopyInstant


class PositionOfOtherEpoch(LookupError):
    """The client's position is of another epoch of the ledger, or after its head."""


async def changes_since(
    connection: AsyncConnection[Any], partner: AdministrationCode, since: Since, signer: Signer
) -> SignedChanges:
    """What changed for a partner up to now. `connection`: in a transaction with snapshot isolation.

    Raises PositionOfOtherEpoch.
    """
    async with connection.cursor() as cursor:
        await cursor.execute(f"select {CURRENT}, clock_timestamp()".encode())
        [(epoch, now)] = await cursor.fetchall()
    source = await copy_source(connection, partner)
    later = CopyInstant(source.moment.position, max(now, source.recorded, since.instant.at))
    if epoch != since.epoch or since.instant.position > later.position:
        raise PositionOfOtherEpoch(
            f"found position {since.instant.position} of epoch {since.epoch}, wanted one of epoch"
            f" {epoch}, at most {later.position}: take a whole copy"
        )
    source = source.as_of(later)
    earlier = source.as_of(since.instant)
    tins = await moved(connection, since.instant, source, MOST)
    found = await head(connection)
    law = source.copied_law
    first = ChangesHead(
        CHANGES,
        partner.text,
        since.instant,
        CopyMoment(epoch, later.position, later.at, source.recorded),
        found.note if found else None,
        law != earlier.copied_law,
        tins is None,
    )
    body_lines = [msgspec.json.encode(first)]
    if first.law:
        body_lines.append(encode(law))
    if tins:
        before = await _by_tin(connection, earlier, tins)
        after = await _by_tin(connection, source, tins)
        for tin in tins:
            if after.get(tin) != before.get(tin):
                body_lines.append(after.get(tin) or removed(tin))
    body = b"\n".join(body_lines) + b"\n"
    note = signed(signer, CHANGES, partner.text, later.position, body)
    return SignedChanges(body.decode(), note, later.position)


async def _by_tin(
    connection: AsyncConnection[Any], source: CopySource, tins: Sequence[str]
) -> dict[str, bytes]:
    return {tin_of(line): line async for some in lines(connection, source, tins) for line in some}
