"""A population of operators in which every filter finds some and not all."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.application.registry import Registry
from registry.domain import commands
from registry.domain.errors import Refusal
from registry.ledger.database import environment
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.region import Line, Projector, operator, region

__all__ = ["region"]


TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)
SUBJECTS = (AUDITOR, CHINA, "officer:KR", "officer:EU", KOREA, "partner:EU", "company:CN2000000001")
PAGE = """
query ($filter: OperatorFilter, $first: Int, $after: String, $asOf: AsOf) {
  operators(filter: $filter, first: $first, after: $after, asOf: $asOf) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { %s } } } }"""
READ = """tin name localName address roles standing administration { code }
    identifiers { scheme value issuer validFrom validTo verifiedBy }
    authorisations { number type programme { code } status statusAbroad suspendedParts roles
        effectiveFrom validUntil deadlines { what due met overdue } }
    periods(first: 100) { authorisation status statusAbroad suspendedParts validFrom validTo
        recordedTo }"""
MIDS = ("CNACM1SHA", "CNFOO2PEK", "KRBAR3SEL")


def _begun(luck: random.Random) -> Iterator[list[Line]]:
    """Operators of three administrations, from applicants to holders, each with its own lines."""
    homes = [("CN", "CN-AEO", "ACE")] * 16 + [("KR", "KR-AEO", "AA")] * 5
    homes += [("DE", "EU-AEO", "AEOF")] * 5
    for number, (home, programme, type) in enumerate(homes, start=1):
        tin = f"{home}20000000{number:02}"
        day = TODAY - luck.randrange(200, 900) * DAY
        lines = operator(tin, f"Synthetic {number}", programme, type, f"N{tin}", str(day))
        lines = lines[: luck.choice((1, 2, 3, 3, 3, 5, 5, 5, 5, 5))]
        if len(lines) == 5 and luck.random() < 0.7:
            lines[-1]["valid_until"] = str(TODAY + luck.randrange(-40, 80) * DAY)
        yield lines + [
            {
                "command": "give_consent",
                "tin": tin,
                "partner": partner,
                "known_at": lines[-1]["known_at"],
            }
            for partner in ("CN", "KR")
            if luck.random() < 0.6
        ]


def _events(luck: random.Random, tin: str) -> Line:
    """Something that happens to an operator now. Much of it is refused, as in life."""
    mid = luck.choice(MIDS)
    since = str(TODAY - luck.randrange(0, 30) * DAY)
    dated = {"effective": since, "legal_ground": "a law"}
    return luck.choice(
        [
            {"command": "add_identifier", "tin": tin, "scheme": "MID", "value": mid},
            {"command": "add_identifier", "tin": tin, "scheme": "MID", "value": mid, **dated},
            {"command": "end_identifier", "tin": tin, "scheme": "MID", "value": mid},
            {
                "command": "add_identifier",
                "tin": tin,
                "scheme": "CN_REG",
                "value": f"3101-9{tin[-5:]}",
            },
            {"command": "amend_particulars", "tin": tin, "name": f"Renamed {luck.randrange(9)}"},
            {"command": "amend_particulars", "tin": tin, "roles": ["IMPORTER"], **dated},
            {"command": "open_reassessment", "tin": tin},
            {"command": "close_reassessment", "tin": tin},
            {"command": "suspend_authorisation", "tin": tin, "reason": "a debt", **dated},
            {"command": "lift_suspension", "tin": tin},
            {
                "command": "renew_authorisation",
                "tin": tin,
                "legal_ground": "a law",
                "valid_until": str(TODAY + luck.randrange(5, 400) * DAY),
            },
            {"command": "lodge_application", "tin": tin, "programme": "CN-AEO", "type": "CE"},
            {"command": "withdraw_application", "tin": tin},
            {"command": "revoke_authorisation", "tin": tin, "reason": "fraud"},
            {"command": "withdraw_consent", "tin": tin, "partner": "KR"},
        ]
    )


@dataclass
class Population:
    """`places`: positions of the register, and with each the instant of its recording."""

    counter: Client
    places: list[tuple[int, datetime]]
    lists: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def read(self, by: str, **as_of: str) -> list[dict[str, Any]]:
        """Every operator that the subject may see, as it reads it."""
        key = by, str(as_of)
        if key not in self.lists:
            self.lists[key] = pages(self.counter, by, READ, {}, as_of)[0]
        return self.lists[key]


def pages(
    counter: Client,
    by: str,
    fields: str,
    filter: dict[str, Any],
    as_of: dict[str, str],
    size: int = 100,
) -> tuple[list[dict[str, Any]], int]:
    """All pages of a list, one after the other, and the count that goes with each of them."""
    found, after, counts = [], None, set()
    while True:
        said = {"filter": filter, "first": size, "after": after, "asOf": as_of or None}
        page = counter.ask(PAGE % fields, by, **said)["operators"]
        found += [edge["node"] for edge in page["edges"]]
        counts.add(page["totalCount"])
        if not page["pageInfo"]["hasNextPage"]:
            [total] = counts
            return found, total
        after = page["pageInfo"]["endCursor"]


@pytest.fixture(scope="module")
def population(region: Client) -> Population:
    luck = random.Random("operators")
    registry = Registry(environment(region.database))
    places, tins = [], []

    def send(line: Line) -> None:
        with suppress(Refusal):
            registry.execute(commands.read(line), "a test")

    try:
        for lines in _begun(luck):
            tins.append(lines[0]["tin"])
            for line in lines:
                send(line)
        for _ in range(3):
            head = registry.recorder.max_notification_id()
            assert head is not None
            [last] = registry.recorder.select_notifications(start=head, limit=1)
            places.append((head, last.recorded_at))
            for _ in range(30):
                send(_events(luck, luck.choice(tins)))
    finally:
        registry.close()
    Projector(region.database).catch_up()
    return Population(region, places)
