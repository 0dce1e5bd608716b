"""Texts of a document that is typeset in two languages: the reader's, and one beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from api.languages import catalogues
from api.languages.language import Language, _, current
from api.pages import labels

#: Characters that the fonts of the program have: Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic,
#: Devanagari, Thai, Georgian, and punctuation.
ALPHABETS = (
    *((0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x377), (0x37A, 0x37F), (0x384, 0x386), (0x388, 0x38A)),
    *((0x38C, 0x38C), (0x38E, 0x3A1), (0x3A3, 0x3FF), (0x400, 0x4FF), (0x531, 0x556)),
    *((0x561, 0x587), (0x5D0, 0x5EA), (0x600, 0x6FF), (0x900, 0x97F), (0xE01, 0xE3A)),
    *((0xE3F, 0xE5B), (0x10D0, 0x10FA), (0x1E00, 0x1EFF), (0x2010, 0x205E)),
)
#: Character sets of which they have the rows between these first bytes, both included: the Chinese
#: characters of GB 2312, level 1, with its kana; those of Japan, level 1; those of Big5, level 1;
#: and the syllables of Korea.
CHARACTER_SETS = (
    ("gb2312", 0xA1, 0xA9),
    ("gb2312", 0xB0, 0xD7),
    ("euc_jp", 0xB0, 0xCF),
    ("big5", 0xA4, 0xC6),
    ("euc_kr", 0xB0, 0xC8),
)


#: Letters of a word after which a line may end. Fewer fit on a line in each size.
_LONG = re.compile(r"\S{24}(?=\S)")


class BilingualRow(NamedTuple):
    """A line of a document: label and value in both languages; a code has only one value."""

    label: list[str]
    value: list[str]
    code: bool


class BilingualTexts:
    """Makes texts in both languages, the reader's first."""

    def __init__(self, languages: list[Language]) -> None:
        self._languages = languages

    def of(self, make: Callable[[], str]) -> list[str]:
        """The text in each language."""
        found = []
        for language in self._languages:
            with _speaking(language):
                found.append(_plain(make()))
        return found

    def row(self, label: str, make: Callable[[], str]) -> BilingualRow:
        """A line with a text."""
        return BilingualRow(self.of(lambda: _(label)), self.of(make), code=False)

    def code(self, label: str, value: str) -> BilingualRow:
        """A line with a code."""
        return BilingualRow(self.of(lambda: _(label)), [value], code=True)


@contextmanager
def _speaking(language: Language) -> Iterator[None]:
    token = current.set(language)
    try:
        yield
    finally:
        current.reset(token)


def _plain(text: str) -> str:
    return str(text)


def second_language(first: Language, territory: str) -> Language:
    """Returns the language beside the reader's: English, and for an English reader the first
    official one of the territory that has a catalogue; English where none has."""
    if not first.is_source:
        return catalogues.language("en")
    wanted = labels.language(territory)
    found = next((tag for tag in catalogues.tags() if tag.partition("-")[0] == wanted), "en")
    return catalogues.language(found)


def breakable(text: str) -> str:
    """Returns a text whose long words may be broken where the line of a document ends."""
    return _LONG.sub("\\g<0>\N{ZERO WIDTH SPACE}", text)


def is_covered(text: str) -> bool:
    """Whether the fonts of the program have every character of a text."""
    return all(_has(letter) for letter in text)


def _has(letter: str) -> bool:
    if any(first <= ord(letter) <= last for first, last in ALPHABETS):
        return True
    return any(first <= _row(letter, name) <= last for name, first, last in CHARACTER_SETS)


def _row(letter: str, character_set: str) -> int:
    """The first byte of a character of two bytes; 0 for any other."""
    try:
        written = letter.encode(character_set)
    except UnicodeEncodeError:
        return 0
    return written[0] if len(written) == 2 else 0
