"""The command that erases a person, for the operator of the register."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import HOME, USAGE, Actor, Home, Json, fail, home_of, print_json, register


def erase(
    person: Annotated[str, typer.Argument(help="The person's pseudonym: a UUID.")],
    ground: Annotated[
        str,
        typer.Option(
            help="The reason and the legal article, kept for ever: do not name a person in it."
        ),
    ],
    actor: Actor = "erase",
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Erase a person: destroy its key, so that its particulars cannot be read in any copy.

    Run it where the service runs, because the key is in the data folder. An event records the
    erasure; all other events stay unchanged, and the log still proves them.
    """
    from uuid import UUID

    from api.graphql.types.erasure import erase as erased
    from projections.persons import Persons
    from registry.application.registry import Registry
    from registry.domain import commands as c
    from registry.ledger.database import environment

    try:
        who = UUID(person)
    except ValueError:
        fail(USAGE, "PERSON is a pseudonym, a UUID: see the operator's contacts")
    with register(home, "aeo_erasure", "aeo_writer") as url:
        persons = Persons(url, home_of(home))
        registry = Registry(environment(url))
        try:
            command = c.ErasePerson(tin=persons.operator_of(who), person=who, ground=ground)
            done = erased(registry, persons, command, actor)
        finally:
            registry.close()
    if as_json:
        print_json({"person": str(who), "positions": done.positions})
    elif done.positions and not done.repeated:
        print(f"{who} is erased; position {done.positions[-1]:,} says so")
    else:
        print(f"{who} was erased before, and is still")
