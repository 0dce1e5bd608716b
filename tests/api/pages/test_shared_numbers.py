"""A number that operators of two administrations hold is found by the check, is no fault, and is
listed for whoever may see both."""

from __future__ import annotations

from api.access.tokens import issue
from api.pages.query import COOKIE
from projections.checking.check import check
from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.ledger.database import environment
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client, record

LEI = "5493001KJTIIGC8Y1R12"
HANA = "KR7654321"


def test_a_number_of_two_administrations_is_noted_and_listed(counter: Client) -> None:
    registry = Registry(environment(counter.database))
    number = {"command": "add_identifier", "scheme": "LEI", "value": LEI}
    hana = {"command": "register_operator", "tin": HANA, "name": "Hana", "roles": []}
    record(registry, [hana, number | {"tin": HANA}, number | {"tin": ACME}])
    registry.close()
    Projector(counter.database).catch_up()

    found = check(counter.database, streams=5)
    assert all(finding.good for finding in found), [f for f in found if not f.good]
    [noted] = [text for finding in found for text in finding.noted]
    assert LEI in noted and ACME in noted and HANA in noted

    def page(by: str | None) -> tuple[int, str]:
        cookie = {"cookie": f"{COOKIE}={issue(by, counter.home)}"} if by else {}
        answer = counter.request("GET", "/audit/numbers", headers=cookie)
        return answer.status_code, answer.text

    status, text = page(AUDITOR)
    assert status == 200 and all(each in text for each in (LEI, ACME, HANA, "Hana"))
    # Neither customs sees the other's operator: no agreement is in force, nothing was granted.
    for by in (CHINA, "officer:KR", KOREA):
        status, text = page(by)
        assert status == 200 and LEI not in text and "has two such holders" in text
    assert [page(by)[0] for by in (None, f"company:{ACME}")] == [403, 403]
