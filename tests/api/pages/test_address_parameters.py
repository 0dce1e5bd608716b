"""Every parameter of every page is used, or refused with its name (HTTP 400).

The world and its service are those of test_pages.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from api.pages import address_parameters, site
from api.pages.address_parameters import FREE, PARAMETERS
from tests.api.client import AUDITOR, Client
from tests.api.pages.test_pages import opened, text
from tests.api.pages.walk import SAMPLES

#: What may be any text: words that are looked for, names, and an address of this site.
WORDS = {
    *("q", "of", "number", "name", "contains", "searched", "next", "type", "programme", "mode"),
    "crossing",
    "draft",  # of a draft that is gone the form is empty
}
#: A page on which a parameter has a meaning beside another one.
BESIDE = {
    ("/divergences", "given"): "in=SG",
    ("/divergences", "after"): "in=SG",
    ("/agreements", "from"): "by=title",
    ("/control-results", "hs"): "crossing=Heihe-Blagoveshchensk",
    ("/check", "in"): "number=CN0000000012",
    ("/check", "zone"): "number=CN0000000012&in=SG",
    ("/control-results", "zone"): "crossing=Heihe-Blagoveshchensk&hs=1201",
    ("/tour/{number}", "known-at"): "ask=2",
    ("/tour/{number}", "at"): "ask=2",
    ("/agreements/{id}", "a"): "tab=compare&b=2026-01-01",
    ("/agreements/{id}", "b"): "tab=compare&a=2026-01-01",
    ("/audit", "in"): "of=CN0000000012",
    ("/audit", "at"): "of=CN0000000012",
    ("/audit", "known-at"): "of=CN0000000012",
    ("/audit/bundle", "agreement"): "operator=CN0000000012",
}
BAD = "no such value!"
#: Its form is refused to auditors before the draft is read; one that is gone leaves an empty form.
NOT_TO_AUDITORS = {"/proposals/{code}/{proposal}/{command:proposal_command}"}


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("home")
    with Client(world, home) as each:
        yield each


def shown() -> list[tuple[str, str]]:
    """The address of each page, and a sample of it without parameters."""
    return [
        (page.address, SAMPLES[page.address][0].partition("?")[0])
        for page in site.PAGES
        if page.shown and SAMPLES[page.address]
    ]


def test_each_page_has_its_parameters_in_the_table() -> None:
    assert {*PARAMETERS, *FREE} <= {page.address for page in site.PAGES}
    assert {address for address, _sample in shown()} >= PARAMETERS.keys() - {
        *("/search/suggest", "/work/many", "/audit/bundle", "/sign-in", "/sign-in/start"),
    }


def test_a_parameter_that_a_page_does_not_have_is_refused_by_name(at: Client) -> None:
    for address, sample in shown():
        answer = opened(at, f"{sample}?nonsense=1", AUDITOR)
        if address in FREE and answer.status_code in (403, 404):
            continue  # an auditor has no such form
        assert answer.status_code == 400, address
        assert "no parameter 'nonsense'" in text(answer), address
    form = opened(at, "/operators/CN0000000012/suspend-authorisation?nonsense=1", "officer:CN")
    assert form.status_code == 400 and "no parameter 'nonsense'" in text(form)
    twice = opened(at, "/countries?name=a&name=b")
    assert twice.status_code == 400 and "name: found 2 values" in text(twice)
    led = opened(at, "/countries?nam=korea&sort=name")
    assert 'href="/countries?sort=name"' in led.text


def test_what_other_sites_add_to_a_link_breaks_no_page(at: Client) -> None:
    added = "utm_source=letter&utm_medium=x&fbclid=1&gclid=2&_ga=3&mc_cid=4"
    for address, sample in shown()[::6]:
        plain, followed = (opened(at, path) for path in (sample, f"{sample}?{added}"))
        assert plain.status_code == followed.status_code, address


def test_no_value_of_a_parameter_is_ignored(at: Client) -> None:
    """A value that means nothing is refused: 400, or 404 where it names an object."""
    samples = dict(shown()) | {"/audit/bundle": "/audit/bundle"}
    ignored = []
    for address, names in PARAMETERS.items():
        for name in names:
            if name in WORDS or address not in samples or address in NOT_TO_AUDITORS:
                continue
            beside = BESIDE.get((address, name), "")
            path = f"{samples[address]}?{beside}&{name}={BAD}"
            by = "partner:KR" if address.startswith("/check") else AUDITOR
            status = opened(at, path, by).status_code
            if status not in (400, 404):
                ignored.append((path, status))
    assert ignored == []


def test_no_page_leads_to_an_address_that_is_refused(at: Client) -> None:
    """The links and the forms of each page, as an auditor is shown them."""
    wrong = set()
    for _address, sample in shown():
        answer = opened(at, sample, AUDITOR)
        for path, names in [*_links(answer.text), *_forms(answer.text)]:
            page = site.page_at(path)
            if page is not None and page.address not in {*FREE, "/components"}:
                known = PARAMETERS.get(page.address, ())
                wrong |= {(sample, path, name) for name in names if name not in known}
    assert wrong == set()
    assert address_parameters.accepted("/countries/CN") == PARAMETERS["/countries/{code}"]


def _links(html: str) -> Iterator[tuple[str, list[str]]]:
    for found in re.findall(r'(?:href|formaction)="(/[^"]*)"', html):
        link = urlsplit(unescape(found))
        yield site.split(link.path)[1], [name for name, _ in parse_qsl(link.query)]


def _forms(html: str) -> Iterator[tuple[str, list[str]]]:
    for head, inside in re.findall(r"<form([^>]*)>(.*?)</form>", html, re.DOTALL):
        action = re.search(r'action="(/[^"]*)"', head)
        if action and 'method="get"' in head:
            names = re.findall(r'<(?:input|select|textarea|button)[^>]*? name="([^"]+)"', inside)
            yield site.split(unescape(action[1]))[1], names
