"""Decisions on pages: a form for every command, a preview, and one record however often it is
sent."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from api.access.tokens import issue
from api.graphql.types.command_inputs import NOT_ASKED, SPELLED
from api.pages import forms
from api.pages.command_actions import GROUPS
from api.pages.command_fields import MAY_BE_EMPTY, SENDING, fields_of, read_fields
from api.pages.command_places import address_of, key_field, place_of
from api.pages.forms import CSRF_COOKIE
from api.pages.query import COOKIE
from api.pages.record_actions import RECORD_GROUPS
from api.pages.site import page_at
from projections.engine.projector import Projector
from projections.engine.read_your_writes import wait_until
from registry.domain import commands as c
from tests.api.client import AUDITOR, CHINA, KOREA, Client, record
from tests.api.graphql.types.test_corrected_answers import kept

#: The token of the forms of the one browser: see tests/api/client.py.
BROWSER = "a-form-token-of-this-one-visitor"
#: Valid, and recognised abroad.
VALID = "CN1234567890"
ANNA, BO = "officer:CN/anna", "officer:CN/bo"
NASTY = "\"><script>alert(1)</script>\u202e{{7*7}}'"
_tins = (f"CN77000{number:05}" for number in count())


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The service on the loaded record, with the projector beside it."""
    stop = threading.Event()
    follower = threading.Thread(target=Projector(world).run, args=(stop, 0.05))
    follower.start()
    try:
        with Client(world, tmp_path_factory.mktemp("home")) as client:
            yield client
    finally:
        stop.set()
        follower.join()


def identity(at: Client, by: str | None) -> str:
    return f"{COOKIE}={issue(by, at.home)}" if by else ""


def opened(at: Client, path: str, by: str | None = CHINA) -> httpx.Response:
    cookie = f"{CSRF_COOKIE}={BROWSER}; {identity(at, by)}"
    return at.request("GET", path, headers={"cookie": cookie})


def send(at: Client, path: str, by: str | None = CHINA, **typed: str) -> httpx.Response:
    return at.send(path, typed, headers={"cookie": identity(at, by)})


def text(answer: httpx.Response) -> str:
    inline = re.sub(r"</?bdi\b[^>]*>", "", answer.text)  # stands inside words and marks
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", inline)).split())


def hidden(answer: httpx.Response) -> dict[str, str]:
    """The hidden fields of the page's form, as a browser sends them."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text)
    return {name: html.unescape(value) for name, value in found if name != "csrf"}


def holder(at: Client, *later: dict[str, Any]) -> str:
    """A new operator of China with an authorisation, and what was recorded of it later."""
    tin = next(_tins)
    on = {"tin": tin, "effective": "2026-01-05", "legal_ground": "Order 251"}
    record(
        at.service.registry,
        [
            {"command": "register_operator", "name": "Holder", "roles": ["EXPORTER"], **on},
            {"command": "lodge_application", "programme": "CN-AEO", "type": "ACE", **on},
            {"command": "accept_application", **on},
            {"command": "grant_authorisation", "number": f"AEO{tin}", **on},
            *({**on, **line} for line in later),
        ],
    )
    assert wait_until(at.database, at.last_position())
    return tin


def form_of(tin: str, command: str = "suspend-authorisation") -> str:
    return f"/operators/{tin}/{command}"


def checked(at: Client, path: str, by: str = CHINA, **typed: str) -> httpx.Response:
    """The preview of a form that was filled in."""
    return send(at, path, by, **(hidden(opened(at, path, by)) | typed))


def recorded(at: Client, path: str, by: str = CHINA, **typed: str) -> httpx.Response:
    """The last page of a form that was filled in, checked and recorded."""
    check = checked(at, path, by, **typed)
    assert check.status_code == 200, text(check)
    done = send(at, path, by, **hidden(check), step="record", confirm=path.split("/")[2])
    assert done.status_code == 303, text(done)
    return opened(at, done.headers["location"], by)


def positions(at: Client, tin: str) -> list[int]:
    document = "query ($t: TIN!) { operator(tin: $t) { history { edges { node { position } } } } }"
    edges = at.ask(document, CHINA, t=tin)["operator"]["history"]["edges"]
    return [edge["node"]["position"] for edge in edges]


# ------------------------------------------------------------------------- the generator


#: Commands that no list of a page leads to, and from where else their form is reached.
ELSEWHERE = {c.RegisterOperator: "the page of a TIN that is not registered"}


@pytest.mark.parametrize("kind", c.COMMANDS.values(), ids=lambda kind: kind.__name__)
def test_every_command_has_one_form_with_the_fields_of_the_command(kind: type[c.Command]) -> None:
    fields = fields_of(kind)

    unasked = {*SENDING, *NOT_ASKED, key_field(kind)}
    if issubclass(kind, c.OperatorCommand):
        unasked.add("source")  # an operator's status is based on decisions, not on sources
    own = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert {field.name for field in fields} == own - unasked
    assert {field.spelled for field in fields} <= set(SPELLED[kind])
    assert all(field.label and field.kind for field in fields)
    needed = {
        field.name
        for field in fields
        if field.required and field.kind != "yes" and field.name not in MAY_BE_EMPTY
    }
    assert read_fields(fields, {})[1].keys() == needed
    # Its address is one of the register of pages, and of no other page.
    page = page_at(address_of(kind, "X1"))
    assert page is not None and page.address == place_of(kind).form
    listed = [kinds for _, kinds in (*GROUPS, *RECORD_GROUPS) if kind in kinds]
    assert len(listed) == (kind not in ELSEWHERE)


# ------------------------------------------------------------------------- step by step


def test_an_operator_is_suspended_step_by_step(at: Client) -> None:
    document = "query ($t: TIN!) { operator(tin: $t) { recognisedIn { outcome } } }"
    before = [
        answer["outcome"] for answer in at.ask(document, CHINA, t=VALID)["operator"]["recognisedIn"]
    ]
    lost = before.count("RECOGNISED")
    path = form_of(VALID)

    check = checked(at, path, reason="an audit is overdue")
    assert f"{lost} territories lose recognition from" in text(check)
    assert "an audit is overdue" in text(check) and "It reaches back" not in text(check)

    done = recorded(at, path, reason="an audit is overdue")
    assert "Recorded." in text(done) and re.search(
        r"Visible to partners in \d+\.\d{3} s", text(done)
    )
    after = at.ask(document, CHINA, t=VALID)["operator"]["recognisedIn"]
    assert {answer["outcome"] for answer in after} == {"NOT_RECOGNISED"}
    # The file goes on: now the suspension can be lifted, and cannot be made again.
    page = opened(at, f"/operators/{VALID}").text
    assert form_of(VALID, "lift-suspension") in page and f'"{path}"' not in page


def test_what_reaches_back_shows_what_becomes_of_answers(at: Client) -> None:
    tin = holder(at)

    check = checked(at, form_of(tin), reason="audit", effective="2026-02-02", legal_ground="a law")

    assert "It reaches back." in text(check)
    assert "lose recognition from 2026-02-02" in text(check)


def test_the_divergences_that_arise_are_those_that_are_found_afterwards(at: Client) -> None:
    listed = """{ operators(first: 100, filter: {administration: CN, recognisedIn: SG}) {
      edges { node { tin name } } } }"""
    nodes = [edge["node"] for edge in at.ask(listed, CHINA)["operators"]["edges"]]
    tin = next(node["tin"] for node in nodes if node["name"] != "Holder")
    back = date.today() - timedelta(days=20)
    asked = "query ($t: TIN!) { recognition(tin: $t, in: SG) { outcome } }"
    at.post(asked, "partner:SG", {"Purpose": "declaration 9"}, t=tin)
    kept(at, 1)

    path = form_of(tin)
    check = checked(at, path, reason="audit", effective=f"{back}", legal_ground="a law")
    assert check.status_code == 200, text(check)
    told = re.search(r"(\d+) answers of days gone by become divergences", text(check))
    shown = re.search(r"(\d+) answers? (?:was|were) really given to customs", text(check))
    assert told
    rows = check.text[check.text.index('id="divergences"') :]
    assert f"{tin}</th>" in rows and "recognised" in text(check)

    done = send(at, path, **hidden(check), step="record")
    opened(at, done.headers["location"])
    territories = {
        each["in"]
        for each in at.ask(
            "query ($t: TIN!) { operator(tin: $t) { recognisedIn { in } } }", CHINA, t=tin
        )["operator"]["recognisedIn"]
    }
    found = 0
    for there in sorted(territories):
        window = {"from": f"{back - timedelta(2)}T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
        query = """query ($i: AdministrationCode!, $from: DateTime!, $to: DateTime!) {
          divergences(in: $i, from: $from, to: $to, first: 100) {
            edges { node { tin because { type effective } } } } }"""
        edges = at.ask(query, AUDITOR, i=there, **window)["divergences"]["edges"]
        found += sum(
            edge["node"]["tin"] == tin and edge["node"]["because"]["effective"] == f"{back}"
            for edge in edges
        )
    assert found == int(told[1]) > 5
    assert shown and shown[1] == "1"


def test_a_form_that_is_sent_twice_is_recorded_once(at: Client) -> None:
    tin = holder(at)
    path = form_of(tin)
    check = checked(at, path, reason="audit")
    typed = hidden(check)

    sent = [send(at, path, **typed, step="record") for _ in range(3)]  # double click, and back

    assert [answer.status_code for answer in sent] == [303] * 3
    assert len(positions(at, tin)) == 5
    pages = {
        text(opened(at, answer.headers["location"])).split("Position")[1][:12] for answer in sent
    }
    assert len(pages) == 1
    # Whoever goes back and writes something else is not answered with the first record.
    other = send(at, path, **(typed | {"reason": "another"}), step="record")
    assert other.status_code == 400 and "Nothing was recorded." in text(other)
    assert hidden(other)["command_id"] != typed["command_id"] and "another" in other.text
    assert len(positions(at, tin)) == 5


def test_whoever_is_overtaken_is_told_by_what_and_loses_nothing(at: Client) -> None:
    tin = holder(at)
    path = form_of(tin)
    mine, theirs = checked(at, path, reason="my reason"), checked(at, path, reason="theirs")
    assert send(at, path, ANNA, **hidden(theirs), step="record").status_code == 303

    late = send(at, path, **hidden(mine), step="record")

    assert late.status_code == 400
    assert "The file changed after you opened this form." in text(late)
    assert "suspended, " in text(late) and "theirs" in text(late)
    assert "by a colleague, China" in text(late)
    assert ">my reason</textarea>" in late.text
    assert len(positions(at, tin)) == 5


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({}, "reason", "Nothing is filled in here, and it is needed."),
        ({"reason": "x", "until": "soon"}, "until", "Found 'soon', wanted a day, as 2026-12-01."),
        ({"reason": "x", "until": "2020-01-01"}, "until", "2020-01-01 is not after"),
        ({"reason": "x", "until": "2026-02-30"}, "until", "there is no such day in the calendar"),
        (
            {"reason": "x", "until": "\u0662\u0660\u0662\u0660-\u0660\u0661-\u0660\u0661"},
            "until",
            "2020-01-01 is not after",
        ),
        ({"reason": "x" * 501}, "reason", "At most 500 characters."),
        ({"reason": "x", "effective": "2026-03-02"}, "legal_ground", "needs its legal ground"),
        ({"reason": "x", "decided": "2199-01-01"}, "decided", "and the authority's today is"),
    ],
)
def test_a_refusal_stands_at_its_field_and_nothing_typed_is_lost(
    at: Client, typed: dict[str, str], field: str, sentence: str
) -> None:
    tin = holder(at)

    answer = checked(at, form_of(tin), step="check", **typed)

    assert answer.status_code == 400
    [beside] = re.findall(rf'id="f-{field}-wrong">([^<]*)<', answer.text)
    assert sentence in html.unescape(beside)
    assert f'href="#f-{field}"' in answer.text
    assert all(f'value="{value}"' in answer.text or f">{value}<" in answer.text
               for value in typed.values())  # fmt: skip
    assert len(positions(at, tin)) == 4


def test_a_refusal_is_in_the_readers_language(at: Client) -> None:
    tin = holder(at)

    answer = checked(at, f"/fr{form_of(tin)}", reason="x", until="2020-01-01")

    assert answer.status_code == 400 and 'lang="fr"' in answer.text
    [beside] = re.findall(r'id="f-until-wrong">(.*?)</p>', answer.text)
    assert 'lang="en"' not in beside and "1 janvier 2020" in beside and "son début" in beside


def test_a_session_that_ends_leads_back_to_the_form_with_what_was_typed(at: Client) -> None:
    tin = holder(at)
    path = form_of(tin)
    typed = hidden(opened(at, path)) | {"reason": "typed before lunch"}

    ended = send(at, path, None, **typed, step="check")

    assert ended.status_code == 401 and "nothing was recorded" in text(ended)
    next = re.findall(r'href="/as\?next=([^"]+)"', ended.text)[-1]
    back = opened(at, httpx.URL(f"http://h/?n={next}").params["n"])
    assert back.status_code == 200 and "You are back." in text(back)
    assert ">typed before lunch</textarea>" in back.text
    assert hidden(back)["command_id"] == typed["command_id"]
    # Another browser is shown none of it.
    other = at.request("GET", httpx.URL(f"http://h/?n={next}").params["n"],
                       headers={"cookie": identity(at, CHINA)})  # fmt: skip
    assert "typed before lunch" not in other.text


@pytest.mark.parametrize("kind", c.COMMANDS.values(), ids=lambda kind: kind.__name__)
def test_every_form_that_is_full_can_be_sent(kind: type[c.Command]) -> None:
    """Each field to its last character, in a script whose characters are nine bytes of a form."""
    fields = fields_of(kind)
    assert sum(9 * each.longest * len(each.names) + 100 for each in fields) < forms.LONGEST - 1_000


def test_a_text_that_is_too_long_is_refused_at_its_field_and_not_lost(at: Client) -> None:
    typed = "\u9500" * 4_000  # 36 000 bytes in the form
    answer = send(at, form_of(holder(at)), reason=typed)

    assert answer.status_code == 400 and "At most 500 characters." in text(answer)
    assert typed in answer.text and "Suspend authorisation" in text(answer)


def test_what_no_database_stores_is_kept_visibly_when_the_session_ends(at: Client) -> None:
    path = form_of(holder(at))
    for address in (path, "/work/suspend-authorisation"):
        ended = send(at, address, None, reason="before\0lunch", tins="CN1\0")
        assert ended.status_code == 401
        next = re.findall(r'href="/as\?next=([^"]+)"', ended.text)[-1]
        back = opened(at, httpx.URL(f"http://h/?n={next}").params["n"])
        assert "before\u2400lunch" in back.text


def test_a_form_that_names_no_version_is_shown_again(at: Client) -> None:
    answer = send(at, form_of(holder(at)), reason="x", until="5 March")

    assert answer.status_code == 400 and "5 March" in answer.text
    assert "changed after you opened" not in answer.text


def test_what_cannot_be_taken_back_is_confirmed_by_the_tin(at: Client) -> None:
    tin = holder(at)
    path = form_of(tin, "revoke-authorisation")
    check = checked(at, path, reason="fraud")
    assert f"Type {tin} to confirm" in text(check)

    for wrong in ("", "CN1"):
        again = send(at, path, **hidden(check), step="record", confirm=wrong)
        assert again.status_code == 400 and "this cannot be taken back" in text(again)
    assert len(positions(at, tin)) == 4

    assert send(at, path, **hidden(check), step="record", confirm=tin).status_code == 303
    assert len(positions(at, tin)) == 5


def test_a_record_is_corrected(at: Client) -> None:
    tin = holder(at, {"command": "suspend_authorisation", "reason": "misread"})
    wrong = positions(at, tin)[-1]
    path = form_of(tin, "correct-record")
    assert f'value="{wrong}"' in opened(at, path).text

    done = recorded(
        at, path, position=str(wrong), **{"what.reason": "an audit"}, why="it was misread"
    )

    assert "corrected, " in text(done)


def test_four_eyes_are_shown_as_such(at: Client) -> None:
    rule = {"command": "set_rule", "programme": "CN-AEO", "rule": "second_person"}
    by = {"value": "annul_authorisation", "source": "a test"}
    record(at.service.registry, [rule | by])
    tin = holder(at)
    path = form_of(tin, "annul-authorisation")

    check = checked(at, path, ANNA, reason="lied", legal_ground="a law")
    assert "a second person confirms it" in text(check) and "Propose it" in text(check)
    done = recorded(at, path, ANNA, reason="lied", legal_ground="a law")
    assert "Proposed. A second person confirms it" in text(done)
    assert tin in text(opened(at, "/work", BO)) and "annul authorisation" in text(
        opened(at, "/work", BO)
    )
    confirm = form_of(tin, "confirm-proposal")
    assert confirm in opened(at, f"/operators/{tin}", BO).text
    assert confirm not in opened(at, f"/operators/{tin}", ANNA).text

    [proposal] = re.findall(r'<option value="([0-9a-f-]{36})"', opened(at, confirm, BO).text)
    assert "Recorded." in text(recorded(at, confirm, BO, proposal=proposal))


# --------------------------------------------------------------------------- who, and what


@pytest.mark.parametrize(
    ("by", "status"), [(None, 403), (KOREA, 403), ("officer:KR", 403), ("auditor:*", 403)]
)
def test_nobody_else_has_the_form(at: Client, by: str | None, status: int) -> None:
    tin = holder(at)

    assert opened(at, form_of(tin), by).status_code == status
    sent = send(at, form_of(tin), by, reason="x", step="record")
    assert sent.status_code == (status if by else 401)
    page = opened(at, f"/operators/{tin}", by).text
    # A partner may dispute the record, and decide nothing.
    assert {each for each in re.findall(rf'href="/operators/{tin}/([a-z]+-[a-z-]+)"', page)} == (
        {"open-dispute"} if by in (KOREA, "officer:KR") else set()
    )
    assert len(positions(at, tin)) == 4


def test_a_company_has_the_forms_of_its_own_commands(at: Client) -> None:
    tin = holder(at)
    by = f"company:{tin}"

    page = opened(at, f"/operators/{tin}", by).text

    offered = set(re.findall(rf'href="/operators/{tin}/([a-z-]+)"', page)) - {
        "looks",
        "certificate",
    }
    assert offered == {
        "lodge-application",
        "surrender-authorisation",
        "give-consent",
        "open-dispute",
    }
    assert opened(at, form_of(tin), by).status_code == 403
    assert "Recorded." in text(recorded(at, form_of(tin, "give-consent"), by, partner="KR"))


def test_every_form_that_an_operators_page_offers_opens(at: Client) -> None:
    tin = holder(at, {"command": "suspend_authorisation", "reason": "audit"})

    page = opened(at, f"/operators/{tin}").text

    offered = set(re.findall(rf'href="(/operators/{tin}/[a-z]+-[a-z-]+)"', page))
    assert form_of(tin, "lift-suspension") in offered and len(offered) > 12
    for path in offered:
        answer = opened(at, path)
        assert answer.status_code == 200 and 'id="not-today"' not in answer.text, path
    # Whoever is suspended is not suspended again; of the days that are tried only today is named.
    [why] = re.findall(r'<div[^>]*id="not-today">.*?</div>', opened(at, form_of(tin)).text)
    assert "is recorded as of 2026-01-05" in why and why.count("<li>") == 1
    assert "This is on record already" in why


def test_a_new_operator_is_registered(at: Client) -> None:
    tin = next(_tins)

    link = f'href="{form_of(tin, "register-operator")}"'
    assert link in opened(at, f"/operators/{tin}").text
    assert link not in opened(at, f"/operators/{tin}", KOREA).text

    done = recorded(at, form_of(tin, "register-operator"), name="New", **{"roles.EXPORTER": "yes"})

    assert "Recorded." in text(done)
    assert opened(at, form_of(tin, "register-operator")).status_code == 409


@pytest.mark.parametrize(
    "command", ["no-such", "suspend_authorisation", "sign-agreement", "x" * 90]
)
def test_what_is_no_command_is_no_page(at: Client, command: str) -> None:
    assert opened(at, form_of(VALID, command)).status_code == 404
    assert send(at, form_of(VALID, command), step="record").status_code == 404


def test_hostile_names_and_values_stay_what_was_typed(at: Client) -> None:
    tin = holder(at)
    at.tell("amendParticulars", CHINA, tin=tin, name="\"><script>alert(1)</script>{{7*7}}'")
    assert wait_until(at.database, at.last_position())
    path = form_of(tin)

    for typed in (
        {"reason": NASTY},
        {"reason": "x", "part": NASTY},
        {"reason": "x", "until": NASTY},
    ):
        answer = checked(at, path, **typed)
        assert answer.status_code in (200, 400)
        assert (
            "<script>alert" not in answer.text
            and "49" not in text(answer).split("Cancel")[0][-2000:]
        )
    query = f"{path}?reason=%3Cscript%3Ealert(1)%3C/script%3E&recorded=1.2.3.4&draft=x"
    assert "<script>alert" not in opened(at, query).text
    odd = send(at, path, command_id=NASTY, expected_version=NASTY, reason="x", step="record")
    assert odd.status_code == 400 and len(positions(at, tin)) == 5


# --------------------------------------------------------------------------- work, and many


def test_work_shows_what_waits_and_the_next_step(at: Client) -> None:
    day = (date.today() - timedelta(days=200)).isoformat()
    tin, undated = next(_tins), next(_tins)
    rule = {"command": "set_rule", "programme": "CN-AEO", "rule": "consultation_days"}
    value = {"value": "80", "unit": "days", "effective": day, "source": "a law"}

    def consulted(about: str) -> list[dict[str, str]]:
        on = {"tin": about, "effective": day, "legal_ground": "a law"}
        return [
            {"command": "register_operator", "name": "Late", **on},
            {"command": "lodge_application", "programme": "CN-AEO", "type": "ACE", **on},
            {"command": "accept_application", **on},
            {"command": "request_consultation", "asked": "KR", **on},
        ]

    record(at.service.registry, [*consulted(undated), {**rule, **value}, *consulted(tin)])
    assert wait_until(at.database, at.last_position())

    page = opened(at, "/work")

    assert page.status_code == 200
    due = (date.today() - timedelta(days=120)).isoformat()
    waiting = text(page).split("Consultations", 2)[2]
    first = waiting.index(f"South Korea was asked on {day}, reply due on {due}: overdue")
    assert waiting.index(tin) < first < waiting.index(undated)
    assert "no rule of the programme sets a day for the reply" in waiting[waiting.index(undated) :]
    assert f"/operators/{tin}/record-consultation-reply?asked=KR" in page.text.replace("&amp;", "&")
    assert "Overdue" in text(page) and "Due within 30 days" in text(page)
    assert opened(at, "/work", None).status_code == 403
    for by in (KOREA, "auditor:*", f"company:{tin}"):
        assert opened(at, "/work", by).status_code == 200


def test_what_is_overdue_is_listed_with_its_day_and_the_way_to_decide(at: Client) -> None:
    tin = next(_tins)
    on = {"tin": tin, "effective": "2020-03-02", "legal_ground": "a law"}
    record(
        at.service.registry,
        [
            {"command": "register_operator", "name": "Forgotten", **on},
            {"command": "lodge_application", "programme": "CN-AEO", "type": "ACE", **on},
            {"command": "accept_application", **on},
        ],
    )
    assert wait_until(at.database, at.last_position())

    overdue = opened(at, "/work").text.split('<h2 id="overdue">')[1].split("<h2")[0]

    assert "Nothing is overdue" not in overdue
    assert re.search(rf"{tin}</a>.*?decision, 2020-\d\d-\d\d", overdue, re.DOTALL)
    assert f'href="/operators/{tin}#actions"' in overdue


def test_many_decisions_that_reach_back_count_the_divergences_of_all(at: Client) -> None:
    tins = [holder(at), holder(at)]
    reach = {"reason": "audit", "effective": "2026-02-02", "legal_ground": "a law"}
    each = [divergences_in(checked(at, form_of(tin), **reach)) for tin in tins]

    check = checked(at, "/work/suspend-authorisation", tins=" ".join(tins), **reach)

    assert divergences_in(check) == sum(each) > 10


def divergences_in(check: httpx.Response) -> int:
    """How many divergences a preview says that arise."""
    [found] = re.findall(r"(\d[\d\s\xa0]*) answers of days gone by become divergences", text(check))
    return int(re.sub(r"\D", "", found))


def test_one_decision_about_many_is_recorded_for_each_once(at: Client) -> None:
    good, suspended = (
        [holder(at), holder(at)],
        holder(at, {"command": "suspend_authorisation", "reason": "audit"}),
    )
    tins = "\n".join([*good, suspended, "CN-NOT", "KR1234567", good[0].lower()])
    path = "/work/suspend-authorisation"

    check = checked(at, path, tins=tins, reason="a campaign")
    assert "2 of 5 operators would be decided" in text(check)
    assert (
        "The others are refused" in text(check) and '<dd dir="auto">a campaign</dd>' in check.text
    )
    assert check.text.split("</nav>")[-2].count('href="/work"') == 1  # of the breadcrumbs
    typed = hidden(check)
    sent = [send(at, path, **typed, step="record") for _ in range(2)]

    assert ["2 of 5 were recorded" in text(answer) for answer in sent] == [True, True]
    assert [len(positions(at, tin)) for tin in (*good, suspended)] == [5, 5, 5]
    # What the suspension took away abroad is what lifting it gives back.
    lift = checked(at, "/work/lift-suspension", tins=good[0])
    assert "1 of 1 operators would be decided" in text(lift) and "The others" not in text(lift)
    [(none, gained)] = re.findall(r"<td>accepted</td><td>(\d+)</td><td>(\d+)</td>", lift.text)
    [(lost, no)] = set(re.findall(r"<td>accepted</td><td>(\d+)</td><td>(\d+)</td>", check.text))
    assert none == no == "0" and lost == gained != "0"
    # Whoever saw the preview before is told by whom it was overtaken, and goes on with the rest.
    behind = typed | {"command_id": str(uuid4()), "reason": "mine"}
    overtaken = send(at, path, ANNA, **behind, step="record")
    assert "2 files changed after you saw the preview" in text(overtaken)
    assert "suspended, " in text(overtaken) and "a campaign" in text(overtaken)
    again = send(at, path, ANNA, **hidden(overtaken), step="change")
    assert ">mine</textarea>" in again.text and good[1] in again.text
    far = " ".join(f"{tin}:{'9' * 5_000}" for tin in good)
    unreadable = typed | {"command_id": str(uuid4()), "versions": far}
    assert "0 of 5 were recorded" in text(send(at, path, **unreadable, step="record"))
    late = send(at, path, **(typed | {"command_id": str(uuid4())}), step="record")
    assert "0 of 5 were recorded" in text(late)
    assert opened(at, path, KOREA).status_code == 403
    ended = send(at, path, None, tins=good[0], reason="before lunch")
    next = re.findall(r'href="/as\?next=([^"]+)"', ended.text)[-1]
    back = opened(at, httpx.URL(f"http://h/?n={next}").params["n"])
    assert good[0] in back.text and "before lunch" in back.text
