"""The pages in a real browser: by keyboard, by screen reader, narrow, dark, and by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from api.pages.forms import CSRF_COOKIE
from tests.api.pages.roles import become as become
from tests.api.pages.roles import paths
from tests.api.pages.walk import addresses
from tests.api.served import served

PAGES = tuple(addresses())

#: What a page must have for whoever cannot see it; each complaint names the element.
COMPLAINTS = """() => {
  const all = (chosen) => [...document.querySelectorAll(chosen)];
  const told = (element) => element.outerHTML.slice(0, 90);
  const named = (element) => element.getAttribute("aria-label") || element.textContent.trim()
    || (element.getAttribute("aria-labelledby") || "").split(" ")
      .map((id) => document.getElementById(id)?.textContent || "").join("").trim();
  const found = [];
  const want = (holds, complaint) => { if (!holds) found.push(complaint); };
  want(document.documentElement.lang === "en", "the page has no language");
  want(document.title.length > 12, "the page has no title");
  for (const chosen of ["main", "header", "nav", "footer", "h1"])
    want(all(chosen).length >= 1, `no ${chosen}`);
  want(all("main").length === 1 && all("h1").length === 1, "more than one main or h1");
  let level = 0;
  for (const heading of all("h1, h2, h3, h4")) {
    const next = Number(heading.tagName[1]);
    want(next <= level + 1, `a level is left out before ${told(heading)}`);
    want(heading.textContent.trim(), "an empty heading");
    level = next;
  }
  for (const field of all("input:not([type=hidden]), select, textarea"))
    want(field.labels.length, `no label: ${told(field)}`);
  for (const link of all("a, button:not([hidden]), summary"))
    want(named(link), `no name: ${told(link)}`);
  for (const table of all("table")) {
    want(table.caption?.textContent.trim(), `no caption: ${told(table)}`);
    want(table.querySelectorAll("thead th[scope=col]").length, `no column heads: ${told(table)}`);
  }
  // A picture with links is a group: what is inside an img cannot be reached.
  for (const picture of all("svg:not([aria-hidden])")) {
    const role = picture.querySelector("a") ? ["group", "img"] : ["img"];
    want(role.includes(picture.getAttribute("role")), `no picture: ${told(picture)}`);
    want(named(picture), `no text: ${told(picture)}`);
  }
  for (const image of all("img")) want(image.alt, `no alt: ${told(image)}`);
  for (const region of all("[tabindex='0']:not(pre)"))
    want(named(region), `a stop without a name: ${told(region)}`);
  for (const id of all("[id]").map((element) => element.id))
    want(document.querySelectorAll(`[id="${id}"]`).length === 1, `twice: id ${id}`);
  for (const pointer of all("[aria-describedby], [aria-labelledby]"))
    for (const name of ["aria-describedby", "aria-labelledby"])
      for (const id of (pointer.getAttribute(name) || "").split(" ").filter(Boolean))
        want(document.getElementById(id), `${name} points nowhere: ${told(pointer)}`);
  return found;
}"""

#: WCAG 2.2, 1.4.3: text against what is behind it, 4.5 to 1, or 3 to 1 where it is large.
TOO_FAINT = """() => {
  const parts = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = parts(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = parts(element.closest("svg") ? style.fill : style.color).slice(0, 3);
    const [a, b] = [light(ink), light(behind(element))];
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const wanted = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < wanted)
      found.push(`${contrast.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return [...new Set(found)];
}"""


@pytest.fixture(scope="module")
def address(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service in a process of its own, on the loaded record."""
    with served(world, tmp_path_factory.mktemp("home")) as service:
        yield service


def test_no_other_host_is_asked_and_nothing_is_refused(page: Page, address: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    for path in PAGES:
        page.goto(address + path)

    assert [url for url in asked if not url.startswith(address + "/")] == []
    # A page of what is not there, or was asked wrongly, is told as such by its status.
    assert [text for text in said if "status of 40" not in text] == []


#: What somebody types who wants to harm another reader, or to see how the register fails.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "javascript:alert(1)",
    "<svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "{{7*7}}{% raw %}",
    "\u202egnp.exe",
    "\x00",
    "..%2f..%2fetc%2fpasswd",
    "' or 1=1 --",
    "\r\nSet-Cookie: a=b",
    "\U0001f600" * 50 + "A" * 500,
)


@pytest.mark.parametrize("place", ["/search?q={}", "/operators/{}", "/countries/CN?at={}"])
def test_a_hostile_address_is_shown_as_text_and_does_nothing(
    page: Page, address: str, place: str
) -> None:
    done: list[str] = []
    page.on("dialog", lambda dialog: (done.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: done.append(str(error)))
    for text in HOSTILE:
        answer = page.goto(address + place.format(quote(text, safe="")))

        assert answer and answer.status < 500
        assert answer.headers.get("set-cookie", CSRF_COOKIE).startswith(CSRF_COOKIE)
        assert page.url.startswith(f"{address}/") and page.locator("h1").count() == 1
        assert page.locator("[onerror], [onload], main script:not([src]), main img").count() == 0
        assert "49" not in page.title()
    assert done == []


def test_an_operator_is_found_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(address)

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q":
            break
    page.keyboard.type("CN1234567890")
    page.keyboard.press("Enter")

    page.wait_for_url(f"{address}/operators/CN1234567890")
    assert page.get_by_role("heading", level=1).inner_text() == "Synthetic Fruit Exporter Ltd (CN)"


def test_what_is_typed_is_suggested_and_chosen_by_keyboard_alone(page: Page, address: str) -> None:
    page.goto(f"{address}/fr/")
    field = page.get_by_role("combobox")
    field.press_sequentially("Coré")
    option = page.get_by_role("option", name="Corée du Sud")
    expect(option).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")

    field.press("Escape")
    expect(option).to_be_hidden()
    field.press_sequentially("e")
    expect(option).to_be_visible()
    while option.get_attribute("aria-selected") != "true":
        field.press("ArrowDown")
    field.press("Enter")

    page.wait_for_url(f"{address}/fr/countries/KR")


def test_where_one_is_on_a_page_can_be_seen(page: Page, address: str) -> None:
    page.goto(f"{address}/tour/12")

    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")


#: Remembers what of `main` can be used, in order, and what of it the keyboard reached with a focus
#: that is seen; returns how many there are. Of a group of radio buttons one is a stop, and the
#: focus of a hidden input is seen at its label.
_STOPS = """() => {
  const seen = (e) => e && getComputedStyle(e).outlineStyle !== "none";
  const groups = new Set(), name = (e) => e.type === "radio" ? `${e.form?.id} ${e.name}` : e;
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary,"
    + "[tabindex='0']")].filter((e) => e.closest("main") && e.type !== "hidden" && !e.disabled
    && e.tabIndex >= 0 && e.checkVisibility());
  const chosen = new Set(all.filter((e) => e.type === "radio" && e.checked).map(name));
  window.stops = all.filter((e) => {
    const first = !groups.has(name(e)) && !(chosen.has(name(e)) && !e.checked);
    if (first) groups.add(name(e));
    return first;
  });
  window.reached = new Set();
  document.addEventListener("focusin", ({ target }) => {
    if (seen(target) || [...(target.labels || [])].some(seen)) window.reached.add(target);
  });
  return window.stops.length;
}"""
_MISSED = """([first, last]) => window.stops.slice(first, last)
  .filter((e) => !window.reached.has(e)).map((e) => e.outerHTML.slice(0, 90))"""
#: Stops at the beginning of a page, and at its end, that are walked: the rows between are alike.
MOST = 30
#: Stops that are no element of the page, at most: the parts of a date, and what scrolls.
INNER = 20


def tabbed(page: Page, first: int, last: int) -> list[str]:
    """Presses Tab from the stop before `first` on; the stops before `last` that were not
    reached."""
    for _ in range(last - first):
        page.keyboard.press("Tab")
    missed: list[str] = page.evaluate(_MISSED, [first, last])
    for _ in range(INNER):
        if not missed:
            break
        page.keyboard.press("Tab")
        missed = page.evaluate(_MISSED, [first, last])
    return missed


def unreached(page: Page) -> list[str]:
    """What of the page that is open cannot be reached by keyboard: from the link that skips to the
    content, through all that can be used, to the foot."""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    found = []
    if page.evaluate("document.activeElement.id") != "main":
        found.append("no link that skips to the content")
    number = page.evaluate(_STOPS)
    found += tabbed(page, 0, min(number, MOST))
    if number > MOST:
        late = max(MOST, number - MOST)
        page.evaluate("(late) => window.stops[late].focus()", late)
        found += tabbed(page, late, number)
    for _ in range(INNER):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('.foot'))"):
            return found
    return [*found, "the foot is not reached"]


def test_each_form_and_menu_is_used_by_keyboard_alone(page: Page, address: str) -> None:
    become(page, address, "officer:CN")
    menu = page.locator(".languages")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(menu.locator("a").first).to_be_focused()
    wrong: dict[str, list[str]] = {}
    for path in paths("officer:CN"):
        page.goto(f"{address}/en{path}")
        if found := unreached(page):
            wrong[path] = found

    assert wrong == {}


def test_the_clocks_are_turned_by_hand(page: Page, address: str) -> None:
    become(page, address, "officer:CN")
    page.goto(f"{address}/operators/CN0000000012?tab=history")
    page.get_by_text("Change the dates").click()
    page.get_by_label("Status on").fill("2026-03-05")
    page.get_by_label("As recorded by").fill("2026-03-06")

    page.get_by_role("button", name="Show").click()

    page.wait_for_url("**/operators/CN0000000012?at=2026-03-05&known-at=2026-03-06&tab=history")
    intervals = page.get_by_role("region", name="Intervals of status")
    assert "suspended" not in intervals.inner_text()
    assert "valid" in intervals.inner_text()
    picture = page.get_by_role("img", name="Status of Synthetic Steel Exporter Ltd (CN) over time")
    assert "asked: 2026-03-05" in (picture.text_content() or "")


def test_who_may_not_ask_becomes_somebody_who_may(page: Page, address: str) -> None:
    page.goto(f"{address}/tour/13")
    page.get_by_role("button", name="Sign in as an auditor").first.click()

    expect(page.get_by_role("note")).to_contain_text("You ask as an auditor")
    assert page.url == f"{address}/tour/13"
    expect(page.locator(".outcome")).to_contain_text(["recognised", "not recognised"])


def test_a_question_can_be_copied(browser: Browser, address: str) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{address}/tour/4")
    page.get_by_text("The same question in GraphQL").first.click()

    page.get_by_role("button", name="Copy").first.click()

    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("query ControlResult(") and "reasons { code message facts" in copied
    context.close()


def test_the_pages_need_no_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/tour/9")
    page.get_by_label("Status on").fill("2024-08-20")
    page.get_by_role("button", name="Ask", exact=True).click()

    page.wait_for_url("**/tour/9?ask=1&at=2024-08-20&known-at=")
    assert "Law at 2024-08-20" in page.locator("main").inner_text()
    context.close()


def test_an_example_is_chosen_by_keyboard_and_without_a_script(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/developers")
    expect(page.locator("#example-curl")).to_be_visible()

    first = page.get_by_role("group", name="The language of the example", exact=True)
    first.get_by_role("radio", name="curl").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")

    expect(first.get_by_role("radio", name="Java", exact=True)).to_be_checked()
    expect(page.locator("#example-java")).to_be_visible()
    assert page.locator(".tabs").count() == 9
    assert page.locator(".tabs pre:visible").count() == 9  # one example in each
    context.close()


def test_a_page_can_be_printed(page: Page, address: str) -> None:
    page.goto(f"{address}/agreements/CN-AU-AEO")

    page.emulate_media(media="print")

    assert not page.get_by_role("navigation", name="Main").is_visible()
    assert page.get_by_role("heading", level=1).is_visible()
