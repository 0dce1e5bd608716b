"""Clients that other people wrote, against an instance of the register.

`python -m ops.clients` starts an instance in a temporary home, installs the clients of npm and PyPI
in exact versions beside it (package.json, requirements.txt; never into the project), runs each and
prints a table. It ends with 1 where one of them is not served, with 2 where no registry can be
reached.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.clients import instance
from registry.paths import OPS, SCHEMA

HERE = OPS / "clients"
PATIENCE = 300  # seconds for an installation, and for each client
AT_ONCE = 2  # clients that run side by side
CASES = 2_000  # of schemathesis: as many an operation as makes so many where each has arguments


#: What npm, pip and uv say where a registry cannot be reached, and not where a version is wrong.
UNREACHABLE = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH"
    r"|Failed to establish a new connection|Temporary failure in name resolution"
    r"|error sending request|dns error|Network is unreachable|Connection refused",
)


class NotInstalled(Exception):
    """The clients cannot be had: a version that does not exist, a package that does not install."""


class Unreachable(NotInstalled):
    """They cannot be had here: npm is missing, or no registry can be reached."""


@dataclass(frozen=True)
class Result:
    client: str
    what: str
    told: str  # ok, noted, failed
    why: str = ""


@dataclass(frozen=True)
class Client:
    """`command`: what runs it in the folder in which it was installed."""

    name: str
    command: tuple[str, ...]


CLIENTS = (
    # The longest begins first.
    Client("schemathesis, GraphQL", ("python", "fuzz.py", "GraphQL", str(CASES))),
    Client("schemathesis, OpenAPI", ("python", "fuzz.py", "OpenAPI", str(CASES))),
    Client("Apollo Client 4", ("node", "apollo.mjs")),
    Client("Apollo Client 3", ("node", "apollo.mjs", "3")),
    Client("urql 6, Graphcache", ("node", "urql.mjs")),
    Client("Relay", ("node", "relay.mjs")),
    Client("graphql-codegen, tsc", ("node", "codegen.mjs")),
    Client("oidc-provider", ("node", "identity_provider.mjs")),
    Client("Canaille", ("python", "canaille_provider.py")),
    Client("openid-client", ("node", "openid_client.mjs")),
    Client("graphql-http audit", ("node", "audit.mjs")),
    Client("graphql-sse, graphql-ws", ("node", "streams.mjs")),
    Client("gql", ("python", "gql_client.py")),
    Client("jose, vc-bitstring-status-list", ("node", "credentials.mjs")),
    Client("openvc", ("python", "openvc_client.py")),
    Client("examples of /developers", ("python", "run_examples.py")),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.clients", description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the installed clients here")
    parser.add_argument("--only", help="clients whose name contains this")
    said = parser.parse_args()
    began = time.monotonic()
    try:
        with _folder(said.folder) as folder:
            install(folder)
            with instance.started() as running:
                chosen = [
                    client for client in CLIENTS if (said.only or "").lower() in client.name.lower()
                ]
                with ThreadPoolExecutor(AT_ONCE) as several:
                    told = several.map(lambda value: run(value, folder, running), chosen)
                    results = [line for lines in told for line in lines]
    except NotInstalled as error:
        print(f"the clients were NOT run: {error}", file=sys.stderr)
        return 2 if isinstance(error, Unreachable) else 1
    show(results)
    failed = sum(line.told == "failed" for line in results)
    seconds = time.monotonic() - began
    print(f"{len(results)} checks of {len(chosen)} clients, {failed} failed, in {seconds:.0f} s")
    return 1 if failed or not results else 0


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="aeo-clients-") as made:
        yield Path(made)


def install(folder: Path) -> None:
    """The checks, and the clients in the versions that stand beside them. Raises NotInstalled."""
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    shutil.copy(SCHEMA, folder / "schema.graphql")
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Unreachable("no Node here (Debian: apt-get install nodejs npm)")
    # No lock file: it would hold the addresses of a registry.
    quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _install([npm, "install", *quiet], folder)
    python = folder / "python"
    requirements = ["-r", str(HERE / "requirements.txt")]
    if uv := shutil.which("uv"):
        if not python.exists():
            _install([uv, "venv", "--quiet", "--python", sys.executable, str(python)], folder)
        made = str(python / "bin" / "python")
        _install([uv, "pip", "install", "--quiet", "--python", made, *requirements], folder)
    else:
        _install([sys.executable, "-m", "venv", str(python)], folder)
        made = str(python / "bin" / "python")
        _install([made, "-m", "pip", "install", "--quiet", *requirements], folder)


def _install(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{' '.join(command[:3])} took more than {PATIENCE} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        kind = Unreachable if UNREACHABLE.search(said) else NotInstalled
        raise kind(f"{' '.join(command[:3])}: {said[-600:]}")


def run(client: Client, folder: Path, running: instance.Instance) -> list[Result]:
    """What one client tells, a line a check."""
    program, *arguments = client.command
    if program == "python":
        program = str(folder / "python" / "bin" / "python")
    environment = os.environ | running.environment() | {"PATH": _path(folder)}
    process = subprocess.Popen(
        [program, *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    late = False
    try:
        said, wrong = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
        late = True
        said, wrong = process.communicate()
    found = [line.split("\t") for line in said.splitlines()]
    results = [
        Result(client.name, told[1], told[0], told[2] if len(told) > 2 else "")
        for told in found
        if told[0] in ("ok", "noted", "failed") and len(told) > 1
    ]
    code = process.returncode
    if not results or (code and all(result.told != "failed" for result in results)):
        why = (wrong or said).strip()[-600:] or f"ended with {code}"
        why = f"took more than {PATIENCE} s" if late else why
        results.append(Result(client.name, "runs to its end", "failed", " ".join(why.split())))
    return results


def _path(folder: Path) -> str:
    own = (folder / "python" / "bin", folder / "node_modules" / ".bin")
    return os.pathsep.join([*map(str, own), os.environ.get("PATH", "")])


def show(results: list[Result]) -> None:
    """client | what | result; a long reason stands below its line."""
    widths = [
        max((len(getattr(each_result, part)) for each_result in results), default=0)
        for part in _COLUMNS
    ]
    for result in results:
        cells = (f"{getattr(result, part):<{w}}" for part, w in zip(_COLUMNS, widths, strict=True))
        print(" | ".join(cells), result.told, sep=" | ")
        if result.why:
            print(f"    {result.why[:600]}")


_COLUMNS = ("client", "what")

if __name__ == "__main__":
    raise SystemExit(main())
