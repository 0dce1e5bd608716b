"""A fault is never an answer: with the database stalled or stopped, every door says so."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from starlette.routing import Mount, Route

from api.access.tokens import issue
from api.graphql import executor
from api.pages.query import COOKIE
from tests import warm_commands
from tests.api.client import ACME, AUDITOR, CHINA, Client, small_world
from tests.gate import Gate

#: Connections are cut in the middle: the gate's own transports are collected where they lie.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

DEADLINE = 0.2
#: Longer than any door may take to say that it cannot answer.
SOON = 5.0
#: What may stand in the braces of an address.
PLACES = {
    "tin": ACME,
    "id": "CN-KR-AEO",
    "code": "CN",
    "person": "0" * 32,
    "number": "1",
    "name:any": "0/000",
    "name:path": "concepts",
    "name": "nothing.svg",
    "partner": "KR",
    "command": "suspend-authorisation",
    "proposal": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    "command:proposal_command": "confirm",
    "command:operator_command": "suspend-authorisation",
    "command:mass_command": "suspend-authorisation",
    "command:agreement_command": "suspend-agreement",
    "command:programme_command": "set-rule",
    "command:document_command": "set-target",
    "command:administration_command": "add-key",
    "copy": "20261129T000000.000000Z-1",
    "file": "manifest.json",
    "purpose": "suspension",
}
#: Doors that say nothing of the register, so need no database, and why. Every other answers 503.
NO_DATABASE = {
    "/healthz": "says only that the process lives",
    "/metrics": "shows the process's own counts where the database is away",
    "/golden-copy/keys": "from the home's key",
    "/golden-copy/KR": "refused without a token in the header",
    "/golden-copy/KR/changes": "refused without a token in the header",
    "/golden-copy/KR/looks": "refused without a token in the header",
    "/golden-copy/KR/20261129T000000.000000Z-1/manifest.json": "refused without a token, too",
    "/aeo-verify": "a program, from a file",
    "/log/keys": "from the home's policy file",
    "/access": "the table of access, which is part of the program",
    "/receipts/CN-KR-AEO/manifest.json": "no id of a receipt, either",
    "/receipts/CN-KR-AEO": "no id of a receipt: refused before anything is read",
    "/check/list/CN-KR-AEO": "no id of a list: refused before anything is read",
    "/check/list/CN-KR-AEO/receipts.zip": "no id of a list, either",
    "/log/receipt-keys": "from a file of the home",
    "/log/policy": "from the home's policy file",
    "/log/checkpoint": "404 or 503, as far as it was read",
    "/log/tile/nonsense": "no name of a tile: refused before anything is read",
    "/operators/CN1234567890/persons": "an empty form, with nothing of the record in it",
    "/": "links only",
    "/sitemap": "the registry of pages, which is part of the program",
    "/about": "texts only",
    "/help": "texts only",
    "/privacy": "texts only",
    "/accessibility": "texts only",
    "/components": "the design, which is part of the program",
    "/robots.txt": "a text of the program",
    "/opensearch.xml": "a text of the program",
    "/tour": "a list of the cases; each case is asked for by its own page",
    "/as": "a form to choose who asks",
    "/graphql": "GET without a document: refused before anything is read",
    "/schema.graphql": "the schema that the program was built with",
    "/openapi.json": "a description of the addresses, made by the program",
    "/.well-known/oauth-protected-resource": "the issuers of tokens, from the settings",
    "/.well-known/oauth-authorization-server": "where to get tokens, from the settings",
    "/oauth/jwks": "the keys of the authorisation server, from a file; here there is none",
    "/oauth/token": "here there is no authorisation server",
    "/.well-known/security.txt": "whom to tell of a hole, from the settings",
    "/sign-in": "the issuers, from the settings; here there is none",
    "/sign-in/start": "here there is no issuer",
    "/sign-in/callback": "here there is no issuer",
    "/sign-in/back-channel-logout": "without a logout token: refused before anything is read",
    f"/operators/{ACME}/certificate/CN-KR-AEO/manifest.json": "no id of a certificate",
    "/.well-known/did.json": "the keys of the home, as a DID document",
    "/verify": "a form; what is given to it is checked by POST",
    "/work/suspend-authorisation": "a form that names nobody yet; what is typed is read when sent",
    "/work/many": "a redirection to a form, and no page without a decision to make",
    "/developers": "how to ask; its examples are texts",
    "/peer/events": "without a token: refused before anything is read",
    "/peer/streams": "without a token: refused before anything is read",
    "/peer/report": "without a token: refused before anything is read",
    "/docs": "the documentation, from files",
    "/docs/concepts": "a page of the documentation, from a file",
    "/docs/pictures/nothing.svg": "a picture that is not there",
}
#: Pages that read nothing as long as nothing is asked; `/company` then leads an officer elsewhere.
ASKED_WITH_WORDS = ("/search", "/search/suggest", "/audit", "/divergences", "/company")
#: Words of an answer. None may be on a page, or in a body, that a fault made.
ANSWERS = re.compile(
    r"no information|unknown|not found|no such|nobody of that name|knows no|nothing to tell|"
    r"not recognised|no agreement|no operator|nothing was recorded|nothing of the register",
    re.IGNORECASE,
)


def test_every_door_is_in_the_table(gated: tuple[Client, Gate]) -> None:
    assert len(list(_doors(gated[0]))) > 25
    for path, _ in _doors(gated[0]):
        assert "{" not in path, f"{path}: what may stand in its braces belongs into PLACES"


@pytest.fixture(scope="module")
def gated(
    server: str, blank_register: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Client, Gate]]:
    import psycopg
    from psycopg.conninfo import make_conninfo

    name = "behind_a_gate"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        database = make_conninfo(server, dbname=name)
        small_world(database)
        try:
            with Gate(database) as gate:
                home: Path = tmp_path_factory.mktemp("home")
                with Client(gate.conninfo, home, deadline=DEADLINE) as client:
                    yield client, gate
                    gate.open()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _doors(client: Client) -> Iterator[tuple[str, str]]:
    """Every address of the service with its method, as the application itself lists them."""
    for route in _routes(client.app):
        path = re.sub(r"{([^}]+)}", lambda match: PLACES.get(match[1], match[0]), route.path)
        for method in sorted((route.methods or set()) & {"GET", "POST"}):
            yield path, method
    yield f"/operators/{ACME}?in=KR", "GET"
    yield f"/search?q={ACME}", "GET"
    yield "/search?q=anything", "GET"
    yield "/search/suggest?q=anything", "GET"
    yield f"/company?of={ACME}", "GET"
    yield f"/audit?of={ACME}&in=KR", "GET"
    yield "/divergences?in=KR&from=2020-01-01&to=2020-02-01", "GET"
    yield "/log/tile/nonsense", "GET"
    yield "/no/such/address", "GET"


def _routes(of: Any) -> Iterator[Route]:
    for route in of.routes:
        if isinstance(route, Mount):
            continue  # files
        inside = getattr(route, "original_router", None)
        if inside is not None:
            yield from _routes(inside)
        else:
            assert isinstance(route, Route), route
            yield route


#: Addresses that are refused to others by their role, before the register is asked.
FOR_AUDITORS = {"/audit/bundle"}


@pytest.mark.parametrize(
    ("by", "how"),
    [
        (None, "stalled"),
        (None, "stopped"),
        (CHINA, "stopped"),
        (f"{CHINA} known", "stopped"),
        (f"{CHINA} known", "stalled"),
    ],
)
def test_no_page_and_no_route_makes_an_answer_of_a_fault(
    gated: tuple[Client, Gate], by: str | None, how: str
) -> None:
    client, gate = gated
    """`known`: who asks was found out a moment before, so that the fault meets the question."""
    wrong: list[str] = []
    for path, method in dict.fromkeys(_doors(client)):
        gate.open()
        headers = {}
        if by:
            who, _, known = by.partition(" ")
            headers = {"cookie": f"{COOKIE}={issue(who, client.home)}"}
            if known:
                _until_it_answers(client, headers)
        _shut(gate, how)
        began = monotonic()
        found = client.request(method, path, headers=headers, follow_redirects=False)
        took = monotonic() - began
        plain = path.partition("?")[0]
        if found.status_code == 503:
            if ANSWERS.search(_text(found.text)):
                wrong.append(f"{method} {path}: says {ANSWERS.search(_text(found.text))}")
            if "text/html" in found.headers["content-type"]:
                assert "The register cannot answer now" in found.text
                assert found.headers["retry-after"]
        elif not (
            plain in NO_DATABASE
            or (method == "POST" and found.status_code in (400, 403))
            or (plain == "/no/such/address" and found.status_code == 404 and by != CHINA)
            or 300 <= found.status_code < 400
            or (plain in ASKED_WITH_WORDS and plain == path)
            or (plain in FOR_AUDITORS and found.status_code == 403 and by is not None)
            or (by is None and (found.status_code == 403 or plain == "/divergences"))
        ):
            wrong.append(f"{method} {path}: {found.status_code}")
        if took > SOON:
            wrong.append(f"{method} {path}: took {took:.1f} s")
    assert not wrong


def _until_it_answers(client: Client, headers: dict[str, str]) -> None:
    end = monotonic() + 30
    while client.request("GET", "/countries", headers=headers).status_code != 200:
        assert monotonic() < end


QUESTIONS = {
    "planned": f'{{ recognition(tin: "{ACME}", in: "KR") {{ outcome reasons {{ message }} }} }}',
    "by the resolvers": f'{{ operator(tin: "{ACME}") {{ tin history {{ edges {{ cursor }} }} }} }}',
    "a list": "{ operators { totalCount edges { node { tin } } } }",
    "public law": "{ administrations { code } }",
    "the feed": '{ changes(for: "KR", after: 0) { head } }',
    "a command": 'mutation { registerOperator(input: { commandId: "'
    '00000000-0000-4000-8000-000000000001", tin: "CN55", name: "Never", roles: [] })'
    " { __typename ... on Refused { code message } } }",
}


@pytest.mark.parametrize("how", ["stalled", "stopped"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_is_answered_by_a_fault(
    gated: tuple[Client, Gate], how: str, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, gate = gated
    monkeypatch.setattr(executor, "FEED_SECONDS", 2 * DEADLINE)  # a minute, else
    gate.open()
    by = CHINA if question == "a command" else AUDITOR
    _until_it_answers(client, {"cookie": f"{COOKIE}={issue(by, client.home)}"})
    _shut(gate, how)

    began = monotonic()
    found = client.post(QUESTIONS[question], by)

    assert monotonic() - began < SOON
    assert found.status_code == 503
    body = found.json()
    assert all(value is None for value in (body.get("data") or {}).values())
    assert body["errors"]
    for error in body["errors"]:
        assert error["extensions"]["code"] in (
            "UNAVAILABLE",
            "DEADLINE",
            "BUSY",
            "OUTCOME_UNKNOWN",
            "BEHIND",
        )


def test_readiness_says_that_the_database_is_away(gated: tuple[Client, Gate]) -> None:
    client, gate = gated
    for how in ("stalled", "stopped"):
        gate.open()
        _shut(gate, how)
        found = client.request("GET", "/readyz")
        assert found.status_code == 503 and found.json()["ready"] is False
        assert client.request("GET", "/healthz").status_code == 200


COMMANDS = {
    "ask": ("ask", ACME, "--in", "KR"),
    "ask as a partner": ("ask", ACME, "--in", "KR", "--as", "partner:KR"),
    "history": ("history", ACME),
    "replay": ("replay", "--at", "2020-01-01"),
    "check": ("check",),
}


@pytest.mark.parametrize(
    ("command", "how"), [*((command, "stopped") for command in COMMANDS), ("ask", "stalled")]
)
def test_no_command_of_the_terminal_makes_an_answer_of_a_fault(
    gated: tuple[Client, Gate], command: str, how: str
) -> None:
    _, gate = gated
    gate.open()
    _shut(gate, how)
    url = f"{gate.conninfo} connect_timeout=2"

    told = os.environ | {"DATABASE_URL": url}
    done = warm_commands.run(*COMMANDS[command], environment=told, seconds=60.0)

    assert done.returncode == 3, done
    assert done.stdout == ""
    assert done.stderr.startswith("aeo: ")


def _shut(gate: Gate, how: str) -> None:
    {"stalled": gate.stall, "stopped": gate.stop}[how]()


def _text(html: str) -> str:
    """What a reader sees, without the menu and the search form, which are there on every page."""
    body = re.sub(r"(?s).*?<main[^>]*>|</main>.*", "", html) if "<main" in html else html
    return re.sub(r"(?s)<form.*?</form>|<[^>]+>", " ", body)
