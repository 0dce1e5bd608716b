"""Tests that open each page of the site in a real browser.

Each page fits a telephone of 320 pixels. The accessibility checker axe, and our own rules, find
nothing wrong in the light and in the dark scheme. Screenshots of each page are saved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from api.pages import type_names
from api.pages.site import PAGES, page_at
from registry.domain.identifiers import schemes
from tests.api.pages import roles as roles_of_pages
from tests.api.pages.axe import SEEN, serious
from tests.api.pages.test_in_browser import COMPLAINTS, TOO_FAINT, become
from tests.api.pages.turned import turn
from tests.api.pages.walk import SAMPLES, addresses
from tests.api.served import served
from tests.keeping_log import all_is_signed

NARROW, WIDE = {"width": 320, "height": 900}, {"width": 1280, "height": 900}
#: What a target of the pointer must measure at least (WCAG 2.2, 2.5.8), in pixels; a link in a
#: sentence is exempt, and so is one with enough room around it.
TARGETS = """() => [...document.querySelectorAll("nav a, button, summary, .button, input")]
  .filter((e) => e.checkVisibility() && e.type !== "hidden" && e.type !== "radio"
    && !e.closest(".crumbs, .tabs"))
  .map((e) => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
  .filter(([, r]) => r.width > 1 && (r.height < 24 || r.width < 24)).map(([text]) => text)"""
#: Text in another script than that of the language around it has its own language, in which
#: it is read out. A code has no word in small letters, and is of no language.
SCRIPTS = """() => {
  const names = ["Latin", "Han", "Hiragana", "Katakana", "Hangul", "Cyrillic", "Arabic", "Hebrew",
    "Greek", "Thai", "Devanagari", "Georgian", "Armenian"];
  const written = { zh: ["Han"], ja: ["Han", "Hiragana", "Katakana"], ko: ["Hangul", "Han"],
    ar: ["Arabic"], fa: ["Arabic"], ur: ["Arabic"], he: ["Hebrew"], el: ["Greek"], th: ["Thai"],
    hi: ["Devanagari"], ka: ["Georgian"], hy: ["Armenian"] };
  for (const tag of ["ru", "be", "bg", "kk", "ky", "mk", "mn", "sr", "tg", "uk"])
    written[tag] = ["Cyrillic"];
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
    if (/<U\\+206[6-9]>/.test(text)) found.push(`an isolate is shown: ${text.slice(0, 60)}`);
    if (!text || element.closest("script, style, pre, code, .code, textarea, option, title, desc"))
      continue;
    const lang = element.closest("[lang]").getAttribute("lang");
    const own = written[lang.split("-")[0]] ?? ["Latin"];
    for (const name of names.filter((each) => !own.includes(each))) {
      const word = name === "Latin" ? "[a-z]{2}" : `\\\\p{Script=${name}}`;
      if (new RegExp(word, "u").test(text)) found.push(`${name} in ${lang}: ${text.slice(0, 60)}`);
    }
  }
  return found;
}"""
#: Identifiers of programs in the text of a page for people: constants, names of fields and of
#: subjects. Codes of the record stand in an element for codes, or are those of CODES.
IDENTIFIERS = r"""() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const name = new RegExp(
    "(?<![\\w.:/@-])(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:_[a-zA-Z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+"
    + "|[a-z]+:(?:[*]|[A-Z]{2}))(?![\\w.])", "g");
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (element.closest("code, pre, .code, script, style, textarea")) continue;
    for (const each of walker.currentNode.data.matchAll(name)) found.push(each[0]);
  }
  return found;
}"""
#: Codes as the administrations write them: of schemes of numbers, and of types.
CODES = {*schemes(), *(type for _programme, type in type_names.table())}
#: Bytes of a page before it is compressed, in any language; each letter of some takes two or three.
LARGEST = 190_000
UNFOLD = "document.querySelectorAll('details').forEach((each) => each.open = true)"
#: The open list of languages lies over what is beside it.
FOLD_LANGUAGES = "document.querySelector('.languages details')?.removeAttribute('open')"
#: The first address of each page.
FIRST = tuple(SAMPLES[page.address][0] for page in PAGES if page.shown and SAMPLES[page.address])


@pytest.fixture(scope="module")
def address(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEO_DEADLINE", "20")  # a machine that tests many things at once is slow
        home = tmp_path_factory.mktemp("home")
        all_is_signed(world, home)
        with served(world, home) as service:
            yield service


def walked(
    browser: Browser, address: str, tag: str, paths: Iterable[str], folder: Path
) -> dict[str, list[str]]:
    """Opens each page in a language. Returns what is wrong, a list of sentences for each address
    that has a fault. Saves screenshots in the folder, named by language, page and width.
    In English each page is loaded; in the others the first is, and the window is turned to the
    rest."""
    folder.mkdir(exist_ok=True)
    window = browser.new_context(viewport=NARROW)
    page = window.new_page()
    become(page, address, "auditor:*")
    page.goto(f"{address}/{tag}/")
    wrong: dict[str, list[str]] = {}
    for path in paths:
        page.set_viewport_size(NARROW)
        if tag == "en":
            page.goto(f"{address}/{tag}{path}")
        else:
            turn(page, f"{address}/{tag}{path}")
        found = _too_wide(page) + _too_large(page) + page.evaluate(TARGETS)
        found += page.evaluate(SCRIPTS)
        if path in FIRST:
            name = re.sub(r"\W+", "-", path).strip("-") or "home"
            _keep(page, folder, f"{tag}-{name}")
        if tag == "en":
            found += _looked_at(page, whole=path in FIRST) + _identifiers(page, path)
        if found:
            wrong[path] = found
    window.close()
    return wrong


def test_each_page_is_for_everybody_and_is_kept_as_a_picture(
    browser: Browser, address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The screenshots are saved in the folder `looks` of the temporary folder of the test run."""
    folder = tmp_path_factory.getbasetemp() / "looks"

    assert walked(browser, address, "en", addresses(), folder) == {}


def test_each_form_of_a_page_is_for_everybody_in_the_role_that_is_shown_it(
    browser: Browser, address: str
) -> None:
    """Every page in every role, language and scheme: `python -m tests.api.pages.roles`."""
    page = browser.new_page(viewport=WIDE)
    wrong, roles = {}, set()
    for walked in roles_of_pages.cover(page, address):
        roles.add(walked.role)
        if found := roles_of_pages.violations(page, address, walked):
            wrong[str(walked)] = found
    page.close()

    assert wrong == {}
    assert roles == {*roles_of_pages.ROLES[1:]}


def _identifiers(page: Page, path: str) -> list[str]:
    """Identifiers of programs on a page that is for people, its folds opened."""
    entry = page_at(path.partition("?")[0])
    if entry is not None and entry.english:
        return []
    return [f"an identifier: {each}" for each in page.evaluate(IDENTIFIERS) if each not in CODES]


def _too_wide(page: Page) -> list[str]:
    width = page.evaluate("document.documentElement.scrollWidth")
    return [f"{width} pixels wide"] if width > NARROW["width"] else []


def _too_large(page: Page) -> list[str]:
    size = page.evaluate("new Blob([document.documentElement.outerHTML]).size")
    return [f"{size} bytes large"] if size > LARGEST else []


def _keep(page: Page, folder: Path, name: str) -> None:
    """Keeps the page as pictures, and leaves it narrow."""
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        shot = folder / f"{name}-{size['width']}.jpg"
        page.screenshot(path=shot, type="jpeg", quality=40, caret="initial")
        assert shot.stat().st_size > 5_000


def _looked_at(page: Page, *, whole: bool) -> list[str]:
    """What is wrong with a page, its folds opened, in the light and in the dark. `whole`: by axe,
    too, which takes half a second."""
    page.evaluate(UNFOLD)
    found: list[str] = _too_wide(page) + page.evaluate(COMPLAINTS)
    found += page.evaluate(TOO_FAINT)
    page.emulate_media(color_scheme="dark")
    found += page.evaluate(TOO_FAINT)
    if whole:
        page.evaluate(FOLD_LANGUAGES)
        page.set_viewport_size(WIDE)
        found += serious(page, *SEEN)
    page.emulate_media(color_scheme="light")
    if whole:
        page.set_viewport_size(NARROW)
        found += serious(page)
    return found
