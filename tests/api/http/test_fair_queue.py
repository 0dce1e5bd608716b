"""Subjects share fairly: who is served in which order, and how long refusals are held back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.app import create_app
from api.graphql.errors import RequestDeclined
from api.graphql.limits import DECLARATIONS_BODY, Documents
from api.graphql.parsing import Parser
from api.graphql.schema import core
from api.http.fair_queue import FairQueue, Refusals
from api.settings import Settings
from tests.api.client import AUDITOR, CHINA, Client
from tests.api.region import region

__all__ = ["region"]

QUANTUM = 100
PATIENCE = 30.0


def queue(places: int = 1, **said: Any) -> FairQueue:
    return FairQueue("test", places, said.pop("patience", PATIENCE), QUANTUM, **said)


def order(asked: list[tuple[str, int]], gone: frozenset[int] = frozenset()) -> list[int]:
    """All of them come while the one place is taken; the numbers in which they are served.
    `gone`: who gives up before its turn."""

    async def serve() -> list[int]:
        fair, served = queue(of_one=1_000), list[int]()

        async def ask(number: int, who: str, cost: int) -> None:
            await fair.wait(who, cost)
            served.append(number)
            fair.leave()

        assert fair.at_once()
        tasks = [asyncio.ensure_future(ask(n, *item)) for n, item in enumerate(asked)]
        await asyncio.sleep(0)
        for number in gone:
            tasks[number].cancel()
        await asyncio.sleep(0)
        fair.leave()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert fair.waiting == 0
        assert fair.at_once()  # the place is free again, and nobody is in front of it
        return served

    return asyncio.run(serve())


def test_who_has_sent_hundreds_waits_as_long_as_who_has_sent_one() -> None:
    crowd = [("hostile", QUANTUM)] * 200

    served = order([*crowd, ("good", QUANTUM)])

    assert served.index(200) <= 2


def test_each_in_its_own_line_comes_in_the_order_in_which_it_asked() -> None:
    served = order([("a", 10), ("b", 10), ("a", 10), ("b", 10)])

    assert [n for n in served if n % 2 == 0] == [0, 2]
    assert [n for n in served if n % 2 == 1] == [1, 3]


def test_a_turn_pays_for_work_and_not_for_requests() -> None:
    """While one that asks for ten turns' worth is served, ten of the other are."""
    served = order([("heavy", 10 * QUANTUM), ("heavy", 10 * QUANTUM), *[("light", QUANTUM)] * 30])

    before_second = served[: served.index(1)]
    assert 18 <= len(before_second) - 1 <= 22


asked = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5 * QUANTUM)), max_size=40)


@given(asked, st.data())
def test_whoever_still_waits_is_served_and_nobody_gets_more_than_its_share(
    asked: list[tuple[str, int]], data: st.DataObject
) -> None:
    gone = (
        data.draw(st.frozensets(st.integers(0, max(0, len(asked) - 1)))) if asked else frozenset()
    )
    served = order(asked, gone)

    assert sorted(served) == [n for n in range(len(asked)) if n not in gone]
    # Deficit round robin: of two who wait, neither is ahead by more than the dearest request
    # and a turn.
    left = {
        who: [n for n, item in enumerate(asked) if item[0] == who and n not in gone]
        for who in "abcd"
    }
    paid = dict.fromkeys("abcd", 0)
    for number in served:
        who, cost = asked[number]
        paid[who] += max(1, cost)
        left[who].remove(number)
        for other in "abcd":
            if left[other]:
                assert paid[who] - paid[other] <= 2 * (5 * QUANTUM + QUANTUM)


def test_nobody_waits_while_a_place_is_free() -> None:
    fair = queue(places=2)

    assert fair.at_once()
    assert fair.at_once()
    assert not fair.at_once()
    fair.leave()
    assert fair.at_once()


@pytest.mark.parametrize(
    ("took", "others", "rests"),
    [(0.1, 0, None), (0.1, 10, 0.05), (0.1, 1_000, 0.2), (0.001, 1_000, None)],
)
def test_after_long_work_a_place_rests_for_those_who_asked_meanwhile(
    took: float, others: int, rests: float | None
) -> None:
    """And where nobody did, the next long question is begun at once."""

    async def work() -> float | None:
        fair, told = queue(), list[float]()
        loop: Any = asyncio.get_running_loop()
        later, loop.call_later = loop.call_later, lambda seconds, _: told.append(seconds)
        assert fair.at_once()
        fair.rest(took, others)
        loop.call_later = later
        assert fair.at_once() == (not told)
        return told[0] if told else None

    assert asyncio.run(work()) == (pytest.approx(rests) if rests else None)


def test_who_has_too_many_waiting_is_refused_and_the_others_are_not() -> None:
    async def ask() -> list[Any]:
        fair = queue(of_one=2, of_all=4)
        assert fair.at_once()
        subjects = ["a", "a", "a", "b", "c", "d"]
        waiting = [asyncio.ensure_future(fair.wait(who, 1)) for who in subjects]
        await asyncio.sleep(0)
        told = [each_task.exception() if each_task.done() else None for each_task in waiting]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return [
            isinstance(base_exception, RequestDeclined) and base_exception.status
            for base_exception in told
        ]

    assert asyncio.run(ask()) == [False, False, 429, False, False, 503]


def test_whose_turn_does_not_come_is_told_to_ask_again() -> None:
    async def ask() -> RequestDeclined:
        fair = queue(patience=0.0)
        assert fair.at_once()
        with pytest.raises(RequestDeclined) as told:
            await fair.wait("a", 1)
        assert fair.waiting == 0
        return told.value

    assert (asyncio.run(ask()).status, asyncio.run(ask()).code) == (503, "BUSY")


# ------------------------------------------------------------------- refusals


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_the_refusals_of_one_are_held_back_longer_each_time() -> None:
    refusals = Refusals(0.02, 1.0, Clock())

    found = [refusals.refused("a") for _ in range(13)]

    assert found[: Refusals.FREE] == [0.0] * Refusals.FREE
    assert found[Refusals.FREE :] == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 1.0, 1.0]
    assert refusals.refused("another") == 0.0


def test_good_answers_and_calm_end_a_row_of_refusals() -> None:
    clock = Clock()
    refusals = Refusals(0.02, 1.0, clock)
    for _ in range(7):
        refusals.refused("a")
    for _ in range(3):
        refusals.answered("a")
    assert refusals.refused("a") == 0.02  # the fifth

    clock.now += Refusals.CALM + 1
    assert refusals.refused("a") == 0.0


def test_who_is_refused_every_other_time_is_not_held_back() -> None:
    refusals = Refusals(0.02, 1.0, Clock())

    for _ in range(100):
        assert refusals.refused("a") == 0.0
        refusals.answered("a")


def test_nothing_is_held_back_where_the_delay_is_turned_off() -> None:
    refusals = Refusals(0.0, 1.0, Clock())

    assert [refusals.refused("a") for _ in range(100)] == [0.0] * 100


def test_only_so_many_are_held_back_and_the_next_loses_its_connection() -> None:
    async def refuse() -> list[bool]:
        refusals, free = Refusals(1.0, 1.0, Clock()), asyncio.Event()

        async def until_free(_: float) -> None:
            await free.wait()

        for _ in range(Refusals.FREE):
            refusals.refused("a")
        held = [
            asyncio.ensure_future(refusals.hold_back("a", until_free))
            for _ in range(Refusals.OF_ONE + 2)
        ]
        await asyncio.sleep(0)
        free.set()
        return await asyncio.gather(*held)

    assert asyncio.run(refuse()) == [True] * Refusals.OF_ONE + [False] * 2


# ------------------------------------------------------------------ at the door

#: What is refused, each in another way: headers, body, document, variables, the answer itself.
REFUSED: dict[str, Callable[[Client, int], Any]] = {
    "no media type of ours": lambda client, n: client.request("POST", "/graphql", content=b"x"),
    "no JSON": lambda client, n: client.request(
        "POST", "/graphql", content=b"{", headers={"content-type": "application/json"}
    ),
    "too long": lambda client, n: client.request(
        "POST", "/graphql", json={"query": "#" * DECLARATIONS_BODY}
    ),
    "a bad token": lambda client, n: client.request(
        "POST",
        "/graphql",
        json={"query": "{ viewer { role } }"},
        headers={"authorization": f"Bearer {n}"},
    ),
    "no document": lambda client, n: client.post(f"{{ viewer {n}"),
    "an unknown field": lambda client, n: client.post(f"{{ viewer {{ a{n} }} }}"),
    "too deep": lambda client, n: client.post(
        "{ operator(tin: 1) " + "{ successor " * 20 + f"#{n}"
    ),
    "no variable": lambda client, n: client.post("query ($t: TIN!) { operator(tin: $t) { tin } }"),
    "a key that is none": lambda client, n: client.post('{ operator(tin: "?") { tin } }'),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_whatever_is_refused_in_a_row_is_held_back(
    region: Client, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    held: list[tuple[str, float]] = []

    class Watched(Refusals):
        async def hold_back(self, subject: str, sleep: Any = None) -> bool:
            async def noted(seconds: float) -> None:
                held.append((subject, seconds))

            return await super().hold_back(subject, noted)

    monkeypatch.setattr(region.service, "refusals", Watched(0.02, 1.0, clock))

    for number in range(Refusals.FREE):
        assert "errors" in REFUSED[kind](region, number).json()
    assert held == []
    for number in range(3):
        assert "errors" in REFUSED[kind](region, 10 + number).json()

    assert [seconds for _, seconds in held] == [0.02, 0.04, 0.08]
    assert {who for who, _ in held} == {"public 127.0.0.1"}


def test_a_subject_is_its_subject_and_not_its_address(region: Client) -> None:
    refusals = region.service.refusals
    for number in range(3):
        region.post(f"{{ viewer {{ b{number} }} }}", CHINA)

    assert refusals._subjects[CHINA].times == 3
    assert AUDITOR not in refusals._subjects
    for _ in range(3):
        region.ask("{ viewer { role } }", CHINA)
    assert CHINA not in refusals._subjects


def test_a_client_that_asks_by_hash_first_is_not_refused_by_that(region: Client) -> None:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    region.ask("{ viewer { role } }", AUDITOR)

    for _ in range(10):
        token = {"Authorization": f"Bearer {_token(region)}"}
        said = region.request("POST", "/graphql", json={"extensions": extensions}, headers=token)
        [error] = said.json()["errors"]
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"

    assert AUDITOR not in region.service.refusals._subjects


def _token(client: Client) -> str:
    from api.access.tokens import issue

    return issue(AUDITOR, client.home)


def test_of_too_many_refusals_the_connection_is_closed(
    region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_held(subject: str) -> bool:
        return False

    monkeypatch.setattr(region.service.refusals, "hold_back", not_held)

    assert region.post("{ nobody }").headers["connection"] == "close"
    assert region.request("POST", "/graphql", content=b"x").headers["connection"] == "close"
    assert "connection" not in region.post("{ viewer { role } }").headers


def test_a_body_that_is_too_long_by_its_headers_is_not_read(database: str, tmp_path: Path) -> None:
    """Nor is the token of who sends it looked at first, nor the body of who shows a bad token."""
    app = create_app(Settings(database=database, home=tmp_path))

    async def ask(headers: list[tuple[bytes, bytes]]) -> int:
        sent: list[Any] = []

        async def receive() -> Any:
            raise AssertionError("the body was read")

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": headers,
            "client": ("192.0.2.1", 1),
        }
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)
        status: int = sent[0]["status"]
        return status

    kind = (b"content-type", b"application/json")
    assert asyncio.run(ask([kind, (b"content-length", b"%d" % (DECLARATIONS_BODY + 1))])) == 413
    assert asyncio.run(ask([kind, (b"content-length", b"9" * 5_000)])) == 413
    assert asyncio.run(ask([(b"content-type", b"text/plain")])) == 415
    assert asyncio.run(ask([kind, (b"authorization", b"Bearer x")])) == 401


# --------------------------------------------------------------- new documents


def test_a_new_document_is_read_beside_the_event_loop_and_once() -> None:
    """What is known is answered meanwhile: the loop goes on while the thread reads."""

    async def read() -> None:
        documents = Documents(core)
        parser = Parser(core, documents, lambda: True)
        try:
            text = "{ viewer { " + "role " * 40 + "} }"
            reading = [asyncio.ensure_future(parser.read(text)) for _ in range(5)]
            await asyncio.sleep(0)
            assert not any(task.done() for task in reading)
            made = await asyncio.gather(*reading)
            assert len({id(checked_document) for checked_document in made}) == 1
            assert documents.cached(text) is made[0]
        finally:
            parser.close()

    asyncio.run(read())


@pytest.mark.parametrize("text", ["{ viewer { role } }", "{ viewer { rule } }", "{", "{ a " * 900])
def test_beside_the_event_loop_the_same_is_said_of_a_document(text: str) -> None:
    async def read() -> Any:
        parser = Parser(core, Documents(core), lambda: False)
        try:
            return await parser.read(text)
        finally:
            parser.close()

    beside, here = asyncio.run(read()), Documents(core).get(text)

    assert [error.formatted for error in beside.errors] == [
        error.formatted for error in here.errors
    ]
    assert beside.costs == here.costs


def test_short_questions_do_not_wait_for_new_documents_or_long_ones(region: Client) -> None:
    """Every place of both is taken: what is known and short is answered all the same."""
    service = region.service
    region.ask("{ viewer { role } }", AUDITOR)
    assert service.new.at_once()
    assert service.long.at_once()
    try:
        assert region.ask("{ viewer { role } }", AUDITOR)
        slow = region._runner.run(_not_within(service, region))
        assert slow
    finally:
        service.new.leave()
        service.long.leave()
    assert region.ask("{ fresh: viewer { role } }", AUDITOR)


async def _not_within(service: Any, client: Client) -> bool:
    """A document that was never seen waits for its place."""
    body = {"query": "{ waits: viewer { role } }"}
    asking = asyncio.ensure_future(client.http.request("POST", "/graphql", json=body))
    while not service.new.waiting and not asking.done():
        await asyncio.sleep(0)
    waits = not asking.done()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return waits


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("query FirstOfAll { __typename }", 2),
        (
            "mutation FirstOfAll { registerOperator("
            'input: {commandId: "x", tin: "CN1", name: "A", roles: []}) { __typename } }',
            1,
        ),
    ],
)
def test_a_command_in_a_new_document_waits_for_new_documents_only_while_it_is_read(
    region: Client, monkeypatch: pytest.MonkeyPatch, text: str, places: int
) -> None:
    new, taken = region.service.new, list[bool]()
    at_once = new.at_once

    def counting() -> bool:
        taken.append(at_once())
        return taken[-1]

    monkeypatch.setattr(new, "at_once", counting)

    answer = region.request("POST", "/graphql", json={"query": text})

    assert answer.status_code == 200
    assert len(taken) == places
