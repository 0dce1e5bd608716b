"""SELECTs of receipts: those of one subject, and one by its id.

Receipts are written by the API (api/graphql/receipt_issuer.py). They are no read model: they cannot
be rebuilt from the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class ReceiptHolderScope:
    """Whose receipts are read: those of one subject and of its administration, or all.

    `subject`: the subject's id. `administration`: its code, for a customs administration, whose
    subjects read each other's receipts. `everything`: an auditor reads all receipts by their id.
    """

    subject: str
    administration: str | None = None
    everything: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """The SQL parameters of the statements of this module."""
        return {
            "subject": self.subject,
            "administration": self.administration,
            "everything": self.everything,
        }


@dataclass(frozen=True)
class ReceiptRow:
    """One receipt. Instants are in UTC; `jwt`: the receipt as it was issued."""

    number: int
    id: UUID
    at: datetime
    subject: str
    request: UUID
    purpose: str | None
    tin: str
    territory: str
    law_at: datetime
    known_at: datetime
    consignment: dict[str, str] | None
    outcome: str
    position: int
    jwt: str


_COLUMNS = """r.number, r.id, r.at, r.subject, r.request, r.purpose, r.tin, r.territory, r.law_at,
    r.known_at, r.consignment, r.outcome, r.position, coalesce(b.jwt, '') || r.jwt as jwt"""
_FROM = "access.receipt r left join access.receipt_batch b on b.id = r.batch"
_HELD = "(r.subject = %(subject)s or r.administration = %(administration)s::text)"
_BY_ID = f"""
select {_COLUMNS} from {_FROM} where r.id = %(id)s and (%(everything)s or {_HELD})"""
#: An answer about what was known earlier was not corrected by what was learned later, so `current`
#: leaves out such receipts.
_PAGE = f"""
select {_COLUMNS} from {_FROM}
where {_HELD} and r.number > %(after)s and (not %(current)s or r.known_at >= r.at)
order by r.number
limit %(most)s"""

_OF_REQUEST = f"""
select {_COLUMNS} from {_FROM}
where r.request = %(request)s and (%(everything)s or {_HELD}) and r.number > %(after)s
order by r.number
limit %(most)s"""
_ABOUT = f"""
select {_COLUMNS} from {_FROM}
where r.tin = %(tin)s and r.at > %(after)s and r.at <= %(until)s
order by r.at desc, r.number desc
limit %(most)s"""


async def receipts_about(
    ledger: Connection, tin: str, after: datetime, until: datetime, most: int
) -> list[ReceiptRow]:
    """Returns the receipts about an operator that were given after one instant and at the latest at
    another, the latest first: at most `most`. For those who may read who asked about it."""
    parameters = {"tin": tin, "after": after, "until": until, "most": most}
    async with ledger.cursor(row_factory=class_row(ReceiptRow)) as cursor:
        await cursor.execute(_ABOUT, parameters)
        return await cursor.fetchall()


async def receipt(ledger: Connection, scope: ReceiptHolderScope, id: UUID) -> ReceiptRow | None:
    """Returns a receipt that the subject may read, by its id. None for any other id."""
    async with ledger.cursor(row_factory=class_row(ReceiptRow)) as cursor:
        await cursor.execute(_BY_ID, {**scope.parameters, "id": id})
        return await cursor.fetchone()


async def of_request(
    ledger: Connection, scope: ReceiptHolderScope, request: UUID, after: int, most: int
) -> list[ReceiptRow]:
    """Returns the receipts of one request that the subject may read, in the order in which they
    were issued: at most `most`, after that number."""
    parameters = {**scope.parameters, "request": request, "after": after, "most": most}
    async with ledger.cursor(row_factory=class_row(ReceiptRow)) as cursor:
        await cursor.execute(_OF_REQUEST, parameters)
        return await cursor.fetchall()


async def receipts(
    ledger: Connection, scope: ReceiptHolderScope, after: int, most: int, *, current: bool = False
) -> list[ReceiptRow]:
    """Returns the receipts of a subject in the order in which they were issued: at most `most`,
    after that number. `current`: only answers about what was known when they were given."""
    parameters = {**scope.parameters, "after": after, "most": most, "current": current}
    async with ledger.cursor(row_factory=class_row(ReceiptRow)) as cursor:
        await cursor.execute(_PAGE, parameters)
        return await cursor.fetchall()
