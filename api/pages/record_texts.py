"""Texts of the published record in the reader's language: goals, titles, measures, benefits.

The record is in English, with the original sentences and names of the sources beside. The
catalogues have its fixed texts in the context RECORD (`ops/record_texts.py`); a text that was
recorded later is shown as it is, marked as English.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from babel import Locale

from api.languages.language import Language, _, current
from api.pages import labels
from api.pages.labels import CALLED, country, original
from api.pages.plain_words import source_text
from registry.domain.instants import is_day
from registry.domain.texts import folded

#: The context of the texts of the published record (`ops/world`) in the catalogues.
RECORD = "record"
#: The English title of an agreement of two parties, as the record has it; a name in another script
#: may follow in brackets.
_OF_TWO = re.compile(r"(.+): mutual recognition of AEOs(?: \([^A-Za-z]*AEO[^A-Za-z]*\))?")


def in_language(text: str, language: Language) -> str:
    """Returns a text of the record in a language; as it was recorded where no catalogue has it."""
    return language.pgettext(RECORD, text)


def recorded(text: str | None) -> str:
    """Returns a text of the record in the reader's language, where the catalogues have it; else as
    it was recorded, marked as English."""
    return in_language(text, current.get()) if text and is_translated(text) else original(text)


def cited(text: str | None) -> str:
    """Returns a source, a ground or a publication as the record cites it: marked as English, which
    is the language of citations."""
    return original(source_text(text))


def details(payload: dict[str, Any]) -> str:
    """What an event itself says, as on a page: a text of the record in the reader's language, and
    any other sentence marked as English."""
    return labels.details(payload, value)


def value(text: str) -> str:
    """A value that was recorded, as on a page: a term, a day or a text of the record in the
    reader's language, any other sentence marked as English."""
    if is_translated(text):
        return in_language(text, current.get())
    found = labels.value(text)
    return original(found) if type(found) is str and " " in found and not is_day(text) else found


def is_translated(text: str) -> bool:
    """True where the catalogues have a text of the record in the reader's language."""
    language = current.get()
    return not language.is_source and in_language(text, language) != text


def titled(node: dict[str, Any]) -> str:
    """Returns the title of an agreement or a document in the reader's language: as the record has
    it, or of the names of the two parties, or of the catalogues; else in English, marked as such.
    """
    return title_in_words(node) or recorded(node["title"])


def plain_title(node: dict[str, Any]) -> str:
    """The same as a text without elements, for the title of the page."""
    return title_in_words(node) or in_language(node["title"], current.get())


def title_in_words(node: dict[str, Any]) -> str:
    """Returns such a title in the reader's language where the record has it, or where it is made of
    the names of two parties; "" otherwise."""
    language = current.get()
    if own := (node.get("titles") or {}).get(language.tag):
        return str(own)
    parties = party_codes(node["title"])
    if language.is_source or parties is None:
        return ""
    one, other = map(country, parties)
    return _("%(one)s and %(other)s: mutual recognition of AEOs", one=one, other=other)


@lru_cache(maxsize=1_024)
def party_codes(title: str) -> tuple[str, str] | None:
    """Returns the codes of the two parties that an English title names; None for another title."""
    found = _OF_TWO.fullmatch(title)
    words = found[1].split(" and ") if found else []
    for number in range(1, len(words)):
        one, other = (" and ".join(each) for each in (words[:number], words[number:]))
        codes = [_english_names().get(folded(name), "") for name in (one, other)]
        if all(codes):
            return codes[0], codes[1]
    return None


@lru_cache(maxsize=1)
def _english_names() -> dict[str, str]:
    """The code of each territory by its names in English, folded."""
    names = {folded(name): code for code, name in Locale("en").territories.items()}
    return names | {folded(name): code for code, all in CALLED.items() for name in all}
