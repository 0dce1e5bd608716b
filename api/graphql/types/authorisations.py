"""The GraphQL types of authorisations: status, deadlines and the intervals of their status."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from api.access import policy
from api.access.policy import Action
from api.graphql import sql_fields
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.loaders import load
from api.graphql.types.events import REDACTED, Event, event_for, readable
from api.graphql.types.programmes import ProgrammeType, programme
from projections.reads import operators as reads
from projections.reads import planner_selects as places
from projections.reads.bitemporal_sql import AsOf, shown
from projections.reads.operators import AuthorisationRow, DeadlineRow, PeriodRow
from registry.domain.disclosure import disclosed_flags
from registry.domain.operators.authorisation_parts import suspended_parts
from registry.domain.values import Role, Status, Tin


@strawberry.type(name="Deadline")
class DeadlineType:
    """A deadline that the programme's rules set for a step. A missed deadline does not change the
    status by itself."""

    what: str
    due: date
    rule: str = strawberry.field(description="The name of the rule that sets the deadline.")
    met: bool | None = strawberry.field(
        description="True: the step was taken in time. False: it "
        "was taken late, or was not taken by the due day. Null: still open."
    )
    overdue: bool = strawberry.field(
        description="True: the due day has passed and the step has not been taken."
    )

    @classmethod
    def of(cls, row: DeadlineRow, due: date, today: date) -> DeadlineType:
        """The row as a GraphQL object. `today`: the civil day in the home time zone on which it is
        judged whether the deadline is met or overdue."""
        answered = row.met_on is not None and row.met_on <= today
        late = row.met_on is None or row.met_on > due
        return cls(
            what=row.what,
            due=due,
            rule=row.rule,
            met=(not late) if answered else (False if today > due else None),
            overdue=not answered and today > due,
        )


@strawberry.type
class UnknownDeadline:
    """A deadline that may exist but is not known, because its rule is unknown for the day. This is
    different from a law that sets no deadline."""

    what: str
    rule: str = strawberry.field(description="The name of the rule that is unknown.")


@strawberry.type(name="Authorisation")
class AuthorisationType:
    """An authorisation of an operator, from the application to the end."""

    row: strawberry.Private[AuthorisationRow]
    as_of: strawberry.Private[AsOf]
    today: strawberry.Private[date]
    number: str = strawberry.field(
        description="The number of the certificate, or the reference of the application where "
        "there is no certificate yet."
    )
    type: str
    status: Status
    status_abroad: Status = strawberry.field(
        description="The status of the part that partners recognise: SUSPENDED where that part is "
        "suspended, whatever the rest; LISTED where only a published list says that it is valid."
    )
    suspended_parts: list[str] = strawberry.field(
        description="The parts (S, C) that are suspended while the rest of the authorisation is "
        "valid."
    )
    roles: list[Role]
    since: datetime
    effective_from: date | None = strawberry.field(
        description="The civil day on which the grant "
        "takes effect, in the home zone. Null: not granted."
    )
    valid_until: date | None
    flags: list[str] = strawberry.field(
        description="Remarks that do not end the authorisation: under_reassessment, remediation, "
        "part_S_suspended, bar_years_unknown (a rule that the decision needed was unknown). Only "
        "the home customs, the operator and auditors see all of them; others see only which part "
        "is suspended."
    )

    @classmethod
    def of(
        cls, row: AuthorisationRow, as_of: AsOf, today: date, *, all_of_it: bool
    ) -> AuthorisationType:
        """The authorisation as a GraphQL object. `today`: the civil day of the instant asked about,
        in the home zone. `all_of_it`: the subject may read everything about the operator."""
        return cls(
            row=row,
            as_of=as_of,
            today=today,
            number=row.number or row.authorisation,
            type=row.type,
            status=Status(row.status),
            status_abroad=Status(row.abroad),
            suspended_parts=suspended_parts(row.flags),
            roles=[Role(role) for role in row.roles],
            since=row.since,
            effective_from=row.effective_from,
            valid_until=row.valid_until,
            flags=row.flags if all_of_it else disclosed_flags(row.flags),
        )

    @costs(5)
    @sql_fields.rows(places.PROGRAMME)
    @strawberry.field
    async def programme(self, info: Info) -> ProgrammeType:
        """The programme of the authorisation, at the instant asked about."""
        return await programme(info, self.row.programme, self.as_of)

    @costs(10, each=4)
    @sql_fields.rows(places.DEADLINES, order=places.SOONEST_FIRST)
    @strawberry.field
    async def deadlines(self, info: Info) -> list[DeadlineType]:
        """The deadlines that the rules set, as known now, soonest first. Only the home customs, the
        operator and auditors see them; for others the list is empty."""
        if not info.context.may(Action.READ_IN_FULL, policy.operator(Tin(self.row.tin))):
            return []
        rows = await load(info.context, reads.deadlines, key=self.row.tin)
        own = [row for row in rows or [] if row.authorisation == self.row.authorisation]
        return [DeadlineType.of(row, row.due, self.today) for row in own if row.due is not None]

    @costs(10, each=2)
    @sql_fields.rows(places.UNKNOWN_DEADLINES, order=places.BY_ORDINAL)
    @strawberry.field
    async def unknown_deadlines(self, info: Info) -> list[UnknownDeadline]:
        """The open deadlines that may exist but are not known, because their rules are unknown.
        Only the home customs, the operator and auditors see them; for others the list is empty."""
        if not info.context.may(Action.READ_IN_FULL, policy.operator(Tin(self.row.tin))):
            return []
        rows = await load(info.context, reads.deadlines, key=self.row.tin)
        return [
            UnknownDeadline(what=row.what, rule=row.rule)
            for row in sorted(rows or [], key=lambda row: row.ordinal)
            if row.authorisation == self.row.authorisation
            and row.due is None
            and not (row.met_on is not None and row.met_on <= self.today)
        ]


@strawberry.type
class StatusPeriod:
    """A status of an authorisation over an interval of valid time, as the register believed it over
    an interval of transaction time."""

    row: strawberry.Private[PeriodRow]
    authorisation: str
    status: Status
    status_abroad: Status = strawberry.field(
        description="The status of the part that partners recognise."
    )
    suspended_parts: list[str] = strawberry.field(
        description="The parts (S, C) that were suspended while the rest of the authorisation was "
        "valid."
    )
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None = strawberry.field(
        description="The end of the interval in transaction time, exclusive: when the register "
        "recorded something different. Null: it still holds."
    )
    ground: str | None = strawberry.field(
        description="The legal ground of the decision. Only the home customs, the operator and "
        "auditors see it; for others it is REDACTED."
    )

    @classmethod
    def of(cls, row: PeriodRow, *, in_full: bool) -> StatusPeriod:
        """The period as a GraphQL object. `in_full`: the subject may read the ground."""
        return cls(
            row=row,
            authorisation=row.number or row.authorisation,
            status=Status(row.status),
            status_abroad=Status(row.abroad),
            suspended_parts=suspended_parts(row.flags),
            valid_from=row.valid_from,
            valid_to=shown(row.valid_to),
            recorded_from=row.recorded_from,
            recorded_to=row.recorded_to,
            ground=row.ground if in_full else REDACTED,
        )

    @strawberry.field
    async def event(self, info: Info) -> Event | None:
        """The event that led to this status. Null for subjects who may not read the operator's
        events."""
        if not info.context.may(Action.READ_EVENTS, policy.operator(Tin(self.row.tin))):
            return None
        context, position = info.context, self.row.position
        may = readable(context.subject)
        row = await load(context, reads.events_at, may, key=position, of=context.ledger)
        return event_for(context, row) if row else None
