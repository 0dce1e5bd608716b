"""The rule in SQL says what the rule in Python says, of any world, day and state of knowledge."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import product
from string import ascii_uppercase
from typing import Any

import psycopg

from projections.models import administrations, agreements, operators, programmes
from projections.models.catalogue import TABLES
from projections.models.read_model import Rows
from projections.models.tables import copy
from registry.domain.agreements import links
from registry.domain.agreements import timeline as agreement_timeline
from registry.domain.bitemporal import TimedEvent
from registry.domain.consent import ConsentLaw
from registry.domain.decisions import start_of_day
from registry.domain.operators import timeline as operator_timeline
from registry.domain.programmes import Programme
from registry.domain.recognition import (
    Member,
    Question,
    RecognitionFacts,
    RecognitionResult,
    recognise,
)
from registry.domain.values import AdministrationCode, Direction, HsCode, Role, Sense
from tests.chance import TIMES
from tests.worlds import Maker, World

ROUNDS, WORLDS, QUESTIONS = 3 * TIMES, 120, 57  # 20,520 questions


def test_sql_answers_as_the_rule_does(database: str) -> None:
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    asked, outcomes, reasons = 0, Counter[str](), Counter[str]()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for turn in range(ROUNDS):
            worlds = [
                Maker(turn * WORLDS + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)
            ]
            _KEPT.clear()
            _write(connection, worlds)
            questions = [q for n, world in enumerate(worlds) for q in _questions(world, turn, n)]
            answers = _ask(connection, questions)
            for (world, stream, question, known), found in zip(questions, answers, strict=True):
                answer = recognise(_facts(world, stream, known), question)
                assert found == _plain(answer), (question, known, stream[0].event.tin)
                asked += 1
                outcomes[answer.outcome.value] += 1
                reasons.update(reason.value for reason in answer.reasons)
    assert asked >= 20_000
    # A test whose worlds all answer alike would prove nothing.
    assert min(outcomes[o] for o in ("RECOGNISED", "NOT_RECOGNISED", "UNKNOWN")) > asked // 50
    assert len(reasons) >= 17, reasons


Asked = tuple[World, list[TimedEvent[Any]], Question, datetime]


def _questions(world: World, turn: int, number: int) -> list[Asked]:
    """On and around the edges of the world's own days, where rules go wrong."""
    luck = random.Random(f"{turn}/{number}")
    streams = [*world.operators, *world.agreements, *world.administrations, *world.programmes]
    edges = {
        start_of_day(e.event.effective, z) for s in streams for e in s for z in world.zones.values()
    }
    known = {e.known_at for s in streams for e in s}
    found: list[Asked] = []
    for _ in range(QUESTIONS):
        at = luck.choice(sorted(edges)) + luck.choice((-1, 0, 0, 1)) * timedelta(microseconds=1)
        at += luck.choice((0, 0, 0, 7, 45)) * timedelta(days=1)
        k = luck.choice(sorted(known)) + luck.choice((-1, 0, 0)) * timedelta(microseconds=1)
        k = max(known) if luck.random() < 0.5 else k
        question = Question(
            territory=luck.choice(world.territories),
            at=at,
            role=luck.choice((None, None, Role.EXPORTER, Role.CARRIER)),
            direction=luck.choice((None, None, Direction.IMPORT, Direction.EXPORT)),
            hs=luck.choice((None, None, HsCode("0702"), HsCode("12"), HsCode("1201"))),
            crossing=luck.choice(
                (None, None, "heihe-blagoveshchensk", "Blagoveshchensk-Heihe", "Heihe", "Suifenhe")
            ),
            mode=luck.choice((None, None, None, "RAIL", "road")),
        )
        found.append((world, luck.choice(world.operators), question, k))
    return found


# -------------------------------------------------------------- the rule's side


def _facts(world: World, stream: list[TimedEvent[Any]], known: datetime) -> RecognitionFacts:
    """What was known then, read anew from the events known by then: no read model is used."""
    told = _by(stream, known)
    if not told:
        return RecognitionFacts(tin=None)
    own = operator_timeline.build_timeline(told)
    own_events = [
        e.event
        for a in world.administrations
        if a[0].event.administration == own.registered.event.administration
        for e in _by(a, known)[1:]
    ]
    return RecognitionFacts(
        tin=own.tin,
        administration=own.registered.event.administration,
        periods=_now(own.periods),
        identifiers=_now(own.identifiers),
        consents=_now(own.consents),
        links=_links(world, known),
        members=[
            Member(a[0].event.administration, AdministrationCode(code), since, until)
            for a in world.administrations
            if _by(a, known)
            for code, sense, _, since, until in administrations._members(
                [e.event for e in _by(a, known)[1:]], a[0].event.time_zone
            )
            if sense == Sense.CUSTOMS_TERRITORY.value
        ],
        consent_laws=[
            ConsentLaw(
                p[0].event.programme,
                start_of_day(rule.effective, p[0].event.time_zone),
                start_of_day(rule.until, p[0].event.time_zone) if rule.until else None,
                rule.value == "general",
                AdministrationCode(rule.rule[-2:]) if rule.value == "adequate" else None,
            )
            for p in world.programmes
            for e in _by(p, known)
            for rule in [e.event]
            if isinstance(rule, Programme.RuleSet)
            and (rule.rule == "sharing_consent" or rule.rule.startswith("adequate."))
        ],
        list_as_of=max((e.as_of for e in own_events if hasattr(e, "as_of")), default=None),
        list_cadence=next((e.hours for e in reversed(own_events) if hasattr(e, "hours")), None),
    )


def _links(world: World, known: datetime) -> list[links.Link]:
    """Kept for each number of events known, while the worlds of a turn live.

    Many instants know the same. A stream is told by its id, and kept so that no other bears it.
    """
    found = []
    for stream in world.agreements:
        told = _by(stream, known)
        key = (id(stream), len(told))
        if told and key not in _KEPT:
            _KEPT[key] = stream, _now(agreement_timeline.build_timeline(told).links)
        found += _KEPT[key][1] if told else []
    return found


_KEPT: dict[tuple[int, int], tuple[list[TimedEvent[Any]], list[links.Link]]] = {}


def _by(stream: list[TimedEvent[Any]], known: datetime) -> list[TimedEvent[Any]]:
    return [e for e in stream if e.known_at <= known]


def _now(remembered: Iterable[Any]) -> list[Any]:
    return [r.fact for r in remembered if r.recorded_to is None]


def _plain(answer: RecognitionResult) -> tuple[Any, ...]:
    return (
        answer.outcome.value,
        answer.legal.value,
        answer.operational.value,
        [reason.value for reason in answer.reasons],
        [
            (
                b.agreement,
                b.ordinal,
                b.authorisation,
                b.since,
                b.identifier_scheme,
                b.identifier,
                b.declaration_box,
                list(b.benefits),
                b.assumed,
            )
            for b in answer.bases
        ],
    )


# --------------------------------------------------------------- the SQL's side


def _write(connection: psycopg.Connection[Any], worlds: Sequence[World]) -> None:
    """The worlds' rows as the projections make them, straight into empty tables."""
    rows: Rows = {}
    for world in worlds:
        for noun, streams in (
            (operators, world.operators),
            (agreements, world.agreements),
            (administrations, world.administrations),
            (programmes, world.programmes),
        ):
            for stream in streams:
                for table, made in noun.rows(stream).items():
                    rows.setdefault(table, []).extend(made)
    with connection.transaction(), connection.cursor() as cursor:
        for table, made in rows.items():
            cursor.execute(f"truncate views.{table}")
            copy(cursor, "views", TABLES[table], made)
    connection.execute("analyze")


def _ask(connection: psycopg.Connection[Any], questions: Sequence[Asked]) -> list[tuple[Any, ...]]:
    asked = [
        (
            str(stream[0].event.tin),
            str(q.territory),
            q.at,
            known,
            q.role and q.role.value,
            q.direction and q.direction.value,
            q.hs and q.hs.text,
            q.crossing,
            q.mode,
        )
        for _, stream, q, known in questions
    ]
    rows = connection.execute(
        "select r.* from unnest(%s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],"
        " %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])"
        " with ordinality as q(tin, territory, at, known, role, direction, hs, crossing, mode, n)"
        " cross join lateral rule.recognition(q.tin, q.territory, q.at, q.known, q.role,"
        " q.direction, q.hs, q.crossing, q.mode) r order by q.n",
        [list(column) for column in zip(*asked, strict=True)],
    ).fetchall()
    return [(*row[:4], [_basis(basis) for basis in row[4]]) for row in rows]


def _basis(entry: dict[str, Any]) -> tuple[Any, ...]:
    return (
        entry["agreement"],
        entry["ordinal"],
        entry["authorisation"],
        datetime.fromisoformat(entry["since"]),
        entry["identifierScheme"],
        entry["identifier"],
        entry["declarationBox"],
        entry["benefits"],
        entry["assumed"],
    )
