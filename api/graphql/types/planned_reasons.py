"""The parts of a planned recognition answer that SQL does not compute: reasons and validity
interval.

The planned SQL statement returns the answer as JSON text with a placeholder for each of these
parts, and the facts. Here the rule (`registry.domain.recognition`) is applied to the same facts,
and its reasons replace the placeholders.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Generic, TypeVar

import msgspec

from api.graphql.scalars import instant_text
from api.graphql.sql_fields import SELECTED, PythonWording
from api.graphql.types import reasons
from projections.reads import recognition_facts
from projections.reads.bitemporal_sql import shown
from projections.reads.recognition import unchanged_interval
from projections.reads.shared_laws import SharedLaws
from registry.domain.recognition import Question, RecognitionFacts, recognise, with_consent_reason
from registry.domain.values import ReasonCode, decode_value

F = TypeVar("F")


class FactsFromSql(msgspec.Struct, Generic[F]):
    """What the rule needs to answer one question, as the planned statement returns it.

    `zones`: the time zones of administrations, by code. `in_full`: the subject may read everything
    about the operator.
    """

    asked: Question
    zones: dict[str, str]
    facts: F
    in_full: bool


_read = msgspec.json.Decoder(FactsFromSql[RecognitionFacts], dec_hook=decode_value).decode
_read_apart = msgspec.json.Decoder(FactsFromSql[msgspec.Raw], dec_hook=decode_value).decode


def read_facts(brought: bytes, laws: SharedLaws) -> FactsFromSql[RecognitionFacts]:
    """The facts, with the law that other answers share."""
    found = _read_apart(brought)
    return FactsFromSql(found.asked, found.zones, laws.facts(found.facts), found.in_full)


class _PlaceholderTexts:
    """The texts of the placeholders of one answer, computed when first needed."""

    def __init__(self, brought: bytes) -> None:
        sent = _read(brought)
        self._asked, self._zones, self._facts = (
            sent.asked,
            sent.zones,
            sent.facts,
        )
        self._in_full = sent.in_full

    def text_of(self, placeholder: bytes) -> bytes:
        """The JSON text that replaces a placeholder.

        `placeholder`: `from` or `to` for an end of the validity interval; the code of a reason for
        its message; the selected fields of its facts (none where each is skipped), SELECTED and the
        code of a reason for its facts.
        """
        match placeholder.decode():
            case "from":
                return _instant(self._stretch[0])
            case "to":
                return _instant(self._stretch[1])
            case selected_key:
                selected, of_facts, code = selected_key.rpartition(SELECTED)
                reason = self._reasons[ReasonCode(code)]
                if not of_facts:
                    return msgspec.json.encode(reason.message)
                names = selected.split()
                return msgspec.json.encode(
                    [{name: getattr(fact, name) for name in names} for fact in reason.facts]
                )

    @cached_property
    def _stretch(self) -> tuple[datetime, datetime | None]:
        return unchanged_interval(self._facts, self._asked)

    @cached_property
    def _reasons(self) -> dict[ReasonCode, reasons.Reason]:
        answer = recognise(self._facts, self._asked)
        if self._in_full:
            answer = with_consent_reason(answer, self._facts)
        found = reasons.recognition_reasons(
            self._facts, self._asked, answer, self._zones, all_of_it=self._in_full
        )
        return {reason.code: reason for reason in found}


def _instant(at: datetime | None) -> bytes:
    known = shown(at)
    return b"null" if known is None else f'"{instant_text(known)}"'.encode()


TELLING = PythonWording(recognition_facts.FACTS, lambda brought: _PlaceholderTexts(brought).text_of)
TELLING_OF_MANY = PythonWording(recognition_facts.FACTS_OF_MANY, TELLING.begin)
