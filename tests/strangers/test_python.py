"""Other people's verifier and witness, from PyPI, accept the log and its witnesses as they are."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.log.signer import HeadSigner
from api.log.signing_keys import open_signing_keys
from projections.transparency.verify_log import InconsistentLog
from registry.transparency.signed_notes import MLDSA44, read_note
from registry.transparency.witness_policy import satisfied
from tests.keeping_log import asked, copied, eventually, heads, logged, signing
from tests.strangers.conftest import STRANGERS, Static
from tests.watching import witness


def tlog(python: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python / "aics-tlog", *arguments], capture_output=True, text=True)


def told(static: Static) -> tuple[str | Path, ...]:
    return ("--tiles", static.folder, "--log-key", str(static.keys[0]))


def test_a_stranger_verifies_head_leaves_and_growth(python: Path, static: Static) -> None:
    done = tlog(python, "verify-checkpoint", *told(static), "--origin", static.keys[0].name)
    assert done.returncode == 0, done.stderr
    for index in (0, 1, 255, 256, static.size - 1):
        done = tlog(python, "verify-inclusion", *told(static), "--index", str(index))
        assert done.returncode == 0, done.stderr
    growth = (*told(static), "--old-checkpoint", static.older)
    done = tlog(python, "verify-consistency", *growth)
    assert done.returncode == 0, done.stderr

    older = static.older.read_text()
    static.older.write_text(older.replace(older[60], "A" if older[60] != "A" else "B", 1))
    assert tlog(python, "verify-consistency", *growth).returncode
    tile = static.folder / "tile" / "0" / "000"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    assert tlog(python, "verify-inclusion", *told(static), "--index", "1").returncode


def test_a_strangers_arithmetic_finds_the_ml_dsa_line_true(python: Path, static: Static) -> None:
    checkpoint = static.folder / "checkpoint"
    [key] = [key for key in static.keys if key.kind == MLDSA44]

    def checked() -> subprocess.CompletedProcess[str]:
        command = [
            str(item) for item in (python / "python", STRANGERS / "mldsa.py", checkpoint, key)
        ]
        return subprocess.run(command, capture_output=True, text=True)

    done = checked()
    assert done.returncode == 0, done.stderr
    good = checkpoint.read_text(encoding="utf-8")
    smaller = good.replace(f"\n{static.size}\n", f"\n{static.size - 1}\n", 1)
    edited = static.older.read_text(encoding="utf-8").partition("\n\n")[0]
    for other in (smaller, edited + good[good.index("\n\n") :]):
        checkpoint.write_text(other, encoding="utf-8")
        assert "not of this checkpoint" in checked().stderr
    checkpoint.write_text(f"{good[: good.index(chr(8212))]}", encoding="utf-8")
    assert "has not signed it" in checked().stderr


def test_a_stranger_counts_our_witness(python: Path, static: Static, tmp_path: Path) -> None:
    quorum = (*told(static), "--quorum", "1")
    with witness(tmp_path / "kr", static.keys) as kr:
        note = (static.folder / "checkpoint").read_text()
        status, _, lines = kr.post(f"old 0\n\n{note}".encode())
        assert status == 200
        named = (*quorum, "--witness-key", str(kr.keys[0]))
        assert tlog(python, "verify-checkpoint", *named).returncode
        (static.folder / "checkpoint").write_text(note + lines)
        done = tlog(python, "verify-checkpoint", *named)
        assert done.returncode == 0, done.stderr


@contextmanager
def aics_witness(python: Path, home: Path, static: Static) -> Iterator[tuple[str, str]]:
    """Its verifier key, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{free.getsockname()[1]}"
    home.mkdir()
    config = ("--config", str(home / "witness.json"))

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [python / "aics-witness", *arguments, *config], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "--name", "stranger.example/w1", "--listen", at)
    run("add-log", "--origin", static.keys[0].name, "--vkey", str(static.keys[0]))
    status = run("status")
    vkey = next(word for word in status.replace('"', " ").split() if word.count("+") >= 2)
    process = subprocess.Popen(
        [python / "aics-witness", "serve", *config], stderr=subprocess.DEVNULL
    )
    try:
        host, port = at.split(":")
        eventually(lambda: _listens(host, int(port)))
        yield vkey, f"http://{at}"
    finally:
        process.terminate()
        process.wait(20)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_strangers_witness_cosigns_and_holds_us_to_it(
    python: Path, grown: Static, server: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with (
        copied(server, grown.database) as database,
        copied(server, grown.database) as yesterday,
        aics_witness(python, tmp_path / "stranger", grown) as (vkey, url),
    ):
        shutil.copytree(grown.home, home)
        logs = "".join(f"log {key}\n" for key in grown.keys)
        (home / "witnesses.txt").write_text(f"{logs}witness w {vkey} {url}\nquorum w\n")
        shutil.copytree(home, tmp_path / "yesterday")
        seen = "select size from proof.cosignature"
        with signing(database, home):
            eventually(lambda: (grown.size,) in asked(database, seen))
            size = logged(database, 420, 430)
            eventually(lambda: (size,) in asked(database, seen))
        [(line,)] = asked(database, "select line from proof.cosignature where size = %s", size)
        note = read_note(heads(database)[size] + line)
        assert satisfied(open_signing_keys(home).policy(), note)[0]

        with pytest.raises(InconsistentLog, match=f"has seen {size} leaves"):
            HeadSigner(yesterday, tmp_path / "yesterday").run(threading.Event())
