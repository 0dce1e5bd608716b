"""`aeo client`: from nothing to a partner's first answer, and to its last."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.local.processes import Helper
from registry.paths import ROOT
from tests import warm_commands
from tests.api.served import served


class Place:
    """A running service with its projector, and the command line beside it."""

    def __init__(self, url: str, home: Path, database: str) -> None:
        self.url, self.home = url, home
        self.environment = os.environ | {
            "DATABASE_URL": database,
            "AEO_HOME": str(home),
            "AEO_VENV": sys.prefix,
            "AEO_PUBLIC_URL": url,
        }

    def run(self, *words: str, code: int = 0) -> str:
        return self._done(warm_commands.run("client", *words, environment=self.environment), code)

    def shell(self, command: list[str], code: int = 0) -> str:
        return self._done(
            subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True),
            code,
        )

    def _done(self, done: subprocess.CompletedProcess[str], code: int) -> str:
        self.complaint = done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def place(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("home")
    with served(world, home, "--workers", "2") as url:
        follower = Helper("follow", home)
        follower.tell(world)
        try:
            yield Place(url, home, world)
        finally:
            follower.stop()


def made(place: Place, *more: str) -> tuple[str, Path, str]:
    """A client's id, its file, and the line to try."""
    said = place.run("new", "partner:KR", *more)
    found = re.fullmatch(
        r"client +(\S+), which acts for partner:KR\nkey +(.+)\nto try +(.+)\n", said
    )
    assert found, said
    return found[1], Path(found[2]), found[3]


def test_the_line_that_is_printed_asks_as_the_partner(place: Place) -> None:
    _, file, line = made(place)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    answer = json.loads(place.shell(["bash", "-euo", "pipefail", "-c", line]))

    assert answer["data"]["viewer"]["subject"] == "partner:KR"


def test_the_example_of_developers_gets_a_token_with_the_file(place: Place) -> None:
    _, file, _ = made(place)

    token = place.shell([sys.executable, "ops/clients/examples/access_token.py", str(file)]).strip()

    assert token.count(".") == 2
    assert json.loads(asked(place, token))["data"]["viewer"]["subject"] == "partner:KR"


def asked(place: Place, token: str) -> str:
    import urllib.error
    import urllib.request

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"query": "{ viewer { subject } }"}).encode()
    request = urllib.request.Request(f"{place.url}/graphql", body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())


def test_a_client_that_is_revoked_is_stopped_in_every_process(place: Place) -> None:
    client, file, _ = made(place)
    token = place.run("token", str(file)).strip()
    assert "partner:KR" in asked(place, token)

    assert place.run("revoke", client, "--reason", "a leak") == f"revoked  {client}\n"

    until = time.monotonic() + 60
    refused = 0
    while refused < 20:  # in a row, over new connections: from both processes
        refused = refused + 1 if "CLIENT_REVOKED" in asked(place, token) else 0
        assert time.monotonic() < until
    place.run("token", str(file), code=1)
    assert "CLIENT_REVOKED" in place.complaint
    assert re.search(rf"{client}  partner:KR  \S{{43}}  revoked", place.run("list"))


def test_a_key_is_retired_by_its_thumbprint(place: Place) -> None:
    client, file, _ = made(place)
    key_id = json.loads(file.read_text())["key"]["kid"]

    assert place.run("retire-key", client, key_id) == f"retired  {key_id} of {client}\n"

    assert f"{client}  partner:KR  {key_id}  retired" in place.run("list")
    place.run("token", str(file), code=1)


def test_what_cannot_be_is_refused_in_words(place: Place, tmp_path: Path) -> None:
    place.run("new", "king:KR", code=2)
    assert "wanted officer:CN, partner:KR" in place.complaint
    client, file, _ = made(place)
    place.run("new", "partner:KR", "--out", str(file), code=4)
    assert "File exists" in place.complaint
    other = tmp_path / "other.json"
    place.run("new", "partner:KR", "--id", client, "--out", str(other), code=1)
    assert "ALREADY_REGISTERED" in place.complaint and not other.exists()
    place.run("revoke", "nobody", code=1)
    assert "UNKNOWN_CLIENT" in place.complaint
    for name in ("kim ", " ", "k\u200bim"):
        place.run("revoke", client, "--actor", name, code=2)
        assert "without invisible characters" in place.complaint
    place.run("token", str(tmp_path / "nothing.json"), code=4)
    other.write_text("{}")
    place.run("token", str(other), code=4)
    assert "wanted issuer, client and key" in place.complaint


def test_a_file_of_issuers_that_cannot_be_is_refused_before_anything_starts(
    place: Place, tmp_path: Path
) -> None:
    bad = tmp_path / "issuers.toml"
    bad.write_text('[[issuer]]\nissuer = "http://elsewhere.example"\n')

    done = subprocess.run(
        [sys.executable, "-m", "api", "serve"],
        cwd=ROOT,
        env=place.environment | {"AEO_ISSUERS": str(bad)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert "AEO_ISSUERS=" in done.stderr and "administrations" in done.stderr
