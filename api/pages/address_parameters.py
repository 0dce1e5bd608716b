"""The parameters that the address of each page may have.

Every parameter is used by its page. One that the page does not have is refused (HTTP 400), because
a misspelt filter would otherwise give the whole list as if it were the answer; so is a second value
of a parameter that has one. Parameters by which other sites follow a visitor, such as `utm_source`,
are neither read nor refused (decision 0355).
"""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urlencode

from fastapi import Request

from api.pages import site
from api.pages.parameters import LONGEST, BadParameter
from registry.domain.sentences import Listing, Sentence

#: The as-of pair of a page.
CLOCKS = ("at", "known-at")
#: The parameters of the list of operators; its boxes lead to a decision about many.
_OPERATORS = (
    *("name", "administration", "standing", "role", "programme", "type", "until", "due"),
    *("by", "ticked", "tin", "after"),
)
#: By the address of the page; a page that is not named has none.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "/search": ("q", "of"),
    "/search/suggest": ("q",),
    "/check": (
        *("number", "in", "day", "time", "zone", "direction", "role", "hs", "crossing", "mode"),
        "draft",
    ),
    "/check/list": ("in", "draft"),
    "/check/list/{id}": ("after",),
    "/control-results": ("from", "to", "crossing", "hs", "day", "time", "zone"),
    "/operators": (*_OPERATORS, "format"),
    "/operators/{tin}": (*CLOCKS, "in", "tab"),
    "/operators/{tin}/looks": ("after",),
    "/operators/{tin}/beliefs": ("at", "from", "to"),
    "/operators/{tin}/persons": ("draft",),
    "/operators/{tin}/persons/{person}": ("draft",),
    "/operators/{tin}/certificate": ("draft",),
    "/verify": ("draft",),
    "/company": ("of",),
    "/work": ("draft",),
    "/work/many": (*_OPERATORS, "command"),
    "/proposals": ("after",),
    "/proposals/{code}/{proposal}/{command:proposal_command}": ("draft", "recorded"),
    "/tour/{number}": (*CLOCKS, "ask"),
    "/countries": (
        *(*CLOCKS, "name", "bloc", "programme", "with", "state", "sort", "from", "format"),
    ),
    "/countries/{code}": (*CLOCKS, "tab", "searched"),
    "/programmes/{code}": CLOCKS,
    "/agreements": (
        *(*CLOCKS, "party", "with", "kind", "status", "pillar", "contains"),
        *("by", "after", "from", "format"),
    ),
    "/agreements/{id}": (*CLOCKS, "tab", "a", "b"),
    "/network": ("known-at", "year", "of", "kind", "format"),
    "/documents": ("party", "contains", "after"),
    "/documents/{id}": CLOCKS,
    "/promises": (*CLOCKS, "of", "format"),
    "/audit": (*CLOCKS, "of", "in", "turn-at", "turn-known"),
    "/audit/numbers": ("from",),
    "/audit/bundle": ("operator", "agreement"),
    "/events": (
        *("kind", "operator", "agreement", "administration", "decided-by", "from", "to"),
        *("effective-from", "effective-to", "from-position", "to-position"),
        *("after", "before", "part", "format"),
    ),
    "/deadlines": ("month", "administration", "kind", "state", "day", "after", "format"),
    "/divergences": ("in", "from", "to", "given", "after"),
    "/receipts": ("after",),
    "/sign-in": ("next",),
    "/sign-in/start": ("issuer", "next"),
    "/as": ("next",),
}
#: Pages that check the names themselves: those of forms, whose fields depend on the command. An
#: issuer may send any parameter (OpenID Connect Core, 3.1.2.5).
FREE = frozenset(
    {page.address for page in site.PAGES if page.address.endswith("_command}")} - PARAMETERS.keys()
    | {"/sign-in/callback"}
)
#: Parameters with several values.
SEVERAL = frozenset({"tin", "by", "ticked"})  # a head or a button overrides the field of its form
#: What other sites add to a link, by which they follow a visitor.
_TRACKING = re.compile(
    r"utm_\w+|[a-z]{0,3}clid|(g|w)braid|mc_[ce]id|_g[al]|igshid|srsltid|ref_src|mkt_tok|_hs\w+"
)


def accepted(path: str) -> tuple[str, ...]:
    """Returns the parameters of the page at a path without a language."""
    page = site.page_at(path)
    return PARAMETERS.get(page.address, ()) if page else ()


def is_tracking(name: str) -> bool:
    """Whether another site added the parameter to follow a visitor."""
    return _TRACKING.fullmatch(name) is not None


def check(request: Request) -> None:
    """Raises BadParameter for a name that the page does not have, and for a second value."""
    page = site.page_at(request.url.path)
    if page is not None and page.address not in FREE:
        check_names(request, PARAMETERS.get(page.address, ()))


def check_names(request: Request, known: tuple[str, ...]) -> None:
    """The same for a page with these parameters."""
    times = Counter(name for name, _value in request.query_params.multi_items())
    for name, count in times.items():
        if is_tracking(name):
            continue
        if name not in known:
            raise unknown(name, known)
        if count > 1 and name not in SEVERAL:
            raise BadParameter(
                Sentence(
                    "%(field)s: found %(count)s values, wanted one", field=name, count=str(count)
                )
            )


def unknown(name: str, known: tuple[str, ...]) -> BadParameter:
    """Returns the error for a query parameter that the page does not have. The message names the
    parameter found and those that the page has."""
    found = repr(name[:LONGEST])
    if not known:
        return BadParameter(
            Sentence("This page has no parameter %(found)s; it has none", found=found)
        )
    return BadParameter(
        Sentence(
            "This page has no parameter %(found)s; it has %(known)s",
            found=found,
            known=Listing(known, ", "),
        )
    )


def without_unknown(request: Request) -> str:
    """Returns the address of the request with the parameters alone that its page has, each once;
    "" where it has no others."""
    known = accepted(request.url.path)
    pairs = [(name, value) for name, value in request.query_params.items() if name in known]
    if len(pairs) == len(request.query_params.multi_items()):
        return ""
    return request.url.path + (f"?{urlencode(pairs)}" if pairs else "")
