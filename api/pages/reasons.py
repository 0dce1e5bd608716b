"""Reasons in the reader's language: the same sentences as the service's, from code and facts.

Those of answers about recognition, of goals, and of published counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.graphql.types import publication_sentences, reason_sentences
from api.languages.language import ReaderText, current
from api.pages.labels import original
from registry.domain.targets import TargetReasonCode
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


def target_sentence(reason: dict[str, Any], *, lists: bool = True) -> str:
    """Returns why a goal counts as met, not met or unknown. Without `lists` no state is named."""
    language = current.get()
    facts = [StatedFact(**fact) for fact in reason["facts"]]
    code = TargetReasonCode[reason["code"]]
    return ReaderText(
        publication_sentences.target_sentence(
            code, facts, language, language.territory, lists=lists
        )
    )


def claim_sentence(reason: dict[str, Any]) -> str:
    """Returns how a published count compares with the register's own."""
    language = current.get()
    facts = [StatedFact(**fact) for fact in reason["facts"]]
    return ReaderText(publication_sentences.claim_sentence(facts, language, language.territory))
