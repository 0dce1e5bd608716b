"""The GraphQL types and queries of receipts: signed answers, and those that were corrected later.

The argument `receipt: true` of a recognition question asks for a receipt. A receipt is stored for
the subject that asked, and the customs of one administration read each other's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import strawberry

from api.access.policy import SubjectRole
from api.graphql import paging, positions
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import bad_input, forbidden
from api.graphql.receipt_issuer import AnsweredQuestion, ReceiptHolder
from api.graphql.types.corrected_answers import MOST
from api.graphql.types.divergences import disclosed_event, events
from api.graphql.types.events import Event
from projections.history.answered import CorrectedGivenAnswer, GivenAnswer, corrected
from projections.reads import receipts as reads
from projections.reads.bitemporal_sql import POSITION
from projections.reads.operators import EndedConsent, ended_consents, visible
from projections.reads.receipts import ReceiptHolderScope, ReceiptRow
from registry.domain.operators.events import Operator
from registry.domain.values import AdministrationCode, Outcome, Tin

_UNKNOWN = Outcome.UNKNOWN.value
_WITHDRAWN = Operator.ConsentWithdrawn.TOPIC
COST = 200  # microseconds of a receipt: a signature and a row


@strawberry.type(name="Receipt")
class AnswerReceipt:
    """A receipt: a signed statement of a recognition question and its answer, a JWT of type
    vc+jwt. Receipts of answers that were given together share one signature: after the JWT follow,
    each after a tilde, the answer and its path to the root that is signed. The keys are at
    /log/receipt-keys; `aeo-verify receipt` verifies it offline."""

    id: strawberry.ID = strawberry.field(description="The receipt's id, a UUID.")
    issued_at: datetime = strawberry.field(description="When the answer was given (UTC).")
    jwt: str = strawberry.field(description="The receipt itself, in compact serialisation.")


@strawberry.type
class ReceiptEdge:
    """A receipt and its cursor in the list."""

    cursor: str
    node: AnswerReceipt


@strawberry.type
class ReceiptConnection:
    """A page of the receipts of one request, in the order in which they were issued."""

    edges: list[ReceiptEdge]
    page_info: paging.PageInfo


@strawberry.type
class ReceiptDivergence:
    """A receipt whose answer today's record changes, with the event that changed it."""

    receipt: AnswerReceipt = strawberry.field(description="The receipt, as it was issued.")
    tin: Tin
    in_: AdministrationCode = strawberry.field(
        name="in", description="The territory in which recognition was asked about, by its code."
    )
    at: datetime = strawberry.field(description="The instant of valid time that was asked about.")
    answered: Outcome = strawberry.field(description="The outcome in the receipt.")
    correct: Outcome = strawberry.field(
        description="The outcome for the same question by today's record."
    )
    since: datetime | None = strawberry.field(
        description="The instant of transaction time since which the register knows it. Null where "
        "no single event decided."
    )
    cause: Event | None = strawberry.field(
        name="because",
        description="The later event that made the difference known. Null where no single event "
        "did.",
    )


@strawberry.type
class ReceiptDivergenceEdge:
    """A receipt divergence and its cursor in the list."""

    cursor: str
    node: ReceiptDivergence


@strawberry.type
class ReceiptDivergenceConnection:
    """A page of receipt divergences, in the order in which the receipts were issued. A page can
    have fewer entries than `first` although more follow, because each page examines a limited
    number of receipts: use `pageInfo.hasNextPage`."""

    edges: list[ReceiptDivergenceEdge]
    page_info: paging.PageInfo


@strawberry.type
class ReceiptQuery:
    """The queries of receipts."""

    @costs(60)
    @strawberry.field
    async def receipt(self, info: Info, id: strawberry.ID) -> AnswerReceipt | None:
        """A receipt by its id. The subject that asked may read it, for customs also other subjects
        of its administration, and auditors; for others it is null, as for an unknown id."""
        try:
            wanted = UUID(id)
        except ValueError:
            raise bad_input(
                "id: found %(found)s, wanted a UUID, the id of a receipt", found=repr(id[:40])
            ) from None
        async with info.context.ledger.connection() as ledger:
            row = await reads.receipt(ledger, _scope(info.context), wanted)
        return _receipt(row) if row else None

    @costs(60, each=5)
    @strawberry.field
    async def receipts(
        self,
        info: Info,
        request: strawberry.ID,
        first: int | None = 50,
        after: str | None = None,
    ) -> ReceiptConnection:
        """The receipts of the answers to one request, such as a list of numbers, in the order of
        its questions. `request`: its id, which each of its receipts states. Whoever may read a
        receipt by its id may read it here; others find none."""
        context = info.context
        try:
            wanted = UUID(request)
        except ValueError:
            raise bad_input(
                "request: found %(found)s, wanted a UUID, the id of a request",
                found=repr(request[:40]),
            ) from None
        size = paging.size(first)
        epoch, key = paging.after_in("receipts", after, (int,))
        async with positions.of_epoch(context.ledger, epoch) as ledger:
            start = int(key[0]) if key else 0
            rows = await reads.of_request(ledger, _scope(context), wanted, start, size + 1)
        edges = [
            ReceiptEdge(
                cursor=paging.cursor_in(context.epoch, "receipts", [row.number]),
                node=_receipt(row),
            )
            for row in rows[:size]
        ]
        return ReceiptConnection(
            edges=edges,
            page_info=paging.PageInfo.of(edges, more=len(rows) > size, after=after),
        )

    @costs(50_000)
    @strawberry.field
    async def my_divergences(
        self, info: Info, first: int | None = 50, after: str | None = None
    ) -> ReceiptDivergenceConnection:
        """The receipts of the subject whose answers would be different by today's record. Receipts
        about an earlier `knownAt` than their own time are not included, because what was learned
        later does not change them."""
        context = info.context
        if context.subject.role is SubjectRole.PUBLIC:
            raise forbidden("the public may not read receipts: those who identify themselves may")
        size = paging.size(first)
        epoch, key = paging.after_in("myDivergences", after, (int,))
        start = int(key[0]) if key else 0
        async with positions.of_epoch(context.ledger, epoch) as ledger:
            rows = await reads.receipts(ledger, _scope(context), start, MOST, current=True)
        found = await _divergent(context, rows)
        more = len(rows) == MOST or len(found) > size
        end = rows[-1].number if rows and len(found) <= size else None
        found = found[:size]
        edges = await _edges(context, {row.number: row for row in rows}, found)
        until = paging.cursor_in(context.epoch, "myDivergences", [end]) if end and more else None
        return ReceiptDivergenceConnection(
            edges=edges,
            page_info=paging.PageInfo.of(edges, more=more, after=after, end=until),
        )


async def issue(context: Context, answers: Sequence[AnsweredQuestion]) -> list[AnswerReceipt]:
    """Issues a receipt for each answer, and stores them for the subject that asked."""
    subject = context.subject
    code = subject.administration.text if subject.administration else None
    request = context.receipt_request or context.request
    holder = ReceiptHolder(subject.id, code, context.purpose, request)
    issued = await context.receipts.issue(
        answers,
        holder,
        context.now,
        context.epoch,
        context.current_checkpoint.note,
        context.receipt_id,
    )
    return [
        AnswerReceipt(id=strawberry.ID(str(each.id)), issued_at=each.at, jwt=each.jwt)
        for each in issued
    ]


def _scope(context: Context) -> ReceiptHolderScope:
    subject = context.subject
    return ReceiptHolderScope(
        subject.id,
        subject.administration.text if subject.administration else None,
        subject.role is SubjectRole.AUDITOR,
    )


def _receipt(row: ReceiptRow) -> AnswerReceipt:
    return AnswerReceipt(id=strawberry.ID(str(row.id)), issued_at=row.at, jwt=row.jwt)


async def _divergent(context: Context, rows: Sequence[ReceiptRow]) -> list[CorrectedGivenAnswer]:
    """The answers of these receipts that today's record changes, in the same order.

    UNKNOWN is the answer about an operator that does not exist, too: it has changed only where the
    subject may see the operator now. Of an operator that is hidden now the holder learns what it
    would be answered, UNKNOWN, where a consent that ended or the public law changed the answer, and
    nothing that was recorded of it besides.
    """
    by_territory: dict[str, list[GivenAnswer]] = {}
    for row in rows:
        by_territory.setdefault(row.territory, []).append(_given(row))
    found: list[CorrectedGivenAnswer] = []
    async with context.whole.connection() as views:
        position = await (await views.execute(f"select {POSITION}")).fetchone()
        for territory, answers in by_territory.items():
            code = AdministrationCode(territory)
            found += await corrected(views, code, answers, position[0] if position else 0)
        tins = sorted({each.given.tin for each in found})
        seen = await visible(views, context.subject.visibility, context.now, tins)
        ended: dict[tuple[str, str], list[EndedConsent]] = {}
        for territory in by_territory:
            hidden = sorted({each.given.tin for each in found} - seen)
            for consent in await ended_consents(views, territory, hidden, context.now):
                ended.setdefault((territory, consent.tin), []).append(consent)
    shown = [each for each in found if each.given.tin in seen]
    of_hidden = [
        _as_hidden(each, ended)
        for each in found
        if each.given.tin not in seen and each.given.outcome != _UNKNOWN
    ]
    causes = await events(context, {each.event_position or 0 for each in of_hidden})
    for each in of_hidden:
        cause = causes.get(each.event_position or 0)
        if cause and (cause.type == _WITHDRAWN or not cause.type.startswith("operator.")):
            shown.append(each)
    return sorted(shown, key=lambda answer: answer.given.number)


def _as_hidden(
    answer: CorrectedGivenAnswer, ended: Mapping[tuple[str, str], Sequence[EndedConsent]]
) -> CorrectedGivenAnswer:
    """What the holder is told of a changed answer about an operator that it may not see now."""
    given = answer.given
    over = [
        consent.position
        for consent in ended.get((given.territory, given.tin), ())
        if consent.valid_to <= given.law_at
    ]
    position = max(over, default=None) or answer.event_position
    return replace(answer, correct=Outcome.UNKNOWN, event_position=position)


def _given(row: ReceiptRow) -> GivenAnswer:
    return GivenAnswer(
        number=row.number,
        place=1,
        tin=row.tin,
        territory=row.territory,
        law_at=row.law_at,
        known_at=row.known_at,
        consignment=row.consignment,
        asked_at=row.at,
        asked_by=row.subject,
        purpose=row.purpose,
        request=row.request,
        outcome=row.outcome,
        position=row.position,
    )


async def _edges(
    context: Context, rows: dict[int, ReceiptRow], found: Sequence[CorrectedGivenAnswer]
) -> list[ReceiptDivergenceEdge]:
    places = {answer.event_position for answer in found if answer.event_position}
    causes = await events(context, places)
    edges = []
    for answer in found:
        cause = causes.get(answer.event_position) if answer.event_position else None
        number = answer.given.number
        tin = Tin(answer.given.tin)
        node = ReceiptDivergence(
            receipt=_receipt(rows[number]),
            tin=tin,
            in_=AdministrationCode(answer.given.territory),
            at=answer.given.law_at,
            answered=Outcome(answer.given.outcome),
            correct=answer.correct,
            since=cause.known_at if cause else None,
            cause=disclosed_event(context, tin, cause) if cause else None,
        )
        cursor = paging.cursor_in(context.epoch, "myDivergences", [number])
        edges.append(ReceiptDivergenceEdge(cursor=cursor, node=node))
    return edges
