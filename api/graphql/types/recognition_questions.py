"""The GraphQL types and query of a batch of recognition questions, one for each declaration.

Each question has its own instant and consignment. `api.graphql.declarations` parses them; an
invalid question gives one refused answer and does not affect the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import strawberry

from api.access import policy
from api.access.policy import Action, operator
from api.access.read_log import LoggedQuestion, array_text, consignment, words_text
from api.graphql import paging, sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.codes import RefusalCode
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.declarations import (
    NO_CONSIGNMENT,
    ParsedQuestion,
    QuestionBatch,
    QuestionFault,
    TinWithQuestion,
    parse_question,
)
from api.graphql.errors import Refused, Unanswered
from api.graphql.types.planned_reasons import TELLING
from api.graphql.types.recognition import (
    ConsignmentInput,
    Recognition,
    Territory,
    WantsReceipt,
    as_clauses_name_them,
    facts,
    may_read_in_full,
    only_ascii,
    selects,
)
from api.graphql.types.recognition_receipts import give_receipts_of, without
from projections.reads import planner_selects as places
from projections.reads.bitemporal_sql import AsOf
from projections.reads.verdicts import Consignment
from projections.reads.visibility import VISIBILITY_CTES
from registry.domain.recognition import Question
from registry.domain.values import AdministrationCode, Direction, HsCode, Role, Tin

KnownAt = Annotated[
    datetime | None,
    strawberry.argument(
        description="The instant of transaction time: only what the register "
        "knew by then is taken into account. Default: now."
    ),
]


@strawberry.input
class RecognitionQuestion:
    """One question of a batch, for one customs declaration. If it is invalid, only its own answer
    is refused."""

    key: str = strawberry.field(
        description="A key that the client chooses; it is returned unchanged."
    )
    tin: str = strawberry.field(
        description="The operator's TIN or national AEO code. Surrounding blanks, lower case and "
        "full-width characters are accepted."
    )
    at: datetime | None = strawberry.field(
        default=None,
        description="The instant of valid time: the law of this instant is asked "
        "for. Default: now.",
    )
    consignment: ConsignmentInput | None = strawberry.field(
        default=None,
        description="The consignment. Default: none; the answer then holds for the "
        "operator in general.",
    )


@strawberry.type
class RecognitionAnswer:
    """The answer to one question of a batch: either `recognition` or `refused` is given."""

    key: str = strawberry.field(description="The key of the question, unchanged.")
    tin: str = strawberry.field(description="The TIN of the question, unchanged.")
    found: strawberry.Private[Recognition | None]
    fault: strawberry.Private[QuestionFault | None]

    @costs(78)
    @sql_fields.rows(places.RECOGNITION_OF, ready=places.RECOGNITION_OF_READY, wording=TELLING)
    @strawberry.field
    def recognition(self) -> Recognition | None:
        """The answer of the query `recognition` to the same question. Null where the question was
        refused."""
        return self.found

    @costs(1)
    @sql_fields.rows(places.REFUSED)
    @strawberry.field
    def refused(self) -> Refused | None:
        """Why the question was refused: the field, what was found and what was expected. Null where
        it was answered."""
        return refusal(self.fault) if self.fault else None


def refusal(fault: QuestionFault) -> Refused:
    """Returns the fault of one question as the refusal of its answer."""
    return Refused(code=fault.code, message=fault.message, path=list(fault.path) or None)


def declared(questions: Sequence[RecognitionQuestion] | QuestionBatch) -> list[ParsedQuestion]:
    """The parsed questions. A question that contains a variable was coerced by GraphQL and is
    parsed here."""
    if isinstance(questions, QuestionBatch):
        return questions.questions
    return [
        question.tin.question if isinstance(question.tin, TinWithQuestion) else _read(question)
        for question in questions
    ]


def _read(recognition_question: RecognitionQuestion) -> ParsedQuestion:
    given: dict[str, Any] = {"key": recognition_question.key, "tin": recognition_question.tin}
    if recognition_question.at is not None:
        given["at"] = recognition_question.at.isoformat()
    if recognition_question.consignment is not None:
        given["consignment"] = {
            name: getattr(value, "text", None) or getattr(value, "value", value)
            for name, value in vars(recognition_question.consignment).items()
        }
    return parse_question(given)


Batch = Annotated[
    list[RecognitionQuestion],
    strawberry.argument(description="The questions, at most 1,000. Each is answered by itself."),
]


class _Batch(NamedTuple):
    """The questions of a batch, checked. `as_of`: the two instants of each question; `clocks`:
    those of a question that names no instant."""

    questions: list[ParsedQuestion]
    as_of: list[AsOf]
    clocks: AsOf

    @property
    def good(self) -> list[tuple[ParsedQuestion, AsOf]]:
        return [
            (item, as_of)
            for item, as_of in zip(self.questions, self.as_of, strict=True)
            if item.fault is None
        ]


def _batch(
    context: Context,
    questions: Sequence[RecognitionQuestion] | QuestionBatch,
    in_: AdministrationCode,
    known_at: datetime | None,
) -> _Batch:
    """Checks a batch. A question that the subject may not ask, or whose instant is out of range,
    gets that as its fault. Raises Unanswered (BAD_INPUT) for more than 1,000 questions and for a
    bad `known_at`."""
    paging.keys("questions", questions)
    clocks = context.clocks(AsOfInput(known_at=known_at))
    instants: dict[datetime | None, AsOf | QuestionFault] = {None: clocks}
    allowed: dict[str, QuestionFault | None] = {}
    # The decision is the same for all operators of one home, except for a company.
    letters = None if context.subject.role is policy.SubjectRole.COMPANY else 2
    found, each = [], []
    for item in declared(questions):
        as_of = instants.get(item.at)
        if as_of is None:
            as_of = instants[item.at] = _clocks(context, item.at, known_at)
        if item.wanted is not None:
            alike = item.wanted[:letters]
            if alike not in allowed:
                allowed[alike] = _forbidden(context, item.wanted, in_)
            fault = as_of if isinstance(as_of, QuestionFault) else allowed[alike]
            if fault is not None:
                item = item._replace(wanted=None, fault=fault)
        found.append(item)
        each.append(clocks if isinstance(as_of, QuestionFault) else as_of)
    return _Batch(found, each, clocks)


def _clocks(
    context: Context, at: datetime | None, known_at: datetime | None
) -> AsOf | QuestionFault:
    try:
        return context.clocks(AsOfInput(at=at, known_at=known_at))
    except Unanswered as error:
        return QuestionFault(error.message, ("at",))


def _forbidden(context: Context, tin: str, in_: AdministrationCode) -> QuestionFault | None:
    verdict = policy.decide(context.subject, Action.ASK_RECOGNITION, operator(Tin(tin), in_))
    return None if verdict.allowed else QuestionFault(verdict.reason, (), RefusalCode.FORBIDDEN)


# ------------------------------------------------------------- in one statement


def _asked(
    context: Context,
    questions: Sequence[RecognitionQuestion] | QuestionBatch,
    in_: AdministrationCode,
    known_at: datetime | None = None,
    receipt: bool = False,
) -> dict[str, Any]:
    """The parameters of the SQL statement: the questions as arrays.

    Questions with the same instant and consignment share a number: `alike` has the number of each
    question, `asked` the instant and consignment of each number.
    """
    without(receipt)
    batch = _batch(context, questions, in_, known_at)
    numbers: dict[tuple[datetime | None, Consignment], int] = {}
    alike = [
        numbers.setdefault((question.at, question.consignment), len(numbers))
        for question in batch.questions
    ]
    first = dict(zip(reversed(alike), reversed(batch.as_of), strict=True))
    asked = [(first[n], entry) for (_, entry), n in numbers.items()]
    for _, item in asked:
        only_ascii(item.crossing)
    instants = [at.isoformat() if at else None for at, _ in numbers]
    faults = [question.fault for question in batch.questions]
    wrong = any(faults)
    good = batch.good
    tins = [question.tin for question in batch.questions]
    wanted = [question.wanted for question in batch.questions]
    return {
        "keys": array_text([question.key for question in batch.questions]),
        "asked_tins": "{}" if tins == wanted else array_text(tins),
        "tins": words_text(wanted),
        "ats": words_text([instants[n] for n in alike]),
        **{
            f"{name}s": _column(name, [entry[place] for _, entry in asked], alike)
            for place, name in enumerate(Consignment._fields)
        },
        "codes": array_text([fault.code.value if fault else None for fault in faults])
        if wrong
        else "{}",
        "messages": array_text([fault.message if fault else None for fault in faults])
        if wrong
        else "{}",
        "paths": array_text([_path(fault) for fault in faults]) if wrong else "{}",
        "in": in_.text,
        "known": batch.clocks.known,
        "exact": "yes" if batch.clocks.asked else None,
        "alike": alike,
        "asked": [(as_of, None if entry == NO_CONSIGNMENT else entry) for as_of, entry in asked],
        "looked": [entry.wanted for entry, _ in good],
        "look": _look(in_, batch.clocks, good),
    }


def _path(fault: QuestionFault | None) -> str | None:
    return ".".join(fault.path) or None if fault else None


def _column(name: str, texts: Sequence[str | None], alike: Sequence[int]) -> str:
    """One field of the consignment of each question, as the text of a PostgreSQL array."""
    if not any(texts):
        return "{}"
    each = [texts[n] for n in alike]
    return array_text(each) if name in ("crossing", "mode") else words_text(each)


def _look(
    in_: AdministrationCode, clocks: AsOf, good: Sequence[tuple[ParsedQuestion, AsOf]]
) -> LoggedQuestion:
    """The entry for the read log: the instant and the consignment of each question."""
    instants = {at: at.isoformat() for at in {as_of.at for _, as_of in good}}
    return LoggedQuestion(
        in_.text,
        None,
        clocks.known,
        each=[(instants[as_of.at], _consignment_text(item.consignment)) for item, as_of in good],
    )


@lru_cache(maxsize=16_384)
def _consignment_text(each_consignment: Consignment) -> str | None:
    return consignment(each_consignment._asdict())


_GIVEN = (
    "keys",
    "asked_tins",
    "tins",
    "ats",
    "roles",
    "directions",
    "hss",
    "crossings",
    "modes",
    "codes",
    "messages",
    "paths",
    "in",
    "known",
    "exact",
)


@strawberry.type
class RecognitionQuestionQuery:
    """The query for a batch of recognition questions, one for each declaration."""

    @costs(1)
    @sql_fields.rows(
        places.QUESTIONS,
        order=sql_fields.IN_ARRAY_ORDER,
        ctes=f"{VISIBILITY_CTES},{places.SHARED_QUESTION_CTES}",
        names=places.QUESTION_PARAMETERS,
        own_statement=True,
        logged="looked",
        bind=_asked,
        gives=_GIVEN,
    )
    @strawberry.field
    async def recognitions_of(
        self,
        info: Info,
        questions: Batch,
        in_: Territory,
        known_at: KnownAt = None,
        receipt: WantsReceipt = False,
    ) -> list[RecognitionAnswer]:
        """The answers of `recognition` to up to 1,000 questions, one for each declaration, in the
        order of `questions`. Each has its own goods, role, crossing and instant. A question that is
        invalid, or that the subject may not ask, gives one refused answer and not an error of the
        request, and no receipt."""
        context = info.context
        batch = _batch(context, questions, in_, known_at)
        good = batch.good
        tins = [Tin(item.wanted or "") for item, _ in good]
        found: list[Recognition] = []
        try:
            known = await facts(context, list(dict.fromkeys(tins)), in_, batch.clocks)
            asked = await as_clauses_name_them(
                context, [_question(in_, as_of.at, item.consignment) for item, as_of in good]
            )
            for tin, question, (_, as_of) in zip(tins, asked, good, strict=True):
                found.append(
                    Recognition.of(
                        tin,
                        known.of(tin),
                        question,
                        as_of,
                        known.position,
                        all_of_it=may_read_in_full(context, tin),
                    )
                )
        finally:
            chosen = [selected_field.selections for selected_field in info.selected_fields]
            outcome_selected = found and any(
                selects(item, "recognition", "outcome") for item in chosen
            )
            context.looked(
                "recognitionsOf",
                [tin.text for tin in tins],
                _look(in_, batch.clocks, good),
                [recognition.outcome.value for recognition in found] if outcome_selected else None,
            )
        if receipt:
            await give_receipts_of(context, found, known, in_)
        answers = iter(found)
        return [
            RecognitionAnswer(
                key=question.key,
                tin=question.tin,
                fault=question.fault,
                found=next(answers) if question.fault is None else None,
            )
            for question in batch.questions
        ]


def _question(in_: AdministrationCode, at: datetime, consignment: Consignment) -> Question:
    return Question(
        in_,
        at,
        Role(consignment.role) if consignment.role else None,
        Direction(consignment.direction) if consignment.direction else None,
        HsCode(consignment.hs) if consignment.hs else None,
        consignment.crossing,
        consignment.mode,
    )
