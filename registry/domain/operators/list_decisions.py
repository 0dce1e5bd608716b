"""The decision on what an authority's published list says of an operator on the day of reading.

A list is evidence, not history: it does not create an application, examination or decision. It
states that on the day of reading the operator had a type. The beginning, and whether it still
continues, are recorded only as far as the list states them.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from msgspec.structs import replace

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyHeld,
    AlreadyRecorded,
    BadValue,
    Superseded,
    UnknownAuthorisation,
    WrongDates,
)
from registry.domain.operators import preconditions
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import events_as_corrected, is_about, merged_on
from registry.domain.repeated_commands import refuse_unless_identical
from registry.domain.sentences import Sentence
from registry.domain.values import HELD, Status

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def list_operator(operator: Operator, command: c.ListOperator, by: Decision) -> None:
    """Records that the list names the operator, or that it no longer does.

    Raises BadValue, Superseded, WrongDates for a day after today, and AlreadyHeld if decisions or
    another list show that the operator holds what this list would begin.
    """
    if not _SLUG.fullmatch(command.list_):
        raise BadValue(
            "list: found %(list)s, wanted 1 to 80 letters, digits, . _ and -",
            list=repr(command.list_[:90]),
        )
    if by.effective not in (None, command.read_on):
        raise WrongDates(
            "effective: found %(effective)s; what a list says counts from the day on "
            "which it was read, %(read_on)s",
            effective=by.effective,
            read_on=command.read_on,
        )
    if command.read_on > by.today:
        raise WrongDates(
            "readOn: %(read_on)s is after %(today)s, the authority's today",
            read_on=command.read_on,
            today=by.today,
        )
    if operator.successor and command.read_on >= merged_on(operator):
        raise Superseded(
            "%(tin)s was merged into %(successor)s: ask of that one",
            tin=operator.tin,
            successor=operator.successor,
        )
    by = replace(by, source=by.source or f"list {command.list_}, read on {command.read_on}")
    (_record_absent if command.absent else _record_named)(operator, command, by)


def _record_named(operator: Operator, command: c.ListOperator, by: Decision) -> None:
    """Records that the list names the operator."""
    if command.number is not None and not command.number.strip():
        raise BadValue("number: found nothing, wanted the number that the list gives")
    programme = preconditions.find_programme(by, command.programme)
    preconditions.require_offered(programme, command.type, command.read_on)
    held = _known_from_list(operator, command)
    authorisation = next(
        (a for a in held if a.status in HELD or (a.ended and command.read_on < a.ended)), None
    )
    content: dict[str, Any] = {
        "type": command.type,
        "list": command.list_,
        "since": command.since,
        "number": command.number,
        "name": command.name_,
        "shared": command.shared,
    }
    gone = [
        a.ended for a in held if a is not authorisation and a.ended and a.status is Status.DELISTED
    ]
    if command.since and gone and command.since <= max(gone):
        raise WrongDates(
            "since: found %(since)s, and the list, read on %(gone)s, did not name it; "
            "if that was read wrongly, correct its record first",
            since=command.since,
            gone=max(gone),
        )
    if authorisation is not None:
        readings = [
            e
            for e in events_as_corrected(operator)
            if is_about(authorisation, (Operator.Listed,))(e)
        ]
        if same_day := [e for e in reversed(readings) if e.effective == command.read_on]:
            about = Sentence(
                "what list %(list)s says of %(authorisation)s",
                list=command.list_,
                authorisation=authorisation,
            )
            return refuse_unless_identical(same_day, by, about, day=command.read_on, **content)
        first = readings[0]
        assert isinstance(first, Operator.Listed)
        reference, earliest = authorisation.reference, first.earliest
    else:
        reference = f"{command.programme}/{operator.authorisations_begun() + 1}"
        new = Authorisation(reference, command.programme, command.type, Status.VALID)
        day = command.since or command.read_on
        preconditions.require_not_held(
            operator, programme.rules_on(day), command.programme, command.type, new, day
        )
        earliest = max([programme.since, *_ends_before(operator, command)])
    operator.trigger_event(
        Operator.Listed,
        authorisation=reference,
        programme=command.programme,
        earliest=min(earliest, command.read_on),
        roles=operator.roles,
        abroad=programme.rules_on(command.read_on).abroad(command.type),
        **content,
        **_event_fields(command, by),
    )


def _record_absent(operator: Operator, command: c.ListOperator, by: Decision) -> None:
    """Records that the list no longer names the operator."""
    for name, value in (
        ("since", command.since),
        ("number", command.number),
        ("name", command.name_),
        ("shared", command.shared),
    ):
        if value is not None:
            raise BadValue(
                "%(field)s: found %(value)s, and a list says nothing of what it lacks",
                field=name,
                value=value,
            )
    held = _known_from_list(operator, command)
    authorisation = next((a for a in held if a.status in HELD), None)
    if authorisation is None:
        if not held:
            raise UnknownAuthorisation(
                "%(tin)s: list %(list)s never named it as %(type)s of %(programme)s",
                tin=operator.tin,
                list=command.list_,
                type=command.type,
                programme=command.programme,
            )
        gone = [
            e
            for e in reversed(events_as_corrected(operator))
            if is_about(held[-1], (Operator.Unlisted,))(e)
        ]
        if not gone:
            raise AlreadyRecorded(
                "%(held)s is %(status)s, by a decision and not a list",
                held=held[-1],
                status=held[-1].status,
            )
        about = Sentence("the end of %(held)s by list %(list)s", held=held[-1], list=command.list_)
        return refuse_unless_identical(gone, by, about, day=command.read_on, list=command.list_)
    if command.read_on <= authorisation.latest:
        raise WrongDates(
            "readOn: found %(read_on)s, and %(authorisation)s is known to be held on "
            "%(latest)s; what was read wrongly is put right by correcting its record",
            read_on=command.read_on,
            authorisation=authorisation,
            latest=authorisation.latest,
        )
    operator.trigger_event(
        Operator.Unlisted,
        authorisation=authorisation.reference,
        programme=command.programme,
        type=command.type,
        list=command.list_,
        **_event_fields(command, by),
    )


def _known_from_list(operator: Operator, command: c.ListOperator) -> list[Authorisation]:
    """The authorisations of this type that are known from this list, the oldest first.

    Raises AlreadyHeld if the operator holds one by a grant: that ends by a decision, not by a list.
    """
    alike = [
        a
        for a in operator.authorisations.values()
        if (a.programme, a.type) == (command.programme, command.type)
    ]
    if command.absent and not any(a.list == command.list_ for a in alike):
        for a in alike:
            if a.status in HELD and a.list != command.list_:
                known = Sentence("list %(list)s", list=a.list) if a.list else Sentence("its grant")
                raise AlreadyHeld(
                    "%(tin)s holds %(a)s, known from %(known)s: record its end",
                    tin=operator.tin,
                    a=a,
                    known=known,
                )
    return [a for a in alike if a.list == command.list_]


def _ends_before(operator: Operator, command: c.ListOperator) -> list[date]:
    """The days after the ends, by the day of reading, of earlier authorisations of this type."""
    return [
        a.ended + timedelta(days=1)
        for a in operator.authorisations.values()
        if (a.programme, a.type) == (command.programme, command.type)
        and a.ended
        and a.ended <= command.read_on
    ]


def _event_fields(command: c.ListOperator, by: Decision) -> dict[str, Any]:
    """The fields that every event has.

    Nothing in a list was decided, so `decided` is set only if given.
    """
    content = by.envelope(command.read_on, source_suffices=True)
    return content | {"decided": by.decided}
