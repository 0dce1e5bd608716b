"""A border post asks its own copy: the register's answers, with their age, and without a line."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import psycopg
import pytest
from graphql import GraphQLObjectType, build_schema, is_enum_type, is_input_object_type
from typer.testing import CliRunner

from api.access.tokens import issue
from api.cli import app as cli
from api.edge.following import (
    FolderSource,
    NoLine,
    RegisterSource,
    take_changes,
    take_copy,
    take_delta,
)
from api.edge.graphql import EdgeGraphQL
from api.edge.server import Following, application
from api.edge.store import EdgeStore
from api.golden_copy.daily import copies_of
from api.golden_copy.deltas import fold, make_delta
from api.golden_copy.manifest import BadCopy
from api.golden_copy.signing import open_signer
from api.log.signing_keys import open_signing_keys
from projections.history.golden_copy import CopyInstant
from projections.history.golden_copy_reads import copy_source, moved, records
from registry.ledger.epochs import begin, current
from registry.paths import EDGE_SCHEMA
from registry.paths import SCHEMA as REGISTER_SCHEMA
from tests.api.client import AUDITOR, Client
from tests.api.golden_copy.copies import (
    CHINA,
    contents,
    copy,
    duplicate,
    happenings,
    happens,
    signed,
)
from tests.api.golden_copy.test_golden_copy import _change_a_byte
from tests.api.region import OPEN, SHUT, STEEL, clause, operator, record
from tests.api.served import served

FIELDS = """{ tin in outcome legal operational
  reasons { code message facts { name value item zone } } validFrom validTo
  bases { authorisation since identifierScheme identifier declarationBox benefits
  assumed } }"""
QUESTION = f"""query ($tins: [TIN!]!, $at: DateTime, $role: Role, $hs: HSCode) {{
  recognitions(tins: $tins, in: "CN", asOf: {{at: $at}}) {FIELDS}
  recognition(tin: "{STEEL}", in: "CN", asOf: {{at: $at}}, consignment: {{role: $role, hs: $hs}})
    {FIELDS}
  operator(tin: "{STEEL}", asOf: {{at: $at}}) {{ tin name localName address roles standing
    standingAbroad source identifiers {{ scheme value issuer verifiedBy }} }} }}"""


class Post:
    """Somebody who asks an edge over HTTP, in process."""

    def __init__(self, app: Any) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        )
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()

    def get(self, path: str, **said: Any) -> httpx.Response:
        return self._runner.run(self._http.get(path, **said))

    def post(self, path: str, **said: Any) -> httpx.Response:
        return self._runner.run(self._http.post(path, **said))


NEW, UNTIL = "KR33333333", "KR44444444"
END = date.today() + timedelta(days=20)
MORE = [
    *operator(NEW, "Synthetic New", "KR-AEO", "AA", "KRAEO3333", "2026-05-04"),
    *operator(UNTIL, "Synthetic Term", "KR-AEO", "AA", "KRAEO4444", "2026-05-04"),
    {
        "command": "renew_authorisation",
        "tin": UNTIL,
        "valid_until": END.isoformat(),
        "legal_ground": "a law",
        "source": "synthetic",
    },
    # The Union's data counts for a day.
    clause(
        "CN-EU-AEO",
        "EU",
        "CN",
        "AEOS",
        "AEOF",
        consent_required=True,
        max_age_hours=24,
        day="2016-01-01",
    ),
]
TINS = [STEEL, OPEN, SHUT, NEW, UNTIL, "KR99999999", "JP12345678"]


@pytest.fixture
def register(region_register: str, tmp_path: Path) -> Iterator[Client]:
    """The region, with two more operators of Korea and a limit of age for the Union."""
    record(region_register, *MORE)
    with Client(region_register, tmp_path / "home") as client:
        signed(client)
        yield client


@pytest.fixture
def store(register: Client, tmp_path: Path) -> EdgeStore:
    """An edge that trusts this register, and has nothing yet."""
    made = EdgeStore(tmp_path / "edge" / "edge.sqlite")
    made.pin([str(open_signer(register.home).key), str(open_signing_keys(register.home).keys[0])])
    return made


def ask(store: EdgeStore, document: str, **variables: Any) -> dict[str, Any]:
    found = EdgeGraphQL(store).execute(document, variables, "a test")
    assert "errors" not in found, found["errors"]
    return json.loads(json.dumps(found))


def outcome(store: EdgeStore, tin: str, at: datetime | None = None) -> tuple[str, list[str]]:
    document = f"""query ($at: DateTime) {{
        recognition(tin: "{tin}", in: "CN", asOf: {{at: $at}}) {FIELDS} }}"""
    found = ask(store, document, at=at and at.isoformat())["data"]["recognition"]
    return found["outcome"], [reason["code"] for reason in found["reasons"]]


def test_an_edge_gives_the_answers_of_the_register(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    happens(register, happenings(random.Random(5)))
    signed(register)
    FolderSource(copy(register, tmp_path / "copy")).follow(store)
    now = datetime.now(UTC)
    for at in (
        now,
        now - timedelta(days=400),
        now.replace(month=2, day=28, hour=14),
        now.replace(year=2014),
    ):
        said = {"tins": TINS, "at": at.isoformat(), "role": "EXPORTER", "hs": "0808"}
        there = register.ask(QUESTION, "partner:CN", **said)
        here = ask(store, QUESTION, **said)

        for one, other in zip(here["data"]["recognitions"], there["recognitions"], strict=True):
            if one["validTo"] != other["validTo"]:  # data of the Union counts for a day
                assert one["tin"] == OPEN
                assert datetime.fromisoformat(one.pop("validTo")) > now
                assert other.pop("validTo") is None
        assert here["data"] == there
    assert here["extensions"]["edge"]["ageSeconds"] >= 0
    assert here["extensions"]["edge"]["position"] == register.last_position()


def test_the_schema_of_an_edge_is_a_part_of_the_registers() -> None:
    here = build_schema(EDGE_SCHEMA.read_text(encoding="utf-8"))
    there = build_schema(REGISTER_SCHEMA.read_text(encoding="utf-8"))
    for name, kind in here.type_map.items():
        other = there.type_map[name]
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            for field, made in kind.fields.items():
                assert str(other.fields[field].type) == str(made.type), f"{name}.{field}"  # type: ignore[attr-defined]
                assert {arg: str(a.type) for arg, a in made.args.items()} == {
                    arg: str(a.type)
                    for arg, a in other.fields[field].args.items()  # type: ignore[attr-defined]
                    if arg != "receipt"  # an edge has no key of the register's
                }
        if is_enum_type(kind):
            assert set(kind.values) == set(other.values), name  # type: ignore[attr-defined]
        if is_input_object_type(kind):
            assert set(kind.fields) == set(other.fields), name  # type: ignore[attr-defined]


def test_what_is_known_in_advance_counts_on_its_day_without_a_line(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    FolderSource(copy(register, tmp_path / "copy")).follow(store)
    last = datetime(END.year, END.month, END.day, 12, tzinfo=UTC)

    assert outcome(store, UNTIL) == ("RECOGNISED", ["IN_FORCE"])
    assert outcome(store, UNTIL, last - timedelta(days=1)) == ("RECOGNISED", ["IN_FORCE"])
    assert outcome(store, UNTIL, last + timedelta(days=1))[0] == "NOT_RECOGNISED"
    assert outcome(store, NEW, last + timedelta(days=1)) == ("RECOGNISED", ["IN_FORCE"])


def test_past_the_limit_of_an_agreement_nothing_is_known(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    FolderSource(copy(register, tmp_path / "copy")).follow(store)
    now = datetime.now(UTC)

    assert outcome(store, OPEN, now + timedelta(hours=23)) == ("RECOGNISED", ["IN_FORCE"])
    stale = outcome(store, OPEN, now + timedelta(hours=25))
    assert stale == ("UNKNOWN", ["IN_FORCE", "STALE_DATA"])
    assert outcome(store, "DE99999999", now)[1] == ["NO_INFORMATION"]
    assert outcome(store, "DE99999999", now + timedelta(hours=25)) == (
        "UNKNOWN",
        ["NO_INFORMATION", "STALE_DATA"],
    )  # it may have been registered since
    assert outcome(store, NEW, now + timedelta(days=300))[0] == "RECOGNISED"  # Korea set no limit


def test_a_folder_with_deltas_keeps_an_edge_up(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    copies, folder = _days(register, tmp_path, 3)
    FolderSource(folder).follow(store)
    alone = EdgeStore(tmp_path / "other" / "edge.sqlite")
    alone.pin(store.pinned())
    take_copy(alone, copies[-1])

    assert store.state() == alone.state()
    assert _contents(store) == _contents(alone)
    assert FolderSource(folder).follow(store) == []


def test_after_a_withdrawal_copy_delta_and_edge_say_until_when_and_nothing_else(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    before = copy(register, tmp_path / "before")
    take_copy(store, before)
    following = EdgeStore(tmp_path / "following" / "edge.sqlite")
    following.pin(store.pinned())
    take_copy(following, before)
    assert outcome(store, OPEN)[0] == "RECOGNISED"

    taken = {"command": "withdraw_consent", "tin": OPEN, "partner": "CN"}
    stopped = {"command": "suspend_authorisation", "tin": OPEN, "reason": "a secret"}
    record(register.database, taken)
    record(register.database, stopped | {"legal_ground": "Art. 16"})
    signed(register)
    after, signer = copy(register, tmp_path / "after"), open_signer(register.home)
    make_delta(before, after, tmp_path / "delta", signer)

    fold(before, [tmp_path / "delta"], tmp_path / "folded", [signer.key])
    assert contents(tmp_path / "folded") == contents(after)
    take_delta(store, tmp_path / "delta")
    state = following.state().moment
    query = {"epoch": state.epoch, "after": state.position, "since": state.at.isoformat()}
    headers = {"Authorization": f"Bearer {issue('partner:CN', register.home)}"}
    answer = register.request(
        "GET", "/golden-copy/CN/changes", params=query, headers=headers
    ).content
    take_changes(following, answer)
    assert b"a secret" not in answer and OPEN.encode() in answer
    document = f"""query ($at: DateTime) {{
        recognition(tin: "{OPEN}", in: "CN", asOf: {{at: $at}}) {FIELDS}
        operator(tin: "{OPEN}", asOf: {{at: $at}}) {{ tin name }} }}"""
    now = datetime.now(UTC)
    for at in (now, now - timedelta(days=100)):
        there = register.ask(document, "partner:CN", at=at.isoformat())
        [reason] = there["recognition"]["reasons"]
        assert "recognisedUntil" in {fact["name"] for fact in reason["facts"]}
        for edge in (store, following):
            assert ask(edge, document, at=at.isoformat())["data"] == there


def test_a_consent_of_a_later_day_counts_from_that_day_in_answers_copies_changes_and_the_feed(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    given = {"command": "give_consent", "tin": SHUT, "partner": "CN"}
    later = date.today() + timedelta(days=30)
    record(register.database, given | {"effective": later.isoformat()})
    signed(register)
    day = datetime.combine(later, datetime.min.time(), UTC)
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    question = f"""query ($at: DateTime) {{
        recognition(tin: "{SHUT}", in: "CN", asOf: {{at: $at}}) {FIELDS} }}"""

    # The law of that day is known; whoever is not shown the operator today is not told of it.
    of_law = [
        register.ask(question, AUDITOR, at=at.isoformat())["recognition"]["outcome"]
        for at in (before, after)
    ]
    assert of_law == ["UNKNOWN", "RECOGNISED"]
    take_copy(store, copy(register, tmp_path / "copy"))
    for at in (datetime.now(UTC), before, after):
        there = register.ask(question, "partner:CN", at=at.isoformat())
        assert [r["code"] for r in there["recognition"]["reasons"]] == ["NO_INFORMATION"]
        here = ask(store, question, at=at.isoformat())["data"]
        assert here["recognition"]["outcome"] == "UNKNOWN"
        if at < before:  # later, data of the Union is too old for an edge
            assert here == there
    assert told_of(register, SHUT) == []

    async def on_the_day() -> tuple[list[bool], list[str] | None]:
        """Whether a copy of each day has it, and what changes from the one to the other."""
        async with await psycopg.AsyncConnection.connect(
            register.database, options="-c timezone=UTC"
        ) as connection:
            source = await copy_source(connection, CHINA)
            place = source.moment.position
            days = [source.as_of(CopyInstant(place, at)) for at in (before, after)]
            tins = [[each.tin async for each in records(connection, one)] for one in days]
            changed = await moved(connection, days[0].moment, days[1], 1_000)
        return [SHUT in each for each in tins], changed

    shown, changed = asyncio.run(on_the_day())
    assert shown == [False, True] and SHUT in (changed or [])

    # A day that has come: as if it had been given before.
    record(
        register.database,
        {"command": "give_consent", "tin": SHUT, "partner": "CN", "effective": "2026-07-01"}
        | {"legal_ground": "a letter"},
    )
    assert told_of(register, SHUT) == [("UNKNOWN", "RECOGNISED", "2026-06-30T22:00:00")]


def told_of(register: Client, tin: str) -> list[tuple[str, str, str]]:
    """What the feed tells China of an operator: the outcomes before and after, and from when."""
    document = """query { changes(for: "CN", after: 0) {
        changes { tin was now effectiveFrom } } }"""
    found = register.ask(document, "partner:CN")["changes"]["changes"]
    return [(c["was"], c["now"], c["effectiveFrom"][:19]) for c in found if c["tin"] == tin]


def _days(register: Client, tmp_path: Path, days: int) -> tuple[list[Path], Path]:
    """Copies of several days, and a folder with the first and the deltas to the last."""
    chance, signer = random.Random(days), open_signer(register.home)
    copies = [copy(register, tmp_path / "copies" / "0")]
    folder = tmp_path / "folder"
    duplicate(copies[0], folder / "0")
    for day in range(1, days):
        happens(register, happenings(chance))
        signed(register)
        copies.append(copy(register, tmp_path / "copies" / str(day)))
        make_delta(copies[-2], copies[-1], folder / f"delta {day}", signer)
    return copies, folder


def _contents(store: EdgeStore) -> list[Any]:
    return store._connection().execute("select tin, record from operator order by tin").fetchall()


def test_a_file_that_is_harmed_is_named_and_the_edge_keeps_what_it_had(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    copies, folder = _days(register, tmp_path, 3)
    take_copy(store, copies[0])
    before = (store.state(), _contents(store))
    for name in ("changes.jsonl.zst", "manifest.json", "manifest.note", "agreements.json"):
        for harm in (_change_a_byte, Path.unlink):
            hurt = duplicate(folder, tmp_path / f"{name} {harm.__name__}")
            harm(hurt / "delta 1" / name)
            following = Following(store, FolderSource(hurt), 1.0)

            assert following.look() == []
            if not (name == "manifest.json" and harm is Path.unlink):
                assert name in (following.why or "") or "manifest.note" in (following.why or "")
            assert "delta" in (following.why or "")
            assert (store.state(), _contents(store)) == before
            assert outcome(store, STEEL)[0] == "NOT_RECOGNISED"  # and it goes on answering
    missing = duplicate(folder, tmp_path / "missing")
    for each in (missing / "delta 1").iterdir():
        each.unlink()
    following = Following(store, FolderSource(missing), 1.0)
    following.look()
    assert "delta 2" in (following.why or "") and "wrong order" in (following.why or "")
    assert (store.state(), _contents(store)) == before


def test_a_copy_of_another_partner_or_key_or_log_is_not_taken(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    made = copy(register, tmp_path / "copy")
    with pytest.raises(BadCopy, match="partner: found CN, wanted KR"):
        FolderSource(made, "KR").follow(store)
    keys = store.pinned()
    store.pin([str(open_signer(tmp_path / "nobody").key), keys[1]])
    with pytest.raises(BadCopy, match="No pinned key signed it"):
        take_copy(store, made)
    store.pin([keys[0], str(open_signing_keys(tmp_path / "nobody").keys[0])])
    with pytest.raises(BadCopy, match="it is of another log"):
        take_copy(store, made)


def test_an_edge_follows_the_register_and_hands_its_looks_back_when_the_line_returns(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    copy(register, copies_of(register.home, CHINA) / "20260101T000000.000000Z-1")
    token = issue("partner:CN", register.home)
    with served(register.database, register.home) as url:
        source = RegisterSource(url, "CN", lambda: token)
        following = Following(store, source, 1.0)
        assert source.keys() == [
            str(open_signer(register.home).key),
            *(str(key) for key in open_signing_keys(register.home).keys),
        ]
        [took] = following.look()
        assert took.what == "a golden copy" and following.why is None
        assert outcome(store, NEW)[0] == "RECOGNISED"
        record(
            register.database,
            {
                "command": "suspend_authorisation",
                "tin": NEW,
                "reason": "books",
                "legal_ground": "a law",
            },
        )
        [took] = following.look()
        assert (took.what, took.records) == ("changes", 1)
        assert outcome(store, NEW) == ("NOT_RECOGNISED", ["AUTHORISATION_SUSPENDED"])
        assert store.waiting() == 1  # the answer of before was handed back with that look
    assert following.look() == [] and url in (following.why or "")
    assert outcome(store, NEW)[0] == "NOT_RECOGNISED"  # goes on
    assert store.waiting() == 2
    with served(register.database, register.home) as url:
        following = Following(store, RegisterSource(url, "CN", lambda: token), 1.0)
        looks = store.looks(10)
        following.look()
        assert following.why is None and store.waiting() == 0
        store.keep(looks)  # as if the answer had been lost
        following.look()
        assert store.waiting() == 0
        begin(register.database, _epoch(register.database), "a restore")
        copy(register, copies_of(register.home, CHINA) / "20270101T000000.000000Z-1")
        [took] = following.look()
        assert took.what == "a golden copy"
        assert store.state().moment.epoch == _epoch(register.database)
    with psycopg.connect(register.database) as connection:
        rows = connection.execute(
            "select subject, tins[1], outcomes[1], purpose from access.read_log"
            " where operation = 'edge' order by at"
        ).fetchall()
    assert rows == [
        ("partner:CN", NEW, outcome_, "a test")
        for outcome_ in ("RECOGNISED", "NOT_RECOGNISED", "NOT_RECOGNISED")
    ]


def _epoch(database: str) -> str:
    with psycopg.connect(database) as connection:
        return current(connection).id


def test_an_answer_of_the_register_that_was_changed_on_the_way_is_not_taken(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    take_copy(store, copy(register, tmp_path / "copy"))
    moment = store.state().moment
    record(
        register.database,
        {
            "command": "suspend_authorisation",
            "tin": NEW,
            "reason": "books",
            "legal_ground": "a law",
        },
    )
    asked = {"epoch": moment.epoch, "after": moment.position, "since": moment.at.isoformat()}
    headers = {"Authorization": f"Bearer {issue('partner:CN', register.home)}"}
    answer = register.request(
        "GET", "/golden-copy/CN/changes", params=asked, headers=headers
    ).json()
    before = (store.state(), _contents(store))
    for harm in (
        {**answer, "body": answer["body"].replace("SUSPENDED", "VALID")},
        {**answer, "body": answer["body"].split("\n")[0] + "\n"},
        {**answer, "note": answer["note"][:-9] + "AAAAAAAA\n"},
        {"body": "", "note": ""},
    ):
        with pytest.raises(BadCopy):
            take_changes(store, msgspec.json.encode(harm))
        assert (store.state(), _contents(store)) == before
    took = take_changes(store, msgspec.json.encode(answer))
    assert took is not None and took.records == 1
    with pytest.raises(BadCopy, match="wanted since"):  # a second time: it does not begin here
        take_changes(store, msgspec.json.encode(answer))


def test_over_http_the_age_is_in_the_answer_and_bad_requests_are_refused(
    register: Client, store: EdgeStore, tmp_path: Path
) -> None:
    following = Following(store, FolderSource(tmp_path / "copy"), 1.0)
    app = application(store, following, "127.0.0.1")
    with Post(app) as client:
        question = {"query": f'{{ recognition(tin: "{STEEL}", in: "CN") {{ outcome }} }}'}
        empty = client.post("/graphql", json=question)
        assert empty.status_code == 503 and client.get("/readyz").status_code == 503
        copy(register, tmp_path / "copy")
        following.look()
        answer = client.post("/graphql", json=question)
        assert answer.json()["data"] == {"recognition": {"outcome": "NOT_RECOGNISED"}}
        assert int(answer.headers["age"]) < 600
        assert client.get("/graphql", params=question).json()["data"] == answer.json()["data"]
        ready = client.get("/readyz").json()
        assert ready["operators"] == 4 and ready["looksToHandBack"] == 2
        for query, words in (
            ('{ recognition(tin: "x", in: "CN") { outcome } }', "TIN"),
            (f'{{ recognition(tin: "{STEEL}", in: "KR") {{ outcome }} }}', "wanted CN"),
            (
                f'{{ recognition(tin: "{STEEL}", in: "CN",'
                ' asOf: {knownAt: "2020-01-01T00:00:00Z"}) { outcome } }',
                "ask the register",
            ),
            ("{ nothing }", "Cannot query field"),
            ("{ " + "a " * 3000 + "}", "tokens"),
        ):
            found = client.post("/graphql", json={"query": query}).json()
            assert words in found["errors"][0]["message"], query
        assert client.post("/graphql", content=b"[]").status_code == 400
        assert client.post("/graphql", content=b"x" * 300_000).status_code == 413
        assert (
            client.post("/graphql", json=question, headers={"Host": "evil.example"}).status_code
            == 421
        )


def test_the_command_fills_an_edge_and_asks_it(register: Client, tmp_path: Path) -> None:
    made, home = copy(register, tmp_path / "copy"), str(tmp_path / "post")
    key = str(open_signer(register.home).key)
    run = CliRunner()

    without = run.invoke(cli, ["edge", "--from", str(made), "--once", "--edge-home", home])
    assert without.exit_code == 2
    filled = run.invoke(
        cli, ["edge", "--from", str(made), "--once", "--edge-home", home, "--key", key]
    )
    assert filled.exit_code == 0 and "a golden copy: 4 records" in filled.output
    told = run.invoke(cli, ["edge", "ask", STEEL, "--edge-home", home])
    assert told.exit_code == 0
    assert f"{STEEL} in CN: NOT_RECOGNISED (AUTHORISATION_SUSPENDED)" in told.output
    assert "hours old" in told.output
    as_json = json.loads(
        run.invoke(cli, ["edge", "ask", STEEL, "--edge-home", home, "--json"]).output
    )
    assert as_json["outcome"] == "NOT_RECOGNISED" and as_json["ageSeconds"] < 600


def test_a_register_that_cannot_be_reached_is_no_line(store: EdgeStore) -> None:
    with pytest.raises(NoLine, match=r"http://127\.0\.0\.1:9"):
        RegisterSource("http://127.0.0.1:9", "CN", None).follow(store)
