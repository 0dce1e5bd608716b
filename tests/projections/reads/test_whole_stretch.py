"""Since when a basis counts, in worlds of random pasts: looked for step by step, edge by edge."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from projections.reads.recognition import edges
from registry.domain.agreements.links import LinkState
from registry.domain.bitemporal import ALWAYS
from registry.domain.recognition import Basis, Question, RecognitionFacts, is_valid_at, recognise
from registry.domain.values import Role, Status
from tests.chance import TIMES
from tests.projections.reads.test_rule import _KEPT, _facts
from tests.worlds import Maker

#: A clause that asks for nothing, so that many bases are found.
OPEN = {"types": ("*",), "programmes": (), "roles": (), "hs": (), "crossings": (), "modes": ()}
COUNTS = (Status.VALID, Status.LISTED)
MOMENT = timedelta(microseconds=1)


def _open(facts: RecognitionFacts) -> RecognitionFacts:
    return replace(
        facts,
        consent_laws=(),
        links=[
            replace(
                link, clause=msgspec.structs.replace(link.clause, **OPEN, consent_required=False)
            )
            for link in facts.links
            if link.ordinal
        ],
    )


def began(facts: RecognitionFacts, basis: Basis, at: datetime) -> datetime:
    """Back from edge to edge, as long as before it the same held the same way."""

    def held(on: datetime) -> set[tuple[str, Status]]:
        return {
            (p.type, p.abroad)
            for p in facts.periods
            if basis.authorisation in (p.number, p.authorisation)
            and p.abroad in COUNTS
            and is_valid_at(p, on)
        }

    def live(on: datetime) -> bool:
        return any(
            (link.agreement, link.ordinal) == (basis.agreement, basis.ordinal)
            and link.state is LinkState.LIVE
            and is_valid_at(link, on)
            for link in facts.links
        )

    for edge in sorted((e for e in edges(facts) if e <= at), reverse=True):
        if held(edge - MOMENT) != held(at) or not live(edge - MOMENT):
            return edge
    return ALWAYS


def test_a_basis_counts_from_where_its_stretch_begins() -> None:
    luck, found, moved = random.Random(0), 0, 0
    for n in range(150 * TIMES):
        world = Maker(40_000 + n, ["QA", "QB", "QD", "QE", "QF"]).make()
        _KEPT.clear()
        known = max(e.known_at for s in (*world.operators, *world.agreements) for e in s)
        for stream in world.operators:
            facts = _open(_facts(world, stream, known))
            for at in luck.sample(sorted(edges(facts)), k=min(12, len(edges(facts)))):
                for territory in world.territories:
                    role = luck.choice((None, Role.EXPORTER))
                    for basis in recognise(facts, Question(territory, at, role=role)).bases:
                        assert basis.since == began(facts, basis, at)
                        found += 1
                        moved += basis.since < max(
                            p.valid_from
                            for p in facts.periods
                            if is_valid_at(p, at) and p.abroad in COUNTS
                        )
    assert found > 100 and moved > 10
