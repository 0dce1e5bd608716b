"""The GraphQL type and query of the subject of a request."""

from __future__ import annotations

import strawberry

from api.access.policy import Action, Resource, Subject, SubjectRole, decide
from api.graphql.as_of import AsOfInput
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.types.operators import OperatorType, operator_by_tin
from registry.domain.values import AdministrationCode, Tin


@strawberry.type
class Viewer:
    """The subject of this request: named by its token, or the public if there is no token."""

    subject: str = strawberry.field(
        description="The subject of the token, an opaque id. It is `public` without a token."
    )
    role: str = strawberry.field(
        description="The role of the subject: public, partner, officer, company or auditor."
    )
    administration: AdministrationCode | None = strawberry.field(
        description="The customs administration of an officer or partner. Null for other roles."
    )
    operator: Tin | None = strawberry.field(
        description="The TIN of the company. Null for other roles."
    )
    may_ask: list[str] = strawberry.field(
        description="What the subject may do, as English phrases."
    )

    @costs(60)
    @strawberry.field
    async def company(self, info: Info, as_of: AsOfInput | None = None) -> OperatorType | None:
        """The operator with the TIN `operator`, as shown to the company itself. Null for other
        roles, and where the register has no such operator."""
        if self.operator is None:
            return None
        clocks = info.context.clocks(as_of)
        info.context.looked("operator", [self.operator.text])
        return await operator_by_tin(info.context, self.operator, clocks)


@strawberry.type
class ViewerQuery:
    """The query for the subject of the request."""

    @strawberry.field
    def viewer(self, info: Info) -> Viewer:
        """The subject of this request, and what it may do."""
        subject = info.context.subject
        return Viewer(
            subject=subject.id,
            role=subject.role.value,
            administration=subject.administration,
            operator=subject.tin,
            may_ask=may_ask(subject),
        )


def may_ask(subject: Subject) -> list[str]:
    """Everything that `policy.decide` allows this subject to do with its own data, as English
    phrases."""
    own = Resource(subject.own, subject.tin, subject.administration)
    allowed = [a.value for a in Action if decide(subject, a, own).allowed]
    if subject.role is SubjectRole.COMPANY:
        allowed.append("give consent, apply and surrender for itself")
    return ["look up the standing of an operator that it may see", "read the public law", *allowed]
