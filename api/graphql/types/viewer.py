"""Who the counter thinks is asking."""

from __future__ import annotations

import strawberry

from api.access.policy import Action, Resource, Subject, SubjectRole, decide
from api.graphql.as_of import AsOfInput
from api.graphql.context import Info
from api.graphql.costs import costs
from api.graphql.types.operators import OperatorType, one
from registry.domain.values import AdministrationCode, Tin


@strawberry.type(description="Whoever asks, as the token says; without a token the public.")
class Viewer:
    subject: str = strawberry.field(description="The token's subject, an opaque id.")
    role: str = strawberry.field(description="public, partner, officer, company or auditor.")
    administration: AdministrationCode | None = strawberry.field(
        description="Whose customs it is; null for the public, a company and an auditor."
    )
    operator: Tin | None = strawberry.field(description="The company's own TIN; null for others.")
    may_ask: list[str] = strawberry.field(description="What this asker may do, in words.")

    @costs(60)
    @strawberry.field
    async def company(self, info: Info, as_of: AsOfInput | None = None) -> OperatorType | None:
        """The operator whose TIN `operator` is, as that company itself reads it; null for everybody
        else, and where the register does not know it."""
        if self.operator is None:
            return None
        clocks = info.context.clocks(as_of)
        info.context.looked("operator", [self.operator.text])
        return await one(info.context, self.operator, clocks)


@strawberry.type
class ViewerQuery:
    @strawberry.field
    def viewer(self, info: Info) -> Viewer:
        """Who is asking, as the register sees it."""
        asker = info.context.asker
        return Viewer(
            subject=asker.subject,
            role=asker.role.value,
            administration=asker.administration,
            operator=asker.tin,
            may_ask=may_ask(asker),
        )


def may_ask(asker: Subject) -> list[str]:
    """Everything that `decide` allows to this asker about its own."""
    own = Resource(asker.own, asker.tin, asker.administration)
    allowed = [a.value for a in Action if decide(asker, a, own).allowed]
    if asker.role is SubjectRole.COMPANY:
        allowed.append("give consent, apply and surrender for itself")
    return ["look up the standing of an operator that it may see", "read the public law", *allowed]
