"""The texts of a page in another script than that of the language around them, found anew.

By the names of the letters in Unicode, with the parser of the standard library: nothing of what the
pages mark them with. A code is of no language: a text in Latin letters has a word in small ones.
"""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

#: The scripts of a language, by the first word of the names of their letters; Latin for the others.
WRITTEN = {
    "zh": {"CJK"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH", "KATAKANA-HIRAGANA"},
    "ko": {"HANGUL", "CJK"},
    "ar": {"ARABIC"},
    "fa": {"ARABIC"},
    "he": {"HEBREW"},
    "el": {"GREEK"},
    "th": {"THAI"},
    "hi": {"DEVANAGARI"},
    "ka": {"GEORGIAN"},
    "hy": {"ARMENIAN"},
    **{tag: {"CYRILLIC"} for tag in ("ru", "be", "kk", "ky", "mn", "sr", "uk")},
}
_NO_TEXT = {"script", "style", "pre", "code", "textarea", "option", "title", "desc"}
_VOID = {"br", "hr", "img", "input", "link", "meta", "source", "wbr"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str, bool]] = [("", "en", True)]
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        given = dict(attrs)
        _, lang, read = self.open[-1]
        code = "code" in (given.get("class") or "").split()
        self.open.append(
            (tag, given.get("lang") or lang, read and tag not in _NO_TEXT and not code)
        )

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        _, lang, read = self.open[-1]
        if read and (foreign := scripts(data) - WRITTEN.get(lang.split("-")[0], {"LATIN"})):
            self.found.append(f"{', '.join(sorted(foreign))} in {lang}: {data.strip()[:60]}")


def scripts(text: str) -> set[str]:
    """The scripts in which a text has letters."""
    letters = {each for each in text if each.isalpha() and unicodedata.category(each) != "Lm"}
    found = {unicodedata.name(each, "").split(" ")[0] for each in letters} - {"FEMININE", "MICRO"}
    return found if re.search("[a-z]{2}", text) else found - {"LATIN"}


def foreign_texts(page: str) -> list[str]:
    """The texts of a page without their language, as sentences."""
    reader = _Reader()
    reader.feed(page)
    return reader.found
