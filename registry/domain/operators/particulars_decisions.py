"""The decisions about an operator's particulars, identifiers, mergers and corrections."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import date
from typing import Any

from registry.domain import commands as c
from registry.domain.corrections import CORRECTABLE
from registry.domain.decisions import Decision
from registry.domain.errors import BadValue, Superseded, UnknownPosition, WrongDates, WrongStatus
from registry.domain.identifiers import check, is_of_form, normal_form
from registry.domain.operators import preconditions
from registry.domain.operators.events import (
    DISPUTE_EVENTS,
    PROPOSAL_EVENTS,
    Operator,
    corrected_events,
)
from registry.domain.operators.preconditions import (
    event_fields,
    events_in_force,
    is_about,
    refuse_earlier_day,
)
from registry.domain.operators.status_periods import in_valid_time_order
from registry.domain.operators.timeline import consents, last_statuses
from registry.domain.repeated_commands import difference, refuse_unless_identical
from registry.domain.sentences import Sentence
from registry.domain.values import ENDED, HELD, Status


def amend(operator: Operator, command: c.AmendParticulars, by: Decision) -> None:
    """Records the particulars that differ.

    A change with another day or ground is recorded even if the particulars are the same already,
    because that is what was decided.
    """
    content = command.particulars
    given = {k: v for k, v in content.items() if v is not None}
    if not given:
        fields = ", ".join(map(_camel, content))
        raise BadValue("%(field)s: found none, wanted what is to be amended", field=fields)
    if command.name_ is not None and not 0 < len(command.name_.strip()) <= 500:
        raise BadValue(
            "name: found %(length)s characters, wanted 1 to 500 that can be read",
            length=len(command.name_),
        )
    if _is_last_amendment(operator, content, by):
        return
    envelope = event_fields(operator, by)
    day: date = envelope["effective"]
    reaches_back = any(day < event.effective for event in operator.amendments)
    # The current values say nothing about an earlier day, so there every given field is recorded.
    new = {k: v for k, v in given.items() if reaches_back or v != getattr(operator.particulars, k)}
    operator.trigger_event(Operator.Amended, **(new or given), **envelope)


def _camel(field: str) -> str:
    """The name of a field as GraphQL has it."""
    first, *others = field.split("_")
    return first + "".join(map(str.title, others))


def _is_last_amendment(operator: Operator, content: dict[str, Any], by: Decision) -> bool:
    """Whether the command is identical to the last amendment, which left out unchanged fields."""
    if not operator.amendments or difference(operator.amendments[-1], by) is not None:
        return False
    *earlier, last = operator.amendments
    for name, value in content.items():
        now = getattr(last, name)
        if value != now:
            before = [v for e in earlier if (v := getattr(e, name)) is not None]
            so_far = before[-1] if before else getattr(operator.registered_as, name)
            if now is not None or value != so_far:
                return False
    return True


def add_identifier(operator: Operator, command: c.AddIdentifier, by: Decision) -> None:
    """Records an identifier. Raises WrongDates, and what `identifiers.check` raises."""
    value = check(command.scheme, command.value, override=command.override)
    own = {
        "issuer": command.issuer,
        "valid_to": command.valid_to,
        "verified_by": command.verified_by,
        "override": command.override,
        "shared": command.shared,
    }
    known = operator.identifiers.get((command.scheme, normal_form(value, command.scheme)))
    if known and difference(known, by, None, own) is None:  # compared in the normal form
        return
    envelope = event_fields(operator, by)
    if command.valid_to and command.valid_to <= envelope["effective"]:
        raise WrongDates(
            "validTo: %(valid_to)s is not after %(effective)s",
            valid_to=command.valid_to,
            effective=envelope["effective"],
        )
    refuse_earlier_day(
        operator, envelope["effective"], value, _about_identifier(command.scheme, value)
    )
    operator.trigger_event(
        Operator.IdentifierAdded, scheme=command.scheme, value=value, **own, **envelope
    )


def end_identifier(operator: Operator, command: c.EndIdentifier, by: Decision) -> None:
    """Records the end of an identifier. Raises AlreadyRecorded, WrongDates, WrongStatus."""
    about = _about_identifier(command.scheme, command.value)
    known = operator.identifiers.get((command.scheme, normal_form(command.value, command.scheme)))
    if known is None:
        ended = events_in_force(operator, about)[:1]
        if not ended:
            raise WrongStatus(
                "%(tin)s has no identifier %(scheme)s %(value)s to be ended",
                tin=operator.tin,
                scheme=command.scheme,
                value=command.value,
                path=("value",),
            )
        return refuse_unless_identical(
            ended,
            by,
            Sentence("the end of %(scheme)s %(value)s", scheme=command.scheme, value=command.value),
        )
    envelope = event_fields(operator, by)
    refuse_earlier_day(operator, envelope["effective"], command.value, about)
    operator.trigger_event(
        Operator.IdentifierEnded, scheme=command.scheme, value=known.value, **envelope
    )


def merge_into(operator: Operator, command: c.MergeInto, by: Decision) -> None:
    """Records the merger into another operator. Raises AlreadyRecorded, WrongDates, WrongStatus."""
    if command.successor == operator.tin:
        raise WrongStatus("successor: %(tin)s cannot be merged into itself", tin=operator.tin)
    if operator.successor == command.successor:
        merged = events_in_force(operator, lambda e: isinstance(e, Operator.Merged))[:1]
        about = Sentence(
            "the merger of %(tin)s into %(successor)s",
            tin=operator.tin,
            successor=command.successor,
        )
        return refuse_unless_identical(merged, by, about, reason=command.reason)
    envelope = event_fields(operator, by)
    for held in operator.authorisations.values():
        if held.status in HELD:
            refuse_earlier_day(
                operator, envelope["effective"], held, is_about(held, (Operator.Granted,))
            )
    operator.trigger_event(
        Operator.Merged, successor=command.successor, reason=command.reason, **envelope
    )


def split_from(
    operator: Operator, command: c.SplitFrom, by: Decision, origin: Operator | None = None
) -> None:
    """Records the origin of an operator that results from a division.

    `origin`: the other operator, if the register could look it up. Raises Superseded if that
    operator had been merged by then.
    """
    if command.origin == operator.tin:
        raise WrongStatus("origin: %(tin)s cannot be split from itself", tin=operator.tin)
    before = events_in_force(
        operator, lambda e: isinstance(e, Operator.Split) and e.origin == command.origin
    )
    if before:
        about = Sentence(
            "the split of %(tin)s from %(origin)s", tin=operator.tin, origin=command.origin
        )
        return refuse_unless_identical(before, by, about, reason=command.reason)
    envelope = event_fields(operator, by)
    if origin is not None and origin.successor:
        [merger, *_] = events_in_force(origin, lambda e: isinstance(e, Operator.Merged))
        if envelope["effective"] >= merger.effective:
            raise Superseded(
                "origin: %(origin)s was merged into %(successor)s as of %(effective)s, and "
                "nothing is split from it since; ask of that one",
                origin=command.origin,
                successor=origin.successor,
                effective=merger.effective,
            )
    operator.trigger_event(Operator.Split, origin=command.origin, reason=command.reason, **envelope)


def correct(operator: Operator, command: c.CorrectRecord, by: Decision, version: int) -> None:
    """Records a correction of an earlier event of this operator.

    `version`: the version of the corrected event in the stream. Raises BadValue, UnknownPosition,
    WrongDates, WrongStatus.
    """
    wrong = next((e for e in operator.history if e.originator_version == version), None)
    _refuse_uncorrectable(wrong, command.position)
    if wrong is None:
        raise UnknownPosition(
            "position: %(position)s is not an event of %(tin)s that can be corrected "
            "(its registration is put right by amending the particulars)",
            position=command.position,
            tin=operator.tin,
        )
    for name, text in command.what.items():
        if name not in CORRECTABLE or not (name == "void" or hasattr(wrong, name)):
            raise BadValue(
                "what: %(topic)s has no %(name)s that could be corrected",
                topic=wrong.TOPIC,
                name=repr(name),
            )
        try:
            CORRECTABLE[name](text)
        except ValueError as error:
            raise BadValue(
                "what.%(field)s: found %(text)s, %(error)s",
                field=name,
                text=repr(text),
                error=error,
            ) from None
    if not command.what:
        raise BadValue("what: found nothing, wanted at least one field and its right value")
    if not command.why.strip():
        raise BadValue("why: found nothing, wanted the reason in words")
    before: dict[str, str] = {}
    made = [
        e for e in operator.history if isinstance(e, Operator.Corrected) and e.version == version
    ]
    for event in made:
        before |= event.what
    if before | command.what == before:
        about = Sentence("a correction of %(position)s", position=command.position)
        cure = Sentence("nothing would be corrected")
        return refuse_unless_identical(
            reversed(made), by, about, cure, what=command.what, why=command.why
        )
    back = before.get("void") == "true" and command.what.get("void") == "false"
    if back and isinstance(wrong, Operator.Merged):
        # In the meantime the other operator may have been merged into this one, and only the
        # command for a merger checks for a cycle.
        raise WrongStatus(
            "what: the merger at %(position)s was voided; merge it again instead",
            position=command.position,
        )
    if command.what == {"void": "false"} and "void" not in before:
        raise WrongStatus(
            "what: %(position)s was never voided; nothing would be corrected",
            position=command.position,
        )
    if isinstance(wrong, Operator.Annulled) and "effective" in command.what:
        raise WrongDates(
            "what.effective: an annulment counts from the day of effect of the grant; correct that"
            " of the grant, or void the annulment and revoke"
        )
    corrected = corrected_events(operator.history, {version: command.what})
    if right := next((e for e in corrected if e.originator_version == version), None):
        _check_corrected_event(operator, right, command.what, by)
    _check_corrected_stream(operator, corrected, by)
    operator.trigger_event(
        Operator.Corrected,
        corrects=command.position,
        version=version,
        what=command.what,
        why=command.why,
        **by.envelope(source_suffices=False),
    )


def is_correctable(event: Operator.Event) -> bool:
    """Whether a correction can change this event."""
    try:
        _refuse_uncorrectable(event, 0)
    except UnknownPosition:
        return False
    return True


def _refuse_uncorrectable(wrong: Operator.Event | None, position: int) -> None:
    """Raises UnknownPosition for an event that no correction may concern."""
    if isinstance(wrong, Operator.Corrected):
        raise UnknownPosition(
            "position: %(position)s is a correction; correct %(corrects)s, which it corrects",
            position=position,
            corrects=wrong.corrects,
        )
    if isinstance(wrong, Operator.PersonErased):
        raise UnknownPosition(
            "position: %(position)s is an erasure; what is gone stays gone", position=position
        )
    if isinstance(wrong, PROPOSAL_EVENTS):
        raise UnknownPosition(
            "position: %(position)s is of a proposal, which decides nothing; correct "
            "the decision that was recorded after it",
            position=position,
        )
    if isinstance(wrong, DISPUTE_EVENTS):
        raise UnknownPosition(
            "position: %(position)s is of a dispute, which decides nothing; correct "
            "the decision that was recorded",
            position=position,
        )
    if isinstance(wrong, Operator.SuspensionEnded) or getattr(wrong, "by_law", None):
        raise UnknownPosition(
            "position: %(position)s records what ended by law; correct the decision that said so",
            position=position,
        )


def _check_corrected_event(
    operator: Operator, right: Operator.Event, what: dict[str, str], by: Decision
) -> None:
    """Checks the corrected event as if it were recorded now. Raises what that would raise."""
    day = right.effective
    if not date(1900, 1, 1) <= day <= date(2200, 1, 1):
        raise WrongDates("what.effective: found %(day)s, wanted one from 1900 to 2200", day=day)
    if right.decided and right.decided > by.today:
        raise WrongDates(
            "what.decided: %(decided)s is after %(today)s, this day",
            decided=right.decided,
            today=by.today,
        )
    for name in ("valid_until", "until", "barred_until"):
        end = getattr(right, name, None)
        if end and end <= day and {name, "effective"} & what.keys():
            raise WrongDates(
                "what.%(field)s: %(end)s is not after %(day)s, its beginning",
                field=name,
                end=end,
                day=day,
            )
    for name in ("number", "reason", "legal_ground"):
        if name in what and not what[name].strip():
            raise BadValue(
                "what.%(field)s: found nothing, wanted it in words or figures", field=name
            )
    identifier = (Operator.IdentifierAdded, Operator.IdentifierEnded)
    # The reason for a wrong check digit is in `why`: a correction has no field `override`.
    if "value" in what and isinstance(right, identifier):
        odd = getattr(right, "override", None) or is_of_form(right.scheme, right.value)
        if check(right.scheme, right.value, override="why" if odd else None) != right.value:
            raise BadValue("what.value: %(right)s has blanks about it", right=repr(right.value))
    if "type" in what and isinstance(
        right, (Operator.Lodged, Operator.Listed, Operator.Granted, Operator.TypeChanged)
    ):
        authorisation = operator.authorisations.get(right.authorisation)
        code = authorisation.programme if authorisation else getattr(right, "programme", None)
        if code:
            preconditions.require_offered(preconditions.find_programme(by, code), right.type, day)


def _check_corrected_stream(
    operator: Operator, corrected: list[Operator.Event], by: Decision
) -> None:
    """Checks that the corrected stream is one that the decisions could have produced.

    Raises WrongStatus if a later event depends on what is voided, and WrongDates if an event would
    come before one on which it depends.
    """
    then = copy(operator)
    then.history = [event for event in corrected if not isinstance(event, Operator.Corrected)]
    then.corrected = False
    then.start_again()
    try:
        for event in corrected:
            if not isinstance(event, Operator.Corrected):
                event.change(then)
    except KeyError as missing:
        raise WrongStatus(
            "what: later events of %(missing)s rest on it; void those first", missing=missing
        ) from None
    given = {
        consent.scope
        for consent in consents(corrected, operator.time_zone)
        if consent.valid_to is None
    }
    if given != then.consents:
        raise WrongDates("what: a consent would be withdrawn before it was given, and so stand on")
    known: set[tuple[str, str]] = set()
    for event in in_valid_time_order(corrected):
        if isinstance(event, Operator.IdentifierAdded):
            known.add((event.scheme, normal_form(event.value, event.scheme)))
        elif isinstance(event, Operator.IdentifierEnded):
            if (event.scheme, normal_form(event.value, event.scheme)) not in known:
                raise WrongDates(
                    "what: %(scheme)s %(event)s would end where it does not stand; correct its "
                    "end, too",
                    scheme=event.scheme,
                    event=event.value,
                )
            known.remove((event.scheme, normal_form(event.value, event.scheme)))
    stands = last_statuses(corrected, operator.time_zone)
    for authorisation in then.authorisations.values():
        if (
            authorisation.status in HELD | ENDED
            and authorisation.number is None
            and authorisation.list is None
        ):
            raise WrongStatus(
                "what: later events of %(authorisation)s rest on its grant; void those first",
                authorisation=authorisation,
            )
        in_law = stands[authorisation.reference]
        partly = authorisation.suspended_part and authorisation.status is Status.SUSPENDED
        status = Status.VALID if partly else authorisation.status
        if in_law.status is not status or (
            authorisation.status in HELD and in_law.type != authorisation.type
        ):
            raise WrongDates(
                "what: %(authorisation)s is %(status)s by what was recorded last, and "
                "would be %(status2)s by the dates; correct what came after it first",
                authorisation=authorisation,
                status=status,
                status2=in_law.status,
            )
        if authorisation.status in HELD:
            day = max(by.today, authorisation.effective or by.today)
            rules = preconditions.find_rules(by, authorisation, day)
            preconditions.require_not_held(
                then, rules, authorisation.programme, authorisation.type, authorisation, day
            )


def _about_identifier(scheme: str, value: str) -> Callable[[Operator.Event], bool]:
    """Returns a test: is an event about this identifier, compared in its normal form?"""
    kinds = (Operator.IdentifierAdded, Operator.IdentifierEnded)
    wanted = normal_form(value, scheme)
    return lambda e: (
        isinstance(e, kinds) and e.scheme == scheme and normal_form(e.value, e.scheme) == wanted
    )
