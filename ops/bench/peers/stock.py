"""The stack that anyone would begin with: strawberry, fastapi, uvicorn, a resolver a field.

    PEER_DATABASE=... PEER_CACHES=1 uvicorn stock:app

Used as its manuals show it. With PEER_CACHES its two caches, of parsing and of validation, are on.
With PEER_COMMANDS its one mutation records by the stock eventsourcing application.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

import strawberry
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from fastapi import FastAPI
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.concurrency import run_in_threadpool
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import GraphQLRouter

In = Annotated[str, strawberry.argument(name="in")]
pool = AsyncConnectionPool(os.environ["PEER_DATABASE"], min_size=2, max_size=8, open=False)


async def select(statement: str, *values: object) -> list[dict]:
    async with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


@strawberry.type
class Reason:
    code: str


@strawberry.type
class Agreement:
    id: str


@strawberry.type
class Basis:
    agreement: Agreement
    authorisation: str
    since: str
    identifier: str | None


@strawberry.type
class Recognition:
    tin: str
    in_: str = strawberry.field(name="in")
    outcome: str
    legal: str
    operational: str
    reasons: list[Reason]
    bases: list[Basis]

    @classmethod
    def of(cls, row: dict) -> Recognition:
        return cls(
            tin=row["tin"],
            in_=row["territory"],
            outcome=row["outcome"],
            legal=row["legal"],
            operational=row["operational"],
            reasons=[Reason(code=code) for code in row["reasons"]],
            bases=[
                Basis(
                    agreement=Agreement(id=basis["agreement"]),
                    authorisation=basis["authorisation"],
                    since=basis["since"],
                    identifier=basis["identifier"],
                )
                for basis in row["bases"]
            ],
        )


@strawberry.type
class Period:
    authorisation: str
    status: str
    valid_from: str
    valid_to: str | None
    recorded_from: str
    recorded_to: str | None


@strawberry.type
class Operator:
    tin: str
    name: str
    local_name: str | None
    address: str | None
    standing: str
    roles: list[str]
    source: str | None

    @strawberry.field
    async def periods(self, first: int = 50) -> list[Period]:
        rows = await select(
            "select authorisation, status, valid_from, valid_to, recorded_from, recorded_to"
            " from peer.period where tin = %s order by valid_from desc,"
            " recorded_from desc, reference, position desc limit %s",
            self.tin,
            first,
        )
        return [
            Period(**{k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()})
            for row in rows
        ]

    @strawberry.field
    async def recognised_in(self) -> list[Recognition]:
        rows = await select("select * from peer.verdicts(array[%s], null)", self.tin)
        return [Recognition.of(row) for row in rows]


OPERATOR = "select tin, name, local_name, address, standing, roles, source from peer.operator"


@strawberry.type
class Query:
    @strawberry.field
    async def operator(self, tin: str) -> Operator | None:
        rows = await select(f"{OPERATOR} where tin = %s", tin)
        return Operator(**rows[0]) if rows else None

    @strawberry.field
    async def operators_by_tin(self, tins: list[str]) -> list[Operator | None]:
        rows = await select(f"{OPERATOR} where tin = any(%s)", tins)
        found = {row["tin"]: Operator(**row) for row in rows}
        return [found.get(tin) for tin in tins]

    @strawberry.field
    async def recognition(self, tin: str, territory: In) -> Recognition:
        [row] = await select("select * from peer.verdicts(array[%s], %s)", tin, territory)
        return Recognition.of(row)

    @strawberry.field
    async def recognitions(self, tins: list[str], territory: In) -> list[Recognition]:
        rows = await select("select * from peer.verdicts(%s, %s)", tins, territory)
        return [Recognition.of(row) for row in rows]


class OperatorRecord(Aggregate):
    @event("Registered")
    def __init__(self, tin: str, name: str, roles: list[str]) -> None:
        self.tin, self.name, self.roles = tin, name, roles

    @staticmethod
    def create_id(tin: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/operator/{tin}")


@strawberry.input
class RegisterOperatorInput:
    command_id: strawberry.ID
    tin: str
    name: str
    roles: list[str]


@strawberry.type
class Recorded:
    version: int


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def register_operator(self, input: RegisterOperatorInput) -> Recorded:
        record = OperatorRecord(input.tin, input.name, input.roles)
        await run_in_threadpool(register.save, record)
        return Recorded(version=record.version)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await pool.open()
    yield
    await pool.close()


commands = bool(os.environ.get("PEER_COMMANDS"))
register = Application() if commands else None  # its database is in POSTGRES_...
schema = strawberry.Schema(
    query=Query,
    mutation=Mutation if commands else None,
    extensions=[ParserCache, ValidationCache] if os.environ.get("PEER_CACHES") else [],
)
app = FastAPI(lifespan=lifespan)
app.include_router(GraphQLRouter(schema), prefix="/graphql")
