"""An administration signs at home what it decides, and the counter takes no other decision."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any
from uuid import uuid4

from api.access.tokens import issue
from api.pages.query import COOKIE
from registry.domain import commands as c
from registry.domain import signatures
from registry.domain.values import Tin
from registry.transparency.signed_notes import ED25519, Signer
from tests.api.cli.test_cli import Terminal
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client

CHINESE = Signer.of_seed("CN", ED25519, b"c" * 32)
SHOWN = """{ position type imported
    signature { administration key signature text valid } }"""


def amend(name: str, **more: Any) -> dict[str, Any]:
    return {"tin": ACME, "name": name, "commandId": str(uuid4()), **more}


def signed(said: dict[str, Any], by: Signer = CHINESE) -> dict[str, Any]:
    """What an officer's own program does: the same command, and the signature under it."""
    command = c.read(
        {
            "command": "amend_particulars",
            "tin": said["tin"],
            "name": said["name"],
            "command_id": said["commandId"],
        }
    )
    return said | {"signature": signatures.sign(command, by).signature}


def events(counter: Client, by: str, **filter: Any) -> list[dict[str, Any]]:
    asked = "query Q($filter: EventFilter) { events(filter: $filter, first: 100) { edges { node"
    found = counter.ask(f"{asked} {SHOWN} }} }} }}", by, filter=filter)
    return [edge["node"] for edge in found["events"]["edges"]]


def test_once_there_is_a_key_the_counter_takes_signed_decisions_only(counter: Client) -> None:
    added = counter.tell("addKey", CHINA, administration="CN", key=str(CHINESE.key))
    assert [event["type"] for event in added["events"]] == ["administration.key_added"]

    unsigned = counter.tell("amendParticulars", CHINA, **amend("Acme Lines"))
    assert (unsigned["__typename"], unsigned["code"]) == ("Refused", "SIGNATURE_MISSING")
    other = Signer.of_seed("CN", ED25519, b"x" * 32)
    stranger = counter.tell("amendParticulars", CHINA, **signed(amend("Acme Lines"), other))
    assert stranger["code"] == "KEY_UNKNOWN"
    changed = signed(amend("Acme Lines")) | {"name": "Acme Ports"}
    assert counter.tell("amendParticulars", CHINA, **changed)["code"] == "SIGNATURE_INVALID"

    said = signed(amend("Acme Lines"))
    outcome = counter.tell("amendParticulars", CHINA, **said)
    assert outcome["__typename"] == "Recorded"

    [*_, before, last] = events(counter, AUDITOR, tin=ACME)
    assert before["signature"] is None
    shown = last["signature"]
    assert (shown["administration"], shown["key"], shown["valid"]) == (
        "CN",
        CHINESE.key.id.hex(),
        True,
    )
    assert CHINESE.key.check(shown["text"], b64decode(shown["signature"])) is None
    assert json.loads(shown["text"].split("\n")[1])["name"] == "Acme Lines"

    # What an operator's customs signed may say why, which is not everybody's to read.
    assert all(event["signature"] is None for event in events(counter, f"company:{ACME}"))


def test_an_import_of_the_public_record_is_marked(counter: Client) -> None:
    [proposed, *_] = events(counter, KOREA, agreement="CN-KR-AEO")
    assert (proposed["imported"], proposed["signature"]) == (True, None)
    [registered, *_] = events(counter, AUDITOR, tin=ACME)
    assert registered["imported"] is False


def test_a_file_is_signed_where_the_key_is(database: str, tmp_path: Path) -> None:
    terminal = Terminal(database, tmp_path)
    key, file = tmp_path / "kr.key", tmp_path / "commands.jsonl"
    public = terminal.run("new-key", "KR", "--out", str(key))
    assert key.stat().st_mode & 0o777 == 0o600
    terminal.run("new-key", "KR", "--out", str(key), code=1)  # a key is never overwritten

    file.write_text(json.dumps({"command": "accept_application", "tin": "KR1234567"}) + "\n")
    line = terminal.run("sign-commands", str(file), "--key", str(key))
    command = c.read(json.loads(line))
    assert isinstance(command, c.AcceptApplication) and command.tin == Tin("KR1234567")
    found = signatures.read(command)
    assert found is not None and found.administration == "KR"
    assert public.startswith(f"KR+{found.key}+")


def test_a_file_that_cannot_be_signed_whole_is_not_signed(database: str, tmp_path: Path) -> None:
    """Names of files are read where the caller stands, who is not in the program's folder."""
    terminal = Terminal(database, tmp_path)
    terminal.run("new-key", "KR", "--out", "kr.key")
    good = json.dumps({"command": "accept_application", "tin": "KR1234567"})
    (tmp_path / "commands.jsonl").write_text(f"{good}\nnot a command\n")
    (tmp_path / "other.key").write_text("KR nothing\n")

    for words, said in (
        (("commands.jsonl", "--key", "kr.key"), "line 2: "),
        (("nowhere.jsonl", "--key", "kr.key"), "nowhere.jsonl cannot be read"),
        (("commands.jsonl", "--key", "no.key"), "no.key cannot be read"),
        (("commands.jsonl", "--key", "other.key"), "other.key holds no key"),
    ):
        assert terminal.run("sign-commands", *words, code=4) == ""
        assert said in terminal.complaint


def test_a_page_says_who_vouches_for_each_event(counter: Client) -> None:
    counter.tell("addKey", CHINA, administration="CN", key=str(CHINESE.key))
    counter.tell("amendParticulars", CHINA, **signed(amend("Acme Lines")))
    shown = {"cookie": f"{COOKIE}={issue(AUDITOR, counter.home)}"}
    for page in (f"/operators/{ACME}?tab=all", f"/audit?of={ACME}"):
        text = counter.request("GET", page, headers=shown).text
        assert text.count("signed by CN") == 1, page
        assert text.count("unsigned import") == sum(
            event["imported"] for event in events(counter, AUDITOR, tin=ACME)
        ), page


def test_a_line_to_sign_ends_where_one_of_an_import_does(database: str, tmp_path: Path) -> None:
    terminal = Terminal(database, tmp_path)
    terminal.run("new-key", "KR", "--out", "key")
    said = {"command": "give_consent", "tin": "KR12", "partner": "CN", "legal_ground": "a\u2028b"}
    file = tmp_path / "lines.jsonl"
    file.write_text("\ufeff" + json.dumps(said, ensure_ascii=False), encoding="utf-8")

    signed = json.loads(terminal.run("sign-commands", "lines.jsonl", "--key", "key"))
    assert signed["legal_ground"] == "a\u2028b"

    file.write_text(json.dumps(said | {"legal_ground": "\ud800"}), encoding="utf-8")
    assert terminal.run("sign-commands", "lines.jsonl", "--key", "key", code=4) == ""
    assert "line 1: " in terminal.complaint
