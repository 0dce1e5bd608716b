"""Chooses the language of a page: by its address, or as the reader's browser asks for it.

Every page is at `/{language}/...`. An address without a language is answered in place, in the
language that `Accept-Language` (RFC 9110, 12.5.4) prefers among those that there are.
"""

from __future__ import annotations

import re
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from api.languages import catalogues
from api.languages.language import SOURCE_TAG

_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q\s*=\s*([01](?:\.\d*)?))?"
)
LONGEST = 500  # characters of the header that are read


def negotiated(accept_language: str) -> str:
    """Returns the tag of the language that the header prefers; English where it has none of
    them."""
    return _negotiated(accept_language, catalogues.tags())


@lru_cache(maxsize=1_024)
def _negotiated(accept_language: str, tags: tuple[str, ...]) -> str:
    weighted: list[tuple[float, int, str]] = []
    for number, part in enumerate(accept_language[:LONGEST].split(",")):
        if found := _RANGE.fullmatch(part.rstrip()):
            weight = float(found[2] or 1)
            if weight > 0:
                weighted.append((-weight, number, found[1]))
    for _, _, wanted in sorted(weighted):
        if wanted == "*":
            return SOURCE_TAG
        if tag := _available(wanted, tags):
            return tag
    return SOURCE_TAG


def _available(wanted: str, tags: tuple[str, ...]) -> str | None:
    """Returns the tag of the language that a reader of `wanted` reads: `zh-CN` reads `zh-Hans`,
    `fr-CH` reads `fr`; None where there is none."""
    own = {tag.lower(): tag for tag in tags}
    if exact := own.get(wanted.lower()):
        return exact
    locale = _locale(wanted)
    if locale is None:
        return None
    for tag in tags:
        candidate = _locale(tag)
        if candidate is None or candidate.language != locale.language:
            continue
        if not (candidate.script and locale.script) or candidate.script == locale.script:
            return tag
    return None


@lru_cache(maxsize=256)
def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None
