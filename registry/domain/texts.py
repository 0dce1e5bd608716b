"""Names and other texts: what may be written, one normal form for comparison, a safe form to show.

A text is kept as it was given. Equality and search compare its normal form, which is the same for
every database, locale and script. A character that nobody can see, or that moves other characters
(control, invisible and bidirectional ones), is refused where a text enters. Where an older ledger
holds one, it is shown by its number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from registry.domain.errors import BadValue

#: Joiners are spelling in Persian and in Indic scripts, and variation selectors choose the glyph
#: of a Japanese name: they may stand in a text, and make no difference to its normal form.
_SELECTORS = r"\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_JOINERS = r"\u200c\u200d"
#: Bidirectional controls, format characters, fillers that look like nothing, noncharacters. What
#: Unicode calls "format" and prints all the same (Arabic number signs) is not among them.
_HIDDEN = (
    r"\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f\ud800-\udfff"
)
_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_REFUSED = re.compile(f"[{_HIDDEN}{_CONTROL}]")
_REFUSED_IN_PROSE = re.compile(f"(?![\t\n\r\u2028\u2029])[{_HIDDEN}{_CONTROL}]")
_IGNORED = re.compile(f"[{_SELECTORS}{_JOINERS}{_HIDDEN}]|(?!\\s)[{_CONTROL}]")

#: Fields of commands that are prose, of several lines where need be. Every other text is one line.
PROSE = frozenset(
    {
        "address",
        "benefits",
        "condition",
        "details",
        "ground",
        "legal_basis",
        "legal_ground",
        "note",
        "outcome",
        "override",
        "reason",
        "reply",
        "shared",
        "source",
        "text",
        "verified_by",
        "why",
    }
)


#: Fields that a guard asks for: what is said there has to be said in words.
SAID_IN_WORDS = frozenset({"ground", "legal_ground", "override", "reason", "shared", "why"})
#: What a thing is called, by which people and searches find it: there is a letter or a digit in it.
#: (A unit may be a sign, and a reply a tick.)
CALLED = frozenset(
    {
        "local_name",
        "measure",
        "measure_names",
        "measures",
        "name",
        "names",
        "number",
        "target",
        "title",
        "titles",
    }
)


def check(name: str, text: str, *, prose: bool = False) -> None:
    """Raises BadValue where a text holds what nobody can see, or nothing that anybody can: signs
    that only stand over others (U+0345), or, of what a thing is called and of what has to be said
    in words, no letter and no digit at all.

    `name`: of the field, perhaps of a place in it: titles.de. `prose`: it may have several lines.
    An empty text is not judged here, nor one of blanks where a field is neither of these.
    """
    if text.isascii() and text.isprintable():
        return _in_words(name, text)
    if found := (_REFUSED_IN_PROSE if prose else _REFUSED).search(text):
        raise BadValue(
            f"{name}: found {_number(found[0])} at character {found.start() + 1}, "
            "wanted no control, invisible or bidirectional characters"
        )
    if text and not text.isspace() and not any(map(_is_seen, text)):
        raise BadValue(f"{name}: found {len(text)} characters, none of which can be seen")
    _in_words(name, text)


def _in_words(name: str, text: str) -> None:
    if any(map(str.isalnum, text)) or not text:
        return
    first, last = name.partition(".")[0], name.rpartition(".")[2]
    if {first, last} & SAID_IN_WORDS and text.isspace():
        raise BadValue(f"{name}: found blanks alone, wanted words")
    if {first, last} & (SAID_IN_WORDS | CALLED):
        raise BadValue(f"{name}: found {text[:70]!r}, wanted at least one letter or digit")


def _is_seen(character: str) -> bool:
    """Letters, digits, punctuation, symbols, and what an office keeps for characters of its own."""
    category = unicodedata.category(character)
    return category[0] in "LNPS" or category == "Co"


def check_fields(said: dict[str, Any]) -> None:
    """The same for every text of a command, as plain data. Raises BadValue."""
    for name, value in said.items():
        if isinstance(value, str):
            check(name, value, prose=name in PROSE)
        elif isinstance(value, (dict, list, tuple)):
            for place, text in _texts(name, value):
                check(place, text, prose=name in PROSE or place.rpartition(".")[2] in PROSE)


def _json(said: object) -> bytes:
    """The data as JSON, where a control character is escaped (but U+007F). A backslash where it is
    no plain data, or none that UTF-8 can hold."""
    try:
        return msgspec.json.encode(said)
    except (TypeError, ValueError, RecursionError):
        return b"\\u0000"


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in there, its names too, each with where it stands. However deep it goes."""
    left = [(name, value)]
    while left:
        match left.pop():
            case place, str() as text:
                yield place, text
            case place, dict() as named:
                left += [(place, key) for key in named]
                left += [(f"{place}.{key}", each) for key, each in named.items()]
            case place, list() | tuple() as many:
                left += [(place, each) for each in many]


@lru_cache(maxsize=16_384)
def folded(text: str) -> str:
    """The normal form of a name or a text for comparison and search.

    Unicode's compatibility form and full case folding (NFKC, case folding), without characters
    that nobody sees; runs of blanks are one blank, and every dash is a hyphen. Marks over Latin and
    Greek letters are left out, because capitals are often written without them, and so are the two
    Turkish dots and the dots of the Russian io. Idempotent.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    text = unicodedata.normalize("NFKD", _IGNORED.sub("", text)).casefold()
    text = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    text = _MARKED.sub(r"\1", text).replace("\u0435\u0308", "\u0435")
    text = unicodedata.normalize("NFC", _DASHES.sub("-", _IGNORED.sub("", text)))
    return " ".join(text.split())


def plain(text: str) -> str:
    """One form of each character (NFKC), without those that nobody sees; every dash is a hyphen."""
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFKC", _IGNORED.sub("", text))
    return unicodedata.normalize("NFKC", _DASHES.sub("-", _IGNORED.sub("", text)))


#: Dotless i, and what no decomposition leads back to a plain letter.
_LETTERS = str.maketrans(
    {"\u0131": "i", "đ": "d", "ł": "l", "ø": "o", "ħ": "h", "ŧ": "t", "œ": "oe", "æ": "ae"}
)
_MARKED = re.compile(r"([a-z\u03b1-\u03c9])[\u0300-\u036f]+")
_DASHES = re.compile(r"[\u058a\u2010-\u2015\u2212\u2e3a\u2e3b\u301c\u30a0]")


def is_hidden(character: str) -> bool:
    """Whether nobody can see it, or it moves others: no text that is written today holds it."""
    return _REFUSED.match(character) is not None


def shown(text: str) -> str:
    """The text for a page, where lines may stay lines: what is hidden in it, by its number."""
    if text.isascii() and text.isprintable():
        return text
    return _REFUSED_IN_PROSE.sub(lambda found: f"<{_number(found[0])}>", text)


def _number(character: str) -> str:
    return f"U+{ord(character):04X}"


def has_nul(value: object) -> bool:
    """Is there a NUL character anywhere in this plain data? However deep it goes."""
    if b"\\u0000" not in _json(value):
        return False  # as of nearly every question
    left = [value]
    while left:
        match left.pop():
            case str() as text if "\0" in text:
                return True
            case dict() as named:
                left += [*named, *named.values()]
            case list() as many:
                left += many
    return False
