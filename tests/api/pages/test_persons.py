"""Naming and erasing a person on a page: for those who may, recorded once, and never half."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.access.tokens import issue
from api.pages.query import COOKIE
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client
from tests.api.graphql.types.test_erasure import COMPANY, CONTACTS, GROUND, named, page_of

PERSONS = f"/operators/{ACME}/persons"


def send(
    counter: Client, path: str, by: str | None = CHINA, site: str = "same-origin", **typed: str
) -> httpx.Response:
    shown = {"Cookie": f"{COOKIE}={issue(by, counter.home)}"} if by else {}
    headers = shown | {"Sec-Fetch-Site": site}
    return counter.send(path, typed, headers=headers)


def someone() -> dict[str, str]:
    return {"name": f"Li {uuid4().hex}", "role": "IN_CHARGE", "command_id": str(uuid4())}


def contacts(counter: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = counter.ask(CONTACTS, CHINA, tin=ACME)["operator"]["contacts"]
    return found


def text(answer: httpx.Response) -> str:
    inline = re.sub(r"</?bdi\b[^>]*>", "", answer.text)  # stands inside words and marks
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", inline)).split())


@pytest.mark.parametrize("by", [CHINA, COMPANY])
def test_a_person_is_named_and_erased_by_forms(counter: Client, by: str) -> None:
    who = someone() | {"email": "li@example.cn"}

    done = send(counter, PERSONS, by, **who)

    assert (done.status_code, done.headers["location"]) == (
        303,
        f"/operators/{ACME}?tab=numbers#persons",
    )
    [she] = [
        contact
        for contact in contacts(counter)
        if (contact["particulars"] or {}).get("name") == who["name"]
    ]
    assert (she["role"], she["particulars"]["email"]) == ("IN_CHARGE", "li@example.cn")
    page = page_of(counter, by)
    assert who["name"] in page and f"{PERSONS}/{she['person']}" in page

    gone = send(counter, f"{PERSONS}/{she['person']}", by, ground=GROUND)

    assert gone.status_code == 303
    [erased] = [contact for contact in contacts(counter) if contact["person"] == she["person"]]
    assert erased["erased"] and erased["particulars"] is None
    assert f"{PERSONS}/{she['person']}" not in page_of(counter, by)


def test_a_form_that_is_sent_twice_names_once(counter: Client) -> None:
    who, before = someone(), len(contacts(counter))

    assert [send(counter, PERSONS, **who).status_code for _ in range(2)] == [303, 303]

    assert len(contacts(counter)) == before + 1
    # Whoever goes back and writes another name is not answered with the first record.
    other = send(counter, PERSONS, **(who | {"name": "Wang"}))
    assert other.status_code == 400 and len(contacts(counter)) == before + 1
    [fresh] = re.findall(r'name="command_id" value="([^"]+)"', other.text)
    assert fresh != who["command_id"] and 'value="Wang"' in other.text
    assert send(counter, PERSONS, **(who | {"name": "Wang", "command_id": fresh})).is_redirect
    assert len(contacts(counter)) == before + 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "  "}, "Nobody is named here: write who it is."),
        ({"name": "x" * 201}, "At most 200 characters."),
        ({"role": "FRIEND"}, "Choose what the person is to the operator."),
        ({"telephone": "1" * 41}, "At most 40 characters."),
        ({"command_id": "7"}, "command id: found '7', wanted a UUID"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(
    counter: Client, wrong: dict[str, str], sentence: str
) -> None:
    before = len(contacts(counter))

    answer = send(counter, PERSONS, **(someone() | {"email": "li@example.cn"} | wrong))

    assert answer.status_code == 400
    assert sentence in text(answer) and "li@example.cn" in answer.text
    assert len(contacts(counter)) == before


def test_an_erasure_without_a_ground_destroys_nothing(counter: Client) -> None:
    she = named(counter)

    for ground in ("", "x" * 501):
        answer = send(counter, f"{PERSONS}/{she.id}", ground=ground)
        assert (answer.status_code, "Say why, by which article" in text(answer)) == (400, True)

    assert she.who["name"] in page_of(counter, CHINA)
    assert send(counter, f"{PERSONS}/{uuid4()}", ground=GROUND).status_code == 404


@pytest.mark.parametrize("by", [None, KOREA, AUDITOR, "officer:KR"])
def test_nobody_else_has_the_forms_or_may_send_them(counter: Client, by: str | None) -> None:
    she = named(counter)
    form = f'action="{PERSONS}"'
    assert form in page_of(counter, CHINA)
    if by:
        assert form not in page_of(counter, by)

    answers = [
        send(counter, PERSONS, by, **someone()),
        send(counter, f"{PERSONS}/{she.id}", by, ground=GROUND),
    ]

    # A form without a session is kept for whoever signs in.
    assert [answer.status_code for answer in answers] == ([403, 403] if by else [401, 401])
    assert she.who["name"] in page_of(counter, CHINA)


def test_another_site_cannot_send_a_form_in_an_officers_name(counter: Client) -> None:
    she = named(counter)

    answer = send(counter, f"{PERSONS}/{she.id}", site="cross-site", ground=GROUND)

    assert answer.status_code == 403 and "not sent from a page of this site" in text(answer)
    assert she.who["name"] in page_of(counter, CHINA)
