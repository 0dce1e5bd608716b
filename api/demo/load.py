"""Loads the demo world and the synthetic operators, by the same commands that clients use."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from api.demo import dataset
from api.demo.population import Population
from api.demo.workers import worker_pool
from api.importing.lines import Bad, ImportLine, explain, lines_of
from api.importing.unit_of_work import UnitOfWork
from registry.application.bulk_import import EncodedHistory, encode_history, record_encoded
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import BadValue, Refusal
from registry.ledger.database import environment

BATCH = 200  # operator histories in one commit: about 2,000 events

Progress = Callable[[int, int], None]  # done, of total


def load_world(
    conninfo: str, progress: Progress | None = None, own: frozenset[str] = frozenset()
) -> list[Bad]:
    """Records the lines of ops/world that the register does not have, in one transaction.

    `own`: the administrations for which the register is authoritative. Operators of others are then
    left out, because they arrive from their own registers; the law is recorded whole.

    Lines that are refused are skipped and returned. That happens only where an older version of the
    demo world was loaded before.
    """
    mark = dataset.world(own)
    draft, refused = UnitOfWork(conninfo), []
    try:
        if any(map(draft.ledger.find_command, {mark, dataset.world()})):
            return []
        lines = [
            line
            for file in dataset.files()
            for line in lines_of(file)
            if not own or _belongs_here(line, own)
        ]
        for done, line in enumerate(lines, 1):
            try:
                if isinstance(line.content, BadValue):
                    raise line.content
                draft.add(c.read(line.content), "world")
            except Refusal as refusal:
                refused.append(explain(line, refusal))
            if progress and done % 100 == 0:
                progress(done, len(lines))
        draft.keep(mark)
        draft.record()
        if progress:
            progress(len(lines), len(lines))
    finally:
        draft.close()
    return refused


def _belongs_here(line: ImportLine, own: frozenset[str]) -> bool:
    tin = line.content.get("tin") if isinstance(line.content, dict) else None
    return tin is None or tin[:2] in own


def load_operators(
    conninfo: str, wanted: int, progress: Progress | None = None, seed: int = dataset.SEED
) -> int:
    """Loads synthetic operators up to the number `wanted`. Returns how many events that took.

    A load that was interrupted continues where it stopped. Where the number is reached, nothing is
    done.
    """
    with closing(Registry(environment(conninfo))) as registry:
        population = Population(registry, seed)
        loaded = _recorded(registry, population, wanted)
    if loaded == wanted:
        return 0
    # The corrections of the last batch may be missing, so that batch is sent again.
    loaded -= min(loaded, BATCH)
    ranges = [(first, min(first + BATCH, wanted)) for first in range(loaded, wanted, BATCH)]
    events = 0
    with (
        worker_pool(conninfo, registry, population) as workers,
        closing(Registry(environment(conninfo))) as registry,
    ):
        corrections: list[
            EncodedHistory
        ] = []  # of the batch before; they are recorded with the next one
        for (first, until), batch in zip(ranges, workers.decided(ranges), strict=True):
            last = record_encoded(registry, corrections + batch)[len(corrections) :]
            lengths = [encoded_history.encoded.events for encoded_history in batch]
            events += len(corrections) + sum(lengths)
            before = [position - n for position, n in zip(last, lengths, strict=True)]
            corrections = _corrections(registry, population, first, before)
            if progress:
                progress(until, wanted)
        record_encoded(registry, corrections)
    return events + len(corrections)


def _corrections(
    registry: Registry, population: Population, first: int, before: list[int]
) -> list[EncodedHistory]:
    """Returns the corrections of a batch that is recorded; only now are the positions of its events
    known.

    `before`: the position before the first event of each history. A correction is one event.
    """
    found = []
    for number, position in enumerate(before, first):
        if population.may_err(number):
            life = population.life(number)
            life.operator.collect_events()  # they are recorded
            if correction := life.correction(before=position):
                found.append(encode_history(registry, correction))
    return found


def _recorded(registry: Registry, population: Population, wanted: int) -> int:
    """Returns how many synthetic operators are recorded, by binary search: they are recorded in
    order."""
    low, high = 0, wanted
    while low < high:
        middle = (low + high) // 2
        if registry.ledger.find_command(population.command_id(middle)):
            low = middle + 1
        else:
            high = middle
    return low
