"""The look of the pages: weight, paper, tabs, tables, pictures, in every language."""

from __future__ import annotations

import csv
import gzip
import hashlib
import html
import io
import re
from collections.abc import Iterator
from datetime import date
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from api.http.static_files import content
from api.pages import growth, network_graph, world_map
from api.pages.site import PAGES
from registry.paths import STATIC
from tests.api.client import AUDITOR, Client
from tests.api.pages.test_in_browser import become
from tests.api.pages.test_pages import opened, text
from tests.api.pages.walk import SAMPLES
from tests.api.served import served
from tests.keeping_log import all_is_signed

#: The most that a page may weigh with all that it loads, compressed; of each family of fonts the
#: Latin file is counted.
HEAVIEST = 200_000


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(world, tmp_path_factory.mktemp("home")) as client:
        yield client


@pytest.fixture(scope="module")
def address(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    all_is_signed(world, home)
    with served(world, home) as service:
        yield service


# ------------------------------------------------------------------ what is sent


def test_no_page_weighs_more_than_200_kilobytes(at: Client) -> None:
    fonts = sum(len(content(f"fonts/{name}-latin.woff2")) for name in ("sans", "serif"))
    heavy = {}
    for path in [sample for page in PAGES if page.shown for sample in SAMPLES[page.address]]:
        page = opened(at, path, AUDITOR).text
        loaded = set(re.findall(r'(?:src|href)="/static/([^"]+)"', page))
        plain = {re.sub(r"\.[0-9a-f]{12}(\.\w+)$", r"\1", name) for name in loaded}
        weight = fonts + sum(len(gzip.compress(content(name))) for name in plain)
        weight += len(gzip.compress(page.encode()))
        if weight > HEAVIEST:
            heavy[path] = weight

    assert heavy == {}


def test_the_fonts_are_those_that_were_listed() -> None:
    folder = STATIC / "fonts"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}

    found = {file.name: file for file in folder.iterdir() if file.name != "SHA256SUMS"}
    assert {
        name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in found.items()
    } == listed


def test_programs_find_what_they_ask_every_site_for(at: Client) -> None:
    robots, mark = at.request("GET", "/robots.txt"), at.request("GET", "/favicon.ico")

    assert "Disallow: /operators/" in robots.text
    assert at.request("GET", mark.headers["location"]).headers["content-type"] == "image/svg+xml"
    assert at.request("HEAD", "/about").status_code == 200


# ------------------------------------------------------------------ operators


def test_a_partner_is_answered_for_its_own_territory_first(at: Client) -> None:
    page = text(opened(at, "/operators/CN1234567890", "partner:KR"))

    assert "Recognised in South Korea?" in page
    assert page.index("recognised") < page.index("Status history")
    assert "Recognised in another territory?" in text(opened(at, "/operators/CN1234567890"))


def test_the_sentence_of_an_operator_says_which_part_is_suspended(at: Client) -> None:
    page = text(opened(at, "/operators/DESYNTHETIC0001", AUDITOR))

    head = page[: page.index("Overview")]
    assert "Part S is suspended. Partners recognise that part alone" in head


@pytest.mark.parametrize(
    ("path", "tabs"),
    [
        ("/operators/CN1234567890", ["recognition", "history", "numbers", "proof"]),
        ("/countries/CN", ["partners", "programmes", "promises", "agreements"]),
        ("/agreements/CN-AU-AEO", ["scope", "sources", "compare", "history"]),
    ],
)
def test_tabs_are_links_and_days_stay_through_them(at: Client, path: str, tabs: list[str]) -> None:
    page = opened(at, f"{path}?at=2026-02-01", AUDITOR).text

    nav = page.split('class="tab-links"')[1].split("</nav>")[0]
    links = [html.unescape(link) for link in re.findall('href="([^"]+)"', nav)]
    assert links == [
        f"{path}?at=2026-02-01",
        *(f"{path}?tab={tab}&at=2026-02-01" for tab in tabs),
    ]
    for link in links:
        assert opened(at, link, AUDITOR).status_code == 200
    others = re.findall(r'href="(/(?:countries|agreements)/[^"]+)"', page.split("<main")[1])
    assert others  # the link "now" alone leaves the day
    assert [link for link in others if "at=2026-02-01" not in link and link != path] == []


# ------------------------------------------------------------------ agreements and the network


def test_two_days_of_an_agreement_are_compared(at: Client) -> None:
    page = text(opened(at, "/agreements/CN-AU-AEO?tab=compare&a=2018-01-01&b=2026-01-01"))

    assert "Status differs signed in force" in page
    assert "In practice in China differs not certain since 2023-12-14" in page
    wrong = text(opened(at, "/agreements/CN-AU-AEO?tab=compare&a=yesterday&b=2026-01-01"))
    assert "'yesterday' is neither a date nor an instant" in wrong and "differs" not in wrong


def test_the_network_of_a_year_is_a_page_a_picture_and_a_file(at: Client) -> None:
    where = "/network?of=CN&year=2018"
    page = opened(at, where).text
    file = opened(at, f"{where}&format=agreements.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(file)))
    picture = opened(at, f"{where}&format=map.svg")

    assert f"At the end of 2018: {len(rows)} agreements signed or later" in html.unescape(page)
    assert all("CN" in row["parties"].split() for row in rows)
    assert {row["agreement"] for row in rows} >= {"CN-KR-AEO", "CN-EU-AEO"}
    assert "CN-CL-AEO" not in {row["agreement"] for row in rows}  # signed in 2021
    tree = ElementTree.fromstring(picture.text)
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.headers["content-disposition"].startswith("attachment")
    assert "known-at=20" in page.split('id="cite"')[1]
    graph = opened(at, f"{where}&format=graph.svg")
    assert ElementTree.fromstring(graph.text).tag == tree.tag


def test_every_territory_of_the_register_is_on_the_map(at: Client) -> None:
    codes = {each["code"] for each in at.ask("{ administrations { code } }")["administrations"]}

    known = set(world_map.world()["points"])
    assert codes - known == {"EU"}  # drawn by its members
    drawn = world_map.draw(dict.fromkeys(codes, "force"), [("SG", "CN", "force", "CN-SG-AEO")])
    assert {t.code for t in drawn.territories if t.status} == codes - {"EU"}
    assert len(drawn.links) == 1


def test_growth_counts_a_year_that_is_not_certain_apart() -> None:
    signed = [
        growth.signed_years([{"what": "SIGNED", "earliest": "2012-06-01", "latest": "2012-06-01"}]),
        growth.signed_years([{"what": "SIGNED", "earliest": "2013-01-01", "latest": "2015-12-31"}]),
        growth.signed_years([{"what": "LISTED", "earliest": "2011-01-01", "latest": "2011-01-01"}]),
    ]

    years = growth.by_year(signed, 2016)

    assert [(y.year, y.certain, y.perhaps) for y in years] == [
        (2011, 0, 0),
        (2012, 1, 1),
        (2013, 1, 2),
        (2014, 1, 2),
        (2015, 2, 2),
        (2016, 2, 2),
    ]
    drawn = growth.draw(years, 2013)
    assert drawn and [kind for kind, _ in drawn.lines] == ["signed", ""]


def test_claims_and_the_own_count_are_two_step_lines() -> None:
    claims = [{"asOf": "2018-01-31", "value": 5}, {"asOf": "2016-07-01", "value": 2}]
    steps = [{"day": "2015-01-01", "count": 1}, {"day": "2017-01-01", "count": 4}]

    drawn = growth.compared(steps, claims, date(2020, 1, 1))

    assert drawn and [kind for kind, _ in drawn.lines] == ["", "claimed"]
    assert [path.count("V") for _, path in drawn.lines] == [1, 1], "each step is one line upwards"
    assert [point.text for point in drawn.points] == ["2", "5"]
    assert growth.compared(steps, claims[:1], date(2020, 1, 1)) is None


def test_a_graph_has_each_party_once() -> None:
    graph = network_graph.draw([("AU", "CN", "force", "A"), ("CN", "KR", "signed", "B")], "CN")

    assert sorted(node.code for node in graph.nodes) == ["AU", "CN", "KR"]
    assert [node.x for node in graph.nodes if node.code == "CN"] == [network_graph.SIZE / 2]


# ------------------------------------------------------------------ in the browser


def printed(page: Page, subject: str, law: str, belief: str) -> None:
    """The page that is open, on paper: it says who was shown it, both instants, the head of the
    log, and its address."""
    evidence, path = page.locator(".evidence"), page.url.removeprefix("http://")
    page.emulate_media(media="screen")
    assert not evidence.is_visible()

    page.emulate_media(media="print")

    shown = dict(zip(evidence.locator("dt").all_inner_texts(),
                     evidence.locator("dd").all_inner_texts(), strict=True))  # fmt: skip
    assert evidence.is_visible()
    assert (shown["Shown to"], shown["Address"]) == (subject, path)
    assert law in shown["Status at"] and belief in shown["Record as of"]
    assert re.fullmatch(r"[0-9]+ [A-Za-z0-9+/]{43}=", shown["Head of the log"])
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 without its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    for away in ("main form", ".menu", ".languages", ".tab-links", "main button"):
        assert not page.locator(away).filter(visible=True).count(), away


SINGAPORE = "the customs of Singapore as a partner partner:SG"


def test_a_printed_page_says_who_was_shown_what(page: Page, address: str) -> None:
    become(page, address, "partner:SG")
    page.goto(f"{address}/operators/CN1234567890?tab=all&at=2026-03-05&known-at=2026-03-06")
    printed(page, SINGAPORE, "2026-03-05", "2026-03-06")
    page.goto(f"{address}/agreements/CN-AU-AEO?at=2026-03-05")
    printed(page, SINGAPORE, "2026-03-05", "now")

    page.goto(f"{address}/check?number=CN1234567890&in=SG&day=2026-03-05&zone=utc")
    now = date.today().isoformat()[:8]
    printed(page, SINGAPORE, "2026-03-05 12:00 UTC", now)

    page.emulate_media(media="screen")
    page.get_by_role("button", name="Keep a receipt").click()
    page.wait_for_url("**/receipts/*")
    printed(page, SINGAPORE, "2026-03-05 12:00 UTC", now)


def test_a_table_is_sorted_by_keyboard_and_is_cards_on_a_telephone(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/components")
    head = page.get_by_role("button", name="Partners")
    head.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    first = page.locator("table tbody tr").first
    expect(first).to_contain_text("CN-EU-AEO")  # 27, the most
    expect(page.get_by_role("columnheader", name="Partners")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.set_viewport_size({"width": 320, "height": 700})
    shown = first.locator("td").last.evaluate(
        "(cell) => getComputedStyle(cell, '::before').content"
    )
    assert shown == '"Partners"'


def test_a_year_that_is_moved_is_shown_at_once(page: Page, address: str) -> None:
    page.goto(f"{address}/network?of=CN")

    page.locator("#year").fill("2010")

    expect(page.locator("#network .sentence")).to_contain_text("At the end of 2010")
    assert "year=2010" in page.url
