"""The command line, as a person and as a script use it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.access.tokens import make_key
from projections.checking.background_check import BackgroundCheck
from projections.engine.projector import Projector
from projections.engine.read_your_writes import wait_until
from registry.paths import ROOT
from tests import warm_commands

FRUIT = "CN1234567890"


class Terminal:
    """Runs commands on one database, as the launcher does."""

    def __init__(self, database: str, home: Path) -> None:
        self.database, self.home = database, home
        self._environment = {
            "DATABASE_URL": self.database,
            "AEO_HOME": str(self.home),
            "AEO_CWD": str(self.home),
            "PATH": "/usr/bin:/bin",
            "COLUMNS": "200",
        }

    def run(self, *words: str, code: int = 0) -> str:
        """What it printed. Fails unless it ends with the code."""
        done = warm_commands.run(*words, environment=self._environment)
        self.complaint = done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def start(self, *words: str) -> warm_commands.Running:
        return warm_commands.start(*words, environment=self._environment)

    def answers(self, url: str) -> bool:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
            time.sleep(0.1)
        return False

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))


@pytest.fixture(scope="module")
def aeo(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    yield Terminal(world, tmp_path_factory.mktemp("home"))


# ------------------------------------------------------------------- asking


def test_ask_says_whether_and_why(aeo: Terminal) -> None:
    said = aeo.run("ask", FRUIT, "--in", "KR")

    assert f"{FRUIT} in KR: RECOGNISED (IN_FORCE)" in said
    assert "CN-KR-AEO" in said


def test_ask_is_the_same_for_machines(aeo: Terminal) -> None:
    told = aeo.json("ask", f"AEO{FRUIT}", "--in", "KR", "--at", "2010-01-01")

    assert (told["tin"], told["in"], told["outcome"]) == (FRUIT, "KR", "NOT_RECOGNISED")
    assert told["at"] == "2010-01-01T03:00:00Z"


def test_ask_keeps_to_what_was_known(aeo: Terminal) -> None:
    told = aeo.json("ask", FRUIT, "--in", "KR", "--known-at", "2015-01-01")

    assert (told["outcome"], told["reasons"]) == ("UNKNOWN", ["NO_INFORMATION"])


def test_ask_as_somebody_else_shows_no_more_than_they_may_see(aeo: Terminal) -> None:
    aeo.run("ask", FRUIT, "--in", "KR", "--as", "partner:KR")
    aeo.run("ask", FRUIT, "--in", "JP", "--as", "partner:KR", code=1)
    assert "partner:KR may not" in aeo.complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ask", "cn1", "--in", "KR"), "is not a TIN"),
        (("ask", FRUIT, "--in", "QQ"), "is not a customs territory"),
        (("ask", FRUIT, "--in", "KR", "--at", "yesterday"), "is not an instant"),
        (("ask", FRUIT, "--in", "KR", "--at", "2026-03-01T09:00"), "has no zone"),
        (("ask", FRUIT, "--in", "KR", "--at", "0001-01-01T00:00:00+09:00"), "of the years 1 to"),
        (("rebuild", "--until", "9" * 5000), "is no position"),
        (("ask", FRUIT, "--in", "KR", "--known-at", "2999-01-01"), "is in the future"),
        (("ask", FRUIT, "--in", "KR", "--role", "PIRATE"), "one of IMPORTER"),
        (("ask", FRUIT, "--in", "KR", "--hs", "123"), "2, 4 or 6 digits"),
        (("ask", FRUIT, "--in", "KR", "--as", "pirate:KR"), "pirate"),
        (("ask", FRUIT), "--in"),
        (("replay", "--stream", "x"), "is not the id of a stream"),
        (("token", "king:CN"), "king"),
        (("conquer",), "conquer"),
    ],
)
def test_wrong_use_ends_with_2_and_a_sentence(
    aeo: Terminal, words: tuple[str, ...], said: str
) -> None:
    aeo.run(*words, code=2)

    assert said in aeo.complaint


def test_history_tells_events_and_beliefs(aeo: Terminal) -> None:
    said = aeo.run("history", FRUIT)

    assert "Synthetic Fruit Exporter Ltd" in said
    assert said.index("registered") < said.index("granted") < said.index("UNDER_EXAMINATION")


def test_history_of_machines_has_both_clocks(aeo: Terminal) -> None:
    told = aeo.json("history", FRUIT)

    granted = next(event for event in told["events"] if event["type"] == "operator.granted")
    assert granted["payload"]["effective"] == "2018-05-28"
    valid = next(period for period in told["periods"] if period["status"] == "VALID")
    assert {"validFrom", "validTo", "recordedFrom", "recordedTo"} <= valid.keys()


def test_history_says_how_an_operator_stands_today_and_not_on_a_day_to_come(
    aeo: Terminal, tmp_path: Path
) -> None:
    ground = {"legal_ground": "Order 237"}
    life: list[dict[str, Any]] = [
        {"command": "register_operator", "name": "Ahead Ltd", "roles": ["EXPORTER"]},
        {
            "command": "lodge_application",
            "programme": "CN-AEO",
            "type": "ACE",
            "effective": "2020-01-01",
            **ground,
        },
        {"command": "accept_application", "effective": "2020-01-02", **ground},
        {
            "command": "grant_authorisation",
            "number": "AEOCNAHEAD1",
            "effective": "2020-05-01",
            **ground,
        },
        {
            "command": "revoke_authorisation",
            "reason": "fraud",
            "effective": f"{date.today().year + 2}-01-01",
            **ground,
        },
    ]
    file = tmp_path / "ahead.jsonl"
    file.write_text("\n".join(json.dumps({"tin": "CNAHEAD1", **line}) for line in life))
    aeo.run("import", str(file))
    Projector(aeo.database).catch_up()

    assert aeo.run("history", "CNAHEAD1").splitlines()[0] == "CNAHEAD1  Ahead Ltd  VALID"


def test_history_of_nobody_is_refused(aeo: Terminal) -> None:
    aeo.run("history", "CN0000000000", code=1)

    assert "CN0000000000 is not in this register" in aeo.complaint


def replayed(aeo: Terminal, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in aeo.run("replay", *words).splitlines()]


def test_replay_is_the_whole_sequence_without_a_gap(aeo: Terminal) -> None:
    positions = [event["position"] for event in replayed(aeo)]

    assert positions == list(range(1, len(positions) + 1))


def test_replay_goes_from_and_until_a_position_or_an_instant(aeo: Terminal) -> None:
    assert [e["position"] for e in replayed(aeo, "--from", "3", "--until", "5")] == [3, 4, 5]
    assert replayed(aeo, "--until", "2001-01-01") == []


def test_replay_can_be_filtered(aeo: Terminal) -> None:
    types = {e["type"] for e in replayed(aeo, "--tin", FRUIT, "--type", "operator.granted")}
    assert types == {"operator.granted"}

    [first, *_] = replayed(aeo, "--agreement", "CN-RU-CONTROL")
    assert first["payload"]["kind"] == "CONTROL_RESULTS"
    assert replayed(aeo, "--stream", first["stream"])[0] == first
    assert replayed(aeo, "--agreement", "Agreement:CN-RU-CONTROL")[0] == first
    aeo.run("replay", "--agreement", "Document:CN-RU-CONTROL", code=2)


# ------------------------------------------------------------------ keeping


def test_migrate_a_second_time_does_nothing(aeo: Terminal) -> None:
    assert aeo.run("migrate").strip() == "up to date"


def test_load_a_second_time_records_nothing(aeo: Terminal) -> None:
    before = replayed(aeo)[-1]["position"]

    assert "the world is loaded" in aeo.run("load")
    assert replayed(aeo)[-1]["position"] == before


def test_check_finds_nothing_wrong(aeo: Terminal) -> None:
    found = json.loads(aeo.run("check", "--streams", "20", "--json"))

    assert all(finding["good"] for finding in found)


def test_check_ends_with_1_when_a_read_model_lies(aeo: Terminal) -> None:
    with psycopg.connect(aeo.database) as connection:
        connection.execute("update views.operator set standing = 'REVOKED' where tin = %s", [FRUIT])

    said = aeo.run("check", "--streams", "0", code=1)

    assert f"operator {FRUIT} stands REVOKED without such a period" in said
    assert "rebuilt up to position" in aeo.run("rebuild")
    aeo.run("check", "--streams", "0")


def test_a_replay_until_some_position_gives_the_same_tables_every_time(aeo: Terminal) -> None:
    once = json.loads(aeo.run("rebuild", "--until", "1500", "--json"))
    again = json.loads(aeo.run("rebuild", "--until", "1500", "--json"))
    now = json.loads(aeo.run("rebuild", "--digests", "--json"))

    assert once == again
    assert once["position"] == 1500 < now["position"]
    assert once["digests"]["status_period"] != now["digests"]["status_period"]
    assert once["digests"]["claim"] == now["digests"]["claim"]


def test_import_reads_the_file_where_the_caller_stands(aeo: Terminal) -> None:
    line = {"command": "register_operator", "tin": "KR9900000001", "name": "Example"}
    (aeo.home / "list.jsonl").write_text(f"{json.dumps(line)}\n", encoding="utf-8")

    assert "1 lines: 1 recorded (1 events)" in aeo.run("import", "list.jsonl")


def test_import_ends_with_1_for_a_bad_line_and_4_for_a_bad_file(aeo: Terminal) -> None:
    (aeo.home / "bad.jsonl").write_text('{"command": "register_operator"}\n', encoding="utf-8")

    said = aeo.run("import", "bad.jsonl", code=1)
    assert "bad.jsonl:1" in said and "fill it in" in said
    aeo.run("import", "missing.jsonl", code=4)
    assert "cannot be read" in aeo.complaint


def test_a_partners_list_is_shown_then_recorded_then_known(aeo: Terminal) -> None:
    rows = "RUC;Razón social;Estado\n20100000001;Andina S.A.;Vigente\n"
    (aeo.home / "pe.csv").write_text(rows, encoding="utf-8")
    words = ("import", "partner-list", "pe.csv", "--administration", "PE", "--as-of", "2026-11-01")

    shown = aeo.run(*words, "--dry-run")
    assert "PE20100000001" in shown and "nothing is recorded (--dry-run)" in shown
    assert "events recorded" in aeo.run(*words)
    assert "this file was recorded before" in aeo.run(*words)
    assert aeo.json(*words)["known"]


def test_a_partners_list_with_a_bad_row_ends_with_1_and_records_nothing(aeo: Terminal) -> None:
    rows = "RUC;Razón social;Estado\n20100000002;Andina S.A.;quizás\n"
    (aeo.home / "bad.csv").write_text(rows, encoding="utf-8")
    office = ("--administration", "PE")

    said = aeo.run("import", "partner-list", "bad.csv", *office, "--as-of", "2026-11-02", code=1)
    assert "bad.csv:2" in said and "quizás" in said and "nothing is recorded" in said
    aeo.run("import", "partner-list", "bad.csv", *office, "--as-of", "yesterday", code=2)
    assert "wanted a civil day" in aeo.complaint


def test_no_database_ends_with_3(aeo: Terminal) -> None:
    nowhere = Terminal("postgresql:///x?host=/nowhere", aeo.home)

    nowhere.run("check", code=3)

    assert "DATABASE_URL does not answer" in nowhere.complaint


def test_a_database_that_is_not_ours_yet_ends_with_3_and_names_the_cure(
    aeo: Terminal, server: str
) -> None:
    stranger = Terminal(server, aeo.home)

    stranger.run("replay", code=3)

    assert "./aeo migrate" in stranger.complaint


# ------------------------------------------------------------------ running


def test_how_it_stands_is_said_and_what_stopped_goes_on(aeo: Terminal) -> None:
    aeo.run("status", code=1)
    assert "no projector runs: ./aeo follow" in aeo.complaint
    told = json.loads(aeo.run("status", "--json", code=1))
    assert {worker["name"] for worker in told["workers"]} == {
        "follow",
        "log",
        "sign",
        "clerk",
        "checker",
        "webhooks",
    }
    assert {read_model["name"] for read_model in told["readModels"]} >= {"operators", "agreements"}
    before = told["epoch"]["id"]
    said = aeo.run("new-epoch", "--why", "restored from the copy of Sunday")
    after = json.loads(aeo.run("status", "--json", code=1))["epoch"]
    assert before in said and after["id"] in said and after["id"] != before
    assert after["why"] == "restored from the copy of Sunday"
    assert f"epoch {after['id']} since" in aeo.run("status", code=1)

    assert "no read model is stopped" in aeo.run("resume")
    aeo.run("resume", "kings", code=2)
    assert "found 'kings', wanted one of" in aeo.complaint
    assert all(name in aeo.complaint for name in ("administrations", "agreements", "operators"))


def test_how_the_background_check_stands_is_said_and_an_open_finding_ends_with_1(
    aeo: Terminal,
) -> None:
    assert "last complete check: not yet" in aeo.run("status", code=1)
    BackgroundCheck(aeo.database).whole()
    told = json.loads(aeo.run("status", "--json", code=1))["checked"]
    assert told["wholeAt"] and (told["findings"], told["unmended"], told["ofLedger"]) == (0, 0, 0)
    assert told["streams"] > 0 and "findings of the background check" not in aeo.complaint
    with psycopg.connect(aeo.database, autocommit=True) as connection:
        connection.execute(
            "insert into checks.finding (relation, noun, subject, what, position)"
            " values ('views.operator', 'operator', 'CN1', '1 row is missing', 1)"
        )
        told = json.loads(aeo.run("status", "--json", code=1))["checked"]
        assert "1 finding of the background check is open" in aeo.complaint
        assert (told["findings"], told["unmended"]) == (1, 1)
        connection.execute("delete from checks.finding")


def test_serve_offers_no_demo_identity_and_says_so_when_it_starts(aeo: Terminal) -> None:
    aeo.run("serve", "--demo", code=2)

    assert "demo identities are offered by `aeo up` alone" in aeo.complaint


def test_the_service_and_the_follower_run_alone_and_end_when_told(
    database: str, tmp_path: Path
) -> None:
    """As on a database of somebody's own, with one of each."""
    alone = Terminal(database, tmp_path)
    with closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        port = str(trial.getsockname()[1])
    service, follower = alone.start("serve", "--port", port), alone.start("follow")
    try:
        alone.run("load")
        assert wait_until(database, replayed(alone)[-1]["position"], 60)
        assert alone.answers(f"http://127.0.0.1:{port}/readyz")
    finally:
        for process in (service, follower):
            process.send_signal(signal.SIGTERM)

    assert [service.wait(30), follower.wait(30)] == [0, 0]


# ---------------------------------------------------------------- take away


def test_a_token_is_one_word(aeo: Terminal) -> None:
    make_key(aeo.home)
    token = aeo.run("token", "officer:CN").strip()

    assert token.count(".") == 2 and " " not in token


def test_the_schema_that_is_exported_is_the_one_committed(aeo: Terminal) -> None:
    committed = (ROOT / "api" / "schema.graphql").read_text(encoding="utf-8")

    assert aeo.run("export-schema") == committed


def test_help_names_every_exit_code(aeo: Terminal) -> None:
    said = aeo.run("--help")

    assert "Exit codes: 0 done; 1 refused" in said
    assert "import" in said and "history" in said


def test_a_stranger_called_like_one_of_us_is_not_taken_for_ours(
    aeo: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "__init__.py").touch()
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import runpy; "
    start += "runpy.run_module('api', run_name='__main__')"

    done = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode
    assert "registry is found in" in done.stderr


# ------------------------------------------------------- a home without a register

NEEDS_A_REGISTER = {
    "status": (),
    "resume": (),
    "check": (),
    "rebuild": (),
    "history": (FRUIT,),
    "ask": (FRUIT, "--in", "KR"),
    "replay": (),
    "new-epoch": ("--why", "restored"),
    "follow": (),
    "clerk": (),
    "webhooks": (),
    "checker": (),
    "log": (),
    "sign": (),
    "token": ("officer:CN",),
}


@pytest.mark.parametrize("command", NEEDS_A_REGISTER)
def test_a_command_that_needs_a_register_makes_none(tmp_path: Path, command: str) -> None:
    home = tmp_path / "no where"
    done = subprocess.run(
        [sys.executable, "-m", "api", command, *NEEDS_A_REGISTER[command], "--home", str(home)],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (3, "")
    assert "there is no register" in done.stderr and f"{home}" in done.stderr
    assert f"./aeo up --home '{home}' makes one" in done.stderr
    assert not home.exists()
