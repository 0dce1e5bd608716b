"""The decisions about an operator's contact persons, who are known by pseudonyms only.

Events are stored permanently, so they contain no personal data: only a random id and a salted hash
(commitment). Particulars, key and salt are stored apart (projections/persons.py). An erasure
destroys them there; the events remain unchanged and the id leads to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import BadValue, UnknownPerson, WrongDates, WrongStatus
from registry.domain.operators.events import Operator, corrected_events
from registry.domain.operators.preconditions import event_fields, events_in_force
from registry.domain.repeated_commands import refuse_unless_identical
from registry.domain.sentences import Sentence
from registry.domain.values import ContactRole

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Contact:
    """What the events state of a contact person.

    Civil days are in the operator's home time zone. `until` is exclusive; an erasure also ends a
    contact.
    """

    person: UUID
    role: ContactRole
    commitment: str
    since: date
    until: date | None = None
    erased: date | None = None


def contacts(events: Sequence[Operator.Event]) -> dict[UUID, Contact]:
    """Every contact that these events name, in the order of naming."""
    found: dict[UUID, Contact] = {}
    for event in corrected_events(list(events)):
        if isinstance(event, Operator.ContactNamed):
            found[event.person] = Contact(
                event.person, event.role, event.commitment, event.effective
            )
        elif isinstance(event, Operator.ContactEnded | Operator.PersonErased):
            contact = found.get(event.person)  # None if the naming was voided
            if contact:
                erased = isinstance(event, Operator.PersonErased)
                found[event.person] = replace(
                    contact,
                    until=contact.until or event.effective,
                    erased=event.effective if erased else contact.erased,
                )
    return found


def name_contact(operator: Operator, command: c.NameContact, by: Decision) -> None:
    """Records a contact person.

    Raises BadValue, and WrongStatus for a pseudonym that was used before: a person who returns gets
    a new one, so that the two periods cannot be linked.
    """
    if not _SHA256.fullmatch(command.commitment):
        raise BadValue("commitment: wanted 64 hexadecimal digits, as were answered with the person")
    known = contacts(operator.history).get(command.person)
    if known and known.until is None:
        cure = Sentence("whoever was named before is named anew")
        return refuse_unless_identical(
            _events_about(operator, command.person, Operator.ContactNamed),
            by,
            Sentence("the naming of %(person)s", person=command.person),
            cure,
            role=command.role,
            commitment=command.commitment,
        )
    if known or _is_erased(operator, command.person):
        raise WrongStatus(
            "person: %(person)s was named before; whoever comes back is named anew",
            person=command.person,
        )
    operator.trigger_event(
        Operator.ContactNamed,
        person=command.person,
        role=command.role,
        commitment=command.commitment,
        **event_fields(operator, by),
    )


def end_contact(operator: Operator, command: c.EndContact, by: Decision) -> None:
    """Records the end of a contact. Raises UnknownPerson, WrongDates, WrongStatus."""
    known = contacts(operator.history).get(command.person)
    if known is None:
        raise UnknownPerson(
            "person: %(tin)s has no contact %(person)s", tin=operator.tin, person=command.person
        )
    if known.erased:
        raise WrongStatus(
            "person: %(person)s was erased as of %(erased)s, which ended it",
            person=command.person,
            erased=known.erased,
        )
    if known.until:
        ended = _events_about(operator, command.person, Operator.ContactEnded)
        return refuse_unless_identical(
            ended, by, Sentence("the end of the contact %(person)s", person=command.person)
        )
    envelope = event_fields(operator, by)
    if envelope["effective"] < known.since:
        raise WrongDates(
            "effective: found %(effective)s, named as of %(since)s",
            effective=envelope["effective"],
            since=known.since,
        )
    operator.trigger_event(Operator.ContactEnded, person=command.person, **envelope)


def erase_person(operator: Operator, command: c.ErasePerson, by: Decision) -> None:
    """Records the erasure of a person (GDPR Art. 17).

    It is also possible for a merged operator and for a person whose naming was voided. Raises
    BadValue, UnknownPerson, WrongDates.
    """
    if not any(
        isinstance(e, Operator.ContactNamed) and e.person == command.person
        for e in operator.history
    ):
        raise UnknownPerson(
            "person: %(tin)s never named %(person)s", tin=operator.tin, person=command.person
        )
    if not command.ground.strip() or len(command.ground) > 500:
        raise BadValue(
            "ground: found %(length)s characters, wanted 1 to 500", length=len(command.ground)
        )
    if _is_erased(operator, command.person):
        erased = _events_about(operator, command.person, Operator.PersonErased)
        cure = Sentence("what is gone stays gone")
        return refuse_unless_identical(
            erased,
            by,
            Sentence("the erasure of %(person)s", person=command.person),
            cure,
            ground=command.ground,
        )
    if by.effective not in (None, by.today):
        raise WrongDates(
            "effective: found %(effective)s; an erasure counts from the day on which it is done",
            effective=by.effective,
        )
    operator.trigger_event(
        Operator.PersonErased,
        person=command.person,
        ground=command.ground,
        **by.envelope(source_suffices=False),
    )


def _events_about(
    operator: Operator, person: UUID, kind: type[Operator.Event]
) -> list[Operator.Event]:
    """The events of this kind about this person, the latest first."""
    return events_in_force(
        operator, lambda e: isinstance(e, kind) and getattr(e, "person", None) == person
    )


def _is_erased(operator: Operator, person: UUID) -> bool:
    """Whether the person's particulars were erased."""
    return any(
        isinstance(e, Operator.PersonErased) and e.person == person for e in operator.history
    )
