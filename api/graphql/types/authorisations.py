"""Authorisations in GraphQL: where each stands, the dates it is held to, and all its stretches."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from api.access import policy
from api.access.policy import Action
from api.graphql import sql_fields
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.loaders import load
from api.graphql.types.events import REDACTED, Event, event_for
from api.graphql.types.programmes import ProgrammeType, programme
from projections.reads import operators as reads
from projections.reads import planner_selects as places
from projections.reads.bitemporal_sql import AsOf, shown
from projections.reads.operators import AuthorisationRow, DeadlineRow, PeriodRow
from registry.domain.disclosure import disclosed_flags
from registry.domain.operators.authorisation_parts import suspended_parts
from registry.domain.values import Role, Status, Tin


@strawberry.type(
    description="A date that the programme's rules set. A missed one decides nothing by itself.",
    name="Deadline",
)
class DeadlineType:
    what: str
    due: date
    rule: str = strawberry.field(description="The rule that set it.")
    met: bool | None = strawberry.field(description="In time, late or missed; null: still open.")
    overdue: bool = strawberry.field(description="Past its day and not answered.")

    @classmethod
    def of(cls, row: DeadlineRow, due: date, today: date) -> DeadlineType:
        answered = row.met_on is not None and row.met_on <= today
        late = row.met_on is None or row.met_on > due
        return cls(
            what=row.what,
            due=due,
            rule=row.rule,
            met=(not late) if answered else (False if today > due else None),
            overdue=not answered and today > due,
        )


@strawberry.type(
    description="A date that the law may have set, and that nobody knows: its rule is unknown for "
    "that day. That is not the same as a law that sets none."
)
class UnknownDeadline:
    what: str
    rule: str = strawberry.field(description="The name of the rule that nobody knows.")


@strawberry.type(
    description="One authorisation, from its application to its end.", name="Authorisation"
)
class AuthorisationType:
    row: strawberry.Private[AuthorisationRow]
    as_of: strawberry.Private[AsOf]
    today: strawberry.Private[date]
    number: str = strawberry.field(
        description="The certificate's; until there is one the application's reference."
    )
    type: str
    status: Status
    status_abroad: Status = strawberry.field(
        description="Of the part of it that partners recognise: SUSPENDED where that part is,"
        " whatever the rest; LISTED where a published list is all that says that it is valid."
    )
    suspended_parts: list[str] = strawberry.field(
        description="The parts that are suspended alone, while the rest is valid: S, C."
    )
    roles: list[Role]
    since: datetime
    effective_from: date | None = strawberry.field(description="The day of effect of its grant.")
    valid_until: date | None
    flags: list[str] = strawberry.field(
        description="under_reassessment, remediation, part_S_suspended, bar_years_unknown (the "
        "decision needed a rule that nobody knew): they end nothing. Who is not at home is told "
        "which part is suspended, no more."
    )

    @classmethod
    def of(
        cls, row: AuthorisationRow, as_of: AsOf, today: date, *, all_of_it: bool
    ) -> AuthorisationType:
        """`all_of_it`: the asker is told all of the operator."""
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
        """The programme that it is of, as it was that day."""
        return await programme(info, self.row.programme, self.as_of)

    @costs(10, each=4)
    @sql_fields.rows(places.DEADLINES, order=places.SOONEST_FIRST)
    @strawberry.field
    async def deadlines(self, info: Info) -> list[DeadlineType]:
        """The dates that rules set, by all that is known now, soonest first. Told to the home
        customs, the operator and auditors; to others none."""
        if not info.context.may(Action.READ_IN_FULL, policy.operator(Tin(self.row.tin))):
            return []
        rows = await load(info.context, reads.deadlines, key=self.row.tin)
        own = [row for row in rows or [] if row.authorisation == self.row.authorisation]
        return [DeadlineType.of(row, row.due, self.today) for row in own if row.due is not None]

    @costs(10, each=2)
    @sql_fields.rows(places.UNKNOWN_DEADLINES, order=places.AS_SET)
    @strawberry.field
    async def unknown_deadlines(self, info: Info) -> list[UnknownDeadline]:
        """The dates that may have been set and that nobody knows, of those that nothing has met.
        Told to those who are told the deadlines."""
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


@strawberry.type(description="A stretch of status: when it held in law, and when it was believed.")
class StatusPeriod:
    row: strawberry.Private[PeriodRow]
    authorisation: str
    status: Status
    status_abroad: Status = strawberry.field(
        description="Of the part of it that partners recognise."
    )
    suspended_parts: list[str] = strawberry.field(
        description="The parts that were suspended alone, while the rest was valid."
    )
    valid_from: datetime
    valid_to: datetime | None
    recorded_from: datetime
    recorded_to: datetime | None = strawberry.field(
        description="From then on the register believed otherwise; null: it still does."
    )
    ground: str | None = strawberry.field(
        description="Shown to the home customs, the operator and auditors; else REDACTED."
    )

    @classmethod
    def of(cls, row: PeriodRow, *, told: bool) -> StatusPeriod:
        """`told`: this asker is shown the ground."""
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
            ground=row.ground if told else REDACTED,
        )

    @strawberry.field
    async def event(self, info: Info) -> Event | None:
        """The event that made it so; null for those who may not read the operator's events."""
        if not info.context.may(Action.READ_EVENTS, policy.operator(Tin(self.row.tin))):
            return None
        context, position = info.context, self.row.position
        row = await load(context, reads.made_by, key=position, of=context.ledger)
        return event_for(context, row) if row else None
