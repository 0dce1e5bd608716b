"""An officer suspends an operator in a real browser: by hand, twice, backwards, and in two tabs."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect

from api.access.tokens import issue
from api.pages.forms import CSRF_COOKIE
from api.pages.query import COOKIE
from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.ledger.database import environment
from tests.api.access.test_authentication import posts
from tests.api.pages.posting import FORMS, OTHERS, Posting, Register
from tests.api.pages.test_in_browser import become
from tests.api.served import served

STEEL, FRUIT = "CN0000000012", "CN1234567890"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def address(world: str, home: Path) -> Iterator[str]:
    stop = threading.Event()
    follower = threading.Thread(target=Projector(world).run, args=(stop, 0.05))
    follower.start()
    try:
        with served(world, home) as service:
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


# ------------------------------------------------------- every form, and what may happen to it


@pytest.fixture(scope="module")
def register(world: str, home: Path) -> Iterator[Register]:
    """The register behind the service, in which China wants a second person for its rules."""
    registry = Registry(environment(world))
    at = Register(world, home, registry)
    paper = {"parties": ["CN"], "source": "a notice"}
    at.tell("publish_document", document="CN-PLAN", title="A plan", **paper)
    rule = {"commands": ["set_rule"], "source": "an order"}
    at.tell("require_second_person", administration="CN", **rule)
    yield at
    registry.close()


class Desk:
    """A browser of its own for each subject, with JavaScript or without."""

    def __init__(self, browser: Browser, address: str, register: Register) -> None:
        self.browser, self.address, self.at = browser, address, register
        self.contexts: dict[bool, BrowserContext] = {}

    def page(self, script: bool) -> Page:
        if script not in self.contexts:
            self.contexts[script] = self.browser.new_context(java_script_enabled=script)
        return self.contexts[script].new_page()

    def identify(self, page: Page, by: str) -> None:
        """As signing in does."""
        cookie = {"name": COOKIE, "value": issue(by, self.at.home), "url": self.address}
        page.context.add_cookies([cookie])  # type: ignore[list-item]

    @contextmanager
    def opened(
        self, form: Posting, *, script: bool = True
    ) -> Iterator[tuple[Page, str, dict[str, str]]]:
        """A page with the form, filled in; its address; and what was typed."""
        path = form.path(self.at)
        page = self.page(script)
        self.identify(page, form.subject(path))
        page.goto(f"{self.address}{path}")
        typed = form.typed()
        form.fill(page, typed)
        yield page, path, typed
        page.close()


@pytest.fixture(scope="module")
def desk(browser: Browser, address: str, register: Register) -> Iterator[Desk]:
    found = Desk(browser, address, register)
    yield found
    for context in found.contexts.values():
        context.close()


each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name.replace(" ", "_"))
#: The first form of each page: who keeps what was typed is the page, and not the command.
each_page = pytest.mark.parametrize(
    "form", {form.route: form for form in reversed(FORMS)}.values(), ids=lambda form: form.route
)
#: How a page says that what it is asked for is on record, or that something came between.
TOLD = re.compile(
    "The file changed after you opened this form|This is on record already|It was on record already"
    "|on record already; nothing is added|This proposal is closed already|is named already"
    "|is in the register already|ERASED"
)


@contextmanager
def once(desk: Desk, form: Posting) -> Iterator[None]:
    """Whatever is sent meanwhile is recorded once."""
    before = desk.at.rows(form.counted)
    yield
    assert desk.at.rows(form.counted) - before == form.more


def is_done(page: Page, form: Posting) -> None:
    expect(page.locator("main")).to_contain_text(form.done)


def is_told(page: Page) -> None:
    expect(page.locator("main")).to_contain_text(TOLD)


def comes_back(desk: Desk, page: Page, form: Posting, path: str) -> None:
    """Signs in, as the page of a session that has ended offers, and is back at the form."""
    expect(page.locator("#ended")).to_contain_text("What you typed is kept")
    link = page.locator("main a.button").first.get_attribute("href") or ""
    desk.identify(page, form.subject(path))
    page.goto(f"{desk.address}{parse_qs(urlsplit(link).query)['next'][0]}")
    expect(page.locator("#back")).to_contain_text("What you typed is still here")


def lose_answers(route: Route) -> None:
    """The form arrives, and what is answered to it does not."""
    if route.request.method == "POST":
        route.fetch(max_redirects=0)
        route.abort()
    else:
        route.continue_()


@each_form
def test_a_cut_line_and_an_ended_session_lose_nothing_and_a_double_click_records_once(
    desk: Desk, form: Posting
) -> None:
    with desk.opened(form, script=True) as (page, path, typed), once(desk, form):
        form.preview(page)
        page.context.set_offline(True)
        form.button(page).click()
        expect(page.get_by_role("alert")).to_contain_text("nothing was sent")
        page.context.set_offline(False)
        page.context.clear_cookies(name=COOKIE)
        form.button(page).click()
        comes_back(desk, page, form, path)
        form.holds(page, typed)
        form.preview(page)
        form.button(page).dblclick()
        is_done(page, form)


@each_page
def test_without_scripts_dropped_cookies_lose_nothing_and_a_double_click_records_once(
    desk: Desk, form: Posting
) -> None:
    """The browser drops the session and the cookie of its forms, once together, and once the
    latter alone."""
    with desk.opened(form, script=False) as (page, path, typed), once(desk, form):
        form.preview(page)
        page.context.clear_cookies()
        form.button(page).click()
        comes_back(desk, page, form, path)
        form.holds(page, typed)
        page.context.clear_cookies(name=CSRF_COOKIE)
        form.first(page).click()
        expect(page.locator("#lapsed")).to_contain_text("What you typed is kept")
        page.get_by_role("link", name="Go on").click()
        form.holds(page, typed)
        form.preview(page)
        form.button(page).dblclick()
        is_done(page, form)


@each_form
def test_a_lost_answer_a_second_tab_and_the_way_back_record_nothing_twice_and_say_so(
    desk: Desk, form: Posting
) -> None:
    with desk.opened(form, script=False) as (page, path, typed), once(desk, form):
        other = page.context.new_page()
        other.goto(f"{desk.address}{path}")
        form.fill(other, typed)
        form.preview(page)
        page.route("**/*", lose_answers)
        form.button(page).click(no_wait_after=True)
        expect(page).to_have_url(re.compile("^chrome-error:"))
        page.unroute("**/*")
        page.reload()
        is_done(page, form)

        form.first(other).click()
        is_told(other)
        other.close()

        if form.steps:
            with suppress(Error):  # the page is left before it answers
                page.evaluate("history.back()")
            page.wait_for_url(lambda url: url.endswith(path))
        else:  # its entry in the history is that of the form
            page.goto(f"{desk.address}{path}")
        if form.first(page).count():  # nothing can be erased twice
            form.fill(page, typed)
            form.first(page).click()
            is_told(page)
            if form.steps and form.button(page).count():  # or the form is refused already
                form.button(page).click()
        is_told(page)


def test_each_page_to_which_a_form_is_sent_is_in_the_table() -> None:
    assert {*posts()} == {form.route for form in FORMS} | OTHERS.keys()
