"""Two registers hold one law: each side's acts come from its own register, and what they hold
otherwise is shown."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.access.tokens import issue
from api.pages.labels import english_event_name
from api.peers.transport import PeerDeclined
from projections.checking.check import check
from projections.reads.peer_law import LawDifference, law_differences_now, law_stream
from registry.application.registry import Registry
from registry.domain import commands
from registry.domain.errors import RecordedElsewhere, Refusal
from registry.ledger.database import environment
from tests.api.cli.test_cli import Terminal
from tests.peering import CHINA, InProcess, Register, certified, follower, register

SEOUL, HARBIN = "KR1000000001", "CN2000000001"
CITED = {"source": "a notice", "legal_ground": "a law"}


@pytest.fixture
def korea(server: str, blank_register: str, tmp_path: Path) -> Iterator[Register]:
    with register(server, blank_register, tmp_path / "korea") as found:
        found.happens(*certified(SEOUL))
        yield found


@pytest.fixture
def china(server: str, blank_register: str, tmp_path: Path) -> Iterator[Register]:
    with register(server, blank_register, tmp_path / "china", "CN", "KR") as found:
        found.happens(*certified(HARBIN))
        yield found


def both_follow(korea: Register, china: Register) -> None:
    for here, peer, code in ((china, korea, "KR"), (korea, china, "CN")):
        client = InProcess(peer, f"partner:{'CN' if code == 'KR' else 'KR'}")
        name = {"KR": "korea", "CN": "china"}[code]
        assert follower(here, client, [code], name).catch_up() is None
        here.happens()


def step(command: str, side: str, effective: str) -> dict[str, Any]:
    about = {"agreement": "CN-KR-AEO", "effective": effective, "decided_by": side}
    return {"command": command, "side": side, **about, **CITED}


def scope(one: str, other: str, types: list[str], effective: str) -> dict[str, Any]:
    return {
        "command": "set_scope",
        "agreement": "CN-KR-AEO",
        "from": one,
        "to": other,
        "types": types,
        "consent_required": True,
        "effective": effective,
        "decided_by": other,
        **CITED,
    }


def rule(code: str, value: str, effective: str) -> dict[str, Any]:
    return {
        "command": "set_rule",
        "programme": f"{code}-AEO",
        "rule": "sharing_consent",
        "value": value,
        "effective": effective,
        **CITED,
    }


def differences(here: Register) -> list[LawDifference]:
    here.shows()
    with psycopg.connect(here.database) as connection:
        return [each for peer in law_differences_now(connection) for each in peer.differences]


def answers(korea: Register, china: Register) -> list[tuple[Any, Any]]:
    """Each question's answer in Korea and in China."""
    questions = [(SEOUL, "CN"), (HARBIN, "KR")]
    return [(korea.recognised(*each), china.recognised(*each)) for each in questions]


def test_what_korea_decides_about_its_side_is_answered_in_china(
    korea: Register, china: Register
) -> None:
    both_follow(korea, china)
    assert answers(korea, china) == [(("RECOGNISED", ["IN_FORCE"]),) * 2] * 2

    korea.happens(step("suspend_agreement", "KR", "2025-03-01"))
    both_follow(korea, china)
    assert china.recognised(HARBIN, "KR")[0] == "NOT_RECOGNISED"
    assert china.recognised(SEOUL, "CN")[0] == "RECOGNISED"

    korea.happens(step("resume_agreement", "KR", "2025-04-01"))
    korea.happens(scope("CN", "KR", ["BASIC"], "2025-05-01"))
    both_follow(korea, china)

    assert china.recognised(HARBIN, "KR") == korea.recognised(HARBIN, "KR")
    assert china.recognised(HARBIN, "KR")[0] == "NOT_RECOGNISED"
    assert differences(china) == differences(korea) == []
    assert all(finding.good for finding in check(china.database))


def test_koreas_programme_arrives_as_korea_recorded_it(korea: Register, china: Register) -> None:
    new = {"programme": "KR-NEW", "administration": "KR", "name": "New", "types": ["N"]}
    korea.happens({"command": "register_programme", **new, "effective": "2009-01-01", **CITED})
    # An operator of a programme that only Korea knew does not wait for it.
    korea.happens(
        *(
            line | {"programme": "KR-NEW", "type": "N"}
            if line["command"] == "lodge_application"
            else line
            for line in certified("KR1000000002")
        )
    )
    korea.happens(rule("KR", "per partner", "2024-01-01"), rule("KR", "general", "2024-01-01"))
    korea.happens(rule("KR", "per partner", "2024-01-01"))
    both_follow(korea, china)

    for code in ("KR-AEO", "KR-NEW"):
        stored = (
            "select topic, state, legal_ground from ledger.event where originator_id ="
            " (select originator_id from ledger.event where topic = 'programme.registered'"
            " and state::json ->> 'programme' = %s) order by originator_version"
        )
        assert china.asked(stored, code) == korea.asked(stored, code) != []
    assert differences(china) == []


def test_china_refuses_what_is_koreas_to_decide(korea: Register, china: Register) -> None:
    both_follow(korea, china)
    china.registry.close()
    registry = Registry(environment(china.database))
    try:
        for line in (
            step("suspend_agreement", "KR", "2025-03-01"),
            scope("CN", "KR", ["BASIC"], "2025-05-01"),
            rule("KR", "general", "2024-01-01"),
        ):
            with pytest.raises(RecordedElsewhere, match="follows: http"):
                registry.execute(commands.read(line), "test")
        registry.execute(commands.read(step("suspend_agreement", "CN", "2025-03-01")), "test")
    finally:
        registry.close()


def test_what_the_two_hold_otherwise_is_shown_everywhere(korea: Register, china: Register) -> None:
    about_china = {"what": "IMPLEMENTED", **step("set_dates", "CN", "2014-05-01")}
    korea.happens(about_china)
    china.happens(
        {
            "command": "terminate_agreement",
            "agreement": "CN-KR-AEO",
            "effective": "2030-01-01",
            **CITED,
        }
    )
    both_follow(korea, china)

    found = {(d.act.topic, d.act.side, d.here is None, d.there is None) for d in differences(china)}

    assert found == {
        ("agreement.dates_set", "CN", True, False),
        ("agreement.terminated", None, False, True),
    }
    page = china.client.request("GET", "/freshness").text
    assert "2 acts of law differ" in page and english_event_name("agreement.terminated") in page
    metrics = china.client.request("GET", "/metrics").text
    assert 'aeo_peer_law_differences{peer="korea"} 2.0' in metrics
    said = Terminal(china.database, china.home).run("peer", "law", "korea", code=1)
    assert "agreement.terminated" in said and "2030-01-01" in said


def test_an_act_that_cannot_be_here_is_shown_with_its_reason(
    korea: Register, china: Register
) -> None:
    china.happens(step("suspend_agreement", "KR", "2025-06-01"))
    korea.happens(step("suspend_agreement", "KR", "2025-07-01"))
    both_follow(korea, china)

    [there] = [d.there for d in differences(china) if d.there]

    assert there.topic == "agreement.suspended" and "ALREADY_RECORDED" in str(there.refused)


def test_whatever_the_sides_decide_one_question_has_one_answer(
    korea: Register, china: Register
) -> None:
    at_random = random.Random(20261129)
    days = [f"2025-{month:02}-{day:02}" for month in range(1, 11) for day in (1, 15)]
    registers = {"KR": korea, "CN": china}
    taken = 0
    for day in days:
        code = at_random.choice(["KR", "CN"])
        other = "CN" if code == "KR" else "KR"
        types = [{"CN": "ADVANCED", "KR": "A"}[other]]
        line = at_random.choice(
            [
                step("suspend_agreement", code, day),
                step("resume_agreement", code, day),
                scope(other, code, at_random.choice([types, []]), day),
                rule(code, at_random.choice(["per partner", "general"]), "2024-01-01"),
            ]
        )
        try:
            registers[code].happens(line)
            taken += 1
        except (Refusal, AssertionError):
            continue
        if at_random.random() < 0.4:
            both_follow(korea, china)
            assert {here == there for here, there in answers(korea, china)} == {True}, line
    both_follow(korea, china)
    both_follow(korea, china)
    assert taken > 8 and differences(korea) == differences(china) == []
    assert {here == there for here, there in answers(korea, china)} == {True}


def enters(code: str, name: str, zone: str, *, bloc: bool = False) -> dict[str, Any]:
    about = {"administration": code, "name": name, "time_zone": zone, "bloc": bloc}
    return {"command": "register_administration", **about}


def membership(command: str, member: str, effective: str, bloc: str = "EU") -> dict[str, Any]:
    about = {"administration": bloc, "member": member, "effective": effective}
    return {"command": command, **about, **CITED}


GERMANY = enters("DE", "Zoll", "Europe/Berlin")
UNION = enters("EU", "European Union", "Europe/Brussels", bloc=True)


@pytest.fixture
def union(server: str, blank_register: str, tmp_path: Path) -> Iterator[Register]:
    """The register of the bloc and of Germany, which China follows."""
    with register(server, blank_register, tmp_path / "union", "EU,DE", "CN") as found:
        found.happens(UNION, GERMANY, enters("GB", "HMRC", "Europe/London"))
        found.happens(membership("join_bloc", "DE", "1958-01-01"))
        found.happens(membership("join_bloc", "GB", "1973-01-01"))
        yield found


class EarlierRelease(InProcess):
    """Two registers of which one is of a release that knew no level of the law."""

    def _send(self, method: str, path: str, *rest: Any) -> tuple[int, bytes]:
        status, content = super()._send(method, path.replace("level=2&", ""), *rest)
        return status, content.replace(b'"level":1,', b"")


class LaterRelease(InProcess):
    """The peer sends more than was wanted."""

    def _send(self, method: str, path: str, *rest: Any) -> tuple[int, bytes]:
        status, content = super()._send(method, path, *rest)
        return status, content.replace(b'"level":2,', b'"level":3,')


def token_of(peer: Register) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue(CHINA, peer.home)}"}


def follows(here: Register, peer: Register, client: type[InProcess] = InProcess) -> None:
    assert follower(here, client(peer), ["EU", "DE"], "union").catch_up() is None
    here.happens()


def stored(here: Register, code: str) -> list[tuple[Any, ...]]:
    """What is recorded of an administration that is law, as it was stored."""
    return here.asked(
        "select topic, state, decided_by, legal_ground from ledger.event"
        " where originator_id = %s and topic ~ 'registered|member' order by originator_version",
        law_stream("administration", code),
    )


def test_a_bloc_of_the_peer_and_its_members_are_taken_as_its_register_records_them(
    union: Register, china: Register
) -> None:
    china.happens(enters("GB", "HMRC", "Europe/London"))
    follows(china, union)
    assert stored(china, "EU") == stored(union, "EU") != []
    assert stored(china, "DE") == stored(union, "DE") != []

    union.happens(membership("leave_bloc", "GB", "2021-01-01"))
    follows(china, union)

    members = "select member, valid_from, valid_to from views.membership where recorded_to is null"
    assert china.asked(members) == union.asked(members)
    assert stored(china, "EU") == stored(union, "EU") and differences(china) == []
    assert all(finding.good for finding in check(china.database))
    china.registry.close()
    registry = Registry(environment(china.database))
    try:
        for line in (
            membership("join_bloc", "CN", "2026-01-01"),
            membership("leave_bloc", "DE", "2026-01-01"),
        ):
            with pytest.raises(RecordedElsewhere, match="administration: what EU decides"):
                registry.execute(commands.read(line), "test")
    finally:
        registry.close()


def test_what_two_registers_hold_otherwise_of_a_bloc_is_shown_and_taken_where_it_can_be(
    union: Register, china: Register
) -> None:
    china.happens(enters("EU", "The Union", "Europe/Brussels", bloc=True), GERMANY)
    china.happens(membership("join_bloc", "DE", "1957-03-25"))
    follows(china, union)

    found = {(d.act.topic, d.act.content): d.act.refused for d in differences(china)}

    assert found.pop(("administration.registered", '{"name":"European Union"}')) == (
        "EU was registered here with another name or time zone"
    )
    joined = {content: why for (_, content), why in found.items()}
    [germany] = [why for content, why in joined.items() if '"DE"' in content]
    [britain] = [why for content, why in joined.items() if '"GB"' in content]
    assert len(joined) == 2
    assert "ALREADY_RECORDED" in str(germany) and "GB is not registered here" in str(britain)

    china.happens(enters("GB", "HMRC", "Europe/London"))
    follows(china, union)
    assert not any('"GB"' in d.act.content for d in differences(china))


def test_registers_of_different_releases_go_on_and_take_the_rest_after_the_update(
    union: Register, china: Register
) -> None:
    follows(china, union, EarlierRelease)
    assert china.asked("select law_level, law_position > 0 from peers.peer") == [(1, True)]
    assert stored(china, "EU") == [] and differences(china) == []
    china.happens(enters("DE", "Zoll", "Europe/Berlin"))  # the peer does not send it yet

    with pytest.raises(PeerDeclined, match="level 3, and 1 to 2 was wanted"):
        follows(china, union, LaterRelease)
    follows(china, union)

    assert china.asked("select law_level from peers.peer") == [(2,)]
    germany = [row for row in stored(union, "EU") if '"GB"' not in row[1]]
    assert stored(china, "EU") == germany != []
    refused = InProcess(union)
    status, content = refused._send("GET", "/peer/events?law=true&level=0", None, token_of(union))
    assert (status, b"level: found 0, wanted 1 or more" in content) == (400, True)
