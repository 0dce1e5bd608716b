"""The queries for the recognition of one operator, and of a list of operators, in a territory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import strawberry

from api.access import policy
from api.access.policy import Action, operator
from api.access.read_log import LoggedQuestion, consignment
from api.graphql import paging, sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.types.planned_reasons import TELLING, TELLING_OF_MANY, FactsFromSql
from api.graphql.types.recognition import (
    Consignment,
    ConsignmentInput,
    Recognition,
    Territory,
    WantsReceipt,
    as_clauses_name_them,
    consignment_texts,
    may_read_in_full,
    only_ascii,
    question_of,
    selects,
)
from api.graphql.types.recognition_receipts import YIELD_EVERY, give_receipts, without, zones_of
from projections.reads import planner_selects as places
from projections.reads import recognition as reads
from projections.reads.bitemporal_sql import AsOf
from projections.reads.recognition import KnownOperators
from projections.reads.shared_laws import SharedLaws
from projections.reads.unchanged_intervals import UnchangedIntervals
from projections.reads.visibility import VISIBILITY_CTES
from registry.domain.recognition import Question, RecognitionFacts
from registry.domain.values import AdministrationCode, Tin


def _asked(
    context: Context,
    tin: Tin,
    in_: AdministrationCode,
    as_of: AsOfInput | None = None,
    consignment: ConsignmentInput | None = None,
    receipt: bool = False,
) -> dict[str, Any]:
    without(receipt)
    return one_asked(context, True, tin, in_, as_of, consignment).parameters


def _all_asked(
    context: Context,
    tins: list[Tin],
    in_: AdministrationCode,
    as_of: AsOfInput | None = None,
    receipt: bool = False,
) -> dict[str, Any]:
    without(receipt)
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
        receipt: WantsReceipt = False,
    ) -> Recognition:
        """Whether an operator is recognised in a territory at the instant asked about, and why.

        The customs of that territory, the home customs, the operator and auditors may ask; others
        get the error FORBIDDEN. For an operator that may not be shown to the subject the answer is
        the same as for an unknown one: UNKNOWN with the reason NO_INFORMATION.
        """
        asked = one_asked(info.context, _with_outcome(info), tin, in_, as_of, consignment)
        return (await asked.answers(info.context, receipts=receipt))[0]

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
        receipt: WantsReceipt = False,
    ) -> list[Recognition]:
        """The answers of `recognition` for up to 1,000 operators, in the order of `tins`, one entry
        for each TIN."""
        asked = all_asked(info.context, _with_outcome(info), tins, in_, as_of)
        return await asked.answers(info.context, receipts=receipt)


@dataclass(frozen=True)
class RecognitionsAsked:
    """A question about one operator or several that the subject may ask.

    `operation`: the name of the query. `with_outcome`: the outcome is selected, and so logged.
    """

    operation: str
    tins: Sequence[Tin]
    question: Question
    as_of: AsOf
    with_outcome: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the planned statement about one operator. Raises NotPlanned."""
        question, [tin] = self.question, self.tins
        only_ascii(question.crossing)
        return {
            "tin": tin.text,
            "in": question.territory.text,
            "role": question.role.value if question.role else None,
            "direction": question.direction.value if question.direction else None,
            "hs": question.hs.text if question.hs else None,
            "crossing": question.crossing or None,
            "mode": question.mode or None,
            **self.as_of.parameters,
        }

    async def answers(self, context: Context, *, receipts: bool) -> list[Recognition]:
        """The answers, in the order of `tins`; each with its receipt, where they are wanted."""
        with self._logged(context) as found:
            [asked] = await as_clauses_name_them(context, [self.question])
            async with context.views.connection() as connection:
                known = await reads.facts(
                    connection,
                    context.subject.visibility,
                    context.now,
                    self.tins,
                    asked.territory,
                    self.as_of.known,
                )
                zones = await zones_of(connection, known, asked.territory) if receipts else {}
            found += [answer async for answer in self._each(context, known, asked)]
        if receipts:
            await give_receipts(context, found, zones, UnchangedIntervals())
        return found

    async def answer_from(
        self,
        context: Context,
        reading: Awaitable[tuple[FactsFromSql[RecognitionFacts], int]],
        laws: SharedLaws,
    ) -> list[Recognition]:
        """The answer about one operator, with its receipt. `reading`: reads the facts, with laws of
        `laws`, and up to which position the read models show the register."""
        with self._logged(context) as found:
            brought, position = await reading
            answer = Recognition.of(
                self.tins[0],
                brought.facts,
                brought.asked,
                self.as_of,
                position,
                all_of_it=brought.in_full,
            )
            found.append(answer)
        await give_receipts(context, found, brought.zones, laws.intervals)
        return found

    async def _each(
        self, context: Context, known: KnownOperators, asked: Question
    ) -> AsyncIterator[Recognition]:
        for number, tin in enumerate(self.tins, 1):
            yield Recognition.of(
                tin,
                known.of(tin),
                asked,
                self.as_of,
                known.position,
                all_of_it=may_read_in_full(context, tin),
            )
            if not number % YIELD_EVERY:
                await asyncio.sleep(0)

    @contextmanager
    def _logged(self, context: Context) -> Iterator[list[Recognition]]:
        """Writes the question and its answers to the read log, also where the question failed."""
        found: list[Recognition] = []
        try:
            yield found
        finally:
            asked = self.question
            question = LoggedQuestion(
                asked.territory.text,
                asked.at,
                self.as_of.known,
                consignment(consignment_texts(asked)),
            )
            outcomes = [recognition.outcome.value for recognition in found]
            context.looked(
                self.operation,
                [tin.text for tin in self.tins],
                question,
                outcomes if outcomes and self.with_outcome else None,
            )


def one_asked(
    context: Context,
    with_outcome: bool,
    tin: Tin,
    in_: AdministrationCode,
    as_of: AsOfInput | None = None,
    consignment: ConsignmentInput | None = None,
) -> RecognitionsAsked:
    """The question of `recognition`. Raises Unanswered."""
    clocks = context.clocks(as_of)
    question = question_of(in_, clocks, consignment)
    context.demand(Action.ASK_RECOGNITION, operator(tin, in_))
    return RecognitionsAsked("recognition", [tin], question, clocks, with_outcome)


def all_asked(
    context: Context,
    with_outcome: bool,
    tins: list[Tin],
    in_: AdministrationCode,
    as_of: AsOfInput | None = None,
) -> RecognitionsAsked:
    """The question of `recognitions`. Raises Unanswered."""
    paging.keys("tins", tins)
    clocks = context.clocks(as_of)
    question = question_of(in_, clocks, None)
    _demand_of_all(context, tins, in_)
    return RecognitionsAsked("recognitions", tins, question, clocks, with_outcome)


def _with_outcome(info: Info) -> bool:
    return any(selects(each.selections, "outcome") for each in info.selected_fields)
