"""Detects the encoding of a text file.

A byte order mark names it, UTF-8 is recognised by its structure, and UTF-16 by its zero bytes. Any
other encoding is inferred from the text that it would give: it is accepted when there is exactly
one plausible reading, and otherwise the file is refused until the caller names the encoding.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from charset_normalizer import from_bytes

from api.importing.files import BadFile

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is a prefix of it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Encodings of offices other than Unicode: the Chinese standard and the Windows code pages.
CANDIDATES = (
    "gb18030",
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
    "cp874",
    "cp949",
    "cp932",
    "cp950",
)
BLOCK = 1 << 20
EVIDENCE = 1 << 16  # bytes of lines that are not ASCII
#: The share of non-ASCII letters that must be in plausible words.
PLAUSIBLE = 0.95
#: The standards put the most frequent characters into a first level.
FIRST_LEVEL = {
    "gb18030": (b"\xb0\xa1", b"\xd7\xf9"),
    "cp950": (b"\xa4\x40", b"\xc6\x7e"),
    "cp932": (b"\x88\x9f", b"\x98\x72"),
}
_WORD = re.compile(r"[^\W\d_]+")


@dataclass
class Bytes:
    """The result of reading the file once as bytes."""

    digest: str
    begins: bytes
    lines: int
    is_utf8: bool
    zeros: tuple[int, int]  # zero bytes at even and odd offsets of the beginning
    evidence: bytes  # lines that are not ASCII, up to EVIDENCE bytes
    how: list[str] = field(default_factory=list)


def look(path: Path) -> Bytes:
    """Reads the file once, in blocks. Raises BadFile."""
    hashed, decoder = sha256(), codecs.getincrementaldecoder("utf-8")()
    begins, lines, is_utf8, rest = b"", 0, True, b""
    evidence = bytearray()
    for block in _blocks(path):
        hashed.update(block)
        begins = begins or block
        lines += block.count(b"\n")
        if is_utf8:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
        if len(evidence) < EVIDENCE:
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                if not line.isascii() and len(evidence) < EVIDENCE:
                    evidence += line + b"\n"
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    head = begins[:4096]
    zeros = (head[::2].count(0), head[1::2].count(0))
    if not rest.isascii() and len(evidence) < EVIDENCE:
        evidence += rest
    return Bytes(hashed.hexdigest(), begins, lines + bool(rest), is_utf8, zeros, bytes(evidence))


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}") from None


def encoding_of(seen: Bytes, named: str | None) -> str:
    """Returns the encoding. Raises BadFile where several encodings are plausible, or none."""
    if named:
        try:
            "".encode(named)  # refuses codecs that are not text encodings, too
            return codecs.lookup(named).name
        except (LookupError, UnicodeError):
            raise BadFile(
                f"--encoding: {named!r} is no encoding of text; wanted utf-8, gb18030, cp1251, ..."
            ) from None
    for mark, name in MARKS:
        if seen.begins.startswith(mark):
            return name
    even, odd = seen.zeros
    if max(even, odd) and max(even, odd) >= 4 * min(even, odd):
        seen.how.append("UTF-16 by its zero bytes")
        return "utf-16-le" if odd > even else "utf-16-be"
    if seen.is_utf8:
        return "utf-8"
    return _inferred(seen)


def _inferred(seen: Bytes) -> str:
    """Returns the encoding of the only plausible reading."""
    readings: dict[str, list[str]] = {}
    for name in CANDIDATES:
        try:
            text = seen.evidence.decode(name)
        except UnicodeDecodeError:
            continue
        if plausibility(text, name) >= PLAUSIBLE:
            readings.setdefault(text, []).append(name)
    proposed = from_bytes(seen.evidence, cp_isolation=list(CANDIDATES)).best()
    likely = proposed.encoding if proposed else None
    if len(readings) == 1:
        [names] = readings.values()
        name = likely if likely in names else names[0]
        seen.how.append(f"{name} is the one encoding in which it can be read")
        return str(name)
    if not readings:
        offer = f"; perhaps {likely}" if likely else ""
        raise BadFile(
            f"the text is not UTF-8, and no other encoding fits it: say --encoding NAME{offer}"
        )
    shown = [f"{names[0]} ({_example(text, readings)})" for text, names in readings.items()]
    first = f", more likely {likely}" if likely else ""
    raise BadFile(
        f"the text is not UTF-8 and can be read in several encodings{first}: "
        f"{', '.join(shown)}; say which by --encoding NAME"
    )


def _example(text: str, readings: dict[str, list[str]]) -> str:
    """Returns the first word in which the readings differ."""
    others = [set(_WORD.findall(other)) for other in readings if other != text]
    for word in _WORD.findall(text):
        if not word.isascii() and any(word not in words for words in others):
            return str(word[:20])
    return text.strip()[:20]


def plausibility(text: str, encoding: str) -> float:
    """Returns the share of the non-ASCII characters that are in plausible places: in words of one
    script, not capitals after small letters, not signs that nobody writes."""
    beyond = sum(not char.isascii() for char in text)
    if not beyond:
        return 1.0
    good = 0
    for word in _WORD.findall(text):
        strange = sum(not char.isascii() for char in word)
        if strange and _could_be(word, strange, encoding):
            good += strange
    good += sum(
        unicodedata.category(char) in ("Po", "Pd", "Ps", "Pe", "Pi", "Pf", "Zs", "Mn")
        or char in "№°€"
        for char in text
        if not char.isascii() and not char.isalpha()
    )
    return good / beyond


def _could_be(word: str, strange: int, encoding: str) -> bool:
    scripts = {_script(char) for char in word if not char.isascii()}
    if len(scripts) != 1:
        return False
    [script] = scripts
    if script == "CJK":
        return encoding not in FIRST_LEVEL or common(word, encoding) >= 0.8
    if script == "LATIN":
        # In no language do most letters have diacritics; in Vietnamese, half.
        return 2 * strange <= len(word) + 1 and not _humps(word)
    if script in ("CYRILLIC", "GREEK"):
        return strange == len(word) and not _humps(word)
    return script in ("HANGUL", "HIRAGANA", "KATAKANA", "THAI", "HEBREW", "ARABIC")


def _humps(word: str) -> bool:
    """Returns whether a capital follows a small letter."""
    return any(one.islower() and next.isupper() for one, next in pairwise(word))


def common(word: str, encoding: str) -> float:
    """Returns the share of the word's Chinese characters that are in the encoding's first level."""
    first, last = FIRST_LEVEL[encoding]
    found = [char.encode(encoding) for char in word if not char.isascii()]
    return sum(len(two) == 2 and first <= two <= last for two in found) / len(found)


def _script(char: str) -> str:
    name = unicodedata.name(char, "?").split()[0]
    return name.removesuffix("-1")
