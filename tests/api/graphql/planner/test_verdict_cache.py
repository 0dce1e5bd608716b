"""Verdicts that a process keeps are those of the rule, of any world, day and state of knowledge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from string import ascii_uppercase
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.graphql.planner import verdict_cache
from api.graphql.planner.verdict_cache import VerdictCache
from projections.checking.status import resume
from projections.engine.projector import Projector
from projections.reads import planner_selects
from projections.reads.bitemporal_sql import AsOf
from projections.reads.verdicts import LEGAL_STATE_VERSION, Consignment, LegalState
from tests.api.client import AUDITOR, KOREA, Client
from tests.api.region import FRUIT, QUIET, ZONES, Line, record, region
from tests.projections.reads.test_rule import _write
from tests.worlds import Maker

__all__ = ["region"]

WORLDS = 60
LATER = (timedelta(0), timedelta(microseconds=1), timedelta(days=40), timedelta(days=2_000))
VERDICT = planner_selects.VERDICT
WHERE = f"query ($tin: TIN!) {{ operator(tin: $tin) {{ recognisedIn {{ {VERDICT} }} }} }}"
ONE = f'query ($tin: TIN!) {{ recognitions(tins: [$tin], in: "KR") {{ tin {VERDICT} }} }}'
#: The same, which nobody keeps.
UNKEPT = ONE.replace("outcome", "outcome position")

_BASES = """(select coalesce(json_agg(json_build_object(
    'agreement', json_build_object('id', 'Agreement:' || b.agreement),
    'authorisation', b.authorisation,
    'since', to_char(b.since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))), '[]')
    from unnest(v.bases) b)"""
_NOTHING = "null, null, null, null, null"


def _verdicts(wanted: str, consignment: str = _NOTHING) -> str:
    return f"""(select coalesce(json_agg(json_build_object('in', v.territory, 'outcome', v.outcome,
    'legal', v.legal, 'operational', v.operational, 'reasons', (
        select json_agg(json_build_object('code', r)) from unnest(v.reasons) r),
    'bases', {_BASES}) order by v.territory), '[]')
    from rule.verdicts(o.tin, o.administration, {wanted}, o.at, o.known, {consignment}) v)"""


_SETTLED = """
from (select o.*, o.settled + %(at)s as at, o.settled + %(known)s as known
    from views.operator o where o.settled < '9000-01-01'
        and coalesce(o.settled_until, 'infinity') > o.settled + %(at)s) o
cross join lateral (
    select a.code from views.administration a where left(a.code, 1) = left(o.administration, 1)
    order by md5(o.tin || a.code) limit 1
) a"""
_PLACEHOLDER = planner_selects.verdict_placeholder("o", "'null'").replace("{clocks}", "0")
_ASKED = f"""
select o.at, o.known, {_PLACEHOLDER}, a.code,
    {_verdicts("null")}, {_verdicts("a.code")} {_SETTLED}"""


@pytest.mark.parametrize("letters", (verdict_cache.MOST_CHARACTERS, 2_000))
def test_what_is_kept_is_what_the_rule_says(
    database: str, monkeypatch: pytest.MonkeyPatch, letters: int
) -> None:
    """Also where hardly any text is kept for long."""
    monkeypatch.setattr(verdict_cache, "MOST_CHARACTERS", letters)
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    asked: list[tuple[Any, ...]] = []
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        worlds = [Maker(7_000 + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
        _write(connection, worlds)
        for at, known in product(LATER, LATER):
            asked += connection.execute(_ASKED.encode(), {"at": at, "known": known}).fetchall()

    asyncio.run(_hold_equal(database, asked))

    assert len(asked) > 1_500
    assert any(len(basis["bases"]) > 1 for item in asked for basis in item[4])


async def _hold_equal(database: str, asked: list[tuple[Any, ...]]) -> None:
    async with _keeping(database) as verdicts:

        async def told(mark: str, **bound: Any) -> str:
            pieces = mark.encode().split(b"\x01")
            found = await verdicts.texts(pieces, [{"belief": ":", **bound}])
            return found[1].decode()

        async def equal(
            at: datetime, known: datetime, mark: str, place: str, everywhere: Any, there: Any
        ) -> None:
            # A mark that tells every territory is of somebody who is told all of the operator.
            everywhere, there = _in_full(everywhere), _in_full(there)
            assert json.loads(await told(mark, at=at, known=known)) == everywhere, mark
            one = await told(mark, at=at, known=known, **{"in": place})
            assert [json.loads("{" + one + "}")] == there, (mark, place)

        for n in range(0, len(asked), 50):
            await asyncio.gather(*(equal(*item) for item in asked[n : n + 50]))


CONSIGNMENTS = (
    Consignment(role="CARRIER"),
    Consignment("EXPORTER", "IMPORT", "0702"),
    Consignment(direction="EXPORT", hs="1201", crossing="Heihe", mode="RAIL"),
    Consignment(hs="12", crossing="heihe-blagoveshchensk", mode="road"),
    Consignment(hs="070211", mode="AIR"),
    Consignment("EXPORTER", hs="99", crossing="Suifenhe"),
)
_MARK = planner_selects.verdict_placeholder("o", "'null'", "c.number").replace("{clocks}", "0")
_CONSIGNED = f"""
select o.at, o.known, {_MARK}, a.code, c.number,
    {_verdicts("a.code", "c.role, c.direction, c.hs, c.crossing, c.mode")}
{_SETTLED.split("cross join", maxsplit=1)[0]}
cross join lateral (
    select l.to_party as code from views.link l where l.from_party = o.administration
    order by l.agreement limit 1
) a
cross join jsonb_to_recordset(%(consignments)s::jsonb) as c (
    number int, role text, direction text, hs text, crossing text, mode text)"""


def test_what_is_kept_of_a_consignment_is_what_the_rule_says(database: str) -> None:
    """Of goods, crossings, modes, directions and roles no more is told apart than clauses do."""
    codes = [a + b for a, b in product(ascii_uppercase, repeat=2)]
    asked: list[tuple[Any, ...]] = []
    consignments = json.dumps(
        [{"number": n, **consignment._asdict()} for n, consignment in enumerate(CONSIGNMENTS)]
    )
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        worlds = [Maker(8_000 + n, codes[5 * n : 5 * n + 5]).make() for n in range(WORLDS)]
        _write(connection, worlds)
        for later in LATER[::2]:
            given = {"at": later, "known": later, "consignments": consignments}
            asked += connection.execute(_CONSIGNED.encode(), given).fetchall()

    asyncio.run(_hold_equal_consigned(database, asked))

    assert len(asked) > 1_000
    reasons = {reason["code"] for item in asked for reason in item[5][0]["reasons"]}
    assert reasons >= {
        "GOODS_OUT_OF_SCOPE",
        "ROLE_OUT_OF_SCOPE",
        "CROSSING_OUT_OF_SCOPE",
        "DIRECTION_OUT_OF_SCOPE",
        "IN_FORCE",
    }


def test_of_a_thousand_goods_and_crossings_the_law_tells_few_apart() -> None:
    law = LegalState(
        "",
        (),
        (),
        False,
        frozenset(),
        frozenset(),
        True,
        frozenset({"07", "0801"}),
        frozenset({"Heihe - Blagoveshchensk"}),
        frozenset({"rail"}),
    )
    goods = {law.consigned(Consignment(hs=f"{n:06}")) for n in range(0, 1_000_000, 101)}
    crossings = {law.consigned(Consignment(crossing=f"Crossing {n}")) for n in range(1_000)}

    assert {good.hs for good in goods if good} == {"07", "0801", "?"}
    assert crossings == {Consignment(crossing="?")}
    assert law.consigned(Consignment(mode="RAIL")) == Consignment(mode="rail")
    assert law.consigned(Consignment()) is None


async def _hold_equal_consigned(database: str, asked: list[tuple[Any, ...]]) -> None:
    async with _keeping(database) as verdicts:

        async def equal(
            at: datetime, known: datetime, mark: str, place: str, number: int, there: Any
        ) -> None:
            bound = {
                "known": known,
                "in": place,
                "alike": list(range(len(CONSIGNMENTS))),
                "asked": [(AsOf(at, known), consignment) for consignment in CONSIGNMENTS],
            }
            found = await verdicts.texts(mark.encode().split(b"\x01"), [bound])
            told = json.loads("{" + found[1].decode() + "}")
            assert [told] == _in_full(there), (mark, place, CONSIGNMENTS[number])

        for n in range(0, len(asked), 50):
            await asyncio.gather(*(equal(*item) for item in asked[n : n + 50]))


def _in_full(told: Any) -> Any:
    return json.loads(json.dumps(told).replace('"NO_INFORMATION"', '"NO_CONSENT"'))


@asynccontextmanager
async def _keeping(database: str) -> AsyncIterator[VerdictCache]:
    async with AsyncConnectionPool(
        database,
        kwargs={"autocommit": True, "options": "-c timezone=UTC"},
        connection_class=AsyncConnection[tuple[Any, ...]],
        min_size=1,
        max_size=2,
        open=False,
    ) as pool:
        yield VerdictCache(pool)


def test_what_is_kept_again_takes_no_more_room_than_before(
    region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict_cache, "MOST_CHARACTERS", 500)
    version = _version(region.database)

    def mark(home: str, *consents: str) -> bytes:
        return _mark(version, home, ["AEOCN1"], ["2016-05-02T00:00:00+00:00"], consents)

    now, codes = datetime.now(UTC), [f"X{text}" for text in ascii_uppercase]

    async def in_turn() -> tuple[int, int]:
        bound = {"belief": ":", "at": now, "known": now, "in": "JP"}
        async with _keeping(region.database) as verdicts:
            for other in codes:
                # The law sees no difference between the first two. The others take their room.
                for data in (mark("XX", other), mark("XX"), *map(mark, ZONES)):
                    await verdicts.texts([b"", data], [bound])
            texts = [kind.text for kind in verdicts._entries.values() if kind.text]
            return verdicts._characters, sum(text.characters for text in texts)

    counted, held = asyncio.run(in_turn())
    assert counted == held > verdict_cache.MOST_CHARACTERS / 2


def test_of_two_with_one_number_the_elder_is_told_first(region: Client) -> None:
    days = ["2020-05-02T00:00:00+00:00", "2018-05-02T00:00:00.5+00:00"]
    mark = _mark(_version(region.database), "CN", ["AEOCN1", "AEOCN1"], days)
    bound = {"at": datetime.now(UTC), "known": datetime.now(UTC), "belief": ":", "in": "KR"}

    async def told() -> bytes:
        async with _keeping(region.database) as verdicts:
            return (await verdicts.texts([b"", mark], [bound]))[1]

    bases = json.loads(b"{" + asyncio.run(told()) + b"}")["bases"]
    assert [basis["since"] for basis in bases] == [
        "2018-05-02T00:00:00.500000Z",
        "2020-05-02T00:00:00.000000Z",
    ]


def _version(database: str) -> str:
    with psycopg.connect(database) as connection:
        [(version,)] = connection.execute(f"select {LEGAL_STATE_VERSION}".encode()).fetchall()
    return str(version)


def _mark(
    version: str, home: str, numbers: list[str], since: list[str], consents: Sequence[str] = ()
) -> bytes:
    """Of one whose authorisations differ in nothing but their number and day."""
    alike = [[literal] * len(numbers) for literal in ("CN-AEO", "ACE", "VALID", "VALID", "")]
    head = [0, version, None, [home, *alike, [], consents]]
    own = json.dumps([numbers, since]).encode()
    return json.dumps(head, separators=(",", ":")).encode() + verdict_cache.OWN + own


def test_nothing_is_kept_longer_than_the_law_it_is_of(region: Client) -> None:
    said = [region.ask(ONE, AUDITOR, tin=FRUIT)["recognitions"][0]["outcome"]]
    for change, day in (("suspend_agreement", "2026-08-01"), ("resume_agreement", "2026-09-01")):
        told = {"side": "KR", "source": "a gazette"}
        line = {"command": change, "agreement": "CN-KR-AEO", "effective": day, **told}
        record(region.database, line)
        said.append(region.ask(ONE, AUDITOR, tin=FRUIT)["recognitions"][0]["outcome"])
        unkept = region.ask(UNKEPT, AUDITOR, tin=FRUIT)["recognitions"][0]
        assert unkept["outcome"] == said[-1]

    assert said == ["RECOGNISED", "NOT_RECOGNISED", "RECOGNISED"]


def test_law_that_was_read_late_counts_from_when_it_was_read(region: Client) -> None:
    """One of the read models stood still, was mended, and now tells of what is long past."""
    stands = "update views.tracking set stopped_at = position + 1 where projection = 'agreements'"
    with psycopg.connect(region.database, autocommit=True) as connection:
        connection.execute(stands)
    record(region.database, pause("suspend_agreement", "2026-09-10"), joined("RU"))
    said = [outcome(region)]

    resume(region.database, "agreements")
    Projector(region.database).catch_up()
    said.append(outcome(region))
    record(region.database, pause("resume_agreement", "2026-09-11"))

    assert [*said, outcome(region)] == ["RECOGNISED", "NOT_RECOGNISED", "RECOGNISED"]


def test_law_that_was_never_believed_leaves_nothing_that_is_kept(region: Client) -> None:
    """An authority takes back in the same instant what it had told: no row of it is left."""
    told = {"known_at": datetime.now(UTC).isoformat()}
    record(region.database, pause("suspend_agreement", "2026-09-20", **told), joined("AU"))
    said = [outcome(region)]

    record(region.database, pause("resume_agreement", "2026-09-20", **told))

    assert [*said, outcome(region)] == ["NOT_RECOGNISED", "RECOGNISED"]


def outcome(region: Client) -> str:
    found: str = region.ask(ONE, AUDITOR, tin=FRUIT)["recognitions"][0]["outcome"]
    return found


def pause(change: str, day: str, **said: Any) -> Line:
    about = {"command": change, "agreement": "CN-KR-AEO", "side": "KR"}
    return {**about, "effective": day, "source": "a gazette", **said}


def joined(member: str) -> Line:
    """Of no concern to anybody who is asked about here."""
    about = {"command": "join_bloc", "administration": "EU", "member": member}
    return {**about, "effective": "2026-02-01", "source": "a jest"}


def test_those_who_hold_alike_are_told_as_much_as_each_may_ask(region: Client) -> None:
    def told(tin: str, subject: str) -> list[dict[str, Any]]:
        answer = region.ask(WHERE, subject, tin=tin)
        found: list[dict[str, Any]] = answer["operator"]["recognisedIn"]
        return found

    for _ in range(2):
        assert {entry["in"] for entry in told(FRUIT, KOREA)} == {"KR"}
        assert {"AU", "DE", "FR", "KR"} < {entry["in"] for entry in told(FRUIT, AUDITOR)}
    own = {
        basis["authorisation"]
        for tin in (FRUIT, QUIET)
        for v in told(tin, AUDITOR)
        for basis in v["bases"]
    }
    assert own == {"AEOCN1234567890", "AEOCN1111111111"}
