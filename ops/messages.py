"""Keeps the catalogues of the pages in step with the sources: `python -m ops.messages`.

Writes `messages.pot`, the template with every text in English, and brings each language's file up
to date: new texts are added without a translation, and texts that no source has any more are
dropped. A text is found in

- the templates: `{{ _("...") }}` and `{% trans %}`;
- the Python modules of the pages and of the reasons: `_`, `N_`, `ngettext`, `pgettext`, `say`;
- the scripts: `say("...")`;
- the templates of refusals and other sentences of the register (`sentence_terms`);
- the registers of terms (`terms`): names of statuses, kinds, events, rules, fields and the meanings
  of refusals. The context of such a text is its code.

`--check` writes nothing and fails where a file is not in step. `--pseudo FOLDER` writes the
pseudo-language `en-XA` there: every text accented, two fifths longer and in brackets.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.plurals import get_plural

from api.languages import catalogues
from api.languages.catalogues import text_of as text_of
from api.pages.sentences import CONTEXT
from ops.message_terms import terms
from ops.sentence_terms import templates
from registry.paths import API, CATALOGUES, ROOT, STATIC, TEMPLATES

TEMPLATE = CATALOGUES / "messages.pot"
#: The modules whose texts are shown on pages.
MODULES = (API / "pages", API / "languages", API / "graphql" / "types")
KEYWORDS: dict[str, Any] = {
    "_": None,
    "N_": None,
    "say": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
JINJA = {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}
HEADER = """\
# Texts of the pages of the AEO mutual recognition register.
# How to translate: ops/docs/develop/add-a-language.md"""


def found() -> Iterator[tuple[str, int, Any, list[str], str | None]]:
    """Every text: its file, its line, the text (or its forms), the comments, and the context."""
    for file in sorted(TEMPLATES.rglob("*.html")):
        yield from _of(file, "jinja2.ext:babel_extract", JINJA)
    for folder in MODULES:
        for file in sorted(folder.rglob("*.py")):
            yield from _of(file, "python", {})
    for file in sorted(STATIC.glob("*.js")):
        yield from _of(file, "javascript", {})
    for name, text in templates():
        yield name, 1, text, [], CONTEXT
    for context, text in terms():
        yield "terms", 1, text, [], context


def _of(file: Path, method: str, options: dict[str, str]) -> Iterator[Any]:
    name = file.relative_to(ROOT).as_posix()
    for line, text, comments, context in extract_from_file(
        method,
        file,
        keywords=KEYWORDS,
        comment_tags=("NOTE:",),
        options=options,
        strip_comment_tags=True,
    ):
        yield name, line, text, comments, context


@cache
def template() -> Catalog:
    """The template: every text once, with the files that have it. Read once, and not to be changed:
    every language is compared with it."""
    catalogue = Catalog(
        project="aeo-registry",
        header_comment=HEADER,
        creation_date=datetime(2026, 1, 1, tzinfo=UTC),
        fuzzy=False,
    )
    for name, _, text, comments, context in found():
        # Without lines, so that a change elsewhere in a file changes no catalogue.
        catalogue.add(text, locations=[(name, None)], auto_comments=comments, context=context)
    return catalogue


def brought_up_to_date(tag: str) -> Catalog:
    """The catalogue of a language with exactly the texts of the sources, and what was translated of
    them. A form of a plural that a language lacks is left empty."""
    own = catalogues.read(CATALOGUES / f"{tag}.po") if _file(tag).is_file() else None
    locale = catalogues.locale_of(tag)
    new = Catalog(
        locale=str(locale),
        project="aeo-registry",
        header_comment=HEADER,
        creation_date=datetime(2026, 1, 1, tzinfo=UTC),
        revision_date=datetime(2026, 1, 1, tzinfo=UTC),
        last_translator="the project",
        language_team="the project",
        fuzzy=False,
    )
    forms = get_plural(str(locale)).num_plurals
    for message in template():
        if not message.id:
            continue
        known = own.get(message.id, message.context) if own else None
        string: Any = known.string if known and known.id == message.id else ""
        if isinstance(message.id, tuple):
            string = tuple(string) if isinstance(string, (tuple, list)) else ()
            string = (*string, *[""] * forms)[:forms]
        new.add(
            message.id,
            string,
            locations=message.locations,
            auto_comments=message.auto_comments,
            context=message.context,
        )
    return new


def _file(tag: str) -> Path:
    return CATALOGUES / f"{tag}{catalogues.SUFFIX}"


# ------------------------------------------------------------------ what a translation must keep

_PLACE = re.compile(r"%\((\w+)\)s|%%")
_TAG = re.compile(r"</?\w+[^>]*>")


def complaints(catalogue: Catalog) -> Iterator[str]:
    """What is wrong in a catalogue: a text that is not translated, or a translation that has other
    placeholders or tags than the text, or a quotation mark that would end an attribute."""
    for message in catalogue:
        if not message.id:
            continue
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        for string in strings:
            if wrong := _wrong(originals, str(string or ""), str(message.context or "")):
                yield f"{wrong}: {originals[-1]!r} -> {string!r}"


def _wrong(originals: tuple[str, ...], string: str, context: str) -> str:
    if not string.strip() and any(map(str.strip, originals)):
        return "not translated"
    wanted = [set(_PLACE.findall(text)) for text in originals]
    given = set(_PLACE.findall(string))
    # A form of the plural may leave the number out: "one operator".
    if not any(given <= each and each - given <= {"num", "number"} for each in wanted):
        return "other placeholders"
    if sorted(_TAG.findall(string)) not in [sorted(_TAG.findall(text)) for text in originals]:
        return "other tags"
    if '"' in _TAG.sub("", string) and not any('"' in _TAG.sub("", text) for text in originals):
        return "a straight quotation mark"
    return ""


# ------------------------------------------------------------------------------ the pseudo-language

_ACCENTED = str.maketrans(
    "aceiklnorsuyzACEIKLNORSUYZ",
    "\u00e0\u00e7\u00e9\u00ee\u0137\u013c\u00f1\u00f6\u0155\u0161\u00fb\u00fd\u017e\u00c0\u00c7\u00c9\u00ce\u0136\u013b\u00d1\u00d6\u0154\u0160\u00db\u00dd\u017d",
)
BRACKETS = "\u27e6", "\u27e7"
PSEUDO = "en-XA"


def pseudo(text: str) -> str:
    """A text in the pseudo-language; placeholders and tags stay."""
    parts = re.split(r"(%\(\w+\)s|%%|</?\w+[^>]*>)", text)
    accented = "".join(
        part.translate(_ACCENTED) if n % 2 == 0 else part for n, part in enumerate(parts)
    )
    longer = "\u00b7" * (len(re.sub(r"<[^>]*>", "", text)) * 2 // 5)
    return f"{BRACKETS[0]}{accented}{longer}{BRACKETS[1]}"


def pseudo_catalogue() -> Catalog:
    """The pseudo-language: its plurals are those of English."""
    catalogue = Catalog(locale="en", project="aeo-registry", fuzzy=False)
    for message in template():
        if message.id:
            catalogue.add(
                message.id, _pseudo_string(message), message.locations, context=message.context
            )
    return catalogue


def _pseudo_string(message: Message) -> Any:
    if isinstance(message.id, tuple):
        return tuple(map(pseudo, message.id))
    return pseudo(message.id)


def files() -> dict[Path, bytes]:
    """What each file should hold."""
    own = {TEMPLATE: text_of(template())}
    for tag in catalogues.tags():
        if _file(tag).is_file():
            own[_file(tag)] = text_of(brought_up_to_date(tag))
    return own


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where not in step"
    )
    parser.add_argument("--add", metavar="TAG", help="begin the file of a language")
    parser.add_argument("--pseudo", metavar="FOLDER", type=Path, help="write the pseudo-language")
    given = parser.parse_args()
    if given.pseudo:
        (given.pseudo / f"{PSEUDO}.po").write_bytes(text_of(pseudo_catalogue()))
        return 0
    if given.add:
        _file(given.add).write_bytes(text_of(brought_up_to_date(given.add)))
        catalogues.forget()
    wanted = files()
    stale = [
        file for file, text in wanted.items() if not file.is_file() or file.read_bytes() != text
    ]
    for file in stale:
        print(f"{'not in step' if given.check else 'written'}: {file.relative_to(ROOT)}")
        if not given.check:
            file.write_bytes(wanted[file])
    for tag in catalogues.tags()[1:]:
        wrong = list(complaints(catalogues.read(_file(tag))))
        print(f"{tag}: {len(wrong)} to do")
        for line in wrong[:20]:
            print(f"  {line}")
    return 1 if given.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
