"""The questions that people bring, each walked in a browser as its person would."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.access.tokens import issue
from api.languages import catalogues
from api.pages import site
from api.pages.query import COOKIE
from ops.journeys import FURTHER, JOURNEYS, Journey, Typed
from tests.api.pages.turned import turn
from tests.api.region import record
from tests.api.served import served

GOODS = "CN0000000035"
#: Pages to which the bar of whoever is signed in leads.
OWN = {"/work", "/company"}


@pytest.fixture(scope="module")
def place(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a service on the loaded record, and its home."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEO_DEADLINE", "20")  # a machine that tests many things at once is slow
        with served(world, home) as address:
            _told_too_early(address, home, world)
            yield address, home


def _told_too_early(address: str, home: Path, world: str) -> None:
    """Korea asks about an operator whose suspension is recorded only after that, with effect from
    days before."""
    question = f'{{ recognition(tin: "{GOODS}", in: "KR") {{ outcome }} }}'
    headers = {"Authorization": f"Bearer {issue('partner:KR', home)}", "Purpose": "declaration 77"}
    answer = httpx.post(f"{address}/graphql", json={"query": question}, headers=headers)
    assert answer.json()["data"] == {"recognition": {"outcome": "RECOGNISED"}}
    with psycopg.connect(world, autocommit=True) as connection:
        for _ in range(1_200):
            if connection.execute(
                "select 1 from access.read_log where territory = 'KR'"
            ).fetchone():
                break
            time.sleep(0.05)
        else:
            raise AssertionError("the look is not in the log of looks after a minute")
    record(
        world,
        {
            "command": "suspend_authorisation",
            "tin": GOODS,
            "reason": "late books",
            "effective": f"{datetime.now(UTC).date() - timedelta(3)}",
            "legal_ground": "Art. 4",
        },
    )


def signed_in(browser: Browser, place: tuple[str, Path], subject: str) -> BrowserContext:
    """A window of somebody, on the smallest telephone."""
    address, home = place
    window = browser.new_context(viewport={"width": 320, "height": 700})
    if subject:
        window.add_cookies([{"name": COOKIE, "value": issue(subject, home), "url": address}])
    return window


def walk(page: Page, address: str, journey: Journey, tag: str = "en") -> SplitResult:
    """Walks a journey in a browser: fills in fields and presses links and buttons by their labels
    in the language `tag`. Returns the address of the last page, its path without the language."""
    words = catalogues.language(tag).gettext
    page.goto(f"{address}/{tag}{journey.start}")
    for step in journey.steps:
        if isinstance(step, Typed):
            field = page.get_by_label(words(step.field), exact=True).first
            field.fill(step.text)
            if step.enter:
                with page.expect_navigation():
                    field.press("Enter")
        else:
            role = "button" if step.button else "link"
            with page.expect_navigation():
                page.locator("main").get_by_role(role, name=words(step.name)).first.click()
    there = urlsplit(page.url)
    return there._replace(path=there.path.removeprefix(f"/{tag}"))


def another(journey: Journey) -> str:
    """The language, other than English, in which a journey is walked: each has its turn."""
    others = [tag for tag in catalogues.tags() if tag != "en"]
    return others[journey.number % len(others)]


def test_there_is_a_journey_for_each_question_and_none_is_long() -> None:
    menu = {page.address for page in site.menu()} | {"/"} | OWN

    assert len(JOURNEYS) == 20
    assert [each.number for each in (*JOURNEYS, *FURTHER)] == list(range(1, 31))
    for each in (*JOURNEYS, *FURTHER):
        assert len(each.steps) <= 3 and urlsplit(each.start).path in menu, each.question
        assert each.page in site.by_address() and each.shows, each.question


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda each: f"{each.number:02}")
def test_a_question_is_answered_in_three_steps(
    browser: Browser, place: tuple[str, Path], journey: Journey
) -> None:
    """In English with scripts; the page of the answer then in every language on a telephone, and in
    one of the languages the whole way."""
    address, _home = place
    window = signed_in(browser, place, journey.subject)
    page = window.new_page()
    there = walk(page, address, journey)

    found = site.page_at(there.path)
    assert found and found.address == journey.page
    for words in journey.shows:
        expect(page.locator("main")).to_contain_text(words)
    wide = {}
    for tag in catalogues.tags():
        turn(page, f"{address}/{tag}{there.path}{'?' if there.query else ''}{there.query}")
        assert page.locator("html").get_attribute("lang") == tag
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320 or not page.locator("h1").is_visible():
            wide[tag] = width
    assert walk(page, address, journey, another(journey)).path == there.path
    window.close()

    assert wide == {}


@pytest.mark.parametrize("journey", FURTHER, ids=lambda each: f"{each.number:02}")
def test_a_further_question_is_answered_in_english_and_in_another_language(
    browser: Browser, place: tuple[str, Path], journey: Journey
) -> None:
    address, _home = place
    window = signed_in(browser, place, journey.subject)
    page = window.new_page()
    for tag in ("en", another(journey)):
        found = site.page_at(walk(page, address, journey, tag).path)
        assert found and found.address == journey.page
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        if tag == "en":
            for words in journey.shows:
                expect(page.locator("main")).to_contain_text(words)
    window.close()
