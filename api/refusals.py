"""What the counter cannot answer: as data where a change was asked, else as a GraphQL error."""

from __future__ import annotations

import strawberry
from graphql import GraphQLError

from registry.errors import Refusal


class Forbidden(Refusal):
    """The asker may not do this. The sentence says who may."""


@strawberry.type(description="The command was understood and is not allowed; nothing is recorded.")
class Refused:
    code: str = strawberry.field(
        description="The refusal's name, for ever: WrongStatus, StaleVersion, Forbidden, ..."
    )
    message: str = strawberry.field(description="What was asked, and what stands against it.")

    @classmethod
    def because(cls, refusal: Refusal) -> Refused:
        return cls(code=refusal.code, message=str(refusal))


class Declined(Exception):
    """The request never came to a question: an HTTP status, a code, a sentence."""

    def __init__(self, status: int, code: str, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Unanswered(GraphQLError):
    """A question that is not answered. Its sentence may be read by whoever asked."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence, extensions={"code": code})


def bad_input(sentence: str) -> Unanswered:
    """What was found, and what was wanted."""
    return Unanswered("BAD_INPUT", sentence)


def forbidden(sentence: str) -> Unanswered:
    """Who asked, and who may."""
    return Unanswered("FORBIDDEN", sentence)
