"""The GraphQL types of the parts of an agreement: clauses, dates and the state of each party."""

from __future__ import annotations

from datetime import date

import strawberry

from projections.reads.agreements import DateRow, ScopeRow, SideRow
from registry.domain.agreements.links import LinkState
from registry.domain.values import (
    AdministrationCode,
    Direction,
    HsCode,
    Role,
)

strawberry.enum(
    LinkState,
    name="ClauseState",
    description="The state of a clause between its two sides at the instant asked about.",
)


@strawberry.type
class DateInterval:
    """The interval in which a civil day lies, both ends inclusive. The two days are equal where the
    day is certain."""

    earliest: date
    latest: date = strawberry.field(
        description="The last civil day that is possible, inclusive. "
        "It is 9999-12-31 where the event may never happen."
    )

    @classmethod
    def of(cls, earliest: date | None, latest: date | None) -> DateInterval | None:
        """Returns the interval of two days; None where either is missing."""
        return cls(earliest=earliest, latest=latest) if earliest and latest else None

    @property
    def day(self) -> date | None:
        """The day where it is certain; None otherwise."""
        return self.earliest if self.earliest == self.latest else None


@strawberry.type
class AgreementSide:
    """The state of one party of an agreement. Each party implements, suspends and resumes the
    agreement for itself."""

    party: AdministrationCode
    implemented_from: date | None = strawberry.field(
        description="The civil day from which the party implements the agreement; it may lie "
        "ahead. Null where the day is not certain (see `implemented`) and where there is none."
    )
    implemented: DateInterval | None = strawberry.field(
        description="The interval in which that day lies. Null: no implementation is on record."
    )
    certain_from: date | None = strawberry.field(
        description="The civil day from which the implementation is certain: the end of that "
        "interval, if it has passed at the instant asked about. Null otherwise."
    )
    suspended: bool = strawberry.field(
        description="True: the party has suspended the agreement "
        "and recognises nothing of the other parties at the instant asked about."
    )

    @classmethod
    def of(cls, row: SideRow) -> AgreementSide:
        """The row as a GraphQL object."""
        return cls(
            party=AdministrationCode(row.party),
            implemented_from=row.implemented_from,
            implemented=DateInterval.of(row.earliest, row.latest),
            certain_from=row.latest if row.is_over else None,
            suspended=row.suspended,
        )


@strawberry.type
class AgreementDate:
    """A date of an agreement as a source states it: a civil day, or the interval in which the day
    lies."""

    what: str = strawberry.field(
        description="The step or event that is dated: SIGNED, IMPLEMENTED, LISTED, MEETING, ..."
    )
    side: AdministrationCode | None
    term: int | None = strawberry.field(
        description="The number of the party's term of implementation, from 1. A new term begins "
        "when the party withdraws and accedes again. Null for dates of other steps."
    )
    earliest: date
    latest: date = strawberry.field(
        description="The last civil day that is possible. It is "
        "9999-12-31 where the step may never have been taken."
    )
    source: str
    assumed: bool
    note: str | None

    @classmethod
    def of(cls, row: DateRow) -> AgreementDate:
        """The row as a GraphQL object. A date without a source was recorded by the party itself."""
        return cls(
            what=row.what,
            side=AdministrationCode(row.side) if row.side else None,
            term=row.term,
            earliest=row.earliest,
            latest=row.latest,
            source=row.source or "recorded here by the party itself",
            assumed=row.assumed,
            note=row.note,
        )


@strawberry.type
class ScopeClause:
    """A clause of an agreement: what one side recognises of another. What no clause covers is not
    recognised."""

    agreement: strawberry.ID = strawberry.field(description="The code of the agreement.")
    ordinal: int = strawberry.field(
        description="The number of the clause in its agreement, from 1."
    )
    from_: AdministrationCode = strawberry.field(name="from")
    to: AdministrationCode
    programmes: list[str]
    types: list[str]
    roles: list[Role]
    direction: Direction | None
    hs: list[HsCode]
    crossings: list[str]
    modes: list[str]
    identifier_scheme: str | None
    declaration_box: str | None
    benefits: list[str]
    consent_required: bool
    max_age_hours: int | None
    state: LinkState = strawberry.field(
        description="The state of the clause at the instant asked about."
    )
    valid_from: date | None = strawberry.field(
        description="The first civil day on which the clause applies. Null where the day is not "
        "certain (see `begins`) and where no beginning is known."
    )
    valid_to: date | None = strawberry.field(
        description="The end, exclusive: the first civil day on which the clause no longer "
        "applies. Null where the day is not certain (see `ends`) and where no end is known."
    )
    begins: DateInterval | None = strawberry.field(
        description="The interval in which the first day of the clause lies. Null: it applies from "
        "the beginning of the agreement."
    )
    ends: DateInterval | None = strawberry.field(
        description="The interval in which the first day lies on which the clause no longer "
        "applies. Null: no end is known."
    )
    assumed: bool

    @classmethod
    def of(cls, row: ScopeRow) -> ScopeClause:
        """The row as a GraphQL object."""
        begins = DateInterval.of(row.begins_earliest, row.begins_latest)
        ends = DateInterval.of(row.ends_earliest, row.ends_latest)
        return cls(
            agreement=strawberry.ID(row.agreement),
            ordinal=row.ordinal,
            from_=AdministrationCode(row.from_party),
            to=AdministrationCode(row.to_party),
            programmes=row.programmes,
            types=row.types,
            roles=[Role(role) for role in row.roles],
            direction=Direction(row.direction) if row.direction else None,
            hs=[HsCode(code) for code in row.hs],
            crossings=row.crossings,
            modes=row.modes,
            identifier_scheme=row.identifier_scheme,
            declaration_box=row.declaration_box,
            benefits=row.benefits,
            consent_required=row.consent_required,
            max_age_hours=row.max_age_hours,
            state=LinkState(row.state),
            valid_from=begins.day if begins else None,
            valid_to=ends.day if ends else None,
            begins=begins,
            ends=ends,
            assumed=row.assumed,
        )
