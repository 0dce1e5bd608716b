"""The GraphQL types of AEO programmes and of their dated rules."""

from __future__ import annotations

from datetime import date

import strawberry

from api.graphql import sql_fields
from api.graphql.as_of import AsOfInput
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.global_ids import ID, Node, key_of
from api.graphql.loaders import load
from projections.reads import planner_selects as places
from projections.reads import programmes as reads
from projections.reads.bitemporal_sql import AsOf
from projections.reads.programmes import ProgrammeRow, RuleRow
from registry.domain.programme_rules import MEANINGS, NOT_ON_RECORD
from registry.domain.values import AdministrationCode, RuleState

LONGEST = 200  # the greatest length of a search text, in characters


@strawberry.type(name="Rule")
class RuleType:
    """A rule of a programme over an interval of valid time. It has one of three states: it has a
    value, the law has no such rule, or it is unknown."""

    name: str = strawberry.field(
        description="The name of the rule: decision_days, effect_after, bar_years, ..."
    )
    state: RuleState
    value: str = strawberry.field(
        description="The value as text. It is `none` or `unknown` where the state is not VALUE."
    )
    unit: str | None
    valid_from: date | None
    valid_to: date | None
    source: str = strawberry.field(
        description="The article of law, or the source that states the rule."
    )

    @classmethod
    def of(cls, row: RuleRow) -> RuleType:
        """The row as a GraphQL object."""
        return cls(
            name=row.rule,
            state=RuleState(row.state),
            value=row.value,
            unit=row.unit,
            valid_from=row.begins,
            valid_to=row.ends,
            source=row.source,
        )

    @classmethod
    def unknown(cls, name: str) -> RuleType:
        """A rule that decisions need and that is not on record for the day: its state is
        UNKNOWN."""
        return cls(
            name=name,
            state=RuleState.UNKNOWN,
            value="unknown",
            unit=None,
            valid_from=None,
            valid_to=None,
            source=NOT_ON_RECORD,
        )


@strawberry.type(name="Programme")
class ProgrammeType(Node):
    """An AEO programme of one customs administration."""

    row: strawberry.Private[ProgrammeRow]
    as_of: strawberry.Private[AsOf]
    id: strawberry.ID = strawberry.field(
        description=ID, metadata=sql_fields.expression(places.global_id("Programme", "code"))
    )
    code: strawberry.ID
    administration: AdministrationCode
    name: str
    local_name: str | None
    types: list[str] = strawberry.field(
        description="The tiers or types of authorisation on the "
        "day asked about, in the programme's own codes."
    )
    launched: str | None
    operators_described: str | None
    confidence: str | None
    source: str | None

    @classmethod
    def of(cls, row: ProgrammeRow, as_of: AsOf) -> ProgrammeType:
        """The row as a GraphQL object, with a global id of these two instants."""
        return cls(
            row=row,
            as_of=as_of,
            id=strawberry.ID(as_of.id_of("Programme", row.code)),
            code=strawberry.ID(row.code),
            administration=AdministrationCode(row.administration),
            name=row.name,
            local_name=row.local_name,
            types=row.types,
            launched=row.launched,
            operators_described=row.operators_described,
            confidence=row.confidence,
            source=row.source,
        )

    @costs(10, each=12)
    @strawberry.field
    async def rules(self, info: Info) -> list[RuleType]:
        """The rules in force on the day asked about, ordered by name. A rule that decisions need
        and that is not on record for that day is included with the state UNKNOWN."""
        found = [RuleType.of(row) for row in await self._rules(info) if row.in_force]
        absent = MEANINGS.keys() - {rule.name for rule in found}
        return sorted([*found, *map(RuleType.unknown, absent)], key=lambda rule: rule.name)

    @costs(10, each=15)
    @strawberry.field
    async def all_rules(self, info: Info) -> list[RuleType]:
        """Every rule on record, of all days, ordered by name and day."""
        return [RuleType.of(row) for row in await self._rules(info)]

    @costs(1_000)
    @strawberry.field
    async def operator_count(self, info: Info) -> int:
        """The number of operators with a valid authorisation of this programme at the instant asked
        about."""
        context, read = info.context, reads.operator_counts
        return await load(context, read, self.as_of, key=self.row.code, of=context.whole) or 0

    async def _rules(self, info: Info) -> list[RuleRow]:
        return await load(info.context, reads.rules, self.as_of, key=self.row.code) or []


@strawberry.type
class ProgrammeQuery:
    """The queries for programmes."""

    @strawberry.field
    async def programme(
        self, info: Info, code: strawberry.ID, as_of: AsOfInput | None = None
    ) -> ProgrammeType | None:
        """One programme by its code or its global id. Null where it was not on record by
        `knownAt`."""
        code = strawberry.ID(key_of("Programme", code, "code"))
        clocks = info.context.clocks(as_of)
        async with info.context.views.connection() as connection:
            row = await reads.known(connection, clocks, code)
        return ProgrammeType.of(row, clocks) if row else None

    @costs(300)
    @strawberry.field
    async def programmes(
        self, info: Info, contains: str, as_of: AsOfInput | None = None
    ) -> list[ProgrammeType]:
        """The programmes that contain every word of `contains`: in the code, the names, the texts
        of the source, or the sources of the rules (Order 282). Ordered by code."""
        if not contains.strip() or len(contains) > LONGEST:
            raise bad_input(
                "contains: found %(found)s characters, wanted 1 to %(most)s",
                found=len(contains),
                most=LONGEST,
            )
        clocks = info.context.clocks(as_of)
        async with info.context.views.connection() as connection:
            rows = await reads.containing(connection, clocks, contains)
        return [ProgrammeType.of(row, clocks) for row in rows]


async def programme(info: Info, code: str, as_of: AsOf) -> ProgrammeType:
    """A programme that another record names. Raises LookupError if it is not in the read models,
    which would be a fault."""
    row = await load(info.context, reads.programmes, as_of, key=code)
    if row is None:
        raise LookupError(f"the read models know no programme {code}")
    return ProgrammeType.of(row, as_of)
