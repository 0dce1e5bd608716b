"""What the words of a search can mean beside names on record: goods, pages of this site, types of
authorisation, the territories that a sentence names, a number without its country.

Each is offered as a link that says what was understood. Nothing is guessed silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from api.languages import catalogues
from api.languages.language import _
from api.pages import site, type_names
from api.pages.control_results import GOODS
from api.pages.labels import called, territory
from registry.domain.texts import folded
from registry.domain.values import AdministrationCode

LEAST = 3  # letters of a word that is looked for inside other words
_BARE_NUMBER = re.compile(r"[0-9]{6,15}")
_CODES = re.compile(r"([A-Za-z]{2})[\s/,-]+([A-Za-z]{2})")
#: Scripts that put no blank between words: a name is found anywhere in them.
_NO_BLANKS = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_NUMBER_IN_WORDS = re.compile(r"[0-9]{2,}")


@dataclass(frozen=True)
class NamedType:
    """A type of authorisation. `own`: its name in its own law, "" where the record has none."""

    programme: str
    administration: str
    type: str
    own: str


def goods(words: str) -> list[tuple[str, str]]:
    """Returns the goods that agreements on control results name by these words in one of the
    languages: the code of the Harmonised System, and the reader's word."""
    wanted = folded(words)
    if len(wanted) < LEAST and not _NO_BLANKS.search(wanted):
        return []
    return [(code, _(text)) for code, text in GOODS.items() if _is_called(text, wanted)]


def _is_called(text: str, wanted: str) -> bool:
    names = (folded(catalogues.language(tag).gettext(text)) for tag in catalogues.tags())
    return any(
        name.startswith(wanted)
        or f" {wanted}" in name
        or (wanted in name and bool(_NO_BLANKS.search(wanted)))
        for name in names
    )


def pages(words: str) -> list[tuple[str, str]]:
    """Returns the pages of this site with these words in their title, in the reader's language or
    in English, or in their address: the address and the title."""
    wanted = folded(words)
    if len(wanted) < LEAST and not _NO_BLANKS.search(wanted):
        return []
    return [
        (page.address, _(page.title))
        for page in site.PAGES
        if page.is_one
        and page.shown
        and page.address != "/as"
        and any(
            _begins(folded(title), wanted)
            for title in (_(page.title), page.title, page.address.replace("/", " "))
        )
    ]


def _begins(title: str, wanted: str) -> bool:
    return title.startswith(wanted) or f" {wanted}" in title


def types(words: str, administrations: Iterable[dict[str, Any]]) -> list[NamedType]:
    """Returns the types of authorisation that have this code, or a name with these words.
    `administrations`: each with its programmes and their types."""
    wanted = folded(words)
    tight = "".join(wanted.split())
    found = []
    for administration in administrations:
        for programme in administration["programmes"]:
            for code in programme["types"]:
                names = type_names.of(programme["code"], code)
                texts = [folded(text) for text in (names.name, names.translated)] if names else []
                if tight == folded(code) or (
                    len(wanted) > 1 and any(wanted in text for text in texts)
                ):
                    own = names.name if names else ""
                    found.append(NamedType(programme["code"], administration["code"], code, own))
    return found


def territories(words: str) -> list[str]:
    """Returns the territories that the words name, longest names first: two codes ("eu-uk"), or
    names inside a sentence ("agreement with South Korea"). At most two."""
    if pair := _CODES.fullmatch(words.strip()):
        codes = [territory(code) for code in pair.groups()]
        return codes if all(code in called() for code in codes) else []
    text = f" {folded(words)} "
    names = sorted(
        ((name, code) for code, names in called().items() for name in names if len(name) > 1),
        key=lambda found: (-len(found[0]), found[1]),
    )
    found: list[str] = []
    for name, code in names:
        inside = name if _NO_BLANKS.search(name) else f" {name} "
        if not AdministrationCode.FORM.fullmatch(code) or inside not in text:
            continue
        text = text.replace(inside, "  ")
        found.append(code)
    return list(dict.fromkeys(found))[:2]


def is_bare_number(words: str) -> bool:
    """Whether the words are the digits of a number without the letters of its country."""
    return _BARE_NUMBER.fullmatch(words) is not None


def number_inside(words: str) -> str:
    """Returns the longest number inside words, such as 282 in “Order no. 282”; "" where the words
    are no more than it, or have none."""
    found = max(_NUMBER_IN_WORDS.findall(words), key=len, default="")
    return found if found != words.strip() else ""
