"""The intervals of many answers together are those of each answer alone, in random worlds."""

from __future__ import annotations

import random
from dataclasses import replace

from projections.reads.recognition import edges, unchanged_interval
from projections.reads.unchanged_intervals import UnchangedIntervals
from registry.domain.recognition import Question, RecognitionFacts
from registry.domain.values import Role
from tests.chance import TIMES
from tests.projections.reads.test_rule import _KEPT, _facts
from tests.worlds import Maker


def _under_one_law(facts: RecognitionFacts, law: RecognitionFacts) -> RecognitionFacts:
    return replace(
        law,
        tin=facts.tin,
        administration=facts.administration,
        periods=facts.periods,
        identifiers=facts.identifiers,
        consents=facts.consents,
    )


def test_many_intervals_are_those_of_each_alone() -> None:
    luck, limited, unlimited = random.Random(0), 0, 0
    for n in range(15 * TIMES):
        world = Maker(50_000 + n, ["QA", "QB", "QD", "QE", "QF"]).make()
        _KEPT.clear()
        known = max(e.known_at for s in (*world.operators, *world.agreements) for e in s)
        intervals = UnchangedIntervals()
        laws: dict[object, RecognitionFacts] = {}
        for stream in world.operators:
            alone = _facts(world, stream, known)
            facts = _under_one_law(alone, laws.setdefault(alone.administration, alone))
            instants = sorted(edges(facts))
            for at in luck.sample(instants, k=min(6, len(instants))):
                for territory in world.territories:
                    role = luck.choice((None, Role.EXPORTER))
                    asked = Question(territory, at, role=role)
                    found = intervals.of(facts, asked)
                    assert found == unchanged_interval(facts, asked), (facts, asked)
                    limited += found[1] is not None
                    unlimited += found[1] is None
    assert limited > 100 and unlimited > 100
