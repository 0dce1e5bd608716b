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
    named = {"commands": ["set_rule"], "administration": "CN", "source": "an order"}
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
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


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
