"""A program that runs for long has a token at every moment, got with its own key."""

from __future__ import annotations

import json
import urllib.request
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from api.access.authorisation_server import LIFE
from api.access.client_tokens import NoToken, write_client_file
from api.access.renewed_tokens import PAUSE, RenewedToken
from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.ledger.database import environment
from tests.api.served import served


def registered(database: str, file: Path, url: str) -> None:
    """A client of Singapore's edge, whose file is there."""
    key = write_client_file(file, url, "sg-edge")
    begun = c.RegisterClient(
        command_id=uuid4(), client="sg-edge", name_="An edge", acts_for="partner:SG"
    )
    with closing(Registry(environment(database))) as registry:
        registry.execute(begun, "test")
        registry.execute(c.AddClientKey(command_id=uuid4(), client="sg-edge", key=key), "test")
    Projector(database).catch_up()


def subject_of(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"query": "{ viewer { subject } }"}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/graphql", body, headers)) as answer:
        return str(json.load(answer)["data"]["viewer"]["subject"])


def test_a_token_is_renewed_before_it_ends_and_given_while_no_other_is_to_be_had(
    world: str, tmp_path: Path
) -> None:
    file, away, now = tmp_path / "sg.json", tmp_path / "away.json", 0.0
    token = RenewedToken(file, lambda: now)
    with served(world, tmp_path / "home") as url:
        registered(world, file, url)
        first = token()
        assert token() == first
        assert subject_of(url, first) == "partner:SG"

        now = LIFE * 0.85
        second = token()
        assert second != first
        assert subject_of(url, second) == "partner:SG"

        file.rename(away)
        now += LIFE * 0.85
        assert token() == second  # it is still valid
        now += LIFE * 0.2
        with pytest.raises(NoToken, match="No such file"):
            token()
        away.rename(file)
        third = token()
        assert third not in (first, second)

        token.discard()
        assert token() != third
    now += LIFE * 0.9
    assert token() not in (first, second, third)  # nobody answers, and it is valid
    now += LIFE * 0.1 + PAUSE
    with pytest.raises(NoToken, match="does not answer"):
        token()
