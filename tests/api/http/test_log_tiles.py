"""The log as static files: a stranger with an address rebuilds the tree, and no more."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

import psycopg
import pytest

from projections.transparency.integrator import Integrator
from registry.transparency import merkle
from registry.transparency.signed_notes import Checkpoint, read_checkpoint, read_key, read_note
from tests.api.client import Client
from tests.keeping_log import eventually, is_signed, leaves


@pytest.fixture(scope="module")
def signed(counter: Client) -> Checkpoint:
    """The head of a log of the small world: a handful of leaves."""
    assert counter.request("GET", "/log/checkpoint").status_code == 404
    assert counter.request("GET", "/log/keys").status_code == 404
    return is_signed(counter.database, counter.home, Integrator(counter.database).catch_up())


@pytest.fixture(autouse=True)
def of_a_signed_log(signed: Checkpoint) -> Iterator[None]:
    yield


def test_the_head_is_a_note_that_the_published_keys_signed(
    counter: Client, signed: Checkpoint
) -> None:
    answer = counter.request("GET", "/log/checkpoint")
    note = read_note(answer.content)
    keys = [read_key(line) for line in counter.request("GET", "/log/keys").text.splitlines()]

    assert read_checkpoint(note.text) == signed
    assert set(note.signed_by(keys)) == set(keys) and len(keys) == 2
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "max-age=1"


def test_the_tree_is_built_again_from_its_entries(counter: Client, signed: Checkpoint) -> None:
    answer = counter.request("GET", f"/log/tile/entries/000.p/{signed.size}")
    entries, rest = [], answer.content
    while rest:
        length = int.from_bytes(rest[:2], "big")
        entries.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    tile = counter.request("GET", f"/log/tile/0/000.p/{signed.size}").content

    assert hashes == leaves(counter.database)
    assert tile == b"".join(hashes)
    assert merkle.root(merkle.from_tiles(lambda level, index: tile), signed.size) == signed.root


def test_what_a_head_covers_may_be_kept_for_ever(counter: Client, signed: Checkpoint) -> None:
    path = f"/log/tile/0/000.p/{signed.size}"
    answer = counter.request("GET", path)
    again = counter.request("GET", path, headers={"If-None-Match": answer.headers["etag"]})
    head = counter.request("HEAD", path)

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "max-age=31536000, immutable"
    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answer.headers["etag"]


def test_an_older_tree_has_its_tiles_too(counter: Client, signed: Checkpoint) -> None:
    now = counter.request("GET", f"/log/tile/0/000.p/{signed.size}").content
    then = counter.request("GET", "/log/tile/0/000.p/3").content

    assert then == now[: 3 * merkle.HASH]


def test_what_no_head_covers_is_not_there_yet(counter: Client, signed: Checkpoint) -> None:
    counter.tell("registerOperator", "officer:KR", tin="KR1234567", name="A", roles=["EXPORTER"])
    grown = Integrator(counter.database).catch_up()
    assert grown == signed.size + 1  # taken in, and not signed

    for path in (f"0/000.p/{grown}", "0/000", "0/001", "1/000.p/1", f"entries/000.p/{grown}"):
        answer = counter.request("GET", f"/log/tile/{path}")
        assert answer.status_code == 404, path
        assert answer.text.startswith("The last signed head covers"), path


@pytest.mark.parametrize(
    "path",
    [
        "0/0",
        "0/0000",
        "0/67",
        "00/067",
        "01/067",
        "64/067",
        "-1/067",
        "x/067",
        "0/x000/067",
        "0/x001/x000",
        "0/001/067",
        "0/067/",
        "0/067.p",
        "0/067.p/",
        "0/067.p/0",
        "0/067.p/01",
        "0/067.p/256",
        "0/067.p/1000",
        "0/067.p/+1",
        "0/067.P/1",
        "0//067",
        "0",
        "",
        "entries/67",
        "entries/x000/067",
        "entries/067.p/256",
        "0/٠٦٧",
        "data/067",
        "0/" + "x999/" * 9 + "067",
        "0/067%00",
        "0/067%0A",
        "0/../0/067",
        pytest.param("0/" + "x001/" * 1_500 + "067", id="a number of 4,503 digits"),
    ],
)
def test_a_tile_has_one_name(counter: Client, path: str) -> None:
    # What the address itself cannot say is nobody's address.
    status = 404 if ".." in path else 400
    assert counter.request("GET", f"/log/tile/{path}").status_code == status


def test_the_programs_and_the_policy_are_had_here(counter: Client) -> None:
    program = counter.request("GET", "/aeo-verify")
    policy = counter.request("GET", "/log/policy")

    assert program.text.startswith("#!/usr/bin/env python3")
    assert "aeo-verify" in program.headers["content-disposition"]
    assert "quorum none" in policy.text


def test_every_answer_names_the_head(counter: Client, signed: Checkpoint) -> None:
    line = f"{signed.size} {b64encode(signed.root).decode()}"
    eventually(lambda: "aeo-log-head" in counter.request("GET", "/healthz").headers)

    answers = [
        counter.post("{ viewer { subject } }"),
        counter.post("{ nonsense }"),
        counter.request("GET", "/graphql"),
        counter.request("GET", "/"),
        counter.request("GET", "/nowhere"),
        counter.request("GET", "/static/style.css"),
        counter.request("GET", "/log/checkpoint"),
    ]

    assert {answer.headers["aeo-log-head"] for answer in answers} == {line}


def test_no_salt_is_ever_among_the_files(counter: Client, signed: Checkpoint) -> None:
    with psycopg.connect(counter.database) as connection:
        rows = connection.execute("select salt from proof.salt").fetchall()
    given = b"".join(
        counter.request("GET", f"/log/{path}").content
        for path in (
            "checkpoint",
            f"tile/0/000.p/{signed.size}",
            f"tile/entries/000.p/{signed.size}",
        )
    )

    assert rows and not any(salt in given or sha256(salt).digest() in given for (salt,) in rows)
