"""A witness in a process of its own, as a partner administration runs it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from registry.transparency.signed_notes import VerifierKey, read_key
from tests.paths import WITNESS


@dataclass(frozen=True)
class Witness:
    """`keys`: Ed25519 first, then ML-DSA-44."""

    home: Path
    url: str
    keys: tuple[VerifierKey, ...]

    def post(self, body: bytes, path: str = "/add-checkpoint") -> tuple[int, str, str]:
        """Status, type and text of the answer."""
        return post(self.url, body, path)

    def evidence(self) -> str:
        return _told("evidence", "--home", str(self.home))


def post(url: str, body: bytes, path: str = "/add-checkpoint") -> tuple[int, str, str]:
    where = urlsplit(url)
    asking = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    try:
        asking.request("POST", path, body)
        answer = asking.getresponse()
        return answer.status, answer.headers["content-type"], answer.read().decode()
    finally:
        asking.close()


@contextmanager
def witness(
    home: Path, logs: Sequence[VerifierKey], name: str = "customs.kr/w1", port: int = 0
) -> Iterator[Witness]:
    """Begun anew where `home` is empty, else with what it remembers."""
    if not (home / "witness.key").exists():
        (home.parent / f"{home.name}.keys").write_text(
            _told("init", "--home", str(home), "--name", name)
        )
    keys = tuple(map(read_key, (home.parent / f"{home.name}.keys").read_text().split()))
    known = [word for log in logs for word in ("--log", str(log))]
    said = home / "said.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, WITNESS, "serve", "--home", home, "--port", str(port), *known],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
    try:
        assert process.stdout is not None
        found = re.match(r"listening on (http://\S+)", process.stdout.readline())
        assert found, said.read_text()
        yield Witness(home, found[1], keys)
    finally:
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()
    assert "Traceback" not in said.read_text(), said.read_text()


def _told(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, WITNESS, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={"PATH": os.environ["PATH"]},
    )
    return done.stdout
