"""A language of the pages: its texts by gettext, its names, dates and numbers by CLDR (Babel)."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from gettext import NullTranslations
from typing import Any, Final
from unicodedata import combining, normalize

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_decimal
from markupsafe import Markup

from registry.domain.texts import shown

#: First-strong isolate and its end (Unicode Bidirectional Algorithm): what stands between them does
#: not change the order of the words around it. A text in the reader's own language that is written
#: from right to left is isolated as such: what it begins with may itself be isolated, and the first
#: strong character is looked for outside of that.
FIRST_STRONG_ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"
RIGHT_TO_LEFT_ISOLATE = "\u2067"
NO_BREAK_SPACE = "\u00a0"
#: Letters with a mark that are letters of their own, each after the letter without the mark.
_OWN_LETTERS: Final = str.maketrans(
    {"й": "и\uffff", "Й": "И\uffff", "ñ": "n\uffff", "Ñ": "N\uffff"}
)


class ReaderText(str):
    """A text in the reader's language. What was put into it is visible and isolated already."""

    def rstrip(self, characters: str | None = None, /) -> ReaderText:
        """Returns the text without these characters at its end."""
        return ReaderText(super().rstrip(characters))


@dataclass(frozen=True, eq=False)
class Language:
    """A language. `tag`: BCP 47. `script_texts`: the texts of each script of the pages, by its
    English."""

    tag: str
    locale: Locale
    translations: NullTranslations = field(default_factory=NullTranslations)
    script_texts: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def is_source(self) -> bool:
        """True for English, the language of the sources."""
        return self.tag == SOURCE_TAG

    @property
    def direction(self) -> str:
        """The direction of writing: `ltr` or `rtl`."""
        return "rtl" if self.locale.character_order == "right-to-left" else "ltr"

    # ------------------------------------------------------------------ texts

    def gettext(self, text: str, /, **values: Any) -> str:
        """Returns the text in this language; `%(name)s` in it is replaced by the value."""
        if self.is_source:
            return text % values if values else text
        return self._with(self.translations.gettext(text), values)

    def pgettext(self, context: str, text: str, /, **values: Any) -> str:
        """The same of a text that means different things in different contexts; the context of the
        name of a code is the code."""
        if self.is_source:
            return text % values if values else text
        return self._with(self.translations.pgettext(context, text), values)

    def ngettext(self, one: str, many: str, number: int, /, **values: Any) -> str:
        """The same of a text with a number, in the plural form that the language has for it. The
        number is `%(number)s`."""
        values = {"number": self.number(number), **values}
        if self.is_source:
            return self.plural(one, many, number) % values
        return self._with(self.plural(one, many, number), values)

    def plural(self, one: str, many: str, number: int) -> str:
        """Returns the form of a text for a number, without its values."""
        return self.translations.ngettext(one, many, number)

    def texts_of(self, *scripts: str) -> dict[str, str]:
        """The texts of these scripts in this language, by their English."""
        return {
            text: translated
            for script in scripts
            for text, translated in self.script_texts.get(script, {}).items()
        }

    def _with(self, text: str, values: dict[str, Any]) -> str:
        if not values:
            return ReaderText(text)
        return ReaderText(text % {name: self.isolated(value) for name, value in values.items()})

    def isolated(self, value: Any) -> Any:
        """Returns a value that stands in a text of this language; in one that is written from right
        to left a text is isolated, so that it does not change the order of the words around it."""
        if not isinstance(value, str):
            return value
        visible = shown(value) if type(value) is str else value
        if self.direction == "ltr":
            return visible
        own = isinstance(value, ReaderText)
        begin = RIGHT_TO_LEFT_ISOLATE if own else FIRST_STRONG_ISOLATE
        if isinstance(visible, Markup):
            return begin + visible + END_OF_ISOLATE
        return f"{begin}{visible}{END_OF_ISOLATE}"

    def markup(self, text: str, values: dict[str, Any]) -> Markup:
        """Returns a translated text of a template as HTML; its values are escaped."""
        found = {name: self.isolated(value) for name, value in values.items()}
        return Markup(text) % found

    # ---------------------------------------------------- names, dates, numbers

    def alphabetical(self, text: str) -> tuple[Any, ...]:
        """The key by which a name stands in an alphabetical list of this language: capitals and
        marks decide only between names that are otherwise equal, as in CLDR's root collation; Й and
        Ñ are letters of their own; Chinese is in the order of pinyin, in which GB 18030 has the
        3,755 most common characters."""
        if self.locale.language == "zh":
            return (text.encode("gb18030"),)
        folded = normalize("NFKD", text.translate(_OWN_LETTERS)).casefold()
        return ("".join(letter for letter in folded if not combining(letter)), text)

    def territory(self, code: str) -> str:
        """The name of a territory (CLDR); its code where there is none."""
        return str(self.locale.territories.get("GB" if code == "XI" else code, code))

    def number(self, value: int) -> str:
        """A whole number with its thousands apart."""
        if self.is_source:
            return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
        return format_decimal(value, locale=self.locale)

    def day(self, text: str) -> str:
        """A civil day, from YYYY-MM-DD; a month or a year, from YYYY-MM or YYYY. In English as it
        is (ISO 8601)."""
        return text if self.is_source else _day(self, text)

    def clock(self, at: datetime) -> str:
        """The time of day with its zone, of an instant in UTC; with seconds where there are any."""
        time = at.time().isoformat("seconds" if at.second else "minutes")
        return f"{time}{' ' if self.is_source else NO_BREAK_SPACE}UTC"

    def pair(self, words: Iterable[str]) -> str:
        """The words with "and" between each two."""
        return self.gettext(" and ").join(words)

    def list(self, words: Iterable[str]) -> str:
        """The words as a list in a sentence, the last with "and"."""
        return format_list(list(words), locale=self.locale)


@lru_cache(maxsize=4_096)
def _day(language: Language, text: str) -> str:
    try:
        match len(text):
            case 4:
                return format_date(date(int(text), 1, 1), "y", locale=language.locale)
            case 7:
                first = date.fromisoformat(f"{text}-01")
                pattern = language.locale.datetime_skeletons.get("yMMMM", "LLLL y")
                return format_date(first, str(pattern), locale=language.locale)
            case _:
                return format_date(date.fromisoformat(text), "long", locale=language.locale)
    except ValueError:
        return text


SOURCE_TAG: Final = "en"
ENGLISH: Final = Language(SOURCE_TAG, Locale("en"))

#: The language of the page that is being made.
current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


# ------------------------------------------------------- for the modules of the pages


def _(text: str, /, **values: Any) -> str:
    """Returns a text in the reader's language. `python -m ops.messages` finds it by this name."""
    return current.get().gettext(text, **values)


def ngettext(one: str, many: str, number: int, /, **values: Any) -> str:
    """Returns a text with `%(number)s` in the reader's language, in the right plural form."""
    return current.get().ngettext(one, many, number, **values)


def pgettext(context: str, text: str, /, **values: Any) -> str:
    """Returns a text in the reader's language that needs a context to be understood."""
    return current.get().pgettext(context, text, **values)


def joined(separator: str, parts: Iterable[str]) -> str:
    """Returns texts in a row as one text in the reader's language; empty ones are left out. Where
    one of them is markup, so is the whole."""
    found = [current.get().isolated(part) for part in parts if part]
    if any(isinstance(part, Markup) for part in found):
        return Markup(separator).join(found)
    return ReaderText(separator.join(found))


def N_(text: str, /) -> str:  # noqa: N802 - the name that gettext uses
    """Marks a text that is translated later, where it is shown."""
    return text
