"""The clerk records what ended by law: once, whoever asks, and no answer depends on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.audit.bundle import Scope
from api.end_recorder import ACTOR, LEADER_LOCK, EndRecorder
from projections.checking.check import check
from projections.engine.projector import Projector
from registry.application.dispatch import DECISIONS
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import UnknownPosition, WrongDates
from registry.domain.operators import end_decisions
from registry.domain.values import Tin
from registry.ledger.database import environment
from registry.transparency.signed_notes import ED25519, Signer
from tests.law import CN, KR
from tests.test_signed_decisions import judged

HANA, PORT = Tin("KR1234567"), Tin("CN1111111111")
KOREAN = Signer.of_seed("KR", ED25519, b"k" * 32)
ACT = "Customs Act of Korea"
#: Civil days of the past, so that what ends on them has ended whenever this is run.
GRANTED, SUSPENDED, FREE, LAST = (
    date(2020, 1, 2),
    date(2021, 3, 1),
    date(2021, 6, 1),
    date(2022, 12, 31),
)


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    """Hana was suspended until a day, and her term ran out. Port has no end; China has a key."""
    new_registry = Registry(environment(database))
    then: dict[str, Any] = {"legal_ground": ACT, "known_at": datetime(2021, 3, 1, tzinfo=UTC)}
    for command in (
        c.RegisterAdministration(administration=KR, name_="Korea", time_zone="Asia/Seoul"),
        c.RegisterAdministration(administration=CN, name_="China", time_zone="Asia/Shanghai"),
        *(
            c.RegisterProgramme(
                programme=f"{home}-AEO", administration=home, name_="AEO", types=("AA",)
            )
            for home in (KR, CN)
        ),
        *(
            command
            for tin, until in ((HANA, LAST), (PORT, None))
            for command in (
                c.RegisterOperator(tin=tin, name_="Hana", effective=GRANTED, **then),
                c.LodgeApplication(
                    tin=tin, programme=f"{tin.country}-AEO", type="AA", effective=GRANTED, **then
                ),
                c.AcceptApplication(tin=tin, effective=GRANTED, **then),
                c.GrantAuthorisation(
                    tin=tin,
                    number=f"{tin.country}AA1",
                    valid_until=until,
                    effective=GRANTED,
                    **then,
                ),
            )
        ),
        c.SuspendAuthorisation(tin=HANA, reason="audit", until=FREE, effective=SUSPENDED, **then),
        c.AddKey(administration=KR, key=str(KOREAN.key)),
    ):
        new_registry.execute(command, "officer:1")
    Projector(database).catch_up()
    yield new_registry
    new_registry.close()


def told(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(
            "select e.topic, (e.state::json ->> 'effective'), e.actor, e.decided_by,"
            " e.state::json ->> 'decided' from ledger.event e where e.actor = %s order by position",
            [ACTOR],
        ).fetchall()


def answers(database: str) -> list[tuple[Any, ...]]:
    """Of every operator, how it stands: by its tables on every day, and by its row on this one."""
    with psycopg.connect(database) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(
            "select p.tin, p.status, p.abroad, p.flags, p.valid_from, p.valid_to, o.standing,"
            " s.standing from views.status_period p join views.operator o on o.tin = p.tin"
            " cross join lateral rule.stood(o.tin, now(), now()) s"
            " where p.recorded_to is null order by 1, 5"
        ).fetchall()


def test_what_ended_by_law_is_recorded_once(registry: Registry, database: str) -> None:
    before = [row[:6] for row in answers(database)]
    assert EndRecorder(database).catch_up() == 2
    assert told(database) == [
        ("operator.suspension_ended", "2021-06-01", "clerk", "KR", None),
        ("operator.expired", "2023-01-01", "clerk", "KR", None),
    ]
    assert EndRecorder(database).catch_up() == 0  # the read models are behind
    Projector(database).catch_up()
    assert EndRecorder(database).catch_up() == 0
    after = answers(database)
    assert [row[:6] for row in after] == before
    assert all(row[6] == row[7] for row in after)  # the row answers by itself again
    assert [finding for finding in check(database) if not finding.good] == []


def test_a_record_has_the_same_command_id_whoever_makes_it(
    registry: Registry, database: str
) -> None:
    """A clerk that was killed after its record and before it heard of it begins again."""
    first = EndRecorder(database)
    behind = datetime(2021, 5, 31, 15, tzinfo=UTC)  # the first of June in Seoul
    assert first.catch_up(behind - timedelta(microseconds=1)) == 0
    assert first.catch_up(behind) == 1
    assert first.catch_up(behind) == 0
    assert EndRecorder(database).catch_up() == 1
    assert len(told(database)) == 2


def test_one_clerk_works_and_another_waits(registry: Registry, database: str) -> None:
    stop = threading.Event()
    with psycopg.connect(database, autocommit=True) as leader:
        leader.execute("select pg_advisory_lock(%s)", [LEADER_LOCK])
        thread = threading.Thread(target=EndRecorder(database).run, args=(stop, 0.05))
        thread.start()
        stop.wait(1.0)
        assert told(database) == []
        leader.execute("select pg_advisory_unlock(%s)", [LEADER_LOCK])
        deadline = datetime.now(UTC) + timedelta(seconds=120)
        while len(told(database)) < 2 and datetime.now(UTC) < deadline:
            stop.wait(0.1)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert len(told(database)) == 2


def test_the_record_is_not_corrected_but_what_it_rests_on(
    registry: Registry, database: str
) -> None:
    EndRecorder(database).catch_up()
    with psycopg.connect(database) as connection:
        [(position,)] = connection.execute(
            "select position from ledger.event where topic = 'operator.expired'"
        ).fetchall()
    with pytest.raises(UnknownPosition, match="records what ended by law"):
        registry.decide(
            c.CorrectRecord(
                tin=HANA,
                position=position,
                what={"void": "true"},
                why="a slip",
                known_at=datetime(2021, 3, 2, tzinfo=UTC),
                legal_ground=ACT,
            )
        )


def test_an_administration_with_a_key_gets_its_records_and_the_verifier_takes_them(
    registry: Registry, database: str, tmp_path: Path
) -> None:
    assert EndRecorder(database).catch_up() == 2
    for scope in (Scope(), Scope("operator", HANA.text)):
        assert judged(database, tmp_path, scope) == (0, []), scope


def test_an_end_that_nobody_said_is_found_by_the_verifier(
    registry: Registry, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes into the database what he likes records an end by law, unsigned."""
    false = c.RecordEnd(
        tin=PORT,
        authorisation="CN-AEO/1",
        what="term",
        effective=date(2023, 1, 1),
        command_id=c.id_of_line(c.RecordEnd(tin=PORT, authorisation="x", what="term")),
        legal_ground=ACT,
    )
    with pytest.raises(WrongDates, match="no term of CNAA1 ended by law"):
        registry.execute(false, "officer:1")
    monkeypatch.setattr(
        end_decisions,
        "ends_by_law",
        lambda *_: [end_decisions.EndByLaw("CN-AEO/1", "term", date(2023, 1, 1))],
    )
    by_decision = _slip_in(registry, false)
    code, said = judged(database, tmp_path)
    assert code == 1
    assert f"position {by_decision}: it records an end by law that no event before it said." in said


def _slip_in(registry: Registry, command: c.Command) -> int:
    aggregate: Any = registry.find(command)
    by = Decision(
        datetime.now(UTC).date(),
        command.effective,
        decided_by=CN,
        legal_ground=ACT,
        programme=registry.programme,
    )
    DECISIONS[type(command)](aggregate, command, by)
    [outcome] = registry.record_decided([(aggregate, command, "officer:1")])
    assert not isinstance(outcome, Exception)
    with psycopg.connect(registry.env["LEDGER_CONNINFO"]) as connection:
        [(position,)] = connection.execute("select max(position) from ledger.event").fetchall()
    return int(position)
