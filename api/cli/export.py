"""Commands that print something for use elsewhere: a token, the GraphQL schema."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import HOME, NO_DATABASE, USAGE, Home, fail, home_of, home_words


def token(
    subject: Annotated[
        str,
        typer.Argument(
            help="Who asks: officer:CN, partner:KR, company:TIN or auditor:*; a person:"
            " officer:CN/anna."
        ),
    ],
    home: Home = HOME,
) -> None:
    """Print a demo token, signed with the key in the data folder. It is valid for an hour at most.

    For `curl -H "Authorization: Bearer $(aeo token partner:KR)" ...`. Not for production.
    """
    from api.access.policy import named
    from api.access.tokens import has_key, issue

    try:
        named(subject.partition("/")[0])
    except ValueError as error:
        fail(USAGE, str(error))
    if not has_key(home_of(home)):
        fail(
            NO_DATABASE,
            f"there is no register with demo identities in {home_of(home)}:"
            f" ./aeo up{home_words(home)} makes one",
        )
    try:
        print(issue(subject, home_of(home)))
    except ValueError as error:
        fail(USAGE, str(error))


def export_schema() -> None:
    """Print the GraphQL schema that is served, in SDL."""
    from api.graphql.schema import schema

    print(schema.as_str())
