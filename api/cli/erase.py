"""The command that makes somebody unreadable for ever, for whoever runs the register."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import HOME, USAGE, Home, Json, fail, home_of, print_json, register


def erase(
    person: Annotated[str, typer.Argument(help="The person's pseudonym: a UUID.")],
    ground: Annotated[
        str, typer.Option(help="Why, by which article. It stays for ever: name no person in it.")
    ],
    actor: Annotated[str, typer.Option(help="Who answers for it: an opaque id.")] = "erase",
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Erase a person: destroy its key, so that nobody can read who it was, in any copy there is.

    Run it where the service runs, for the key is in the home folder. An event says that it was
    done; every other stays as it was, and the log goes on proving all of them.
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
