"""Parameters of an address that name a form, an order, or a place in a list.

A page that does not know the value of one refuses it, with the field, what was found and what was
wanted (HTTP 400). No value is ignored.
"""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Request

from api.graphql import paging
from api.graphql.errors import Unanswered
from api.pages.labels import territory
from registry.domain.sentences import Listing, Sentence
from registry.domain.texts import ascii_digits
from registry.domain.values import AdministrationCode

LONGEST = 40  # characters of what was found that are shown


class BadParameter(ValueError):
    """A parameter has a value that the page does not know. The message is a sentence of the
    register."""


def one_of(request: Request, name: str, known: Collection[str], default: str = "") -> str:
    """Returns the value of a parameter, and the default where there is none. Raises
    BadParameter."""
    text = request.query_params.get(name, "").strip()
    if not text or text in known:
        return text or default
    raise BadParameter(
        Sentence(
            "%(field)s: found %(found)s, wanted one of %(wanted)s",
            field=name,
            found=repr(text[:LONGEST]),
            wanted=Listing(known, ", "),
        )
    )


def whole_number(request: Request, name: str, least: int, most: int, default: int) -> int:
    """Returns the whole number of a parameter, and the default where there is none. Raises
    BadParameter."""
    text = ascii_digits(request.query_params.get(name, "").strip())
    if not text:
        return default
    if text.isdecimal() and len(text) < 10 and least <= int(text) <= most:
        return int(text)
    raise BadParameter(
        Sentence(
            "%(field)s: found %(found)s, wanted a whole number from %(least)s to %(most)s",
            field=name,
            found=repr(text[:LONGEST]),
            least=least,
            most=most,
        )
    )


def territory_of(request: Request, name: str) -> str:
    """Returns the code of the territory of a parameter, "" where there is none. Raises
    BadParameter for what can be no code."""
    text = request.query_params.get(name, "").strip()
    if not text:
        return ""
    try:
        return AdministrationCode.parse(territory(text)).text
    except ValueError as wrong:
        raise BadParameter(str(wrong)) from None


#: Why a parameter has no meaning beside another.
WHOLE_FILE = Sentence("a file has the whole of the list, in one order")
OTHER_ORDER = Sentence("the list is read from another place in this order")
OTHER_WAY = Sentence("a list is read in one direction: after a place, or before one")


def absent(request: Request, why: Sentence, *names: str) -> None:
    """Raises BadParameter for each of these parameters that is given: beside the others it has no
    effect. `why`: the reason."""
    for name in names:
        if request.query_params.get(name, "").strip():
            raise BadParameter(Sentence("%(field)s: leave it out: %(why)s", field=name, why=why))


def cursor_of(request: Request, name: str, of: str) -> str | None:
    """Returns the cursor of a list whose keys are positions; None for none. Raises
    BadParameter."""
    text = request.query_params.get(name)
    try:
        paging.after_in(of, text, (int,), name=name)
    except Unanswered as error:
        raise BadParameter(error.message) from None
    return text
