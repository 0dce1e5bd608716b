"""Texts of a document that is typeset in two languages: the reader's, and one beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from api.languages import catalogues
from api.languages.language import Language, _, current
from api.pages import labels

#: Characters that the fonts of the program have: Latin, Greek, Cyrillic, Arabic, and punctuation.
_COVERED = ((0x20, 0x24F), (0x370, 0x4FF), (0x600, 0x6FF), (0x1E00, 0x1EFF), (0x2010, 0x205E))


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


def is_covered(text: str) -> bool:
    """Whether the fonts of the program have every character of a text: besides the alphabets above
    the Chinese characters of GB 2312, level 1, with its Greek, Cyrillic and kana."""
    return all(_has(letter) for letter in text)


def _has(letter: str) -> bool:
    if any(first <= ord(letter) <= last for first, last in _COVERED):
        return True
    try:
        row = letter.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return 0xA1 <= row <= 0xA9 or 0xB0 <= row <= 0xD7
