"""Every page in every role: which form of a page each role is shown, and axe in each.

    python -m tests.api.pages.roles [--address http://127.0.0.1:8420]

walks all pages of a running service (`./aeo up`, which has the demo identities) in each role, in
English, Arabic and Chinese, light and dark, prints each serious or critical violation, and fails if
there is one. It takes 20 minutes of an idle machine. `tests/api/pages/test_every_page.py` walks a
cover: each form of each page once, in languages and schemes that take turns.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, product

from playwright.sync_api import Browser, Page, sync_playwright

from api.pages.site import PAGES
from ops.pictures import BROWSERS
from tests.api.pages.axe import SEEN, serious
from tests.api.pages.turned import turn
from tests.api.pages.walk import SAMPLES, STEEL

#: The roles, by the name of a demo identity; "" is the public. The first is walked by
#: `test_each_page_is_for_everybody_and_is_kept_as_a_picture`.
ROLES = ("auditor:*", "officer:CN", "partner:KR", "company:DESYNTHETIC0001", "")
LANGUAGES, SCHEMES = ("en", "ar", "zh-Hans"), ("light", "dark")
#: What axe can find fault with in a page: the kinds of its elements, each with that around it. Two
#: pages of the same kinds differ in texts and in numbers of rows alone.
_FORMS = """async (addresses) => {
  const kind = (e) => e.tagName + "." + [...e.classList].sort().join(".")
    + [...e.attributes].map(({ name }) => name).sort().join();
  const found = [];
  for (const address of addresses) {
    const answer = await fetch(address);
    if ([429, 503].includes(answer.status)) throw new Error(`${address}: status ${answer.status}`);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const all = [...next.querySelectorAll("main *")];
    const kinds = all.map((e) => `${kind(e.parentElement)} ${kind(e)}`);
    found.push([...new Set(kinds)]);
  }
  return found;
}"""


@dataclass(frozen=True)
class Walked:
    """A page in a role, a language and a scheme of colours."""

    role: str
    language: str
    scheme: str
    path: str

    def __str__(self) -> str:
        return f"{self.role or 'public'} {self.language} {self.scheme} {self.path}"


def paths(role: str) -> list[str]:
    """An address of each page; those about an operator are about the company itself."""
    found = [SAMPLES[page.address][0] for page in PAGES if page.shown and SAMPLES[page.address]]
    kind, _, own = role.partition(":")
    return [path.replace(STEEL, own) for path in found] if kind == "company" else found


def become(page: Page, address: str, subject: str) -> None:
    """Signs in as a demo identity."""
    page.goto(f"{address}/as")
    page.locator(f'input[name="subject"][value="{subject}"]').check()
    page.get_by_role("button", name="Sign in as this identity").click()
    page.wait_for_url(f"{address}/")


def cover(page: Page, address: str) -> Iterator[Walked]:
    """Each page in each role that is shown something in it that the roles before are not. Signs in
    as the role of what it gives."""
    turns = cycle(product(LANGUAGES[1:], SCHEMES))
    seen: dict[str, set[str]] = {path: set() for path in paths("")}
    for role in ROLES:
        become(page, address, role)
        forms = page.evaluate(_FORMS, [f"/en{path}" for path in paths(role)])
        for general, path, form in zip(seen, paths(role), forms, strict=True):
            if not seen[general].issuperset(form) and role != ROLES[0]:
                language, scheme = next(turns)
                yield Walked(role, language, scheme, path)
            seen[general].update(form)


def whole(page: Page, address: str) -> Iterator[Walked]:
    """Every page in every role, language and scheme. Signs in as the role of what it gives."""
    for role in ROLES:
        become(page, address, role)
        for language, path, scheme in product(LANGUAGES, paths(role), SCHEMES):
            yield Walked(role, language, scheme, path)


def violations(page: Page, address: str, walked: Walked, *rules: str) -> list[str]:
    """What axe finds in the page. `rules`: as of `serious`."""
    page.emulate_media(color_scheme="dark" if walked.scheme == "dark" else "light")
    turn(page, f"{address}/{walked.language}{walked.path}")
    page.evaluate("document.querySelectorAll('main details').forEach((e) => e.open = true)")
    return serious(page, *rules)


def _walk(browser: Browser, address: str) -> int:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    number = wrong = 0
    for walked in whole(page, address):
        number += 1
        rules = SEEN if walked.scheme == "dark" else ()  # the others were asked in the light
        for found in violations(page, address, walked, *rules):
            wrong += 1
            print(f"{walked}: {found}", flush=True)
    print(f"{number} pages walked, {wrong} violations that axe calls serious or critical")
    return wrong


def main() -> None:
    """Walks every page in every role, language and scheme."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--address", default="http://127.0.0.1:8420")
    address = parser.parse_args().address
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        wrong = _walk(browser, address)
        browser.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
