"""Errors and refusals of the service in the reader's language.

A sentence with its facts is in that language; of one that has none, the meaning of the code, and
beside it the service's own English.
"""

from __future__ import annotations

from markupsafe import Markup

from api.graphql.codes import REFUSALS
from api.languages.language import N_, current, pgettext
from api.pages.labels import original
from api.pages.sentences import translated
from registry.domain.sentences import ProgramText, Sentence

#: The meaning of each error that a page can meet.
MEANINGS = {
    "FORBIDDEN": N_("You may not ask this"),
    "BAD_INPUT": N_("A part of this question cannot be read"),
    "BAD_REQUEST": N_("This question cannot be read"),
    "TOO_LARGE": N_("This question asks for too much at once"),
    "SEVERAL_HOLDERS": N_("Several operators have this number"),
    "NOT_SIGNED": N_("The log has no signed head yet; ask again later"),
    "EPOCH": N_(
        "The register was restored from a copy, and this address belongs to the time before"
    ),
    "TOO_MANY_AT_ONCE": N_("Too many of your questions are waiting; ask again later"),
    "TOO_MANY_DOCUMENTS": N_("You ask too many different questions at once; ask again later"),
}


def refusal(code: str, message: str) -> str:
    """Returns the sentence of an error or a refusal."""
    if isinstance(message, ProgramText):
        message = message.sentence
    if isinstance(message, Sentence):
        return translated(message)
    if current.get().is_source:
        return message
    meaning = MEANINGS.get(code) or REFUSALS.get(code)
    if not meaning:
        return original(message)
    return Markup("{}: {}").format(pgettext(code, meaning).rstrip("."), original(message))
