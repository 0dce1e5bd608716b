"""An answer is never older than its subject wants it, whichever server answers, and whatever became
of the database: two servers, one a copy of the other that is behind."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.graphql import read_your_writes
from api.graphql.positions import MinPosition
from api.graphql.seen_positions import FILE, SeenPositions
from api.http import graphql
from api.local import postgres
from api.local.cluster import find_cluster
from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.ledger import epochs
from registry.ledger.database import environment, migrate
from tests.api.client import ACME, CHINA, KOREA, Client, record, small_world
from tests.conftest import IN_A_HURRY
from tests.gate import Gate

DATABASES = [f"register_{n}" for n in range(20)]
NEW = "Acme Lines"
ROUNDS = 12
#: Planned; of many keys; and answered by the stock executor alone.
QUESTIONS = {
    "one": "query ($tin: TIN!) { operator(tin: $tin) { name } }",
    "many": "query ($tin: TIN!) { operatorsByTin(tins: [$tin]) { name } }",
    "stock": "query ($tin: TIN!) { operator(tin: $tin) { name administration { code name } }"
    " viewer { role } }",
}


@dataclass
class Servers:
    """`ahead` and `behind`: the conninfo of one register on each."""

    ahead: str
    behind: str

    @property
    def position(self) -> int:
        return position(self.ahead)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Iterator[str]]]:
    """Two servers with the same registers, made by copying a stopped one, and names of these."""
    first, second = tmp_path_factory.mktemp("ahead"), tmp_path_factory.mktemp("behind")
    for home in (first, second):
        home.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.delenv("DATABASE_URL", raising=False)
        with postgres.database(first, IN_A_HURRY) as url:
            migrate(url)
            small_world(url)
            with psycopg.connect(
                make_conninfo(url, dbname="postgres"), autocommit=True
            ) as connection:
                for name in DATABASES:
                    connection.execute(f"create database {name} template aeo strategy file_copy")
        folder = find_cluster(first.resolve()).folder
        subprocess.run(["cp", "-a", folder, second / folder.name], check=True)
        (second / folder.name / "users.lock").unlink()
        ahead = stack.enter_context(postgres.database(first, IN_A_HURRY))
        behind = stack.enter_context(postgres.database(second, IN_A_HURRY))
        yield ahead, behind, iter(DATABASES)


@pytest.fixture
def servers(clusters: tuple[str, str, Iterator[str]]) -> Servers:
    """One of them has recorded another name of Acme since the other was copied from it."""
    ahead, behind, names = clusters
    name = next(names)
    found = Servers(make_conninfo(ahead, dbname=name), make_conninfo(behind, dbname=name))
    rename(found.ahead, NEW)
    assert found.position == position(found.behind) + 1
    return found


@pytest.fixture
def gate(servers: Servers) -> Iterator[Gate]:
    with Gate(servers.ahead) as found:
        yield found


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql, "MOST_WAIT", 0.3)
    monkeypatch.setattr(read_your_writes, "RETRY_PAUSE", 0.05)
    monkeypatch.setattr(read_your_writes, "SAVE_INTERVAL", 0.05)


def rename(database: str, *names: str) -> None:
    registry = Registry(environment(database))
    record(
        registry,
        [
            {"command": "amend_particulars", "tin": ACME, "name": name, "roles": ["EXPORTER"]}
            for name in names
        ],
    )
    registry.close()
    Projector(database).catch_up()


def position(database: str) -> int:
    with psycopg.connect(database) as connection:
        [(found,)] = connection.execute("select max(position) from ledger.event")
    return int(found)


def epoch(database: str) -> epochs.Epoch:
    with psycopg.connect(database) as connection:
        return epochs.current(connection)


def ask(client: Client, text: str, least: object, by: str = CHINA) -> httpx.Response:
    return client.post(text, by, {"Aeo-Min-Position": str(least)}, tin=ACME)


def name_in(answer: httpx.Response) -> str:
    data = answer.json()["data"]
    [found] = data.get("operatorsByTin") or [data.get("operator")]
    return str(found["name"])


def code(answer: httpx.Response) -> str:
    [error] = answer.json()["errors"]
    return str(error["extensions"]["code"])


# ------------------------------------------------------------------ never older


@pytest.mark.parametrize("planner", [True, False], ids=["planned", "resolved"])
def test_no_answer_is_older_than_asked_while_connections_land_on_two_servers(
    servers: Servers, gate: Gate, tmp_path: Path, planner: bool
) -> None:
    gate.lead_to(servers.ahead, servers.behind)
    wanted, answers = servers.position, []
    with Client(gate.conninfo, tmp_path, planner=planner) as client:
        for _ in range(4):
            answers += [ask(client, text, wanted) for text in QUESTIONS.values()]
        anybody = [client.post(text, CHINA, tin=ACME) for text in QUESTIONS.values()]

    given = [answer for answer in answers if answer.status_code == 200]
    assert {name_in(response) for response in given} <= {NEW}
    assert {code(answer) for answer in answers if answer not in given} <= {"BEHIND"}
    assert all(response.status_code == 200 for response in anybody), (
        "who wants nothing is answered by any"
    )


@pytest.mark.parametrize("text", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("planner", [True, False], ids=["planned", "resolved"])
def test_a_server_that_is_behind_says_so_instead_of_answering(
    servers: Servers, gate: Gate, tmp_path: Path, planner: bool, text: str
) -> None:
    with Client(gate.conninfo, tmp_path, planner=planner) as client:
        assert name_in(ask(client, text, servers.position)) == NEW
        gate.stop()
        gate.lead_to(servers.behind)
        gate.open()

        refused = ask(client, text, servers.position)

        assert (refused.status_code, code(refused)) == (503, "BEHIND")
        [error] = refused.json()["errors"]
        assert str(servers.position) in error["message"]
        assert name_in(ask(client, text, servers.position - 1)) == "Acme"
        gate.stop()
        gate.lead_to(servers.ahead)
        gate.open()
        assert name_in(ask(client, text, servers.position)) == NEW


def test_no_answer_is_older_than_asked_whatever_the_servers_do(
    servers: Servers, gate: Gate, tmp_path: Path
) -> None:
    luck, told, texts = Random(2026), Counter[str](), list(QUESTIONS.values())
    with Client(gate.conninfo, tmp_path) as client:
        for _ in range(ROUNDS):
            gate.lead_to(*luck.choice([[servers.ahead], [servers.behind], list(astuple(servers))]))
            if luck.random() < 0.7:
                gate.stop()
                gate.open()
            for _ in range(3):
                least = luck.choice([servers.position, servers.position - 1])
                answer = ask(client, luck.choice(texts), least)
                if answer.status_code == 200:
                    told[f"{name_in(answer)} from {servers.position - least} before"] += 1
                else:
                    told[code(answer)] += 1
    print(dict(told))
    assert "Acme from 0 before" not in told, "older than asked"
    assert told[f"{NEW} from 0 before"] and told["Acme from 1 before"] and told["BEHIND"]
    assert set(told) <= {
        f"{NEW} from 0 before",
        f"{NEW} from 1 before",
        "Acme from 1 before",
        "BEHIND",
        "UNAVAILABLE",
    }
    assert epoch(servers.ahead).number == 1, "the one that is behind is in another epoch, not this"
    assert epoch(servers.behind).number == 2


def test_a_copy_that_only_reads_is_behind_and_begins_no_epoch(
    clusters: tuple[str, str, Iterator[str]],
    servers: Servers,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Client(servers.ahead, tmp_path) as client:
        own = f"{ready(client)['epoch']}:{servers.position}"
    copied = tmp_path_factory.mktemp("copy")
    copied.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        # The copy is taken while the server runs, between two of its checkpoints, and recovers.
        with psycopg.connect(servers.behind, autocommit=True) as connection:
            connection.execute("checkpoint")
            [(data,)] = connection.execute("show data_directory")
        source = Path(data).parent
        subprocess.run(["cp", "-a", source, copied / source.name], check=True)
        for name in ("users.lock", ".s.PGSQL.5432", ".s.PGSQL.5432.lock", "data/postmaster.pid"):
            (copied / source.name / name).unlink(missing_ok=True)
        signal = copied / source.name / "data" / "standby.signal"
        subprocess.run(["cp", "-a", source / "data" / "PG_VERSION", signal], check=True)
        with postgres.database(copied, IN_A_HURRY) as url:
            database = make_conninfo(url, dbname=conninfo_to_dict(servers.ahead)["dbname"])
            with Client(database, tmp_path) as client:
                assert code(ask(client, QUESTIONS["one"], own)) == "BEHIND"
                assert name_in(ask(client, QUESTIONS["one"], servers.position - 1)) == "Acme"
            assert epoch(database).number == 1


def test_a_command_is_given_once_what_it_follows_is_shown_and_not_before(
    servers: Servers, gate: Gate, tmp_path: Path
) -> None:
    text = """mutation ($it: AmendParticularsInput!) { amendParticulars(input: $it) {
        __typename ... on Recorded { position epoch events { position } } } }"""
    command = {"commandId": "6f3e8d7a-6a52-4c1e-9d1f-0c8a4f0f2a11", "tin": ACME, "name": "Third"}
    gate.lead_to(servers.behind)
    before, wanted = position(servers.behind), servers.position
    with Client(gate.conninfo, tmp_path) as client:
        refused = client.post(text, CHINA, {"Aeo-Min-Position": str(wanted)}, it=command)
        assert code(refused) == "BEHIND" and position(servers.behind) == before

        given = client.post(text, CHINA, {"Aeo-Min-Position": str(before)}, it=command)

    recorded = given.json()["data"]["amendParticulars"]
    assert recorded["events"] == [{"position": before + 1}]
    assert recorded["epoch"] == epoch(servers.behind).id


# ---------------------------------------------------------- another epoch of the ledger


CHANGES = """query ($after: Position!, $epoch: String) {
  changes(for: "KR", after: $after, epoch: $epoch) { next head epoch } }"""
EVENTS = """query ($after: String) { events(first: 1, after: $after) {
  edges { cursor } pageInfo { endCursor } } }"""


@pytest.mark.parametrize("noticed", ["while it ran", "when it began"])
def test_a_ledger_that_went_back_is_in_another_epoch(
    servers: Servers, gate: Gate, tmp_path: Path, noticed: str
) -> None:
    with ExitStack() as stack:
        client = stack.enter_context(Client(gate.conninfo, tmp_path))
        before = ready(client)["epoch"]
        own = f"{before}:{servers.position}"
        assert name_in(ask(client, QUESTIONS["one"], own)) == NEW
        page = client.ask(CHANGES, KOREA, after=0)["changes"]
        assert page["epoch"] == before and page["head"] == servers.position
        cursor = client.ask(EVENTS)["events"]["pageInfo"]["endCursor"]
        gate.stop()
        gate.lead_to(servers.behind)
        gate.open()
        if noticed == "when it began":
            stack.close()
            client = stack.enter_context(Client(gate.conninfo, tmp_path))
        after = wait_for_another(client, before)

        for text in QUESTIONS.values():
            refused = ask(client, text, own)
            assert (refused.status_code, code(refused)) == (412, "EPOCH")
            [error] = refused.json()["errors"]
            assert before in error["message"] and after in error["message"]
            assert f"up to position {servers.position - 1}" in error["message"]
        for error in (
            client.error(CHANGES, KOREA, after=page["next"], epoch=before),
            client.error(EVENTS, after=cursor),
        ):
            assert error["code"] == "EPOCH"
            assert before in error["message"] and after in error["message"]
        assert client.ask(CHANGES, KOREA, after=0, epoch=after)["changes"]["epoch"] == after
        assert client.ask(CHANGES, KOREA, after=0)["changes"]["epoch"] == after
        assert name_in(ask(client, QUESTIONS["one"], f"{after}:1")) == "Acme"
    assert epoch(servers.ahead).id == before
    assert epoch(servers.behind).after_position == servers.position - 1
    assert "seen up to" in epoch(servers.behind).why


def test_a_ledger_that_went_back_and_on_again_is_in_another_epoch(
    servers: Servers, tmp_path: Path
) -> None:
    """Its positions are as high as those that were given before, and of other events."""
    with Client(servers.ahead, tmp_path) as client:
        before = ready(client)["epoch"]
        written_down(client, before)
    rename(servers.behind, "Other", "Still another")
    with Client(servers.behind, tmp_path) as client:
        refused = ask(client, QUESTIONS["one"], f"{before}:{servers.position}")
        assert code(refused) == "EPOCH"
        assert ready(client)["epoch"] != before
    assert "of another command" in epoch(servers.behind).why


def test_the_old_server_is_in_its_own_epoch_when_it_comes_back(
    servers: Servers, tmp_path: Path
) -> None:
    first = epoch(servers.ahead).id
    for database, own in ((servers.ahead, True), (servers.behind, False), (servers.ahead, True)):
        with Client(database, tmp_path) as client:
            assert (ready(client)["epoch"] == first) is own


def test_several_who_find_a_ledger_gone_back_begin_one_epoch(servers: Servers) -> None:
    known = epoch(servers.ahead).id

    begun = [epochs.begin(servers.ahead, known, f"found by {n}") for n in range(3)]

    assert len({epoch.id for epoch in begun}) == 1
    assert begun[0].number == 2 and begun[0].why == "found by 0"
    assert begun[0].after_position == servers.position


def test_nobody_else_begins_an_epoch_and_none_is_changed(servers: Servers) -> None:
    for role in ("aeo_reader", "aeo_auditor", "aeo_projector", "aeo_signer", "aeo_erasure"):
        with (
            psycopg.connect(servers.ahead, options=f"-c role={role}") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("select proof.begin_epoch('', '')")
    for statement in ("update proof.epoch set why = ''", "delete from proof.epoch"):
        with (
            psycopg.connect(servers.ahead) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
        ):
            connection.execute(statement)


def test_an_epoch_that_a_command_began_is_known_to_a_running_service(
    servers: Servers, tmp_path: Path
) -> None:
    with Client(servers.ahead, tmp_path) as client:
        before = ready(client)["epoch"]
        position = servers.position
        begun = epochs.begin(servers.ahead, before, "restored from the copy of Sunday").id
        assert wait_for_another(client, before) == begun
        assert code(ask(client, QUESTIONS["one"], f"{before}:{position}")) == "EPOCH"
        assert name_in(ask(client, QUESTIONS["one"], position)) == NEW, "a plain number as before"
        assert name_in(ask(client, QUESTIONS["one"], f"{begun}:{position}")) == NEW


@pytest.mark.parametrize(
    "text", ["abc:1", "0123456789ab:", ":1", "0123456789AB:1", "1:0123456789ab"]
)
def test_what_is_no_epoch_and_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        MinPosition.parse(text)


def test_what_is_remembered_only_grows_whoever_writes_it(tmp_path: Path) -> None:
    one, other = SeenPositions(tmp_path), SeenPositions(tmp_path)
    one.saw("a" * 12, 7)
    one.keep("a" * 12, 6, "six")
    other.saw("a" * 12, 5)
    other.keep("a" * 12, 4, "four")
    other.keep("b" * 12, 2, "two")

    seen = SeenPositions(tmp_path).all()

    assert (seen["a" * 12].position, seen["a" * 12].of, seen["a" * 12].command) == (7, 6, "six")
    assert seen["b" * 12].why_not(2, "two") is None
    assert seen["b" * 12].why_not(1, None) and seen["b" * 12].why_not(9, "other")
    (tmp_path / FILE).write_text("no JSON")
    assert SeenPositions(tmp_path).all() == {}


def ready(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.request("GET", "/readyz").json()
    return found


def written_down(client: Client, epoch: str) -> None:
    """Waits until the service has written down which command it saw last."""
    for _ in range(100):
        if (seen := SeenPositions(client.home).all().get(epoch)) and seen.command:
            return
        client.pause(0.05)
    pytest.fail("after 5 seconds nothing is written down")


def wait_for_another(client: Client, before: str) -> str:
    for _ in range(100):
        found = ready(client).get("epoch", before)
        if found != before:
            return str(found)
        client.pause(0.05)
    pytest.fail(f"after 5 seconds the ledger is still in epoch {before}")


#: Questions that read no row of a database.
NOTHING = ("{ viewer { role } }", "{ __typename }", "{ __schema { queryType { name } } }")


@pytest.mark.parametrize("query", NOTHING)
def test_a_question_that_reads_nothing_waits_and_is_refused_like_any_other(
    counter: Client, query: str
) -> None:
    def ask(least: str) -> httpx.Response:
        headers = {"aeo-min-position": least}
        return counter.request("POST", "/graphql", json={"query": query}, headers=headers)

    here = counter.request("GET", "/readyz").json()

    now = ask(f"{here['epoch']}:{here['position']}")
    other = ask(f"0123456789ab:{here['position']}")
    later = ask(f"{here['epoch']}:{here['position'] + 1}")

    assert now.status_code == 200 and "errors" not in now.json()
    for answer, status, code in ((other, 412, "EPOCH"), (later, 503, "BEHIND")):
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["extensions"]["code"]) == (status, code)
