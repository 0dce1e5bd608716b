"""The forms that officers, companies and partners send: how each is reached, filled in and sent,
and what it records. For the tests of what may happen to a form on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from playwright.sync_api import Locator, Page, expect

from projections.engine.read_your_writes import wait_until
from projections.persons import Particulars, Persons
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.values import AdministrationCode, Tin

STEEL = "CN0000000012"
ANNA, BO = "officer:CN/anna", "officer:CN/bo"
_numbers = count(1)


@dataclass(frozen=True)
class Register:
    """The register behind the service of the tests."""

    database: str
    home: Path
    registry: Registry

    def tell(self, command: str, by: str = "officer:CN", **facts: Any) -> Any:
        """Records a command. Returns the receipt."""
        read = c.read({"command": command, "command_id": str(uuid4()), **facts})
        code, _, person = by.partition(":")[2].partition("/")
        decided_by = AdministrationCode(code) if by.startswith("officer") else None
        return self.registry.execute(read, by, decided_by=decided_by, person=person or None)

    def rows(self, counted: str) -> int:
        """How many events there are; or rows of a table."""
        if counted == "events":
            return self.registry.ledger.max_notification_id() or 0
        with psycopg.connect(self.database) as connection:
            row = connection.execute(f"select {counted}").fetchone()
            assert row is not None
            return int(row[0] or 0)

    def holder(self) -> str:
        """A new operator of China with a valid authorisation."""
        tin = f"CN88000{next(_numbers):05}"
        on = {"tin": tin, "effective": "2026-01-05", "legal_ground": "Order 251"}
        self.tell("register_operator", name="Holder", roles=["EXPORTER"], **on)
        self.tell("lodge_application", programme="CN-AEO", type="ACE", **on)
        self.tell("accept_application", **on)
        self.tell("grant_authorisation", number=f"AEO{tin}", **on)
        return tin

    def shown(self) -> str:
        """A new operator that has a page already."""
        tin = self.holder()
        assert wait_until(self.database, self.rows("events"))
        return tin

    def suspended(self) -> tuple[str, int]:
        """A new operator that was suspended, and the position of that."""
        tin = self.shown()
        done = self.tell("suspend_authorisation", tin=tin, reason="misread")
        assert wait_until(self.database, done.positions[-1])
        return tin, int(done.positions[-1])

    def person(self) -> tuple[str, str]:
        """A new operator and the pseudonym of its contact person."""
        tin = self.holder()
        kept = Persons(self.database, self.home).keep(Tin(tin), Particulars("Li Wei"))
        person, commitment = kept
        named = {"person": str(person), "commitment": commitment, "role": "IN_CHARGE"}
        Persons(self.database, self.home).name(Tin(tin), person, commitment)
        self.tell("name_contact", tin=tin, **named)
        assert wait_until(self.database, self.rows("events"))
        return tin, str(person)

    def disputed(self) -> tuple[str, str]:
        """A new operator and its dispute, which it has opened itself."""
        tin = self.holder()
        facts = {"kind": "NOT_US", "statement": "This is not us"}
        self.tell("open_dispute", by=f"company:{tin}", tin=tin, **facts)
        operator = self.registry.operator(Tin(tin))
        return tin, str(next(iter(operator.disputes)))

    def proposal(self) -> str:
        """A proposal of Anna's about a rule of the programme."""
        rule = {"programme": "CN-AEO", "rule": "bar_years", "unit": "years", "source": "Order 251"}
        receipt = self.tell("set_rule", ANNA, value=f"{next(_numbers) + 1}", **rule)
        return str(receipt.proposed.proposal)


@dataclass(frozen=True)
class Posting:
    """A form. `route`: the page to which it is sent, as in the registry of pages; `path`: makes
    what it is about, and returns the address of the page that has it; `texts`: what is typed, by
    the names of its fields, where {n} is another number each time; `by`: who sends it, for a
    company without its TIN; `last`: the button that records; `steps`: whether a preview comes
    first; `counted`, `more`: what is counted, and how much one sending adds; `form`: its selector;
    `done`: what the last page says.
    """

    name: str
    route: str
    path: Callable[[Register], str]
    texts: dict[str, str] = field(default_factory=dict)
    by: str = "officer:CN"
    last: str = "Record it"
    steps: bool = True
    counted: str = "events"
    more: int = 1
    form: str = "main form[method=post]"
    done: str = "Recorded."

    def subject(self, path: str) -> str:
        """Who sends it: a company is that of the address."""
        return self.by + (path.split("/")[2] if self.by == "company:" else "")

    def typed(self) -> dict[str, str]:
        """What is typed, another text each time."""
        number = f"{next(_numbers)}"
        return {name: text.replace("{n}", number) for name, text in self.texts.items()}

    def fill(self, page: Page, typed: dict[str, str]) -> None:
        """Types what the form needs."""
        for name, value in typed.items():
            found = page.locator(self.form).locator(f"[name='{name}']")
            if found.evaluate("(e) => e.tagName") == "SELECT":
                found.select_option(value)
            elif found.get_attribute("type") == "checkbox":
                found.check()
            else:
                found.fill(value)

    def holds(self, page: Page, typed: dict[str, str]) -> None:
        """What was typed is there."""
        for name, value in typed.items():
            found = page.locator(f"main [name='{name}']")
            if found.get_attribute("type") == "checkbox":
                expect(found).to_be_checked()
            else:
                expect(found).to_have_value(value)

    def button(self, page: Page) -> Locator:
        """The button that records."""
        return page.locator(self.form).get_by_role("button", name=self.last)

    def first(self, page: Page) -> Locator:
        """The button of its first step."""
        if not self.steps:
            return self.button(page)
        return page.locator(self.form).get_by_role("button", name="Continue")

    def preview(self, page: Page) -> None:
        """Goes on to the step before the last."""
        if self.steps:
            self.first(page).click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Check: ")


_COMMAND = "/operators/{tin}/{command:operator_command}"
_AGREEMENT = "/agreements/{id}/{command:agreement_command}"
_GROUND = {"legal_ground": "Order 251"}

FORMS = (
    Posting(
        "operator",
        _COMMAND,
        lambda at: f"/operators/{at.holder()}/suspend-authorisation",
        {"reason": "an audit is overdue", **_GROUND},
    ),
    Posting(
        "operator, repeatable",
        _COMMAND,
        lambda at: f"/operators/{at.holder()}/amend-particulars",
        {"address": "1 New Quay"},
    ),
    Posting(
        "correction",
        _COMMAND,
        lambda at: "/operators/{}/correct-record?position={}".format(*at.suspended()),
        {"what.reason": "an audit", "why": "it was misread"},
    ),
    Posting(
        "consent of a company",
        _COMMAND,
        lambda at: f"/operators/{at.holder()}/give-consent",
        {"partner": "KR"},
        by="company:",
    ),
    Posting(
        "ticket of a company",
        _COMMAND,
        lambda at: f"/operators/{at.holder()}/open-dispute",
        {"kind": "NOT_US", "statement": "This is not us"},
        by="company:",
    ),
    Posting(
        "dispute of a partner",
        _COMMAND,
        lambda at: f"/operators/{STEEL}/open-dispute",
        {"kind": "NOT_RECOGNISED", "territory": "KR", "statement": "It was refused here, {n}"},
        by="partner:KR",
    ),
    Posting(
        "answer to a dispute",
        _COMMAND,
        lambda at: "/operators/{}/answer-dispute?dispute={}".format(*at.disputed()),
        {"answer": "We look into it"},
    ),
    Posting(
        "step of an agreement",
        _AGREEMENT,
        lambda at: "/agreements/CN-KR-AEO/note-on-agreement",
        {"what": "MEETING", "text": "They met in Seoul, {n}", "source": "a notice"},
    ),
    Posting(
        "clause of an agreement",
        _AGREEMENT,
        lambda at: "/agreements/CN-KR-AEO/set-scope",
        {
            "from": "KR",
            "to": "CN",
            "types": "AA",
            "hs": "0808",
            "note": "Annex {n}",
            "source": "a notice",
        },
    ),
    Posting(
        "programme",
        "/programmes/{code}/{command:programme_command}",
        lambda at: "/programmes/KR-AEO/set-rule",
        {"rule": "bar_years", "value": "{n}", "unit": "years", "source": "Order 999"},
        by="officer:KR",
    ),
    Posting(
        "document",
        "/documents/{id}/{command:document_command}",
        lambda at: "/documents/CN-PLAN/set-target",
        {"target": "partners", "text": "Partners: {n}", "source": "p. 2"},
    ),
    Posting(
        "administration",
        "/countries/{code}/{command:administration_command}",
        lambda at: "/countries/CN/register-client",
        {"client": "desk{n}", "name": "Desk", "acts_for": "officer:CN", "source": "an order"},
    ),
    Posting(
        "many operators",
        "/work/{command:mass_command}",
        lambda at: f"/work/suspend-authorisation?tins={at.holder()}+{at.holder()}",
        {"reason": "a campaign"},
        more=2,
        done="2 of 2 were recorded",
    ),
    Posting(
        "confirmation of a proposal",
        "/proposals/{code}/{proposal}/{command:proposal_command}",
        lambda at: f"/proposals/CN/{at.proposal()}/confirm",
        by=BO,
        more=2,
    ),
    Posting(
        "rejection of a proposal",
        "/proposals/{code}/{proposal}/{command:proposal_command}",
        lambda at: f"/proposals/CN/{at.proposal()}/reject",
        {"reason": "no such order"},
        by=BO,
    ),
    Posting(
        "person",
        "/operators/{tin}/persons",
        lambda at: f"/operators/{at.shown()}/persons",
        {"name": "Li Wei", "email": "li@example.cn"},
        last="Name this person",
        steps=False,
        form="form[action$='/persons']",
        done="Li Wei",
    ),
    Posting(
        "erasure of a person",
        "/operators/{tin}/persons/{person}",
        lambda at: "/operators/{}/persons/{}".format(*at.person()),
        {"ground": "GDPR Art. 17(1)(a)"},
        last="Erase for ever",
        steps=False,
        done="ERASED",
    ),
)

#: The other pages to which forms are sent, and why nothing of them is lost or doubled.
OTHERS = {
    "/check": "a question with a receipt: one for a form (test_check.py)",
    "/check/list": "the same for a list: one set of receipts for a list (test_check.py)",
    "/verify": "records nothing",
    "/operators/{tin}/certificate": "one certificate or link for a form (test_certificates.py)",
    "/work/seen": "a mark that never goes back; nothing is typed",
    "/as": "signs in",
    "/sign-out": "signs out",
}
