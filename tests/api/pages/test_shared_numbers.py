"""A number that operators of two administrations hold is found by the check, is no fault, and is
listed for whoever may see both."""

from __future__ import annotations

import asyncio

import psycopg

from api.access.tokens import issue
from api.pages.query import COOKIE
from projections.checking.check import check
from projections.engine.projector import Projector
from projections.reads.shared_numbers import shared_numbers
from registry.application.registry import Registry
from registry.ledger.database import environment
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client, record

LEI = "5493001KJTIIGC8Y1R12"
OTHER_LEI = "529900T8BM49AURSDO55"
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


def test_the_list_is_read_in_pages_and_nothing_is_left_out(counter: Client) -> None:
    registry = Registry(environment(counter.database))
    number = {"command": "add_identifier", "scheme": "LEI", "value": OTHER_LEI}
    record(registry, [number | {"tin": HANA}, number | {"tin": ACME}])
    registry.close()
    Projector(counter.database).catch_up()

    async def pages(most: int, wide: int) -> list[list[str]]:
        """The numbers on each page, as an auditor reads them."""
        options = "-c role=aeo_reader"
        found, start = [], ("", "")
        async with await psycopg.AsyncConnection.connect(
            counter.database, options=options
        ) as connection:
            await connection.execute(
                "select access.stand_for('auditor|||2026-11-30T00:00:00+00:00')"
            )
            while True:
                numbers, following = await shared_numbers(connection, most, start, wide)
                found.append([each.value for each in numbers])
                if following is None:
                    return found
                assert following > start
                start = following

    both = sorted([LEI, OTHER_LEI])
    assert asyncio.run(pages(50, 50_000)) == [both]
    assert asyncio.run(pages(1, 50_000)) == [[both[0]], [both[1]]]
    assert [each for page in asyncio.run(pages(50, 2)) for each in page] == both

    cookie = {"cookie": f"{COOKIE}={issue(AUDITOR, counter.home)}"}
    second = counter.request("GET", f"/audit/numbers?from=LEI%20{both[1]}", headers=cookie).text
    assert both[1] in second and both[0] not in second and "From the beginning" in second
    wrong = counter.request("GET", "/audit/numbers?from=LEI%20%00", headers=cookie)
    assert wrong.status_code == 400
