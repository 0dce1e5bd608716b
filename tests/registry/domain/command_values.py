"""Values for every field of every command: a usual one, and others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from registry.domain import commands as c
from registry.domain.clients import thumbprint
from registry.domain.values import (
    AgreementKind,
    ContactRole,
    DataChannel,
    Direction,
    DisputeKind,
    DisputeOutcome,
    HsCode,
    Role,
    RuleState,
    Sense,
    Step,
    Tin,
)
from registry.transparency.signed_notes import ED25519, Signer
from tests.law import CN, DE, EU, FR, GB, KR, SG, UCC
from tests.samples import (
    ACME,
    OTHER,
    REF,
)

#: How a command is sent, which is no part of what it says: the one door answers for these
#: (tests/registry/application/test_repeated_commands.py).
SENDING = {"command_id", "expected_version", "known_at", "signature"}
#: Which stream it goes to: with another, it is about another thing.
STREAM = {
    "tin",
    "agreement",
    "administration",
    "programme",
    "document",
    "subject",
    "measure",
    "claimed_by",
    "client",
}
LEI, LEI2 = "5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394"
KEY, SPARE = (str(Signer.of_seed("EU", ED25519, 32 * seed).key) for seed in (b"k", b"s"))
JWK, SPARE_JWK = ({"kty": "OKP", "crv": "Ed25519", "x": b * 43} for b in ("A", "E"))
ANNA, BORIS = UUID(int=1), UUID(int=2)
DAY, EARLIER, LATER = date(2026, 3, 2), date(2026, 2, 20), date(2026, 3, 9)
BEFORE_ALL, AHEAD, FURTHER = date(2025, 7, 15), date(2027, 1, 1), date(2028, 1, 1)
#: The values of each field: the one with which the command is given first, then the others. A
#: field is found by command and name, else by its name.
VALUES: dict[tuple[type[c.Command], str] | str, tuple[Any, ...]] = {
    "effective": (DAY, EARLIER, LATER, BEFORE_ALL, None),
    # A command that names no day of decision says nothing of it.
    "decided": (None, date(2026, 3, 1), date(2026, 3, 5)),
    "legal_ground": (UCC, "another ground", None),
    "decided_by": (None, DE, FR),
    "source": (None, "a letter"),
    "reason": ("a reason", "another reason", None),
    # -- operators
    "name_": ("Acme AG", "Acme SE", None),
    "local_name": ("Akme", "Acme", None),
    "address": ("1 Quay", "2 Quay", None),
    "scheme": ("LEI", "MID"),
    "value": (LEI, LEI2),
    "issuer": (None, DE),
    "valid_to": (None, AHEAD, FURTHER),
    "verified_by": (None, "customs"),
    "override": (None, "a letter of the issuer"),
    "shared": (None, "a letter of the issuer"),
    "partner": (KR, CN, None),
    "channel": (DataChannel.LIST, DataChannel.PEER),
    "hours": (720, 24, None),
    "publication": (False, True),
    "general": (False, True),
    "proof": (None, "letter 7", "letter 8"),
    "proof_sha256": (None, "0" * 64),
    "successor": (OTHER, Tin("DE22")),
    "origin": (OTHER, Tin("DE22")),
    "position": (2, 3, 4),
    "what": ({"effective": "2025-09-16"}, {"effective": "2025-09-17"}, {"void": "true"}),
    "why": ("misread", "mistyped"),
    "person": (ANNA, BORIS),
    "role": (ContactRole.IN_CHARGE, ContactRole.CUSTOMS_CONTACT),
    "commitment": ("ab" * 32, "cd" * 32),
    "ground": ("asked for it", "GDPR Art. 17"),
    # -- proposals, which are closed as of the day on which that is done
    (c.ProposalCommand, "effective"): (None, DAY),
    (c.AdministrationProposalCommand, "effective"): (None, DAY),
    "proposal": (UUID(int=7), UUID(int=8)),
    # -- disputes, too
    (c.OpenDispute, "effective"): (None, DAY),
    (c.DisputeCommand, "effective"): (None, DAY),
    (c.OpenDispute, "kind"): tuple(DisputeKind),
    "statement": ("We are another Acme.", "We moved."),
    (c.OpenDispute, "position"): (None, 2),
    "receipt": (None, UUID(int=9)),
    "territory": (None, KR),
    "dispute": (UUID(int=5), UUID(int=6)),
    "answer": ("We look into it.", "The number is yours."),
    (c.CloseDispute, "outcome"): (DisputeOutcome.REJECTED, DisputeOutcome.UPHELD),
    # -- authorisations
    (c.LodgeApplication, "type"): ("AEOC", "AEOS", "AEOF"),
    (c.GrantAuthorisation, "type"): (None, "AEOC", "AEOS", "AEOF"),
    (c.ChangeType, "type"): ("AEOS", "AEOC", "AEOF"),
    (c.RecordEnd, "authorisation"): (REF, "DEAEOF1", "SG-STP/9"),
    "authorisation": (None, REF, "DEAEOF1"),
    "asked": (FR, KR),
    "reply": ("no objection", "an objection"),
    "days": (20, 30, None),
    "number": ("DEAEOF9", "DEAEOF1"),
    (c.ListOperator, "effective"): (None, DAY, EARLIER),
    (c.ListOperator, "programme"): ("EU-AEO", "KR-AEO"),
    (c.ListOperator, "type"): ("AEOF", "AEOC", "AEOS"),
    (c.ListOperator, "name_"): (None, "Acme AG"),
    (c.ListOperator, "number"): (None, "DEAEOF9", "DEAEOF1"),
    "list_": ("eu-list", "another-list"),
    "read_on": (DAY, EARLIER, date(2026, 3, 9)),
    "since": (None, date(2020, 1, 1), date(2026, 2, 25)),
    "absent": (False, True),
    (c.GrantAuthorisation, "roles"): (None, (Role.CARRIER,), (Role.EXPORTER,)),
    (c.AmendParticulars, "roles"): ((Role.CARRIER,), (Role.EXPORTER,), None),
    (c.AmendRoles, "roles"): ((Role.CARRIER,), (Role.EXPORTER,)),
    (c.SetScope, "roles"): ((), (Role.CARRIER,)),
    "valid_until": (AHEAD, FURTHER, None),
    "outcome": ("kept", "not kept", None),
    "remediation": (False, True),
    (c.SuspendAuthorisation, "until"): (date(2026, 6, 1), date(2026, 5, 1), AHEAD, None),
    (c.ExtendSuspension, "until"): (AHEAD, FURTHER, date(2026, 6, 1)),
    (c.SuspendAuthorisation, "part"): (None, "S", "C"),
    "barred_until": (None, date(2030, 1, 1), date(2028, 6, 1)),
    # -- agreements
    "earliest": (None, EARLIER, LATER),
    "latest": (None, LATER, AHEAD),
    "assumed": (False, True),
    "note": (None, "a note"),
    "side": (CN, SG, None),
    "notice": (None, EARLIER),
    "member": (KR, CN, SG),
    (c.SetDates, "what"): (Step.IMPLEMENTED, Step.SIGNED),
    (c.NoteOnAgreement, "what"): (Step.MEETING, Step.LISTED),
    "conflicting": (False, True),
    "term": (None, 1, 2),
    "text": ("in Beijing", "in Singapore"),
    "from_": (CN, SG),
    "to": (SG, CN),
    (c.SetScope, "types"): (("*",), ("A",)),
    "programmes": ((), ("CN-AEO",)),
    "direction": (None, Direction.IMPORT),
    "hs": ((), (HsCode("07"),)),
    "crossings": ((), ("Heihe-Blagoveshchensk",)),
    "modes": ((), ("sea",)),
    "identifier_scheme": (None, "LEI"),
    "declaration_box": (None, "44"),
    "benefits": ((), ("fewer controls",)),
    "consent_required": (False, True),
    "max_age_hours": (None, 24),
    (c.SetScope, "until"): (None, AHEAD),
    # -- administrations, programmes, documents
    (c.MembershipCommand, "member"): (GB, FR),
    "commands": (("set_scope", "revoke_authorisation"), ("set_scope",), ()),
    "proposal_days": (30, 9),
    "key": (KEY, SPARE),
    # A key counts from its recording on.
    (c.KeyCommand, "effective"): (None, DAY),
    "sense": (Sense.CUSTOMS_TERRITORY, Sense.UNION),
    "as_of": (
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 2, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    ),
    (c.SetTypes, "types"): (("AEOC", "AEOS"), ("AEOF",)),
    "rule": ("bar_years", "review_years"),
    (c.SetRule, "value"): ("3", "5", None),
    "unit": ("years", None),
    (c.SetRule, "until"): (None, AHEAD),
    "state": (RuleState.VALUE, RuleState.NONE, RuleState.UNKNOWN),
    "target": ("all-by-2020", "another"),
    "owner": (None, CN),
    (c.SetTarget, "text"): ("with all", "with all that are willing"),
    "deadline": (None, AHEAD),
    "relation": (None, AgreementKind.AEO_MUTUAL_RECOGNITION),
    "condition": (None, "all"),
    "quotation": (None, "五通"),
    (c.AmendDocument, "title"): ("A plan of five links", "Five links", None),
    (c.AmendDocument, "text"): (None, "a summary"),
    "date_": (None, date(2017, 5, 14)),
    "measures": (None, ("customs clearance",)),
    "confidence": (None, "A"),
    "titles": ({}, {"zh": "愿景与行动"}),
    "language": (None, "zh"),
    "measure_names": ({}, {"zh": {"a measure": "通关"}}),
    (c.AmendAgreement, "title"): ("China with Singapore", "Singapore", None),
    "legal_basis": (None, "WCO SAFE"),
    "details": ({}, {"offices": "two"}),
    "names": ({}, {"zh": {"green lane": "绿色通道"}}),
    "measure": ("partners", "documents"),
    "subject": (CN, SG),
    (c.RecordEnd, "what"): ("term", "suspension", "war"),
    (c.RecordEnd, "effective"): (
        date(2026, 2, 26),
        date(2026, 2, 25),
        None,
        date(2026, 2, 27),
        date(2026, 3, 20),
    ),
    (c.RetractClaim, "as_of"): (date(2018, 2, 1),),
    "claimed_by": ("a speech",),
    "states": ((), (KR,)),
    "willing": ({}, {"KR": "a letter"}),
    (c.LinkAgreement, "agreement"): ("CN-SG-AEO", "CN-KR-AEO"),
    # -- clients, whose keys count from their recording on
    (c.ClientCommand, "effective"): (None, DAY),
    (c.AddClientKey, "key"): (JWK, SPARE_JWK),
    "key_id": (thumbprint(JWK), thumbprint(SPARE_JWK)),
}


def values(kind: type[c.Command], name: str) -> tuple[Any, ...]:
    own = [VALUES[item, name] for item in kind.__mro__ if (item, name) in VALUES]
    found = own[0] if own else VALUES.get(name)
    assert found, f"{kind.__name__}.{name} has no values in this table"
    return found


def said_by(kind: type[c.Command]) -> list[str]:
    """The fields with which a command says something to its stream."""
    own = kind.__struct_fields__
    return [n for n in own if n not in SENDING and ((kind, n) in VALUES or n not in STREAM)]


def first(kind: type[c.Command], **given: Any) -> c.Command:
    streams: dict[str, Any] = {
        "tin": ACME,
        "agreement": "CN-SG-AEO",
        "administration": EU,
        "programme": "EU-AEO",
        "document": "PLAN",
        "subject": CN,
        "measure": "partners",
        "claimed_by": "a speech",
        "client": "kr-system",
    }
    fields: dict[str, Any] = {
        name: values(kind, name)[0] if name in said_by(kind) else streams[name]
        for name in kind.__struct_fields__
        if name not in SENDING
    }
    return kind(**(fields | given))


def others(command: c.Command) -> Iterator[c.Command]:
    """The same command, each time with one other value of one field."""
    kind = type(command)
    for name in said_by(kind):
        required = next(f.required for f in msgspec.structs.fields(kind) if f.name == name)
        for value in values(kind, name):
            if value != getattr(command, name) and not (required and value is None):
                yield replace(command, **{name: value})
