"""Reads the catalogues: each language is a file, and is read once, when a reader first asks for it.

The texts of the scripts are those whose reference in the catalogue is a file of `api/static`.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from api.languages.language import ENGLISH, SOURCE_TAG, Language
from registry.paths import CATALOGUES

SUFFIX = ".po"
#: The folder with the catalogues; `forget` after a change.
FOLDER = CATALOGUES


@cache
def tags() -> tuple[str, ...]:
    """Returns the tags of all languages: English first, then those that have a file, sorted."""
    return (SOURCE_TAG, *sorted(file.stem for file in FOLDER.glob(f"*{SUFFIX}")))


@cache
def language(tag: str) -> Language:
    """Returns the language of that tag. Raises KeyError where there is no such file."""
    if tag == SOURCE_TAG:
        return ENGLISH
    if tag not in tags():
        raise KeyError(tag)
    found = read(FOLDER / f"{tag}{SUFFIX}")
    compiled = BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return Language(tag, locale_of(tag), GNUTranslations(compiled), _script_texts(found))


@cache
def name(tag: str) -> str:
    """Returns the name of the language in that language. The file is not read for it."""
    locale = locale_of(tag)
    own = locale.get_display_name(locale) or tag
    return own[:1].upper() + own[1:]


def forget() -> None:
    """Reads the folder and its files again when they are next asked for."""
    tags.cache_clear()
    language.cache_clear()


def read(file: Path) -> Catalog:
    """Returns a catalogue. Raises OSError; ValueError where it cannot be read."""
    with file.open("rb") as stream:
        return read_po(stream, locale=str(locale_of(file.stem)), abort_invalid=True)


def text_of(catalogue: Catalog) -> bytes:
    """Returns a catalogue as the text of its file."""
    written = BytesIO()
    write_po(written, catalogue, width=100, sort_output=False, include_lineno=False)
    return written.getvalue()


def locale_of(tag: str) -> Locale:
    """Returns the locale of a tag; of one that CLDR does not have, such as the pseudo-language
    `en-XA`, that of its language."""
    try:
        return Locale.parse(tag, sep="-")
    except UnknownLocaleError:
        return Locale.parse(tag.partition("-")[0])


def _script_texts(catalogue: Catalog) -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = {}
    for message in catalogue:
        if not (isinstance(message.id, str) and message.id and message.string) or message.fuzzy:
            continue
        for file, _ in message.locations:
            if file.endswith(".js"):
                texts.setdefault(Path(file).name, {})[message.id] = str(message.string)
    return texts
