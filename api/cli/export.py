"""Commands whose answer is taken elsewhere: a token for a caller, the schema for its maker."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import HOME, USAGE, Home, fail, home_of


def token(
    subject: Annotated[
        str, typer.Argument(help="officer:CN, partner:KR, auditor:*, or company:<TIN>.")
    ],
    home: Home = HOME,
) -> None:
    """A token of the local mode, signed with this home's own key. It is good for an hour at most.

    For `curl -H "Authorization: Bearer $(aeo token partner:KR)" ...`. Not for production.
    """
    from api.access.tokens import issue

    try:
        print(issue(subject, home_of(home)))
    except ValueError as error:
        fail(USAGE, str(error))


def export_schema() -> None:
    """The GraphQL schema that is served, in SDL."""
    from api.graphql.schema import schema

    print(schema.as_str())
