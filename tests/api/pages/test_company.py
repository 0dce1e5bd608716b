"""The page of a company about itself: what it reads there, and who else does."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from api.pages.company import language_of_customers
from tests.api.certified import certified, logged, office
from tests.api.client import AUDITOR, KOREA, Client
from tests.api.pages.test_pages import opened, read, text
from tests.api.region import FRUIT, SHUT, clause, record

__all__ = ["office"]

COMPANY = f"company:{FRUIT}"


@pytest.fixture(scope="module")
def at(office: Client) -> Client:
    """The region."""
    logged(office)
    return office


def row(at: Client, there: str, by: str = COMPANY, page: str = "/company") -> str:
    """The row of a territory, as HTML."""
    found = re.search(rf'<tr id="in-{there}">.*?</tr>', opened(at, page, by).text, re.DOTALL)
    assert found, there
    return found[0]


def test_a_company_reads_where_it_is_recognised_since_when_and_why_not_elsewhere(
    at: Client,
) -> None:
    page = read(at, "/company", COMPANY)

    assert "South Korea KR" in page and "CN-KR-AEO" in page
    assert row(at, "KR").count("recognised</span>") == 2 and "2016-05-02" in row(at, "KR")
    assert "TYPE_OUT_OF_SCOPE" in row(at, "KZ") and "2016-05-02" in row(at, "KZ")
    assert f"/operators/{FRUIT}/certificate" in opened(at, "/company", COMPANY).text


def test_where_consent_is_missing_a_button_leads_to_its_form_filled_in(at: Client) -> None:
    by = f"company:{SHUT}"
    links = re.findall(r'class="button" href="([^"]*give-consent[^"]*)"', row(at, "CN", by))

    [link] = links
    assert parse_qs(urlsplit(link).query) == {"partner": ["CN"]}
    form = opened(at, link, by)
    assert form.status_code == 200
    assert re.search(r'<option value="CN" selected', form.text)
    assert "give-consent?" not in row(at, "KR")


@pytest.mark.parametrize("shown", ["in=CN", "tab=recognition"])
def test_the_button_of_consent_stands_beside_the_answer_that_lacks_it(
    at: Client, shown: str
) -> None:
    """On the operator's page, too: the company gives it, its home customs records it, an auditor
    is told who may."""
    page = f"/operators/{SHUT}?{shown}"
    for by, word in ((f"company:{SHUT}", "Give consent for"), ("officer:FR", "Record the consent")):
        found = opened(at, page, by).text
        assert "give-consent?partner=CN" in found and word in found, by
    auditor = opened(at, page, AUDITOR)
    assert "or its home customs on its behalf" in text(auditor)
    assert "give-consent?" not in auditor.text


def test_a_partner_and_another_company_are_led_to_their_own_place(at: Client) -> None:
    for by, place in ((KOREA, "/check"), ("company:CN9999999999", "/company")):
        known = opened(at, f"/company?of={FRUIT}", by)
        unknown = opened(at, "/company?of=CN8888888888", by)

        assert known.status_code == unknown.status_code == 403
        assert f'href="{place}"' in known.text
        for word in ("Synthetic Fruit", "AEOCN1234567890", "TYPE_OUT_OF_SCOPE"):
            assert word not in known.text
        assert _without(known.text, FRUIT) == _without(unknown.text, "CN8888888888")


def _without(page: str, tin: str) -> str:
    """A page without what was asked and when."""
    return re.sub(r'(value|content)="[^"]*"|\d\d:\d\d:\d\d', "", page.replace(tin, ""))


def test_the_public_is_told_for_whom_the_page_is(at: Client) -> None:
    page = opened(at, "/company")

    assert page.status_code == 403 and "for a company that is signed in" in text(page)


def test_home_customs_and_auditors_name_the_company_and_give_no_consent_for_it(
    at: Client,
) -> None:
    for by in (AUDITOR, "officer:FR"):
        shown = f"/company?of={SHUT}"
        assert "You see the page that this company sees" in read(at, shown, by)
        assert "NO_CONSENT" in row(at, "CN", by, shown)
    assert "give-consent?" not in row(at, "CN", AUDITOR, f"/company?of={SHUT}")
    assert 'name="of"' in opened(at, "/company", AUDITOR).text
    assert opened(at, "/company?of=12", AUDITOR).status_code == 400


def test_the_company_copies_for_its_customer_which_number_to_write_and_where(at: Client) -> None:
    place = {"identifier_scheme": "KR_AEO", "declaration_box": "box 44"}
    record(at.database, clause("CN-KR-AEO", "KR", "CN", "AA", day="2018-01-01", **place))
    tin = certified(at, "Synthetic Kiln")
    number = f"KRAEO{tin[2:]}"
    record(
        at.database, {"command": "add_identifier", "tin": tin, "scheme": "KR_AEO", "value": number}
    )
    logged(at)

    found = row(at, "CN", f"company:{tin}")

    assert f'<bdi class="code">{number}</bdi>' in found and "box 44" in found
    [sentence] = re.findall(r'<p id="sentence-CN-1" lang="zh-Hans" dir="ltr">(.+?)</p>', found)
    assert number in sentence and "box 44" in sentence and "进口报关单" in sentence
    assert 'data-copy="sentence-CN-1"' in found


@pytest.mark.parametrize(
    ("territory", "tag"),
    [("CN", "zh-Hans"), ("KZ", "ru"), ("CH", "fr"), ("KR", "en"), ("EU", "en"), ("HK", "en")],
)
def test_the_sentence_for_the_customer_is_in_a_language_of_the_territory(
    territory: str, tag: str
) -> None:
    assert language_of_customers(territory).tag == tag
