"""The registry of pages: each page's address, title, parent and readers.

The menu, the breadcrumbs, the site map, the addresses that have a language, and the tests that walk
over all pages are made of it. A route of the pages without an entry fails a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

from starlette.convertors import CONVERTOR_TYPES

from api.languages import catalogues
from api.languages.language import N_
from api.pages import command_places
from api.pages.command_places import MANY, CommandPlace


class Readers(Enum):
    """Who can use a page. The page itself decides, by the rights of the subject; this is for the
    site map. The value is a text of the catalogues."""

    EVERYBODY = N_("everybody")
    CONCERNED = N_("the operator, its home customs and auditors")
    CUSTOMS = N_("customs administrations and auditors")
    HOME_CUSTOMS = N_("the home customs and auditors")
    HOME = N_("the home customs and the operator")
    ASKERS = N_("customs administrations, the operator and auditors")
    DEMONSTRATION = N_("whoever tries the demonstration")


@dataclass(frozen=True)
class SitePage:
    """A page. `address`: as in its route. `title`: in English, a text of the catalogues; `menu`:
    its place in the menu, 0 for none; `foot`: the foot of every page leads to it;
    `english`: its content has no other language; `shown`: it has
    a page to show, and is not only an address of a form or a redirection."""

    address: str
    title: str
    parent: str | None = None
    readers: Readers = Readers.EVERYBODY
    menu: int = 0
    foot: bool = False
    english: bool = False
    shown: bool = True

    @property
    def is_one(self) -> bool:
        """True where the address is of one page, and not of one for each of many things."""
        return "{" not in self.address


def _decision(place: CommandPlace, parent: str) -> SitePage:
    """The page of a decision about something of one kind."""
    return SitePage(place.form, N_("Decision"), parent, Readers.HOME_CUSTOMS)


PAGES = (
    SitePage("/", N_("Search"), menu=1),
    SitePage("/search", N_("Search results"), "/"),
    SitePage("/check", N_("Check"), "/", Readers.ASKERS, menu=2),
    SitePage("/check/list", N_("Check a list"), "/check", Readers.ASKERS),
    SitePage("/check/list/{id}", N_("Receipts of a list"), "/check/list", Readers.ASKERS),
    SitePage(
        "/check/list/{id}/receipts.zip",
        N_("Receipts of a list"),
        "/check/list/{id}",
        Readers.ASKERS,
        shown=False,
    ),
    SitePage("/control-results", N_("Control results"), "/check"),
    SitePage("/search/suggest", N_("Suggestions of the search"), "/search", shown=False),
    SitePage("/operators", N_("Operators"), "/", Readers.ASKERS),
    SitePage("/operators/{tin}", N_("Operator"), "/operators"),
    SitePage(
        "/operators/{tin}/looks",
        N_("Who asked"),
        "/operators/{tin}",
        Readers.CONCERNED,
    ),
    SitePage("/operators/{tin}/beliefs", N_("Two records compared"), "/operators/{tin}"),
    SitePage(
        "/operators/{tin}/persons",
        N_("Name a person"),
        "/operators/{tin}",
        Readers.HOME,
    ),
    SitePage(
        "/operators/{tin}/persons/{person}",
        N_("Erase a person"),
        "/operators/{tin}",
        Readers.HOME,
    ),
    SitePage(
        "/operators/{tin}/certificate",
        N_("Certificates"),
        "/operators/{tin}",
        Readers.HOME,
    ),
    SitePage(
        "/operators/{tin}/certificate/{id}/{file}",
        N_("Certificate"),
        "/operators/{tin}/certificate",
        Readers.HOME,
        shown=False,
    ),
    SitePage("/verify", N_("Check a certificate"), "/"),
    SitePage("/verify/{code}", N_("Check of a certificate"), "/verify"),
    SitePage("/verify/{code}/state", N_("Check of a certificate"), "/verify", shown=False),
    SitePage("/verify/{code}/{file}", N_("Certificate"), "/verify", shown=False),
    SitePage(
        "/operators/{tin}/history.json",
        N_("Signed history"),
        "/operators/{tin}",
        Readers.CONCERNED,
        shown=False,
    ),
    SitePage(command_places.OPERATOR.form, N_("Decision"), "/operators/{tin}", Readers.HOME),
    SitePage("/company", N_("Your company"), "/", Readers.CONCERNED),
    SitePage("/work", N_("Your work"), "/", Readers.CUSTOMS),
    SitePage("/work/seen", N_("Your work"), "/work", Readers.CUSTOMS, shown=False),
    SitePage(f"/work/{{command:{MANY}}}", N_("Decision about many"), "/work", Readers.HOME_CUSTOMS),
    SitePage("/work/many", N_("Decision about many"), "/work", shown=False),
    SitePage("/proposals", N_("Proposals"), "/work", Readers.HOME_CUSTOMS),
    SitePage(
        "/proposals/{code}/{proposal}/{command:proposal_command}",
        N_("Decision about a proposal"),
        "/proposals",
        Readers.HOME_CUSTOMS,
    ),
    SitePage("/tour", N_("Tour"), menu=3),
    SitePage("/tour/{number}", N_("Question of the tour"), "/tour"),
    SitePage("/countries", N_("Countries"), menu=4),
    SitePage("/countries/{code}", N_("Customs territory"), "/countries"),
    SitePage("/programmes/{code}", N_("Programme"), "/countries"),
    _decision(command_places.ADMINISTRATION, "/countries/{code}"),
    _decision(command_places.PROGRAMME, "/programmes/{code}"),
    SitePage("/freshness", N_("Freshness"), "/countries"),
    SitePage("/agreements", N_("Agreements"), menu=5),
    SitePage("/agreements/{id}", N_("Agreement"), "/agreements"),
    _decision(command_places.AGREEMENT, "/agreements/{id}"),
    SitePage("/network", N_("Network"), menu=6),
    SitePage("/documents", N_("Documents"), menu=7),
    SitePage("/documents/{id}", N_("Document"), "/documents"),
    SitePage("/promises", N_("Promises"), "/documents"),
    _decision(command_places.DOCUMENT, "/documents/{id}"),
    SitePage("/audit", N_("Audit"), menu=8),
    SitePage(
        "/audit/numbers",
        N_("Numbers that two administrations hold"),
        "/audit",
        Readers.CUSTOMS,
    ),
    SitePage("/audit/bundle", N_("Audit bundle"), "/audit", shown=False),
    SitePage("/events", N_("Events"), "/audit"),
    SitePage("/deadlines", N_("Deadlines"), "/audit", Readers.CONCERNED),
    SitePage("/log", N_("Integrity record"), "/audit"),
    SitePage("/divergences", N_("Answers that were put right"), "/audit", Readers.CUSTOMS),
    SitePage("/receipts", N_("Receipts whose answer has changed"), "/audit", Readers.ASKERS),
    SitePage("/receipts/{id}", N_("Receipt"), "/receipts", Readers.ASKERS),
    SitePage(
        "/receipts/{id}/{file}",
        N_("Receipt"),
        "/receipts/{id}",
        Readers.ASKERS,
        shown=False,
    ),
    SitePage("/developers", N_("Developers"), menu=9, english=True),
    SitePage("/webhooks", N_("Webhooks"), "/developers", Readers.CUSTOMS, english=True),
    SitePage("/docs", N_("Docs"), menu=10, english=True),
    SitePage("/docs/{name:path}", N_("Documentation"), "/docs", english=True),
    SitePage("/access", N_("Who may see what"), "/docs", english=True),
    SitePage("/about", N_("About this register"), "/", foot=True),
    SitePage("/help", N_("Help"), "/", foot=True),
    SitePage("/privacy", N_("Privacy"), "/about", foot=True),
    SitePage("/accessibility", N_("Accessibility"), "/about", foot=True),
    SitePage("/components", N_("Components of the pages"), "/about", english=True, foot=True),
    SitePage("/sitemap", N_("Site map"), "/", foot=True),
    SitePage("/sign-in", N_("Sign in"), "/"),
    SitePage("/sign-in/start", N_("Sign in"), "/sign-in", shown=False),
    SitePage("/sign-in/callback", N_("Signed in"), "/sign-in", shown=False),
    SitePage("/sign-out", N_("Sign out"), "/sign-in", shown=False),
    SitePage("/as", N_("Sign in (demonstration)"), "/", Readers.DEMONSTRATION),
)
#: The entry of the menu that is no page: the door for programs.
GRAPHQL = SitePage("/graphql", N_("GraphQL"), menu=11, english=True)

#: Where a request keeps the language that its address names.
LANGUAGE = "aeo.language"

#: Addresses below `/docs` that are files.
_FILES = "/docs/pictures/"


@cache
def by_address() -> dict[str, SitePage]:
    """Every page by its address."""
    return {page.address: page for page in PAGES}


@cache
def menu() -> tuple[SitePage, ...]:
    """The entries of the menu, in order."""
    return tuple(sorted((page for page in (*PAGES, GRAPHQL) if page.menu), key=lambda p: p.menu))


@cache
def foot() -> tuple[SitePage, ...]:
    """The pages to which the foot of every page leads."""
    return tuple(page for page in PAGES if page.foot)


def own_place(subject: str) -> SitePage | None:
    """Returns the page of the subject's own work; None for the public."""
    role = subject.partition(":")[0]
    address = {"company": "/company", "officer": "/work", "partner": "/work", "auditor": "/work"}
    return by_address()[address[role]] if role in address else None


def _pattern(address: str) -> str:
    """The regular expression of an address: a part in braces is anything without a slash, with
    `:path` anything, and with another convertor what that accepts."""
    parts = re.split(r"(\{[^}]+\})", address)
    return "".join(_part(part) if part.startswith("{") else re.escape(part) for part in parts)


def _part(part: str) -> str:
    convertor = part.strip("{}").partition(":")[2]
    if convertor in ("", "path"):
        return r"[^?#\"]+" if convertor else r"[^/?#\"]+"
    return f"(?:{CONVERTOR_TYPES[convertor].regex})"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], SitePage], ...]:
    return tuple((re.compile(_pattern(page.address)), page) for page in PAGES)


def page_at(path: str) -> SitePage | None:
    """Returns the page at a path without a language; None for an address that is no page."""
    if path.startswith(_FILES):
        return None
    return next((page for found, page in _patterns() if found.fullmatch(path)), None)


def above(page: SitePage) -> Iterator[SitePage]:
    """The pages above it, from the top."""
    if page.parent is not None:
        parent = by_address()[page.parent]
        yield from above(parent)
        yield parent


def trail(page: SitePage | None) -> list[SitePage]:
    """The pages above it that are one page each, for the breadcrumbs. The first page is left out:
    the name of the register leads there."""
    return [each for each in above(page) if each.is_one and each.address != "/"] if page else []


def section(page: SitePage | None) -> str:
    """Returns the address of the menu's entry to which a page belongs: that of the search for the
    search, the operators and an address that is no page; "" for a page of no entry, such as that of
    the visitor's own work."""
    if page is None:
        return "/"
    found = [each.address for each in (*above(page), page) if each.menu]
    if found[-1:] == ["/"] and page.address != "/":
        return "/" if page.address.startswith(("/search", "/operators")) else ""
    return found[-1] if found else ""


# ---------------------------------------------------------------- addresses with a language


def split(path: str) -> tuple[str | None, str]:
    """Returns the language that an address names, and the address without it: `/fr/countries` is
    ("fr", "/countries")."""
    first, slash, rest = path[1:].partition("/")
    if first in catalogues.tags():
        return first, f"/{rest}" if slash else "/"
    return None, path


def in_language(address: str, tag: str) -> str:
    """Returns the address of a page in a language; any other address as it is."""
    path = re.split(r"[?#]", address, maxsplit=1)[0]
    if page_at(path) is None:
        return address
    return f"/{tag}{address}" if path != "/" else f"/{tag}/{address[1:]}"


@cache
def _links() -> re.Pattern[str]:
    some = "|".join(_pattern(page.address) for page in PAGES)
    return re.compile(
        rf'(?<!hreflang="x-default" )(?P<name>href|action)="(?P<path>{some})(?=[?#"])'
    )


def with_language(html: str, tag: str) -> str:
    """Returns a page whose links to other pages are in its language."""
    return _links().sub(
        lambda found: (
            f'{found["name"]}="/{tag}{found["path"]}'
            if not found["path"].startswith(_FILES)
            else found[0]
        ),
        html,
    )
