"""Witnesses see every head, and nobody waits for them; what they hold against us is kept."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg
import pytest

from api.log import signer, witnesses
from api.log.signing_keys import SigningKeys, open_signing_keys
from projections.reads.log import head
from projections.transparency.verify_log import InconsistentLog
from registry.transparency.signed_notes import COSIGNATURE, Checkpoint, Signer, read_note
from registry.transparency.witness_policy import satisfied
from tests.keeping_log import asked, copied, eventually, heads, is_signed, logged, signing
from tests.watching import Witness, witness

FORGER = Signer.of_seed("forger.example/w", COSIGNATURE, bytes([5]) * 32)


@pytest.fixture
def box(tmp_path: Path) -> SigningKeys:
    return open_signing_keys(tmp_path / "home")


def watched_by(box: SigningKeys, *watching: Witness, url: bool = True) -> None:
    """The policy asks for all of these, in either kind of signature."""
    lines = [f"log {key}" for key in box.keys]
    for n, watcher in enumerate(watching):
        where = watcher.url if url else ""
        lines += [f"witness {n}.{kind} {key} {where}" for kind, key in enumerate(watcher.keys)]
        lines += [f"group {n} any {n}.0 {n}.1"]
    lines += ["group all all " + " ".join(str(n) for n in range(len(watching))), "quorum all"]
    (box.home / "witnesses.txt").write_text("\n".join([*lines, ""]))


def cosigned(database: str) -> list[int]:
    """The sizes that a witness signed, once for each key and time."""
    return [size for (size,) in asked(database, "select size from proof.cosignature order by size")]


def published(database: str) -> str:
    async def read() -> str:
        async with await psycopg.AsyncConnection.connect(database) as connection:
            found = await head(connection)
            assert found is not None
            return found.note

    return asyncio.run(read())


def test_every_witness_signs_with_every_key(
    database: str, box: SigningKeys, tmp_path: Path
) -> None:
    with (
        witness(tmp_path / "kr", box.keys, "customs.kr/w1") as kr,
        witness(tmp_path / "nz", box.keys, "customs.nz/w1") as nz,
    ):
        watched_by(box, kr, nz)
        with signing(database, box.home):
            for first, last in ((0, 7), (7, 30)):
                size = logged(database, first, last)
                eventually(lambda size=size: cosigned(database).count(size) == 4)
    enough, seen = satisfied(box.policy(), read_note(published(database)))
    assert enough and set(seen) == {"0.0", "0.1", "1.0", "1.1"}


def test_the_same_head_is_shown_again_for_a_fresh_time(
    database: str, box: SigningKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "RENEW", 0.3)
    size = logged(database, 0, 7)
    with witness(tmp_path / "kr", box.keys) as kr:
        watched_by(box, kr)
        with signing(database, box.home):
            eventually(lambda: cosigned(database).count(size) >= 4)
    times = asked(database, "select distinct cosigned_at from proof.cosignature where size > 0")
    assert len(times) >= 2 and max(heads(database)) == size


def test_a_witness_that_was_down_is_told_what_it_missed(
    database: str, box: SigningKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "RETRY", 0.2)
    with witness(tmp_path / "kr", box.keys) as kr:
        watched_by(box, kr)
        port = int(kr.url.rpartition(":")[2])
        is_signed(database, box.home, logged(database, 0, 7))
    with signing(database, box.home):
        size = logged(database, 7, 30)
        eventually(lambda: size in heads(database))
        with witness(tmp_path / "kr", box.keys, port=port):
            eventually(lambda: size in cosigned(database))


def test_nobody_waits_for_a_witness_that_is_down_or_never_answers(
    database: str, box: SigningKeys
) -> None:
    with closing(socket.socket()) as mute, closing(socket.socket()) as none:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        none.bind(("127.0.0.1", 0))
        urls = [f"http://127.0.0.1:{socket.getsockname()[1]}" for socket in (mute, none)]
        keys = [Signer.of_seed(f"w{n}.example", COSIGNATURE, bytes([n]) * 32) for n in (1, 2)]
        (box.home / "witnesses.txt").write_text(
            "".join(f"witness {n} {keys[n].key} {urls[n]}\n" for n in (0, 1)) + "quorum none\n"
        )
        with signing(database, box.home):
            caller, _ = mute.accept()  # its first question is never answered
            with closing(caller):
                for first, last in ((0, 7), (7, 30), (30, 31)):
                    size = logged(database, first, last)
                    eventually(lambda size=size: size in heads(database))
    assert cosigned(database) == []


# ---------------------------------------------------------------- forks and going back


def test_yesterdays_copy_of_everything_is_found_out_by_a_witness(
    server: str, database: str, box: SigningKeys, tmp_path: Path
) -> None:
    """Database and memory restored together contradict nothing at home."""
    old = logged(database, 0, 7)
    with witness(tmp_path / "kr", box.keys) as kr:
        watched_by(box, kr)
        with signing(database, box.home):
            eventually(lambda: old in cosigned(database))
        shutil.copytree(box.home, tmp_path / "yesterday")
        with copied(server, database) as yesterday:
            size = logged(database, 7, 30)
            with signing(database, box.home):
                eventually(lambda: size in cosigned(database))

            logged(yesterday, 40, 45)
            with pytest.raises(InconsistentLog, match=f"has seen {size} leaves"):
                signer.HeadSigner(yesterday, tmp_path / "yesterday").run(threading.Event())
            assert max(heads(yesterday)) == old
    [kept] = (tmp_path / "yesterday" / "evidence").glob("*-409.txt")
    assert f"answered 409\n\n{size}\n" in kept.read_text()


def test_two_servers_with_one_key_are_found_out_and_both_sides_keep_the_proof(
    server: str, database: str, box: SigningKeys, tmp_path: Path
) -> None:
    fork = tmp_path / "fork"
    with witness(tmp_path / "kr", box.keys) as kr:
        watched_by(box, kr, url=False)
        is_signed(database, box.home, logged(database, 0, 7))
        shutil.copytree(box.home, fork)
        with copied(server, database) as other:
            # Each records something else, and the second is longer, so that it looks the newer.
            is_signed(other, fork, logged(other, 40, 90))
            forked = (fork / "log.head").read_text()
            watched_by(box, kr)
            with signing(database, box.home):
                size = logged(database, 7, 30)
                eventually(lambda: size in cosigned(database))

            shutil.copy(box.home / "witnesses.txt", fork)
            with signing(other, fork):
                [kept] = eventually(lambda: list((fork / "evidence").glob("*-422.txt")))
            assert not satisfied(box.policy(), read_note(published(other)))[0]
        assert satisfied(box.policy(), read_note(published(database)))[0]
        assert forked in kept.read_text()
        # Two signed heads that cannot both be true, in the hands of the witness.
        assert forked in kr.evidence() and heads(database)[size] in kr.evidence()


# ------------------------------------------------------------------ strange answers


@contextmanager
def answering(answer: Callable[[bytes], tuple[int, str, str]]) -> Iterator[str]:
    """Somebody who answers whatever is wanted."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, kind, said = answer(body)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Door) as door:
        threading.Thread(target=door.serve_forever, args=(0.05,)).start()
        try:
            yield f"http://127.0.0.1:{door.server_port}/prefix/"
        finally:
            door.shutdown()


KNOWN = Signer.of_seed("customs.kr/w1", COSIGNATURE, bytes([9]) * 32)
TEXT = "text/plain"


@pytest.mark.parametrize(
    "answer",
    [
        lambda asked: (200, TEXT, ""),
        lambda asked: (200, TEXT, "nonsense\n"),
        lambda asked: (200, TEXT, FORGER.line(Checkpoint("a", 1, bytes(32)).text, 1)),
        lambda asked: (200, TEXT, KNOWN.line(Checkpoint("a", 1, bytes(32)).text, 1)),
        lambda asked: (200, TEXT, KNOWN.line(_text(asked), 1 << 60)),
        lambda asked: (409, "text/x.tlog.size", "many\n"),
        lambda asked: (409, "text/x.tlog.size", "0\n"),
        lambda asked: (409, TEXT, "5\n"),
        lambda asked: (404, TEXT, "who are you?"),
        lambda asked: (500, TEXT, "x" * 1_000_000),
    ],
)
def test_an_answer_that_is_no_signature_counts_for_nothing(
    database: str, box: SigningKeys, answer: Callable[[bytes], tuple[int, str, str]]
) -> None:
    calls: list[bytes] = []

    def answered(body: bytes) -> tuple[int, str, str]:
        calls.append(body)
        return answer(body)

    with answering(answered) as url:
        (box.home / "witnesses.txt").write_text(f"witness kr {KNOWN.key} {url}\nquorum kr\n")
        with signing(database, box.home):
            eventually(lambda: calls)
            size = logged(database, 0, 5)
            eventually(lambda: size in heads(database))
    assert cosigned(database) == []


def test_a_witness_that_says_it_has_seen_more_stops_the_signer_at_work(
    database: str, box: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "RETRY", 0.2)
    claims = iter([(500, TEXT, "not yet")])
    with answering(lambda _: next(claims, (409, "text/x.tlog.size", "9000\n"))) as url:
        (box.home / "witnesses.txt").write_text(f"witness kr {KNOWN.key} {url}\nquorum kr\n")
        why = pytest.raises(InconsistentLog, match="has seen 9000 leaves")
        with why, signing(database, box.home) as worker:
            worker.join()
    size = logged(database, 0, 5)
    # Once somebody has understood why, and taken it off the list, the log goes on.
    (box.home / "witnesses.txt").write_text("quorum none\n")
    is_signed(database, box.home, size)


def test_of_an_answers_lines_the_known_ones_are_kept(database: str, box: SigningKeys) -> None:
    def answered(body: bytes) -> tuple[int, str, str]:
        return 200, TEXT, FORGER.line("another\n1\nAAAA\n", 7) + KNOWN.line(_text(body), 7)

    with answering(answered) as url:
        (box.home / "witnesses.txt").write_text(f"witness kr {KNOWN.key} {url}\nquorum kr\n")
        with signing(database, box.home):
            eventually(lambda: cosigned(database))
    assert {key for (key,) in asked(database, "select key from proof.cosignature")} == {
        str(KNOWN.key)
    }


def _text(asked: bytes) -> str:
    return read_note(asked.partition(b"\n\n")[2]).text
