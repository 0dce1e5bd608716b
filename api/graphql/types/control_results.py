"""The GraphQL type and query of control results: whether the exporter's inspection is
recognised."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.graphql.as_of import AsOfInput
from api.graphql.context import Info
from api.graphql.errors import bad_input
from api.graphql.loaders import load
from api.graphql.scalars import Position
from api.graphql.types.administrations import zones
from api.graphql.types.agreement_clauses import ScopeClause
from api.graphql.types.agreements import AgreementType, agreement
from api.graphql.types.reasons import Reason, control_reasons, parties
from projections.reads import agreements, control_results
from projections.reads.bitemporal_sql import AsOf
from registry.domain.control_results import Inspection, Reliance, crossing_in_clauses, rely
from registry.domain.values import AdministrationCode, HsCode, Outcome

Exporter = Annotated[AdministrationCode, strawberry.argument(name="from")]
LONGEST = 100  # characters of a crossing's name


@strawberry.type
class ControlResult:
    """Whether the importing side recognises the inspection of goods by the exporting side."""

    reliance: strawberry.Private[Reliance]
    as_of: strawberry.Private[AsOf]
    outcome: Outcome
    reasons: list[Reason]
    position: Position

    @strawberry.field
    async def clauses(self, info: Info) -> list[ScopeClause]:
        """The clauses that decide the outcome, ordered by agreement and number."""
        wanted = {(link.agreement, link.ordinal) for link in self.reliance.clauses}
        found = []
        for id in sorted({name for name, _ in wanted}):
            rows = await load(info.context, agreements.scopes, self.as_of, key=id)
            found += [ScopeClause.of(r) for r in rows or [] if (r.agreement, r.ordinal) in wanted]
        return found

    @strawberry.field
    async def agreement(self, info: Info) -> AgreementType | None:
        """The agreement of the first of these clauses. Null: no clause decides."""
        first = min((link.agreement for link in self.reliance.clauses), default=None)
        return await agreement(info, first, self.as_of) if first else None


@strawberry.type
class ControlResultQuery:
    """The query whether a control result is recognised."""

    @strawberry.field
    async def control_result(
        self,
        info: Info,
        from_: Exporter,
        to: AdministrationCode,
        crossing: str,
        hs: HsCode,
        as_of: AsOfInput | None = None,
    ) -> ControlResult:
        """Whether the importing side may rely on the exporting side's inspection of these goods at
        this border crossing, and why. Everybody may ask."""
        if len(crossing) > LONGEST:
            raise bad_input(
                "crossing: found %(found)s characters, wanted at most %(most)s",
                found=len(crossing),
                most=LONGEST,
            )
        clocks = info.context.clocks(as_of)
        async with info.context.views.connection() as connection:
            known = await control_results.clauses(connection, from_, to, clocks.known)
        named = {each for link in known.links for each in link.clause.crossings}
        place = crossing_in_clauses(crossing, known.names, named)
        asked = Inspection(from_, to, place, hs, clocks.at)
        answer = rely(known.links, known.members, asked)
        sides = await zones(info, parties(known.links, from_, to))
        return ControlResult(
            reliance=answer,
            as_of=clocks,
            outcome=answer.outcome,
            reasons=control_reasons(known.links, asked, answer, sides),
            position=Position(known.position),
        )
