"""The table of access as data: which relation to a resource permits which action, and who reads
which field.

Two tables. `PERMISSIONS` has a row for each action. `FIELDS` has an entry for each field of an
operator and of everything that an operator leads to in GraphQL. Both are shown on the page
`/access`, `api.access.policy.decide` evaluates the first, and tests walk the second over the whole
schema (tests/api/access/test_disclosure.py). Whether an operator is *visible* to a subject at all
is a question of agreements and consents: `api.access.visibility` and
`projections.reads.visibility`.

Source: WCO SAFE Framework of Standards, Pillar 2 (exchange of AEO master data), and the data
protection clauses of recognition arrangements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What a subject wants to do. The value completes the sentence "... may not"."""

    ASK_RECOGNITION = "ask whether an operator is recognised"
    LIST_OPERATORS = "list operators"
    FOLLOW_CHANGES = "follow what changes in the recognised set"
    TAKE_COPY = "take this golden copy"
    READ_LOOKS = "read what was answered, and to whom"
    READ_READERS = "read who asked about an operator"
    READ_GROUND = "read why the home customs decided"
    READ_IN_FULL = "read applications, deadlines, reassessments and what consent is wanting"
    READ_NOTES = "read what customs administrations wrote to each other"
    READ_EVENTS = "read an operator's events"
    READ_CLIENTS = "read which programs have access"
    READ_PROPOSALS = "read which decisions wait for a second person"
    READ_DISPUTES = "read what is disputed about an operator"
    READ_PERSONS = "read who an operator's contacts are"
    CERTIFY = "have a certificate of this operator made, or show it to others"
    RECORD = "change the register"


class Relation(Enum):
    """The relation of a subject to a resource. The value names the subjects who have it."""

    TERRITORY_CUSTOMS = "the customs of that territory"
    COPY_HOLDER = "the customs whose copy it is"
    CUSTOMS = "the customs that asked"
    HOME_CUSTOMS = "the home customs"
    OPERATOR = "the operator"
    AUDITOR = "auditors"
    IDENTIFIED = "those who identify themselves"


@dataclass(frozen=True)
class Permission:
    """The relations that permit an action. `limits`: what the permission is limited to, for each
    relation that has a limit; `instead`: what everybody else may do instead, if anything."""

    relations: tuple[Relation, ...]
    limits: Mapping[Relation, str]
    instead: str = ""


def _permission(
    *relations: Relation, limits: Mapping[Relation, str] | None = None, instead: str = ""
) -> Permission:
    return Permission(relations, limits or {}, instead)


_R = Relation
#: The whole table. An action that is permitted by no relation of the subject is refused.
PERMISSIONS: Mapping[Action, Permission] = {
    Action.ASK_RECOGNITION: _permission(
        _R.TERRITORY_CUSTOMS, _R.HOME_CUSTOMS, _R.OPERATOR, _R.AUDITOR
    ),
    Action.LIST_OPERATORS: _permission(
        _R.IDENTIFIED,
        limits={_R.IDENTIFIED: "operators that are visible to the subject"},
        instead="the public asks by exact TIN or number",
    ),
    Action.FOLLOW_CHANGES: _permission(_R.TERRITORY_CUSTOMS, _R.AUDITOR),
    Action.TAKE_COPY: _permission(_R.COPY_HOLDER, _R.AUDITOR),
    Action.READ_LOOKS: _permission(
        _R.CUSTOMS,
        _R.HOME_CUSTOMS,
        _R.AUDITOR,
        limits={_R.CUSTOMS: "its own questions", _R.HOME_CUSTOMS: "those about its operators"},
    ),
    Action.READ_READERS: _permission(_R.HOME_CUSTOMS, _R.OPERATOR, _R.AUDITOR),
    Action.READ_GROUND: _permission(_R.HOME_CUSTOMS, _R.OPERATOR, _R.AUDITOR),
    Action.READ_IN_FULL: _permission(_R.HOME_CUSTOMS, _R.OPERATOR, _R.AUDITOR),
    Action.READ_EVENTS: _permission(_R.HOME_CUSTOMS, _R.OPERATOR, _R.AUDITOR),
    Action.READ_NOTES: _permission(_R.HOME_CUSTOMS, _R.AUDITOR),
    Action.READ_CLIENTS: _permission(
        _R.HOME_CUSTOMS,
        _R.AUDITOR,
        limits={_R.HOME_CUSTOMS: "those of its own administration"},
    ),
    Action.READ_PROPOSALS: _permission(
        _R.HOME_CUSTOMS,
        _R.AUDITOR,
        limits={_R.HOME_CUSTOMS: "those about its operators"},
    ),
    Action.READ_DISPUTES: _permission(
        _R.HOME_CUSTOMS,
        _R.OPERATOR,
        _R.AUDITOR,
        _R.CUSTOMS,
        limits={_R.CUSTOMS: "those that it opened itself"},
    ),
    # Auditors read pseudonyms of persons, which is enough to audit.
    Action.READ_PERSONS: _permission(_R.HOME_CUSTOMS, _R.OPERATOR),
    Action.CERTIFY: _permission(_R.HOME_CUSTOMS, _R.OPERATOR),
    Action.RECORD: _permission(
        _R.HOME_CUSTOMS,
        _R.OPERATOR,
        _R.CUSTOMS,
        limits={
            _R.OPERATOR: "consents, contact persons and disputes of its own",
            _R.CUSTOMS: "disputes about operators that it sees",
        },
    ),
}


class Reader(Enum):
    """Who reads a field of an operator that is visible to the subject. The value is a sentence."""

    EVERYBODY = "Everybody who sees the operator reads the same."
    CERTIFIED = (
        "Others than the home customs, the operator and auditors read what was certified: from the"
        " first grant on, and nothing of applications."
    )
    HOME = (
        "Only the home customs, the operator and auditors; for others the field is empty,"
        " REDACTED, or the error FORBIDDEN."
    )
    CERTIFYING = "Only the home customs and the operator; for others the error FORBIDDEN."
    OFFICERS = "Only the home customs and auditors; for others the error FORBIDDEN."
    DISPUTING = (
        "The home customs, the operator and auditors read all disputes, another administration"
        " those that it opened itself; for others the error FORBIDDEN."
    )
    LAW = "Public law, which everybody reads."
    OWN = "It says something of the answer itself: its instant, its position."


#: The fields of `Reader.HOME`, `CERTIFYING`, `OFFICERS` and `DISPUTING`, and the action that each
#: of them is, of which `PERMISSIONS` says who may.
READING: Mapping[tuple[str, str], Action] = {
    ("Operator", "history"): Action.READ_EVENTS,
    ("Operator", "looks"): Action.READ_READERS,
    ("Operator", "contacts"): Action.READ_EVENTS,
    ("Operator", "certificate"): Action.CERTIFY,
    ("Operator", "proposals"): Action.READ_PROPOSALS,
    ("Operator", "disputes"): Action.READ_DISPUTES,
    ("Authorisation", "deadlines"): Action.READ_IN_FULL,
    ("Authorisation", "unknownDeadlines"): Action.READ_IN_FULL,
    ("StatusPeriod", "ground"): Action.READ_GROUND,
    ("StatusPeriod", "event"): Action.READ_EVENTS,
}
#: Each field of an operator, and of everything that an operator leads to, and who reads it.
FIELDS: Mapping[str, Mapping[str, Reader]] = {
    "Operator": {
        "id": Reader.EVERYBODY,
        "tin": Reader.EVERYBODY,
        "administration": Reader.LAW,
        "name": Reader.EVERYBODY,
        "localName": Reader.EVERYBODY,
        "address": Reader.EVERYBODY,
        "roles": Reader.EVERYBODY,
        "identifiers": Reader.EVERYBODY,
        "authorisations": Reader.CERTIFIED,
        "standing": Reader.CERTIFIED,
        "standingAbroad": Reader.CERTIFIED,
        "recognisedIn": Reader.CERTIFIED,
        "periods": Reader.CERTIFIED,
        "history": Reader.HOME,
        "looks": Reader.HOME,
        "contacts": Reader.HOME,
        "certificate": Reader.CERTIFYING,
        "proposals": Reader.OFFICERS,
        "disputes": Reader.DISPUTING,
        "successor": Reader.EVERYBODY,
        "source": Reader.EVERYBODY,
        "position": Reader.OWN,
    },
    "Authorisation": {
        "number": Reader.CERTIFIED,
        "programme": Reader.LAW,
        "type": Reader.CERTIFIED,
        "status": Reader.CERTIFIED,
        "statusAbroad": Reader.CERTIFIED,
        "suspendedParts": Reader.CERTIFIED,
        "roles": Reader.CERTIFIED,
        "since": Reader.CERTIFIED,
        "effectiveFrom": Reader.CERTIFIED,
        "validUntil": Reader.CERTIFIED,
        "flags": Reader.CERTIFIED,
        "deadlines": Reader.HOME,
        "unknownDeadlines": Reader.HOME,
    },
    "StatusPeriod": {
        "authorisation": Reader.CERTIFIED,
        "status": Reader.CERTIFIED,
        "statusAbroad": Reader.CERTIFIED,
        "suspendedParts": Reader.CERTIFIED,
        "validFrom": Reader.CERTIFIED,
        "validTo": Reader.CERTIFIED,
        "recordedFrom": Reader.CERTIFIED,
        "recordedTo": Reader.CERTIFIED,
        "ground": Reader.HOME,
        "event": Reader.HOME,
    },
    "Identifier": dict.fromkeys(
        ("scheme", "value", "issuer", "validFrom", "validTo", "verifiedBy"), Reader.EVERYBODY
    ),
    "Recognition": {
        "tin": Reader.EVERYBODY,
        "in": Reader.EVERYBODY,
        "outcome": Reader.CERTIFIED,
        "legal": Reader.CERTIFIED,
        "operational": Reader.CERTIFIED,
        "reasons": Reader.CERTIFIED,
        "bases": Reader.CERTIFIED,
        "at": Reader.OWN,
        "knownAt": Reader.OWN,
        "position": Reader.OWN,
        "receipt": Reader.OWN,
        "validFrom": Reader.CERTIFIED,
        "validTo": Reader.CERTIFIED,
    },
    "Reason": dict.fromkeys(("code", "message", "facts"), Reader.CERTIFIED),
    "Fact": dict.fromkeys(("name", "value", "item", "zone"), Reader.CERTIFIED),
    "RecognitionBasis": {
        "agreement": Reader.LAW,
        "authorisation": Reader.CERTIFIED,
        "since": Reader.CERTIFIED,
        "identifierScheme": Reader.LAW,
        "identifier": Reader.EVERYBODY,
        "declarationBox": Reader.LAW,
        "benefits": Reader.LAW,
        "assumed": Reader.LAW,
    },
}

#: What the public, who does not identify itself, is not shown of an operator that it sees: a field
#: is empty or FORBIDDEN, and so is what it leads to.
NOT_FOR_THE_PUBLIC: Mapping[str, frozenset[str]] = {
    "Operator": frozenset({"address", "identifiers", "periods", "recognisedIn"}),
    "StatusPeriod": frozenset(FIELDS["StatusPeriod"]),
    "Identifier": frozenset(FIELDS["Identifier"]),
    "Recognition": frozenset(FIELDS["Recognition"]),
}
