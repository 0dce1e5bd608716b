"""Sentences of facts: English text that keeps its template and its facts, so that it can be worded
in another language.

A sentence is a `str`: its English text, as it is answered to programs. Its template is the key of
the translation (`api/languages/catalogues`), with a named placeholder `%(name)s` for each fact. A
fact may itself be a sentence, a listing or a coded term. An exception that was raised with a
sentence returns it, with its facts, by `str(error)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from typing import Any, Self

#: How a template names the field at fault: before its first colon, or as a path at its end.
_FIELD = re.compile(r"(?P<path>(?:[a-z]\w*\.)*(?:[a-z]\w*|%\(field\)s))(?:, [a-z]\w*)*: ")
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


class Sentence(str):
    """An English sentence with its template and its facts. It is equal to its English text."""

    template: str
    facts: dict[str, Any]

    def __new__(cls, template: str, /, **facts: object) -> Self:
        """Returns the sentence. The template of one without facts may have a `%`."""
        # As in an f-string, a member of an enumeration is written as its value.
        text = (
            template % {name: format(fact) for name, fact in facts.items()} if facts else template
        )
        made = super().__new__(cls, text)
        made.template = template
        made.facts = {name: _fixed(fact) for name, fact in facts.items()}
        return made

    def __str__(self) -> str:
        """Returns the sentence itself, so that `str()` of an exception keeps the facts."""
        return self


def sentence_of(template: str, facts: Mapping[str, object]) -> Sentence:
    """Returns the sentence of a template with these facts; a sentence is returned as it is."""
    return template if isinstance(template, Sentence) else Sentence(template, **facts)


class ProgramText(str):
    """A text for programs, such as an error that a library worded. `sentence`: what people read
    instead of it."""

    sentence: Sentence

    def __new__(cls, text: str, sentence: Sentence) -> Self:
        """Returns the text."""
        made = super().__new__(cls, text)
        made.sentence = sentence
        return made

    def __str__(self) -> str:
        """Returns the text itself, so that `str()` of an exception keeps the sentence."""
        return self


class Listing(str):
    """Several things as one fact, in their order: "a or b". `joint`: the English text between each
    two."""

    items: tuple[str, ...]
    joint: str

    def __new__(cls, items: Iterable[str], joint: str) -> Self:
        """Returns the listing; an empty one is false."""
        found = tuple(items)
        made = super().__new__(cls, joint.join(found))
        made.items, made.joint = found, joint
        return made


class CodedTerm(str):
    """A term of the register, such as a status, as one fact. `code`: the context of its name in
    the catalogues; the English text is the code, or another that is given."""

    code: str

    def __new__(cls, code: str | Enum, text: str = "") -> Self:
        """Returns the term."""
        value = str(code.value) if isinstance(code, Enum) else code
        made = super().__new__(cls, text or value)
        made.code = value
        return made


def without_field(template: str) -> tuple[str, str]:
    """Returns the template without the name of the field at fault, which is translated by itself,
    and that name as the template has it; empty where it names none."""
    if found := _PATH.search(template):
        return template[: found.start()], found["path"]
    if found := _FIELD.match(template):
        return template[found.end() :], found["path"]
    return template, ""


def has_words(template: str) -> bool:
    """Whether a template has words of its own beside the names of its facts."""
    return re.search(r"[^\W\d_]", re.sub(r"%\(\w+\)s", "", template)) is not None


def _fixed(fact: object) -> Any:
    """Returns what a sentence keeps of a fact: nothing that may change later."""
    if isinstance(fact, Enum):
        return CodedTerm(fact)
    if isinstance(fact, (str, int, date)):
        return fact
    if isinstance(fact, Exception):
        return str(fact)
    return format(fact)
