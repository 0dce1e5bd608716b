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
from registry.domain.sentences import Listing, Sentence
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
            "partner, general, publication: found %(partner)s, %(general)s and "
            "%(publication)s; wanted one of them: a partner to share with, every "
            "partner found adequate, or publication",
            partner=command.partner,
            general=command.general,
            publication=command.publication,
        )
    if command.proof_sha256 is not None:
        if command.proof is None:
            raise BadValue("proof: found nothing, wanted the reference of the document hashed")
        if not _SHA256.fullmatch(command.proof_sha256):
            raise BadValue(
                "proofSha256: found %(proof_sha256)s, wanted 64 hexadecimal digits",
                proof_sha256=repr(command.proof_sha256[:90]),
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
            "partner: found %(partner)s, and the law of %(code)s knows one general "
            "consent for every partner found adequate (%(source)s); give it with "
            "general: true",
            partner=command.partner,
            code=code,
            source=laws[code].source,
            path=("partner",),
        )
    if command.general and operator.authorisations and not general:
        stated = [
            Sentence(
                "%(programme)s: %(law)s (%(source)s)",
                programme=code,
                law=rule.value or Sentence("none is needed"),
                source=rule.source,
            )
            for code, rule in laws.items()
            if rule.state is not RuleState.UNKNOWN
        ]
        raise WrongStatus(
            "general: found true, and no programme of the operator has a law of "
            "general consent; %(stated)s",
            stated=Listing(stated, "; ") or Sentence("no law of consent is on record"),
            path=("general",),
        )


def _require_proof(operator: Operator, command: c.ConsentCommand, by: Decision) -> None:
    """Raises GroundNeeded if the law asks for a document and none is named."""
    if command.proof is not None and not 0 < len(command.proof.strip()) <= 500:
        raise BadValue(
            "proof: found %(length)s characters, wanted 1 to 500", length=len(command.proof)
        )
    if command.proof is not None or command.publication:
        return
    for code, rule in _laws(operator, "consent_proof", by).items():
        if rule.value == WRITTEN:
            raise GroundNeeded(
                "proof: found nothing, and the law of %(code)s asks for a written consent "
                "or withdrawal (%(source)s); wanted the reference of the document",
                code=code,
                source=rule.source,
            )


def _about(command: c.ConsentCommand) -> str:
    if command.general:
        return Sentence("general consent")
    if command.partner:
        return Sentence("consent to %(partner)s", partner=command.partner)
    return Sentence("consent to publication")


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
            "%(tin)s gave no %(about)s that could be withdrawn",
            tin=operator.tin,
            about=about,
            path=(
                "general" if command.general else "partner" if command.partner else "publication",
            ),
        )
    if any(difference(e, by, None, proof) is None for e in same):
        return
    envelope = event_fields(operator, by)
    day: date = envelope["effective"]
    if same and day >= (since := min(e.effective for e in same)):
        differs = difference(same[0], by, None, proof)
        assert differs is not None
        done = Sentence("the %(about)s, withdrawn as of %(since)s,", about=about, since=since)
        if event is Operator.ConsentGiven:
            done = Sentence("the %(about)s, given as of %(since)s,", about=about, since=since)
        refuse(differs, same[0], done)
    refuse_earlier_day(operator, day, about, lambda e: own(e) and e not in same)
    operator.trigger_event(event, **content, **envelope)
