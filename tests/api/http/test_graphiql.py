"""GraphiQL in a real browser: our own copy, whole, and no other host asked for anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from registry.paths import STATIC
from tests.api.served import served

VENDOR = STATIC / "vendor"
RUN = ".graphiql-execute-button"


def test_what_is_vendored_is_what_was_listed() -> None:
    listed = dict(
        reversed(line.split("  ")) for line in (VENDOR / "SHA256SUMS").read_text().splitlines()
    )
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.iterdir()
        if file.name != "SHA256SUMS"
    }

    assert found == listed
    assert {name for name in found if name.endswith("LICENSE")} == {
        "graphiql.LICENSE",
        "react.LICENSE",
    }


@pytest.fixture
def address(small_register: str, tmp_path: Path) -> Iterator[str]:
    """The service in a process of its own, as `aeo serve` runs it."""
    with served(small_register, tmp_path) as service:
        yield service


def test_a_question_is_asked_and_nobody_else_is(page: Page, address: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{address}/graphql")
    page.wait_for_selector(RUN)
    page.locator(".graphiql-query-editor .CodeMirror").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("{ viewer { role } }")

    page.click(RUN)

    page.wait_for_function(
        "() => document.querySelector('.result-window').innerText.includes('public')"
    )
    page.get_by_label("Show Documentation Explorer").click()
    page.get_by_text("Root Types").wait_for()
    assert all(url.startswith((address, "data:")) for url in asked), asked
    assert said == []  # nothing refused by the policy, nothing missing
