"""The shipped world: every line can be read, nothing of the record is lost, and all of it loads."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.identifiers import schemes
from registry.domain.values import NEVER, AgreementKind, Direction, Pillar, Sense, Step
from registry.ledger.database import environment
from registry.paths import WORLD

AEO = AgreementKind.AEO_MUTUAL_RECOGNITION

PROGRAMMES = (
    "AD AE AL AM AO AR AU AZ BA BD BH BI BJ BN BO BR BW BY CA CH CL CM CN CO CR CU DO DZ EC EG EU "
    "FJ GB GE GH GT HK HN ID IL IN IR IS JM JO JP KE KG KH KR KW KZ LA LK LS MA MD ME MK MM MN MO "
    "MU MV MW MX MY NA NG NI NO NP NZ OM PA PE PH PK PY QA RS RU RW SA SD SG SV SZ TH TJ TN TR TT "
    "TW TZ UA UG US UY UZ VN ZA ZM ZW"
)
#: The record names 147 pairs with an arrangement of their own, and the corridor of RU and TJ.
PAIRS = {
    "CN": "SG KR HK EU CH NZ IL AU JP BY KZ UY AE BR CL RS IR UG ZA RU PH CR MO BI IS EC MN TH BJ "
    "MY ID PK MX GB",
    "EU": "CH NO JP AD US MD GB CA",
    "US": "NZ CA JO JP KR TW IL MX SG DO PE GB IN UY BR GT CO ZA",
    "KR": "CA SG JP NZ HK MX TR IL TW DO IN TH AU AE MY PE UY ID GB SA KZ MN",
    "JP": "NZ CA SG MY HK TW AU GB TH",
    "HK": "IN SG TH MY AU NZ IL CA MX ID MO BH ZA SA PE",
    "SG": "CA TW AU IN GB NZ",
    "IN": "TW AE AU RU ZA",
    "TW": "IL AU NZ CA",
    "CA": "MX AU IL NZ PE GB",
    "AU": "NZ TH ID",
    "GB": "NZ ZA TR CH NO",
    "BR": "UY BO PE MX CO ZA",
    "PE": "UY",
    "ZA": "UG ZM",
    "SA": "BH AE",
    "RU": "UZ TJ",
}
ARRANGEMENTS = {
    "PA-2018": "CL CO MX PE",
    "CAN-2019": "BO CO EC PE",
    "MERCOSUR-2019": "AR BR PY UY",
    "RRA-2022": "AR BO BR CL CO CR DO GT PE PY UY",
    "AAMRA": "BN ID KH LA MM MY PH SG TH VN",
    "EAC": "BI KE RW TZ UG",
    "SACU-2023": "BW LS NA SZ ZA",
    "GCC-2023": "AE BH KW OM QA SA",
}
LADDER = {
    "2018-01-31": 35,
    "2018-10-31": 36,
    "2021-05-31": 46,
    "2021-08-31": 46,
    "2021-11-30": 47,
    "2022-02-28": 48,
    "2023-01-31": 49,
    "2023-06-30": 52,
    "2024-05-31": 54,
    "2025-07-31": 57,
    "2025-08-31": 57,
    "2026-02-28": 58,
}
#: Only talks, and no text that could have a scope.
IN_TALKS = {"CN-ID-AEO", "CN-MX-AEO"}

T = TypeVar("T", bound=c.Command)


@lru_cache(maxsize=1)
def world() -> list[c.Command]:
    return [
        c.read(json.loads(line))
        for file in sorted(WORLD.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def every(kind: type[T]) -> Iterator[T]:
    return (item for item in world() if isinstance(item, kind))


def of(agreement: str, kind: type[T]) -> list[T]:
    return [item for item in every(kind) if getattr(item, "agreement", None) == agreement]


def proposed() -> dict[str, c.ProposeAgreement]:
    return {str(command.id): command for command in every(c.ProposeAgreement)}


def parties(agreement: str) -> set[str]:
    joined = {str(command.member) for command in of(agreement, c.AccedeToAgreement)}
    return {str(p) for p in proposed()[agreement].parties} | joined


def types() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for command in world():
        if isinstance(command, (c.RegisterProgramme, c.SetTypes)):
            found[command.programme] |= set(command.types)
    return found


def test_every_line_says_where_it_comes_from() -> None:
    assert [command for command in world() if not command.source] == []


def test_no_administration_is_named_that_is_not_registered() -> None:
    registered = {command.administration for command in every(c.RegisterAdministration)}
    named = {command.administration for command in every(c.RegisterProgramme)}
    named |= {p for command in every(c.ProposeAgreement) for p in command.parties}
    named |= {command.member for command in every(c.JoinBloc)} | {
        command.subject for command in every(c.PublishClaim)
    }
    named |= {s for command in every(c.SetTarget) for s in command.states}
    assert named <= registered
    assert len(registered) == 131


def test_every_administration_has_a_zone_in_which_its_days_begin() -> None:
    for command in every(c.RegisterAdministration):
        assert ZoneInfo(command.time_zone).key == command.time_zone


def test_the_union_has_28_members_and_the_united_kingdom_leaves_twice() -> None:
    for sense in Sense:
        joined = {command.member for command in every(c.JoinBloc) if command.sense is sense}
        assert len(joined) == 28
    left = {
        command.sense: command.effective
        for command in every(c.LeaveBloc)
        if str(command.member) == "GB"
    }
    assert left == {Sense.UNION: date(2020, 2, 1), Sense.CUSTOMS_TERRITORY: date(2021, 1, 1)}
    assert all(command.legal_ground for command in every(c.MembershipCommand))


def test_there_are_104_programmes_and_each_has_a_size() -> None:
    programmes = {command.programme: command for command in every(c.RegisterProgramme)}
    assert (
        sorted(str(programme.administration) for programme in programmes.values())
        == PROGRAMMES.split()
    )
    with (WORLD / "operator-counts.csv").open(encoding="utf-8") as file:
        counts = list(csv.DictReader(file))
    assert {row["programme"] for row in counts} == set(programmes)
    assert all(int(row["operators"]) > 0 and row["source"] for row in counts)
    assert Counter(row["estimated"] for row in counts) == {"no": 15, "yes": 89}


def test_a_new_order_begins_where_the_old_one_ends() -> None:
    rules_of_china = [
        each_command for each_command in every(c.SetRule) if each_command.programme == "CN-AEO"
    ]
    orders = [
        each_command for each_command in rules_of_china if each_command.rule == "effect_after"
    ]
    assert [(order.effective, order.until) for order in orders] == [
        (date(2018, 5, 1), date(2021, 11, 1)),
        (date(2021, 11, 1), date(2026, 4, 1)),
        (date(2026, 4, 1), None),
    ]
    for programme in types():
        rules: dict[str, list[c.SetRule]] = defaultdict(list)
        for command in every(c.SetRule):
            if command.programme == programme:
                rules[command.rule].append(command)
        for dated in rules.values():
            for older, newer in pairwise(
                sorted(dated, key=lambda each_command: each_command.effective or date.max)
            ):
                # A better reading of the same day takes the place of the earlier one.
                assert newer.effective in (older.until, older.effective), older


def test_every_arrangement_of_two_on_record_is_here() -> None:
    wanted = {f"{a}-{b}-AEO": {a, b} for a, bs in PAIRS.items() for b in bs.split()}
    two = {id for id, command in proposed().items() if command.kind is AEO} - set(ARRANGEMENTS)
    assert len(wanted) == 148
    assert two == set(wanted)
    assert all(parties(id) == both for id, both in wanted.items())


def test_every_arrangement_of_many_is_here_with_its_members() -> None:
    assert {id: parties(id) for id in ARRANGEMENTS} == {
        id: set(members.split()) for id, members in ARRANGEMENTS.items()
    }


def test_every_pair_has_a_scope_in_both_directions() -> None:
    for id, command in proposed().items():
        if command.kind is AEO and id not in IN_TALKS:
            pairs = {(a, b) for a in parties(id) for b in parties(id) if a != b}
            clauses = of(id, c.SetScope)
            assert {(str(s.from_), str(s.to)) for s in clauses} == pairs, id


def test_a_scope_names_types_and_schemes_that_there_are() -> None:
    known, codes = types(), schemes()
    for command in every(c.SetScope):
        assert command.types, command
        if command.identifier_scheme:
            assert command.identifier_scheme in codes
        if proposed()[command.agreement].kind is AEO:
            programmes = command.programmes or [
                p for p in known if p.startswith(f"{command.from_}-")
            ]
            assert all(p.startswith(f"{command.from_}-") for p in programmes), command
            assert set(command.types) <= set().union(*(known[p] for p in programmes)), command


@pytest.mark.parametrize(
    ("sender", "recognised"),
    [
        ("EU", {"AEOS", "AEOF"}),
        ("GB", {"AEOS", "AEOF"}),
        ("CN", {"ACE"}),
        ("BR", {"OEA_S"}),
        ("SG", {"STP_PLUS"}),
        ("TW", {"SECURITY"}),
        ("MO", {"TIER_A"}),
        ("PH", {"LEVEL2"}),
    ],
)
def test_only_these_types_are_recognised_abroad(sender: str, recognised: set[str]) -> None:
    clauses = [
        command
        for command in every(c.SetScope)
        if str(command.from_) == sender and proposed()[command.agreement].kind is AEO
    ]
    assert clauses
    assert all(set(clause.types) == recognised for clause in clauses)


def test_china_recognises_only_the_third_type_of_belarus_and_imports_from_new_zealand() -> None:
    [belarus] = [command for command in of("CN-BY-AEO", c.SetScope) if str(command.to) == "CN"]
    [zealand] = [command for command in of("CN-NZ-AEO", c.SetScope) if str(command.to) == "CN"]
    assert belarus.types == ("TYPE3",)
    assert zealand.direction is Direction.IMPORT


def test_each_side_begins_for_itself_and_an_assumption_says_so() -> None:
    own = {
        str(each_command.side): each_command
        for each_command in of("CN-AU-AEO", c.ImplementAgreement)
    }
    assert own["CN"].effective == date(2023, 12, 14) and not own["CN"].assumed
    assert (own["AU"].earliest, own["AU"].latest) == (date(2017, 11, 1), date(2018, 3, 1))
    assert own["AU"].assumed
    for command in every(c.ImplementAgreement):
        assert command.assumed or command.latest != NEVER, command


def test_sources_that_conflict_are_both_kept() -> None:
    conflicting = {command.agreement for command in every(c.SetDates) if command.conflicting}
    assert {"US-JO-AEO", "US-IN-AEO", "US-BR-AEO", "CN-ZA-AEO", "EU-AD-AEO"} <= conflicting


def test_who_signed_and_did_not_join_has_not_implemented() -> None:
    began = {str(command.side) for command in of("AAMRA", c.ImplementAgreement)}
    assert began == {"BN", "MY", "SG", "TH", "ID", "PH"}


def test_the_control_results_of_china_and_russia_have_32_clauses() -> None:
    clauses = of("CN-RU-CONTROL", c.SetScope)
    assert len(clauses) == 32
    assert {crossing for clause in clauses for crossing in clause.crossings} == {
        "Dongning-Poltavka",
        "Suifenhe-Pogranichny",
        "Heihe-Blagoveshchensk",
        "Tongjiang-Nizhneleninskoye",
    }
    [soya] = [
        clause
        for clause in clauses
        if str(clause.hs[0]) == "1201" and "Heihe" in clause.crossings[0]
    ]
    assert (soya.earliest, soya.latest) == (date(2014, 8, 1), date(2017, 6, 13))
    assert soya.assumed


def test_every_kind_of_agreement_and_every_pillar_is_here() -> None:
    assert {command.kind for command in every(c.ProposeAgreement)} == set(AgreementKind)
    assert {p for command in every(c.ProposeAgreement) for p in command.pillars} == set(Pillar)
    assert all(command.pillars for command in every(c.ProposeAgreement))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("监管结果互认", AgreementKind.CONTROL_RESULTS),
        ("One site, two inspections", AgreementKind.CONTROL_RESULTS),
        ("Joint supervision", AgreementKind.CONTROL_RESULTS),
        ("mutual assistance", AgreementKind.MUTUAL_ASSISTANCE),
        ("minutes", AgreementKind.REGIONAL_MINUTES),
        ("trade statistics", AgreementKind.DATA_EXCHANGE),
        ("Smart and Secure Trade Lanes", AgreementKind.DATA_EXCHANGE),
        ("Information-sharing platform", AgreementKind.DATA_EXCHANGE),
        ("Three customs, two directorates", AgreementKind.WORKING_GROUP),
        ("Mongolia", AgreementKind.WORKING_GROUP),
        ("ASEM", AgreementKind.WORKING_GROUP),
        ("liaison", AgreementKind.WORKING_GROUP),
        ("E-class", AgreementKind.WORKING_GROUP),
        ("Central and Eastern Europe", AgreementKind.WORKING_GROUP),
        ("corridor", AgreementKind.OTHER),
        ("Ha-Sui-Fu-Fu", AgreementKind.OTHER),
        ("TIR Convention", AgreementKind.TRANSIT_CONVENTION),
        ("single window", AgreementKind.SINGLE_WINDOW),
        ("Green Corridor", AgreementKind.GREEN_LANE),
        ("green channel", AgreementKind.GREEN_LANE),
        ("Trust channel", AgreementKind.GREEN_LANE),
        ("关铁通", AgreementKind.RAIL_FACILITATION),
        ("Key-port", AgreementKind.PORT_TO_PORT),
        ("risk information", AgreementKind.ENFORCEMENT_COOPERATION),
        ("analysis of risk", AgreementKind.ENFORCEMENT_COOPERATION),
        ("Joint operations", AgreementKind.ENFORCEMENT_COOPERATION),
    ],
)
def test_what_the_plans_and_the_press_name_is_found_by_its_words(
    text: str, kind: AgreementKind
) -> None:
    assert [
        command
        for command in every(c.ProposeAgreement)
        if command.kind is kind and text in command.title
    ]


def test_meetings_and_exercises_are_dated_notes() -> None:
    whats = Counter(command.what for command in every(c.NoteOnAgreement))
    assert whats[Step.EXERCISE] == 2
    assert whats[Step.MEETING] == 8
    assert whats[Step.LISTED] > 50


def test_the_ladder_of_published_counts_is_kept_as_it_was_published() -> None:
    claimed = {
        command.as_of.isoformat(): command.value
        for command in every(c.PublishClaim)
        if command.measure == "aeo_partner_territories_signed"
    }
    assert claimed == LADDER
    of_2018 = {
        command.measure: command.value
        for command in every(c.PublishClaim)
        if command.as_of == date(2018, 2, 2)
    }
    assert of_2018 == {
        "cooperation_documents": 205,
        "cooperation_partners": 163,
        "documents_signed": 60,
    }


def test_two_texts_of_one_month_set_two_different_goals() -> None:
    goals = {command.target: command for command in every(c.SetTarget)}
    all_of_them, the_willing = goals["aeo-before-2020-all"], goals["aeo-by-2020-willing"]
    assert (all_of_them.condition, all_of_them.deadline) == ("all", date(2019, 12, 31))
    assert (the_willing.condition, the_willing.deadline) == ("willing", date(2020, 12, 31))
    assert set(the_willing.willing) < {str(s) for s in the_willing.states}
    linked = {command.agreement for command in every(c.LinkAgreement)}
    assert linked <= set(proposed())


def test_every_identifier_scheme_has_a_form_that_compiles_and_a_check_that_exists() -> None:
    with (WORLD / "identifiers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["scheme"] for row in rows}) == 45
    for row in rows:
        assert row["source"] and row["confidence"]
        assert re.compile(row["regex"])
        assert not row["stdnum"] or import_module(f"stdnum.{row['stdnum']}").is_valid


def test_no_real_company_is_named() -> None:
    names = [command.name_ for command in every(c.RegisterOperator)]
    assert len(names) == 31
    assert all(name.startswith("Synthetic ") for name in names)
    assert {command.source for command in every(c.OperatorCommand)} == {"synthetic"}


def test_the_world_loads_from_top_to_bottom_and_a_second_time_changes_nothing(
    database: str,
) -> None:
    registry = Registry(environment(database))

    for command in world():
        assert len(registry.execute(command, "world").positions) == 1, command

    again = [
        registry.execute(each_command, "world") for each_command in world()[:50] + world()[-50:]
    ]
    assert all(receipt.repeated for receipt in again)
    assert registry.recorder.max_notification_id() == len(world())
    registry.close()
