"""The GraphQL types and queries of recognition: whether an operator is recognised in a
territory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

import strawberry
from psycopg import AsyncConnection
from strawberry.types.nodes import SelectedField

from api.access import policy
from api.access.policy import Action, operator
from api.access.read_log import CONSIGNMENT_FIELDS, LoggedQuestion, consignment
from api.graphql import paging, sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.loaders import load
from api.graphql.scalars import Position
from api.graphql.sql_fields import NotPlanned
from api.graphql.types import reasons
from api.graphql.types.administrations import zones
from api.graphql.types.agreements import AgreementType, agreement
from api.graphql.types.planned_reasons import TELLING, TELLING_OF_MANY
from api.graphql.types.reasons import Reason
from projections.reads import planner_selects as places
from projections.reads import recognition as reads
from projections.reads.bitemporal_sql import AsOf, shown
from projections.reads.crossings import names_of
from projections.reads.recognition import KnownOperators
from projections.reads.visibility import VISIBILITY_CTES, VisibilityScope
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
        facts, asked = self.facts, self.asked
        sides = reasons.parties(facts.links, facts.administration, asked.territory)
        told_zones = await zones(info, sides)
        return reasons.recognition_reasons(
            facts, asked, self.answer, told_zones, all_of_it=self.all_of_it
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
        return shown(self._stretch[0])

    @costs(20)
    @sql_fields.worded("'to'")
    @strawberry.field
    def valid_to(self) -> datetime | None:
        """The end of that interval in valid time, exclusive, as far as is known at `knownAt`. Null:
        no end is known."""
        return shown(self._stretch[1])

    @cached_property
    def _stretch(self) -> tuple[datetime, datetime | None]:
        """The interval of valid time in which the answer and its reasons stay the same."""
        return reads.unchanged_interval(self.facts, self.asked)


def _asked(
    context: Context,
    tin: Tin,
    in_: AdministrationCode,
    as_of: AsOfInput | None = None,
    consignment: ConsignmentInput | None = None,
) -> dict[str, Any]:
    clocks = context.clocks(as_of)
    question = _question(in_, clocks, consignment)
    only_ascii(question.crossing)
    context.demand(Action.ASK_RECOGNITION, operator(tin, in_))
    return {
        "tin": tin.text,
        "in": in_.text,
        "role": question.role.value if question.role else None,
        "direction": question.direction.value if question.direction else None,
        "hs": question.hs.text if question.hs else None,
        "crossing": question.crossing or None,
        "mode": question.mode or None,
        **clocks.parameters,
    }


def _all_asked(
    context: Context, tins: list[Tin], in_: AdministrationCode, as_of: AsOfInput | None = None
) -> dict[str, Any]:
    paging.keys("tins", tins)
    clocks = context.clocks(as_of)
    _demand_of_all(context, tins, in_)
    return {"tins": [tin.text for tin in tins], "in": in_.text, **clocks.parameters}


def _demand_of_all(context: Context, tins: list[Tin], in_: AdministrationCode) -> None:
    """Checks that the subject may ask about all of these operators. The decision is the same for
    all operators of one home, except for a company, so one operator of each home is checked."""
    alike = context.subject.role is not policy.SubjectRole.COMPANY
    for tin in {tin.text[:2]: tin for tin in tins}.values() if alike else tins:
        context.demand(Action.ASK_RECOGNITION, operator(tin, in_))


_ASKED = ("tin", "in", "at", "known", "belief", "role", "direction", "hs", "crossing", "mode")


@strawberry.type
class RecognitionQuery:
    """The queries for the recognition of operators in one territory."""

    @costs(80)
    @sql_fields.rows(
        places.RECOGNITION,
        ctes=f"{VISIBILITY_CTES},{places.SHARED_CTES}",
        key="tin",
        logged="tin",
        bind=_asked,
        gives=_ASKED,
        wording=TELLING,
    )
    @strawberry.field
    async def recognition(
        self,
        info: Info,
        tin: Tin,
        in_: Territory,
        as_of: AsOfInput | None = None,
        consignment: Consignment = None,
    ) -> Recognition:
        """Whether an operator is recognised in a territory at the instant asked about, and why.

        The customs of that territory, the home customs, the operator and auditors may ask; others
        get the error FORBIDDEN. For an operator that may not be shown to the subject the answer is
        the same as for an unknown one: UNKNOWN with the reason NO_INFORMATION.
        """
        clocks = info.context.clocks(as_of)
        question = _question(in_, clocks, consignment)
        info.context.demand(Action.ASK_RECOGNITION, operator(tin, in_))
        with _look(info, "recognition", [tin], question, clocks) as found:
            known = await facts(info.context, [tin], in_, clocks)
            in_full = may_read_in_full(info.context, tin)
            [asked] = await as_clauses_name_them(info.context, [question])
            found.append(
                Recognition.of(tin, known.of(tin), asked, clocks, known.position, all_of_it=in_full)
            )
        return found[0]

    @costs(80)
    @sql_fields.rows(
        places.RECOGNITIONS,
        ctes=f"{VISIBILITY_CTES},{places.SHARED_CTES}",
        keys="tins",
        logged="tins",
        bind=_all_asked,
        gives=("tins", "in", "at", "known", "belief"),
        wording=TELLING_OF_MANY,
        ready=places.RECOGNITIONS_READY,
    )
    @strawberry.field
    async def recognitions(
        self,
        info: Info,
        tins: list[Tin],
        in_: Territory,
        as_of: AsOfInput | None = None,
    ) -> list[Recognition]:
        """The answers of `recognition` for up to 1,000 operators, in the order of `tins`, one entry
        for each TIN."""
        paging.keys("tins", tins)
        clocks = info.context.clocks(as_of)
        question = _question(in_, clocks, None)
        _demand_of_all(info.context, tins, in_)
        with _look(info, "recognitions", tins, question, clocks) as found:
            known = await facts(info.context, tins, in_, clocks)
            found += [
                Recognition.of(
                    tin,
                    known.of(tin),
                    question,
                    clocks,
                    known.position,
                    all_of_it=may_read_in_full(info.context, tin),
                )
                for tin in tins
            ]
        return found


@contextmanager
def _look(
    info: Info, operation: str, tins: Sequence[Tin], asked: Question, as_of: AsOf
) -> Iterator[list[Recognition]]:
    """Writes the question and its answers to the read log, also where the question failed."""
    found: list[Recognition] = []
    try:
        yield found
    finally:
        outcome_selected = found and any(
            selects(selected_field.selections, "outcome") for selected_field in info.selected_fields
        )
        answered_question = {name: getattr(asked, name) for name in CONSIGNMENT_FIELDS}
        texts = {
            name: str(getattr(item, "text", None) or getattr(item, "value", item))
            for name, item in answered_question.items()
            if item
        }
        question = LoggedQuestion(asked.territory.text, asked.at, as_of.known, consignment(texts))
        info.context.looked(
            operation,
            [tin.text for tin in tins],
            question,
            [recognition.outcome.value for recognition in found] if outcome_selected else None,
        )


def _keep_told(info: Info, tin: Tin, found: Sequence[Recognition], as_of: AsOf) -> None:
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
    _keep_told(info, tin, found, as_of)
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


def _question(
    territory: AdministrationCode, as_of: AsOf, given: ConsignmentInput | None
) -> Question:
    """The question to the rule. Raises Unanswered (BAD_INPUT) for a crossing or a mode that is too
    long."""
    consignment_input = given or ConsignmentInput()
    for name, text in (("crossing", consignment_input.crossing), ("mode", consignment_input.mode)):
        if text is not None and len(text) > LONGEST:
            raise bad_input(f"{name}: found {len(text)} characters, wanted at most {LONGEST}")
    return Question(
        territory,
        as_of.at,
        consignment_input.role,
        consignment_input.direction,
        consignment_input.hs,
        consignment_input.crossing,
        consignment_input.mode,
    )
