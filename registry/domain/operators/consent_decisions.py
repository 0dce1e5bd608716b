"""The decisions about consents: to a partner, to every partner found adequate, to publication.

What the law of a programme requires is dated data: see registry/domain/consent.py.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import takewhile
from typing import Any

from registry.domain import commands as c
from registry.domain.consent import GENERAL, WRITTEN, scope_of
from registry.domain.decisions import Decision
from registry.domain.errors import BadValue, GroundNeeded, WrongStatus
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import (
    event_fields,
    events_in_force,
    refuse_earlier_day,
)
from registry.domain.programme_rules import Rule
from registry.domain.repeated_commands import difference, refuse
from registry.domain.values import RuleState

_KINDS = (Operator.ConsentGiven, Operator.ConsentWithdrawn)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def give_consent(operator: Operator, command: c.GiveConsent, by: Decision) -> None:
    """Records a consent, also from an earlier day than recorded.

    Raises AlreadyRecorded, BadValue, GroundNeeded, WrongDates, WrongStatus.
    """
    _require_one_scope(command)
    _require_lawful_scope(operator, command, by)
    _require_proof(operator, command, by)
    _record(operator, Operator.ConsentGiven, command, by)


def withdraw_consent(operator: Operator, command: c.WithdrawConsent, by: Decision) -> None:
    """Records the withdrawal of a consent, also from an earlier day than recorded.

    A consent can be withdrawn at any time. What was shared before stays lawful. A general consent
    is withdrawn towards every partner at once. Raises AlreadyRecorded, BadValue, GroundNeeded,
    WrongDates, WrongStatus.
    """
    _require_one_scope(command)
    if scope_of(command.partner, command.general) in operator.consents_spoken_of:
        _require_proof(operator, command, by)
    _record(operator, Operator.ConsentWithdrawn, command, by)


def _require_one_scope(command: c.ConsentCommand) -> None:
    """Raises BadValue unless exactly one of `partner`, `general` and `publication` is given."""
    if [command.partner is not None, command.general, command.publication].count(True) != 1:
        raise BadValue(
            f"partner, general, publication: found {command.partner}, {command.general} and "
            f"{command.publication}; wanted one of them: a partner to share with, every partner "
            "found adequate, or publication"
        )
    if command.proof_sha256 is not None:
        if command.proof is None:
            raise BadValue("proof: found nothing, wanted the reference of the document hashed")
        if not _SHA256.fullmatch(command.proof_sha256):
            raise BadValue(
                f"proofSha256: found {command.proof_sha256[:90]!r}, wanted 64 hexadecimal digits"
            )


def _laws(operator: Operator, rule: str, by: Decision) -> dict[str, Rule]:
    """This rule of the operator's programmes on the day of the consent, where it is on record."""
    day = by.effective or by.today
    codes = sorted({each.programme for each in operator.authorisations.values()})
    rules = {code: by.programme(code).rules_on(day).rule(rule) for code in codes if by.programme}
    return {code: found for code, found in rules.items() if not found.is_unknown}


def _require_lawful_scope(operator: Operator, command: c.GiveConsent, by: Decision) -> None:
    """Raises WrongStatus for a scope that the law of the operator's programmes does not know.

    An operator without an authorisation or an application has no such law yet.
    """
    laws = _laws(operator, "sharing_consent", by)
    general = [code for code, rule in laws.items() if rule.value == GENERAL]
    if command.partner and general and len(general) == len(laws):
        code = general[0]
        raise WrongStatus(
            f"partner: found {command.partner}, and the law of {code} knows one general consent for"
            f" every partner found adequate ({laws[code].source}); give it with general: true",
            path=("partner",),
        )
    if command.general and operator.authorisations and not general:
        stated = [
            f"{code}: {rule.value or 'none is needed'} ({rule.source})"
            for code, rule in laws.items()
            if rule.state is not RuleState.UNKNOWN
        ]
        raise WrongStatus(
            "general: found true, and no programme of the operator has a law of general consent; "
            f"{'; '.join(stated) or 'no law of consent is on record'}",
            path=("general",),
        )


def _require_proof(operator: Operator, command: c.ConsentCommand, by: Decision) -> None:
    """Raises GroundNeeded if the law asks for a document and none is named."""
    if command.proof is not None and not 0 < len(command.proof.strip()) <= 500:
        raise BadValue(f"proof: found {len(command.proof)} characters, wanted 1 to 500")
    if command.proof is not None or command.publication:
        return
    for code, rule in _laws(operator, "consent_proof", by).items():
        if rule.value == WRITTEN:
            raise GroundNeeded(
                f"proof: found nothing, and the law of {code} asks for a written consent or "
                f"withdrawal ({rule.source}); wanted the reference of the document"
            )


def _about(command: c.ConsentCommand) -> str:
    if command.general:
        return "general consent"
    return f"consent to {command.partner or 'publication'}"


def _record(
    operator: Operator,
    event: type[Operator.ConsentGiven | Operator.ConsentWithdrawn],
    command: c.ConsentCommand,
    by: Decision,
) -> None:
    """Records that a consent was given or withdrawn.

    A consent or withdrawal in force can be recorded again from an earlier day if nothing else was
    recorded since that day.
    """
    proof = {"proof": command.proof, "proof_sha256": command.proof_sha256}
    content: dict[str, Any] = {
        "partner": command.partner,
        "general": command.general or None,
        **proof,
    }
    scope = scope_of(command.partner, command.general)
    if event is Operator.ConsentGiven and scope not in operator.consents_spoken_of:
        operator.trigger_event(event, **content, **event_fields(operator, by))
        return
    about = _about(command)

    def own(e: Operator.Event) -> bool:
        return isinstance(e, _KINDS) and e.scope == scope

    words = events_in_force(operator, own)
    same = list(takewhile(lambda e: isinstance(e, event), words))
    if not words and event is Operator.ConsentWithdrawn:
        raise WrongStatus(
            f"{operator.tin} gave no {about} that could be withdrawn",
            path=(
                "general" if command.general else "partner" if command.partner else "publication",
            ),
        )
    if any(difference(e, by, None, proof) is None for e in same):
        return
    envelope = event_fields(operator, by)
    day: date = envelope["effective"]
    if same and day >= (since := min(e.effective for e in same)):
        done = "given" if event is Operator.ConsentGiven else "withdrawn"
        differs = difference(same[0], by, None, proof)
        assert differs is not None
        refuse(differs, same[0], f"the {about}, {done} as of {since},")
    refuse_earlier_day(operator, day, about, lambda e: own(e) and e not in same)
    operator.trigger_event(event, **content, **envelope)
