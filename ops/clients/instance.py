"""An instance of the register for the clients: `aeo up` in a temporary home, on a free port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.paths import ROOT

OPERATORS = 200
#: A client that generates documents shows more new ones than a person does, and most are refused.
GENERATED = {"AEO_NEW_DOCUMENTS": "100000", "AEO_REFUSAL_DELAY": "0"}
PARTNER, OFFICER = "partner:SG", "officer:CN"


@dataclass(frozen=True)
class Instance:
    url: str
    home: Path

    def token(self, subject: str) -> str:
        command = [sys.executable, "-m", "api", "token", subject, "--home", str(self.home)]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return said.stdout.strip()

    def environment(self) -> dict[str, str]:
        """What a client is told: where the register is, and as whom it asks."""
        return {
            "REGISTRY_URL": self.url,
            "REGISTRY_TOKEN": self.token(PARTNER),
            "REGISTRY_OFFICER": self.token(OFFICER),
        }


@contextmanager
def started() -> Iterator[Instance]:
    """Once it answers; it is stopped at the end. Raises RuntimeError where it does not start."""
    home = Path(tempfile.mkdtemp(prefix="aeo-clients-home-"))
    home.chmod(0o711)  # as root the database is run by another user, who must get through
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    without = {name: said for name, said in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-m", "api", "up", "--port", str(port), "--home", str(home)]
    running = subprocess.Popen(
        [*command, "--operators", str(OPERATORS)],
        cwd=ROOT,
        env=without | GENERATED,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        ready = f"ready http://127.0.0.1:{port}/\n"
        said = []
        for line in running.stdout:
            said.append(line)
            if line == ready:
                break
        else:
            raise RuntimeError("the register did not start: " + "".join(said[-10:]))
        yield Instance(f"http://127.0.0.1:{port}", home)
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
        shutil.rmtree(home, ignore_errors=True)
