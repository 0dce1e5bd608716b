"""Marks the texts of a page that are written in another script than the language around them.

A name of the record stands in the middle of a page of any language: a Chinese name on an English
page, an English one on an Arabic page. A screen reader pronounces a text, and a browser chooses its
letter forms and its direction, by the nearest `lang`. So each stretch of a text whose letters are
of another script gets an element of its own, `<bdi lang="...">`, with the likely language of that
script; in a picture it is a `<tspan>`. A code (letters and digits without a word in small letters)
is of no language and stays as it is. So does what no element can stand in: attributes and fields.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.core import get_global

#: The letters of each script (Unicode, by the code of ISO 15924), and its likely language.
LETTERS: Final = {
    "Latn": (r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff", "en"),
    "Kana": (r"\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d", "ja"),
    "Hang": (r"\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3", "ko"),
    "Hani": (r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff", "zh-Hans"),
    "Cyrl": (r"\u0400-\u052f", "ru"),
    "Arab": (r"\u0620-\u065f\u066e-\u06d3\u06fa-\u077f\ufb50-\ufdff\ufe70-\ufefc", "ar"),
    "Grek": (r"\u0370-\u03ff\u1f00-\u1fff", "el"),
    "Hebr": (r"\u05d0-\u05ea", "he"),
    "Thai": (r"\u0e01-\u0e2e\u0e30-\u0e4e", "th"),
    "Deva": (r"\u0900-\u0963\u0971-\u097f", "hi"),
    "Armn": (r"\u0531-\u0556\u0561-\u0587", "hy"),
    "Geor": (r"\u10a0-\u10ff", "ka"),
}  # fmt: skip
#: The scripts that a language of one of these codes (ISO 15924) is written in.
_WRITTEN_IN = {
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Jpan": ("Hani", "Kana"),
    "Kore": ("Hang", "Hani"),
}
#: What may stand between two letters of one text: signs and digits of no script.
_SIGNS = r"\x20-\x25\x27\x2a-\x3b=?@\\^_`{|}~\u00a0-\u00bf\u00d7\u00f7\u2010-\u2027\u202f-\u203e"
_WIDE_SIGNS = r"\u3000-\u3003\u3008-\u3011\u30fb-\u30fc\uff01-\uff0f\uff1a-\uff20"
_ARABIC_SIGNS = r"\u060c\u061b\u061f\u0640\u0660-\u066d"
_REFERENCE = r"&#?\w+;"
#: A word in small letters: what tells a text from a code, in scripts that have small letters.
_WORD = re.compile(r"[a-z\u00df-\u00f6\u00f8-\u00ff]{2}")

_TAG = re.compile(
    r"<(?:(/?)([A-Za-z][A-Za-z0-9]*)((?:[^\">]+|\"[^\"]*\")*)|!--.*?--|[!?][^>]*)>|\Z", re.S
)
_LANG = re.compile(r"\slang=\"([^\"]*)\"")
_CODE = re.compile(r"\sclass=\"(?:[^\"]* )?code[ \"]")
_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "source", "wbr"})
#: What holds no text of the page, or text of a program.
_UNREAD = frozenset({"script", "style", "pre", "code", "textarea"})
#: What holds text and can hold no element.
_TEXT_ONLY = frozenset({"option", "title", "desc"})
#: What takes the language itself where the whole of its text is foreign.
_WHOLE = _TEXT_ONLY | {"bdi"}


@lru_cache(maxsize=256)
def scripts_of(tag: str) -> tuple[str, ...]:
    """Returns the scripts (ISO 15924) in which the language of a BCP 47 tag is written."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return ("Latn",)
    script = locale.script
    if script is None:
        likely = get_global("likely_subtags").get(locale.language, "")
        script = next((part for part in likely.split("_") if len(part) == 4), "Latn")
    return _WRITTEN_IN.get(script, (script,))


@lru_cache(maxsize=256)
def _foreign(tag: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The pattern of what a text in that language has where it may hold one in another script, and
    that of such a text, in one group; brackets in it are balanced."""
    own = scripts_of(tag)
    letters = {script: each for script, (each, _) in LETTERS.items() if script not in own}
    east = "".join(letters.pop(script, "") for script in ("Hani", "Kana", "Hang"))
    texts = [
        _text(each, _ARABIC_SIGNS if script == "Arab" else "") for script, each in letters.items()
    ]
    if east:
        texts.append(_text(east, _WIDE_SIGNS))
    words = _WORD.pattern if letters.pop("Latn", "") else ""
    some = f"[{east}{''.join(letters.values())}]"
    return (
        re.compile(f"{some}|{words}" if words else some),
        re.compile(f"{_REFERENCE}|({'|'.join(texts)})"),
    )


def _text(letters: str, signs: str) -> str:
    between = f"(?:{_REFERENCE}|[{_SIGNS}{signs}])"
    inside = f"(?:{_REFERENCE}|[{letters}{_SIGNS}{signs}])"
    bracketed = rf"(?:\({inside}*\)|\uff08{inside}*\uff09|\[{inside}*\])"
    return rf"[0-9]*[{letters}](?:(?:{between}|{bracketed})*[{letters}0-9%])*(?:\x20?{bracketed})?"


class _Around(NamedTuple):
    """An element that says of which language its text is. `read`: the text is of a language."""

    name: str
    lang: str
    read: bool


def marked(html: str, tag: str) -> str:
    """Returns a page in the language of the tag, each text in another script marked."""
    parts: list[str] = []
    #: The elements that are open and say something, each with how many more of its name are open.
    stack, inside = [_Around("", tag, read=True)], [0]
    done, pictures, opened = 0, 0, ""
    for found in _TAG.finditer(html):
        begin, end = found.span()
        around = stack[-1]
        if begin > done:
            text = html[done:begin]
            if around.read and _foreign(around.lang)[0].search(text):
                _mark(parts, text, around.lang, opened, picture=pictures > 0)
            else:
                parts.append(text)
        parts.append(html[begin:end])
        done, opened = end, ""
        closing, name, attributes = found.groups()
        if name == "svg":
            pictures += -1 if closing else 1
        if closing:
            if name == around.name:
                inside[-1] -= 1
                if inside[-1] < 0:
                    stack.pop()
                    inside.pop()
        elif name and name not in _VOID and not attributes.endswith("/"):
            opened = name
            if own := _own_language(around, name, attributes):
                stack.append(own)
                inside.append(0)
            elif name == around.name:
                inside[-1] += 1
    return "".join(parts)


def _own_language(around: _Around, name: str, attributes: str) -> _Around | None:
    """What an element says of the language of its text; None for nothing."""
    lang = _LANG.search(attributes) if "lang=" in attributes else None
    unread = name in _UNREAD or ("code" in attributes and _CODE.search(attributes) is not None)
    if lang is None and not unread:
        return None
    return _Around(name, lang[1] if lang else around.lang, around.read and not unread)


def _mark(parts: list[str], text: str, lang: str, opened: str, *, picture: bool) -> None:
    """Adds a text in an element of the language, its foreign stretches marked. `opened`: the name
    of the element whose tag is before it, and is the last of the parts."""
    pattern = _foreign(lang)[1]
    if opened in _WHOLE and "lang=" not in parts[-1]:
        whole = pattern.fullmatch(text.strip())
        if whole and whole[1] and (own := language_of(whole[1])):
            parts[-1] = f'{parts[-1][:-1]} lang="{own}">'
            parts.append(text)
            return
    if opened in _TEXT_ONLY:
        parts.append(text)
        return
    name = "tspan" if picture else "bdi"

    def element(found: re.Match[str]) -> str:
        own = language_of(found[1]) if found[1] else ""
        return f'<{name} lang="{own}">{found[0]}</{name}>' if own else found[0]

    parts.append(pattern.sub(element, text))


def language_of(text: str) -> str:
    """Returns the likely language (BCP 47) of a text in one script; "" for a code."""
    script = _script_of(text)
    return "" if not script or (script == "Latn" and not _WORD.search(text)) else LETTERS[script][1]


def likely_language(text: str, tag: str) -> str:
    """Returns the likely language of a text, by most of its letters; the given one where it is
    written in that script, or where there are no letters."""
    script = _script_of(text)
    return LETTERS[script][1] if script and script not in scripts_of(tag) else tag


def _script_of(text: str) -> str:
    """Returns the script of most letters of a text; "" where it has none. Kana and Hangul outweigh
    the Han characters beside them."""
    counts = {script: len(each.findall(text)) for script, each in _LETTER.items()}
    for script in ("Kana", "Hang"):
        if counts[script]:
            counts[script] += counts["Hani"]
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] else ""


_LETTER = {script: re.compile(f"[{letters}]") for script, (letters, _) in LETTERS.items()}
