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
        cure = "whoever was named before is named anew"
        return refuse_unless_identical(
            _events_about(operator, command.person, Operator.ContactNamed),
            by,
            f"the naming of {command.person}",
            cure,
            role=command.role,
            commitment=command.commitment,
        )
    if known or _is_erased(operator, command.person):
        raise WrongStatus(
            f"person: {command.person} was named before; whoever comes back is named anew"
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
        raise UnknownPerson(f"person: {operator.tin} has no contact {command.person}")
    if known.erased:
        raise WrongStatus(
            f"person: {command.person} was erased as of {known.erased}, which ended it"
        )
    if known.until:
        ended = _events_about(operator, command.person, Operator.ContactEnded)
        return refuse_unless_identical(ended, by, f"the end of the contact {command.person}")
    envelope = event_fields(operator, by)
    if envelope["effective"] < known.since:
        raise WrongDates(f"effective: found {envelope['effective']}, named as of {known.since}")
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
        raise UnknownPerson(f"person: {operator.tin} never named {command.person}")
    if not command.ground.strip() or len(command.ground) > 500:
        raise BadValue(f"ground: found {len(command.ground)} characters, wanted 1 to 500")
    if _is_erased(operator, command.person):
        erased = _events_about(operator, command.person, Operator.PersonErased)
        cure = "what is gone stays gone"
        return refuse_unless_identical(
            erased, by, f"the erasure of {command.person}", cure, ground=command.ground
        )
    if by.effective not in (None, by.today):
        raise WrongDates(
            f"effective: found {by.effective}; an erasure counts from the day on which it is done"
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
