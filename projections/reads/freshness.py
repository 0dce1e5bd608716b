"""How old the data of each partner is here, and how far each partner has read this register's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

from projections.reads.bitemporal_sql import on_both

#: SQL: the administrations whose data comes in, each with its last data and the strictest limit
#: that an agreement sets today to its age, also as a member of a bloc.
INCOMING = f"""
with source as (
    select distinct on (r.administration) r.administration, r.as_of, r.cadence_hours
    from views.list_received r order by r.administration, r.position desc
),
peer as (
    select unnest(p.administrations) as administration, p.name, p.url, p.position, p.head_size,
        p.fresh_at, p.heard_at, p.stopped_at, p.why, p.evidence, p.reported_at
    from peers.peer p
)
select coalesce(s.administration, p.administration) as administration, s.as_of, s.cadence_hours,
    p.name as peer, p.url, p.position, p.head_size, p.fresh_at, p.heard_at, p.stopped_at, p.why,
    p.evidence, p.reported_at,
    least(s.cadence_hours, (select min(l.max_age_hours) from views.link l
        where l.kind = 'AEO_MUTUAL_RECOGNITION' and l.max_age_hours is not null
          and {on_both("l", "clock_timestamp()", "clock_timestamp()")}
          and (l.from_party = coalesce(s.administration, p.administration)
            or l.from_party in (select m.bloc from views.membership m
                where m.member = coalesce(s.administration, p.administration)
                  and m.recorded_to is null and m.valid_to is null)))) as limit_hours,
    clock_timestamp() as now
from source s full join peer p using (administration)
order by 1"""
#: SQL: how far each partner has read this register, by each way: as a peer, by webhooks, and by
#: copies, the feed and subscriptions.
OUTGOING = """
select r.partner, r.way, r.position, r.asked_at,
    greatest((select coalesce(max(l.position), 0) from proof.leaf l) - r.position, 0) as behind,
    case when r.way = 'PEER' then (
        select count(*) from peers.report p where p.partner = r.partner) else 0 end as reports,
    clock_timestamp() as now
from (
    select p.partner, 'PEER' as way, p.position, p.asked_at from peers.reader p
    union all
    select g.partner, g.way, g.position, g.at from access.partner_reading g
    union all
    select w.owner, 'WEBHOOK', min(s.position), min(s.delivered_at)
    from access.webhook w join access.webhook_state s on s.webhook = w.id
    where w.removed_at is null group by w.owner
) r
order by r.partner, r.way"""


@dataclass(frozen=True)
class IncomingData:
    """An administration's data here. Instants are in UTC.

    `as_of`: the last list that it sent, or the last time that its register was followed up to then.
    `cadence_hours`: how often its source declared to send. `limit_hours`: the strictest limit of
    that and of the agreements of today. `peer`: the register that is
    followed for it; the fields after it are of that register.
    """

    administration: str
    as_of: datetime | None
    cadence_hours: int | None
    peer: str | None
    url: str | None
    position: int | None
    head_size: int | None
    fresh_at: datetime | None
    heard_at: datetime | None
    stopped_at: datetime | None
    why: str | None
    evidence: str | None
    reported_at: datetime | None
    limit_hours: int | None
    now: datetime

    @property
    def known_as_of(self) -> datetime | None:
        """The instant as of which the data is complete here, by either way."""
        return max(filter(None, (self.as_of, self.fresh_at)), default=None)

    @property
    def age(self) -> float | None:
        """Seconds since then; None where nothing came in yet."""
        known = self.known_as_of
        return None if known is None else max(0.0, (self.now - known).total_seconds())

    @property
    def due(self) -> datetime | None:
        """When it becomes stale, by what is recorded; None without a limit."""
        if self.limit_hours is None or self.as_of is None:
            return None
        return self.as_of + timedelta(hours=self.limit_hours)

    @property
    def stale(self) -> bool:
        """Whether answers that rest on it are UNKNOWN with STALE_DATA now."""
        return self.due is not None and self.now > self.due


@dataclass(frozen=True)
class OutgoingData:
    """How far a partner has read this register: the position, and how many are after it.

    `way`: PEER, WEBHOOK, or as in access.partner_reading. `asked_at`: when it last asked, or last
    accepted a message of a webhook (the slowest one); None: it accepted none yet. `reports`:
    contradictions in this register's log that it reported.
    """

    partner: str
    way: str
    position: int
    asked_at: datetime | None
    behind: int
    reports: int
    now: datetime

    @property
    def age(self) -> float | None:
        """Seconds since then; None where it was given nothing yet."""
        if self.asked_at is None:
            return None
        return max(0.0, (self.now - self.asked_at).total_seconds())


async def incoming(connection: AsyncConnection[Any]) -> list[IncomingData]:
    """Returns the administrations whose data comes in."""
    async with connection.cursor(row_factory=class_row(IncomingData)) as cursor:
        return await (await cursor.execute(INCOMING)).fetchall()


async def outgoing(connection: AsyncConnection[Any]) -> list[OutgoingData]:
    """Returns the partners that read this register."""
    async with connection.cursor(row_factory=class_row(OutgoingData)) as cursor:
        return await (await cursor.execute(OUTGOING)).fetchall()


def incoming_now(connection: Connection[Any]) -> list[IncomingData]:
    """The same as `incoming`, for the command line."""
    with connection.cursor(row_factory=class_row(IncomingData)) as cursor:
        return cursor.execute(INCOMING).fetchall()
