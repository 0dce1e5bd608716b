"""The search field suggests what has a page, says what it took words for, and guesses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from api.access.tokens import issue
from api.pages import search, suggestions
from api.pages.query import COOKIE, Unavailable
from tests.api.client import AUDITOR, CHINA, KOREA, Client


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(world, tmp_path_factory.mktemp("home")) as client:
        yield client


def suggested(at: Client, typed: str) -> list[str]:
    answer = at.request("GET", f"/search/suggest?q={quote(typed)}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/x-suggestions+json")
    words, titles, descriptions, addresses = answer.json()
    assert words == " ".join(typed.split())
    assert len(titles) == len(descriptions) == len(addresses) <= 10
    assert len(set(addresses)) == len(addresses)
    return [address.removeprefix("http://localhost") for address in addresses]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("uk", "/countries/GB"),
        ("Great Brit", "/countries/GB"),
        ("united k", "/countries/GB"),
        ("中国", "/countries/CN"),
        ("韩国", "/countries/KR"),
        ("Corée", "/countries/KR"),
        ("coree", "/countries/KR"),
        ("Китай", "/countries/CN"),
        ("الصين", "/countries/CN"),
        ("Nueva Ze", "/countries/NZ"),
        ("CN-RU-CONTROL", "/agreements/CN-RU-CONTROL"),
        ("cn-kr-aeo", "/agreements/CN-KR-AEO"),
        ("cn-aeo", "/programmes/CN-AEO"),
        ("safe-2018", "/documents/SAFE-2018"),
        ("soya", "/agreements/CN-RU-CONTROL"),
        ("黑河", "/agreements/CN-RU-CONTROL"),
        ("一带一路", "/documents/ACTION-PLAN-2018-2020"),
    ],
)
def test_what_people_begin_to_type_is_suggested_first(at: Client, typed: str, first: str) -> None:
    found = suggested(at, typed)
    assert first in found
    if first.startswith("/countries") or "-" in typed:
        assert found[0] == first


@pytest.mark.parametrize(
    "typed", ["", "c", "no such thing at all", "CN9999999999", "%", "<b>", "a'b"]
)
def test_where_nothing_is_meant_nothing_is_suggested(at: Client, typed: str) -> None:
    assert suggested(at, typed) == []


def test_suggestions_are_in_the_readers_language_and_lead_to_its_pages(at: Client) -> None:
    answer = at.request("GET", "/fr/search/suggest?q=chine")
    _words, titles, _descriptions, addresses = answer.json()
    assert (titles[0], addresses[0]) == ("Chine", "http://localhost/fr/countries/CN")


def test_words_that_are_no_code_lead_to_a_page_that_says_what_they_were_taken_for(
    at: Client,
) -> None:
    led = at.request("GET", "/search?q=UK")
    assert led.headers["location"] == "/countries/GB?searched=UK"
    page = at.request("GET", led.headers["location"]).text
    assert "You searched for “UK”. The code of United Kingdom is GB." in page
    hostile = at.request("GET", "/countries/GB?searched=%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in hostile


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/search?q=cn-ru-control", "/agreements/CN-RU-CONTROL"),
        ("/search?q=CN-KR-AEO", "/agreements/CN-KR-AEO"),
        ("/search?q=aamra", "/agreements/AAMRA"),
        ("/search?q=cn-aeo", "/programmes/CN-AEO"),
        ("/search?q=SAFE-2018", "/documents/SAFE-2018"),
        ("/agreements/cn-kr-aeo?at=2020-01-01", "/agreements/CN-KR-AEO?at=2020-01-01"),
    ],
)
def test_a_record_of_the_law_is_found_by_its_code_in_any_letter_case(
    at: Client, path: str, there: str
) -> None:
    assert at.request("GET", path).headers["location"] == there


def test_a_browsers_bar_can_search_the_site(at: Client, tmp_path: Path) -> None:
    answer = at.request("GET", "/opensearch.xml")
    assert answer.headers["content-type"].startswith("application/opensearchdescription+xml")
    space = "{http://a9.com/-/spec/opensearch/1.1/}"
    templates = {
        url.get("type"): url.get("template") or ""
        for url in ElementTree.fromstring(answer.text).findall(f"{space}Url")
    }
    for template in templates.values():
        asked = template.removeprefix("http://localhost").replace("{searchTerms}", "uk")
        assert at.request("GET", asked).status_code in (200, 303)
    assert set(templates) == {"text/html", "application/x-suggestions+json"}
    assert 'href="/opensearch.xml"' in at.request("GET", "/about").text


def page_for(at: Client, subject: str, words: str) -> str:
    cookie = {"cookie": f"{COOKIE}={issue(subject, at.home)}"} if subject else {}
    answer = at.request("GET", f"/search?q={quote(words)}", headers=cookie)
    assert answer.status_code == 200, answer.headers.get("location")
    return answer.text


@pytest.mark.parametrize(
    ("words", "link"),
    [
        ("大豆", "/control-results?hs=1201"),
        ("soja", "/control-results?hs=1201"),
        ("水果", "/control-results?hs=08"),
        ("TYPE3", "/programmes/BY-AEO"),
        ("高级认证企业", "/programmes/CN-AEO"),
        ("eu-uk", "/agreements?party=EU&amp;with=GB"),
        ("south korea agreement", "/countries/KR"),
        ("Weißrussland", "/countries/BY"),
        ("海关总署令第282号", "/programmes/CN-AEO"),
        ("verify", "/verify"),
        ("Order 282", "/programmes/CN-AEO"),
    ],
)
def test_words_that_people_type_lead_to_a_page(at: Client, words: str, link: str) -> None:
    for subject in ("", KOREA, CHINA, AUDITOR, "company:DESYNTHETIC0001"):
        assert f'href="{link}"' in page_for(at, subject, words), subject


def test_names_and_national_numbers_of_operators_are_for_those_who_may_list_them(
    at: Client,
) -> None:
    for words in ("Synthetic Machine", "DESYN1BER"):
        assert 'href="/operators/DESYNTHETIC0001"' in page_for(at, "partner:US", words)
        assert 'href="/operators/DESYNTHETIC0001"' not in page_for(at, "", words)
        # It gave no consent to Korea.
        assert 'href="/operators/DESYNTHETIC0001"' not in page_for(at, KOREA, words)
    assert "A company is found by its number" in page_for(at, "", "Samsung")
    assert "An operator that is not shown to you" not in page_for(at, "", "Samsung")


def test_names_that_cannot_be_looked_for_now_leave_the_rest_and_are_no_nothing(
    at: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_slow(*_asked: object) -> None:
        raise Unavailable("The question takes too long to answer. Ask for less of it.")

    monkeypatch.setattr(search, "by_name", too_slow)
    monkeypatch.setattr(suggestions, "by_name", too_slow)

    for words in ("China", "Nothing Of The Kind"):
        found = page_for(at, KOREA, words)
        assert "Names of operators could not be looked for now" in found
        assert "Nothing in the register answers" not in found
    assert 'href="/countries/CN"' in page_for(at, KOREA, "China")
    cookie = {"cookie": f"{COOKIE}={issue(KOREA, at.home)}"}
    assert "China" in at.request("GET", "/search/suggest?q=Chin", headers=cookie).text


def test_a_number_without_its_country_is_asked_for_its_country(at: Client) -> None:
    found = page_for(at, "", "0000000012")
    assert "Which country is this one of?" in found and '<option value="CN">' in found
    led = at.request("GET", "/search?q=0000000012&of=CN")
    assert led.headers["location"] == "/operators/CN0000000012"
