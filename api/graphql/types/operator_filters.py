"""Validation of the filters of the list of operators."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from api.graphql import retry
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context
from api.graphql.errors import bad_input
from api.graphql.global_ids import key_of
from api.graphql.scalars import Position, instant_text
from projections.reads import operator_lists as lists
from projections.reads.events import place_before
from registry.domain import identifiers
from registry.domain.values import AdministrationCode, Role, Status


@strawberry.input
class IdentifierFilter:
    """An identifier of an operator: a scheme and a value."""

    scheme: str = strawberry.field(description="The identifier scheme: EORI, LEI, MID, ...")
    value: str = strawberry.field(
        description="The identifier. It is compared in the normal form of its scheme: letter case, "
        "blanks and the separators of the scheme make no difference."
    )

    @property
    def normal_form(self) -> str:
        """The identifier in the normal form of its scheme. Raises Unanswered (BAD_INPUT)."""
        known = identifiers.schemes()
        if self.scheme not in known:
            raise bad_input(
                "identifier.scheme: found %(found)s, wanted one of %(wanted)s",
                found=repr(self.scheme[:70]),
                wanted=", ".join(sorted(known)),
            )
        value = self.value.strip()
        found = identifiers.normal_form(value, self.scheme)
        if not found or len(value) > identifiers.LONGEST:
            raise bad_input(
                "identifier.value: found %(found)s, wanted 1 to %(most)s printable characters",
                found=repr(value[:70]),
                most=identifiers.LONGEST,
            )
        return found


def in_order(first: str, begin: date | None, last: str, end: date | None) -> None:
    """Raises Unanswered (BAD_INPUT) for a range that ends before it begins."""
    if begin and end and end < begin:
        raise bad_input(
            "%(field)s: %(end)s is before %(begin)s, which %(first)s says",
            field=last,
            end=end,
            begin=begin,
            first=first,
        )


def as_known_now(as_of: AsOfInput | None, **asked: object) -> None:
    """Raises Unanswered (BAD_INPUT) where `knownAt` is given with a filter that uses only the
    present record."""
    names = [name for name, value in asked.items() if value is not None]
    if names and as_of and as_of.known_at is not None:
        raise bad_input(
            "knownAt: found %(found)s, and %(other)s is asked of what the register knows now; "
            "leave one of the two out",
            found=instant_text(as_of.known_at),
            other=names[0],
        )


async def changed_after(
    context: Context, position: int | None, instant: datetime | None
) -> int | None:
    """The position after which an operator must have changed; None without such a condition.

    `instant`: `changedSince`, in transaction time. Raises Unanswered (BAD_INPUT) for a position
    that the register has not reached and for an instant in the future.
    """
    if position is None and instant is None:
        return None
    if instant is not None and instant > context.now:
        raise bad_input(
            "changedSince: %(found)s is in the future, it is %(now)s",
            found=instant_text(instant),
            now=instant_text(context.now),
        )
    head, before = await retry.read(
        context.ledger, lambda async_connection: place_before(async_connection, instant)
    )
    if position is not None and position > head:
        raise bad_input(
            "changedAfter: found %(position)s, and the register goes up to %(head)s",
            position=position,
            head=head,
        )
    return max(position or 0, before)


LONGEST = 200  # the greatest length of a name or number in a search, in characters


@strawberry.input
class OperatorFilter:
    """The conditions of a list of operators; an operator must meet all that are given, at the
    instant asked about."""

    administration: AdministrationCode | None = None
    programme: strawberry.ID | None = None
    type: str | None = None
    standing: Status | None = strawberry.field(
        default=None,
        description="Only operators whose best authorisation has this status "
        "(`Operator.standing`).",
    )
    recognised_in: AdministrationCode | None = strawberry.field(
        default=None,
        description="Only operators that are recognised in this territory. The "
        "subject must be allowed to ask for recognition there.",
    )
    name_contains: str | None = strawberry.field(
        default=None,
        description="Only operators whose name, in Latin or original script, contains this text "
        "(at most 200 characters). Letter case, accents on Latin and Greek letters, character "
        "width and blanks make no difference.",
    )
    role: Role | None = None
    valid_until_from: date | None = strawberry.field(
        default=None,
        description="Only operators with an authorisation whose `validUntil` is this civil day or "
        "later. One and the same authorisation must meet the conditions on programme, type and "
        "end.",
    )
    valid_until_to: date | None = strawberry.field(
        default=None,
        description="Only operators with an authorisation whose `validUntil` is this "
        "civil day or earlier.",
    )
    due_before: date | None = strawberry.field(
        default=None,
        description="Only operators with an open deadline that is due before this civil day. Only "
        "the home customs, the operator and auditors see deadlines; for others no operator "
        "matches. It cannot be combined with `knownAt`.",
    )
    overdue: bool | None = strawberry.field(
        default=None,
        description="True: only operators with an open deadline whose due day has passed. False: "
        "only operators with no such deadline that the subject can see. With `dueBefore`, one and "
        "the same deadline must meet both. It cannot be combined with `knownAt`.",
    )
    changed_after: Position | None = strawberry.field(
        default=None,
        description="Only operators of which something was recorded after this position, for "
        "whatever day of valid time. For the operator itself, changes of authorisations, consents, "
        "particulars and identifiers count; for subjects other than it, the home customs and "
        "auditors, only changes of granted authorisations, particulars and identifiers. Use the "
        "query `changes` to find changed recognition answers. It cannot be combined with "
        "`knownAt`.",
    )
    changed_since: datetime | None = strawberry.field(
        default=None,
        description="Only operators of which something was recorded at this instant or later. "
        "With `changedAfter`, both conditions must be met.",
    )
    identifier: IdentifierFilter | None = strawberry.field(
        default=None,
        description="Only operators with this identifier at the instant asked about. More than "
        "one operator can have it: a US MID, which importers make up, finds all candidates.",
    )

    @property
    def wanted(self) -> lists.OperatorConditions:
        """The conditions of the read model. Raises Unanswered (BAD_INPUT) for a text that is too
        long and for intervals whose end is before their beginning."""
        for name, text in (("nameContains", self.name_contains), ("type", self.type)):
            check_length(name, text)
        in_order("validUntilFrom", self.valid_until_from, "validUntilTo", self.valid_until_to)
        return lists.OperatorConditions(
            administration=self.administration.text if self.administration else None,
            programme=key_of("Programme", self.programme, "programme") if self.programme else None,
            type=self.type,
            standing=self.standing.value if self.standing else None,
            recognised_in=self.recognised_in.text if self.recognised_in else None,
            name_contains=self.name_contains or None,
            role=self.role.value if self.role else None,
            valid_until_from=self.valid_until_from,
            valid_until_to=self.valid_until_to,
            due_before=self.due_before,
            overdue=self.overdue,
            scheme=self.identifier.scheme if self.identifier else None,
            identifier=self.identifier.normal_form if self.identifier else None,
        )


def check_length(name: str, text: str | None) -> None:
    """Raises Unanswered (BAD_INPUT) for a search text of more than LONGEST characters."""
    if text is not None and len(text) > LONGEST:
        raise bad_input(
            "%(field)s: found %(found)s characters, wanted at most %(most)s",
            field=name,
            found=len(text),
            most=LONGEST,
        )
