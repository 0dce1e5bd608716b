"""The faults of values that cannot be read, as sentences of facts.

msgspec, which reads commands, states a fault in English text alone. Its texts are few, so each has
a template here; a text of a later version that has none stays as it is.
"""

from __future__ import annotations

import re

from registry.domain.sentences import Sentence

_AT = re.compile(r"(?P<text>.*?)(?P<at> - at `(?P<path>[^`]*)`)?", re.DOTALL)
#: The forms of msgspec's messages. A group is a fact.
_FORMS: tuple[tuple[str, Sentence], ...] = (
    (
        r"Object missing required field `(?P<name>[^`]*)`",
        Sentence("Object missing required field `%(name)s`", name=""),
    ),
    (
        r"Object contains unknown field `(?P<name>[^`]*)`",
        Sentence("Object contains unknown field `%(name)s`", name=""),
    ),
    (
        r"Expected `(?P<wanted>[^`]*)`, got `(?P<found>[^`]*)`",
        Sentence("Expected `%(wanted)s`, got `%(found)s`", wanted="", found=""),
    ),
    (
        r"Expected `(?P<wanted>\w+)` (?P<sign>[<>]=?) (?P<limit>\S+)",
        Sentence("Expected `%(wanted)s` %(sign)s %(limit)s", wanted="", sign="", limit=""),
    ),
    (
        r"Expected `(?P<wanted>\w+)` of length (?P<sign>[<>]=?) (?P<limit>\d+)",
        Sentence(
            "Expected `%(wanted)s` of length %(sign)s %(limit)s", wanted="", sign="", limit=""
        ),
    ),
    (
        r"Expected `(?P<wanted>\w+)` of length (?P<limit>\d+)(?P<found>, got \d+)?",
        Sentence(
            "Expected `%(wanted)s` of length %(limit)s%(found)s", wanted="", limit="", found=""
        ),
    ),
    (
        r"Expected `(?P<wanted>\w+)` matching regex (?P<pattern>.+)",
        Sentence("Expected `%(wanted)s` matching regex %(pattern)s", wanted="", pattern=""),
    ),
    (
        r"Invalid enum value (?P<found>.+)",
        Sentence("Invalid enum value %(found)s", found=""),
    ),
    (r"Invalid value (?P<found>.+)", Sentence("Invalid value %(found)s", found="")),
    (r"Invalid RFC3339 encoded date", Sentence("Invalid RFC3339 encoded date")),
    (r"Invalid RFC3339 encoded datetime", Sentence("Invalid RFC3339 encoded datetime")),
    (r"Invalid UUID", Sentence("Invalid UUID")),
    (r"JSON is malformed: (?P<fault>.+)", Sentence("JSON is malformed: %(fault)s", fault="")),
    (r"Input data was truncated", Sentence("Input data was truncated")),
)


def fault_of(error: Exception) -> Sentence:
    """Returns the message of an error in reading a command as a sentence of facts, in the same
    words. A ValueError of a value that msgspec passed on keeps its own facts."""
    message = str(error)
    if isinstance(message, Sentence):
        return message
    found = _AT.fullmatch(message)
    assert found is not None  # every text fits
    fault = _sentence(found["text"], error.__cause__)
    if found["at"] is None:
        return fault
    return Sentence("%(error)s - at `%(path)s`", error=fault, path=found["path"])


def _sentence(text: str, cause: BaseException | None) -> Sentence:
    own = str(cause) if cause is not None else ""
    if isinstance(own, Sentence) and own == text:
        return own
    for form, example in _FORMS:
        if found := re.fullmatch(form, text, re.DOTALL):
            facts = {name: value or "" for name, value in found.groupdict().items()}
            return Sentence(example.template, **facts) if facts else example
    return Sentence(text)
