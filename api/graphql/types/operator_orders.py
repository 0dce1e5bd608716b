"""The order of the list of operators: who may choose one, and its cursors."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.access import policy
from api.access.permissions import Relation
from api.access.policy import Resource, SubjectRole
from api.graphql import paging
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context
from api.graphql.errors import bad_input
from api.graphql.types.operator_filters import OperatorFilter
from projections.reads.operator_order import OperatorOrder, OrderedSpan

strawberry.enum(OperatorOrder)

OrderArgument = Annotated[
    OperatorOrder,
    strawberry.argument(
        description="The order of the list. Another one than TIN is for the operators of your own "
        "administration, which `filter.administration` then names, and for auditors; it is that of "
        "the last recorded decision, and cannot be combined with `asOf`, `last` and `before`."
    ),
]
DescendingArgument = Annotated[
    bool, strawberry.argument(description="True: the list begins at the other end.")
]


def may_order(
    context: Context,
    filter: OperatorFilter,
    as_of: AsOfInput | None,
    last: int | None,
    before: str | None,
) -> None:
    """Checks that the subject may have the list in another order. Raises Unanswered (BAD_INPUT).

    The keys are of the whole record, of which others are not told everything.
    """
    for name, value in (("asOf", as_of), ("last", last), ("before", before)):
        if value is not None:
            raise bad_input(
                "%(field)s: cannot be combined with `order` and `descending`", field=name
            )
    home = frozenset({filter.administration}) if filter.administration else frozenset()
    subject = context.subject
    if subject.role is SubjectRole.AUDITOR or policy.has(
        subject, Relation.HOME_CUSTOMS, Resource(home)
    ):
        return
    raise bad_input(
        "order: %(subject)s may have in another order than that of TINs only the "
        "operators of its own administration, named by `filter.administration`",
        subject=subject.id,
    )


def span_of(
    order: OperatorOrder, descending: bool, first: int | None, after: str | None
) -> OrderedSpan:
    """The part of the list that the arguments describe, and one operator more. Raises Unanswered
    (BAD_INPUT)."""
    span = OrderedSpan(order, paging.size(first) + 1, None, descending)
    key = paging.after(list_of(span), after, (str, str))
    return OrderedSpan(order, span.size, (str(key[0]), str(key[1])) if key else None, descending)


def list_of(span: OrderedSpan) -> str:
    """The name of the list in its cursors."""
    return f"operators by {span.order.value}{' descending' * span.descending}"
