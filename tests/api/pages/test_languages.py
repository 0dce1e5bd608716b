"""The languages of the pages: what is translated, which one a reader gets, and one file more."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from markupsafe import Markup

from api.access.tokens import issue
from api.graphql.executor import LATER, Executor
from api.languages import catalogues, writing_systems
from api.languages.language import ENGLISH, Language, current, joined
from api.languages.negotiation import negotiated
from api.pages import audit, labels, search, site
from api.pages.errors import AWAY, PageRoute
from api.pages.identity import IDENTITIES
from api.pages.query import COOKIE
from ops import messages
from registry.paths import CATALOGUES
from tests.api.client import AUDITOR, Client
from tests.api.http.test_openapi import routes as routes_of
from tests.api.pages.foreign_texts import foreign_texts
from tests.api.pages.walk import SAMPLES, STEEL, addresses

TAGS = catalogues.tags()


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """With a language more than the project has: the pseudo-language, one file."""
    folder: Path = tmp_path_factory.mktemp("catalogues")
    for file in CATALOGUES.glob("*.po"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / f"{messages.PSEUDO}.po").write_bytes(messages.text_of(messages.pseudo_catalogue()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogues, "FOLDER", folder)
        catalogues.forget()
        with Client(world, tmp_path_factory.mktemp("home")) as client:
            yield client
    catalogues.forget()


def opened(at: Client, path: str, by: str | None = None, **headers: str) -> httpx.Response:
    shown = {"cookie": f"{COOKIE}={issue(by, at.home)}"} if by else {}
    return at.request("GET", path, headers=shown | headers)


# ------------------------------------------------------------------ nothing is left in English

#: What is no text of a language: marked as English, or as a program's.
_NOT_READ = re.compile(
    r"<(script|style|pre|code)\b.*?</\1>|<(\w+)[^>]* lang=\"[^\"]*\".*?</\2>"
    r"|<(\w+) [^>]*class=\"[^\"]*\bcode\b[^\"]*\"[^>]*>.*?</\3>",
    re.S,
)
_FOREIGN = re.compile(r'<bdi lang="(?!en)[^"]*">(.*?)</bdi>', re.S)
_SHOWN = re.compile(r'(?:aria-label|aria-valuetext|placeholder|title|alt)="([^"]*)"')
_TRANSLATED = re.compile("\u27e6[^\u27e6\u27e7]*\u27e7")
#: Fields of an answer that are English sentences of the service.
_SENTENCES = {"message", "explanation"}


def strings(data: Any) -> Iterator[str]:
    match data:
        case dict():
            for name, value in data.items():
                if name not in _SENTENCES:
                    yield from strings(value)
        case list():
            for value in data:
                yield from strings(value)
        case str():
            yield data


def english_left(page: str, data: set[str]) -> list[str]:
    """The words of a page in the pseudo-language that are neither translated nor data."""
    body = page[page.index("<title>") :]
    while (shorter := _TRANSLATED.sub(" ", body)) != body:
        body = shorter
    body = _FOREIGN.sub(r"\1", body)  # a part of a text, which is data or English as a whole
    body = _NOT_READ.sub(" ", body)
    shown = " ".join(_SHOWN.findall(body))
    text = html.unescape(re.sub(r"<[^>]*>", " | ", body) + " | " + shown)
    for known in sorted(data, key=len, reverse=True):
        text = text.replace(known, " ")
    return re.findall(r"[A-Za-z]{3,}[^|]*", text)


def known_words() -> set[str]:
    """Names that are data of every page: of territories, months and days by CLDR, of subjects."""
    locale = Locale("en")
    months = locale.months["format"]["wide"].values()
    names = {catalogues.name(tag) for tag in catalogues.tags()}
    subjects = {subject for subject, _ in IDENTITIES if subject}
    days = {
        name
        for form in ("abbreviated", "wide")
        for name in locale.days["stand-alone"][form].values()
    }
    return {
        *map(str, locale.territories.values()),
        *months,
        *days,
        *names,
        *subjects,
        "public",
        *DATA,
    }


#: Examples of what one may type, and parts of addresses and tags of languages.
DATA = {
    *search.EXAMPLES,
    *audit.EXAMPLES,
    *("UTC", "CN-AEO", "http://localhost", "zh-Hans", "zh-Hant"),
}


def test_no_english_is_left_on_any_page(at: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answered: set[str] = set()
    answer = Executor.answer

    async def watched(self: Any, *given: Any, **named: Any) -> Any:
        found = await answer(self, *given, **named)
        answered.update(strings(found.body.get("data")))
        answered.update(strings(given[2] if len(given) > 2 else {}))
        return found

    monkeypatch.setattr(Executor, "answer", watched)
    left: dict[str, list[str]] = {}
    for path, by in product(addresses(english=False), (AUDITOR, None)):
        answered.clear()
        page = opened(at, f"/{messages.PSEUDO}{path}", by)
        assert page.status_code < 500, path
        assert page.headers["content-language"] == messages.PSEUDO
        keys = {each.partition(":")[2] for each in answered}  # of global ids
        data = {each for each in answered | keys if len(each) > 1} | known_words()
        if found := english_left(page.text, data):
            left[f"{path} {by}"] = found

    assert left == {}


@pytest.mark.parametrize("tag", TAGS[1:])
def test_a_catalogue_is_in_step_with_the_sources_and_complete(tag: str) -> None:
    """`python -m ops.messages` brings it in step, and says what is to do. Until somebody has
    translated a new text it is shown in English: one in fifty may wait for that."""
    file = CATALOGUES / f"{tag}.po"
    own = catalogues.read(file)

    # Compared first: pytest would look for a minute for what two such files differ in.
    in_step = file.read_bytes() == messages.text_of(messages.brought_up_to_date(tag))
    assert in_step, "python -m ops.messages"
    wrong = list(messages.complaints(own))
    waiting = [each for each in wrong if each.startswith("not translated")]
    assert [each for each in wrong if each not in waiting] == []
    assert len(waiting) <= len(own) / 50, waiting[:5]


def test_the_template_has_every_text() -> None:
    in_step = messages.TEMPLATE.read_bytes() == messages.text_of(messages.template())
    assert in_step, "python -m ops.messages"


def test_no_page_fails_in_any_language(at: Client) -> None:
    """Nor has a page a text in another script without its language, an isolate that is shown, or
    two breadcrumbs that lead to one page."""
    wrong: dict[str, list[str]] = {}
    for tag, sample in product(("", *catalogues.tags()), addresses()):
        path = f"/{tag}{sample}" if tag else sample
        page = opened(at, path)
        found = [f"status {page.status_code}"] * (page.status_code >= 500)
        found += foreign_texts(page.text) + re.findall("&lt;U\\+206[6-9]&gt;[^<]*", page.text)
        crumbs = "".join(re.findall(r'<nav class="crumbs".*?</nav>', page.text, re.DOTALL))
        links = re.findall(r'href="([^"]+)"', crumbs)
        found += [f"breadcrumb twice: {link}" for link in set(links) if links.count(link) > 1]
        if found:
            wrong[path] = found

    assert wrong == {}


@pytest.mark.parametrize(
    ("tag", "text", "marked"),
    [
        ("en", "control (监管结果互认)", 'control (<bdi lang="zh-Hans">监管结果互认</bdi>)'),
        ("en", "AEO (수출입 공인업체)", 'AEO (<bdi lang="ko">수출입 공인업체</bdi>)'),
        ("zh-Hans", "由 A &amp; Sons (CN) 报", '由 <bdi lang="en">A &amp; Sons (CN)</bdi> 报'),
        ("ar", "<bdi>3M Ltd</bdi> CN-KR-AEO", '<bdi lang="en">3M Ltd</bdi> CN-KR-AEO'),
        ("ru", "<b>Ключ</b> AEO <code>key</code>", "<b>Ключ</b> AEO <code>key</code>"),
        ("ar", '<i lang="ru">И</i> И', '<i lang="ru">И</i> <bdi lang="ru">И</bdi>'),
        ("en", "<svg>中</svg>", '<svg><tspan lang="zh-Hans">中</tspan></svg>'),
        ("fr", "<option>中国</option>", '<option lang="zh-Hans">中国</option>'),
    ],
)
def test_a_text_in_another_script_has_its_language(tag: str, text: str, marked: str) -> None:
    assert writing_systems.marked(text, tag) == marked


@pytest.mark.parametrize(
    ("text", "translated", "complaint"),
    [
        ("by %(day)s", "par %(jour)s", "other placeholders"),
        ("by %(day)s", "par", "other placeholders"),
        ("the <b>log</b>", "le journal", "other tags"),
        ("open", 'dit "ouvert"', "a straight quotation mark"),
        ("open", "", "not translated"),
        ("by %(day)s", "le %(day)s", None),
    ],
)
def test_what_a_translation_loses_is_said(
    text: str, translated: str, complaint: str | None
) -> None:
    catalogue = Catalog(locale="fr")
    catalogue.add(text, translated)

    found = list(messages.complaints(catalogue))

    assert [each.partition(":")[0] for each in found] == ([complaint] if complaint else [])


def test_the_forms_of_the_plural_are_those_of_the_language() -> None:
    forms = {
        tag: len(
            next(m.string for m in messages.brought_up_to_date(tag) if isinstance(m.id, tuple))
        )
        for tag in ("zh-Hans", "fr", "ru", "ar")
    }

    assert forms == {"zh-Hans": 1, "fr": 2, "ru": 3, "ar": 6}


@pytest.mark.parametrize(
    ("tag", "number", "written"),
    [
        *[("ar", 2, "حدثان"), ("ar", 3, "3 أحداث"), ("ar", 11, "11 حدثاً"), ("ar", 102, "102 حدث")],
        *[("ru", 1, "1 событие"), ("ru", 22, "22 события"), ("ru", 11, "11 событий")],
        *[("fr", 0, "0 événement"), ("fr", 2, "2 événements"), ("zh-Hans", 2, "2个事件")],
    ],
)
def test_a_number_has_the_form_of_its_word(tag: str, number: int, written: str) -> None:
    """The order of the forms in a catalogue is that of its head, and not that of CLDR."""
    language = catalogues.language(tag)
    text = language.plural("%(num)s event", "%(num)s events", number)

    assert text % {"num": language.number(number)} == written


# ------------------------------------------------------------------------- one registry of pages


def test_every_page_has_an_entry_and_a_sample(at: Client) -> None:
    routes = {route.path for route in routes_of(at) if isinstance(route, PageRoute)}

    assert routes - {"/docs/pictures/{name}"} == set(site.by_address())
    assert set(SAMPLES) == {page.address for page in site.PAGES if page.shown}
    assert all(page.parent in site.by_address() for page in site.PAGES if page.parent)


def test_menu_breadcrumbs_and_site_map_are_made_of_the_registry(at: Client) -> None:
    page = opened(at, "/receipts/no-receipt").text
    tree = opened(at, "/sitemap").text

    menu = page.split('aria-label="Main"')[1].split("</nav>")[0]
    assert re.findall('href="([^"]*)"', menu) == [entry.address for entry in site.menu()]
    crumbs = page.split('aria-label="Breadcrumbs"')[1].split("</nav>")[0]
    assert re.findall('href="([^"]*)"', crumbs) == ["/audit", "/receipts"]
    assert re.search('href="/audit" aria-current="true"', menu)
    for each in site.PAGES:
        assert (f'href="{each.address}"' in tree) == (each.shown and each.is_one), each
        assert html.escape(each.title) in tree or not each.shown


# ----------------------------------------------------------------------- how a language is chosen


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CH, en;q=0.8", "fr"),
        ("en;q=0.5, fr;q=0.9", "fr"),
        ("fr;q=0, en", "en"),
        ("xx, *", "en"),
        ("tlh, nonsense;q=x, fr;q=0.1", "fr"),
        ("\u0660;;;,,", "en"),
    ],
)
def test_a_reader_gets_the_language_that_the_browser_prefers(header: str, tag: str) -> None:
    assert negotiated(header) == tag


@pytest.mark.parametrize("path", ["/countries?at=2018-02-01", "/", "/nowhere"])
def test_a_page_is_there_in_every_language(at: Client, path: str) -> None:
    plain = opened(at, path, **{"accept-language": "en-XA, fr;q=0.5"})
    named = opened(at, f"/en-XA{path}", **{"accept-language": "fr"})

    assert '<html lang="en-XA">' in plain.text and '<html lang="en-XA">' in named.text
    assert plain.headers["content-language"] == named.headers["content-language"] == "en-XA"
    assert "Accept-Language" in plain.headers["vary"]
    assert "Accept-Language" not in named.headers.get("vary", "")


def test_a_page_names_itself_in_the_other_languages_and_the_switch_stays_on_it(at: Client) -> None:
    page = opened(at, "/fr/countries/CN?at=2018-02-01").text

    head, body = page.split("<body>")
    others = dict(re.findall(r'rel="alternate" hreflang="([^"]+)" href="([^"]+)"', head))
    here = "/countries/CN?at=2018-02-01"
    assert others == {tag: f"/{tag}{here}" for tag in catalogues.tags()} | {
        "x-default": "/countries/CN"
    }
    assert f'rel="canonical" href="/fr{here}"' in head
    switch = body.split('class="languages"')[1].split("</nav>")[0]
    assert re.findall('href="([^"]+)"', switch) == [f"/{tag}{here}" for tag in catalogues.tags()]
    assert "en-XA" in others  # one file more is one language more


def test_links_forms_and_redirections_stay_in_the_language(at: Client) -> None:
    page = opened(at, f"/fr/operators/{STEEL}", AUDITOR).text
    body = page.split("<body>")[1]
    body = (
        body.split('class="languages"')[0] + body.split('class="languages"')[1].split("</nav>")[1]
    )

    led = re.findall(r'(?:href|action)="(/[^"]*)"', body)
    strayed = [each for each in led if not each.startswith(("/fr/", "/graphql", "/log/"))]
    assert strayed == []
    found = opened(at, "/fr/search?q=uk")
    assert found.headers["location"] == "/fr/countries/GB?searched=uk"
    asked = at.send("/fr/as", {"subject": AUDITOR, "next": "/fr/tour/12"})
    assert asked.headers["location"] == "/fr/tour/12"


def test_the_doors_of_programs_have_no_language(at: Client) -> None:
    question = {"query": '{ recognition(tin: "CN1234567890", in: "MARS") { outcome } }'}
    french = {"accept-language": "fr"}
    asked = [at.request("POST", "/graphql", json=question, headers=h) for h in ({}, french)]

    assert asked[0].json()["errors"][0]["message"] == asked[1].json()["errors"][0]["message"]
    for path in ("/fr/graphql", "/fr/healthz", "/fr/static/style.css", "/fr/fr/countries"):
        assert opened(at, path).status_code == 404
    assert opened(at, "/healthz", **french).text == opened(at, "/healthz").text


# ------------------------------------------------------------------------ names, dates, direction


@pytest.fixture(params=["ar", "fr", "ru", "zh-Hans"])
def spoken(request: pytest.FixtureRequest) -> Iterator[str]:
    token = current.set(Language(request.param, catalogues.locale_of(request.param)))
    yield request.param
    current.reset(token)


def test_names_and_dates_are_in_the_reader_s_form(spoken: str) -> None:
    written = {
        "ar": ("ألمانيا", "1 فبراير 2018"),
        "fr": ("Allemagne", "1 février 2018"),
        "ru": ("Германия", "1 февраля 2018\u202f\u0433."),
        "zh-Hans": ("德国", "2018年2月1日"),
    }[spoken]

    assert (labels.country("DE"), labels.day("2018-02-01")) == written
    # A civil day of the authority is its own day, and an instant says its zone.
    assert labels.civil("2018-01-31T16:00:00Z", "Asia/Shanghai") == written[1]
    sides = ["Asia/Seoul", "Asia/Shanghai"]
    assert labels.first_day("2018-01-31T15:00:00Z", sides) == written[1]
    assert labels.first_day("2018-01-31T16:00:00Z", sides) == f"{written[1]} (Asia/Shanghai)"
    assert "UTC" in labels.first_day("2018-01-31T16:01:00Z", sides)
    assert "UTC" in labels.instant("2018-01-31T16:00:00Z")


@pytest.mark.parametrize(
    ("tag", "codes"),
    [
        ("en", "AX AT CI HR FR TR US"),  # Åland first, Türkiye among T
        ("fr", "AT CI EG ES US IN"),  # Égypte before Espagne
        ("es", "DE AT ES EE FR NI NE"),  # Alemania, Austria, España, Estonia, ..., Níger
        ("ru", "AU AT DE IN JO IT YE CN"),  # Австралия, ..., Иордания, Италия, Йемен, Китай
        ("ar", "ET ES EE DE"),  # the hamza of an alef decides nothing
        ("zh-Hans", "EG AT DE FR KR US CN"),  # āi, ào, dé, fǎ, hán, měi, zhōng
    ],
)
def test_territories_are_in_the_alphabetical_order_of_the_reader(tag: str, codes: str) -> None:
    token = current.set(Language(tag, catalogues.locale_of(tag)))
    try:
        assert labels.by_country(sorted(codes.split())) == codes.split()
    finally:
        current.reset(token)


def test_that_an_answer_cannot_be_given_now_is_said_in_the_reader_s_language() -> None:
    assert {sentence for _code, sentence in LATER.values()} < set(AWAY)


def test_what_is_put_into_an_arabic_sentence_moves_nothing_beside_it() -> None:
    arabic = Language("ar", Locale("ar"))

    sentence = arabic.gettext("in %(territory)s", territory="CN-AEO")
    name = arabic.markup("in <b>%(name)s</b>", {"name": "<i>\u202eevil"})

    dated = arabic.gettext("on %(day)s", day=arabic.gettext("%(day)s, x", day="30 \u0623"))

    assert sentence == "in \u2068CN-AEO\u2069"
    assert dated == "on \u2067\u206830 \u0623\u2069, x\u2069", "its own text, from right to left"
    assert name == "in <b>\u2068&lt;i&gt;&lt;U+202E&gt;evil\u2069</b>"
    assert (arabic.direction, ENGLISH.direction) == ("rtl", "ltr")


def test_a_reason_is_a_sentence_of_its_facts_in_the_reader_s_language(at: Client) -> None:
    page = opened(at, "/en-XA/operators/CN1234567890?in=KR", AUDITOR).text

    [reason] = re.findall(r"<li>(.*?) <code class=\"muted\">IN_FORCE</code>", page)
    assert reason.startswith("\u27e6") and "CN-KR-AEO" in reason and "China" in reason


def test_a_type_has_its_own_name_beside_the_reader_s(at: Client) -> None:
    page = opened(at, "/operators/CN1234567890").text

    assert '(<bdi lang="zh-Hans">高级认证企业</bdi>, advanced certified enterprise)' in page


def test_messages_in_a_row_keep_their_markup_and_nothing_else_becomes_markup() -> None:
    row = joined("; ", [Markup('<span lang="en">no</span>'), "", "a<b"])

    assert row == Markup('<span lang="en">no</span>; a&lt;b')
    assert not isinstance(joined("; ", ["a", "b"]), Markup)
