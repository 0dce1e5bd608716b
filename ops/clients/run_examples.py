"""The examples that the page /developers shows, run as they stand there."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

EXAMPLES = Path("examples").resolve()
WORDS = "early: RECOGNISED\nlate: NOT_RECOGNISED\n"
OUTCOMES = {"early": "RECOGNISED", "late": "NOT_RECOGNISED"}


def said_by(*command: str, officer: bool = False) -> str:
    token = {"REGISTRY_TOKEN": os.environ["REGISTRY_OFFICER"]} if officer else {}
    done = subprocess.run(
        command, cwd=EXAMPLES, env=os.environ | token, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_words(*command: str) -> None:
    found = said_by(*command)
    assert found == WORDS, found


def in_json(*command: str) -> None:
    found = json.loads(said_by(*command))["data"]
    assert {name: answer["outcome"] for name, answer in found.items()} == OUTCOMES, found


def synced() -> None:
    file = Path(f"kept-{uuid.uuid4()}.json").resolve()
    said_by(sys.executable, "sync.py", "SG", str(file))
    first = json.loads(file.read_text())
    assert "CN0000000012" in first["operators"], first
    said_by(sys.executable, "sync.py", "SG", str(file))  # the next night: nothing new, nothing lost
    assert json.loads(file.read_text())["operators"].keys() >= first["operators"].keys()


def commanded() -> None:
    tin = f"CN6{random.randrange(10**9):09}"
    receipt = said_by(sys.executable, "command.py", tin, "Example", officer=True)
    assert receipt.strip().partition(":")[2].isdigit(), receipt


def check(what: str, tried: Callable[..., None], *said: str) -> bool:
    try:
        tried(*said)
    except Exception as error:
        print(f"failed\t{what}\t{type(error).__name__}: {' '.join(str(error).split())}")
        return False
    print(f"ok\t{what}")
    return True


if __name__ == "__main__":
    good = [
        check("ask.sh", in_json, "sh", "ask.sh"),
        check("ask_with_gql.py", in_words, sys.executable, "ask_with_gql.py"),
        check("ask_with_apollo.mjs", in_words, "node", "ask_with_apollo.mjs"),
        check("ask_with_urql.mjs", in_words, "node", "ask_with_urql.mjs"),
        check("Ask.java", in_json, "java", "Ask.java"),
        check("sync.py", synced),
        check("command.py", commanded),
    ]
    raise SystemExit(0 if all(good) else 1)
