"""The GraphQL types and queries of publications: claims with the register's own count, documents
and their goals."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated

import strawberry

from api.graphql import paging
from api.graphql.as_of import AsOfInput
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input
from api.graphql.global_ids import ID, Node
from api.graphql.scalars import Json
from api.graphql.types.agreements import AgreementType, agreement
from api.graphql.types.publication_reasons import (
    ClaimReason,
    TargetReason,
    TargetState,
    claim_reason,
    target_reason,
    target_states,
)
from projections.reads import publications as reads
from projections.reads.bitemporal_sql import AsOf
from projections.reads.count_steps import count_steps
from projections.reads.publications import (
    ClaimRow,
    Counted,
    DocumentRow,
    SignatureRow,
    TargetRow,
)
from registry.domain.decisions import civil_day_of
from registry.domain.targets import Goal, Judgement, judge
from registry.domain.values import AdministrationCode, AgreementKind, TargetOutcome

Words = Annotated[
    str | None,
    strawberry.argument(
        description="Words to search for, in any "
        "order. Every word must occur in the document. Null: all documents."
    ),
]
LONGEST = 200  # the greatest length of a search text, in characters


@strawberry.type(name="Claim")
class ClaimType:
    """A claim: a count that a source published, exactly as published. The register's own count is
    beside it."""

    row: strawberry.Private[ClaimRow]
    subject: AdministrationCode
    measure: str
    value: int
    as_of: date = strawberry.field(description="The civil day for which the count was published.")
    precision: str | None
    text: str | None = strawberry.field(
        description="What the source says about the count. Null: nothing."
    )
    source: str

    @classmethod
    def of(cls, row: ClaimRow) -> ClaimType:
        """The row as a GraphQL object."""
        return cls(
            row=row,
            subject=AdministrationCode(row.subject),
            measure=row.measure,
            value=row.value,
            as_of=row.as_of,
            precision=row.precision,
            text=row.text,
            source=row.source,
        )

    @costs(1_000)
    @strawberry.field
    async def registry_count(self, info: Info) -> int | None:
        """The register's own count at the end of that day. Null where the register does not count
        this quantity."""
        counted = await self._count(info)
        return counted.number if counted else None

    @costs(10)
    @strawberry.field
    async def difference(self, info: Info) -> int | None:
        """The claim minus the register's count. Negative: the register has more. Null where the
        register does not count this quantity."""
        counted = await self._count(info)
        return self.value - counted.number if counted else None

    @costs(10)
    @strawberry.field
    async def explanation(self, info: Info) -> str | None:
        """What the register counted and what may explain the difference, as an English text. Null
        where the register does not count this quantity."""
        counted = await self._count(info)
        return claim_reason(self.row, counted).message if counted else None

    @costs(10)
    @strawberry.field
    async def reason(self, info: Info) -> ClaimReason | None:
        """The same as a code and facts, from which a client can word it in any language. Null where
        the register does not count this quantity."""
        counted = await self._count(info)
        return claim_reason(self.row, counted) if counted else None

    async def _count(self, info: Info) -> Counted | None:
        async def count() -> Counted | None:
            async with info.context.views.connection() as connection:
                return await reads.count(connection, self.row, info.context.now)

        # The fields of one claim share one count.
        counting = info.context.once(f"count {self.row}", lambda: asyncio.ensure_future(count()))
        return await counting


@strawberry.type(name="CountStep")
class CountStepType:
    """A step of the register's own count of a quantity."""

    day: date = strawberry.field(
        description="The civil day on which the count changed, in the time zone of the territory."
    )
    count: int = strawberry.field(description="The count at the end of that day, until the next.")


@strawberry.type
class Target:
    """A goal that a document sets, and whether the record shows that it was met."""

    document: strawberry.ID = strawberry.field(description="The code of the document.")
    target: strawberry.ID
    owner: AdministrationCode | None
    text: str
    deadline: date | None
    relation: AgreementKind | None
    condition: str | None
    states: list[AdministrationCode]
    met: TargetOutcome = strawberry.field(
        description="Whether the record shows that the goal was "
        "met, as known at the instant asked about. UNKNOWN where a fact is missing."
    )
    explanation: str
    reason: TargetReason
    progress: list[TargetState] = strawberry.field(
        description="The states of `states`, each with its standing by the day that counts. Empty "
        "where the goal names no states, no kind of agreement or no deadline."
    )
    source: str
    quotation: str | None = strawberry.field(
        description="The sentence of the document that sets the goal, in the document's own "
        "language. Null: not on record."
    )
    note: str | None = strawberry.field(
        description="A remark of the editors of the record. Null: none."
    )

    @classmethod
    def of(
        cls,
        row: TargetRow,
        judgement: Judgement,
        signed: dict[AdministrationCode, list[SignatureRow]],
    ) -> Target:
        """The row as a GraphQL object, with the judgement whether the target is met."""
        reason = target_reason(row, judgement)
        return cls(
            document=strawberry.ID(row.document),
            target=strawberry.ID(row.target),
            owner=AdministrationCode(row.owner) if row.owner else None,
            text=row.text,
            deadline=row.deadline,
            relation=AgreementKind(row.relation) if row.relation else None,
            condition=row.condition,
            states=[AdministrationCode(code) for code in row.states],
            met=judgement.met,
            explanation=reason.message,
            reason=reason,
            progress=target_states(row, judgement, signed),
            source=row.source,
            quotation=row.quotation,
            note=row.note,
        )


@strawberry.type(name="Document")
class DocumentType(Node):
    """A published document: a policy plan, a communiqué, a press record."""

    row: strawberry.Private[DocumentRow]
    as_of: strawberry.Private[AsOf]
    id: strawberry.ID = strawberry.field(description=ID)
    code: strawberry.ID
    title: str
    date: date | None
    parties: list[AdministrationCode]
    measures: list[str]
    text: str | None = strawberry.field(description="A summary of the document. Null: none.")
    confidence: str | None
    source: str
    titles: Json = strawberry.field(
        description="The titles in other languages: an object from the language tag (BCP 47) to "
        "the title."
    )
    language: str | None = strawberry.field(
        description="The language of the document and of `quotation`, as a BCP 47 tag: zh-Hans. "
        "Null: not stated."
    )
    measure_names: Json = strawberry.field(
        description="The original names of the measures: an object of language tags (BCP 47), each "
        "with an object from the measure, as `measures` has it, to its original name."
    )
    quotation: str | None = strawberry.field(
        description="A short passage of the document, in its own language. Null: none."
    )
    note: str | None = strawberry.field(
        description="A remark of the editors of the record. Null: none."
    )

    @classmethod
    def of(cls, row: DocumentRow, as_of: AsOf) -> DocumentType:
        """The row as a GraphQL object, with a global id of these two instants."""
        return cls(
            row=row,
            as_of=as_of,
            id=strawberry.ID(as_of.id_of("Document", row.id)),
            code=strawberry.ID(row.id),
            title=row.title,
            date=row.dated,
            parties=[AdministrationCode(code) for code in row.parties],
            measures=row.measures,
            text=row.text,
            confidence=row.confidence,
            source=row.source,
            titles=Json(row.titles),
            language=row.language,
            measure_names=Json(row.measure_names),
            quotation=row.quotation,
            note=row.note,
        )

    @costs(20, each=2)
    @strawberry.field
    async def agreements(self, info: Info) -> list[AgreementType]:
        """The agreements that the document led to, as they stand now."""
        ids = self.row.agreements
        return await asyncio.gather(*(agreement(info, id, self.as_of) for id in ids))

    @costs(100, each=5)
    @strawberry.field
    async def targets(self, info: Info) -> list[Target]:
        """The goals that the document sets."""
        return [t for t in await _targets(info, None, self.as_of) if t.document == self.code]


@strawberry.type
class DocumentEdge:
    """A document and its cursor in the list."""

    cursor: str
    node: DocumentType


@strawberry.type
class DocumentConnection:
    """A page of documents, in the order of their codes."""

    edges: list[DocumentEdge]
    page_info: paging.PageInfo


@strawberry.type
class PublicationQuery:
    """The queries for published claims, targets and documents."""

    @costs(50, each=60)
    @strawberry.field
    async def claims(
        self, info: Info, subject: AdministrationCode | None = None, measure: str | None = None
    ) -> list[ClaimType]:
        """The counts that sources published, each with the register's own count for the same
        day."""
        code = subject.text if subject else None
        async with info.context.views.connection() as connection:
            rows = await reads.claims(connection, info.context.now, code, measure)
        return [ClaimType.of(row) for row in rows]

    @costs(100_000)
    @strawberry.field
    async def count_steps(
        self, info: Info, subject: AdministrationCode, measure: str
    ) -> list[CountStepType]:
        """The days on which the register's own count of a quantity changed, by day, as known now: a
        step line to hold claims of the same measure against. Empty for a measure that is no count
        of partners."""
        async with info.context.views.connection() as connection:
            found = await count_steps(connection, subject.text, measure, info.context.now)
        return [CountStepType(day=step.day, count=step.count) for step in found]

    @costs(100, each=5)
    @strawberry.field
    async def targets(
        self, info: Info, owner: AdministrationCode | None = None, as_of: AsOfInput | None = None
    ) -> list[Target]:
        """The goals that documents set, and whether the record shows that they were met."""
        return await _targets(info, owner, info.context.clocks(as_of))

    @costs(200)
    @strawberry.field
    async def documents(
        self,
        info: Info,
        party: AdministrationCode | None = None,
        contains: Words = None,
        first: int | None = 50,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> DocumentConnection:
        """The documents that meet the conditions, ordered by code."""
        if contains is not None and len(contains) > LONGEST:
            raise bad_input(
                "contains: found %(found)s characters, wanted at most %(most)s",
                found=len(contains),
                most=LONGEST,
            )
        window = paging.Window.of("documents", first, after, last, before)
        now = info.context.now
        async with info.context.views.connection() as connection:
            found = await reads.documents(
                connection, now, party.text if party else None, contains, window.span
            )
        rows, more = window.cut(found)
        as_of = AsOf(now, now)
        edges = [
            DocumentEdge(
                cursor=paging.cursor("documents", [row.id]), node=DocumentType.of(row, as_of)
            )
            for row in rows
        ]
        return DocumentConnection(
            edges=edges,
            page_info=window.info(edges, more=more),
        )


async def _targets(info: Info, owner: AdministrationCode | None, as_of: AsOf) -> list[Target]:
    found = []
    async with info.context.views.connection() as connection:
        for row in await reads.targets(connection, as_of.known, owner.text if owner else None):
            today = civil_day_of(as_of.at, row.time_zone)
            states = [AdministrationCode(code) for code in row.states]
            goal = Goal(row.relation, row.condition, row.deadline, states, row.willing)
            by = min(row.deadline or today, today)
            # A bloc counts as its members on the day of the deadline, or today if that is earlier.
            then = AsOf(reads.last_instant(by, row.time_zone), as_of.known)
            signed = await reads.signatures(connection, then, row) if states else {}
            dates = {state: [each.dates for each in rows] for state, rows in signed.items()}
            found.append(Target.of(row, judge(goal, dates, today), signed))
    return found
