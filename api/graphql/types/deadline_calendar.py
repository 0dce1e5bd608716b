"""The GraphQL query for the statutory deadlines of all operators that the subject may read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import strawberry

from api.access.policy import SubjectRole
from api.graphql import paging
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input, forbidden
from api.graphql.types.authorisations import DeadlineType
from projections.reads import deadline_calendar as reads
from projections.reads.deadline_calendar import CalendarDeadline, DeadlineSelection, DeadlineState
from registry.domain.instants import parse_day
from registry.domain.values import AdministrationCode, Tin

#: The days of the calendar.
FIRST, LAST = date(1990, 1, 1), date(2100, 12, 31)
_OPEN = frozenset({DeadlineState.MISSED, DeadlineState.DUE})
#: How a deadline in each state stands: `met` and `overdue`.
_STANDS = {
    DeadlineState.MISSED: (False, True),
    DeadlineState.DUE: (None, False),
    DeadlineState.LATE: (False, False),
    DeadlineState.MET: (True, False),
}


@strawberry.type
class OperatorDeadline:
    """A statutory deadline of an operator."""

    tin: Tin
    name: str = strawberry.field(description="The name of the operator.")
    administration: AdministrationCode = strawberry.field(
        description="The home customs, by its code. Its time zone says when the due day ends."
    )
    authorisation: str = strawberry.field(
        description="The key of the authorisation or application within the operator."
    )
    deadline: DeadlineType = strawberry.field(description="The deadline, and how it stands now.")
    met_on: date | None = strawberry.field(
        description="The civil day on which the step was taken, in the home time zone. Null: not "
        "yet."
    )

    @classmethod
    def of(cls, row: CalendarDeadline) -> OperatorDeadline:
        """The row as a GraphQL object."""
        met, overdue = _STANDS[DeadlineState(row.state)]
        return cls(
            tin=Tin(row.tin),
            name=row.name,
            administration=AdministrationCode(row.administration),
            authorisation=row.authorisation,
            deadline=DeadlineType(
                what=row.what, due=row.due, rule=row.rule, met=met, overdue=overdue
            ),
            met_on=row.met_on,
        )


@strawberry.type
class OperatorDeadlineEdge:
    """A deadline and its cursor in the list."""

    cursor: str
    node: OperatorDeadline


@strawberry.type
class OperatorDeadlineConnection:
    """A page of deadlines, in the order of their due days, then of the TINs."""

    edges: list[OperatorDeadlineEdge]
    page_info: paging.PageInfo


@strawberry.input
class DeadlineFilter:
    """Which deadlines are listed; all conditions must hold. Null: no condition."""

    due_from: date | None = strawberry.field(
        default=None, description="Only deadlines that are due on this civil day or later."
    )
    due_to: date | None = strawberry.field(
        default=None, description="Only deadlines that are due on this civil day or earlier."
    )
    administration: AdministrationCode | None = strawberry.field(
        default=None, description="Only operators of this administration, by its code."
    )
    what: str | None = strawberry.field(
        default=None,
        description="Only deadlines for this step: acceptance, decision, renewal, review, end of "
        "suspension or consultation.",
    )
    open: bool | None = strawberry.field(
        default=None,
        description="True: only deadlines whose step was not taken. False: only those whose step "
        "was taken, in time or late.",
    )
    overdue: bool | None = strawberry.field(
        default=None,
        description="True: only open deadlines whose due day has passed. False: only others.",
    )


def readable_deadlines(context: Context) -> DeadlineSelection | None:
    """All deadlines that the subject may read: auditors all, home customs those of their own
    operators, an operator its own; None: nobody's."""
    everything = DeadlineSelection(FIRST, LAST, context.now)
    match context.subject.role:
        case SubjectRole.AUDITOR:
            return everything
        case SubjectRole.OFFICER:
            return replace(everything, own=tuple(sorted(context.subject.home)))
        case SubjectRole.COMPANY if context.subject.tin is not None:
            return replace(everything, itself=context.subject.tin.text)
    return None


def deadline_key(row: CalendarDeadline) -> tuple[str, str, int]:
    """The key of a deadline in a cursor."""
    return row.due.isoformat(), row.tin, row.ordinal


def after_deadline(cursor: str | None) -> tuple[date, str, int] | None:
    """The place after which a list goes on. Raises Unanswered (BAD_INPUT), and ValueError for a day
    in it that is none."""
    key = paging.after("deadlines", cursor, (str, str, int))
    return (parse_day(str(key[0])), str(key[1]), int(key[2])) if key else None


@strawberry.type
class DeadlineQuery:
    """The query for deadlines."""

    @costs(2_000)
    @strawberry.field
    async def deadlines(
        self,
        info: Info,
        filter: DeadlineFilter | None = None,
        first: int | None = 50,
        after: str | None = None,
    ) -> OperatorDeadlineConnection:
        """The statutory deadlines of all operators that you may read, by due day, as recorded now.
        Home customs read those of their own operators, an operator its own, auditors all; others
        are refused."""
        own = readable_deadlines(info.context)
        if own is None:
            raise forbidden("only home customs, the operator itself and auditors read deadlines")
        size = paging.size(first)
        wanted = _selection(own, filter or DeadlineFilter())
        try:
            place = after_deadline(after)
        except ValueError as error:
            raise bad_input("after: %(error)s", error=error) from None
        async with info.context.views.connection() as connection:
            rows = await reads.page(connection, wanted, place, size + 1)
        edges = [
            OperatorDeadlineEdge(
                cursor=paging.cursor("deadlines", deadline_key(row)), node=OperatorDeadline.of(row)
            )
            for row in rows[:size]
        ]
        return OperatorDeadlineConnection(
            edges=edges, page_info=paging.PageInfo.of(edges, more=len(rows) > size, after=after)
        )


def _selection(own: DeadlineSelection, asked: DeadlineFilter) -> DeadlineSelection:
    states = {
        state
        for state in DeadlineState
        if asked.open in (None, state in _OPEN)
        and asked.overdue in (None, state is DeadlineState.MISSED)
    }
    if not states:
        raise bad_input("filter: a deadline whose step was taken is not overdue")
    return replace(
        own,
        first=asked.due_from or FIRST,
        last=asked.due_to or LAST,
        administration=asked.administration.text if asked.administration else None,
        kind=asked.what,
        states=tuple(states),
    )
