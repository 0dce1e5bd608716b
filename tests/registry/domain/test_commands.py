"""Every request that can change the register, as data: read, written, and told when it is wrong."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest

from registry.application.dispatch import BEGINNINGS, DECISIONS
from registry.domain import commands as c
from registry.domain.errors import BadValue
from registry.domain.values import Role, Tin
from tests.words import WORDS, in_full

COMMANDS = list(c.COMMANDS.values())


def full(kind: type[c.Command]) -> c.Command:
    command: c.Command = in_full(kind)
    return command


def suspend(**said: Any) -> dict[str, Any]:
    return {"command": "suspend_authorisation", "tin": "CN1234567890", "reason": "late"} | said


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_command_is_read_as_it_was_written(kind: type[c.Command]) -> None:
    command = full(kind)

    assert c.read(json.loads(json.dumps(c.plain(command)))) == command


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_field_that_a_command_does_not_have_is_named(kind: type[c.Command]) -> None:
    with pytest.raises(BadValue, match="unknown field `colour`"):
        c.read(c.plain(full(kind)) | {"colour": "red"})


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_command_is_called_what_the_contract_calls_it(kind: type[c.Command]) -> None:
    name = full(kind).name

    assert name.replace("_", "") == kind.__name__.lower()
    assert c.plain(full(kind))["command"] == name


def test_every_command_goes_somewhere() -> None:
    asked_for_more = {c.MergeInto, c.CorrectRecord, c.AccedeToAgreement}
    asked_for_more |= {c.ConfirmProposal, c.RejectProposal, c.WithdrawProposal}
    asked_for_more |= {c.ConfirmAdministrationProposal, c.RejectAdministrationProposal}
    asked_for_more |= {c.WithdrawAdministrationProposal}

    assert set(DECISIONS) | set(BEGINNINGS) | asked_for_more == set(COMMANDS)


def test_there_is_a_command_for_every_word_of_the_specification() -> None:
    words = (
        "register_operator amend_particulars add_identifier end_identifier give_consent "
        "withdraw_consent lodge_application accept_application reject_application "
        "withdraw_application start_examination request_consultation record_consultation_reply "
        "extend_deadline grant_authorisation refuse_application change_type amend_roles "
        "open_reassessment close_reassessment renew_authorisation suspend_authorisation "
        "extend_suspension lift_suspension revoke_authorisation annul_authorisation "
        "surrender_authorisation expire_authorisation merge_into split_from correct_record "
        "propose_agreement open_negotiation sign_action_plan sign_agreement start_pilot "
        "implement_agreement suspend_agreement resume_agreement set_scope terminate_agreement "
        "accede_to_agreement withdraw_from_agreement set_dates"
    )
    assert set(words.split()) <= set(c.COMMANDS)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (suspend(tin="cn1"), r"is not a TIN.*\$\.tin"),
        (suspend(tin="QQ123"), r"QQ is not a customs territory.*\$\.tin"),
        (suspend(tin=12), r"\$\.tin"),
        (suspend(until="2026-02-30"), r"\$\.until"),
        (suspend(until="01/02/2026"), r"\$\.until"),
        (suspend(effective="soon"), r"\$\.effective"),
        (suspend(decided_by="Korea"), r"two capital letters.*\$\.decided_by"),
        (suspend(decided_by="ZZ"), r"ZZ is not a customs territory.*\$\.decided_by"),
        (suspend(command_id="7"), r"\$\.command_id"),
        (suspend(expected_version="7"), r"\$\.expected_version"),
        (suspend(known_at="yesterday"), r"\$\.known_at"),
        ({"command": "suspend_authorisation"}, "missing required field `tin`"),
        ({"command": "hang_operator"}, "found 'hang_operator', wanted one of accede_to"),
        ({}, "command: found None"),
        ({"command": ["suspend"]}, "command: found"),
        (
            {
                "command": "set_scope",
                "agreement": "A",
                "from": "CN",
                "to": "RU",
                "types": [],
                "hs": ["070"],
            },
            r"is not an HS code.*\$\.hs",
        ),
        (
            {"command": "register_operator", "tin": "CN1", "name": "A", "roles": ["PIRATE"]},
            r"PIRATE.*\$\.roles",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field_and_what_was_found(
    said: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadValue, match=why):
        c.read(said)


def test_a_national_aeo_code_is_read_as_the_tin_it_holds() -> None:
    command = c.read(suspend(tin="AEOCN1234567890"))

    assert isinstance(command, c.OperatorCommand)
    assert command.tin == Tin("CN1234567890")


def test_what_is_left_out_is_left_out_when_it_is_written() -> None:
    amend = c.AmendParticulars(tin=Tin("CN1"), roles=(Role.EXPORTER,))

    assert json.loads(json.dumps(c.plain(amend))) == {
        "command": "amend_particulars",
        "tin": "CN1",
        "roles": ["EXPORTER"],
    }


def test_a_command_cannot_be_changed_on_its_way() -> None:
    with pytest.raises(AttributeError):
        full(c.GiveConsent).tin = Tin("CN2")  # type: ignore[attr-defined]


def test_the_same_line_is_the_same_command_and_another_is_another() -> None:
    one, other = (c.read(suspend(reason=reason)) for reason in ("late", "later"))

    assert c.id_of_line(one) == c.id_of_line(c.read(suspend()))
    assert c.id_of_line(one) != c.id_of_line(other)
    named = msgspec.structs.replace(one, command_id=WORDS[UUID])
    assert c.id_of_line(named) == WORDS[UUID]


def test_a_request_is_told_apart_by_what_it_asks_and_by_who_asks() -> None:
    one, other = (c.read(suspend(reason=reason)) for reason in ("late", "later"))

    assert c.digest(one, "officer:1") == c.digest(c.read(suspend()), "officer:1")
    assert (
        len({c.digest(one, "officer:1"), c.digest(other, "officer:1"), c.digest(one, "officer:2")})
        == 3
    )


@pytest.mark.parametrize(("said", "read"), [(True, "true"), (False, "false"), ("true", "true")])
def test_a_correction_voids_with_a_truth_value_or_its_text(said: object, read: str) -> None:
    line = {
        "command": "correct_record",
        "tin": "CN1234567890",
        "position": 7,
        "why": "not ours",
        "what": {"void": said},
    }

    command = c.read(line)

    assert isinstance(command, c.CorrectRecord) and command.what == {"void": read}


def test_a_correction_takes_no_number_where_a_text_is_wanted() -> None:
    line = {"command": "correct_record", "tin": "CN1234567890", "position": 7, "why": "not ours"}

    for wrong in (1, None, ["true"]):
        with pytest.raises(BadValue, match="what"):
            c.read(line | {"what": {"void": wrong}})
