"""What the log costs: a proof from a large tree, taking events in, and those who record meanwhile.

    python -m ops.bench.log [--leaves 10000000] [--rounds 20] [--seconds 1.5]

The large tree is made of random leaves, straight into the tiles; a few thousand of them are rows
as well, and are asked for. Who records does so with the integrator running and not, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import perf_counter, process_time, sleep

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from ops.bench import common, stores
from ops.bench.stores import Place
from projections.reads import log as reads
from projections.transparency.integrator import LEADER_LOCK, Integrator
from registry.ledger.database import migrate
from registry.transparency import merkle, signed_notes
from registry.transparency.leaves import entry

ASKED = 2_000  # proofs
WRITERS = 32
SIGNER = signed_notes.Signer.of_seed("bench.example/aeo", signed_notes.ED25519, bytes(32))


# ---------------------------------------------------------------- a large tree


def tree(url: str, leaves: int) -> list[int]:
    """Makes a signed log of so many leaves. Answers the positions that can be asked for."""
    random = Random(1)
    chosen = sorted(random.sample(range(leaves), min(ASKED, leaves)))
    entries = {index: entry(os.urandom(32), b"%d" % index) for index in chosen}
    with psycopg.connect(url) as connection:
        with connection.cursor().copy("copy proof.leaf from stdin") as copy:
            for index, data in entries.items():
                copy.write_row((index, index + 1, data))
        tops: dict[tuple[int, int], bytes] = {}
        level, hashes = 0, _leaves(leaves, entries)
        while True:
            above = bytearray()
            with connection.cursor().copy("copy proof.tile from stdin (format binary)") as copy:
                copy.set_types(["int2", "int8", "bytea"])
                for index, tile in enumerate(hashes):
                    copy.write_row((level, index, tile))
                    tops[level, index] = tile
                    if len(tile) == merkle.WIDTH * merkle.HASH:
                        above += merkle.subtree(tile)
            if not above:
                break
            if level == 0:  # the rest is small; this was all of it
                tops = {key: top for key, top in tops.items() if key[1] == leaves // merkle.WIDTH}
            level, hashes = level + 1, _tiles(bytes(above))
        root = merkle.root(merkle.from_tiles(lambda level, index: tops[level, index]), leaves)
        text = signed_notes.Checkpoint(SIGNER.name, leaves, root).text
        connection.execute("update proof.state set size = %s, position = %s", [leaves, leaves])
        connection.execute(
            "insert into proof.checkpoint values (%s, %s, %s, now())",
            [leaves, root, f"{text}\n{SIGNER.line(text)}"],
        )
    return [index + 1 for index in chosen]


def _leaves(count: int, entries: dict[int, bytes]) -> Iterator[bytes]:
    """Tiles of random hashes, but for the entries'."""
    known = sorted(entries, reverse=True)
    for first in range(0, count, merkle.WIDTH):
        tile = bytearray(os.urandom(min(merkle.WIDTH, count - first) * merkle.HASH))
        while known and known[-1] < first + merkle.WIDTH:
            index = known.pop()
            at = (index - first) * merkle.HASH
            tile[at : at + merkle.HASH] = merkle.leaf_hash(entries[index])
        yield bytes(tile)


def _tiles(hashes: bytes) -> Iterator[bytes]:
    size = merkle.WIDTH * merkle.HASH
    return (hashes[at : at + size] for at in range(0, len(hashes), size))


async def prove(url: str, positions: list[int]) -> tuple[list[float], float, str]:
    """Milliseconds of each, the processor's milliseconds of one, and a proof."""
    took, last = [], ""
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        for position in positions[:50]:
            await reads.inclusion(connection, position)
        began = process_time()
        for position in positions:
            at = perf_counter()
            inclusion = await reads.inclusion(connection, position)
            took.append((perf_counter() - at) * 1000)
            last = inclusion.proof or ""
        used = (process_time() - began) * 1000 / len(positions)
    return took, used, last


def verified(proof: str, url: str) -> float:
    """Milliseconds, with the signature, as an auditor's program takes them. Raises BadProof."""
    new_proof = signed_notes.read_proof(proof)
    with psycopg.connect(url) as connection:
        [(leaf,)] = connection.execute(
            "select entry from proof.leaf where leaf_index = %s", [new_proof.index]
        )
    took = []
    for _ in range(200):
        at = perf_counter()
        new_proof = signed_notes.read_proof(proof)
        head = signed_notes.read_checkpoint(new_proof.checkpoint.text)
        assert new_proof.checkpoint.signed_by([SIGNER.key])
        merkle.verify_inclusion(
            merkle.leaf_hash(leaf), new_proof.index, head.size, new_proof.path, head.root
        )
        took.append((perf_counter() - at) * 1000)
    assert b64decode(new_proof.checkpoint.text.split("\n")[2]) == head.root
    return median(took)


# ------------------------------------------------------------------ taking in


def taken_in(url: str) -> tuple[int, float, float]:
    """How many events, in how many seconds, and with how many of our processor."""
    began, used = perf_counter(), process_time()
    size = Integrator(url).catch_up()
    return size, perf_counter() - began, process_time() - used


def appended(place: Place, stack: ExitStack, rounds: int) -> list[tuple[float, float]]:
    """Events a second of each round: alone, and with the integrator."""
    record = stores.ours_by_tasks(place, stack)(WRITERS)
    url = make_conninfo(place.url, dbname="ours_tasks")
    pairs = []
    for number in range(rounds):
        rates = {}
        for integrating in (False, True) if number % 2 else (True, False):
            Integrator(url).catch_up()  # neither begins with what the other has left
            with _integrating(url, place.folder) if integrating else nullcontext():
                rates[integrating] = record()["rate"]
        pairs.append((rates[False], rates[True]))
    return pairs


@contextmanager
def _integrating(url: str, folder: Path) -> Iterator[None]:
    """A process of its own, as `aeo up` has it."""
    log = folder / "log.log"
    with common.process([sys.executable, "-m", "api", "log"], {"DATABASE_URL": url}, log) as popen:
        with psycopg.connect(url, autocommit=True) as connection:
            while not connection.execute(
                "select from pg_locks where locktype = 'advisory' and objid = %s", [LEADER_LOCK]
            ).rowcount:
                assert popen.poll() is None, log.read_text()
                sleep(0.05)
        yield


# ------------------------------------------------------------------ the whole of it


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--leaves", type=int, default=10_000_000, help="of the large tree")
    options.add_argument("--rounds", type=int, default=20, help="pairs of runs")
    options.add_argument("--seconds", type=float, default=1.5, help="of each run")
    asked = options.parse_args()
    say = common.console.print
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        place = Place(folder, url, asked.seconds)

        large = place.database("large")
        migrate(large)
        began = perf_counter()
        positions = tree(large, asked.leaves)
        say(f"a tree of {asked.leaves:,} leaves, made in {perf_counter() - began:.0f} s")
        Random(2).shuffle(positions)
        took, used, proof = asyncio.run(prove(large, positions))
        cuts = quantiles(took, n=100)
        say(
            f"inclusion proof: p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms,"
            f" processor {used:.2f} ms, {len(took):,} of them"
        )
        say(f"one proof verified, with its signature: {verified(proof, large):.2f} ms")

        recorder = stores.ours(place, stack, "bulk")
        stores.bulk(recorder, asked.seconds)
        size, seconds, used = taken_in(make_conninfo(url, dbname="ours_bulk"))
        say(
            f"taken in: {size / seconds:,.0f} events/s, {size:,} of them,"
            f" processor {used * 1e6 / size:.0f} us each"
        )
        pairs = appended(place, stack, asked.rounds)
        ratios = sorted(beside / alone for alone, beside in pairs)
        say(
            f"recorded by {WRITERS}: {median(alone for alone, _ in pairs):,.0f} events/s alone,"
            f" {median(beside for _, beside in pairs):,.0f} with the integrator,"
            f" ratio {median(ratios):.3f} (half of {len(ratios)} pairs within"
            f" {ratios[len(ratios) // 4]:.3f}-{ratios[-1 - len(ratios) // 4]:.3f})"
        )


if __name__ == "__main__":
    main()
