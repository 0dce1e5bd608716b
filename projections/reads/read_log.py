"""SELECT of the read log: who asked about one operator.

The read log is written by the API (api/access/read_log.py) and is no read model: it cannot be
rebuilt from the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class LookRow:
    """One read-log entry, as far as it concerns one operator.

    `number` and `place`: of the entry, and of the operator in it. `at`: the instant of the request,
    UTC. `agent`: the client or person who acted for the subject; None: not known. `territory`,
    `law_at`, `known_at`: the recognition question, where it was one. `outcome`: what was answered
    about this operator; None where the subject did not select it. `consignment`: that of the
    question; None where it named none.
    """

    number: int
    place: int
    at: datetime
    subject: str
    agent: str | None
    role: str
    administration: str | None
    purpose: str | None
    operation: str
    request: UUID
    territory: str | None
    law_at: datetime | None
    known_at: datetime | None
    outcome: str | None
    consignment: dict[str, str] | None


#: The entries are selected through the index on `tins` and sorted: PostgreSQL has no index that is
#: ordered by operator and number, and an operator has few entries beside the whole log.
_LOOKS = """
select l.number, t.place::int, l.at, l.subject, l.agent, l.role, l.administration, l.purpose,
    l.operation, l.request, l.territory, coalesce(t.law_at, l.law_at) as law_at, l.known_at,
    t.outcome, coalesce(t.consignment, l.consignment) as consignment
from (select * from access.read_log where tins @> array[%(tin)s::text]) l
cross join lateral unnest(l.tins, l.outcomes, l.law_ats, l.consignments) with ordinality
    as t (tin, outcome, law_at, consignment, place)
where t.tin = %(tin)s
    and (%(after)s::timestamptz is null or l.at > %(after)s)
    and (%(until)s::timestamptz is null or l.at <= %(until)s)
    and (%(number)s::bigint is null or (l.number, t.place) < (%(number)s, %(place)s))
order by l.number desc, t.place desc
limit %(most)s"""


async def looks(
    ledger: Connection,
    tin: str,
    before: tuple[int, int] | None,
    most: int,
    *,
    after: datetime | None = None,
    until: datetime | None = None,
) -> list[LookRow]:
    """Returns the read-log entries about an operator, the latest first: at most `most`, before that
    number and place, of requests after the instant `after` and at the latest at `until`. `ledger`:
    a connection of a role that may read the log."""
    number, place = before or (None, None)
    parameters = {"tin": tin, "number": number, "place": place, "most": most}
    async with ledger.cursor(row_factory=class_row(LookRow)) as cursor:
        await cursor.execute(_LOOKS, parameters | {"after": after, "until": until})
        return await cursor.fetchall()
