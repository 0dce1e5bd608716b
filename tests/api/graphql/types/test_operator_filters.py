"""A filter of the list of operators is met by what the subject can read on each of them.

A made-up population is listed by every kind of subject without a filter; from what it reads there a
filter in Python says whom each list should hold. Every filter, every two of them together, by page
and by count.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from projections.reads import operator_lists
from projections.reads.bitemporal_sql import AsOf
from projections.reads.operator_lists import OperatorConditions, count_sql, page_sql
from projections.reads.operators import statement_parameters
from projections.reads.spans import TextRange
from projections.reads.visibility import VisibilityScope
from registry.application.registry import Registry
from registry.domain import commands
from registry.domain.errors import Refusal
from registry.domain.identifiers import normal
from registry.ledger.database import environment
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.region import Line, Projector, operator, region
from tests.chance import TIMES

__all__ = ["region"]

TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)
SUBJECTS = (AUDITOR, CHINA, "officer:KR", "officer:EU", KOREA, "partner:EU", "company:CN2000000001")
PAGE = """
query ($filter: OperatorFilter, $first: Int, $after: String, $asOf: AsOf) {
  operators(filter: $filter, first: $first, after: $after, asOf: $asOf) {
    totalCount pageInfo { hasNextPage endCursor } edges { node { %s } } } }"""
READ = """tin name localName address roles standing administration { code }
    identifiers { scheme value issuer validFrom validTo verifiedBy }
    authorisations { number type programme { code } status statusAbroad suspendedParts roles
        effectiveFrom validUntil deadlines { what due met overdue } }
    periods(first: 100) { authorisation status statusAbroad suspendedParts validFrom validTo
        recordedTo }"""
MIDS = ("CNACM1SHA", "CNFOO2PEK", "KRBAR3SEL")


# ------------------------------------------------------------------- the population


def _begun(luck: random.Random) -> Iterator[list[Line]]:
    """Operators of three administrations, from applicants to holders, each with its own lines."""
    homes = [("CN", "CN-AEO", "ACE")] * 16 + [("KR", "KR-AEO", "AA")] * 5
    homes += [("DE", "EU-AEO", "AEOF")] * 5
    for number, (home, programme, type) in enumerate(homes, start=1):
        tin = f"{home}20000000{number:02}"
        day = TODAY - luck.randrange(200, 900) * DAY
        lines = operator(tin, f"Synthetic {number}", programme, type, f"N{tin}", str(day))
        lines = lines[: luck.choice((1, 2, 3, 3, 3, 5, 5, 5, 5, 5))]
        if len(lines) == 5 and luck.random() < 0.7:
            lines[-1]["valid_until"] = str(TODAY + luck.randrange(-40, 80) * DAY)
        yield lines + [
            {
                "command": "give_consent",
                "tin": tin,
                "partner": partner,
                "known_at": lines[-1]["known_at"],
            }
            for partner in ("CN", "KR")
            if luck.random() < 0.6
        ]


def _events(luck: random.Random, tin: str) -> Line:
    """Something that happens to an operator now. Much of it is refused, as in life."""
    mid = luck.choice(MIDS)
    since = str(TODAY - luck.randrange(0, 30) * DAY)
    dated = {"effective": since, "legal_ground": "a law"}
    return luck.choice(
        [
            {"command": "add_identifier", "tin": tin, "scheme": "MID", "value": mid},
            {"command": "add_identifier", "tin": tin, "scheme": "MID", "value": mid, **dated},
            {"command": "end_identifier", "tin": tin, "scheme": "MID", "value": mid},
            {
                "command": "add_identifier",
                "tin": tin,
                "scheme": "CN_REG",
                "value": f"3101-9{tin[-5:]}",
            },
            {"command": "amend_particulars", "tin": tin, "name": f"Renamed {luck.randrange(9)}"},
            {"command": "amend_particulars", "tin": tin, "roles": ["IMPORTER"], **dated},
            {"command": "open_reassessment", "tin": tin},
            {"command": "close_reassessment", "tin": tin},
            {"command": "suspend_authorisation", "tin": tin, "reason": "a debt", **dated},
            {"command": "lift_suspension", "tin": tin},
            {
                "command": "renew_authorisation",
                "tin": tin,
                "legal_ground": "a law",
                "valid_until": str(TODAY + luck.randrange(5, 400) * DAY),
            },
            {"command": "lodge_application", "tin": tin, "programme": "CN-AEO", "type": "CE"},
            {"command": "withdraw_application", "tin": tin},
            {"command": "revoke_authorisation", "tin": tin, "reason": "fraud"},
            {"command": "withdraw_consent", "tin": tin, "partner": "KR"},
        ]
    )


@dataclass
class Population:
    """`places`: positions of the register, and with each the instant of its recording."""

    counter: Client
    places: list[tuple[int, datetime]]
    lists: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def read(self, by: str, **as_of: str) -> list[dict[str, Any]]:
        """Every operator that the subject may see, as it reads it."""
        key = by, str(as_of)
        if key not in self.lists:
            self.lists[key] = pages(self.counter, by, READ, {}, as_of)[0]
        return self.lists[key]


def pages(
    counter: Client,
    by: str,
    fields: str,
    filter: dict[str, Any],
    as_of: dict[str, str],
    size: int = 100,
) -> tuple[list[dict[str, Any]], int]:
    """All pages of a list, one after the other, and the count that goes with each of them."""
    found, after, counts = [], None, set()
    while True:
        said = {"filter": filter, "first": size, "after": after, "asOf": as_of or None}
        page = counter.ask(PAGE % fields, by, **said)["operators"]
        found += [edge["node"] for edge in page["edges"]]
        counts.add(page["totalCount"])
        if not page["pageInfo"]["hasNextPage"]:
            [total] = counts
            return found, total
        after = page["pageInfo"]["endCursor"]


@pytest.fixture(scope="module")
def population(region: Client) -> Population:
    luck = random.Random("operators")
    registry = Registry(environment(region.database))
    places, tins = [], []

    def send(line: Line) -> None:
        with suppress(Refusal):
            registry.execute(commands.read(line), "a test")

    try:
        for lines in _begun(luck):
            tins.append(lines[0]["tin"])
            for line in lines:
                send(line)
        for _ in range(3):
            head = registry.recorder.max_notification_id()
            assert head is not None
            [last] = registry.recorder.select_notifications(start=head, limit=1)
            places.append((head, last.recorded_at))
            for _ in range(30):
                send(_events(luck, luck.choice(tins)))
    finally:
        registry.close()
    Projector(region.database).catch_up()
    return Population(region, places)


# ------------------------------------------------------------------- the filter in Python


Meets = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True)
class Asked:
    """Some fields of OperatorFilter, and whether an operator as it is read meets them. `of_one`:
    the test of an authorisation, where they are about one."""

    filter: dict[str, Any]
    meets: Meets | None = None
    of_one: Meets | None = None
    of_deadline: Meets | None = None


def _open(deadline: dict[str, Any]) -> bool:
    return deadline["overdue"] or deadline["met"] is None


def _ends(begin: date | None, end: date | None) -> Asked:
    def of_one(entry: dict[str, Any]) -> bool:
        until = entry["validUntil"] and date.fromisoformat(entry["validUntil"])
        return bool(until) and (not begin or until >= begin) and (not end or until <= end)

    said = {"validUntilFrom": begin, "validUntilTo": end}
    return Asked({k: str(v) for k, v in said.items() if v}, of_one=of_one)


def _identified(scheme: str, value: str) -> Asked:
    wanted = normal(value, scheme)
    return Asked(
        {"identifier": {"scheme": scheme, "value": value}},
        lambda entry: any(
            i["scheme"] == scheme and normal(i["value"], scheme) == wanted
            for i in entry["identifiers"]
        ),
    )


def _told(operator: dict[str, Any]) -> Any:
    """All of it that is told on both clocks, but for what only the home customs are told."""
    found = {name: operator[name] for name in ("name", "localName", "address", "roles")}
    found["identifiers"] = operator["identifiers"]
    found["authorisations"] = sorted(
        (
            {k: v for k, v in authorisation.items() if k != "deadlines"}
            for authorisation in operator["authorisations"]
        ),
        key=str,
    )
    found["periods"] = sorted(
        str(period) for period in operator["periods"] if not period["recordedTo"]
    )
    return found


def _changed(population: Population, by: str, number: int) -> set[str]:
    """The TINs of those of which something was recorded since: by the events for those at home,
    else by what is told of them as known then and as known now, today and on other days."""
    position, instant = population.places[number]
    events = {}
    document = "query ($tin: TIN!) { operator(tin: $tin) { history(first: 100) { edges {"
    document += " node { position } } pageInfo { hasNextPage } } } }"
    found = set()
    days = [f"{TODAY + shift * DAY}T12:00:00Z" for shift in (-400, -31, -20, -10, -3, 1, 30)]
    known = {"knownAt": instant.isoformat()}
    views = [({}, known), *(({"at": at}, {"at": at, **known}) for at in days)]
    for now, then in views:
        before = {
            each_entry["tin"]: _told(each_entry) for each_entry in population.read(by, **then)
        }
        for entry in population.read(by, **now):
            if before.get(entry["tin"]) != _told(entry):
                found.add(entry["tin"])
    for entry in population.read(by):
        tin = entry["tin"]
        answer = population.counter.post(document, by, tin=tin).json()
        if "errors" in answer:
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
            continue
        history = answer["data"]["operator"]["history"]
        assert not history["pageInfo"]["hasNextPage"]
        events[tin] = max(edge["node"]["position"] for edge in history["edges"])
        found.discard(tin)
        if events[tin] > position:
            found.add(tin)
    return found


def _asked(population: Population, by: str) -> list[Asked]:
    """Every filter with some of its values."""
    soon = TODAY + 20 * DAY
    (first, since), (second, _), _ = population.places
    changed = [_changed(population, by, number) for number in (0, 1)]
    found = [
        Asked({"administration": "CN"}, lambda entry: entry["administration"]["code"] == "CN"),
        Asked({"programme": "CN-AEO"}, of_one=lambda entry: entry["programme"]["code"] == "CN-AEO"),
        Asked({"type": "ACE"}, of_one=lambda entry: entry["type"] == "ACE"),
        Asked({"type": "CE"}, of_one=lambda entry: entry["type"] == "CE"),
        Asked({"standing": "VALID"}, lambda entry: entry["standing"] == "VALID"),
        Asked({"standing": "LODGED"}, lambda entry: entry["standing"] == "LODGED"),
        Asked({"nameContains": "RENAMED"}, lambda entry: "renamed" in entry["name"].lower()),
        Asked({"role": "IMPORTER"}, lambda entry: "IMPORTER" in entry["roles"]),
        _ends(TODAY, soon),
        _ends(None, TODAY - DAY),
        _ends(TODAY - 5 * DAY, None),
        Asked({"dueBefore": str(TODAY)}, of_deadline=lambda d: _open(d) and d["due"] < str(TODAY)),
        Asked(
            {"dueBefore": str(TODAY + 400 * DAY)},
            of_deadline=lambda d: _open(d) and d["due"] < str(TODAY + 400 * DAY),
        ),
        Asked({"overdue": True}, of_deadline=lambda d: d["overdue"]),
        Asked(
            {"overdue": False},
            lambda entry: (
                not any(d["overdue"] for a in entry["authorisations"] for d in a["deadlines"])
            ),
        ),
        Asked({"changedAfter": first}, lambda entry: entry["tin"] in changed[0]),
        Asked({"changedAfter": second}, lambda entry: entry["tin"] in changed[1]),
        # The position before is the last that was recorded before this instant.
        Asked(
            {"changedSince": (since + timedelta(microseconds=1)).isoformat()},
            lambda entry: entry["tin"] in changed[0],
        ),
        _identified("MID", " cnacm1 sha"),
        _identified("CN_REG", "3101900 001"),
        _identified("MID", MIDS[2]),
        _identified("LEI", "5493001KJTIIGC8Y1R12"),
    ]
    if by != "partner:EU":
        found.append(Asked({"recognisedIn": "KR"}, lambda entry: entry["tin"] in recognised))
        tins = [entry["tin"] for entry in population.read(by)]
        ask = 'query ($t: [TIN!]!) { recognitions(tins: $t, in: "KR") { tin outcome } }'
        told = population.counter.post(ask, by, t=tins).json()
        recognised = {
            item["tin"]
            for item in (told.get("data") or {}).get("recognitions", ())
            if item["outcome"] == "RECOGNISED"
        }
        if "errors" in told:
            found.pop()
    return found


def _should(operators: list[dict[str, Any]], asked: tuple[Asked, ...]) -> list[str]:
    """What is asked of an authorisation is met by one, and so of a deadline."""
    of_one = [each_asked.of_one for each_asked in asked if each_asked.of_one]
    of_deadline = [each_asked.of_deadline for each_asked in asked if each_asked.of_deadline]

    def meets(entry: dict[str, Any]) -> bool:
        if any(each.meets and not each.meets(entry) for each in asked):
            return False
        mine = entry["authorisations"]
        if of_one and not any(all(test(a) for test in of_one) for a in mine):
            return False
        due = [d for a in mine for d in a["deadlines"]]
        return not of_deadline or any(all(test(d) for test in of_deadline) for d in due)

    return [operator["tin"] for operator in operators if meets(operator)]


def _pairs(asked: list[Asked], luck: random.Random, share: float) -> Iterator[tuple[Asked, Asked]]:
    """Of every two filters, with as many of their values as there is time for."""
    by_names: dict[frozenset[str], list[tuple[Asked, Asked]]] = {}
    for a, b in itertools.combinations(asked, 2):
        if not a.filter.keys() & b.filter.keys():
            by_names.setdefault(frozenset({*a.filter, *b.filter}), []).append((a, b))
    for pairs in by_names.values():
        if luck.random() < share * TIMES:
            yield from luck.sample(pairs, min(TIMES, len(pairs)))


@pytest.mark.parametrize("by", SUBJECTS)
def test_every_two_filters_hold_those_that_can_be_read_to_meet_both(
    population: Population, by: str
) -> None:
    every = population.read(by)
    assert every, "who sees nobody proves nothing"
    asked = _asked(population, by)
    luck, met = random.Random(by), set()
    pairs: list[tuple[Asked, ...]] = [(each_asked,) for each_asked in asked]
    pairs += _pairs(asked, luck, 1.0 if by in (AUDITOR, KOREA) else 0.2)
    for pair in pairs:
        filter = {name: value for each in pair for name, value in each.filter.items()}
        found, total = pages(population.counter, by, "tin", filter, {}, luck.choice((4, 100, 100)))
        tins = [entry["tin"] for entry in found]
        assert tins == _should(every, pair), filter
        assert total == len(tins), filter
        if len(pair) == 1 and 0 < total < len(every):
            met.update(filter)
    if by in (AUDITOR, CHINA):
        wanted = {
            "validUntilFrom",
            "validUntilTo",
            "dueBefore",
            "overdue",
            "changedAfter",
            "changedSince",
            "identifier",
            "programme",
            "type",
        }
        assert wanted <= met, wanted - met
        assert by == CHINA or "recognisedIn" in met
    if by == KOREA:
        assert {"validUntilFrom", "changedAfter", "identifier"} <= met


def test_abroad_no_filter_tells_what_the_operator_itself_does_not(population: Population) -> None:
    """Deadlines are told at home; a reassessment and an application move no change abroad."""
    counter = population.counter
    for filter in ({"overdue": True}, {"dueBefore": "2100-01-01"}, {"type": "CE"}):
        at_home, home = pages(counter, CHINA, "tin", filter, {})
        abroad, count = pages(counter, KOREA, "tin", filter, {})
        assert at_home and home == len(at_home)
        assert (abroad, count) == ([], 0)
    [(before, _)] = population.places[-1:]
    seen = pages(counter, KOREA, "tin authorisations { status }", {"programme": "CN-AEO"}, {})[0]
    tin = next(
        entry["tin"]
        for entry in seen
        if {a["status"] for a in entry["authorisations"]} == {"VALID"}
    )
    head = counter.last_position()
    assert counter.tell("openReassessment", CHINA, tin=tin)["__typename"] == "Recorded"
    counter.pause(0)
    Projector(counter.database).catch_up()
    assert before <= head
    assert pages(counter, CHINA, "tin", {"changedAfter": head}, {})[0] == [{"tin": tin}]
    assert pages(counter, KOREA, "tin", {"changedAfter": head}, {}) == ([], 0)


def test_past_days_are_filtered_as_they_are_read(population: Population) -> None:
    for at in (f"{TODAY - 100 * DAY}T12:00:00Z", f"{TODAY + 60 * DAY}T12:00:00Z"):
        for by in (AUDITOR, KOREA):
            every = population.read(by, at=at)
            for asked in (
                _ends(TODAY, TODAY + 20 * DAY),
                _identified("MID", MIDS[0]),
                Asked({"overdue": True}, of_deadline=lambda d: d["overdue"]),
                Asked(
                    {"dueBefore": str(TODAY)},
                    of_deadline=lambda d: _open(d) and d["due"] < str(TODAY),
                ),
            ):
                found, total = pages(population.counter, by, "tin", asked.filter, {"at": at})
                assert [entry["tin"] for entry in found] == _should(every, (asked,)), (
                    at,
                    by,
                    asked,
                )
                assert total == len(found)
    known = {"knownAt": population.places[0][1].isoformat()}
    every = population.read(AUDITOR, **known)
    for asked in (_ends(TODAY, TODAY + 20 * DAY), _identified("MID", MIDS[0])):
        found, total = pages(population.counter, AUDITOR, "tin", asked.filter, known)
        assert [entry["tin"] for entry in found] == _should(every, (asked,))


@pytest.mark.parametrize(
    ("filter", "as_of", "why"),
    [
        (
            {"validUntilFrom": "2026-02-01", "validUntilTo": "2026-01-01"},
            {},
            "validUntilTo: 2026-01-01 is before 2026-02-01",
        ),
        ({"identifier": {"scheme": "XYZ", "value": "1"}}, {}, "identifier.scheme: found 'XYZ'"),
        ({"identifier": {"scheme": "MID", "value": " "}}, {}, "identifier.value: found ''"),
        ({"identifier": {"scheme": "MID", "value": "A" * 65}}, {}, "identifier.value: found"),
        ({"changedAfter": 10_000_000}, {}, "changedAfter: found 10000000, and the register goes"),
        ({"changedSince": "2999-01-01T00:00:00Z"}, {}, "is in the future"),
        *(
            ({name: value}, {"knownAt": "2026-01-01T00:00:00Z"}, f"{name} is asked of what")
            for name, value in (
                ("overdue", False),
                ("dueBefore", "2026-01-01"),
                ("changedAfter", 1),
                ("changedSince", "2026-01-01T00:00:00Z"),
            )
        ),
    ],
)
def test_what_cannot_be_filtered_is_refused_in_words(
    region: Client, filter: dict[str, Any], as_of: dict[str, str], why: str
) -> None:
    error = region.error(PAGE % "tin", AUDITOR, filter=filter, first=5, asOf=as_of or None)

    assert error["code"] == "BAD_INPUT"
    assert why in error["message"]


# ------------------------------------------------------------------- the indexes


#: The index by which each filter finds its operators, where they are few.
INDEXES = {
    "status_period_ends": {"valid_until_from": TODAY, "valid_until_to": TODAY + DAY},
    "deadline_over": {"overdue": True},
    "deadline_unanswered": {"due_before": TODAY},
    "operator_position": {"changed_after": 100_000 + 3_900},
    "identifier_normal": {"scheme": "MID", "identifier": MIDS[0]},
}


GROWN = 4_000  # operators more
#: Copies of the rows of one operator, each with its own TIN, number, days and position.
GROW = """
create temp table fresh as
    select o.tin, 'ZZ' || n as mine, n from views.operator o, generate_series(1, %(grown)s) n
    where o.tin = %(tin)s;
insert into views.operator select (jsonb_populate_record(o, jsonb_build_object(
    'tin', f.mine, 'id', gen_random_uuid(), 'position', 100000 + f.n))).*
    from views.operator o join fresh f using (tin);
insert into views.status_period select (jsonb_populate_record(p, jsonb_build_object(
    'tin', f.mine, 'valid_until', date '2010-01-01' + f.n * 3))).*
    from views.status_period p join fresh f using (tin);
insert into views.deadline select (jsonb_populate_record(d, jsonb_build_object(
    'tin', f.mine, 'met_on', null, 'met_at', null, 'dropped', false,
    'due', date '2010-01-01' + f.n * 3, 'over_at', date '2010-01-02' + f.n * 3))).*
    from views.deadline d join fresh f using (tin);
insert into views.identifier (tin, scheme, value, normal, valid_from, recorded_from, position)
    select f.mine, 'MID', 'CN' || f.n, 'CN' || f.n, now(), now(), 1 from fresh f;
analyze;"""


@pytest.fixture(scope="module")
def grown(population: Population) -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees many more operators, and then takes them back."""
    tin = next(
        entry["tin"]
        for entry in population.read(AUDITOR)
        if any(a["deadlines"] for a in entry["authorisations"])
    )
    with psycopg.connect(population.counter.database) as connection:
        for statement in GROW.split(";"):
            if statement.strip():
                said = {"grown": GROWN, "tin": tin}
                connection.execute(statement.encode(), said)
        connection.execute("set plan_cache_mode = force_generic_plan")
        yield connection
        connection.rollback()


def generic_plan(
    connection: psycopg.Connection[Any], statement: str, said: dict[str, Any]
) -> list[str]:
    """As the service has it planned: once, for whatever parameters."""
    names = sorted({name for name in said if f"%({name})s" in statement})
    for number, name in enumerate(names, start=1):
        statement = statement.replace(f"%({name})s", f"${number}")
    kinds = {datetime: "timestamptz", date: "date", int: "bigint"}
    types = ", ".join(kinds.get(type(said[name]), "text") for name in names)
    given = ", ".join(sql.Literal(said[name]).as_string(connection) for name in names)
    connection.execute(f"prepare asked ({types}) as {statement}".encode())
    try:
        rows = connection.execute(f"explain execute asked ({given})".encode()).fetchall()
    finally:
        connection.execute("deallocate asked")
    return [row[0] for row in rows]


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize(
    "statement", [lambda wanted: page_sql(wanted, TextRange(51)), count_sql], ids=["page", "count"]
)
def test_an_index_serves_each_filter(
    grown: psycopg.Connection[Any],
    index: str,
    statement: Callable[[OperatorConditions], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operator_lists, "MOST_CANDIDATES", 200)
    wanted = OperatorConditions(**INDEXES[index])  # type: ignore[arg-type]
    now = datetime.now(UTC)
    said = (
        statement_parameters(VisibilityScope("auditor"), now, AsOf(now, now))
        | wanted.parameters
        | {"size": 51}
    )
    rows = generic_plan(grown, statement(wanted), said)
    names = dict(
        grown.execute(
            "select c.relname, p.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " join pg_class p on p.oid = i.inhparent where c.relkind = 'i'"
        ).fetchall()
    )
    plan = "\n".join(rows)
    used = {names[word] for word in plan.split() if word in names}
    assert index in used, plan


def test_where_many_are_found_the_list_is_walked_and_is_the_same(
    population: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    for filter in (
        {"changedAfter": 1},
        {"validUntilFrom": "2020-01-01"},
        {"overdue": True},
        {"changedAfter": 1, "validUntilFrom": "2020-01-01"},
    ):
        few = pages(population.counter, AUDITOR, "tin", filter, {}, 3)
        monkeypatch.setattr(operator_lists, "MOST_CANDIDATES", 0)
        many = pages(population.counter, AUDITOR, "tin", filter, {}, 3)
        monkeypatch.undo()
        assert few == many and few[1] > 1
