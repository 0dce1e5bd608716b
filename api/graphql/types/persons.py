"""The persons behind an operator in GraphQL: kept apart, shown to few, erased for good."""

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
from registry.domain.decisions import day_of
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator as Stream
from registry.domain.operators.person_decisions import Contact as Named
from registry.domain.operators.person_decisions import contacts
from registry.domain.values import ContactRole, Tin

T = TypeVar("T")
CONTACTS = 10_000  # microseconds: a connection of its own, and the whole stream


@strawberry.type(
    description="Who a person is. It is in no event, and in no log.", name="Particulars"
)
class ParticularsType:
    name: str = strawberry.field(description="As the person is called.")
    email: str | None = strawberry.field(description="An address of electronic mail.")
    telephone: str | None = strawberry.field(description="A number to call.")


@strawberry.type(description="A person whom an operator names to its customs.", name="Contact")
class ContactType:
    person: strawberry.ID = strawberry.field(description="A pseudonym: a random UUID.")
    role: ContactRole = strawberry.field(description="What the person is to the operator.")
    since: date = strawberry.field(description="The civil day from which, in the home zone.")
    until: date | None = strawberry.field(description="The civil day on which it ended.")
    erased: date | None = strawberry.field(
        description="ERASED on this civil day: nobody can tell any more who it was."
    )
    commitment: str = strawberry.field(
        description="SHA-256 over a salt and the particulars, in hexadecimal; meaningless once "
        "the person is erased."
    )
    particulars: ParticularsType | None = strawberry.field(
        description="Null where the person is erased, or the asker is shown the pseudonym alone."
    )


@strawberry.type(description="What to name in nameContact, within a day.")
class ParticularsKept:
    person: strawberry.ID = strawberry.field(description="A new pseudonym: a random UUID.")
    commitment: str = strawberry.field(
        description="SHA-256 over a new salt and the particulars, in hexadecimal."
    )


KeptOutcome = Annotated[
    ParticularsKept | Refused,
    strawberry.union("KeptOutcome", description="Kept, or refused with the reason."),
]


@strawberry.type
class PersonMutation:
    @strawberry.mutation
    async def keep_particulars(self, info: Info, tin: Tin, particulars: Json) -> KeptOutcome:
        """Seals who a person is, apart from the register, and answers what nameContact names.

        `particulars` is an object of name, and if known email and telephone. Send it as a
        variable: nothing of it is then ever repeated, whatever is wrong with it.
        """
        context = info.context
        about = Resource(policy.operator(tin).home, tin, command=c.NameContact)
        verdict = policy.decide(context.asker, Action.RECORD, about)
        try:
            if not verdict.allowed:
                raise Forbidden(verdict.reason)
            who = store.particulars(particulars)
            person, commitment = await _apart(context, _keep, context, tin, who)
        except Refusal as refusal:
            return Refused.because(refusal, ("tin", "particulars"))
        return ParticularsKept(person=strawberry.ID(str(person)), commitment=commitment)


async def contacts_of(context: Context, tin: Tin, zone: str, as_of: AsOf) -> list[ContactType]:
    """Whom the operator named by that day, as known then. What is erased is so at any instant.

    Raises Unanswered where the asker may not read the operator's events.
    """
    about = policy.operator(tin)
    context.demand(Action.READ_EVENTS, about)
    told = context.may(Action.READ_PERSONS, about)
    named, who = await _apart(context, _read, context, tin, zone, as_of, told)
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
    context.registry.operator(tin)  # refused of an operator that nobody knows
    return context.persons.keep(tin, who)


def _read(
    context: Context, tin: Tin, zone: str, as_of: AsOf, told: bool
) -> tuple[list[Named], dict[UUID, store.Particulars]]:
    rows = context.registry.ledger.select_events(Stream.create_id(tin))
    known = {row.originator_version for row in rows if row.known_at <= as_of.known}
    read: Any = context.registry.mapper.to_domain_event
    events: list[Stream.Event] = [read(row) for row in rows[1:]]
    today = day_of(as_of.at, zone)
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
    return named, context.persons.read(tin, named) if told else {}


def _shown(who: store.Particulars | None) -> ParticularsType | None:
    return ParticularsType(name=who.name, email=who.email, telephone=who.telephone) if who else None


async def _apart(context: Context, work: Callable[..., T], *given: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(context.writers, work, *given)
