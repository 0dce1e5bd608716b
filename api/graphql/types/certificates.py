"""The GraphQL type of an operator's certificate, for those who may have one made."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

from api.access import policy
from api.access.policy import Action
from api.graphql.context import Context
from projections.reads import credentials as reads
from projections.reads.credentials import CurrentCredential
from registry.domain.values import Tin

COST = 150  # microseconds: one statement


@strawberry.enum(
    description="What a verifier is told of a certificate now, by the status lists of the register."
)
class CertificateStatus(Enum):
    """The status of a certificate that was not withdrawn and has not expired."""

    VALID = "VALID"
    SUSPENDED = "SUSPENDED"
    ENDED = "ENDED"


@strawberry.type
class Certificate:
    """A certificate of an operator: a verifiable credential (W3C VCDM 2.0), which its home customs
    or the operator had made. It is downloaded from the page of the operator's certificates."""

    id: strawberry.ID = strawberry.field(description="The id of the credential, a UUID.")
    code: str = strawberry.field(
        description="The code that is printed on it, without hyphens: it is verified at "
        "/verify/CODE."
    )
    authorisation: str = strawberry.field(
        description="The reference of the authorisation that it states."
    )
    issued_at: datetime = strawberry.field(description="When it was issued (UTC).")
    valid_until: datetime = strawberry.field(description="The instant at which it expires (UTC).")
    status: CertificateStatus = strawberry.field(
        description="What a verifier is told of it now, by the status lists."
    )

    @classmethod
    def of(cls, row: CurrentCredential) -> Certificate:
        """The row as a GraphQL object."""
        status = CertificateStatus.SUSPENDED if row.suspended else CertificateStatus.VALID
        return cls(
            id=strawberry.ID(str(row.id)),
            code=row.code,
            authorisation=row.authorisation,
            issued_at=row.issued_at,
            valid_until=row.valid_until,
            status=CertificateStatus.ENDED if row.ended else status,
        )


async def certificate_of(context: Context, tin: Tin) -> Certificate | None:
    """The best certificate of an operator now. Raises Unanswered (FORBIDDEN) where the subject may
    not have one made."""
    context.demand(Action.CERTIFY, policy.operator(tin))
    async with context.views.connection() as connection:
        row = await reads.current(connection, tin.text, context.now)
    return Certificate.of(row) if row else None
