"""An officer suspends an operator in a real browser: by hand, twice, backwards, and in two tabs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from projections.engine.projector import Projector
from tests.api.pages.test_in_browser import become
from tests.api.served import served

STEEL, FRUIT = "CN0000000012", "CN1234567890"


@pytest.fixture(scope="module")
def address(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    stop = threading.Event()
    follower = threading.Thread(target=Projector(world).run, args=(stop, 0.05))
    follower.start()
    try:
        with served(world, tmp_path_factory.mktemp("home")) as service:
            yield service
    finally:
        stop.set()
        follower.join()


@pytest.fixture
def officer(browser: Browser, address: str) -> Iterator[Page]:
    """An officer of China, on a telephone, without JavaScript."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    become(page, address, "officer:CN")
    yield page
    context.close()


def test_an_officer_suspends_by_hand(officer: Page, address: str) -> None:
    page = officer
    page.goto(f"{address}/operators/{FRUIT}")
    page.get_by_role("link", name="Suspend authorisation").click()
    form = page.url

    page.get_by_role("button", name="Continue").click()  # nothing is typed yet
    expect(page.locator("#f-reason-wrong")).to_contain_text("Nothing is filled in here")
    page.get_by_label("Legal ground").fill("Order 251")
    page.get_by_label("Reason").fill("an audit is overdue")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check: Suspend authorisation")
    expect(page.locator("main")).to_contain_text("territories lose recognition from")

    # Another tab, opened before anything is recorded.
    other = page.context.new_page()
    other.goto(form)
    other.get_by_label("Reason").fill("the same, in another tab")

    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_label("Legal ground")).to_have_value("Order 251")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Record it").dblclick()
    page.wait_for_url("**recorded=*")
    expect(page.locator("#done")).to_contain_text("Recorded.")
    expect(page.locator("#visible")).to_contain_text("in 0.")

    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()  # the preview is stored nowhere, and is not sent again by itself

    other.get_by_role("button", name="Continue").click()
    expect(other.locator("#moved")).to_contain_text("an audit is overdue")
    expect(other.get_by_label("Reason")).to_have_value("the same, in another tab")

    page = other
    page.goto(f"{address}/operators/{FRUIT}")
    expect(page.get_by_role("link", name="Suspend authorisation")).to_have_count(0)
    expect(page.get_by_role("link", name="Lift suspension")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_session_that_ends_comes_back_to_what_was_typed(officer: Page, address: str) -> None:
    page = officer
    page.goto(f"{address}/operators/{STEEL}/amend-particulars")
    page.get_by_label("Address").fill("1 New Quay")
    cookies = [c for c in page.context.cookies() if c["name"] != "aeo-token"]
    page.context.clear_cookies()
    page.context.add_cookies(cookies)  # type: ignore[arg-type]

    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#ended")).to_contain_text("Your session has ended")
    page.locator("main a.button").click()
    page.locator('input[name="subject"][value="officer:CN"]').check()
    page.get_by_role("button", name="Sign in as this identity").click()

    expect(page.locator("#back")).to_contain_text("What you typed is still here")
    expect(page.get_by_label("Address")).to_have_value("1 New Quay")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Record it").click()
    expect(page.locator("#done")).to_contain_text("Recorded.")


def test_a_form_that_cannot_be_sent_keeps_what_was_typed_and_says_so(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    become(page, address, "officer:CN")
    page.goto(f"{address}/operators/{STEEL}/amend-particulars")
    page.get_by_label("Address").fill("2 New Quay")

    context.set_offline(True)
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_role("alert")).to_contain_text("nothing was sent")
    expect(page.get_by_label("Address")).to_have_value("2 New Quay")
    context.set_offline(False)
    page.get_by_role("button", name="Continue").dblclick()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check: ")
    expect(page.locator("main")).to_contain_text("2 New Quay")
    context.close()


def test_an_agreement_is_suspended_with_the_keyboard_alone(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    become(page, address, "officer:CN")
    page.goto(f"{address}/agreements/CN-KR-AEO")

    walk_to(page, "Suspend agreement")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspend agreement")
    walk_to(page, "Legal ground")
    page.keyboard.type("Note 12 of the ministry")
    walk_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page.locator("#effect + ul")).to_contain_text(
        "1 territory no longer recognises South Korea by this agreement from"
    )
    walk_to(page, "Record it")
    page.keyboard.press("Enter")

    expect(page.locator("#done")).to_contain_text("Recorded.")
    walk_to(page, "Back to")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Resume agreement")).to_be_visible()
    context.close()


#: The name by which a reader of the page knows the focused element, and whether its focus is seen.
FOCUSED = """() => {
  const at = document.activeElement;
  const name = at.labels?.length ? at.labels[0].textContent : at.textContent;
  const outline = getComputedStyle(at).outlineStyle;
  return [name.trim(), at.matches(":focus-visible") && outline !== "none"];
}"""


def walk_to(page: Page, name: str) -> None:
    """Presses the tabulator until the focus is on what has this name. The focus is visible."""
    for _ in range(200):
        page.keyboard.press("Tab")
        found, is_seen = page.evaluate(FOCUSED)
        if found.startswith(name):
            assert is_seen, f"the focus on {name} is not visible"
            return
    raise AssertionError(f"{name} is not reached with the tabulator")
