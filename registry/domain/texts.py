"""Names and other texts: which characters are allowed, and the normal form for comparison.

A text is stored as it was given. Equality and search compare its normal form, which does not depend
on database, locale or script. A character that is invisible or that moves other characters
(control, invisible and bidirectional characters) is refused on input. If an older ledger contains
one, it is displayed by its code point.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from registry.domain.errors import BadValue

#: Joiners belong to the spelling of Persian and of Indic scripts, and variation selectors choose
#: the glyph of a Japanese name. They are allowed and do not change the normal form.
_SELECTORS = r"\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_JOINERS = r"\u200c\u200d"
#: Bidirectional controls, format characters, invisible fillers and noncharacters. Characters that
#: Unicode calls "format" but that are printed (Arabic number signs) are not included.
_HIDDEN = (
    r"\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f\ud800-\udfff"
)
_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_REFUSED = re.compile(f"[{_HIDDEN}{_CONTROL}]")
_REFUSED_IN_PROSE = re.compile(f"(?![\t\n\r\u2028\u2029])[{_HIDDEN}{_CONTROL}]")
_IGNORED = re.compile(f"[{_SELECTORS}{_JOINERS}{_HIDDEN}]|(?!\\s)[{_CONTROL}]")

#: The fields of commands that may have several lines. Every other text is a single line.
PROSE = frozenset(
    {
        "address",
        "answer",
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
        "statement",
        "text",
        "verified_by",
        "why",
    }
)


#: The fields that must give a reason in words.
SAID_IN_WORDS = frozenset({"ground", "legal_ground", "override", "reason", "shared", "why"})
#: The fields that name something, so that people and searches find it. They must contain a letter
#: or a digit. (A unit may be a sign, and a reply a tick.)
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
    """Raises BadValue if a text contains invisible characters, or nothing that is visible.

    A text of combining marks alone (U+0345) is not visible. A field that names something or gives a
    reason must contain a letter or a digit. `name`: the field, perhaps with a place in it
    (titles.de). `prose`: the text may have several lines. An empty text is accepted here.
    """
    if text.isascii() and text.isprintable():
        return _in_words(name, text)
    if found := (_REFUSED_IN_PROSE if prose else _REFUSED).search(text):
        raise BadValue(
            "%(field)s: found %(found)s at character %(start)s, wanted no control, "
            "invisible or bidirectional characters",
            field=name,
            found=_code_point(found[0]),
            start=found.start() + 1,
        )
    if text and not text.isspace() and not any(map(_is_visible, text)):
        raise BadValue(
            "%(field)s: found %(length)s characters, none of which can be seen",
            field=name,
            length=len(text),
        )
    _in_words(name, text)


def _in_words(name: str, text: str) -> None:
    """Raises BadValue if a field that needs a letter or a digit has none."""
    if any(map(str.isalnum, text)) or not text:
        return
    first, last = name.partition(".")[0], name.rpartition(".")[2]
    if {first, last} & SAID_IN_WORDS and text.isspace():
        raise BadValue("%(field)s: found blanks alone, wanted words", field=name)
    if {first, last} & (SAID_IN_WORDS | CALLED):
        raise BadValue(
            "%(field)s: found %(text)s, wanted at least one letter or digit",
            field=name,
            text=repr(text[:70]),
        )


def _is_visible(character: str) -> bool:
    """Whether the character is a letter, digit, punctuation, symbol, or of a private-use area."""
    category = unicodedata.category(character)
    return category[0] in "LNPS" or category == "Co"


def check_fields(fields: dict[str, Any]) -> None:
    """Checks every text of a command given as plain data. Raises BadValue."""
    for name, value in fields.items():
        if isinstance(value, str):
            check(name, value, prose=name in PROSE)
        elif isinstance(value, (dict, list, tuple)):
            for place, text in _texts(name, value):
                check(place, text, prose=name in PROSE or place.rpartition(".")[2] in PROSE)


def _json(value: object) -> bytes:
    """The data as JSON, in which control characters except U+007F are escaped.

    Data that cannot be encoded gives a text that always leads to the complete check.
    """
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        return b"\\u0000"


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in the data, including keys, with its place, at any depth."""
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
    """The normal form of a name or text, for comparison and search. Idempotent.

    It applies NFKC and full case folding, removes invisible characters, joins runs of blanks, and
    turns every dash into a hyphen. Marks on Latin and Greek letters are removed, because capitals
    are often written without them, and so are the two Turkish dots and the dots of the Russian io.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    text = unicodedata.normalize("NFKD", _IGNORED.sub("", text)).casefold()
    text = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    text = _MARKED.sub(r"\1", text).replace("\u0435\u0308", "\u0435")
    text = unicodedata.normalize("NFC", _DASHES.sub("-", _IGNORED.sub("", text)))
    return " ".join(text.split())


def ascii_digits(text: str) -> str:
    """The text with the decimal digits of every script, such as Arabic-Indic ones, as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in text)


def plain(text: str) -> str:
    """The text in NFKC without invisible characters; every dash becomes a hyphen."""
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFKC", _IGNORED.sub("", text))
    return unicodedata.normalize("NFKC", _DASHES.sub("-", _IGNORED.sub("", text)))


#: Dotless i, and letters that no decomposition turns into a plain letter.
_LETTERS = str.maketrans(
    {"\u0131": "i", "đ": "d", "ł": "l", "ø": "o", "ħ": "h", "ŧ": "t", "œ": "oe", "æ": "ae"}
)
_MARKED = re.compile(r"([a-z\u03b1-\u03c9])[\u0300-\u036f]+")
_DASHES = re.compile(r"[\u058a\u2010-\u2015\u2212\u2e3a\u2e3b\u301c\u30a0]")


def is_hidden(character: str) -> bool:
    """Whether the character is invisible or moves others; such characters are refused on input."""
    return _REFUSED.match(character) is not None


def shown(text: str) -> str:
    """The text for a page: hidden characters are shown as code points, line breaks are kept."""
    if text.isascii() and text.isprintable():
        return text
    return _REFUSED_IN_PROSE.sub(lambda found: f"<{_code_point(found[0])}>", text)


def _code_point(character: str) -> str:
    """The code point of a character, such as U+200B."""
    return f"U+{ord(character):04X}"


def has_nul(value: object) -> bool:
    """Whether the plain data contains a NUL character, at any depth."""
    if b"\\u0000" not in _json(value):
        return False  # the usual case
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
