"""The page of work, disputes on pages, and the signed history of a company."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from api.access.tokens import issue
from api.pages.query import COOKIE
from ops.attacks import verifier
from projections.engine.projector import Projector
from registry.transparency.signed_notes import ED25519, Signer
from tests.api.certified import DAY, certified, logged, office
from tests.api.client import AUDITOR, Client
from tests.api.pages.test_commands import hidden
from tests.api.pages.test_commands import opened as opened_in_browser
from tests.api.pages.test_pages import opened, text
from tests.api.region import consent, operator, record

__all__ = ["office"]

HOME, PARTNER = "officer:KR", "partner:CN"


@pytest.fixture(scope="module")
def at(office: Client) -> Client:
    logged(office)
    return office


def shared(at: Client, name: str = "Synthetic Kiln") -> str:
    """A Korean operator that China sees and recognises; its TIN."""
    tin = certified(at, name)
    record(at.database, consent(tin, f"{datetime.now(UTC).date() - timedelta(8)}", partner="CN"))
    logged(at)
    return tin


def section(page: str, name: str) -> str:
    """A list of the page of work, as HTML."""
    found = re.search(rf'<h2 id="{name}">.*?(?=<h2|</main>)', page, re.DOTALL)
    assert found, name
    return found[0]


def send(at: Client, path: str, by: str, **typed: str) -> httpx.Response:
    return at.send(path, typed, headers={"cookie": f"{COOKIE}={issue(by, at.home)}"})


def recorded(at: Client, path: str, by: str, **typed: str) -> str:
    """Fills in a form, checks and records it; the text of the page that says what became of it."""
    form = opened(at, path, by)
    assert form.status_code == 200, text(form)
    address = path.partition("?")[0]
    check = send(at, address, by, **hidden(form), **typed)
    assert check.status_code == 200, text(check)
    done = send(at, address, by, **hidden(check), step="record")
    assert done.status_code == 303, text(done)
    logged(at)
    return text(opened_in_browser(at, done.headers["location"], by))


def test_a_partner_disputes_by_the_one_form_and_both_find_it_in_their_work(at: Client) -> None:
    tin = shared(at)
    form = f"/operators/{tin}/open-dispute"

    assert f'href="{form}"' in opened(at, f"/operators/{tin}", PARTNER).text
    assert 'name="position"' not in opened(at, form, PARTNER).text
    done = recorded(at, form, PARTNER, kind="NOT_US", statement="This is a bakery.")
    assert "dispute opened" in done

    mine = section(opened(at, "/work", PARTNER).text, "disputes")
    assert tin in mine and "withdraw-dispute?dispute=" in mine
    theirs = section(opened(at, "/work", HOME).text, "disputes")
    assert "not us (China), answer due on" in theirs and "answer-dispute?dispute=" in theirs
    [answer] = re.findall(rf'href="(/operators/{tin}/answer-dispute[^"]+)"', theirs)
    recorded(at, answer, HOME, dispute=answer.partition("=")[2], answer="We ask the firm.")
    for by in (PARTNER, HOME, AUDITOR, f"company:{tin}"):
        page = text(opened(at, f"/operators/{tin}?tab=history", by))
        assert "This is a bakery." in page and "We ask the firm." in page, by
    for by in ("partner:KZ", None):
        assert "bakery" not in opened(at, f"/operators/{tin}?tab=history", by).text


def test_who_sees_no_operator_is_shown_no_form_for_it(at: Client) -> None:
    hidden_one, by = certified(at, "Synthetic Secret"), "partner:AU"  # no agreement with Korea

    answers = [
        opened(at, f"/operators/{tin}/open-dispute", by) for tin in (hidden_one, "KR9999999999")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    shown, absent = (text(answer) for answer in answers)
    assert shown.replace(hidden_one, "X") == absent.replace("KR9999999999", "X")
    assert opened(at, f"/operators/{hidden_one}/answer-dispute", by).status_code == 403
    assert opened(at, f"/operators/{hidden_one}/open-dispute").status_code == 403


def test_a_company_opens_and_withdraws_its_own_from_its_page(at: Client) -> None:
    tin = certified(at)
    by = f"company:{tin}"
    [form] = set(re.findall(rf'href="(/operators/{tin}/open-dispute)"', page(at, by)))

    recorded(at, form, by, kind="NOT_RECOGNISED", territory="CN", statement="China should.")

    assert "not recognised (China)" in re.sub(r"</?strong>", "", page(at, by))
    [withdraw] = re.findall(rf'href="(/operators/{tin}/withdraw-dispute[^"]+)"', page(at, by))
    id = withdraw.partition("=")[2]
    history = f"/operators/{tin}?tab=history"
    assert "withdraw-dispute" not in opened(at, history, HOME).text  # its customs may not
    form = opened(at, f"/operators/{tin}/open-dispute", HOME)
    refused = send(at, withdraw.partition("?")[0], HOME, **hidden(form), dispute=id)
    assert refused.status_code == 400 and "opened it itself, and withdraws it" in text(refused)
    recorded(at, withdraw, by, dispute=withdraw.partition("=")[2])
    assert "withdraw-dispute" not in page(at, by) and "withdrawn" in page(at, by)


def page(at: Client, by: str) -> str:
    answer = opened(at, "/company", by)
    assert answer.status_code == 200
    return answer.text


def test_the_partner_marks_changes_as_seen_and_a_colleague_still_sees_them(at: Client) -> None:
    tin, colleague = shared(at, "Synthetic News"), f"{PARTNER}/colleague"
    before = section(opened(at, "/work", PARTNER).text, "changes")
    assert tin in before and "changes of the last 30 days" in before
    form = hidden(opened(at, "/work", PARTNER))

    done = send(at, "/work/seen", PARTNER, position=form["position"])

    assert (done.status_code, done.headers["location"]) == (303, "/work#changes")
    after = section(opened(at, "/work", PARTNER).text, "changes")
    assert tin not in after and "No change since those that you have marked" in after
    assert tin in section(opened(at, "/work", colleague).text, "changes")
    later = shared(at, "Synthetic Later")
    after = section(opened(at, "/work", PARTNER).text, "changes")
    assert later in after and tin not in after


@pytest.mark.parametrize("typed", ["", "-1", "x", "9" * 30, "999999999"])
def test_a_mark_that_is_no_position_of_the_feed_is_refused(at: Client, typed: str) -> None:
    assert send(at, "/work/seen", PARTNER, position=typed).status_code == 400
    assert send(at, "/work/seen", f"company:{certified(at)}", position="1").status_code == 403


def test_the_history_is_a_signed_file_that_is_checked_without_the_register(
    at: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tin = certified(at, "Synthetic Archive")
    address = f"/operators/{tin}/history.json"
    keys, policy, file = (tmp_path / name for name in ("keys.json", "policy", "history.json"))
    keys.write_bytes(at.request("GET", "/log/receipt-keys").content)
    policy.write_bytes(at.request("GET", "/log/policy").content)

    def checked(content: bytes) -> int:
        file.write_bytes(content)
        named = [str(file), "--keys", str(keys), "--policy", str(policy)]
        return int(verifier().main(["history", *named]))

    assert address in opened(at, "/company", f"company:{tin}").text
    own = opened(at, address, f"company:{tin}").content
    history = json.loads(own)["history"]
    assert history["events"][0]["type"] == "operator.registered"
    assert all(event["proof"] and event["commitment"] is None for event in history["events"])
    assert checked(own) == 0
    assert checked(opened(at, address, AUDITOR).content) == 0
    assert "are shown to be what their leaves commit to" in capsys.readouterr().out
    for altered in (
        own.replace(b"Synthetic Archive", b"Synthetic Archiva"),
        own.replace(b'"path": [', b'"path": ["00", ', 1),
        opened(at, address, AUDITOR).content.replace(b"AEO", b"AFO", 1),
    ):
        assert checked(altered) != 0
    for by, status in (("partner:CN", 403), (f"company:{shared(at)}", 403), (None, 403)):
        for of in (tin, "KR9999999999"):
            assert opened(at, address.replace(tin, of), by).status_code == status


def test_a_row_of_the_history_leads_to_the_correction_of_that_record(at: Client) -> None:
    tin = certified(at)
    history = opened(at, f"/operators/{tin}?tab=history", HOME).text
    links = re.findall(rf'href="(/operators/{tin}/correct-record\?position=\d+)"', history)

    form = opened(at, links[-1], HOME).text

    assert len(links) > 2
    assert re.search(rf'<option value="{links[-1].partition("=")[2]}" selected', form)
    for by in (AUDITOR, f"company:{tin}", PARTNER):
        assert "correct-record" not in opened(at, f"/operators/{tin}?tab=history", by).text


def test_the_day_since_which_it_counts_is_that_of_the_home_customs(at: Client) -> None:
    tin = shared(at)
    company = page(at, f"company:{tin}")

    assert "Days are civil days of the home customs (Asia/Seoul)." in company
    days = re.findall(r'<td data-label="Since">([^<]*)', company)
    assert DAY in days and all(re.fullmatch(r"(\d{4}-\d\d-\d\d)?", day) for day in days)


def test_what_an_administration_with_a_key_did_not_sign_is_listed(at: Client) -> None:
    """The last one: from here on Korea signs."""
    assert "has named no key" in section(opened(at, "/work", HOME).text, "unsigned")
    key = Signer.of_seed("KR", ED25519, 32 * b"k").key
    record(at.database, {"command": "add_key", "administration": "KR", "key": str(key)})
    logged(at)
    assert "Every decision since the first key" in section(
        opened(at, "/work", HOME).text, "unsigned"
    )

    tin = "KR77999999"
    record(at.database, *operator(tin, "Imported", "KR-AEO", "AA", "KRAEO77999999", "2020-01-06"))
    Projector(at.database).catch_up()
    assert tin in section(opened(at, "/work", HOME).text, "uncovered")
    logged(at)
    covered = section(opened(at, "/work", HOME).text, "uncovered")
    assert tin not in covered and 'href="/log"' in covered

    unsigned = section(opened(at, "/work", HOME).text, "unsigned")
    assert unsigned.count(f"/operators/{tin}?tab=history") > 1 and "granted" in unsigned
    assert "lodged" not in unsigned  # what the operator does for itself
    assert tin not in opened(at, "/work", "officer:CN").text
