"""What an operator is called and known by, whom it lets look, and what becomes of it as a firm."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import date

from registry import commands as c
from registry import footing
from registry.corrections import CORRECTABLE
from registry.decisions import Decision
from registry.errors import BadValue, UnknownPosition, WrongDates, WrongStatus
from registry.footing import facts, in_order, of
from registry.identifiers import check
from registry.operators import Operator, amended
from registry.periods import in_order_of_law
from registry.standing import consents, stand
from registry.values import ENDED, HELD, Status


def amend(operator: Operator, it: c.AmendParticulars, by: Decision) -> None:
    said = {
        "name": it.name_, "local_name": it.local_name, "address": it.address, "roles": it.roles
    }  # fmt: skip
    if it.name_ is not None and not 0 < len(it.name_.strip()) <= 500:
        raise BadValue(f"name: found {len(it.name_)} characters, wanted 1 to 500 that can be read")
    new = {k: v for k, v in said.items() if v is not None and v != getattr(operator, k)}
    if new:
        operator.trigger_event(Operator.Amended, **new, **facts(operator, by))


def add_identifier(operator: Operator, it: c.AddIdentifier, by: Decision) -> None:
    value = check(it.scheme, it.value, override=it.override)
    known = operator.identifiers.get((it.scheme, value))
    said = (it.issuer, it.valid_to, it.verified_by)
    if known and said == (known.issuer, known.valid_to, known.verified_by):
        return
    envelope = facts(operator, by)
    if it.valid_to and it.valid_to <= envelope["effective"]:
        raise WrongDates(f"validTo: {it.valid_to} is not after {envelope['effective']}")
    in_order(operator, envelope["effective"], value, _about_identifier(it.scheme, value))
    operator.trigger_event(
        Operator.IdentifierAdded,
        scheme=it.scheme,
        value=value,
        issuer=it.issuer,
        valid_to=it.valid_to,
        verified_by=it.verified_by,
        override=it.override,
        **envelope,
    )


def end_identifier(operator: Operator, it: c.EndIdentifier, by: Decision) -> None:
    if (it.scheme, it.value) not in operator.identifiers:
        raise WrongStatus(f"{operator.tin} has no identifier {it.scheme} {it.value} to be ended")
    envelope = facts(operator, by)
    in_order(operator, envelope["effective"], it.value, _about_identifier(it.scheme, it.value))
    operator.trigger_event(
        Operator.IdentifierEnded, scheme=it.scheme, value=it.value, **envelope
    )


def give_consent(operator: Operator, it: c.GiveConsent, by: Decision) -> None:
    _one_addressee(it)
    if it.partner not in operator.consents:
        _say_of_consent(operator, Operator.ConsentGiven, it, by)


def withdraw_consent(operator: Operator, it: c.WithdrawConsent, by: Decision) -> None:
    """Withdrawable at any time; what was shared while it held was shared rightly."""
    _one_addressee(it)
    if it.partner in operator.consents:
        _say_of_consent(operator, Operator.ConsentWithdrawn, it, by)


def merge_into(operator: Operator, it: c.MergeInto, by: Decision) -> None:
    if it.successor == operator.tin:
        raise WrongStatus(f"successor: {operator.tin} cannot be merged into itself")
    if operator.successor == it.successor:
        return
    envelope = facts(operator, by)
    for held in operator.authorisations.values():
        if held.status in HELD:
            in_order(operator, envelope["effective"], held, of(held, (Operator.Granted,)))
    operator.trigger_event(
        Operator.Merged, successor=it.successor, reason=it.reason, **envelope
    )


def split_from(operator: Operator, it: c.SplitFrom, by: Decision) -> None:
    if it.origin == operator.tin:
        raise WrongStatus(f"origin: {operator.tin} cannot be split from itself")
    if any(isinstance(e, Operator.Split) and e.origin == it.origin for e in operator.past):
        return
    operator.trigger_event(
        Operator.Split, origin=it.origin, reason=it.reason, **facts(operator, by)
    )


def correct(operator: Operator, it: c.CorrectRecord, by: Decision, version: int) -> None:
    """`version`: where, in this operator's stream, the corrected event stands."""
    wrong = next((e for e in operator.past if e.originator_version == version), None)
    if isinstance(wrong, Operator.Corrected):
        raise UnknownPosition(
            f"position: {it.position} is a correction; correct {wrong.corrects}, which it corrects"
        )
    if isinstance(wrong, Operator.PersonErased):
        raise UnknownPosition(f"position: {it.position} is an erasure; what is gone stays gone")
    if wrong is None:
        raise UnknownPosition(
            f"position: {it.position} is not an event of {operator.tin} that can be corrected "
            "(its registration is put right by amending the particulars)"
        )
    for name, text in it.what.items():
        if name not in CORRECTABLE or not (name == "void" or hasattr(wrong, name)):
            raise BadValue(f"what: {wrong.TOPIC} has no {name!r} that could be corrected")
        try:
            CORRECTABLE[name](text)
        except ValueError as error:
            raise BadValue(f"what.{name}: found {text!r}, {error}") from None
    if not it.what:
        raise BadValue("what: found nothing, wanted at least one field and its right value")
    if not it.why.strip():
        raise BadValue("why: found nothing, wanted the reason in words")
    before: dict[str, str] = {}
    for event in operator.past:
        if isinstance(event, Operator.Corrected) and event.version == version:
            before |= event.what
    if before | it.what == before:
        return
    back = before.get("void") == "true" and it.what.get("void") == "false"
    if back and isinstance(wrong, Operator.Merged):
        # Meanwhile the other may have been merged into this one: only a merger looks for a ring.
        raise WrongStatus(f"what: the merger at {it.position} was voided; merge it again instead")
    said = amended(operator.past, {version: it.what})
    if right := next((e for e in said if e.originator_version == version), None):
        _could_be_said(operator, right, it.what, by)
    _hangs_together(operator, said, by)
    operator.trigger_event(
        Operator.Corrected,
        corrects=it.position,
        version=version,
        what=it.what,
        why=it.why,
        **by.envelope(source_suffices=False),
    )


def _could_be_said(
    operator: Operator, right: Operator.Event, what: dict[str, str], by: Decision
) -> None:
    """Would what is put right have been refused, had it been said so at once? Raises the same."""
    day = right.effective
    if not date(1900, 1, 1) <= day <= date(2200, 1, 1):
        raise WrongDates(f"what.effective: found {day}, wanted one from 1900 to 2200")
    if right.decided and right.decided > by.today:
        raise WrongDates(f"what.decided: {right.decided} is after {by.today}, this day")
    for name in ("valid_until", "until"):
        end = getattr(right, name, None)
        if end and end <= day and {name, "effective"} & what.keys():
            raise WrongDates(f"what.{name}: {end} is not after {day}, its beginning")
    for name in ("number", "reason"):
        if name in what and not what[name].strip():
            raise BadValue(f"what.{name}: found nothing, wanted it in words or figures")
    identifier = (Operator.IdentifierAdded, Operator.IdentifierEnded)
    # A failed check digit is explained in `why`: a correction says no override.
    if (
        "value" in what and isinstance(right, identifier)
        and check(right.scheme, right.value, override="why") != right.value
    ):
        raise BadValue(f"what.value: {right.value!r} has blanks about it")
    if "type" in what and isinstance(
        right, (Operator.Lodged, Operator.Granted, Operator.TypeChanged)
    ):
        mine = operator.authorisations.get(right.authorisation)
        code = mine.programme if mine else getattr(right, "programme", None)
        if code:
            footing.offered(footing.programme(by, code), right.type, day)


def _hangs_together(operator: Operator, said: list[Operator.Event], by: Decision) -> None:
    """Would the record, so corrected, still be one that the decisions could have made?

    Raises WrongStatus where something later rests on what is taken away, WrongDates where it would
    come before what it follows.
    """
    then = copy(operator)
    then.start_again()
    try:
        for event in said:
            if not isinstance(event, Operator.Corrected):
                event.change(then)
    except KeyError as missing:
        raise WrongStatus(f"what: later events of {missing} rest on it; void those first") from None
    given = {it.partner for it in consents(said, operator.time_zone) if it.valid_to is None}
    if given != then.consents:
        raise WrongDates("what: a consent would be withdrawn before it was given, and so stand on")
    known: set[tuple[str, str]] = set()
    for event in in_order_of_law(said):
        if isinstance(event, Operator.IdentifierAdded):
            known.add((event.scheme, event.value))
        elif isinstance(event, Operator.IdentifierEnded):
            if (event.scheme, event.value) not in known:
                raise WrongDates(
                    f"what: {event.scheme} {event.value} would end where it does not stand; "
                    "correct its end, too"
                )
            known.remove((event.scheme, event.value))
    stands = stand(said, operator.time_zone)
    for it in then.authorisations.values():
        if it.status in HELD | ENDED and it.number is None:
            raise WrongStatus(f"what: later events of {it} rest on its grant; void those first")
        in_law = stands[it.reference]
        status = Status.VALID if it.suspended_part else it.status
        if in_law.status is not status or (it.status in HELD and in_law.type != it.type):
            raise WrongDates(
                f"what: {it} is {status} by what was recorded last, and would be "
                f"{in_law.status} by the dates; correct what came after it first"
            )
        if it.status in HELD:
            day = max(by.today, it.effective or by.today)
            rules = footing.rules(by, it, day)
            footing.not_held_twice(then, rules, it.programme, it.type, it, day)


def _one_addressee(it: c.ConsentCommand) -> None:
    if (it.partner is None) == (not it.publication):
        raise BadValue(
            f"partner, publication: found {it.partner} and {it.publication}; "
            "wanted either a partner to share with, or publication"
        )


def _say_of_consent(
    operator: Operator,
    event: type[Operator.ConsentGiven | Operator.ConsentWithdrawn],
    it: c.ConsentCommand,
    by: Decision,
) -> None:
    kinds = (Operator.ConsentGiven, Operator.ConsentWithdrawn)
    envelope = facts(operator, by)
    in_order(
        operator, envelope["effective"], f"consent to {it.partner or 'publication'}",
        lambda e: isinstance(e, kinds) and e.partner == it.partner,
    )  # fmt: skip
    operator.trigger_event(event, partner=it.partner, **envelope)


def _about_identifier(scheme: str, value: str) -> Callable[[Operator.Event], bool]:
    kinds = (Operator.IdentifierAdded, Operator.IdentifierEnded)
    return lambda e: isinstance(e, kinds) and (e.scheme, e.value) == (scheme, value)
