"""What customs were answered about an operator between two instants, with and without a receipt,
and what the same questions would be answered by the record of the later instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastapi import Request

from api.access.policy import SubjectRole
from api.graphql.context import Context
from api.pages.query import ask
from projections.reads.read_log import LookRow, looks
from projections.reads.receipts import ReceiptRow, receipts_about
from registry.domain.values import Tin

MOST = 100  # looks, and as many receipts
#: Territories that are asked about in one query: the limit of its roots is 10.
AT_ONCE = 10


@dataclass(frozen=True)
class AnswerBetween:
    """An answer that was given. `by`: the subject that asked, and "" where it is not shown.
    `receipt`: the id of its receipt, if it has one. `then`: what the later record answers; None
    where the question was about what was known before, or asked for no outcome."""

    at: datetime
    administration: str | None
    by: str
    purpose: str | None
    operation: str
    territory: str | None
    law_at: datetime | None
    known_at: datetime | None
    consignment: dict[str, str] | None
    outcome: str | None
    receipt: str = ""
    then: str | None = None

    @property
    def differs(self) -> bool:
        """True where the later record answers otherwise."""
        return self.then is not None and self.then != self.outcome

    @property
    def is_comparable(self) -> bool:
        """True where it was a question about what was known when it was asked."""
        now = self.known_at is not None and self.known_at >= self.at
        return now and self.territory is not None and self.outcome is not None


@dataclass(frozen=True)
class GivenBetween:
    """The answers in order, the latest first, and whether there are more than are shown."""

    looks: list[AnswerBetween]
    receipts: list[AnswerBetween]
    more_looks: bool
    more_receipts: bool


async def given_between(
    request: Request, asked: Context, tin: Tin, first: datetime, last: datetime
) -> GivenBetween:
    """Returns the answers that were given after `first` and at the latest at `last`. The subject
    may read who asked about the operator; the operator itself is not told which person it was."""
    redacted = asked.subject.role is SubjectRole.COMPANY
    async with asked.ledger.connection() as ledger:
        seen = await looks(ledger, tin.text, None, MOST + 1, after=first, until=last)
        held = await receipts_about(ledger, tin.text, first, last, MOST + 1)
    compared = await _compared(
        request,
        tin,
        last,
        [
            *(_of_look(row, redacted=redacted) for row in seen[:MOST]),
            *(_of_receipt(row, redacted=redacted) for row in held[:MOST]),
        ],
    )
    number = min(len(seen), MOST)
    return GivenBetween(compared[:number], compared[number:], len(seen) > MOST, len(held) > MOST)


def _of_look(row: LookRow, *, redacted: bool) -> AnswerBetween:
    return AnswerBetween(
        row.at,
        row.administration,
        "" if redacted else row.subject,
        row.purpose,
        row.operation,
        row.territory,
        row.law_at or (row.at if row.territory else None),
        row.known_at,
        row.consignment,
        row.outcome,
    )


def _of_receipt(row: ReceiptRow, *, redacted: bool) -> AnswerBetween:
    return AnswerBetween(
        row.at,
        None,
        "" if redacted else row.subject,
        row.purpose,
        "recognition",
        row.territory,
        row.law_at,
        row.known_at,
        row.consignment,
        row.outcome,
        receipt=str(row.id),
    )


async def _compared(
    request: Request, tin: Tin, known: datetime, answers: Sequence[AnswerBetween]
) -> list[AnswerBetween]:
    """The answers, each with what the record of that instant answers to its question."""
    questions: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(answers):
        if each.is_comparable:
            assert each.territory is not None
            questions[each.territory].append(place)
    then: dict[int, str] = {}
    territories = sorted(questions)
    for start in range(0, len(territories), AT_ONCE):
        then |= await _asked(request, tin, known, answers, {
            code: questions[code] for code in territories[start : start + AT_ONCE]
        })  # fmt: skip
    return [replace(each, then=then.get(place)) for place, each in enumerate(answers)]


async def _asked(
    request: Request,
    tin: Tin,
    known: datetime,
    answers: Sequence[AnswerBetween],
    questions: dict[str, list[int]],
) -> dict[int, str]:
    """The outcomes by place, from one query for these territories."""
    variables: dict[str, Any] = {"known": known.isoformat()}
    declared, roots = ["$known: DateTime"], []
    for number, (code, places) in enumerate(questions.items()):
        declared.append(f"$t{number}: AdministrationCode!, $q{number}: [RecognitionQuestion!]!")
        roots.append(
            f"a{number}: recognitionsOf(in: $t{number}, questions: $q{number}, knownAt: $known)"
            " { key recognition { outcome } }"
        )
        variables[f"t{number}"] = code
        variables[f"q{number}"] = [_question(tin, place, answers[place]) for place in places]
    document = f"query Then({', '.join(declared)}) {{ {' '.join(roots)} }}"
    found = await ask(request, document, **variables)
    return {
        int(answer["key"]): str(answer["recognition"]["outcome"])
        for each in (found.data or {}).values()
        for answer in each or ()
        if answer["recognition"]
    }


def _question(tin: Tin, place: int, answer: AnswerBetween) -> dict[str, Any]:
    assert answer.law_at is not None
    asked: dict[str, Any] = {"key": str(place), "tin": tin.text, "at": answer.law_at.isoformat()}
    return asked | ({"consignment": answer.consignment} if answer.consignment else {})
