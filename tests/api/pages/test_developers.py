"""The page for a partner's programmer: what it shows is run, and is what the service does."""

from __future__ import annotations

import html
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api.access.tokens import issue
from api.graphql.codes import ERRORS, REFUSALS
from api.http import cors
from api.local.processes import Helper
from api.pages.developer_steps import STEPS
from api.pages.developers import ANSWER_HEADERS, ASKING, REQUEST_HEADERS, SITUATIONS
from projections.engine.projector import Projector
from projections.transparency.integrator import Integrator
from registry.paths import EXAMPLES, ROOT
from tests.api.client import CHINA, Client
from tests.api.served import served
from tests.keeping_log import is_signed

#: The programs that run the examples, by the ends of their names.
LANGUAGES = {"sh": "sh", "py": sys.executable, "mjs": "node"}
SINGAPORE, SUSPENDED = "partner:SG", "CN0000000012"


@dataclass(frozen=True)
class At:
    url: str
    home: Path
    database: str

    def token(self, subject: str) -> str:
        return issue(subject, self.home)

    def said_by(self, *command: str, subject: str = SINGAPORE, url: str | None = None) -> str:
        """What an example writes; it ends well."""
        told = {"REGISTRY_URL": url or self.url, "REGISTRY_TOKEN": self.token(subject)}
        done = subprocess.run(
            command, cwd=EXAMPLES, env=os.environ | told, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, document: str, subject: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": document, "variables": variables}).encode()
        headers = {"Authorization": f"Bearer {self.token(subject)}"}
        headers["Content-Type"] = "application/json"
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/graphql", body, headers)
        ) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
            return data


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[At]:
    home = tmp_path_factory.mktemp("home")
    is_signed(world, home, Integrator(world).catch_up())
    with served(world, home, "--workers", "2") as url:
        yield At(url, home, world)


def is_here(program: str, name: str, package: str) -> None:
    if shutil.which(program) is None:
        why = f"no {name} here (Debian: apt-get install {package})"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)


# ------------------------------------------------------------------ the examples


def test_the_first_answer_is_had_with_curl(at: At) -> None:
    is_here("curl", "curl", "curl")

    said = at.said_by("sh", "ask.sh")

    assert json.loads(said) == json.loads((EXAMPLES / "answer.json").read_text())


def test_the_first_answer_is_had_in_java(at: At) -> None:
    is_here("javac", "Java", "default-jdk-headless")

    said = at.said_by("java", "Ask.java")

    assert json.loads(said) == json.loads((EXAMPLES / "answer.json").read_text())


def test_every_example_asks_the_same_question(at: At) -> None:
    """What npm and PyPI are needed for is run by ops/clients; the question is the one of curl."""
    parts = re.compile(r"\w+: recognition\([^)]*\) \{ .*? \} \}|[\d-]{10}T[\d:]{8}Z|CN\d+|\bSG\b")
    asked = {example.name: parts.findall(example.text) for example in ASKING}

    [curl, *others] = asked.values()
    assert len(curl) == 8
    assert all(other == curl for other in others), asked


def kept(file: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(file.read_text())["operators"]
    return said


def now_of(courses: dict[str, Any]) -> dict[str, str]:
    """What the copy says of today, as its reader is told to look."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        tin: ([item for item in own["course"] if item["from"] <= now] or [{"outcome": "UNKNOWN"}])[
            -1
        ]["outcome"]
        for tin, own in courses.items()
    }


def answered(at: At, tins: list[str]) -> dict[str, str]:
    document = 'query Q($tins: [TIN!]!) { recognitions(tins: $tins, in: "SG") { tin outcome } }'
    found: list[dict[str, str]] = at.ask(document, SINGAPORE, tins=tins)["recognitions"]
    return {entry["tin"]: entry["outcome"] for entry in found}


def test_the_nightly_sync_keeps_what_the_register_answers(at: At, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    at.said_by(sys.executable, "sync.py", "SG", str(file))
    first = kept(file)
    assert {"RECOGNISED", "NOT_RECOGNISED"} <= set(now_of(first).values())
    assert now_of(first) == answered(at, list(first))
    recognised = next(
        tin
        for tin, outcome in now_of(first).items()
        if outcome == "RECOGNISED" and tin.startswith("CN")
    )
    outcome = at.ask(
        "mutation M($input: SuspendAuthorisationInput!) {"
        " suspendAuthorisation(input: $input) { __typename ... on Refused { message } } }",
        CHINA,
        input={
            "commandId": "a1a3ac4e-51cf-4a07-9f3b-35a1b3b2b0f1",
            "tin": recognised,
            "reason": "an audit",
            "legalGround": "Order 251",
        },
    )["suspendAuthorisation"]
    assert outcome["__typename"] == "Recorded", outcome
    Projector(at.database).catch_up()

    at.said_by(sys.executable, "sync.py", "SG", str(file))

    assert now_of(kept(file))[recognised] == "NOT_RECOGNISED"
    assert now_of(kept(file)) == answered(at, list(kept(file)))


def test_a_sync_that_is_refused_says_why_in_a_sentence(at: At, tmp_path: Path) -> None:
    for url, word in ((at.url, "UNAUTHENTICATED"), ("http://127.0.0.1:1", "nobody answers")):
        done = subprocess.run(
            [sys.executable, "sync.py", "SG", str(tmp_path / "kept.json")],
            cwd=EXAMPLES,
            env=os.environ | {"REGISTRY_URL": url, "REGISTRY_TOKEN": "no"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1 and word in done.stderr and "Traceback" not in done.stderr


@contextmanager
def losing(url: str, answers: int) -> Iterator[str]:
    """An address in front of the service, on which the first `answers` are lost on their way."""
    lost = []

    class Front(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            request = urllib.request.Request(url + self.path, body, headers)
            with urllib.request.urlopen(request) as answer:
                said = answer.read()
            if len(lost) < answers:
                lost.append(said)
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *said: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        assert len(lost) == answers


def test_a_command_whose_answers_are_lost_is_recorded_once(at: At) -> None:
    with losing(at.url, answers=2) as url:
        receipt = at.said_by(
            sys.executable, "command.py", "CN6543210987", "Lost", subject=CHINA, url=url
        )

    epoch, _, position = receipt.strip().partition(":")
    assert re.fullmatch(r"[0-9a-f]{12}", epoch)
    Projector(at.database).catch_up()
    document = """query History($tin: TIN!) {
        operator(tin: $tin) { history { edges { node { position } } } }
    }"""
    edges = at.ask(document, CHINA, tin="CN6543210987")["operator"]["history"]["edges"]
    assert [edge["node"]["position"] for edge in edges] == [int(position)]


def test_a_command_that_is_refused_says_why(at: At) -> None:
    told = {"REGISTRY_URL": at.url, "REGISTRY_TOKEN": at.token(SINGAPORE)}
    done = subprocess.run(
        [sys.executable, "command.py", "CN6543210988", "Nobody's"],
        cwd=EXAMPLES,
        env=os.environ | told,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("FORBIDDEN: ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_steps_to_the_first_webhook_are_taken_in_order(
    at: At, tmp_path: Path, language: str
) -> None:
    """From a refusal to what changed, each with what the step before brought; the last two steps
    are followed by the tests of streams and webhooks."""
    for program in ("curl", "openssl", "node"):
        is_here(program, program, program)
    told = {"REGISTRY_URL": at.url, "REGISTRY_OFFICER": at.token("officer:SG")}
    told["AEO_VERIFY"] = str(ROOT / "ops" / "aeo-verify")

    def step(name: str, *words: str) -> str:
        done = subprocess.run(
            [LANGUAGES[language], EXAMPLES / f"{name}.{language}", *words],
            cwd=tmp_path,
            env=os.environ | told,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    client = f"sg-border-{language}"
    issuer = step("find_issuer")
    assert issuer == at.url
    registered = json.loads(step("register_key", client))["data"]
    assert {each["__typename"] for each in registered.values()} == {"Recorded"}
    Projector(at.database).catch_up()
    words = (client, issuer) if language == "sh" else (f"{client}.json",)
    told["REGISTRY_TOKEN"] = step("access_token", *words)
    assert json.loads(step("ask")) == json.loads((EXAMPLES / "answer.json").read_text())
    assert SUSPENDED in step("receipt", SUSPENDED)
    if language == "sh":
        page = json.loads(step("changes", "0"))["data"]["changes"]
        later = json.loads(step("changes", str(page["next"]), page["epoch"]))["data"]["changes"]
        assert page["changes"] and later["next"] >= page["next"]
    elif language == "mjs":
        assert SUSPENDED in step("changes", "cursor.json")
        assert step("changes", "cursor.json") == ""


# ------------------------------------------------------------------ the page


@pytest.fixture(scope="module")
def here(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(world, tmp_path_factory.mktemp("home")) as client:
        yield client


def test_the_page_shows_every_example_as_it_is_run(here: Client) -> None:
    page = here.request("GET", "/developers")
    shown = [html.unescape(item) for item in re.findall(r"<pre[^>]*>(.*?)</pre>", page.text, re.S)]

    of_steps = [example.name for step in STEPS for example in step.examples]
    of_page = [*(example.name for example in ASKING), "answer.json", "sync.py", "command.py"]
    for name in of_steps + of_page:
        assert (EXAMPLES / name).read_text(encoding="utf-8") in shown, name
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<style|style=|<script(?! src=)|\son\w+=", page.text)


def test_the_page_has_every_code_and_leads_somewhere(here: Client) -> None:
    page = here.request("GET", "/developers")

    assert [code for code in (*ERRORS, *REFUSALS) if f">{code}</th>" not in page.text] == []
    links = set(re.findall(r"<main.*</main>", page.text, re.S)[0].split('href="')[1:])
    for link in {link.partition('"')[0] for link in links}:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page.text, link
        else:
            found = here.request("GET", link, headers={"accept": "text/html"})
            assert found.status_code == 200, link


def test_the_page_says_what_to_do_about_every_code_that_asking_again_may_mend() -> None:
    """Whoever is told 4xx otherwise mends the request; its message says what is wrong."""
    told = " ".join(what for what, _ in SITUATIONS)

    again = [code for code, error in ERRORS.items() if error.status in (401, 412, 429, 503)]
    assert [code for code in again if code not in told.replace(",", " ").split()] == []


def test_the_page_has_every_header_that_a_program_may_send_or_read() -> None:
    for listed, shown in ((cors.ASKED, REQUEST_HEADERS), (cors.SHOWN, ANSWER_HEADERS)):
        assert set(listed.split(", ")) <= {name.lower() for name, _ in shown}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1:8420", "http://127.0.0.1:8420"),
        ("register.example", "https://register.example"),
    ],
)
def test_the_page_names_the_address_at_which_it_is_read(
    here: Client, host: str, address: str
) -> None:
    """A token is never sent to another machine in clear text, whatever is in front of us."""
    own = host.startswith("127.0.0.1")  # the only name where demo identities are offered
    with Client(here.database, here.home, demo=own) as counter:
        page = counter.request("GET", "/developers", headers={"host": host})

    assert f"export REGISTRY_URL={address}\n" in html.unescape(page.text)
    if own:
        command = f"./aeo token partner:SG --home {here.home}"
        assert command in html.unescape(page.text)


def test_without_demo_identities_none_is_shown(
    world: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Client(world, tmp_path_factory.mktemp("home"), demo=False) as client:
        page = client.request("GET", "/developers")

    assert "./aeo token" not in page.text
    assert "only the public is answered" in page.text


def suspended(at: At) -> tuple[str, int]:
    """An operator that Singapore recognised until now, and its position."""
    found: dict[str, Any] = at.ask(
        "{ operators(filter: {recognisedIn: SG}, first: 1) { edges { node { tin } } } }",
        SINGAPORE,
    )
    tin = found["operators"]["edges"][0]["node"]["tin"]
    document = (
        "mutation M($input: SuspendAuthorisationInput!) { suspendAuthorisation(input: $input) {"
        " ... on Recorded { position } ... on Refused { message } } }"
    )
    input = {"commandId": str(uuid4()), "tin": tin, "reason": "an audit", "legalGround": "a law"}
    receipt = at.ask(document, f"officer:{tin[:2]}", input=input)["suspendAuthorisation"]
    Projector(at.database).catch_up()
    return tin, receipt["position"]


@pytest.fixture(scope="module")
def suspension(at: At) -> tuple[str, int]:
    """An operator that Singapore recognised until then, and the position."""
    return suspended(at)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stream_tells_what_changes(at: At, suspension: tuple[str, int], language: str) -> None:
    is_here(LANGUAGES[language], "Node", "nodejs")
    tin, position = suspension
    told = {"REGISTRY_URL": at.url, "REGISTRY_TOKEN": at.token(SINGAPORE)}
    with subprocess.Popen(
        [LANGUAGES[language], f"follow.{language}", str(position - 1)],
        cwd=EXAMPLES,
        env=os.environ | told,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as following:
        assert following.stdout is not None
        lines = (line.strip().removeprefix("data: ") for line in following.stdout)
        data = json.loads(next(line for line in lines if line.startswith("{")))
        os.killpg(following.pid, signal.SIGTERM)

    change = data["data"]["recognitionChanged"] if language == "sh" else data
    assert (change["tin"], change["was"], change["now"]) == (tin, "RECOGNISED", "NOT_RECOGNISED")
    assert change["next"] == position


@pytest.mark.parametrize("language", ["py", "mjs"])
def test_a_webhook_is_registered_and_its_message_checked_and_read(at: At, language: str) -> None:
    is_here("curl", "curl", "curl")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    receipt = json.loads(at.said_by("sh", "register_webhook.sh", f"http://127.0.0.1:{port}/"))[
        "data"
    ]["registerWebhook"]
    told = {"REGISTRY_URL": at.url, "REGISTRY_TOKEN": at.token(SINGAPORE)}
    told["REGISTRY_WEBHOOK_SECRET"] = receipt["secret"]
    sender = Helper("webhooks", at.home, "--demo")
    sender.tell(at.database)
    try:
        with subprocess.Popen(
            [LANGUAGES[language], f"webhook.{language}", str(port)],
            cwd=EXAMPLES,
            env=os.environ | told,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as receiving:
            assert receiving.stdout is not None
            try:
                tin, _ = suspended(at)
                line = receiving.stdout.readline()
            finally:
                receiving.terminate()
    finally:
        sender.stop()

    assert line == f"{tin} RECOGNISED NOT_RECOGNISED\n"
