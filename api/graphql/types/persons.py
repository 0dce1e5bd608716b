"""The GraphQL types of an operator's contact persons, whose particulars can be erased.

The particulars are stored apart from the events (projections.persons) and are shown only to the
home customs and the operator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from api.access import policy
from api.access.policy import Action, Resource
from api.graphql.context import Context, Info
from api.graphql.errors import Forbidden, Refused
from api.graphql.scalars import Json
from projections import persons as store
from projections.reads.bitemporal_sql import AsOf
from registry.domain import commands as c
from registry.domain.decisions import civil_day_of
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator as Stream
from registry.domain.operators.person_decisions import Contact as Named
from registry.domain.operators.person_decisions import contacts
from registry.domain.values import ContactRole, Tin

T = TypeVar("T")
CONTACTS = 10_000  # microseconds: a connection of its own, and a read of the whole stream


@strawberry.type(name="Particulars")
class ParticularsType:
    """The particulars of a person. They are stored apart from the register: no event and no log
    contains them."""

    name: str = strawberry.field(description="The name of the person.")
    email: str | None = strawberry.field(description="The e-mail address. Null: not known.")
    telephone: str | None = strawberry.field(description="The telephone number. Null: not known.")


@strawberry.type(name="Contact")
class ContactType:
    """A contact person that an operator names to its customs administration."""

    person: strawberry.ID = strawberry.field(
        description="The pseudonym of the person, a random UUID."
    )
    role: ContactRole = strawberry.field(description="The role of the person for the operator.")
    since: date = strawberry.field(
        description="The first civil day as a contact, in the home zone."
    )
    until: date | None = strawberry.field(
        description="The first civil day on which the person is "
        "no longer a contact, in the home zone. Null: no end by the instant asked about."
    )
    erased: date | None = strawberry.field(
        description="The civil day on which the particulars were erased for ever. Null: not erased."
    )
    commitment: str = strawberry.field(
        description="The commitment to the particulars: SHA-256 of a salt and the particulars, in "
        "hexadecimal. After the erasure it cannot be linked to the person."
    )
    particulars: ParticularsType | None = strawberry.field(
        description="The particulars. Null where they are erased, and for subjects other than the "
        "home customs and the operator."
    )


@strawberry.type
class ParticularsKept:
    """The pseudonym and the commitment to pass to `nameContact`, within one day. Otherwise the
    particulars are deleted."""

    person: strawberry.ID = strawberry.field(
        description="The new pseudonym of the person, a random UUID."
    )
    commitment: str = strawberry.field(
        description="The commitment to the particulars: SHA-256 of a new salt and the particulars, "
        "in hexadecimal."
    )


KeptOutcome = Annotated[
    ParticularsKept | Refused,
    strawberry.union(
        "KeptOutcome",
        description="The result of `keepParticulars`: stored, or refused with the reason.",
    ),
]


@strawberry.type
class PersonMutation:
    """The mutation that stores the particulars of a person."""

    @strawberry.mutation
    async def keep_particulars(self, info: Info, tin: Tin, particulars: Json) -> KeptOutcome:
        """Stores the particulars of a person, encrypted and apart from the register, and returns
        the pseudonym and the commitment for `nameContact`.

        `particulars` is an object with `name` and, if known, `email` and `telephone`. Send it as a
        variable: error messages then never repeat any of it.
        """
        context = info.context
        about = Resource(policy.operator(tin).home, tin, command=c.NameContact)
        verdict = policy.decide(context.subject, Action.RECORD, about)
        try:
            if not verdict.allowed:
                raise Forbidden(verdict.reason)
            who = store.particulars(particulars)
            person, commitment = await _apart(context, _keep, context, tin, who)
        except Refusal as refusal:
            return Refused.of(refusal, ("tin", "particulars"))
        return ParticularsKept(person=strawberry.ID(str(person)), commitment=commitment)


async def contacts_of(context: Context, tin: Tin, zone: str, as_of: AsOf) -> list[ContactType]:
    """The contacts that the operator had named by the instant asked about, as known then. An erased
    person is shown as erased at every instant.

    Raises Unanswered (FORBIDDEN) where the subject may not read the operator's events.
    """
    about = policy.operator(tin)
    context.demand(Action.READ_EVENTS, about)
    with_names = context.may(Action.READ_PERSONS, about)
    named, who = await _apart(context, _read, context, tin, zone, as_of, with_names)
    if who:
        context.looked_at_persons(tin.text)
    return [
        ContactType(
            person=strawberry.ID(str(contact.person)),
            role=contact.role,
            since=contact.since,
            until=contact.until,
            erased=contact.erased,
            commitment=contact.commitment,
            particulars=_shown(who.get(contact.person)),
        )
        for contact in named
    ]


def _keep(context: Context, tin: Tin, who: store.Particulars) -> tuple[UUID, str]:
    context.registry.operator(tin)  # raises UnknownOperator
    return context.persons.keep(tin, who)


def _read(
    context: Context, tin: Tin, zone: str, as_of: AsOf, with_names: bool
) -> tuple[list[Named], dict[UUID, store.Particulars]]:
    rows = context.registry.ledger.select_events(Stream.create_id(tin))
    known = {row.originator_version for row in rows if row.known_at <= as_of.known}
    read: Any = context.registry.mapper.to_domain_event
    events: list[Stream.Event] = [read(row) for row in rows[1:]]
    today = civil_day_of(as_of.at, zone)
    now, then = contacts(events), contacts([e for e in events if e.originator_version in known])
    named = [
        Named(
            contact.person,
            contact.role,
            contact.commitment,
            contact.since,
            contact.until if contact.until and contact.until <= today else None,
            now[contact.person].erased if contact.person in now else contact.erased,
        )
        for contact in then.values()
        if contact.since <= today
    ]
    return named, context.persons.read(tin, named) if with_names else {}


def _shown(who: store.Particulars | None) -> ParticularsType | None:
    return ParticularsType(name=who.name, email=who.email, telephone=who.telephone) if who else None


async def _apart(context: Context, work: Callable[..., T], *given: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(context.writers, work, *given)
