"""The names of commands on pages: the words of a title, and the mutation."""

from __future__ import annotations

from functools import lru_cache

from api.graphql.types.command_inputs import SHARED, input_class
from api.pages.command_places import name_of
from api.pages.labels import phrase
from registry.domain import commands as c

#: Commands that end, void or destroy something: the name of what they are about is typed once more
#: before that.
GRAVE = (
    c.RevokeAuthorisation,
    c.AnnulAuthorisation,
    c.ErasePerson,
    c.MergeInto,
    c.TerminateAgreement,
    c.WithdrawFromAgreement,
    c.RetireKey,
    c.RetractClaim,
    c.RetireClientKey,
    c.RevokeClient,
)

_OUTCOME = """{
    __typename
    ... on Recorded { position version events { position } }
    ... on Proposed { position version }
    ... on Refused { code message path }
  }"""


def title_of(kind: type[c.Command]) -> str:
    """Returns the name of a command in the reader's language."""
    words = phrase(name_of(kind))
    return words[:1].upper() + words[1:]


@lru_cache(maxsize=128)
def mutation_of(kind: type[c.Command]) -> str:
    """Returns the GraphQL document that gives this command."""
    command = input_class(kind)
    input_type = SHARED.get(command, f"{command.__name__}Input")
    first, *others = name_of(kind).split("_")
    name = first + "".join(map(str.title, others))
    return (
        f"mutation Give($input: {input_type}!) {{\n  outcome: {name}(input: $input) {_OUTCOME}\n}}"
    )
