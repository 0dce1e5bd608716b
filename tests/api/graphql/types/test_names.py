"""Names are found in every script, and show nothing that moves a page or a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.texts import folded
from registry.domain.values import Tin
from registry.ledger.database import environment
from tests.api.cli.test_cli import Terminal
from tests.api.client import ACME, CHINA, Client, record, small_world
from tests.api.pages.test_pages import opened
from tests.registry.domain.test_texts import ALIKE, HIDDEN

NAMES = sorted({name for pair in ALIKE.values() for name in pair})
OLD = "CN7700000001"
PAGE = """query Q($filter: OperatorFilter) {
  operators(filter: $filter, first: 100) { totalCount edges { node { tin name } } }
}"""
LAW = """query Q($words: String!) {
  agreements(filter: { contains: $words }) { edges { node { code } } }
  documents(contains: $words) { edges { node { code } } }
  programmes(contains: $words) { code }
}"""


def _is_clean(text: str) -> bool:
    return not any(sign in text for sign in HIDDEN.values())


@pytest.fixture(scope="module")
def counter(database_of_names: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(database_of_names, tmp_path_factory.mktemp("home")) as client:
        yield client


@pytest.fixture(scope="module")
def database_of_names(server: str, blank_register: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database if exists names with (force)")
        connection.execute(f"create database names template {blank_register} strategy file_copy")
    database = make_conninfo(server, dbname="names")
    small_world(database)
    registry = Registry(environment(database))
    for n, name in enumerate(NAMES):
        # By the back door: an older ledger holds names that the front door refuses today.
        said: dict[str, Any] = {"name_": name} if n % 2 else {"name_": "X", "local_name": name}
        registry.execute(c.RegisterOperator(tin=Tin(f"CN88{n:08}"), **said), "test")
        if _is_clean(name):
            record(
                registry,
                [
                    {
                        "command": "register_programme",
                        "programme": f"P-{n}",
                        "administration": "CN",
                        "name": "P",
                        "local_name": name,
                        "types": ["AEO"],
                        "source": "x",
                    },
                    {
                        "command": "propose_agreement",
                        "id": f"A-{n}",
                        "kind": "OTHER",
                        "parties": ["CN"],
                        "title": name,
                        "source": "x",
                    },
                    {
                        "command": "publish_document",
                        "document": f"D-{n}",
                        "title": name,
                        "source": "x",
                    },
                ],
            )
    evil = "".join(sign for sign in HIDDEN.values() if sign not in "\0\ud800")
    registry.execute(
        c.RegisterOperator(tin=Tin(OLD), name_=f"Evil{evil} Ltd", address="Road\n1"), "test"
    )
    registry.close()
    Projector(database).catch_up()
    yield database
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database names with (force)")


@pytest.mark.parametrize("name", NAMES)
def test_a_search_finds_the_names_of_the_same_normal_form_and_no_others(
    counter: Client, name: str
) -> None:
    found = counter.ask(PAGE, CHINA, filter={"nameContains": name})["operators"]
    tins = {edge["node"]["tin"] for edge in found["edges"]}
    wanted = {f"CN88{n:08}" for n, text in enumerate(NAMES) if folded(name) in folded(text)}
    wanted |= {ACME} if folded(name) in "acme" else set()
    assert tins == wanted and found["totalCount"] == len(wanted)


@pytest.mark.parametrize("name", [name for name in NAMES if name.isprintable()])
def test_agreements_documents_and_programmes_are_found_alike(counter: Client, name: str) -> None:
    found = counter.ask(LAW, CHINA, words=name)
    numbers = {
        n
        for n, text in enumerate(NAMES)
        if _is_clean(text) and all(word in folded(text) for word in folded(name).split())
    }
    for edges, letter in ((found["agreements"]["edges"], "A"), (found["documents"]["edges"], "D")):
        ids = {edge["node"]["code"] for edge in edges}
        assert ids == {f"{letter}-{n}" for n in numbers}
    assert {programme["code"] for programme in found["programmes"]} == {f"P-{n}" for n in numbers}


def test_a_page_shows_what_nobody_can_see_by_its_number(counter: Client) -> None:
    page = opened(counter, f"/operators/{OLD}?tab=all", CHINA).text
    assert "&lt;U+202E&gt;" in page and "&lt;U+001B&gt;" in page
    assert _is_clean(page)


def test_a_terminal_shows_what_nobody_can_see_by_its_number(
    database_of_names: str, tmp_path: Path
) -> None:
    terminal = Terminal(database_of_names, tmp_path)
    said = terminal.run("history", OLD)
    assert "Evil\\u200b\\u202e" in said
    assert _is_clean(said)
    written = terminal.run("history", OLD, "--json")
    assert _is_clean(written)
    assert "\u202e" in json.loads(written)["operator"]["name"]


def test_a_refusal_at_import_is_shown_so_too(database_of_names: str, tmp_path: Path) -> None:
    line = {"command": "register_operator", "tin": "CN1\x1b[2J", "name": "\u202e"}
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    terminal = Terminal(database_of_names, tmp_path)
    said = terminal.run("import", "a.jsonl", code=1)
    assert _is_clean(said) and _is_clean(terminal.complaint)
