"""The sentences of the register in the reader's language: every refusal, whatever its facts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from functools import cache

import pytest
from graphql import OperationDefinitionNode, get_variable_values, is_input_type, parse

from api.access.permissions import Action
from api.access.policy import PUBLIC, Resource, decide
from api.graphql.schema import core
from api.graphql.variable_faults import for_people
from api.languages import catalogues
from api.languages.language import Language, current
from api.pages.refusals import refusal
from api.pages.sentences import CONTEXT, translated
from ops import messages
from ops.sentence_terms import calls, templates
from registry.domain import commands as c
from registry.domain.errors import WrongDates
from registry.domain.sentences import (
    CodedTerm,
    Listing,
    ProgramText,
    Sentence,
    has_words,
    without_field,
)
from registry.domain.values import Status
from registry.paths import CATALOGUES, ROOT

_PLACE = re.compile(r"%\((\w+)\)s")
_WORD = re.compile(r"[a-z]{2,}")
#: The arguments of a refusal that are no facts of its sentence.
_NO_FACTS = {"path"}
#: What makes a fact that is translated with the sentence.
_FACTS = {"Sentence", "Listing", "CodedTerm"}


@cache
def known_templates() -> tuple[str, ...]:
    """Every template of the sources, sorted. Reading them all takes a second."""
    return tuple(sorted({text for _, text in templates()}))


def places(template: str) -> set[str]:
    return set(_PLACE.findall(template))


def english_facts(expression: ast.expr) -> Iterator[str]:
    """The English words that an expression puts into a sentence as if they were a fact."""
    if isinstance(expression, ast.Call):
        name = getattr(expression.func, "id", getattr(expression.func, "attr", ""))
        if name in _FACTS or name in ("repr", "get", "getattr"):
            return
    if isinstance(expression, ast.Subscript):
        return
    if isinstance(expression, ast.FormattedValue):
        expression = expression.value
    if isinstance(expression, ast.Constant) and _WORD.search(str(expression.value)):
        yield str(expression.value)
    for part in ast.iter_child_nodes(expression):
        if isinstance(part, ast.expr):
            yield from english_facts(part)


def test_every_sentence_is_a_template_with_its_facts() -> None:
    """So that all are in the table that the catalogues are made of, and no English is a fact."""
    wrong = []
    for file, call in calls():
        at, first = f"{file.relative_to(ROOT)}:{call.lineno}", call.args[0]
        named = {each.arg for each in call.keywords}
        if getattr(call.func, "id", "") != Sentence.__name__:
            named -= _NO_FACTS
        if isinstance(first, (ast.JoinedStr, ast.BinOp)):
            wrong.append(f"{at}: a text glued together has no template")
        elif isinstance(first, ast.Constant) and None not in named:
            template = str(first.value)
            if (named and places(template) != named) or (not named and places(template)):
                wrong.append(f"{at}: other facts than its template")
        for each in call.keywords:
            if each.arg and each.arg not in _NO_FACTS:
                wrong += [f"{at}: {each.arg} is English: {t}" for t in english_facts(each.value)]

    assert wrong == []
    assert len(known_templates()) > 350


@pytest.mark.parametrize("tag", catalogues.tags()[1:])
def test_every_sentence_is_in_every_catalogue_with_its_facts(tag: str) -> None:
    catalogue = catalogues.read(CATALOGUES / f"{tag}.po")
    found = {
        text: str(message.string) if (message := catalogue.get(text, CONTEXT)) else ""
        for text in known_templates()
    }

    assert [text for text, string in found.items() if not string or string == text] == []
    assert {t: s for t, s in found.items() if places(t) != places(s)} == {}


@pytest.fixture
def pseudo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Language]:
    folder = tmp_path_factory.mktemp("catalogues")
    file = folder / f"{messages.PSEUDO}.po"
    file.write_bytes(messages.text_of(messages.pseudo_catalogue()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogues, "FOLDER", folder)
        catalogues.forget()
        language = catalogues.language(messages.PSEUDO)
        token = current.set(language)
        yield language
        current.reset(token)
    catalogues.forget()


def left(text: str) -> str:
    """What no catalogue has translated."""
    body = re.sub(r"`[^`]*`", "", text)
    inside = re.compile("\u27e6[^\u27e6\u27e7]*\u27e7")
    while (shorter := inside.sub("", body)) != body:
        body = shorter
    return " ".join(re.findall(r"[A-Za-z]{2,}", body))


def test_no_english_is_left_in_any_sentence(pseudo: Language) -> None:
    english = {
        template: words
        for template in known_templates()
        if (words := left(translated(Sentence(template, **dict.fromkeys(places(template), "1")))))
    }

    assert english == {}


def test_the_names_in_sentences_are_translated(pseudo: Language) -> None:
    """Commands and what they are about are named in refusals."""
    names = {name for kind in c.COMMANDS.values() for name in (kind.noun, c_name(kind))}
    names |= {str(status.value) for status in Status}
    facts = {name: translated(Sentence("%(a)s is %(status)s", a="1", status=CodedTerm(name)))
             for name in names}  # fmt: skip

    assert {name: text for name, text in facts.items() if left(text)} == {}


def c_name(kind: type[c.Command]) -> str:
    return str(kind.__struct_config__.tag)


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [
        ("en", "until: 2020-01-01 is not after 2026-03-05, its beginning"),
        ("fr", "jusqu\u2019au : 1 janvier 2020 n\u2019est pas apr\u00e8s 5 mars 2026"),
        ("zh-Hans", "2020\u5e741\u67081\u65e5"),
        ("ar", "\u20671 \u064a\u0646\u0627\u064a\u0631 2020\u2069"),
    ],
)
def test_a_refusal_has_its_field_and_its_facts_in_the_reader_s_form(tag: str, wanted: str) -> None:
    refused = WrongDates(
        "until: %(until)s is not after %(day)s, its beginning",
        until=date(2020, 1, 1),
        day="2026-03-05",
    )
    token = current.set(catalogues.language(tag))
    try:
        shown = refusal(refused.code, str(refused))
    finally:
        current.reset(token)

    assert wanted in shown and ("lang=" not in shown)
    assert str(refused) == "until: 2020-01-01 is not after 2026-03-05, its beginning"
    assert refused.path == ("until",)


#: Values that are wrong for some type of an argument; none of them has a word.
WRONG_VALUES = (None, "x", 3, -1, 2.5, 2**40, {}, {"x": 1}, "2026-02-30", "2026-02-30T12:00:00Z")


def faults_of(kind: str) -> list[str]:
    """What people read of every wrong value of a type of the schema."""
    [operation] = parse(f"query($v: {kind}!) {{ __typename }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    found = []
    for value in WRONG_VALUES:
        answer = get_variable_values(core, operation.variable_definitions, {"v": value})
        found += [for_people(each) for each in answer] if isinstance(answer, list) else []
    return found


def test_every_wrong_value_of_every_type_of_the_schema_has_a_sentence(pseudo: Language) -> None:
    """So that no page shows what a library says to programs."""
    kinds = sorted(name for name, kind in core.type_map.items() if is_input_type(kind))
    faults = {kind: faults_of(kind) for kind in kinds if not kind.startswith("__")}
    bare = {text for texts in faults.values() for text in texts if type(text) is not ProgramText}
    sentences = [each.sentence for texts in faults.values() for each in texts
                 if isinstance(each, ProgramText)]  # fmt: skip
    unknown = {
        each
        for sentence in sentences
        for each in (sentence.template, *(
            fact.template for fact in sentence.facts.values() if isinstance(fact, Sentence)
        ))
        if has_words(template := without_field(each)[0]) and template not in known_templates()
    }  # fmt: skip

    assert (bare, unknown) == (set(), set())
    assert len(kinds) > 100 and all(texts for kind, texts in faults.items() if kind != "JSON")
    assert "no such day" in " ".join(sentences)


def test_a_page_says_what_is_wrong_with_a_variable_in_the_reader_s_language() -> None:
    [fault, *_] = [text for text in faults_of("Int") if "non-integer" in text]
    token = current.set(catalogues.language("fr"))
    try:
        french = refusal("BAD_INPUT", fault)
    finally:
        current.reset(token)

    assert fault == "Variable '$v' has invalid value: Int cannot represent non-integer value: 'x'"
    assert refusal("BAD_INPUT", fault) == "v: found 'x', wanted a whole number"
    assert french == "v : trouv\u00e9 'x', attendu un nombre entier"


@pytest.mark.parametrize("action", Action)
def test_what_a_subject_may_not_do_is_said_without_english(
    pseudo: Language, action: Action
) -> None:
    decision = decide(PUBLIC, action, Resource())

    assert not decision.allowed and left(translated(decision.reason)) == ""


def test_what_has_no_facts_is_marked_as_english(pseudo: Language) -> None:
    found = refusal("BAD_INPUT", "Variable '$in' got a value that is none.")

    assert found.startswith("\u27e6") and '<span lang="en" dir="ltr">' in found


def test_a_fact_may_be_a_sentence_a_listing_or_a_term(pseudo: Language) -> None:
    several = Listing([Sentence("none"), Sentence("nobody")], " or ")
    sentence = Sentence(
        "found %(unit)s; %(rule)s is counted in %(wanted)s",
        unit="1",
        rule=CodedTerm(Status.SUSPENDED),
        wanted=several,
    )

    assert sentence == "found 1; SUSPENDED is counted in none or nobody"
    assert left(translated(sentence)) == ""
