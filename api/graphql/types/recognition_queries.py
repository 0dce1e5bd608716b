"""The queries for the recognition of one operator, and of a list of operators, in a territory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import strawberry

from api.access import policy
from api.access.policy import Action, operator
from api.access.read_log import LoggedQuestion, consignment
from api.graphql import paging, sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.sql_fields import NotPlanned
from api.graphql.types.planned_reasons import TELLING, TELLING_OF_MANY
from api.graphql.types.receipts import issue
from api.graphql.types.recognition import (
    Consignment,
    ConsignmentInput,
    Recognition,
    Territory,
    WantsReceipt,
    as_clauses_name_them,
    consignment_texts,
    facts,
    may_read_in_full,
    only_ascii,
    question_of,
    selects,
)
from projections.reads import planner_selects as places
from projections.reads.bitemporal_sql import AsOf
from projections.reads.unchanged_intervals import UnchangedIntervals
from projections.reads.visibility import VISIBILITY_CTES
from registry.domain.recognition import (
    Question,
)
from registry.domain.values import AdministrationCode, Tin


def _asked(
    context: Context,
    tin: Tin,
    in_: AdministrationCode,
    as_of: AsOfInput | None = None,
    consignment: ConsignmentInput | None = None,
    receipt: bool = False,
) -> dict[str, Any]:
    _without(receipt)
    clocks = context.clocks(as_of)
    question = question_of(in_, clocks, consignment)
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


def _without(receipt: bool) -> None:
    """Raises NotPlanned for a question with a receipt: it is signed, and stored before the answer
    is given, which no SELECT does."""
    if receipt:
        raise NotPlanned("receipt")


def _all_asked(
    context: Context,
    tins: list[Tin],
    in_: AdministrationCode,
    as_of: AsOfInput | None = None,
    receipt: bool = False,
) -> dict[str, Any]:
    _without(receipt)
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
        clocks = info.context.clocks(as_of)
        question = question_of(in_, clocks, consignment)
        info.context.demand(Action.ASK_RECOGNITION, operator(tin, in_))
        with _look(info, "recognition", [tin], question, clocks) as found:
            known = await facts(info.context, [tin], in_, clocks)
            in_full = may_read_in_full(info.context, tin)
            [asked] = await as_clauses_name_them(info.context, [question])
            found.append(
                Recognition.of(tin, known.of(tin), asked, clocks, known.position, all_of_it=in_full)
            )
        if receipt:
            await with_receipts(info, found)
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
        receipt: WantsReceipt = False,
    ) -> list[Recognition]:
        """The answers of `recognition` for up to 1,000 operators, in the order of `tins`, one entry
        for each TIN."""
        paging.keys("tins", tins)
        clocks = info.context.clocks(as_of)
        question = question_of(in_, clocks, None)
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
        if receipt:
            await with_receipts(info, found)
        return found


async def with_receipts(info: Info, found: Sequence[Recognition]) -> None:
    """Issues the receipts of these answers to one question."""
    zones: dict[Any, dict[str, str]] = {}
    intervals = UnchangedIntervals()
    for each in found:
        each.give_interval(intervals)
        # The operators of a home share the facts of the law.
        home = each.facts.administration, id(each.facts.links)
        if home not in zones:
            zones[home] = await each.time_zones(info)
        each.give_reasons(zones[home])
    receipts = await issue(info.context, [each.answered() for each in found])
    for each, receipt in zip(found, receipts, strict=True):
        each.issued = receipt


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
        texts = consignment_texts(asked)
        question = LoggedQuestion(asked.territory.text, asked.at, as_of.known, consignment(texts))
        info.context.looked(
            operation,
            [tin.text for tin in tins],
            question,
            [recognition.outcome.value for recognition in found] if outcome_selected else None,
        )
