"""A file of commands is decided line by line and recorded whole, or not at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.domain import BaseAggregate
from eventsourcing.persistence import StoredEvent

from api.lines import Bad, check_texts, explain, lines_of
from registry import commands as c
from registry import signatures
from registry.appending import prepare, receive, send
from registry.application import Registry
from registry.committer import take
from registry.database import environment
from registry.errors import (
    AlreadyRegistered,
    BadValue,
    KnownTooLate,
    OtherCommand,
    Refusal,
    StaleVersion,
    WrongDates,
)
from registry.ledger import Command, Outcome
from registry.tickets import write_out

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)  # as a command may count from that year on


class Draft(Registry):
    """The register as it would be with what was decided here, of which nothing is recorded yet.

    Holds every stream that it touched.
    """

    def __init__(self, conninfo: str) -> None:
        super().__init__(environment(conninfo))
        self._conninfo = conninfo
        self._streams: dict[UUID, BaseAggregate[UUID]] = {}
        self._known: dict[UUID, datetime] = {}
        self._sent: dict[UUID, bytes] = {}
        self._slips: list[tuple[Command, list[StoredEvent]]] = []
        self._began = datetime.now(UTC)

    def add(self, command: c.Command, actor: str) -> bool:
        """Decide it on all that was added before. False when it was recorded or added before.

        Raises a Refusal, and then the line has left no trace.
        """
        if isinstance(command, c.ErasePerson):
            raise BadValue("command: an erasure destroys something, and is done by `./aeo erase`")
        known = command.known_at
        if known and known < EARLIEST:
            raise WrongDates(f"known_at: found {known.isoformat()}, wanted 1900 or later")
        id, digest = c.id_of_line(command), c.digest(command, actor)
        before = self._sent.get(id)
        if before is None and (found := self.ledger.find_command(id)):
            before = found.digest
        if before is not None:
            if before != digest:
                raise OtherCommand(f"command_id: {id} was used before, for another request")
            return False
        found_stream = self._find(command)
        if found_stream is not None:
            self._in_turn(found_stream, command)
        aggregate = self.decide_on(found_stream, command)
        slip = self._slip(aggregate, id, digest, actor, command.known_at)
        slip.signed = signatures.read(command)
        events = [self.mapper.to_stored_event(event) for event in aggregate.collect_events()]
        self._slips.append((slip, events))
        self._sent[id] = digest
        self._streams[aggregate.id] = aggregate
        if events:
            self._known[aggregate.id] = command.known_at or self._began
        return True

    def keep(self, id: UUID) -> None:
        """Add a mark that records nothing but its id, so that somebody can ask for it later."""
        self._slips.append((Command(id, id.bytes * 2, "import"), []))

    def record(self, progress: Callable[[int], None] | None = None) -> tuple[int, int]:
        """All of it in one transaction, or nothing. Answers how many commands, and events.

        Other writers wait for it. Raises StaleVersion when one of them was faster.
        """
        queue = deque(write_out(slip, events) for slip, events in self._slips)
        commands, events = len(queue), 0
        options = "-c role=aeo_writer -c timezone=UTC"
        with (
            psycopg.connect(self._conninfo, options=options, autocommit=True) as connection,
            connection.transaction(),
        ):
            prepare(connection)
            while queue:
                batch = take(queue)
                send(connection, batch)
                events += sum(map(_recorded, receive(connection, batch)))
                if progress:
                    progress(commands - len(queue))
        self._slips.clear()
        return commands, events

    def _in_turn(self, stream: BaseAggregate[UUID], command: c.Command) -> None:
        """Refused before it is decided: a decision could not be taken back from the stream."""
        if command.expected_version not in (None, stream.version):
            raise StaleVersion(
                f"expected_version: found {command.expected_version}, and the stream is at version "
                f"{stream.version}"
            )
        if stream.id not in self._known:
            [last] = self.ledger.select_events(stream.id, desc=True, limit=1)
            self._known[stream.id] = last.known_at
        if command.known_at and command.known_at < self._known[stream.id]:
            raise KnownTooLate(
                f"known_at: {command.known_at.isoformat()} is before "
                f"{self._known[stream.id].isoformat()}, when the last of this {command.noun} "
                "became known"
            )

    def _get(self, kind: type[Any], id: UUID, unknown: type[Refusal], name: str) -> Any:
        held = self._streams.get(id)
        if held is None:
            held = self._streams[id] = super()._get(kind, id, unknown, name)
        return held

    def _new(self, id: UUID, name: str) -> None:
        if id in self._streams:
            raise AlreadyRegistered(f"{name} is registered by an earlier line")
        super()._new(id, name)


def _recorded(outcome: Outcome) -> int:
    if isinstance(outcome, Exception):
        raise StaleVersion(
            f"somebody was faster, and nothing of this was recorded: {outcome}; send it again"
        )
    return len(outcome)


@dataclass
class Report:
    lines: int = 0
    recorded: int = 0  # commands that were recorded now
    events: int = 0
    repeated: int = 0  # commands that had been recorded before
    bad: list[Bad] = field(default_factory=list)


def import_file(
    conninfo: str,
    path: Path,
    *,
    actor: str,
    command: str | None = None,
    partial: bool = False,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Decide every line, then record them all in one transaction, or none where one is bad.

    `actor`: an opaque id. `partial`: the good lines of a bad file are recorded. `dry_run`: none
    ever are. Raises BadFile, and StaleVersion when another writer was faster than the whole file.
    """
    draft, report = Draft(conninfo), Report()
    try:
        for line in lines_of(path, command):
            report.lines += 1
            try:
                if isinstance(line.said, BadValue):
                    raise line.said
                check_texts(line.said)
                report.repeated += not draft.add(c.read(line.said), actor)
            except Refusal as refusal:
                report.bad.append(explain(line, refusal))
            if progress:
                progress(report.lines)
        if not dry_run and (partial or not report.bad):
            report.recorded, report.events = draft.record()
    finally:
        draft.close()
    return report
