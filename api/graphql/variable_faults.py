"""What is wrong with the variables of a request, as sentences for people.

graphql-core words such an error for programs: "Variable '$input' has invalid value at
.days: Int cannot represent non-integer value: 'x'". A program is answered with that text; a page
shows a sentence of its own, with the field, what was found and what was wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from graphql import GraphQLError

from registry.domain.sentences import ProgramText, Sentence

#: How graphql-core begins the message: the variable, and the path within it.
_BEGINNING = re.compile(
    r"Variable '\$(?P<variable>\w+)' has invalid value(?: at (?P<path>[^:]*))?: "
)
_LONGEST = 60  # characters of what was found
_Made = Callable[[str, dict[str, str]], Sentence]


def _kind(pattern: str, made: _Made) -> tuple[re.Pattern[str], _Made]:
    return re.compile(pattern, re.DOTALL), made


#: The messages of graphql-core about a value, and the sentence for each. The first that matches
#: counts; `tests/api/pages/test_sentences.py` makes each of them from the types of the schema.
FAULTS = (
    _kind(
        r"Int cannot represent non-integer value: (?P<found>.*)",
        lambda field, m: Sentence(
            "%(field)s: found %(found)s, wanted a whole number", field=field, found=m["found"]
        ),
    ),
    _kind(
        r"Int cannot represent non 32-bit signed integer value: (?P<found>.*)",
        lambda field, m: Sentence(
            "%(field)s: found %(found)s, wanted a whole number from %(least)s to %(most)s",
            field=field,
            found=m["found"],
            least=-(2**31),
            most=2**31 - 1,
        ),
    ),
    _kind(
        r"Float cannot represent non numeric value: (?P<found>.*)",
        lambda field, m: Sentence(
            "%(field)s: found %(found)s, wanted a number", field=field, found=m["found"]
        ),
    ),
    _kind(
        r"Boolean cannot represent a non boolean value: (?P<found>.*)",
        lambda field, m: Sentence(
            "%(field)s: found %(found)s, wanted yes or no", field=field, found=m["found"]
        ),
    ),
    _kind(
        r"(?:String|ID) cannot represent (?:a non string )?value: (?P<found>.*)",
        lambda field, m: Sentence(
            "%(field)s: found %(found)s, wanted a text", field=field, found=m["found"]
        ),
    ),
    _kind(
        r"(?:Value (?P<found>.*) does not exist in '\w+' enum\..*"
        r"|Enum '\w+' cannot represent non-string value: (?P<other>.*))",
        lambda field, m: Sentence(
            "%(field)s: found %(found)s, which is none of the choices",
            field=field,
            found=m["found"] or _without_stop(m["other"]),
        ),
    ),
    _kind(
        r"Expected (?:a )?value of non-null type '[^']*' (?:not to be None|to be provided)\.",
        lambda field, m: Sentence("%(field)s: nothing is given, and it is needed", field=field),
    ),
    _kind(
        r"Expected value of type '[^']*' to include required field '(?P<name>\w+)', found: .*",
        lambda field, m: Sentence("%(field)s: nothing is given, and it is needed", field=m["name"]),
    ),
    _kind(
        r"Expected value of type '[^']*' not to include unknown field '(?P<name>\w+)'.*",
        lambda field, m: Sentence("%(field)s: there is no field of this name", field=m["name"]),
    ),
    _kind(
        r"Expected value of type '[^']*' to be an object, found: (?P<found>.*)",
        lambda field, m: Sentence(
            "%(field)s: found %(found)s, wanted an object with fields",
            field=field,
            found=_without_stop(m["found"]),
        ),
    ),
    _kind(
        r"(?P<found>Exactly one key must be specified|Within OneOf Input Object type).*",
        lambda field, m: Sentence("%(field)s: wanted exactly one of its fields", field=field),
    ),
    _kind(
        r"Expected value of type '[^']*'.*found: (?P<found>.*)",
        lambda field, m: Sentence(
            "%(field)s: found %(found)s, which cannot be read",
            field=field,
            found=_without_stop(m["found"]),
        ),
    ),
)


def for_people(error: GraphQLError) -> str:
    """Returns the message of an error; that of a variable with its sentence for people, where it
    has one."""
    message = error.message
    beginning = _BEGINNING.match(message)
    if beginning is None:
        return message
    inner = error.original_error
    path = beginning["path"] or ""
    field = path.removeprefix(".") if path.startswith(".") else beginning["variable"] + path
    own = getattr(inner, "original_error", None)
    if own is not None and isinstance(sentence := str(own), Sentence):
        return ProgramText(
            message, Sentence("%(field)s: %(sentence)s", field=field, sentence=sentence)
        )
    about = message[beginning.end() :]
    for pattern, made in FAULTS:
        if found := pattern.fullmatch(about):
            values = {name: text and text[:_LONGEST] for name, text in found.groupdict().items()}
            return ProgramText(message, made(field, values))
    return message


def _without_stop(text: str) -> str:
    return text.removesuffix(".")
