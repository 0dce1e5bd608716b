"""What the ledger promises to those who record in it and those who read it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Event
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent, Tracking

from registry.ledger.database import environment
from registry.ledger.factory import LedgerFactory
from registry.ledger.recorder import LedgerRecorder
from registry.ledger.types import (
    AppendRequest,
    CommandMismatch,
    KnownAtRefused,
    Metadata,
    Repeated,
    StreamMoved,
)

IN_2019 = datetime(2019, 5, 1, tzinfo=UTC)
IN_2021 = datetime(2021, 5, 1, tzinfo=UTC)


@pytest.fixture
def recorder(open_recorder: Callable[[], LedgerRecorder]) -> LedgerRecorder:
    return open_recorder()


def request(words: str = "grant", *metadata: Metadata, id: UUID | None = None) -> AppendRequest:
    return AppendRequest(id or uuid4(), sha256(words.encode()).digest(), "officer:7", metadata)


def event(stream: UUID, version: int, state: bytes = b'{"effective":"2026-03-01"}') -> StoredEvent:
    return StoredEvent(stream, version, "operator.suspended", state)


def history(stream: UUID, versions: int) -> list[StoredEvent]:
    return [event(stream, n + 1) for n in range(versions)]


# ------------------------------------------------------------------ what is kept


def test_an_event_is_read_with_all_that_was_recorded_about_it(recorder: LedgerRecorder) -> None:
    operator = uuid4()
    command = request("grant", Metadata(IN_2019, "KR", "Customs Act, Art. 255-2"), Metadata())

    recorder.insert_events(history(operator, 2), command=command)

    first, second = recorder.select_events(operator)
    assert first.known_at == IN_2019
    assert (first.decided_by, first.legal_ground) == ("KR", "Customs Act, Art. 255-2")
    assert (second.decided_by, second.legal_ground) == (None, None)
    assert second.known_at == second.recorded_at == first.recorded_at == command.recorded_at
    assert (first.command_id, first.actor) == (command.id, "officer:7")
    assert [n.known_at for n in recorder.select_notifications(1, 2)] == [
        IN_2019,
        command.recorded_at,
    ]


@pytest.mark.parametrize("text", ['{"name":"北京 \\"AEO\\" \\\\ {1,2}\\n"}', "", "NULL", '"'])
def test_the_text_of_an_event_is_kept_to_the_byte(recorder: LedgerRecorder, text: str) -> None:
    stream = uuid4()

    recorder.insert_events([event(stream, 1, text.encode())])

    assert [e.state for e in recorder.select_events(stream)] == [text.encode()]


def test_every_page_of_the_sequence_follows_the_last(recorder: LedgerRecorder) -> None:
    recorder.append_many([(request(), history(uuid4(), 7)) for _ in range(30)])

    seen: list[int] = []
    while page := recorder.select_notifications(
        seen[-1] if seen else None, 64, inclusive_of_start=False
    ):
        assert len(page) <= 64
        seen += [n.id for n in page]

    assert seen == list(range(1, 211))


def test_time_never_falls_along_positions(recorder: LedgerRecorder) -> None:
    for _ in range(20):
        recorder.insert_events([event(uuid4(), 1)])

    times = [n.recorded_at for n in recorder.select_notifications(1, 20)]

    assert times == sorted(times)


# ------------------------------------------------------------ one command, once


def test_a_command_sent_again_is_answered_with_its_first_result(recorder: LedgerRecorder) -> None:
    operator, id = uuid4(), uuid4()
    first, again = request(id=id), request(id=id)

    answers = [
        recorder.insert_events(history(operator, 2), command=command) for command in (first, again)
    ]

    assert answers == [[1, 2], [1, 2]]
    assert (first.repeated, again.repeated) == (False, True)
    assert first.recorded_at == again.recorded_at
    assert recorder.max_notification_id() == 2


def test_a_command_is_found_by_its_id(recorder: LedgerRecorder) -> None:
    command = request("grant")
    recorder.insert_events(history(uuid4(), 3), command=command)

    found = recorder.find_command(command.id)

    assert found is not None
    assert (found.digest, found.positions) == (sha256(b"grant").digest(), [1, 2, 3])
    assert found.recorded_at == command.recorded_at
    assert recorder.find_command(uuid4()) is None


def test_a_command_id_is_not_taken_for_another_request(recorder: LedgerRecorder) -> None:
    id = uuid4()
    recorder.insert_events([event(uuid4(), 1)], command=request("grant", id=id))

    with pytest.raises(CommandMismatch, match=f"Command {id} was recorded at 20.* another request"):
        recorder.insert_events([event(uuid4(), 1)], command=request("revoke", id=id))

    assert recorder.max_notification_id() == 1


def test_a_repeat_that_would_record_something_else_gets_the_first_receipt(
    recorder: LedgerRecorder,
) -> None:
    operator, id = uuid4(), uuid4()
    recorder.insert_events(history(operator, 1), command=request(id=id))

    with pytest.raises(
        Repeated, match=r"recorded 1 events at 20.* and would record 2 now"
    ) as answer:
        recorder.insert_events(history(operator, 2), command=request(id=id))

    assert answer.value.receipt.positions == [1]


def test_a_command_without_events_is_remembered(recorder: LedgerRecorder) -> None:
    command = request("suspend what is suspended")

    answer = recorder.insert_events([], command=command)

    assert answer == []
    found = recorder.find_command(command.id)
    assert found is not None and found.positions == []


def test_a_refused_command_leaves_its_id_free(recorder: LedgerRecorder) -> None:
    operator, id = uuid4(), uuid4()
    with pytest.raises(StreamMoved):
        recorder.insert_events([event(operator, 2)], command=request(id=id))

    answer = recorder.insert_events([event(operator, 1)], command=request(id=id))

    assert answer == [1]


def test_twenty_at_once_with_one_id_record_once(
    open_recorder: Callable[[], LedgerRecorder],
) -> None:
    recorders, operator, id = [open_recorder(), open_recorder()], uuid4(), uuid4()
    together = Event()

    def send(n: int) -> list[int] | None:
        together.wait()
        return recorders[n % 2].insert_events(history(operator, 2), command=request(id=id))

    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(send, n) for n in range(20)]
        together.set()

    assert [answer.result() for answer in answers] == [[1, 2]] * 20
    assert recorders[0].max_notification_id() == 2


# ------------------------------------------------------------------ one stream


def test_whoever_comes_second_is_told_where_the_stream_stands(recorder: LedgerRecorder) -> None:
    operator = uuid4()
    recorder.insert_events(history(operator, 3))

    with pytest.raises(
        IntegrityError, match=f"Stream {operator} stands at version 3, so version 3"
    ):
        recorder.insert_events([event(operator, 3)])


def test_no_version_is_left_out(recorder: LedgerRecorder) -> None:
    operator = uuid4()

    with pytest.raises(StreamMoved, match="has no event yet, so version 2 cannot be recorded"):
        recorder.insert_events([event(operator, 2)])
    with pytest.raises(StreamMoved, match=r"Version 3 of .* does not follow version 1"):
        recorder.insert_events([event(operator, 1), event(operator, 3)])


def test_one_wrong_command_in_a_batch_is_refused_alone(recorder: LedgerRecorder) -> None:
    taken, known = uuid4(), uuid4()
    recorder.insert_events([event(taken, 1)], command=request("grant", id=known))

    outcomes = recorder.append_many(
        [
            (request(), history(uuid4(), 2)),
            (request(), history(taken, 1)),
            (request("grant", id=known), [event(taken, 1)]),
            (request("revoke", id=known), [event(taken, 2)]),
            (request("grant", Metadata(known_at=IN_2021), Metadata(IN_2019)), history(uuid4(), 2)),
            (request(), [event(uuid4(), 1, b"\xff")]),
            (request(), [event(uuid4(), 2**63)]),
            (request(), []),
            (request(), history(uuid4(), 3)),
        ]
    )

    assert outcomes[0] == [2, 3]
    assert [type(outcome).__name__ for outcome in outcomes[1:7]] == [
        "StreamMoved",
        "list",
        "CommandMismatch",
        "KnownAtRefused",
        "UnicodeDecodeError",
        "DataError",
    ]
    assert outcomes[2] == [1]
    assert outcomes[7:] == [[], [4, 5, 6]]
    assert [n.id for n in recorder.select_notifications(1, 10)] == [1, 2, 3, 4, 5, 6]


def test_a_batch_may_follow_one_stream_through_several_commands(recorder: LedgerRecorder) -> None:
    operator, other = uuid4(), uuid4()

    outcomes = recorder.append_many(
        [
            (request(), history(operator, 2)),
            (request(), [event(operator, 3)]),
            (request(), [event(other, 1)]),
            (request(), [event(operator, 5)]),
            (request(), [event(operator, 4)]),
        ]
    )

    assert [e.originator_version for e in recorder.select_events(operator)] == [1, 2, 3, 4]
    assert isinstance(outcomes[3], StreamMoved)
    assert sorted(p for o in outcomes if isinstance(o, list) for p in o) == [1, 2, 3, 4, 5]


# -------------------------------------------------------------------- known at


def test_an_authority_s_own_register_may_have_known_it_earlier(recorder: LedgerRecorder) -> None:
    operator = uuid4()
    known = (Metadata(IN_2019), Metadata(IN_2019), Metadata(IN_2021))

    recorder.insert_events(history(operator, 3), command=request("import", *known))

    assert [e.known_at for e in recorder.select_events(operator)] == [IN_2019, IN_2019, IN_2021]


def test_nothing_is_known_after_its_recording(recorder: LedgerRecorder) -> None:
    tomorrow = Metadata(known_at=datetime.now(UTC) + timedelta(days=1))

    with pytest.raises(
        KnownAtRefused, match=r"cannot have been known at .* after its recording at"
    ):
        recorder.insert_events([event(uuid4(), 1)], command=request("import", tomorrow))


def test_what_is_known_never_goes_back_within_a_stream(recorder: LedgerRecorder) -> None:
    operator = uuid4()
    recorder.insert_events([event(operator, 1)], command=request("import", Metadata(IN_2021)))

    with pytest.raises(KnownAtRefused, match=r"2019-05-01.* before the version it follows.*2021"):
        recorder.insert_events([event(operator, 2)], command=request("import", Metadata(IN_2019)))


def test_after_a_live_event_nothing_earlier_is_imported(recorder: LedgerRecorder) -> None:
    operator = uuid4()
    recorder.insert_events([event(operator, 1)])

    with pytest.raises(KnownAtRefused):
        recorder.insert_events([event(operator, 2)], command=request("import", Metadata(IN_2021)))


# ------------------------------------------------------------- malformed requests


@pytest.mark.parametrize(
    ("command", "state", "why"),
    [
        (request("x", Metadata(), Metadata(), Metadata()), b"{}", "3 metadata .* 2 events"),
        (request("x", Metadata(known_at=datetime(2020, 1, 1))), b"{}", "no time zone"),
        (AppendRequest(uuid4(), b"short", "officer:7"), b"{}", "not a SHA-256"),
        (AppendRequest(uuid4(), sha256(b"").digest(), "officer\0"), b"{}", "NUL"),
        (request(), b"{\0}", "NUL"),
        (request(), b"\xff", "utf-8"),
    ],
)
def test_a_malformed_command_gets_no_further_than_its_caller(
    recorder: LedgerRecorder, command: AppendRequest, state: bytes, why: str
) -> None:
    operator = uuid4()

    with pytest.raises(ValueError, match=why):
        recorder.insert_events([event(operator, 1, state), event(operator, 2)], command=command)

    assert recorder.max_notification_id() is None


def test_the_ledger_keeps_no_tracking(recorder: LedgerRecorder) -> None:
    with pytest.raises(ValueError, match="records no tracking"):
        recorder.insert_events([event(uuid4(), 1)], tracking=Tracking("upstream", 1))


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("POSTGRES_ENABLE_DB_FUNCTIONS", "yes", "readers then miss events"),
        ("COMPRESSOR_TOPIC", "zlib", "no COMPRESSOR"),
        ("ORIGINATOR_ID_TYPE", "text", "must be uuid"),
    ],
)
def test_a_setting_that_would_spoil_the_ledger_is_refused_at_the_start(
    database: str, variable: str, value: str, why: str
) -> None:
    factory = LedgerFactory(environment(database) | {variable: value})

    with pytest.raises(ValueError, match=why):
        factory.application_recorder()

    factory.close()


def test_the_database_s_own_isolation_level_does_not_matter(
    database: str, open_recorder: Callable[[], LedgerRecorder]
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(
            f"alter database {name} set default_transaction_isolation = 'repeatable read'"
        )
    recorders = [open_recorder(), open_recorder()]

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: recorders[n % 2].insert_events([event(uuid4(), 1)]), range(80))
        )

    assert sorted(position for answer in answers for position in answer or []) == list(range(1, 81))
