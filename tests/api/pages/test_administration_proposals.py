"""A page on which a second officer confirms or rejects what concerns no operator: a rule of a
programme, a scope, the administration's own rule of two persons."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.access.tokens import issue
from api.pages.forms import CSRF_COOKIE
from api.pages.query import COOKIE
from projections.engine.projector import Projector
from tests.api.client import AUDITOR, CHINA, KOREA, Client

BROWSER = "a-form-token-of-this-one-visitor"
ANNA, BO = "officer:CN/anna", "officer:CN/bo"


@pytest.fixture(scope="module", autouse=True)
def four_eyes(counter: Client) -> None:
    commands = ["register_client", "set_rule"]
    named = {"commands": commands, "administration": "CN", "source": "an order"}
    outcome = counter.tell("requireSecondPerson", CHINA, **named)
    assert outcome["__typename"] == "Recorded", outcome


def cookie(counter: Client, by: str | None) -> str:
    return f"{CSRF_COOKIE}={BROWSER}; " + (f"{COOKIE}={issue(by, counter.home)}" if by else "")


def opened(counter: Client, path: str, by: str | None) -> httpx.Response:
    return counter.request("GET", path, headers={"cookie": cookie(counter, by)})


def send(counter: Client, path: str, by: str | None, **typed: str) -> httpx.Response:
    identity = f"{COOKIE}={issue(by, counter.home)}" if by else ""
    return counter.send(path, typed, headers={"cookie": identity})


def text(answer: httpx.Response) -> str:
    inline = re.sub(r"</?bdi\b[^>]*>", "", answer.text)  # stands inside words and marks
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", inline)).split())


def hidden(answer: httpx.Response) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text)
    return {name: html.unescape(value) for name, value in found if name != "csrf"}


def proposed(counter: Client, value: str) -> str:
    """The address of the forms of a rule that Anna proposes."""
    rule = {"programme": "CN-AEO", "rule": "bar_years", "value": value, "source": "Order 251"}
    outcome = counter.tell("setRule", ANNA, **rule)
    assert outcome["__typename"] == "Proposed", outcome
    Projector(counter.database).catch_up()
    return f"/proposals/CN/{outcome['proposal']}"


def done(counter: Client, path: str, by: str = BO, **typed: str) -> httpx.Response:
    """The last page of a form that was filled in, checked and recorded."""
    check = send(counter, path, by, **hidden(opened(counter, path, by)), **typed)
    assert check.status_code == 200 and "Record it" in check.text, text(check)
    sent = [send(counter, path, by, **hidden(check), step="record") for _ in range(2)]
    assert [answer.status_code for answer in sent] == [303, 303], text(sent[0])
    return opened(counter, sent[0].headers["location"], by)


def last(counter: Client) -> list[Any]:
    return [
        counter.service.registry.mapper.to_domain_event(row)
        for row in counter.service.registry.recorder.select_notifications(
            start=counter.last_position() - 1, limit=2
        )
    ]


def test_a_second_officer_confirms_a_rule_on_the_page(counter: Client) -> None:
    place = proposed(counter, "3")

    assert f'{place}/confirm"' in opened(counter, "/proposals", BO).text
    form = opened(counter, f"{place}/confirm", BO)
    assert all(each in text(form) for each in ("Set rule", "bar_years", "Order 251")), text(form)

    found = text(done(counter, f"{place}/confirm"))

    assert "Recorded." in found and "Order 251" not in found
    confirmation, rule = last(counter)
    assert confirmation.proposer != confirmation.confirmer
    assert (rule.rule, rule.value) == ("bar_years", "3")


def test_a_second_officer_rejects_with_a_reason_and_the_first_withdraws(counter: Client) -> None:
    place = proposed(counter, "4")
    without = send(counter, f"{place}/reject", BO, **hidden(opened(counter, f"{place}/reject", BO)))
    assert without.status_code == 400 and "Nothing was recorded." in text(without)

    done(counter, f"{place}/reject", reason="no such order")

    assert last(counter)[-1].reason == "no such order"
    late = send(counter, f"{place}/confirm", BO, command_id=str(uuid4()))
    assert late.status_code == 400 and "it was rejected" in text(late)
    place = proposed(counter, "5")
    own = send(counter, f"{place}/confirm", ANNA, command_id=str(uuid4()))
    assert own.status_code == 400 and "another person confirms it" in text(own)
    assert f"{place}/withdraw" in opened(counter, "/proposals", ANNA).text
    done(counter, f"{place}/withdraw", ANNA, reason="a mistake")
    assert last(counter)[-1].reason == "a mistake"


def test_nobody_else_has_the_form(counter: Client) -> None:
    place = proposed(counter, "6")

    for by in (None, KOREA, "officer:KR", AUDITOR, "company:CN1234567890"):
        assert opened(counter, f"{place}/confirm", by).status_code == 403
        sent = send(counter, f"{place}/confirm", by, step="record")
        assert sent.status_code == (403 if by else 401)
        assert f'{place}/confirm"' not in opened(counter, "/proposals", by).text
    other = f"/proposals/CN/{uuid4()}/confirm"
    for nothing in ("/proposals/CN/no/confirm", f"{place}/burn", other):
        assert opened(counter, nothing, BO).status_code == 404
    assert last(counter)[-1].command["value"] == "6"


def section(page: str, name: str) -> str:
    """A part of a page, from its heading to the next one, as HTML."""
    found = re.search(rf'<h2 id="{name}">.*?(?=<h2|</main>)', page, re.DOTALL)
    assert found, name
    return found[0]


def test_what_waits_for_this_person_is_in_its_work_and_under_its_heading(counter: Client) -> None:
    place = proposed(counter, "7")
    program = {"client": "desk-of-two", "name": "Desk", "actsFor": "officer:CN"}
    outcome = counter.tell("registerClient", ANNA, **program)
    assert outcome["__typename"] == "Proposed", outcome
    Projector(counter.database).catch_up()
    itself = f"/proposals/CN/{outcome['proposal']}"

    waits = section(opened(counter, "/work", BO).text, "administration-proposals")
    assert f'{place}/confirm"' in waits and f'{itself}/confirm"' in waits
    assert 'href="/countries/CN"' in waits and "set rule" in waits
    mine = section(opened(counter, "/work", ANNA).text, "administration-proposals")
    assert f'{itself}/withdraw"' in mine and "yours: another person confirms it" in mine
    assert 'id="administration-proposals"' not in opened(counter, "/work", KOREA).text
    assert "desk-of-two" not in opened(counter, "/work", "officer:KR/kim").text

    page = opened(counter, "/proposals", BO).text
    assert "About programmes and agreements" in section(page, "administration")
    about_itself = section(page, "itself")
    assert "its blocs, keys, programs and rules" in about_itself and "desk-of-two" in about_itself
    assert f'{place}/confirm"' not in about_itself and "desk-of-two" not in section(
        page, "administration"
    )

    done(counter, f"{itself}/reject", reason="nobody needs it")
    waits = section(opened(counter, "/work", BO).text, "administration-proposals")
    assert f'{place}/confirm"' in waits and itself not in waits


def test_there_is_one_door_to_a_proposal_and_the_others_lead_to_it(counter: Client) -> None:
    place = proposed(counter, "8")
    id, last_before = place.rpartition("/")[2], counter.last_position()
    for verb in ("confirm", "reject", "withdraw"):
        other = f"/countries/CN/{verb}-administration-proposal"
        led = {
            f"{other}?proposal={id}": f"{place}/{verb}",
            other: "/proposals#administration",
            f"{other}?proposal=no": "/proposals#administration",
            f"{other.lower()}?proposal={id}": f"{place}/{verb}",
        }
        for address, to in led.items():
            answer = opened(counter, address, BO)
            assert (answer.status_code, answer.headers["location"]) == (303, to)
        sent = send(counter, other, BO, proposal=id, step="record", command_id=str(uuid4()))
        assert (sent.status_code, sent.headers["location"]) == (303, f"{place}/{verb}")
    assert counter.last_position() == last_before

    check = send(counter, f"{place}/confirm", BO, **hidden(opened(counter, f"{place}/confirm", BO)))
    assert "What it changes" in text(check) and "new grant after a revocation" in text(check)
