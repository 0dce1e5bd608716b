"""Sentences of the register in the reader's language: refusals, faults of values, warnings.

A sentence keeps its template and its facts (`registry/domain/sentences.py`). The catalogues have
the template, without the name of the field at fault, in the context CONTEXT.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from api.languages.language import ReaderText, _, current, pgettext
from api.pages.labels import english_phrase, original, phrase
from api.pages.subject_names import subject_name
from registry.domain.instants import is_day
from registry.domain.sentences import CodedTerm, Listing, Sentence, has_words, without_field

#: The context of the templates in the catalogues.
CONTEXT = "sentence"
#: The fact of a sentence that is a subject, by its id.
SUBJECT = "subject"


def translated(text: str | None) -> str:
    """Returns a sentence of the register in the reader's language. A text that has no facts, or
    whose template no catalogue has, is marked as English."""
    if not isinstance(text, Sentence):
        return original(text)
    if current.get().is_source:
        return for_people(text)
    return _translated(text) or original(text)


def for_people(sentence: Sentence) -> str:
    """Returns an English sentence as people read one: a subject, a term and the field at fault are
    named in words, not by the identifiers that programs read."""
    template, field = without_field(sentence.template)
    facts = {name: _english_fact(name, value) for name, value in sentence.facts.items()}
    words = str(Sentence(template, **facts))
    if not field:
        return words
    name = field.replace("%(field)s", str(sentence.facts.get("field", "")))
    return f"{_spaced(name.rpartition('.')[2])}: {words}"


def _english_fact(name: str, value: Any) -> Any:
    match value:
        case Sentence():
            return for_people(value)
        case Listing():
            return Listing((str(_english_fact("", each)) for each in value.items), value.joint)
        case CodedTerm() if value == value.code:
            return english_phrase(value.code)
        case str() if name == SUBJECT:
            return subject_name(value)
    return value


def _spaced(name: str) -> str:
    """Returns the words of a name of a field: `dueBefore` is "due before"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").lower()


def served(text: str) -> str:
    """Returns a sentence of the service in the reader's language, where the catalogue has it;
    otherwise marked as English."""
    if isinstance(text, Sentence):
        return translated(text)
    words = _(text)
    return words if words != text else original(text)


def capitalised(text: str) -> str:
    """Returns a sentence that stands alone: with a capital, and in English with its full stop."""
    if not current.get().is_source:
        return text
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _translated(sentence: Sentence) -> str:
    """Returns the sentence with the name of the field at fault before it; "" where the catalogue
    does not have its template."""
    template, field = without_field(sentence.template)
    facts = {
        name: subject_name(value) if name == SUBJECT and ":" in value else _fact(value)
        for name, value in sentence.facts.items()
    }
    words = pgettext(CONTEXT, template, **facts)
    if has_words(template):
        if current.get().translations.pgettext(CONTEXT, template) == template:
            return ""
    elif not any(isinstance(fact, ReaderText) for fact in facts.values()):
        return ""
    if not field:
        return words
    return _("%(field)s: %(sentence)s", field=_label(field, sentence.facts), sentence=words)


def _fact(value: Any) -> Any:
    language = current.get()
    match value:
        case Sentence():
            return _translated(value) or str.__str__(value)
        case Listing():
            joint = {" or ": _(" or "), ", ": _(", "), "; ": _("; ")}[value.joint]
            return ReaderText(joint.join(language.isolated(_fact(each)) for each in value.items))
        case CodedTerm():
            return phrase(value.code)
        case date():
            return ReaderText(language.day(value.isoformat()))
        case str() if is_day(value):
            return ReaderText(language.day(value))
    return str(value)


def _label(path: str, facts: dict[str, Any]) -> str:
    """Returns the name of a field in the reader's language; its code where it has none."""
    field = facts.get("field", "")
    if isinstance(field, CodedTerm):
        return phrase(field.code)
    last = path.replace("%(field)s", field).rpartition(".")[2]
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()
    found = phrase(name)
    return found if isinstance(found, ReaderText) and found != name.replace("_", " ") else last
