"""An instance of the register for the clients: `aeo up` in a temporary home, on a free port."""

from __future__ import annotations

import json
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
from secrets import token_urlsafe

from joserfc.jwk import ECKey

from registry.paths import ROOT

OPERATORS = 200
#: A client that generates documents shows more new ones than a person does, and most are refused.
GENERATED = {"AEO_REFUSAL_DELAY": "0"}
GROUPS = ("public", "company", "partner", "officer", "auditor")
CLIENT = "partner.json"  # the file of a client, in the home
PARTNER, OFFICER = "partner:SG", "officer:CN"


@dataclass(frozen=True)
class Instance:
    """`provider`, `canaille`: where the identity providers that the register accepts are to listen
    (identity_provider.mjs, canaille_provider.py)."""

    url: str
    home: Path
    provider: str = ""
    canaille: str = ""

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
            "REGISTRY_HOME": str(self.home),
            "REGISTRY_PROVIDER": self.provider,
            "REGISTRY_CANAILLE": self.canaille,
            "REGISTRY_CLIENT": str(self.home / CLIENT),
        }

    def make_client(self) -> None:
        """Registers a client of the register's own authorisation server."""
        command = [sys.executable, "-m", "api", "client", "new", PARTNER, "--url", self.url]
        command += ["--out", str(self.home / CLIENT), "--home", str(self.home)]
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    def raise_quotas(self) -> None:
        """Lets every client ask as much as a client that generates documents does."""
        for group in GROUPS:
            command = [sys.executable, "-m", "api", "client", "quota", group]
            command += ["--requests", "1000000", "--work", "1000000", "--home", str(self.home)]
            subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def issuers(home: Path, provider: str, canaille: str) -> Path:
    """The file of issuers: the identity providers, and the key and the secret with which the
    register signs people in at them."""
    key = ECKey.generate_key("P-256")
    (home / "sign-in.json").write_text(json.dumps(key.as_dict(private=True, kid="sign-in")))
    (home / "sign-in-public.json").write_text(json.dumps(key.as_dict(private=False, kid="sign-in")))
    issuer = {
        "issuer": provider,
        "administrations": ["KR", "CN"],
        "algorithms": ["ES256"],
        "rules": [{"claims": {"groups": "aeo"}, "subject": "{role}:{country}"}],
        "sign_in": {
            "client_id": "register",
            "name": "The provider",
            "key_file": str(home / "sign-in.json"),
            "scope": "openid aeo",
        },
    }
    (home / "canaille-secret").write_text(token_urlsafe(32))
    other = {
        "issuer": canaille,
        "administrations": ["CN"],
        "algorithms": ["RS256"],
        "rules": [{"claims": {"groups": "aeo-officers"}, "subject": "officer:CN"}],
        "sign_in": {
            "client_id": "register",
            "name": "Canaille",
            "secret_file": str(home / "canaille-secret"),
            "scope": "openid groups",
        },
    }
    file = home / "issuers.json"
    file.write_text(json.dumps({"issuer": [issuer, other]}))
    return file


@contextmanager
def started() -> Iterator[Instance]:
    """Once it answers; it is stopped at the end. Raises RuntimeError where it does not start."""
    home = Path(tempfile.mkdtemp(prefix="aeo-clients-home-"))
    home.chmod(0o711)  # as root the database is run by another user, who must get through
    port = free_port()
    provider, canaille = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    identity = {
        "AEO_ISSUERS": str(issuers(home, provider, canaille)),
        "AEO_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "AEO_AUTHORISATION_SERVER": "true",
        "AEO_DPOP_NONCE": "true",
    }
    without = {name: said for name, said in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-m", "api", "up", "--port", str(port), "--home", str(home)]
    running = subprocess.Popen(
        [*command, "--operators", str(OPERATORS)],
        cwd=ROOT,
        env=without | GENERATED | identity,
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
        instance = Instance(f"http://127.0.0.1:{port}", home, provider, canaille)
        instance.make_client()
        instance.raise_quotas()
        yield instance
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
        shutil.rmtree(home, ignore_errors=True)
