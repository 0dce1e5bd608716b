"""A register whose log is signed, and whose operators have certificates made of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest

from api.access.tokens import issue
from api.pages.query import COOKIE
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from tests.api.client import Client
from tests.api.region import operator, record, recorded_on
from tests.copies import copied
from tests.keeping_log import is_signed

KOREA = "officer:KR"
DAY = f"{datetime.now(UTC).date() - timedelta(9)}"
_tins = count(77_000_001)


@pytest.fixture(scope="module")
def office(
    server: str, blank_register: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Whoever needs an operator of their own makes one by `certified`."""
    with (
        copied(server, recorded_on(server, blank_register), "office") as database,
        Client(database, tmp_path_factory.mktemp("home")) as client,
    ):
        yield client


def certified(at: Client, name: str = "Synthetic Pottery", day: str = DAY) -> str:
    """A new Korean operator whose authorisation is valid, and stands in the signed log; its TIN."""
    tin = f"KR{next(_tins)}"
    record(at.database, *operator(tin, name, "KR-AEO", "AA", f"KRAEO{tin[2:]}", day))
    logged(at)
    return tin


def logged(at: Client) -> None:
    """Everything that was recorded is projected, and covered by a signed head of the log."""
    Projector(at.database).catch_up()
    Integrator(at.database).catch_up()
    is_signed(at.database, at.home, at.last_position())


def suspend(at: Client, tin: str) -> None:
    """The home customs suspends the authorisation, with effect from yesterday."""
    day = f"{datetime.now(UTC).date() - timedelta(1)}"
    said = {"command": "suspend_authorisation", "tin": tin, "reason": "late books"}
    record(at.database, {**said, "effective": day, "legal_ground": "Art. 4"})


def cookie(at: Client, by: str) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={issue(by, at.home)}"}


def form(at: Client, tin: str, by: str, **fields: str) -> str:
    """Sends a form of the page of certificates; the page that follows."""
    sent = at.send(
        f"/operators/{tin}/certificate",
        {"command_id": str(uuid4()), **fields},
        headers=cookie(at, by),
    )
    if sent.status_code == 303:
        sent = at.request("GET", sent.headers["location"], headers=cookie(at, by))
    return sent.text


def issued(at: Client, tin: str, by: str | None = None) -> tuple[str, str]:
    """Has a certificate made by the operator itself; its code and its id."""
    who = by or f"company:{tin}"
    page = form(at, tin, who, action="issue", authorisation="KR-AEO/1")
    [code] = set(re.findall(r'href="/verify/([0-9A-Z]{20})"', page))
    [id] = set(re.findall(r"/certificate/([0-9a-f-]{36})/certificate.pdf", page))
    return code, id


def file(at: Client, tin: str, id: str, name: str, language: str = "") -> bytes:
    """A file of a certificate, as the operator downloads it."""
    path = f"{language}/operators/{tin}/certificate/{id}/{name}"
    found = at.request("GET", path, headers=cookie(at, f"company:{tin}"))
    assert found.status_code == 200, found.text
    return found.content


def finding(at: Client, path: str, **said: object) -> tuple[str, str]:
    """What a check comes to: the finding, and the colour of its answer."""
    page = at.request("GET", path, **said)
    return read_finding(page.text)


def read_finding(page: str) -> tuple[str, str]:
    found = re.search(r'class="notice (\w+)" role="status" data-finding="([^"]+)"', page)
    assert found, page
    return found[2], found[1]
