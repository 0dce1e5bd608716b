"""While a register is loaded for the first time, nobody is answered as though it knew nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.http import first_load
from tests.api.client import ACME, Client


@pytest.fixture
def loading(counter: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(first_load, "EVERY", 0.0)
    first_load.note(counter.home, "the world: 42 of 100")
    yield counter
    first_load.whole(counter.home)
    assert counter.service.first_load.so_far is None


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_machine_is_told_how_far_it_is(loading: Client, method: str) -> None:
    document = f'{{ operator(tin: "{ACME}") {{ tin }} }}'
    said = {"params": {"query": document}} if method == "GET" else {"json": {"query": document}}

    answer = loading.request(method, "/graphql", **said)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "LOADING"
    assert "the world: 42 of 100" in error["message"]


@pytest.mark.parametrize("path", ["/", f"/operators/{ACME}", "/countries/CN", "/graphql"])
def test_a_person_is_told_how_far_it_is(loading: Client, path: str) -> None:
    answer = loading.request("GET", path, headers={"accept": "text/html"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "the world: 42 of 100" in answer.text
    assert "nothing is said of any operator" in answer.text
    assert "No information" not in answer.text


def test_readiness_says_so(loading: Client) -> None:
    answer = loading.request("GET", "/readyz")

    assert answer.status_code == 503
    assert answer.json()["ready"] is False and answer.json()["answers"] is False
    assert "loading, so far: the world: 42 of 100" in answer.json()["why"]


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/static/style.css"])
def test_what_is_not_about_operators_is_answered(loading: Client, path: str) -> None:
    assert loading.request("GET", path).status_code == 200


def test_progress_is_noted_and_the_note_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_load, "EVERY", 0.0)
    told = []

    @contextmanager
    def bar(title: str) -> Iterator[first_load.Progress]:
        yield lambda done, of: told.append((title, done, of))

    state = first_load.FirstLoad(tmp_path)
    assert state.so_far is None
    with first_load.noted(bar, tmp_path)("operators") as progress:
        assert state.so_far == "operators"
        progress(1_500, 10_000)
        assert state.so_far == "operators: 1,500 of 10,000"
    first_load.whole(tmp_path)
    first_load.whole(tmp_path)

    assert state.so_far is None
    assert told == [("operators", 1_500, 10_000)]
