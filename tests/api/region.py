"""A small region: China and Korea recognise each other, the Union asks for consent, Australia began
before China did, Japan has no agreement with anybody. Every reading test asks here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.domain import commands
from registry.ledger.database import environment
from tests.api.client import Client
from tests.copies import copied, recorded_once

Line = dict[str, Any]
ZONES = {
    "CN": "Asia/Shanghai",
    "KR": "Asia/Seoul",
    "EU": "Europe/Brussels",
    "DE": "Europe/Berlin",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "AU": "Australia/Sydney",
    "JP": "Asia/Tokyo",
    "RU": "Europe/Moscow",
    "KZ": "Asia/Almaty",
}
PAPER = {"source": "a gazette", "known_at": "2016-01-01T00:00:00Z"}

#: Valid since 2016, published, and nothing special about it.
FRUIT = "CN1234567890"
#: Valid, and its name is nobody's business: no consent to anyone.
QUIET = "CN1111111111"
#: Suspended with effect from 1 March 2026, which was recorded on the tenth.
STEEL = "KR22222222"
#: Of the Union: consents to China, and the other does not.
OPEN, SHUT = "DE3333333", "FR4444444"
#: Merged into FRUIT in 2025.
OLD = "CN5555555555"


def agreement(id: str, **said: Any) -> Line:
    kind = said.pop("kind", "AEO_MUTUAL_RECOGNITION")
    parties = id.split("-")[:2]
    return {
        "command": "propose_agreement",
        "id": id,
        "kind": kind,
        "title": f"About {id}",
        "parties": parties,
        "effective": "2012-01-01",
        **PAPER,
        **said,
    }


def step(command: str, id: str, day: str, **said: Any) -> Line:
    return {"command": command, "agreement": id, "effective": day, **PAPER, **said}


def clause(id: str, home: str, importer: str, *types: str, **said: Any) -> Line:
    day = said.pop("day", "2012-01-01")
    return step("set_scope", id, day, **{"from": home, "to": importer}, types=list(types), **said)


def recorded(day: str) -> str:
    """The instant at which a fact of a day is recorded: two o'clock UTC, or now on a day on which
    two o'clock is still to come."""
    return min(datetime.fromisoformat(f"{day}T02:00:00Z"), datetime.now(UTC)).isoformat()


def operator(tin: str, name: str, programme: str, type: str, number: str, day: str) -> list[Line]:
    """From its registration to a grant, all on one day."""
    at = {"tin": tin, "known_at": recorded(day), "source": "synthetic"}
    return [
        {"command": "register_operator", "name": name, "roles": ["EXPORTER"], **at},
        {"command": "lodge_application", "programme": programme, "type": type, **at},
        {"command": "accept_application", **at},
        {"command": "start_examination", **at},
        # Where a test's programme has no rule on effect or validity the grant needs a ground.
        {"command": "grant_authorisation", "number": number, "legal_ground": "a law", **at},
    ]


def consent(tin: str, day: str, **to: Any) -> Line:
    return {"command": "give_consent", "tin": tin, "known_at": recorded(day), **to}


LINES: list[Line] = [
    *(
        {
            "command": "register_administration",
            "administration": code,
            "name": f"Customs of {code}",
            "time_zone": zone,
            "bloc": code == "EU",
            "effective": "1958-01-01",
            **PAPER,
        }
        for code, zone in ZONES.items()
    ),
    *(
        {
            "command": "join_bloc",
            "administration": "EU",
            "member": member,
            "effective": day,
            "legal_ground": "the treaties",
            **PAPER,
        }
        for member, day in (("DE", "1958-01-01"), ("FR", "1958-01-01"), ("GB", "1973-01-01"))
    ),
    *(
        {
            "command": "register_programme",
            "programme": code,
            "administration": code[:2],
            "name": f"Programme {code}",
            "types": types,
            "effective": "2008-01-01",
            **PAPER,
        }
        for code, types in (
            ("CN-AEO", ["ACE", "GENERAL"]),
            ("KR-AEO", ["A", "AA"]),
            ("EU-AEO", ["AEOC", "AEOS", "AEOF"]),
            ("AU-ATT", ["AEO"]),
        )
    ),
    # A grant needs these two, and would state a ground of its own if nobody knew them.
    *(
        {
            "command": "set_rule",
            "programme": code,
            "rule": rule,
            "state": "NONE",
            "effective": "2008-01-01",
            **PAPER,
        }
        for code in ("CN-AEO", "KR-AEO", "EU-AEO", "AU-ATT")
        for rule in ("effect_after", "validity_years")
    ),
    {
        "command": "set_rule",
        "programme": "CN-AEO",
        "rule": "decision_days",
        "value": "60",
        "unit": "days",
        "effective": "2008-01-01",
        "until": "2021-11-01",
        **PAPER,
    },
    {
        "command": "set_rule",
        "programme": "CN-AEO",
        "rule": "decision_days",
        "value": "90",
        "unit": "days",
        "effective": "2021-11-01",
        "source": "Order 251",
        "known_at": "2021-11-01T00:00:00Z",
    },
    {
        "command": "set_types",
        "programme": "CN-AEO",
        "types": ["ACE", "CE"],
        "effective": "2026-04-01",
        "source": "Order 282",
        "known_at": "2026-01-01T00:00:00Z",
    },
    agreement(
        "CN-KR-AEO",
        pillars=["CONTROL_RECOGNITION"],
        legal_basis="Announcement 20",
        details={"note": "海关 mutual recognition"},
    ),
    step("sign_agreement", "CN-KR-AEO", "2013-06-27"),
    *(step("implement_agreement", "CN-KR-AEO", "2014-04-01", side=side) for side in ("CN", "KR")),
    clause("CN-KR-AEO", "CN", "KR", "ACE", benefits=["fewer inspections"]),
    clause("CN-KR-AEO", "KR", "CN", "AA", declaration_box="consignor code"),
    agreement("CN-EU-AEO"),
    step("sign_agreement", "CN-EU-AEO", "2014-05-16"),
    *(step("implement_agreement", "CN-EU-AEO", "2015-11-01", side=side) for side in ("CN", "EU")),
    clause("CN-EU-AEO", "EU", "CN", "AEOS", "AEOF", consent_required=True),
    clause("CN-EU-AEO", "CN", "EU", "ACE"),
    agreement("CN-AU-AEO"),
    step("sign_agreement", "CN-AU-AEO", "2017-11-01", latest="2017-11-30", earliest="2017-11-01"),
    step(
        "implement_agreement",
        "CN-AU-AEO",
        "2017-12-01",
        side="AU",
        earliest="2017-12-01",
        latest="2018-03-01",
        assumed=True,
    ),
    step(
        "set_dates",
        "CN-AU-AEO",
        "2018-03-01",
        what="IMPLEMENTED",
        side="AU",
        conflicting=True,
        source="a minister",
    ),
    step(
        "implement_agreement", "CN-AU-AEO", "2023-12-14", side="CN", known_at="2023-12-14T02:00:00Z"
    ),
    clause("CN-AU-AEO", "CN", "AU", "ACE", known_at="2023-12-14T02:00:00Z"),
    clause("CN-AU-AEO", "AU", "CN", "AEO", known_at="2023-12-14T02:00:00Z"),
    agreement("CN-KZ-AEO"),
    step("open_negotiation", "CN-KZ-AEO", "2018-01-01"),
    agreement("CN-RU-CONTROL", kind="CONTROL_RESULTS", title="Results of controls"),
    *(
        step("implement_agreement", "CN-RU-CONTROL", "2014-08-01", side=side)
        for side in ("CN", "RU")
    ),
    clause(
        "CN-RU-CONTROL",
        "CN",
        "RU",
        "*",
        hs=["07", "08"],
        crossings=["Heihe-Blagoveshchensk"],
        day="2014-08-01",
        assumed=True,
    ),
    clause(
        "CN-RU-CONTROL",
        "RU",
        "CN",
        "*",
        hs=["4407"],
        crossings=["Heihe-Blagoveshchensk"],
        day="2014-08-01",
    ),
    *operator(FRUIT, "Synthetic Fruit", "CN-AEO", "ACE", "AEOCN1234567890", "2016-05-02"),
    consent(FRUIT, "2016-05-02", publication=True),
    *operator(QUIET, "Synthetic Quiet 100% Tea", "CN-AEO", "ACE", "AEOCN1111111111", "2018-05-03"),
    *operator(STEEL, "Synthetic Steel", "KR-AEO", "AA", "KRAEO2222", "2019-01-07"),
    {
        "command": "add_identifier",
        "tin": STEEL,
        "scheme": "KR_AEO",
        "value": "KRAEO2222222",
        "known_at": "2019-01-07T02:00:00Z",
    },
    {
        "command": "suspend_authorisation",
        "tin": STEEL,
        "reason": "a criminal case",
        "effective": "2026-03-01",
        "decided": "2026-03-10",
        "legal_ground": "Art. 4",
        "known_at": "2026-03-10T02:00:00Z",
    },
    *operator(OPEN, "Synthetic Optics", "EU-AEO", "AEOF", "DEAEOF0001", "2019-02-01"),
    consent(OPEN, "2019-02-02", partner="CN"),
    *operator(SHUT, "Synthetic Perfumes", "EU-AEO", "AEOS", "FRAEOS0001", "2019-02-01"),
    *operator(OLD, "Synthetic Old", "CN-AEO", "ACE", "AEOCN5555555555", "2018-06-01"),
    {
        "command": "amend_particulars",
        "tin": OLD,
        "name": "Synthetic Older",
        "effective": "2020-01-01",
        "legal_ground": "the deed",
        "known_at": "2020-02-01T02:00:00Z",
    },
    {"command": "merge_into", "tin": OLD, "successor": FRUIT, "known_at": "2025-01-10T02:00:00Z"},
    {
        "command": "publish_claim",
        "subject": "CN",
        "measure": "aeo_partner_territories_signed",
        "value": 6,
        "as_of": "2018-01-31",
        "precision": "month",
        **PAPER,
    },
    {
        "command": "publish_claim",
        "subject": "CN",
        "measure": "aeo_partner_economies_signed",
        "value": 3,
        "as_of": "2018-01-31",
        **PAPER,
    },
    {
        "command": "publish_claim",
        "subject": "CN",
        "measure": "aeo_partner_territories_signed",
        "value": 4,
        "as_of": "2017-11-15",
        **PAPER,
    },
    {
        "command": "publish_claim",
        "subject": "CN",
        "measure": "trains",
        "value": 3673,
        "as_of": "2017-12-31",
        **PAPER,
    },
    {
        "command": "publish_document",
        "document": "PLAN-2018",
        "title": "A plan for 2018 to 2020",
        "date": "2018-02-02",
        "parties": ["CN"],
        "measures": ["smart customs"],
        **PAPER,
    },
    {"command": "link_agreement", "document": "PLAN-2018", "agreement": "CN-KZ-AEO", **PAPER},
    {
        "command": "set_target",
        "document": "PLAN-2018",
        "target": "all",
        "owner": "CN",
        "text": "All by the end of 2017",
        "deadline": "2017-12-31",
        "condition": "all",
        "relation": "AEO_MUTUAL_RECOGNITION",
        "states": ["KR", "DE", "KZ"],
        **PAPER,
    },
    {
        "command": "set_target",
        "document": "PLAN-2018",
        "target": "willing",
        "owner": "CN",
        "text": "By 2020 those who are willing",
        "deadline": "2020-12-31",
        "condition": "willing",
        "relation": "AEO_MUTUAL_RECOGNITION",
        "states": ["KR", "DE", "KZ"],
        "willing": {"KR": "signed"},
        **PAPER,
    },
    {
        "command": "leave_bloc",
        "administration": "EU",
        "member": "GB",
        "effective": "2021-01-01",
        "legal_ground": "Withdrawal Agreement Art. 126",
        "known_at": "2020-12-01T00:00:00Z",
    },
]


def record(database: str, *lines: Line) -> list[int]:
    """The positions of what was recorded, all of it projected."""
    registry = Registry(environment(database))
    try:
        found: list[int] = []
        for line in lines:
            found += registry.execute(commands.read(line), "a test").positions
    finally:
        registry.close()
    Projector(database).catch_up()
    return found


def recorded_on(server: str, blank_register: str) -> str:
    """The name of a database with the region in it, of which each test has a copy, or each file."""
    return recorded_once(
        server, blank_register, "recorded_region", lambda database: record(database, *LINES)
    )


@pytest.fixture(scope="module")
def recorded_region(server: str, blank_register: str) -> str:
    """The name of the database with the region in it."""
    return recorded_on(server, blank_register)


@contextmanager
def _counter(server: str, recorded_region: str, home: Path) -> Iterator[Client]:
    with copied(server, recorded_region, "region") as database, Client(database, home) as client:
        yield client


@pytest.fixture
def own_region(server: str, recorded_region: str, tmp_path: Path) -> Iterator[Client]:
    """A counter with a region of its own, for what must not touch the other tests of a file."""
    with _counter(server, recorded_region, tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def region(
    server: str, blank_register: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A counter with the region behind it, for the tests of one file."""
    recorded = recorded_on(server, blank_register)
    with _counter(server, recorded, tmp_path_factory.mktemp("home")) as client:
        yield client
