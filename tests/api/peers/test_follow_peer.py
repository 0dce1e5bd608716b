"""A register follows another: each records its own operators, and answers over both."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.access.tokens import issue
from api.end_recorder import EndRecorder
from api.importing.files import FileOptions
from api.importing.files.layouts import layout_of
from api.importing.files.reading import source_of
from api.importing.partner_import import import_partner_list
from api.log.signing_keys import open_signing_keys
from api.peers.decisions import accept_history, forget_peer
from api.peers.store import NotToBeFollowed, NotYetRecorded, PeerStore, connect
from api.peers.transport import PeerDeclined
from projections.checking.check import check
from registry.domain import commands
from registry.domain.errors import RecordedElsewhere
from registry.domain.values import AdministrationCode
from registry.transparency.merkle import EMPTY_ROOT
from registry.transparency.signed_notes import Checkpoint
from tests.keeping_log import eventually
from tests.peering import InProcess, Register, certified, follower, register, suspended

SEOUL, BUSAN, HIDDEN, HARBIN = "KR1000000001", "KR1000000002", "KR1000000003", "CN2000000001"


@pytest.fixture
def korea(server: str, blank_register: str, tmp_path: Path) -> Iterator[Register]:
    with register(server, blank_register, tmp_path / "korea") as found:
        found.happens(*certified(SEOUL))
        yield found


@pytest.fixture
def china(server: str, blank_register: str, tmp_path: Path) -> Iterator[Register]:
    with register(server, blank_register, tmp_path / "china", "CN", "KR") as found:
        found.happens(*certified(HARBIN))
        yield found


def test_what_korea_decides_is_answered_in_china(korea: Register, china: Register) -> None:
    following = follower(china, InProcess(korea))
    assert china.recognised(SEOUL, "CN")[0] == "UNKNOWN"

    assert following.catch_up() is None
    assert china.recognised(SEOUL, "CN") == ("RECOGNISED", ["IN_FORCE"])
    assert china.recognised(HARBIN, "KR") == ("RECOGNISED", ["IN_FORCE"])

    korea.happens(*suspended(SEOUL))
    following.catch_up()
    assert china.recognised(SEOUL, "CN") == ("NOT_RECOGNISED", ["AUTHORISATION_SUSPENDED"])
    assert china.streams("KR") == korea.streams("KR")
    assert korea.streams("CN") == []


def test_a_question_that_waits_is_answered_when_korea_decides(korea: Register) -> None:
    following = InProcess(korea)
    [(position,)] = korea.asked("select max(position) from ledger.event")

    def decides() -> None:
        eventually(lambda: korea.client.service.read_model_position.awaited)
        korea.happens(*suspended(SEOUL))

    deciding = threading.Thread(target=decides)
    deciding.start()
    page = following.events(position, wait=20.0)
    deciding.join()

    assert [event.topic for event in page.events] == ["operator.suspended"]


def test_nothing_is_recorded_twice(korea: Register, china: Register) -> None:
    following = follower(china, InProcess(korea))
    following.catch_up()
    # That the data is fresh is recorded again whenever a follower begins.
    counted = "select count(*) from ledger.event where topic <> 'administration.list_received'"
    before = china.asked(counted)

    following.catch_up()
    follower(china, InProcess(korea)).catch_up()

    assert china.asked(counted) == before


def test_what_arrives_is_known_here_when_it_arrives(korea: Register, china: Register) -> None:
    follower(china, InProcess(korea)).catch_up()

    rows = china.asked(
        "select e.known_at = e.recorded_at, e.recorded_at > p.recorded_at, e.actor"
        " from ledger.event e join peers.event p using (originator_id, originator_version)"
    )
    assert set(rows) == {(True, True, "peer:korea")}
    assert len(rows) == len(certified(SEOUL))


def test_both_registers_are_sound(korea: Register, china: Register) -> None:
    follower(china, InProcess(korea)).catch_up()
    china.shows()

    assert all(finding.good for finding in check(china.database))


def test_china_refuses_commands_about_koreas_operators(korea: Register, china: Register) -> None:
    follower(china, InProcess(korea)).catch_up()
    china.registry.close()
    [suspend] = suspended(SEOUL)

    with register_of(china) as registry, pytest.raises(RecordedElsewhere, match="follows: http"):
        registry.execute(commands.read(suspend), "test")
    assert china.streams("KR") == korea.streams("KR")


def test_a_list_of_korea_is_refused_where_its_register_is_followed(
    korea: Register, china: Register, tmp_path: Path
) -> None:
    follower(china, InProcess(korea)).catch_up()
    file = tmp_path / "list.csv"
    file.write_text("TIN,Name,Type\nKR1000000009,Nine,A\n", "utf-8")
    source = source_of(file, FileOptions(), layout_of("partner-list", tmp_path), {})

    report = import_partner_list(
        china.database, source, AdministrationCode("KR"), date(2025, 11, 1), actor="kim"
    )

    assert "administration" in [bad.field for bad in report.bad]
    assert not report.recorded


def test_the_clerk_leaves_ends_by_law_to_the_register_of_the_operator(
    korea: Register, china: Register
) -> None:
    until = date.today() + timedelta(days=40)
    [suspend] = suspended(SEOUL)
    korea.happens(suspend | {"until": until.isoformat()})
    follower(china, InProcess(korea)).catch_up()
    china.shows()
    later = datetime.now(UTC) + timedelta(days=60)

    assert EndRecorder(china.database).catch_up(later) == 0
    assert [
        row[0]
        for row in china.asked("select tin from views.operator where end_to_record is not null")
    ] == [SEOUL]


def register_of(here: Register) -> Any:
    from contextlib import closing

    from registry.application.registry import Registry
    from registry.ledger.database import environment

    return closing(Registry(environment(here.database)))


def test_who_does_not_consent_is_not_sent_and_is_sent_from_the_first_event_once_it_does(
    korea: Register, china: Register
) -> None:
    korea.happens(*certified(HIDDEN, consents=False))
    following = follower(china, InProcess(korea))
    following.catch_up()
    assert HIDDEN not in str(china.streams("KR"))

    korea.happens({"command": "give_consent", "tin": HIDDEN, "partner": "CN"})
    following.catch_up()

    assert china.recognised(HIDDEN, "CN")[0] == "RECOGNISED"
    assert china.streams("KR") == korea.streams("KR")


def test_a_stream_that_is_fetched_whole_and_goes_on_in_the_same_page_is_no_other_history(
    korea: Register, china: Register
) -> None:
    korea.happens(*certified(HIDDEN, consents=False))
    following = follower(china, InProcess(korea))
    following.catch_up()

    korea.happens({"command": "give_consent", "tin": HIDDEN, "partner": "CN"})
    korea.happens(*suspended(HIDDEN, "a reason"))
    assert following.catch_up() is None

    assert china.streams("KR") == korea.streams("KR")
    assert china.recognised(HIDDEN, "CN")[0] == "NOT_RECOGNISED"


def test_after_a_withdrawal_nothing_more_is_sent_but_the_withdrawal_is(
    korea: Register, china: Register
) -> None:
    following = follower(china, InProcess(korea))
    following.catch_up()

    korea.happens({"command": "withdraw_consent", "tin": SEOUL, "partner": "CN"})
    korea.happens(*suspended(SEOUL, "a secret"))
    following.catch_up()

    assert china.recognised(SEOUL, "CN") == ("UNKNOWN", ["NO_CONSENT"])
    assert "a secret" not in str(china.streams("KR"))
    assert len(china.streams("KR")) == len(korea.streams("KR")) - 1


def test_who_becomes_visible_by_the_agreement_alone_is_found_by_comparing_the_streams(
    korea: Register, china: Register
) -> None:
    korea.happens(*certified(BUSAN, consents=False))
    follower(china, InProcess(korea)).catch_up()
    clause = {"command": "set_scope", "agreement": "CN-KR-AEO", "from": "KR", "to": "CN"}
    law = {"types": ["A"], "consent_required": False, "source": "a notice"}
    korea.happens(clause | law | {"effective": "2014-04-01"})

    follower(china, InProcess(korea)).catch_up()

    assert china.streams("KR") == korea.streams("KR")


def test_the_age_of_the_data_is_recorded(korea: Register, china: Register) -> None:
    follower(china, InProcess(korea)).catch_up()
    china.shows()

    assert china.asked("select administration from views.list_received") == [("KR",)]
    [(fresh, heard, why)] = china.asked(
        "select fresh_at is not null, heard_at is not null, why from peers.peer"
    )
    assert (fresh, heard, why) == (True, True, None)
    assert korea.asked("select partner, position > 0 from peers.reader") == [("partner:CN", False)]


@pytest.mark.parametrize("subject", ["partner:JP", "officer:KR", "auditor:*"])
def test_only_a_peer_of_the_settings_is_answered(
    korea: Register, china: Register, subject: str
) -> None:
    with pytest.raises(PeerDeclined, match="no peer of this register"):
        follower(china, InProcess(korea, subject)).catch_up()
    assert korea.client.request("GET", "/peer/events").status_code == 401
    assert china.streams("KR") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/peer/events?after=x", 400),
        ("/peer/events?after=999999", 400),
        ("/peer/events?stream=x", 400),
        ("/peer/events?wait=soon", 400),
        ("/peer/events?wait=21", 400),
        ("/peer/streams?after=x", 400),
    ],
)
def test_a_question_that_cannot_be_is_refused(korea: Register, path: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {issue('partner:CN', korea.home)}"}

    answer = korea.client.request("GET", path, headers=headers)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_register_with_operators_of_korea_does_not_follow_it(
    korea: Register, china: Register
) -> None:
    china.happens(*certified(BUSAN))

    with pytest.raises(NotToBeFollowed, match="operators of KR are recorded here already"):
        follower(china, InProcess(korea)).catch_up()


def test_two_peers_for_one_administration_are_refused(korea: Register, china: Register) -> None:
    follower(china, InProcess(korea)).catch_up()
    other = follower(china, InProcess(korea))
    other.name = "another"

    with pytest.raises(NotToBeFollowed, match="KR is followed from korea already"):
        other.catch_up()


class Earlier(InProcess):
    """A peer of an earlier release, which does not send its law."""

    def _send(self, method: str, path: str, body: Any, headers: Any) -> tuple[int, bytes]:
        return super()._send(method, path.replace("law=true&", ""), body, headers)


def test_a_programme_that_is_not_known_here_is_waited_for(korea: Register, china: Register) -> None:
    programme = {
        "command": "register_programme",
        "programme": "KR-NEW",
        "administration": "KR",
        "name": "New",
        "types": ["N"],
        "effective": "2020-01-01",
        "source": "a test",
    }
    lodged = {"command": "lodge_application", "tin": SEOUL, "programme": "KR-NEW", "type": "N"}
    following = follower(china, Earlier(korea))
    following.catch_up()
    korea.happens(programme, lodged)

    with pytest.raises(NotYetRecorded, match="the programme KR-NEW"):
        following.catch_up()

    china.happens(programme)
    assert following.catch_up() is None
    assert china.streams("KR") == korea.streams("KR")


class Forging(InProcess):
    """The peer, with one word changed in one event."""

    def _send(self, method: str, path: str, body: Any, headers: Any) -> tuple[int, bytes]:
        status, said = super()._send(method, path, body, headers)
        return status, said.replace(b"Operator KR1000000001", b"Operator KR1000000002")


def test_an_event_that_is_not_in_the_log_stops_the_peer(korea: Register, china: Register) -> None:
    why = follower(china, Forging(korea)).catch_up()

    assert why is not None and "is not in the log" in why
    assert china.streams("KR") == []
    assert stopped(china)[1] == why


def stopped(china: Register) -> tuple[bool, str, Path]:
    [(is_stopped, why, evidence)] = china.asked(
        "select stopped_at is not null, why, evidence from peers.peer"
    )
    return is_stopped, why, Path(evidence)


def test_events_of_another_administration_stop_the_peer(
    server: str, blank_register: str, tmp_path: Path, korea: Register, china: Register
) -> None:
    # A register that says that it is authoritative for Korea, asked for by one that follows Japan.
    why = follower(china, InProcess(korea), ["JP"]).catch_up()

    assert why is not None and "is of KR, and the peer is authoritative for JP" in why
    assert china.streams("KR") == []


def test_a_rewritten_history_stops_the_peer_with_evidence_and_the_peer_is_told(
    server: str, blank_register: str, tmp_path: Path, korea: Register, china: Register
) -> None:
    follower(china, InProcess(korea)).catch_up()
    [(remembered,)] = china.asked("select head_note from peers.peer")
    before = china.streams("KR")
    forged = forged_home(korea, tmp_path)

    with register(server, blank_register, forged) as rewritten:
        rewritten.happens(*certified(BUSAN), *certified(SEOUL))
        why = follower(china, InProcess(rewritten)).catch_up()
        again = follower(china, InProcess(rewritten)).catch_up()

        assert why is not None and "its history was changed" in why
        assert again == why
        [(partner, shown_there)] = rewritten.asked("select partner, shown from peers.report")

    is_stopped, said, evidence = stopped(china)
    assert is_stopped and said == why
    assert (evidence / "remembered.note").read_text("utf-8") == remembered
    assert (evidence / "shown.note").read_text("utf-8") == shown_there != remembered
    assert partner == "partner:CN"
    assert china.streams("KR") == before


def decided(china: Register) -> list[tuple[Any, ...]]:
    return china.asked("select peer, kind, actor, why, accepted is not null from peers.decision")


@contextmanager
def deciding(china: Register) -> Iterator[tuple[Any, PeerStore]]:
    with (
        connect(china.database) as connection,
        closing(PeerStore(connection, china.database, "korea")) as store,
    ):
        yield connection, store


def test_a_peer_that_was_stopped_wrongly_is_accepted_and_followed_again(
    korea: Register, china: Register
) -> None:
    client = InProcess(korea)
    follower(china, client).catch_up()
    korea.happens(*certified(BUSAN))

    class ForgingBusan(InProcess):
        def _send(self, method: str, path: str, body: Any, headers: Any) -> tuple[int, bytes]:
            status, content = super()._send(method, path, body, headers)
            return status, content.replace(b"Operator KR1000000002", b"Operator KR1000000009")

    assert follower(china, ForgingBusan(korea)).catch_up() is not None
    with deciding(china) as (connection, store):
        found = accept_history(connection, store, client, "kim", "a proxy changed it")

    law = 8  # Korea itself, its programme, and six steps of its agreement
    assert (found.different, found.hidden, found.same) == ([], 0, len(certified(SEOUL)) + law)
    assert decided(china) == [("korea", "accept", "kim", "a proxy changed it", True)]
    assert follower(china, client).catch_up() is None
    assert china.streams("KR") == korea.streams("KR")
    korea.happens(*suspended(BUSAN))
    assert follower(china, client).catch_up() is None
    assert china.recognised(BUSAN, "CN")[0] == "NOT_RECOGNISED"
    with (
        deciding(china) as (connection, store),
        pytest.raises(NotToBeFollowed, match="is not stopped"),
    ):
        forget_peer(connection, store, "kim", "a test")


def test_another_history_is_not_accepted_and_its_peer_may_be_forgotten(
    server: str, blank_register: str, tmp_path: Path, korea: Register, china: Register
) -> None:
    follower(china, InProcess(korea)).catch_up()
    forged = forged_home(korea, tmp_path)
    registration, *others = certified(SEOUL)
    with register(server, blank_register, forged) as rewritten:
        rewritten.happens(*certified(BUSAN), registration | {"name": "Another"}, *others)
        client = InProcess(rewritten)
        assert follower(china, client).catch_up() is not None
        with deciding(china) as (connection, store):
            before = store.row()
            found = accept_history(connection, store, client, "kim", "a test")
            assert found.different and decided(china) == []
            assert store.row() == before

            assert forget_peer(connection, store, "kim", "it has no true history") == ["KR"]

        assert decided(china) == [("korea", "forget", "kim", "it has no true history", False)]
        with pytest.raises(NotToBeFollowed, match="was forgotten"):
            follower(china, client).catch_up()
    china.registry.close()
    with register_of(china) as registry:
        [suspend] = suspended(SEOUL)
        registry.execute(commands.read(suspend), "test")
    assert china.recognised(SEOUL, "CN")[0] == "NOT_RECOGNISED"


def forged_home(korea: Register, tmp_path: Path) -> Path:
    """The home of who has Korea's keys, and has forgotten what was signed with them."""
    forged = tmp_path / "forged"
    shutil.copytree(korea.home, forged)
    keys = open_signing_keys(forged)
    keys.remember(keys.signed(Checkpoint(keys.origin, 0, EMPTY_ROOT)))
    return forged


def test_an_older_head_of_the_same_history_is_no_fork(korea: Register, china: Register) -> None:
    behind = Behind(korea)
    following = follower(china, behind)
    korea.happens(*certified(BUSAN))
    following.catch_up()

    behind.shows_the_old = True

    assert following.catch_up() is None


class Behind(InProcess):
    """A peer whose cache shows an older head."""

    shows_the_old = False

    def __init__(self, peer: Register) -> None:
        super().__init__(peer)
        self.old = self.checkpoint()

    def checkpoint(self) -> bytes:
        return self.old if self.shows_the_old else super().checkpoint()
