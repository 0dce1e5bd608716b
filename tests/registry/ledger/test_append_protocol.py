"""The functions that append are held to the slower one before them, on generated batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from uuid import UUID

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from psycopg.conninfo import make_conninfo
from psycopg.rows import tuple_row

from registry.ledger.append_encoding import encode_request
from registry.ledger.append_protocol import prepare, receive, send
from registry.ledger.baseline import BEFORE
from registry.ledger.recorder import NAMES
from registry.ledger.types import AppendRequest, Metadata, Outcome
from registry.paths import MIGRATIONS

Batch = list[tuple[AppendRequest, list[StoredEvent]]]
KNOWN = [datetime(2020 + n, 1, 1, tzinfo=UTC) for n in range(6)]
TOMORROW = datetime.now(UTC) + timedelta(days=1)
KINDS = (
    "uuid",
    "bytea",
    "text",
    "integer",
    "uuid",
    "bigint",
    "text",
    "text",
    "timestamptz",
    "text",
    "text",
)


def uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


class Clerks:
    """Writers who mostly know where a stream stands, and sometimes do not."""

    def __init__(self, seed: int, most: int) -> None:
        """`most`: events of a command. With one, it is the shorter way that is taken."""
        self.random, self.most = Random(seed), most
        self.streams = [uuid(self.random) for _ in range(12)]
        self.stands = dict.fromkeys(self.streams, 0)
        self.sent: list[tuple[UUID, bytes]] = []

    def batch(self) -> Batch:
        """As the committer makes them: no stream and no command id is in it twice."""
        random = self.random
        free, ids = random.sample(self.streams, len(self.streams)), set[UUID]()
        made: Batch = []
        for _ in range(random.choice([1, 1, 2, 3, 4, 5, 6])):
            streams = random.choice([0, 1, 1, 1, 1, 2]) if self.most > 1 else 1
            mine = [free.pop() for _ in range(min(len(free), streams))]
            id, digest = uuid(random), sha256(random.randbytes(4)).digest()
            if self.sent and random.random() < 0.15:
                id, digest = random.choice(self.sent)
                digest = digest if random.random() < 0.6 else sha256(b"else").digest()
            if id in ids:
                continue
            ids.add(id)
            made.append(self.command(id, digest, mine))
        return made

    def command(
        self, id: UUID, digest: bytes, mine: list[UUID]
    ) -> tuple[AppendRequest, list[StoredEvent]]:
        random = self.random
        order = [stream for stream in mine for _ in range(random.randint(1, self.most))]
        if random.random() < 0.5:
            random.shuffle(order)  # streams may take turns within a command
        next = {s: self.stands[s] + random.choice([1] * 12 + [0, 2]) for s in mine}
        events, metadata = [], []
        known = random.choice(KNOWN)
        for stream in order:
            state = random.randbytes(3).hex().encode()
            events.append(StoredEvent(stream, next[stream], "operator.amended", state))
            next[stream] += 1
            known = random.choice([known] * 24 + [*KNOWN, TOMORROW])
            said = known if random.random() < 0.3 else None
            by, ground = random.choice([None, "CN"]), random.choice([None, "UCC"])
            metadata.append(Metadata(said, by, ground))
        return AppendRequest(id, digest, "clerk", metadata), events

    def learn(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        for (command, events), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, list) and not command.repeated:
                self.sent.append((command.id, command.digest))
                for event in events:
                    assert isinstance(event.originator_id, UUID)
                    self.stands[event.originator_id] = event.originator_version


def slowly(connection: psycopg.Connection, batch: Batch) -> list[tuple[int, str | None]]:
    """What the first function answers: statuses and sentences."""
    beside = [m for command, _ in batch for m in command.metadata]
    events = [event for _, events in batch for event in events]
    rows = connection.execute(
        "select status, refusal from public.old_append("
        + ", ".join(f"%s::{kind}[]" for kind in KINDS)
        + ")",
        [
            [command.id for command, _ in batch],
            [command.digest for command, _ in batch],
            [command.actor for command, _ in batch],
            [len(events) for _, events in batch],
            [e.originator_id for e in events],
            [e.originator_version for e in events],
            [e.topic for e in events],
            [e.state.decode() for e in events],
            [m.known_at for m in beside],
            [m.decided_by for m in beside],
            [m.legal_ground for m in beside],
        ],
    )
    return rows.fetchall()


KEPT = """
select position, originator_id, originator_version, topic, state, command_id, actor, decided_by,
    legal_ground, case when known_at < recorded_at then known_at end
from {} order by position
"""
REQUESTS = "select command_id, digest, first_position, events from {} order by command_id"


@pytest.mark.parametrize("most", [4, 1])
@pytest.mark.parametrize("seed", range(4))
def test_it_keeps_and_refuses_what_the_first_function_would(
    database: str, seed: int, most: int
) -> None:
    first = (MIGRATIONS / BEFORE / "0002_ledger.sql").read_text(encoding="utf-8")
    first = NAMES.sub(lambda found: f"public.old_{found[1]}" if found[1] else "old", first)
    clerks, statuses, sentences = Clerks(seed, most), set[int](), 0
    with psycopg.connect(database, autocommit=True, row_factory=tuple_row) as owner:
        owner.execute(first.encode())
        as_writer = make_conninfo(database, options="-c role=aeo_writer")
        with psycopg.connect(as_writer, autocommit=True) as writer:
            prepare(writer)
            for _ in range(150):
                batch = clerks.batch()
                if not batch:
                    continue
                answers = slowly(owner, batch)
                tickets = [encode_request(command, events) for command, events in batch]
                send(writer, tickets)
                outcomes = receive(writer, tickets)
                for (command, events), outcome, (status, sentence) in zip(
                    batch, outcomes, answers, strict=True
                ):
                    kind = type(outcome).__name__
                    # A repeat with another number of events is its own exception.
                    named = (
                        "list",
                        "Repeated" if kind == "Repeated" else "list",
                        "StreamMoved",
                        "CommandMismatch",
                        "KnownAtRefused",
                    )[status]
                    assert kind == named
                    if isinstance(outcome, list):
                        assert command.repeated == (status == 1) and len(outcome) == len(events)
                    if sentence and "known at" not in sentence:  # those name their own clock
                        assert str(outcome) == sentence
                        sentences += 1
                    statuses.add(status)
                clerks.learn(batch, outcomes)
        assert statuses == {0, 1, 2, 3, 4} and sentences > 20
        for what, table in ((KEPT, "event"), (REQUESTS, "command")):
            kept, wanted = (
                owner.execute(what.format(name).encode()).fetchall()
                for name in (f"ledger.{table}", f"public.old_{table}")
            )
            assert kept == wanted and len(kept) > 100
