"""The audit page in a real browser: both clocks are turned, and events checked against the log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from projections.transparency.integrator import Integrator
from tests.api.pages.test_in_browser import COMPLAINTS, TOO_FAINT, become
from tests.api.region import operator, record
from tests.api.served import served
from tests.keeping_log import is_signed

STEEL = "/audit?of=CN0000000012"
PAGES = (
    "/audit",
    f"{STEEL}&in=SG&at=2026-03-05",
    "/audit?of=CN-KR-AEO",
    "/audit?of=NOBODY",
    "/log",
)


@pytest.fixture(scope="module")
def address(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service on the loaded record, with a log that is signed up to its end."""
    home: Path = tmp_path_factory.mktemp("home")
    is_signed(world, home, Integrator(world).catch_up())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEO_DEADLINE", "20")  # a machine that tests many things at once is slow
        expect.set_options(timeout=20_000)
        with served(world, home) as service:
            yield service
        expect.set_options(timeout=5_000)


@pytest.fixture
def auditor(page: Page, address: str) -> Page:
    become(page, address, "auditor:*")
    return page


@contextmanager
def meddled(database: str, table: str, *statements: str) -> Iterator[None]:
    """As a superuser can, who then hides it again: the first statement, and at the end the last."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"alter table {table} disable trigger all")  # type: ignore[arg-type]
        try:
            connection.execute(statements[0])  # type: ignore[arg-type]
            yield
        finally:
            connection.execute(statements[-1])  # type: ignore[arg-type]


def suspension(world: str) -> int:
    """The position at which CN0000000012 was suspended."""
    with psycopg.connect(world) as connection:
        [(position,)] = connection.execute(
            "select e.position from ledger.event e join views.operator o on o.id = e.originator_id"
            " where o.tin = 'CN0000000012' and e.topic = 'operator.suspended'"
        )
    return int(position)


def flipped(level: int, index: int, at: int) -> str:
    """A bit of one hash in a tile; done twice, it is as it was."""
    byte = at * 32
    return (
        f"update proof.tile set hashes = set_byte(hashes, {byte}, get_byte(hashes, {byte}) # 1)"
        f" where level = {level} and index = {index}"
    )


def verify(page: Page, address: str, position: int) -> Any:
    """What the page says after its button was pressed."""
    page.goto(address + STEEL)
    page.get_by_role("button", name=f"Verify position {position}", exact=True).click()
    return page.locator(f"#verdict-{position}")


def test_the_answer_of_any_day_as_known_on_any_other(auditor: Page, address: str) -> None:
    for known, status in (("2026-03-06", "valid"), ("2026-03-11", "suspended")):
        auditor.goto(f"{address}{STEEL}&in=SG&at=2026-03-05&known-at={known}")
        answer = auditor.locator("#answer .card")
        expect(answer.locator(".status").first).to_contain_text(status)
        recognised = "not recognised" if status == "suspended" else "recognised"
        expect(answer.locator(".outcome")).to_contain_text(recognised)
        row = auditor.locator("#events tr", has_text="suspended").first
        expect(row).to_contain_text("counts" if status == "suspended" else "not yet known")


def test_the_sliders_turn_the_clocks_without_a_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/audit?of=CN-KR-AEO")
    page.get_by_label("Move the date of the status").focus()
    page.keyboard.press("Home")
    page.get_by_role("button", name="Turn").click()

    page.wait_for_url("**/audit?of=CN-KR-AEO&at=*")
    day = date.fromisoformat(page.get_by_label("Status on").input_value())
    assert page.get_by_label("Move the date of the status").input_value() == str(day.toordinal())
    expect(page.locator("#answer")).to_contain_text(f"In law on {day}, as known now")
    expect(page.locator("#no-script")).to_contain_text("by a program of your own")
    context.close()


def test_with_a_script_the_answer_follows_the_slider(auditor: Page, address: str) -> None:
    auditor.goto(address + STEEL)
    slider = auditor.get_by_label("Move the date of recording")
    slider.focus()
    auditor.keyboard.press("Home")

    expect(auditor.locator("#answer")).to_contain_text("the register knew nothing of it")
    day = auditor.get_by_label("As recorded by").input_value()
    assert auditor.url.endswith(f"known-at={day}")
    assert slider.get_attribute("aria-valuetext") == day
    expect(auditor.locator("#events tbody tr").first).to_contain_text("not yet known")


def test_what_is_recorded_appears_on_the_page_of_events_by_itself(
    auditor: Page, address: str, world: str
) -> None:
    auditor.goto(f"{address}/ar/events?kind=operator.registered")
    expect(auditor.locator("#live-status")).not_to_be_empty()
    first = auditor.locator("#event-rows tr").first.inner_text()
    record(world, *operator("CN7777777777", "Live Ltd", "CN-AEO", "ACE", "AEOCN7", "2026-01-05"))

    row = auditor.locator("#event-rows tr", has_text="CN7777777777")
    expect(row).to_contain_text("Live Ltd")
    expect(auditor.locator("#event-rows tr").first).to_contain_text("CN7777777777")
    assert auditor.locator("#event-rows tr").nth(1).inner_text() == first
    assert "/ar/audit?of=CN7777777777" in (row.locator("a").get_attribute("href") or "")


def test_an_event_is_verified_in_the_browser(auditor: Page, address: str, world: str) -> None:
    asked: list[str] = []
    auditor.on("request", lambda request: asked.append(request.url))

    verdict = verify(auditor, address, suspension(world))

    expect(verdict).to_contain_text("is in the log, as it is shown here")
    expect(verdict).to_contain_text("the log signed that root (Ed25519, key ")
    expect(verdict).to_contain_text("Not checked: whether the key is the log's own")
    expect(verdict).to_contain_text("nobody else has signed this head")
    assert all(url.startswith(address) for url in asked)
    assert any("/log/tile/1/" in url for url in asked), "the tree is higher than one tile"


def test_one_button_verifies_every_event_and_head_and_names_what_fails(
    auditor: Page, address: str, world: str
) -> None:
    def verdict() -> Any:
        auditor.goto(address + STEEL)
        auditor.get_by_role("button", name="Verify all").click()
        return auditor.locator("#verdict-all")

    expect(verdict()).to_contain_text(re.compile(r"All holds: \d+ events are in the log"))
    position = suspension(world)
    edit = "update ledger.event set known_at = known_at {} interval '1 day' where position = {}"
    with meddled(world, "ledger.event", edit.format("-", position), edit.format("+", position)):
        found = verdict()
        expect(found).to_contain_text(re.compile(r"1 of \d+ checks do not hold"))
        expect(found.locator(".wrong")).to_contain_text(
            f"Leaf {position - 1} of the log is of another event"
        )
        expect(found.locator(".wrong")).to_contain_text("Position ")
    auditor.goto(f"{address}/ar/log")
    auditor.locator("button[data-verify-all]").click()
    expect(auditor.locator("#verdict-all")).to_have_class("notice good")


@pytest.mark.parametrize("level", [0, 1])
def test_a_byte_of_a_tile_changed_in_the_database_is_found(
    auditor: Page, address: str, world: str, level: int
) -> None:
    position = suspension(world)
    # Of its neighbour in the lowest row; of the tile beside its own in the one above.
    index, at = divmod(position - 1, 256) if level == 0 else (0, (position - 1) // 256)
    with meddled(world, "proof.tile", flipped(level, index, at ^ 1)):
        verdict = verify(auditor, address, position)
        expect(verdict).to_contain_text("is not proved")
        expect(verdict.locator(".wrong")).to_contain_text(
            f"From leaf {position - 1} the tiles lead to the root"
        )
    expect(verify(auditor, address, position)).to_contain_text("is in the log")


def test_its_own_hash_changed_in_the_tile_is_named(auditor: Page, address: str, world: str) -> None:
    position = suspension(world)
    index, at = divmod(position - 1, 256)
    with meddled(world, "proof.tile", flipped(0, index, at)):
        expect(verify(auditor, address, position).locator(".wrong")).to_contain_text(
            f"Leaf {position - 1} of the log is of another event"
        )


def test_an_event_that_was_edited_is_found(auditor: Page, address: str, world: str) -> None:
    position = suspension(world)
    edit = "update ledger.event set known_at = known_at {} interval '1 day' where position = {}"
    with meddled(world, "ledger.event", edit.format("-", position), edit.format("+", position)):
        expect(verify(auditor, address, position).locator(".wrong")).to_contain_text(
            f"Leaf {position - 1} of the log is of another event"
        )


def test_a_head_that_the_log_did_not_sign_is_found(auditor: Page, address: str, world: str) -> None:
    size = "(select max(size) from proof.checkpoint)"
    forge = "update proof.checkpoint set note = {} where size = " + size
    with psycopg.connect(world) as connection:
        [(note,)] = connection.execute(f"select note from proof.checkpoint where size = {size}")  # type: ignore[arg-type]
    line = note.splitlines()[4]
    other = line[:-12] + ("A" if line[-12] != "A" else "B") + line[-11:]
    forged, true = (item.replace("'", "''") for item in (note.replace(line, other), note))
    with meddled(world, "proof.checkpoint", forge.format(f"'{forged}'"), forge.format(f"'{true}'")):
        expect(verify(auditor, address, suspension(world)).locator(".wrong")).to_have_text(
            "The signature under the head is not the log's."
        )


def test_who_may_not_read_it_whole_is_told_so(page: Page, address: str) -> None:
    page.goto(f"{address}/audit?of=CN-KR-AEO")

    expect(page.locator("#events")).to_contain_text("What opens a leaf of the log is given to")
    expect(page.locator("#events tbody tr").first).to_contain_text("leaf ")
    assert page.get_by_role("button", name="Verify").count() == 0


def test_the_log_says_how_far_it_is_and_that_nobody_watches(page: Page, address: str) -> None:
    page.goto(f"{address}/log")

    main = page.locator("main")
    expect(main).to_contain_text("Nobody watches this log yet")
    expect(main).to_contain_text("with 2 signatures")
    expect(main).to_contain_text(f"aeo-verify checkpoint {address}/log/checkpoint")


def test_the_commands_on_the_page_do_what_it_says(page: Page, address: str, tmp_path: Path) -> None:
    page.goto(f"{address}/log")
    python = Path(sys.executable).parent  # a python3 that has `cryptography`
    done = subprocess.run(
        ["sh", "-ec", page.locator("#commands").inner_text()],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{python}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "heads.json").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_pages_can_be_read_by_anybody(browser: Browser, address: str, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 740})
    page = context.new_page()
    said: list[str] = []
    become(page, address, "auditor:*")
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    complaints: dict[str, list[str]] = {}
    for path in PAGES:
        page.goto(address + path)
        for button in page.locator("button[data-verify]").all()[:1]:
            button.click()
            expect(page.locator("#verdicts")).to_contain_text("is in the log")
        page.evaluate("document.querySelectorAll('details').forEach((it) => it.open = true)")
        wrong = page.evaluate(COMPLAINTS) + page.evaluate(TOO_FAINT)
        if page.evaluate("document.documentElement.scrollWidth") > 360:
            wrong.append("wider than a small telephone")
        if wrong:
            complaints[path] = wrong
    context.close()

    assert complaints == {}
    assert [text for text in said if "status of 40" not in text] == []
