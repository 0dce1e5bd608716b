"""Another page of the site in a window that is open: its document takes the place of the one there.

Most of what a page costs a browser is the way to it: a new document in a process that is chosen
anew, with its style sheets, fonts and scripts. Where a test asks how each of many pages looks, one
is loaded and the window is turned to the others: what is sent is fetched, parsed, laid out with the
same style sheets, and its scripts run.
"""

from __future__ import annotations

from itertools import count

from playwright.sync_api import Page

#: Refuses a page with other style sheets than the one that is there.
_TURN = """async ([address, number]) => {
  const sheets = (of) => [...of.querySelectorAll("link[rel=stylesheet]")]
    .map((each) => each.getAttribute("href") + each.media).join();
  const answer = await fetch(address);
  if ([429, 503].includes(answer.status)) throw new Error(`${address}: status ${answer.status}`);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const type = answer.headers.get("content-type");
  if (!type.startsWith("text/html") || sheets(next) !== sheets(document))
    throw new Error(`${address}: no page of the same style sheets`);
  const scripts = [...next.querySelectorAll("script[src]")].map((each) => each.getAttribute("src"));
  const root = document.documentElement;
  for (const { name } of [...root.attributes]) root.removeAttribute(name);
  for (const { name, value } of next.documentElement.attributes) root.setAttribute(name, value);
  for (const each of [...document.head.querySelectorAll("title, meta[name]")]) each.remove();
  document.head.append(...next.head.querySelectorAll("title, meta[name]"));
  document.body.replaceWith(next.body);
  for (const script of scripts) await import(`${script}?turn=${number}`);
  scrollTo(0, 0);
  await document.fonts.ready;
}"""
_numbers = count()


def turn(page: Page, address: str) -> None:
    """Shows the page at an address of the site of which the window shows another page."""
    page.evaluate(_TURN, [address, next(_numbers)])
