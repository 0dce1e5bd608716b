"""The GraphQL types of recognition: whether an operator is recognised in a territory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

import strawberry
from psycopg import AsyncConnection
from strawberry.types.nodes import SelectedField

from api.access.policy import Action, operator
from api.access.read_log import CONSIGNMENT_FIELDS, LoggedQuestion
from api.graphql import sql_fields
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.loaders import load
from api.graphql.receipt_issuer import AnsweredQuestion
from api.graphql.receipt_issuer import text as instant
from api.graphql.scalars import Position
from api.graphql.sql_fields import NotPlanned
from api.graphql.types import reasons
from api.graphql.types.administrations import zones
from api.graphql.types.agreements import AgreementType, agreement
from api.graphql.types.reasons import Reason
from api.graphql.types.receipts import AnswerReceipt
from projections.reads import planner_selects as places
from projections.reads import recognition as reads
from projections.reads.bitemporal_sql import AsOf, shown
from projections.reads.crossings import names_of
from projections.reads.recognition import KnownOperators
from projections.reads.unchanged_intervals import UnchangedIntervals
from projections.reads.visibility import VisibilityScope
from registry.domain.recognition import (
    Basis,
    Question,
    RecognitionFacts,
    RecognitionResult,
    recognise,
    with_consent_reason,
)
from registry.domain.values import AdministrationCode, Direction, HsCode, Outcome, Role, Tin

Territory = Annotated[AdministrationCode, strawberry.argument(name="in")]
LONGEST = 100  # the greatest length of a crossing or a mode, in characters


@strawberry.input
class ConsignmentInput:
    """The consignment that is asked about. A field that is not given is not checked: the answer
    then holds for the operator in general."""

    direction: Direction | None = None
    role: Role | None = None
    hs: HsCode | None = None
    crossing: str | None = None
    mode: str | None = None


Consignment = Annotated[
    ConsignmentInput | None,
    strawberry.argument(
        description="The consignment. Default: none; the answer then holds for "
        "the operator in general."
    ),
]


WantsReceipt = Annotated[
    bool,
    strawberry.argument(
        description="True: each answer comes with a signed receipt, which is stored."
    ),
]


@strawberry.type
class RecognitionBasis:
    """A basis of recognition: one authorisation and one clause of an agreement that covers it."""

    basis: strawberry.Private[Basis]
    as_of: strawberry.Private[AsOf]
    authorisation: str
    since: datetime = strawberry.field(
        description="The instant since which, without interruption, the authorisation has been "
        "valid abroad with its present type and the clause has applied."
    )
    identifier_scheme: str | None
    identifier: str | None
    declaration_box: str | None
    benefits: list[str]
    assumed: bool

    @classmethod
    def of(cls, basis: Basis, as_of: AsOf) -> RecognitionBasis:
        """The basis as a GraphQL object."""
        return cls(
            basis=basis,
            as_of=as_of,
            authorisation=basis.authorisation,
            since=basis.since,
            identifier_scheme=basis.identifier_scheme,
            identifier=basis.identifier,
            declaration_box=basis.declaration_box,
            benefits=list(basis.benefits),
            assumed=basis.assumed,
        )

    @costs(5)
    @sql_fields.rows(places.BASIS_AGREEMENT)
    @strawberry.field
    async def agreement(self, info: Info) -> AgreementType:
        """The agreement whose clause covers the authorisation."""
        return await agreement(info, self.basis.agreement, self.as_of)


@strawberry.type
class Recognition:
    """The answer whether an operator is recognised in a territory at an instant, with the
    reasons."""

    facts: strawberry.Private[RecognitionFacts]
    asked: strawberry.Private[Question]
    answer: strawberry.Private[RecognitionResult]
    all_of_it: strawberry.Private[bool]
    as_of: strawberry.Private[AsOf]
    issued: strawberry.Private[AnswerReceipt | None]
    given_reasons: strawberry.Private[list[Reason] | None]
    tin: Tin
    in_: AdministrationCode = strawberry.field(name="in")
    outcome: Outcome
    legal: Outcome = strawberry.field(
        description="The outcome in law: by status of the authorisation, agreement, direction, "
        "scope and consent."
    )
    operational: Outcome = strawberry.field(
        description="Whether the partner can apply the recognition: it needs an identifier of the "
        "scheme that it uses, and a list that is recent enough."
    )
    at: datetime
    known_at: datetime
    position: Position

    @classmethod
    def of(
        cls,
        tin: Tin,
        facts: RecognitionFacts,
        asked: Question,
        as_of: AsOf,
        position: int,
        *,
        all_of_it: bool,
    ) -> Recognition:
        """The answer of the rule (`registry.domain.recognition`) to this question, as a GraphQL
        object.

        `all_of_it`: the subject may read everything about the operator.
        """
        answer = recognise(facts, asked)
        answer = with_consent_reason(answer, facts) if all_of_it else answer
        return cls(
            facts=facts,
            asked=asked,
            answer=answer,
            all_of_it=all_of_it,
            as_of=as_of,
            issued=None,
            given_reasons=None,
            tin=tin,
            in_=asked.territory,
            outcome=answer.outcome,
            legal=answer.legal,
            operational=answer.operational,
            at=as_of.at,
            known_at=as_of.known,
            position=Position(position),
        )

    @costs(1, each=2)
    @sql_fields.rows(places.REASONS, order=sql_fields.IN_ARRAY_ORDER, ready=places.REASONS_READY)
    @strawberry.field
    async def reasons(self, info: Info) -> list[Reason]:
        """The reasons for the outcome, each with the facts on which it is based."""
        if self.given_reasons is None:
            self.give_reasons(await self.time_zones(info))
        return self.given_reasons or []

    async def time_zones(self, info: Info) -> dict[str, str]:
        """The time zones of the civil days in the reasons."""
        facts, there = self.facts, self.asked.territory
        return await zones(info, reasons.parties(facts.links, facts.administration, there))

    def give_reasons(self, zones: dict[str, str]) -> None:
        """Works the reasons out."""
        self.given_reasons = reasons.recognition_reasons(
            self.facts, self.asked, self.answer, zones, all_of_it=self.all_of_it
        )

    @costs(2, each=2)
    @sql_fields.rows(places.BASES, order=sql_fields.IN_ARRAY_ORDER, ready=places.BASES_READY)
    @strawberry.field
    def bases(self) -> list[RecognitionBasis]:
        """All bases of the recognition, ordered by agreement. Empty unless the outcome is
        RECOGNISED in law."""
        return [RecognitionBasis.of(basis, self.as_of) for basis in self.answer.bases]

    @costs(20)
    @sql_fields.worded("'from'")
    @strawberry.field
    def valid_from(self) -> datetime | None:
        """The beginning, in valid time and inclusive, of the interval in which the outcome and its
        reasons are these. Null: no beginning is known."""
        return self.interval[0]

    @costs(20)
    @sql_fields.worded("'to'")
    @strawberry.field
    def valid_to(self) -> datetime | None:
        """The end of that interval in valid time, exclusive, as far as is known at `knownAt`. Null:
        no end is known."""
        return self.interval[1]

    @costs(1)
    @strawberry.field
    def receipt(self) -> AnswerReceipt | None:
        """The signed receipt for the answer. Null unless the question asked for it with `receipt:
        true`."""
        return self.issued

    def answered(self) -> AnsweredQuestion:
        """The question and the answer, as a receipt states them."""
        assert self.given_reasons is not None
        since, until = self.interval
        return AnsweredQuestion(
            tin=self.tin.text,
            territory=self.in_.text,
            at=self.at,
            known_at=self.known_at,
            consignment=consignment_texts(self.asked),
            outcome=self.outcome.value,
            legal=self.legal.value,
            operational=self.operational.value,
            reasons=[
                {"code": reason.code.value, "message": reason.message}
                for reason in self.given_reasons
            ],
            bases=[
                {
                    "agreement": basis.agreement,
                    "authorisation": basis.authorisation,
                    "since": instant(basis.since),
                    "identifierScheme": basis.identifier_scheme,
                    "identifier": basis.identifier,
                    "declarationBox": basis.declaration_box,
                    "benefits": list(basis.benefits),
                    "assumed": basis.assumed,
                }
                for basis in self.answer.bases
            ],
            valid_from=since,
            valid_to=until,
            position=int(self.position),
        )

    def give_interval(self, intervals: UnchangedIntervals) -> None:
        """Works the interval out together with those of other answers to the question."""
        self._stretch = intervals.of(self.facts, self.asked)

    @property
    def interval(self) -> tuple[datetime | None, datetime | None]:
        """The interval of valid time as it is shown: None where it has no limit."""
        since, until = self._stretch
        return shown(since), shown(until)

    @cached_property
    def _stretch(self) -> tuple[datetime, datetime | None]:
        """The interval of valid time in which the answer and its reasons stay the same."""
        return reads.unchanged_interval(self.facts, self.asked)


def consignment_texts(asked: Question) -> dict[str, str]:
    """The details of the consignment that a question gives, as texts."""
    details = {name: getattr(asked, name) for name in CONSIGNMENT_FIELDS}
    return {
        name: str(getattr(detail, "text", None) or getattr(detail, "value", detail))
        for name, detail in details.items()
        if detail
    }


def _log_answers(info: Info, tin: Tin, found: Sequence[Recognition], as_of: AsOf) -> None:
    """Writes the answers of `recognisedIn` to the read log, one entry for each territory."""
    chosen = [selected_field.selections for selected_field in info.selected_fields]
    if not any(selects(item, "in") and selects(item, "outcome") for item in chosen):
        return
    for recognition in found:
        asked = LoggedQuestion(recognition.in_.text, as_of.at, as_of.known)
        info.context.looked("recognisedIn", [tin.text], asked, [recognition.outcome.value])


def selects(selections: Sequence[Any], name: str, *inner: str) -> bool:
    """Whether a field is selected, directly or in a fragment. `inner`: and within it this field,
    and so on."""
    return any(
        (selection.name == name and (not inner or selects(selection.selections, *inner)))
        if isinstance(selection, SelectedField)
        else selects(selection.selections, name, *inner)
        for selection in selections
    )


async def facts(
    context: Context, tins: Sequence[Tin], territory: AdministrationCode | None, as_of: AsOf
) -> KnownOperators:
    """The facts about these operators that the subject may see, read with one SQL statement.
    `territory`: None for all territories."""
    visibility, now = context.subject.visibility, context.now
    async with context.views.connection() as connection:
        return await reads.facts(connection, visibility, now, tins, territory, as_of.known)


async def recognised_everywhere(
    info: Info, tin: Tin, as_of: AsOf, outcome: Outcome | None = None
) -> list[Recognition]:
    """The recognition of an operator in every territory that the agreements of that day reach,
    ordered by code, as far as the subject may ask. A bloc is resolved to its members.

    `outcome`: only answers with this outcome.
    """
    context = info.context
    known = await load(
        context, _wherever, context.subject.visibility, context.now, as_of.known, key=tin
    )
    mine = known.of(tin) if known else RecognitionFacts(None)
    found = [
        Recognition.of(
            tin,
            reads.into(mine, there),
            Question(there, as_of.at),
            as_of,
            known.position if known else 0,
            all_of_it=may_read_in_full(context, tin),
        )
        for there in reads.territories(mine, as_of.at)
        if context.may(Action.ASK_RECOGNITION, operator(tin, there))
    ]
    found = [recognition for recognition in found if outcome in (None, recognition.outcome)]
    _log_answers(info, tin, found, as_of)
    return found


def may_read_in_full(context: Context, tin: Tin) -> bool:
    """Whether the subject may read everything about this operator."""
    return context.may(Action.READ_IN_FULL, operator(tin))


async def _wherever(
    connection: AsyncConnection[Any],
    visibility: VisibilityScope,
    now: datetime,
    known: datetime,
    tins: list[Tin],
) -> dict[Tin, KnownOperators]:
    return dict.fromkeys(tins, await reads.facts(connection, visibility, now, tins, None, known))


def only_ascii(crossing: str | None) -> None:
    """Raises NotPlanned for a crossing whose name SQL cannot look up: its names in other scripts
    are resolved in Python (projections/reads/crossings.py)."""
    if crossing and not crossing.isascii():
        raise NotPlanned("uncovered", "crossing")


async def as_clauses_name_them(context: Context, asked: Sequence[Question]) -> list[Question]:
    """The questions, each with its crossing replaced by the name that the clauses use."""
    named = {question.crossing for question in asked if question.crossing}
    if not named:
        return list(asked)
    async with context.views.connection() as connection:
        found = await names_of(connection, named)
    return [
        replace(question, crossing=found[question.crossing]) if question.crossing else question
        for question in asked
    ]


def question_of(
    territory: AdministrationCode, as_of: AsOf, given: ConsignmentInput | None
) -> Question:
    """The question to the rule. Raises Unanswered (BAD_INPUT) for a crossing or a mode that is too
    long."""
    consignment_input = given or ConsignmentInput()
    for name, text in (("crossing", consignment_input.crossing), ("mode", consignment_input.mode)):
        if text is not None and len(text) > LONGEST:
            raise bad_input(
                "%(field)s: found %(found)s characters, wanted at most %(most)s",
                field=name,
                found=len(text),
                most=LONGEST,
            )
    return Question(
        territory,
        as_of.at,
        consignment_input.role,
        consignment_input.direction,
        consignment_input.hs,
        consignment_input.crossing,
        consignment_input.mode,
    )
