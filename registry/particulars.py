"""What an operator is called and known by, whom it lets look, and what becomes of it as a firm."""

from __future__ import annotations

from registry import commands as c
from registry.decisions import Decision
from registry.errors import BadValue, Superseded, UnknownPosition, WrongStatus
from registry.identifiers import check
from registry.operators import CORRECTABLE, Operator


def amend(operator: Operator, it: c.AmendParticulars, by: Decision) -> None:
    said = {
        "name": it.name_, "local_name": it.local_name, "address": it.address, "roles": it.roles
    }  # fmt: skip
    new = {k: v for k, v in said.items() if v is not None and v != getattr(operator, k)}
    if new:
        operator.trigger_event(Operator.Amended, **new, **_facts(operator, by))


def add_identifier(operator: Operator, it: c.AddIdentifier, by: Decision) -> None:
    value = check(it.scheme, it.value, override=it.override)
    if (it.scheme, value) in operator.identifiers:
        return
    operator.trigger_event(
        Operator.IdentifierAdded,
        scheme=it.scheme,
        value=value,
        issuer=it.issuer,
        valid_to=it.valid_to,
        verified_by=it.verified_by,
        override=it.override,
        **_facts(operator, by),
    )


def end_identifier(operator: Operator, it: c.EndIdentifier, by: Decision) -> None:
    if (it.scheme, it.value) not in operator.identifiers:
        raise WrongStatus(f"{operator.tin} has no identifier {it.scheme} {it.value} to be ended")
    operator.trigger_event(
        Operator.IdentifierEnded, scheme=it.scheme, value=it.value, **_facts(operator, by)
    )


def give_consent(operator: Operator, it: c.GiveConsent, by: Decision) -> None:
    _one_addressee(it)
    if it.partner not in operator.consents:
        operator.trigger_event(
            Operator.ConsentGiven, partner=it.partner, **_facts(operator, by)
        )


def withdraw_consent(operator: Operator, it: c.WithdrawConsent, by: Decision) -> None:
    """Withdrawable at any time; what was shared while it held was shared rightly."""
    _one_addressee(it)
    if it.partner in operator.consents:
        operator.trigger_event(
            Operator.ConsentWithdrawn, partner=it.partner, **_facts(operator, by)
        )


def merge_into(operator: Operator, it: c.MergeInto, by: Decision) -> None:
    if it.successor == operator.tin:
        raise WrongStatus(f"successor: {operator.tin} cannot be merged into itself")
    if operator.successor == it.successor:
        return
    operator.trigger_event(
        Operator.Merged, successor=it.successor, reason=it.reason, **_facts(operator, by)
    )


def split_from(operator: Operator, it: c.SplitFrom, by: Decision) -> None:
    if it.origin == operator.tin:
        raise WrongStatus(f"origin: {operator.tin} cannot be split from itself")
    if any(isinstance(e, Operator.Split) and e.origin == it.origin for e in operator.past):
        return
    operator.trigger_event(
        Operator.Split, origin=it.origin, reason=it.reason, **_facts(operator, by)
    )


def correct(operator: Operator, it: c.CorrectRecord, by: Decision, version: int) -> None:
    """`version`: where, in this operator's stream, the corrected event stands."""
    wrong = next((e for e in operator.past if e.originator_version == version), None)
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
    if any(
        isinstance(e, Operator.Corrected) and (e.corrects, e.what) == (it.position, it.what)
        for e in operator.past
    ):
        return
    operator.trigger_event(
        Operator.Corrected,
        corrects=it.position,
        version=version,
        what=it.what,
        why=it.why,
        **by.envelope(source_suffices=False),
    )


def _one_addressee(it: c.ConsentCommand) -> None:
    if (it.partner is None) == (not it.publication):
        raise BadValue(
            f"partner, publication: found {it.partner} and {it.publication}; "
            "wanted either a partner to share with, or publication"
        )


def _facts(operator: Operator, by: Decision) -> dict[str, object]:
    if operator.successor:
        raise Superseded(f"{operator.tin} was merged into {operator.successor}: ask of that one")
    return by.envelope(source_suffices=False)
