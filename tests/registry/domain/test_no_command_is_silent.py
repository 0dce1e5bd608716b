"""No command is silent (domain.md, section 2).

The identical command records nothing. With any one of its fields changed it is recorded as one
event, or refused in words; it is never answered as recorded with nothing recorded. The table is
made from the commands themselves: every command, each of its fields with other values, in every
standing. A new command, or a new field of one, has no values here and fails the test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from registry.application.dispatch import BEGINNINGS
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement, Party
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.publications import Claim, Document
from registry.domain.values import (
    AgreementKind,
    ContactRole,
    Direction,
    HsCode,
    Role,
    RuleState,
    Sense,
    Step,
    Tin,
)
from registry.transparency.signed_notes import ED25519, Signer
from tests.law import CN, DE, EU, FR, GB, KR, SG, UCC, ZONES
from tests.samples import (
    ACME,
    OTHER,
    REF,
    accepted,
    applicant,
    authorised,
    ended,
    lodged,
    lost_s,
    merged,
    operator,
    registered,
    revoked,
    suspended,
)
from tests.scenario import Fact, fact, given, when

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
}

LEI, LEI2 = "5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394"
KEY, SPARE = (str(Signer.of_seed("EU", ED25519, 32 * seed).key) for seed in (b"k", b"s"))
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
    "publication": (False, True),
    "successor": (OTHER, Tin("DE22")),
    "origin": (OTHER, Tin("DE22")),
    "position": (2, 3, 4),
    "what": ({"effective": "2025-09-16"}, {"effective": "2025-09-17"}, {"void": "true"}),
    "why": ("misread", "mistyped"),
    "person": (ANNA, BORIS),
    "role": (ContactRole.IN_CHARGE, ContactRole.CUSTOMS_CONTACT),
    "commitment": ("ab" * 32, "cd" * 32),
    "ground": ("asked for it", "GDPR Art. 17"),
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


# ----------------------------------------------------------- where things stand

consented = fact(Operator.ConsentGiven, partner=KR, effective=date(2026, 1, 2))
identified = fact(Operator.IdentifierAdded, scheme="LEI", value=LEI, effective=date(2026, 1, 2))
named = fact(
    Operator.ContactNamed,
    person=ANNA,
    role=ContactRole.IN_CHARGE,
    commitment="ab" * 32,
    effective=date(2026, 1, 2),
)
asked = fact(
    Operator.ConsultationRequested, authorisation=REF, asked=FR, effective=date(2025, 7, 2)
)
on_list = fact(
    Operator.Listed,
    authorisation=REF,
    programme="EU-AEO",
    type="AEOF",
    list="eu-list",
    earliest=date(2008, 1, 1),
    roles=(Role.EXPORTER,),
    effective=date(2026, 2, 20),
)
OPERATORS: dict[str, tuple[Fact, ...]] = {
    "none": (registered,),
    "lodged": (registered, lodged),
    "accepted": (registered, lodged, accepted),
    "examined": applicant,
    "consulted": (*applicant, asked),
    "valid": authorised,
    "suspended": (*authorised, suspended),
    "part suspended": (*authorised, lost_s),
    "released": (
        *authorised,
        suspended,
        fact(Operator.SuspensionLifted, authorisation=REF, effective=date(2026, 2, 15)),
    ),
    "overdue": (
        *applicant,
        fact(
            Operator.Granted,
            authorisation=REF,
            number="DEAEOF1",
            type="AEOF",
            effective=date(2025, 9, 15),
            valid_until=date(2026, 2, 25),
        ),
    ),
    "suspended until a day gone by": (
        *authorised,
        fact(
            Operator.Suspended,
            authorisation=REF,
            reason="audit",
            until=date(2026, 2, 26),
            effective=date(2026, 2, 2),
        ),
    ),
    "under reassessment": (*authorised, ended(Operator.ReassessmentOpened)),
    "renewed": (*authorised, ended(Operator.Renewed, valid_until=AHEAD)),
    "revoked": (*authorised, revoked),
    "revoked from later": (
        *authorised,
        fact(Operator.Revoked, authorisation=REF, reason="fraud", effective=date(2026, 3, 5)),
    ),
    "annulled": (
        *authorised,
        fact(Operator.Annulled, authorisation=REF, effective=date(2025, 9, 15)),
    ),
    "surrendered": (*authorised, ended(Operator.Surrendered)),
    "surrendered from later": (
        *authorised,
        fact(Operator.Surrendered, authorisation=REF, effective=date(2026, 3, 5)),
    ),
    "expired": (*authorised, ended(Operator.Expired)),
    "not accepted": (registered, lodged, ended(Operator.NotAccepted)),
    "withdrawn": (registered, lodged, ended(Operator.Withdrawn)),
    "refused": (*applicant, ended(Operator.Refused)),
    "merged": (*authorised, merged),
    "listed": (registered, on_list),
    "listed with its day": (
        registered,
        fact(on_list.type, **on_list.fields | {"since": date(2019, 5, 1)}),
    ),
    "no longer listed": (
        registered,
        on_list,
        fact(
            Operator.Unlisted,
            authorisation=REF,
            programme="EU-AEO",
            type="AEOF",
            list="eu-list",
            effective=date(2026, 2, 26),
        ),
    ),
    "known": (registered, consented, identified, named),
    "unknown again": (
        registered,
        consented,
        identified,
        named,
        fact(Operator.ConsentWithdrawn, partner=KR, effective=date(2026, 2, 2)),
        fact(Operator.IdentifierEnded, scheme="LEI", value=LEI, effective=date(2026, 2, 2)),
        fact(Operator.ContactEnded, person=ANNA, effective=date(2026, 2, 2)),
    ),
    "erased": (
        registered,
        named,
        fact(Operator.PersonErased, person=ANNA, ground="asked", effective=date(2026, 2, 2)),
    ),
    "corrected": (
        *authorised,
        suspended,
        fact(
            Operator.Corrected,
            corrects=6,
            version=6,
            what={"effective": "2026-03-05"},
            why="misread",
            effective=date(2026, 3, 6),
        ),
    ),
}
proposed = fact(
    Agreement.Proposed,
    agreement="CN-SG-AEO",
    kind=AgreementKind.AEO_MUTUAL_RECOGNITION,
    title="China and Singapore",
    effective=date(2010, 1, 1),
    parties=tuple(
        Party(administration_code, ZONES[administration_code.text])
        for administration_code in (CN, SG)
    ),
)


def step(kind: type[Any], day: str, **said: Any) -> c.Command:
    on: dict[str, Any] = {"effective": date.fromisoformat(day), "source": "a test"}
    found: c.Command = kind(agreement="CN-SG-AEO", **on, **said)
    return found


AGREEMENTS: dict[str, tuple[c.Command, ...]] = {
    "proposed": (),
    "signed": (step(c.SignAgreement, "2012-06-29"),),
    "implemented": (step(c.ImplementAgreement, "2013-01-01", side=CN),),
    "suspended": (
        step(c.ImplementAgreement, "2013-01-01", side=CN),
        step(c.SuspendAgreement, "2026-02-25", side=CN),
    ),
    "resumed": (
        step(c.SuspendAgreement, "2026-02-01", side=CN),
        step(c.ResumeAgreement, "2026-02-25", side=CN),
    ),
    "acceded": (step(c.AccedeToAgreement, "2026-02-25", member=KR),),
    "withdrew": (
        step(c.AccedeToAgreement, "2026-02-01", member=KR),
        step(c.WithdrawFromAgreement, "2026-02-25", member=KR),
    ),
    "terminated": (step(c.TerminateAgreement, "2026-02-25"),),
}
bloc = fact(
    Administration.Registered,
    administration=EU,
    name="EU",
    time_zone="Europe/Brussels",
    bloc=True,
    effective=date(1968, 7, 1),
)
joined = fact(
    Administration.MemberJoined,
    member=GB,
    sense=Sense.CUSTOMS_TERRITORY,
    effective=date(1973, 1, 1),
    source="OJ",
)
left = fact(
    Administration.MemberLeft,
    member=GB,
    sense=Sense.CUSTOMS_TERRITORY,
    effective=date(2021, 1, 1),
    source="OJ",
)
keyed = fact(
    Administration.KeyAdded,
    key=KEY,
    since=datetime(2026, 2, 1, tzinfo=UTC),
    effective=date(2026, 2, 1),
)
ADMINISTRATIONS: dict[str, tuple[Fact, ...]] = {
    "registered": (bloc,),
    "joined": (bloc, joined),
    "left": (bloc, joined, left),
    "joined later": (bloc, fact(joined.type, **joined.fields | {"effective": date(2026, 3, 5)})),
    "left later": (bloc, joined, fact(left.type, **left.fields | {"effective": date(2026, 3, 5)})),
    "listed": (
        bloc,
        fact(Administration.ListReceived, as_of=datetime(2026, 2, 20, tzinfo=UTC), effective=DAY),
    ),
    "keyed": (bloc, keyed),
    "keyed no more": (
        bloc,
        keyed,
        fact(Administration.KeyRetired, key=KEY, effective=date(2026, 2, 2)),
    ),
}
programme = fact(
    Programme.Registered,
    programme="EU-AEO",
    administration=EU,
    time_zone="Europe/Brussels",
    name="AEO",
    types=("AEOC", "AEOS", "AEOF"),
    effective=date(2008, 1, 1),
)
document = fact(
    Document.Published,
    document="PLAN",
    title="A plan",
    measures=("a measure",),
    effective=date(2017, 5, 14),
)
claim = fact(
    Claim.Published,
    subject=CN,
    measure="partners",
    value=35,
    as_of=date(2018, 2, 1),
    effective=date(2018, 2, 1),
)


def things(noun: str) -> dict[str, Any]:
    """How to make each thing of that noun anew, by the name of its standing."""
    match noun:
        case "operator":
            return {name: lambda value=past: operator(*value) for name, past in OPERATORS.items()}
        case "agreement":
            return {name: lambda value=past: agreement(*value) for name, past in AGREEMENTS.items()}
        case "administration":
            return {
                n: lambda value=p: given(Administration, *value) for n, p in ADMINISTRATIONS.items()
            }
        case "programme":
            return {"registered": lambda: given(Programme, programme)}
        case "document":
            return {"published": lambda: given(Document, document)}
        case "claim":
            return {"published": lambda: given(Claim, claim)}
    raise AssertionError(f"nothing stands in this table that is a {noun}")


def agreement(*said: c.Command) -> Agreement:
    found: Agreement = given(Agreement, proposed)
    for command in said:
        assert len(when(found, command)) == 1
    return found


# ------------------------------------------------------------------- the table

#: With how many of the commands that a standing takes every field is changed afterwards; all of
#: them, where somebody has a minute: AEO_EVERY_PAIR=1.
PAIRS = 1_000 if os.environ.get("AEO_EVERY_PAIR") else 1
#: Who begins a stream that is there is refused
#: (tests/registry/application/test_repeated_commands.py).
KINDS = [kind for kind in c.COMMANDS.values() if kind not in BEGINNINGS]


def outcome(thing: Any, command: c.Command) -> int:
    """How many events; -1 for a refusal."""
    try:
        return len(when(thing, command))
    except Refusal as refusal:
        assert str(refusal).strip()
        assert thing.collect_events() == []
        return -1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_command_with_every_field_changed_is_told_what_became_of_it(
    kind: type[c.Command],
) -> None:
    recorded = 0
    for standing, make in things(kind.noun).items():
        recorded_here = 0
        for command in (first(kind), *others(first(kind))):
            thing = make()
            where = f"of what is {standing}: {shown(command)}"
            try:
                events = when(thing, command)
            except Refusal as refusal:
                assert str(refusal).strip() and thing.collect_events() == [], where
                continue
            assert len(events) == 1, where
            assert outcome(thing, command) == 0, f"{where}: not known when it was said again"
            if recorded_here < PAIRS:
                told_of_another(make, command, events, where)
            recorded_here += 1
        recorded += recorded_here
    assert recorded, f"{kind.__name__} is recorded in none of these standings"


def told_of_another(
    make: Callable[[], Any], command: c.Command, events: list[Fact], where: str
) -> None:
    """After it was recorded, with each of its fields changed."""
    for other in others(command):
        thing = make()
        when(thing, command)
        if outcome(thing, other) == 0 and not names_the_same(command, other):
            assert says(make(), other) == events, f"{where}, then {shown(other)}: dropped"


def names_the_same(command: c.Command, other: c.Command) -> bool:
    """Only the authorisation is named otherwise (by its reference, by its number, or not at all),
    or the day of decision is left out, of which then nothing is said."""
    fields = type(command).__struct_fields__
    changed = {name for name in fields if getattr(other, name) != getattr(command, name)}
    return changed == {"authorisation"} or (changed == {"decided"} and other.decided is None)


def says(thing: Any, command: c.Command) -> Any:
    """What it would have recorded, had it come first. A field that is left out may say the same as
    one that is filled in: the type of the application, the only authorisation that there is."""
    try:
        return when(thing, command)
    except Refusal as refusal:
        return refusal


def shown(command: c.Command) -> str:
    usual = first(type(command))
    other = {
        name: getattr(command, name)
        for name in said_by(type(command))
        if getattr(command, name) != getattr(usual, name)
    }
    return f"{type(command).__name__} {other or ''}"
