"""Whoever runs the register cannot decide in an administration's place and have it believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from api.audit.bundle import Scope, export
from api.importing.import_file import import_file
from ops import attacks
from ops.attacks import TRUSTING, verifier, verify
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.application.bulk_import import History, record_histories
from registry.application.dispatch import DECISIONS
from registry.application.registry import AGGREGATES, Registry
from registry.domain import commands as c
from registry.domain.decisions import Decision, civil_day_of
from registry.domain.errors import KeyUnknown, SignatureInvalid, SignatureMissing
from registry.domain.operators import consent_decisions, particulars_decisions
from registry.domain.operators.events import OWN_ACTS, Operator
from registry.domain.signatures import OF_OPERATORS, read, sign
from registry.domain.values import AgreementKind, Role, Tin
from registry.ledger.database import environment
from registry.ledger.mapper import EventMapper
from registry.ledger.types import AppendRequest as Slip
from registry.ledger.types import Metadata
from registry.transparency.signed_notes import ED25519, Signer
from tests.law import CN, KR

CLERK, HANA, PORT = "officer:1", Tin("KR1234567"), Tin("CN1111111111")
SEOUL = "Asia/Seoul"  # whose civil day a decision of Korea counts
DORI, MIRA = Tin("KR7654321"), Tin("KR5555555")
KOREAN = Signer.of_seed("KR", ED25519, b"k" * 32)
CHINESE = Signer.of_seed("CN", ED25519, b"c" * 32)


def of_korea(command: type[c.Command], **said: Any) -> c.Command:
    return sign(command(command_id=uuid4(), **said), KOREAN)


GRANT: dict[str, Any] = {
    "tin": HANA,
    "number": "KRAA1",
    "type": "AA",
    "legal_ground": "Customs Act of Korea",
}


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    """Korea signs since its first key; China has none. Hana has applied and was examined."""
    new_registry = Registry(environment(database))
    for command in (
        c.RegisterAdministration(administration=KR, name_="Korea", time_zone="Asia/Seoul"),
        c.RegisterAdministration(administration=CN, name_="China", time_zone="Asia/Shanghai"),
        c.RegisterProgramme(programme="KR-AEO", administration=KR, name_="AEO", types=("AA",)),
        c.RegisterOperator(tin=PORT, name_="Port"),
        c.AddKey(administration=KR, key=str(KOREAN.key)),
        of_korea(c.RegisterOperator, tin=HANA, name_="Hana", roles=(Role.EXPORTER, Role.CARRIER)),
        c.LodgeApplication(tin=HANA, programme="KR-AEO", type="AA"),
        of_korea(c.AcceptApplication, tin=HANA),
        of_korea(c.StartExamination, tin=HANA),
        c.RegisterOperator(tin=DORI, name_="Dori", known_at=datetime(2020, 1, 6, tzinfo=UTC)),
        c.ProposeAgreement(
            kind=AgreementKind.AEO_MUTUAL_RECOGNITION,
            title="China and Korea",
            parties=(CN, KR),
            source="a press release",
        ),
        of_korea(c.SignAgreement, agreement="CN-KR-AEO"),
        of_korea(c.ImplementAgreement, agreement="CN-KR-AEO", side=KR),
        c.ImplementAgreement(agreement="CN-KR-AEO", side=CN),
    ):
        new_registry.execute(command, CLERK)
    yield new_registry
    new_registry.close()


def judged(database: str, folder: Path, scope: Scope = Scope(), *more: str) -> Any:  # noqa: B008
    """What the verifier says of a bundle of the register as it is now, logged and signed."""
    Projector(database).catch_up()
    size = Integrator(database).catch_up()
    out = folder / f"{uuid4()}.zip"
    with psycopg.connect(database) as connection:
        if not connection.execute("select from proof.checkpoint where size = %s", [size]).rowcount:
            attacks.sign(connection, size)
        export(connection, scope, out, TRUSTING)
    return verify("bundle", str(out), *more)


def slip_in(registry: Registry, told: c.Command, signed: c.Command | None = None) -> int:
    """What nobody may record, by who can write into the database what he likes: its position."""
    aggregate: Any = registry.find(told)
    by = Decision(
        today=civil_day_of(datetime.now(UTC), SEOUL),
        decided_by=KR,
        legal_ground=told.legal_ground,
        programme=registry.programme,
    )
    DECISIONS[type(told)](aggregate, told, by)
    given = signed or told
    assert given.command_id is not None
    slip = Slip(given.command_id, c.digest(given, CLERK), CLERK, [Metadata(decided_by="KR")])
    slip.signed = read(given)
    events = [
        registry.mapper.to_stored_event(collect_event)
        for collect_event in aggregate.collect_events()
    ]
    [position] = registry.ledger.insert_events(events, command=slip) or []
    return position


def an_hour_later(database: str) -> None:
    """The key was added an hour ago, and not under the hands of those who were deciding."""
    with psycopg.connect(database) as connection:
        connection.execute("alter table ledger.event disable trigger all")
        connection.execute(
            "update ledger.event set recorded_at = recorded_at - interval '1 hour',"
            " known_at = known_at - interval '1 hour' where position <= 5"
        )


# ------------------------------------------------------------------------------- what is honest


SCOPES = (
    Scope(),
    Scope("operator", HANA.text),
    Scope("operator", PORT.text),
    Scope("agreement", "CN-KR-AEO"),
    Scope("administration", "CN"),
    Scope("administration", "KR"),
)


def test_what_was_signed_is_found_good_by_whoever_looks(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    an_hour_later(database)
    registry.execute(of_korea(c.GrantAuthorisation, **GRANT), CLERK)
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{KOREAN.key}\n")
    for scope in SCOPES:
        assert judged(database, tmp_path, scope, "--keys", str(keys)) == (0, []), scope


def test_another_first_key_than_the_auditor_knows_is_no_key(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    """Or whoever runs the register could sign for Korea from the beginning."""
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{Signer.of_seed('KR', ED25519, b'x' * 32).key}\n{CHINESE.key}\n")
    code, said = judged(database, tmp_path, Scope(), "--keys", str(keys))
    assert code == 1
    assert said == [
        "position 5: this is not the first key that you know of KR.",
        "You know a key of CN, and the register none.",
    ]


# ------------------------------------------------------------------------- what is invented


INVENTED: dict[str, tuple[Callable[[c.Command], c.Command], str]] = {
    "unsigned": (lambda command: command, "KR has a key, and did not sign this"),
    "another's": (
        lambda command: sign(command, CHINESE),
        "CN signed it, and it was for KR to decide",
    ),
    "a made-up key": (
        lambda command: sign(command, Signer.of_seed("KR", ED25519, b"x" * 32)),
        "which was no key of KR then",
    ),
}


@pytest.mark.parametrize("how", INVENTED)
def test_an_invented_grant_is_refused_and_found(
    registry: Registry, database: str, tmp_path: Path, how: str
) -> None:
    """Logged like any other, under a head signed with the log's own key: and yet nobody's."""
    an_hour_later(database)
    signed, sentence = INVENTED[how]
    grant = signed(c.GrantAuthorisation(command_id=uuid4(), **GRANT))
    with pytest.raises((SignatureMissing, SignatureInvalid, KeyUnknown)):
        registry.execute(grant, CLERK)
    at = slip_in(registry, grant)
    for scope in (Scope(), Scope("operator", HANA.text), Scope("administration", "KR")):
        code, said = judged(database, tmp_path, scope)
        assert code == 1
        assert len(said) == 1 and said[0].startswith(f"position {at:,}: ") and sentence in said[0]


def test_another_decision_under_a_true_signature_is_found(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    """Korea signed a grant of one number; the register shows another, of a later day."""
    an_hour_later(database)
    true = of_korea(c.GrantAuthorisation, **GRANT)
    for told in ({"number": "KRAA2"}, {"effective": date(2026, 12, 24)}):
        false = c.GrantAuthorisation(
            command_id=true.command_id, signature=true.signature, **(GRANT | told)
        )
        with pytest.raises(SignatureInvalid):
            registry.execute(false, CLERK)
    false = c.GrantAuthorisation(command_id=true.command_id, **(GRANT | {"number": "KRAA2"}))
    at = slip_in(registry, false, true)
    code, said = judged(database, tmp_path)
    assert (code, said) == (1, [f"position {at:,}: KR signed another decision: number."])


def test_a_decision_whose_event_is_hidden_is_missed(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    """The last of a stream could be left out and nobody would see a gap; its signature stays."""
    grant = of_korea(c.GrantAuthorisation, **GRANT)
    [at] = registry.execute(grant, CLERK).positions
    assert judged(database, tmp_path) == (0, [])
    with psycopg.connect(database) as connection:
        connection.execute("alter table ledger.event disable trigger all")
        connection.execute("delete from ledger.event where position = %s", [at])
    code, said = judged(database, tmp_path)
    assert code != 0
    assert f"KR signed command {grant.command_id}, and no event of it is shown." in said


def test_a_decision_that_was_signed_once_is_not_shown_twice(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    """Korea accepted one application; it was withdrawn, and the register accepts the next."""
    an_hour_later(database)
    accepted = of_korea(c.AcceptApplication, tin=MIRA)
    for command in (
        of_korea(c.RegisterOperator, tin=MIRA, name_="Mira", roles=(Role.EXPORTER,)),
        c.LodgeApplication(tin=MIRA, programme="KR-AEO", type="AA"),
        accepted,
        c.WithdrawApplication(tin=MIRA),
        c.LodgeApplication(tin=MIRA, programme="KR-AEO", type="AA", command_id=uuid4()),
    ):
        registry.execute(command, CLERK)
    at = slip_in(registry, c.AcceptApplication(command_id=uuid4(), tin=MIRA))
    with psycopg.connect(database) as connection:
        connection.execute("alter table ledger.event disable trigger all")
        connection.execute(
            "update ledger.event set command_id = %s where position = %s",
            [accepted.command_id, at],
        )
    for scope in (Scope(), Scope("operator", MIRA.text)):
        code, said = judged(database, tmp_path, scope)
        assert (code, said) == (1, [f"position {at:,}: KR has a key, and did not sign this."])


# ------------------------------------------------------------------------- what is imported


def renamed(registry: Registry, tin: Tin, known: datetime) -> History:
    """As the lives of an earlier register come: with what it knew, and without a signature."""
    operator = registry.operator(tin)
    by = Decision(today=civil_day_of(known, SEOUL), decided_by=KR, legal_ground="an order")
    particulars_decisions.amend(
        operator, c.AmendParticulars(tin=tin, name_=f"Name of {known.year}"), by
    )
    return History(operator, [known], uuid4(), "import")


def test_whole_lives_are_taken_in_unsigned_only_as_they_were_known_before_the_key(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    an_hour_later(database)
    long_ago = datetime(2020, 1, 7, tzinfo=UTC)
    of_now = renamed(registry, HANA, datetime.now(UTC))
    before = registry.recorder.max_notification_id()
    with pytest.raises(SignatureMissing, match="command by command"):
        record_histories(registry, [renamed(registry, DORI, long_ago), of_now])
    assert registry.recorder.max_notification_id() == before

    record_histories(registry, [renamed(registry, DORI, long_ago)])

    assert judged(database, tmp_path) == (0, [])


def test_what_an_operator_did_for_itself_needs_no_signature_of_its_customs(
    registry: Registry,
) -> None:
    hana = registry.operator(HANA)
    now = datetime.now(UTC)
    consent_decisions.give_consent(
        hana, c.GiveConsent(tin=HANA, partner=CN), Decision(civil_day_of(now, SEOUL))
    )

    record_histories(registry, [History(hana, [now], uuid4(), "import")])

    assert registry.operator(HANA).consents == {CN.text}


def test_a_file_is_held_to_the_same_rule_line_by_line(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    an_hour_later(database)
    said = {"command": "amend_particulars", "tin": DORI.text}
    lines = [
        said | {"name": "Dori Lines", "known_at": "2020-02-03T00:00:00Z"},
        c.plain(of_korea(c.AmendParticulars, tin=DORI, name_="Dori Ports")),
        said | {"name": "Dori Nobody"},
    ]
    file = tmp_path / "decisions.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    told = import_file(database, file, actor="import", partial=True)

    [bad] = told.bad
    assert (told.recorded, bad.line) == (2, 3)
    assert "KR has a key, and what it decides is signed with it" in bad.found
    assert judged(database, tmp_path) == (0, [])


# ------------------------------------------------------------------------------- two persons


def proposed_grant(registry: Registry) -> UUID:
    """Korea wants a second person for grants; Anna proposes one. Returns its id."""
    rule: dict[str, Any] = {"programme": "KR-AEO", "rule": "second_person"}
    rule |= {"value": "grant_authorisation", "source": "an order"}
    registry.execute(of_korea(c.SetRule, **rule), CLERK)
    grant = of_korea(c.GrantAuthorisation, **GRANT)
    receipt = registry.execute(grant, CLERK, person="anna")
    assert receipt.proposed is not None
    return receipt.proposed.proposal


def test_a_confirmed_decision_is_found_good_with_the_signatures_of_both(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    an_hour_later(database)
    proposal = proposed_grant(registry)
    registry.execute(of_korea(c.ConfirmProposal, tin=HANA, proposal=proposal), CLERK, person="bo")
    assert type(registry.operator(HANA).history[-1]) is Operator.Granted
    for scope in (Scope(), Scope("operator", HANA.text)):
        assert judged(database, tmp_path, scope) == (0, [])


def test_an_own_act_that_waits_for_two_persons_needs_no_signature_and_nor_its_withdrawal(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    an_hour_later(database)
    rule: dict[str, Any] = {"programme": "KR-AEO", "rule": "second_person"}
    rule |= {"value": "surrender_authorisation", "source": "an order"}
    registry.execute(of_korea(c.SetRule, **rule), CLERK)
    registry.execute(of_korea(c.GrantAuthorisation, **GRANT), CLERK)
    surrender = c.SurrenderAuthorisation(tin=HANA)
    receipt = registry.execute(surrender, CLERK, person="eva")
    assert receipt.proposed is not None
    withdraw = c.WithdrawProposal(tin=HANA, proposal=receipt.proposed.proposal)
    registry.execute(withdraw, CLERK, person="eva")
    assert judged(database, tmp_path) == (0, [])


SECOND: dict[str, tuple[dict[str, Any], dict[str, Any] | None, str]] = {
    "the same person": (
        {"confirmer": "anna"},
        {},
        "a second person is wanted, and it names the first",
    ),
    "another proposer": (
        {"proposer": "carl"},
        {},
        "a second person is wanted, and it names the first",
    ),
    "another number": ({}, {"number": "KRAA2"}, "another decision was proposed and confirmed"),
    "no decision": ({}, None, "it confirms a decision, and none follows it"),
}


@pytest.mark.parametrize("how", SECOND)
def test_a_second_person_that_was_invented_is_found(
    registry: Registry, database: str, tmp_path: Path, how: str
) -> None:
    """By who can write into the database what he likes."""
    confirmation, decision, sentence = SECOND[how]
    proposal = proposed_grant(registry)
    operator: Any = registry.operator(HANA)
    confirm = of_korea(c.ConfirmProposal, tin=HANA, proposal=proposal)
    day = civil_day_of(datetime.now(UTC), SEOUL)
    by = Decision(today=day, decided_by=KR, programme=registry.programme)
    operator.trigger_event(
        Operator.ProposalConfirmed,
        **{"proposal": proposal, "proposer": "anna", "confirmer": "bo"} | confirmation,
        **by.envelope(),
    )
    if decision is not None:
        grant = c.GrantAuthorisation(**GRANT | decision)
        by = Decision(
            today=day, decided_by=KR, legal_ground=grant.legal_ground, programme=registry.programme
        )
        DECISIONS[c.GrantAuthorisation](operator, grant, by)
    pending = operator.collect_events()
    assert confirm.command_id is not None
    told = [Metadata(decided_by="KR", legal_ground=event.legal_ground) for event in pending]
    slip = Slip(confirm.command_id, c.digest(confirm, CLERK), CLERK, told)
    slip.signed = read(confirm)
    registry.ledger.insert_events(list(map(registry.mapper.to_stored_event, pending)), command=slip)
    code, said = judged(database, tmp_path)
    assert code == 1 and any(sentence in each for each in said), said


# ----------------------------------------------------------------- one rule, written twice


def test_the_verifier_knows_of_each_event_which_command_makes_it() -> None:
    topics = set(EventMapper(AGGREGATES).topics) - {
        "operator.authorisation",
        "operator.decision_proposed",  # by any command that needs two persons
        "operator.proposal",
        "administration.decision_proposed",
        "administration.proposal",
        "operator.consent",
        "agreement.dated",
        "agreement.side",
    }
    made = verifier().COMMANDS
    assert set(made) == topics
    assert set(made.values()) == set(c.COMMANDS)


def test_what_an_operator_does_for_itself_is_one_thing_for_commands_events_and_verifier() -> None:
    verifies = verifier()
    assert {own_act.TOPIC for own_act in OWN_ACTS} == verifies.OF_OPERATORS
    made = {verifies.COMMANDS[topic] for topic in verifies.OF_OPERATORS}
    assert made == {str(of_operator.__struct_config__.tag) for of_operator in OF_OPERATORS}
