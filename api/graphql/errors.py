"""Refusals of commands (as data) and errors of queries (as GraphQL errors)."""

from __future__ import annotations

from collections.abc import Iterable

import strawberry
from graphql import GraphQLError

from api.graphql.codes import Forbidden as Forbidden
from api.graphql.codes import RefusalCode, field_at_fault
from registry.domain.errors import Refusal
from registry.domain.sentences import sentence_of

strawberry.enum(
    RefusalCode, name="RefusalCode", description=" ".join((RefusalCode.__doc__ or "").split())
)


@strawberry.type
class Refused:
    """The command was understood but is refused; nothing was recorded."""

    code: RefusalCode = strawberry.field(description="The code of the refusal.")
    message: str = strawberry.field(
        description="The reason for the refusal, as an English sentence: what was asked, and which "
        "fact is against it."
    )
    path: list[str] | None = strawberry.field(
        description="The path to the field of the input that is at fault: [what, until]. Null "
        "where no field is at fault, for example where the subject may not do it."
    )

    @classmethod
    def of(cls, refusal: Refusal, fields: Iterable[str] = (), given: Iterable[str] = ()) -> Refused:
        """The refusal as a GraphQL object.

        `fields`: the names of the input's fields in GraphQL; `given`: those that have a value.
        """
        return cls(
            code=RefusalCode(refusal.code),
            message=str(refusal),
            path=field_at_fault(refusal, fields, given),
        )


class RequestDeclined(Exception):
    """A request that is declined before it is executed: an HTTP status, an error code and a
    message. `reason`: the code of the reason within the error code, where it has several."""

    def __init__(
        self, status: int, code: str, sentence: str, *, reason: str | None = None, **headers: str
    ) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence, self.reason = status, code, sentence, reason
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Unanswered(GraphQLError):
    """A query that is not answered. The message is shown to the client."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence, extensions={"code": code})


def bad_input(template: str, /, **facts: object) -> Unanswered:
    """The error BAD_INPUT, with a sentence of these facts, or with a sentence as it is. It says
    what was found and what was expected."""
    return Unanswered("BAD_INPUT", sentence_of(template, facts))


def forbidden(template: str, /, **facts: object) -> Unanswered:
    """The error FORBIDDEN, made in the same way. The message says who asked and who may."""
    return Unanswered("FORBIDDEN", sentence_of(template, facts))
