"""The GraphQL type of clients: the programs that get access tokens."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.access.policy import Action, Resource, SubjectRole
from api.graphql import retry
from api.graphql.context import Info
from api.graphql.costs import costs
from projections.reads import clients as reads
from registry.domain.values import AdministrationCode


@strawberry.type
class ClientKey:
    """A public key of a client."""

    key_id: str = strawberry.field(description="The thumbprint of the key (RFC 7638).")
    added: datetime = strawberry.field(description="When the key was added.")
    retired: datetime | None = strawberry.field(
        description="When the key was retired. Null: it is in use."
    )


@strawberry.type
class RegisteredClient:
    """A program that may get access tokens from the register's authorisation server."""

    client: str
    name: str = strawberry.field(description="The name of the client, for people.")
    acts_for: str = strawberry.field(description="The subject of its tokens: partner:KR, ...")
    administration: AdministrationCode | None = strawberry.field(
        description="The administration to which that subject belongs. Null: an auditor's client."
    )
    registered: datetime = strawberry.field(description="When the client was registered.")
    revoked: datetime | None = strawberry.field(
        description="When the client was revoked. Null: it was not."
    )
    keys: list[ClientKey] = strawberry.field(
        description="Its keys in the order in which they were added, retired ones too."
    )

    @classmethod
    def of(cls, row: reads.ClientRow) -> RegisteredClient:
        """The client of a row."""
        return cls(
            client=row.client,
            name=row.name,
            acts_for=row.acts_for,
            administration=AdministrationCode(row.administration) if row.administration else None,
            registered=row.registered,
            revoked=row.revoked,
            keys=[
                ClientKey(
                    key_id=key["keyId"],
                    added=datetime.fromisoformat(key["added"]),
                    retired=datetime.fromisoformat(key["retired"]) if key["retired"] else None,
                )
                for key in row.keys
            ],
        )


@strawberry.type
class ClientQuery:
    """The query for the clients of an administration."""

    @costs(1_000, each=100)
    @strawberry.field
    async def clients(self, info: Info) -> list[RegisteredClient]:
        """The clients of your administration, as they are now, ordered by id; for auditors, those
        of all. Nobody else may ask."""
        subject = info.context.subject
        info.context.demand(Action.READ_CLIENTS, Resource(subject.own))
        everything = subject.role is SubjectRole.AUDITOR
        own = None if everything else sorted(code.text for code in subject.own)
        rows = await retry.read(
            info.context.views, lambda connection: reads.clients(connection, own)
        )
        return [RegisteredClient.of(row) for row in rows]
