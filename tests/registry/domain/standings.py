"""Every standing that a stream can be in, as the facts or commands that led to it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement, Party
from registry.domain.clients import Client, thumbprint
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.publications import Claim, Document
from registry.domain.values import (
    AgreementKind,
    ContactRole,
    DataChannel,
    DisputeKind,
    Role,
    Sense,
)
from tests.law import CN, EU, FR, GB, KR, SG, ZONES
from tests.registry.domain.command_values import AHEAD, ANNA, DAY, JWK, KEY, LEI
from tests.samples import (
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
from tests.scenario import ANNA as PERSON
from tests.scenario import Fact, fact, given, when

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
proposed = fact(
    Operator.DecisionProposed,
    proposal=UUID(int=7),
    programme="EU-AEO",
    command={"command": "revoke_authorisation", "tin": "DE8934842", "reason": "fraud"},
    proposer=PERSON,
    effective=date(2026, 3, 1),
)
disputed = fact(
    Operator.DisputeOpened,
    dispute=UUID(int=5),
    kind=DisputeKind.NOT_US,
    statement="We are another Acme.",
    answer_due=date(2026, 3, 31),
    effective=date(2026, 3, 1),
)
OPERATORS: dict[str, tuple[Fact, ...]] = {
    "none": (registered,),
    "lodged": (registered, lodged),
    "accepted": (registered, lodged, accepted),
    "examined": applicant,
    "consulted": (*applicant, asked),
    "valid": authorised,
    "proposed": (*authorised, proposed),
    "disputed": (*authorised, disputed),
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
    "cadenced": (
        bloc,
        fact(
            Administration.CadenceDeclared,
            channel=DataChannel.LIST,
            hours=720,
            effective=DAY,
            source="a letter",
        ),
    ),
    "keyed": (bloc, keyed),
    "keyed no more": (
        bloc,
        keyed,
        fact(Administration.KeyRetired, key=KEY, effective=date(2026, 2, 2)),
    ),
}
waiting = fact(
    Administration.DecisionProposed,
    administration=EU,
    proposal=UUID(int=7),
    command={"command": "set_types", "programme": "EU-AEO", "types": ["AEOF"]},
    proposer=PERSON,
    effective=date(2026, 3, 1),
)
ADMINISTRATIONS["with a proposal"] = (bloc, waiting)
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
registered_client = fact(
    Client.Registered,
    client="kr-system",
    name="Korean customs",
    acts_for="partner:KR",
    administration=KR,
    effective=date(2026, 1, 5),
)
with_key = fact(Client.KeyAdded, key=JWK, key_id=thumbprint(JWK), effective=date(2026, 1, 5))
CLIENTS: dict[str, tuple[Fact, ...]] = {
    "registered": (registered_client,),
    "with a key": (registered_client, with_key),
    "without its key": (
        registered_client,
        with_key,
        fact(Client.KeyRetired, key_id=thumbprint(JWK), effective=date(2026, 2, 2)),
    ),
    "revoked": (
        registered_client,
        with_key,
        fact(Client.Revoked, reason="a leak", effective=date(2026, 2, 2)),
    ),
}
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
        case "client":
            return {
                name: lambda value=past: given(Client, *value) for name, past in CLIENTS.items()
            }
        case "claim":
            return {"published": lambda: given(Claim, claim)}
    raise AssertionError(f"nothing stands in this table that is a {noun}")


def agreement(*said: c.Command) -> Agreement:
    found: Agreement = given(Agreement, proposed)
    for command in said:
        assert len(when(found, command)) == 1
    return found
