"""A filter of the list of operators is met by what the subject can read on each of them.

A made-up population is listed by every kind of subject without a filter; from what it reads there a
filter in Python says whom each list should hold. Every filter, every two of them together, by page
and by count.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from registry.domain.identifiers import normal_form
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.graphql.types.operator_population import (
    DAY,
    MIDS,
    PAGE,
    SUBJECTS,
    TODAY,
    Population,
    pages,
    population,
)
from tests.api.region import Projector, region
from tests.chance import TIMES

__all__ = ["population", "region"]


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
    wanted = normal_form(value, scheme)
    return Asked(
        {"identifier": {"scheme": scheme, "value": value}},
        lambda entry: any(
            i["scheme"] == scheme and normal_form(i["value"], scheme) == wanted
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
