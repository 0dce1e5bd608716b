"""What is changed behind the register's back is answered rightly again, without a restart; where
it cannot be put right, nothing is answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from projections.checking.background_check import BackgroundCheck
from projections.engine.projector import Projector
from tests.api.client import AUDITOR, Client
from tests.api.graphql.planner.test_verdict_cache import ONE, UNKEPT, outcome, pause
from tests.api.region import FRUIT, Line, record, region

__all__ = ["region"]

#: Whatever changes the answer RECOGNISED, in a table of operators and in tables of the law.
HARMS = {
    "operator": f"update views.operator set held_abroad = array['REVOKED'] where tin = '{FRUIT}'",
    "operator is gone": f"delete from views.operator where tin = '{FRUIT}'",
    "consent": f"update views.operator set consents = '{{}}' where tin = '{FRUIT}'",
    "link": "update views.link set state = 'SUSPENDED' where agreement = 'CN-KR-AEO'",
    "links are gone": "delete from views.link where agreement = 'CN-KR-AEO'",
    "programme": "insert into views.programme_rule select * from views.programme_rule limit 1",
}
#: What no answer about recognition shows.
HARMLESS = {"consent", "programme"}


@pytest.fixture
def owner(region: Client) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(region.database, autocommit=True) as connection:
        connection.execute("delete from checks.finding")
        # No verdict is kept from before.
        connection.execute("update views.mended set number = number + 1")
        yield connection


@pytest.mark.parametrize("harm", HARMS)
def test_after_it_was_put_right_every_way_of_asking_has_the_right_answer(
    region: Client, owner: psycopg.Connection[tuple[object, ...]], harm: str
) -> None:
    """Also where the wrong answer was asked for meanwhile, and is kept."""
    unkept = region.ask(UNKEPT, AUDITOR, tin=FRUIT)
    owner.execute(HARMS[harm])
    wrong = outcome(region)
    region.ask(UNKEPT, AUDITOR, tin=FRUIT)

    BackgroundCheck(region.database).whole()

    assert outcome(region) == "RECOGNISED"
    assert region.ask(UNKEPT, AUDITOR, tin=FRUIT) == unkept
    assert wrong != "RECOGNISED" or harm in HARMLESS
    checked = region.request("GET", "/readyz").json()["check"]
    assert checked["findings"] >= 1 and checked["unmended"] == 0 and checked["age"] is not None
    metrics = region.request("GET", "/metrics").text
    assert f"aeo_check_findings {float(checked['findings'])}" in metrics


REFUSES = """
create function public.refuses() returns trigger language plpgsql as $$
begin
    raise exception 'nobody writes here' using errcode = '55000';
end $$;
create trigger refuses before insert or update or delete on views.link
    for each statement execute function public.refuses()"""


def test_while_a_row_cannot_be_put_right_nothing_is_answered(
    region: Client, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    owner.execute("update views.link set state = 'SUSPENDED' where agreement = 'CN-KR-AEO'")
    owner.execute(REFUSES)
    check = BackgroundCheck(region.database)

    check.whole()
    region.pause(0.5)

    error = region.error(ONE, AUDITOR, tin=FRUIT)
    assert error["code"] == "NOT_BELIEVED" and "views.link" in error["message"]
    page = region.request("GET", f"/operators/{FRUIT}", headers={"accept": "text/html"})
    assert page.status_code == 503 and "not what the events say" in page.text
    ready = region.request("GET", "/readyz")
    assert (ready.status_code, ready.json()["check"]["unmended"]) == (503, 1)
    assert region.request("GET", "/healthz").status_code == 200
    [(what, why)] = owner.execute("select what, why_not from checks.finding").fetchall()
    assert "differ in state" in str(what) and "nobody writes here" in str(why)

    owner.execute("drop trigger refuses on views.link")
    check.whole()
    region.pause(0.5)

    assert outcome(region) == "RECOGNISED"
    ready = region.request("GET", "/readyz")
    assert (ready.status_code, ready.json()["check"]["unmended"]) == (200, 0)


def test_nothing_is_found_wrong_while_much_is_recorded_and_read_models_follow(
    region: Client, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    stop = threading.Event()
    following = threading.Thread(target=Projector(region.database).run, args=[stop])
    checks = BackgroundCheck(region.database)
    failures: list[BaseException] = []

    def checking() -> None:
        try:
            while not stop.is_set():
                checks.whole()
        except BaseException as error:  # shown by the test
            failures.append(error)

    checking_ = threading.Thread(target=checking)
    following.start()
    checking_.start()
    try:
        for day in range(1, 29):
            lines: list[Line] = [
                pause("suspend_agreement", f"2026-02-{day:02}"),
                pause("resume_agreement", f"2026-02-{day:02}"),
                {"command": "amend_particulars", "tin": FRUIT, "address": f"{day} Quay"},
            ]
            record(region.database, *lines)
    finally:
        stop.set()
        following.join(30)
        checking_.join(60)

    assert failures == []
    assert owner.execute("select * from checks.finding").fetchall() == []
