"""Reasons in the reader's language: the same sentences as the service's, from code and facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.graphql.types import reason_sentences
from api.languages.language import ReaderText, current
from api.pages.labels import original
from registry.domain.values import ReasonCode


@dataclass
class StatedFact:
    """A fact of a reason, as an answer has it."""

    name: str
    value: str
    item: int
    zone: str | None


def sentence(reason: dict[str, Any]) -> str:
    """Returns the sentence of a reason; without facts, as in a receipt, the service's own."""
    language = current.get()
    if language.is_source:
        return str(reason["message"])
    if "facts" not in reason:
        return original(reason["message"])
    facts = [StatedFact(**fact) for fact in reason["facts"]]
    return ReaderText(reason_sentences.sentence(ReasonCode[reason["code"]], facts, language))
