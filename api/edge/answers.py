"""The answers of an edge: the rule of recognition on its copy, with the age of the data in it.

An agreement's limit of age counts from the instant at which the register last confirmed the copy.
Past it the answer is UNKNOWN with STALE_DATA, whatever it was: an operator may have been suspended,
released or registered since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from api.edge.store import EdgeState, EdgeStore
from api.golden_copy.looks import Look
from api.graphql.types.reasons import recognition_reasons
from projections.history.golden_copy import CopiedLaw, CopiedOperator, CopyRecord, answered
from projections.reads.bitemporal_sql import shown
from projections.reads.recognition import unchanged_interval
from registry.domain.recognition import (
    Question,
    RecognitionFacts,
    RecognitionResult,
    age_limit,
    is_valid_at,
)
from registry.domain.values import AdministrationCode, Outcome, ReasonCode, Status, Tin

_RANK = {status: rank for rank, status in enumerate(Status)}


class NotAnsweredHere(ValueError):
    """The edge cannot answer this; the register can."""


@dataclass(frozen=True)
class EdgeAnswer:
    """One answer. `facts`: those that it is based on, of the copy."""

    tin: Tin
    question: Question
    state: EdgeState
    facts: RecognitionFacts
    result: RecognitionResult
    zones: Mapping[str, str]

    def look(
        self, now: datetime, purpose: str | None, consignment: dict[str, str] | None = None
    ) -> Look:
        """This answer as it is handed back to the register's read log."""
        return Look(
            uuid4(),
            now,
            self.tin.text,
            self.question.territory.text,
            self.question.at,
            self.state.moment.at,
            self.result.outcome,
            self.state.moment.position,
            purpose[:200] if purpose else None,
            consignment,
        )

    def as_fields(self) -> dict[str, Any]:
        """The fields of the GraphQL type Recognition."""
        begins, ends = unchanged_interval(self.facts, self.question)
        reasons = recognition_reasons(
            self.facts, self.question, self.result, self.zones, all_of_it=False
        )
        return {
            "tin": self.tin,
            "in": self.question.territory,
            "outcome": self.result.outcome.value,
            "legal": self.result.legal.value,
            "operational": self.result.operational.value,
            "at": self.question.at,
            "knownAt": self.state.moment.at,
            "position": self.state.moment.position,
            "reasons": [
                {"code": r.code.value, "message": r.message, "facts": [vars(f) for f in r.facts]}
                for r in reasons
            ],
            "bases": [
                {
                    "authorisation": basis.authorisation,
                    "since": basis.since,
                    "identifierScheme": basis.identifier_scheme,
                    "identifier": basis.identifier,
                    "declarationBox": basis.declaration_box,
                    "benefits": list(basis.benefits),
                    "assumed": basis.assumed,
                }
                for basis in self.result.bases
            ],
            "validFrom": shown(begins),
            "validTo": shown(ends),
        }


def answers(store: EdgeStore, tins: Sequence[Tin], question: Question) -> list[EdgeAnswer]:
    """The answers for these operators. Raises NotFilled, and NotAnsweredHere for another
    territory."""
    state, law, records = store.records(tin.text for tin in tins)
    if question.territory.text != state.partner:
        raise NotAnsweredHere(
            f"in: found {question.territory}, wanted {state.partner}: this edge has the golden copy"
            f" for {state.partner}"
        )
    return [_answer(state, law, records.get(tin.text), tin, question) for tin in tins]


def _answer(
    state: EdgeState,
    law: CopiedLaw,
    record: CopyRecord | None,
    tin: Tin,
    question: Question,
) -> EdgeAnswer:
    home = AdministrationCode(record.administration if record else tin.country)
    facts_of_law = law.towards(home)
    confirmed = state.moment.at
    # The rule compares the age of the last list with the limit of each clause; here no list is more
    # recent than the copy.
    listed = facts_of_law.list_as_of
    dated = replace(facts_of_law, list_as_of=min(listed, confirmed) if listed else confirmed)
    facts, result = answered(record, dated, question)
    if _is_stale(facts_of_law, home, question, confirmed):
        result = stale(result)
    return EdgeAnswer(tin, question, state, facts, result, law.zones)


def stale(result: RecognitionResult) -> RecognitionResult:
    """The same answer, of data that is too old to say so."""
    if ReasonCode.STALE_DATA in result.reasons:
        return result
    reasons = sorted({*result.reasons, ReasonCode.STALE_DATA}, key=lambda reason: reason.value)
    legal = result.legal if result.outcome is Outcome.RECOGNISED else Outcome.UNKNOWN
    return RecognitionResult(Outcome.UNKNOWN, legal, Outcome.UNKNOWN, tuple(reasons), result.bases)


def _is_stale(
    law: RecognitionFacts, home: AdministrationCode, question: Question, confirmed: datetime
) -> bool:
    """Whether every agreement from that home limits the age of data, and the copy is past all of
    the limits."""
    blocs = {m.bloc for m in law.members if m.member == home and is_valid_at(m, question.at)}
    own = {m.bloc for m in law.members if m.member == question.territory}
    limits = [
        age_limit(link.clause.max_age_hours, law.list_cadence)
        for link in law.links
        if is_valid_at(link, question.at)
        and link.clause.from_ in {home, *blocs}
        and link.clause.to in {question.territory, *own}
    ]
    return bool(limits) and all(
        limit is not None and question.at - confirmed > timedelta(hours=limit) for limit in limits
    )


def operator(store: EdgeStore, tin: Tin, at: datetime) -> dict[str, Any] | None:
    """The fields of the GraphQL type Operator; None where the copy has no such operator.

    Name, address and roles are those at the copy's instant; statuses and identifiers those at `at`.
    """
    state, _, records = store.records([tin.text])
    record = records.get(tin.text)
    if not isinstance(record, CopiedOperator):
        return None
    now = [period for period in record.periods if is_valid_at(period, at)]
    identifiers = [each for each in record.identifiers if is_valid_at(each, at)]
    return {
        "tin": tin,
        "name": record.name,
        "localName": record.local_name,
        "address": record.address,
        "roles": [role.value for role in record.roles],
        "standing": _best([period.status for period in now]),
        "standingAbroad": _best([period.abroad for period in now]),
        "source": record.source,
        "position": state.moment.position,
        "identifiers": [
            {
                "scheme": each.scheme,
                "value": each.value,
                "issuer": each.issuer,
                "verifiedBy": each.verified_by,
            }
            for each in sorted(identifiers, key=lambda each: (each.scheme, each.value))
        ],
    }


def _best(statuses: Sequence[Status]) -> str:
    return min(statuses, key=_RANK.__getitem__, default=Status.NONE).value
