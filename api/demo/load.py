"""The shipped world and its synthetic operators, taken in by the commands that anyone would use."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from api.demo import dataset
from api.demo.population import Population
from api.demo.workers import deciders
from api.importing.import_file import UnitOfWork
from api.importing.lines import Bad, explain, lines_of
from registry.application.bulk_import import EncodedHistory, encode_history, record_encoded
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.errors import BadValue, Refusal
from registry.ledger.database import environment

BATCH = 200  # lives in one commit: about 2,000 events

Progress = Callable[[int, int], None]  # how far, of how much


def load_world(conninfo: str, progress: Progress | None = None) -> list[Bad]:
    """Record what ops/world holds and the register does not, in one transaction.

    Lines that are refused, which can happen only where an older world was loaded before, are
    left out and answered.
    """
    mark = dataset.world()
    draft, refused = UnitOfWork(conninfo), []
    try:
        if draft.ledger.find_command(mark):
            return []
        lines = [line for file in dataset.files() for line in lines_of(file)]
        for done, line in enumerate(lines, 1):
            try:
                if isinstance(line.said, BadValue):
                    raise line.said
                draft.add(c.read(line.said), "world")
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


def load_operators(
    conninfo: str, wanted: int, progress: Progress | None = None, seed: int = dataset.SEED
) -> int:
    """Bring the synthetic operators to a number, and answer how many events that took.

    A load that was cut short goes on where it stopped; a number that was reached does nothing.
    """
    with closing(Registry(environment(conninfo))) as registry:
        population = Population(registry, seed)
        begun = _recorded(registry, population, wanted)
    if begun == wanted:
        return 0
    # The corrections of the last batch may be missing, so it is sent once more.
    begun -= min(begun, BATCH)
    ranges = [(first, min(first + BATCH, wanted)) for first in range(begun, wanted, BATCH)]
    events = 0
    with (
        deciders(conninfo, registry, population) as workers,
        closing(Registry(environment(conninfo))) as registry,
    ):
        corrections: list[EncodedHistory] = []  # of the batch before; they go with the next one
        for (first, until), batch in zip(ranges, workers.decided(ranges), strict=True):
            last = record_encoded(registry, corrections + batch)[len(corrections) :]
            lengths = [encoded_history.encoded.events for encoded_history in batch]
            events += len(corrections) + sum(lengths)
            before = [position - n for position, n in zip(last, lengths, strict=True)]
            corrections = _put_right(registry, population, first, before)
            if progress:
                progress(until, wanted)
        record_encoded(registry, corrections)
    return events + len(corrections)


def _put_right(
    registry: Registry, population: Population, first: int, before: list[int]
) -> list[EncodedHistory]:
    """What was put right later in a batch that is recorded: only now are its positions known.

    `before`: the position in front of each life. A correction is one event.
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
    """How many are there already: they were recorded in their order, so one search by halves."""
    low, high = 0, wanted
    while low < high:
        middle = (low + high) // 2
        if registry.ledger.find_command(population.command_id(middle)):
            low = middle + 1
        else:
            high = middle
    return low
