"""The pages of receipts, and the check of a signature in a real browser."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pypdf
import pypdfium2
import pytest
import zxingcpp
from playwright.sync_api import Page, expect

from ops.attacks import verifier
from tests.api.certified import read_finding
from tests.api.client import Client
from tests.api.graphql.types.test_receipts import CHINA, NEW, asked, keys, small, suspended
from tests.api.pages.test_in_browser import COMPLAINTS, TOO_FAINT, become
from tests.api.pages.test_pages import opened, read
from tests.api.served import served

__all__ = ["small"]


def test_a_receipt_is_shown_to_its_holder_and_to_nobody_else(small: Client) -> None:
    receipt = asked(small)["receipt"]

    text = read(small, f"/receipts/{receipt['id']}", CHINA)

    assert "recognised" in text and NEW in text and receipt["jwt"] in text
    for path, by, status in (
        (receipt["id"], "partner:KR", 404),
        (receipt["id"], None, 404),
        (str(uuid4()), CHINA, 404),
        ("42", CHINA, 400),
    ):
        assert opened(small, f"/receipts/{path}", by).status_code == status


def test_a_receipt_that_turned_is_listed_with_the_event_that_turned_it(small: Client) -> None:
    receipt = asked(small)["receipt"]
    assert "would be answered the same today" in read(small, "/receipts", CHINA)

    suspended(small)

    page = opened(small, "/receipts", CHINA)
    assert f'href="/receipts/{receipt["id"]}"' in page.text
    assert "suspended" in read(small, "/receipts", CHINA)
    assert opened(small, "/receipts").status_code == 403


def pdf_of(at: Client, id: str, by: str | None = CHINA) -> Any:
    return opened(at, f"/receipts/{id}/receipt.pdf", by)


def finding(at: Client, pdf: bytes) -> tuple[str, str]:
    answer = at.send("/verify", {"what": ""}, files={"file": ("receipt.pdf", pdf)})
    return read_finding(answer.text)


def test_a_receipt_is_a_pdf_that_leads_back_to_it_and_is_checked_with_and_without_us(
    small: Client, tmp_path: Path
) -> None:
    receipt = asked(small)["receipt"]

    pdf = pdf_of(small, receipt["id"]).content

    assert pdf == pdf_of(small, receipt["id"]).content
    read_pdf = pypdf.PdfReader(io.BytesIO(pdf))
    words = read_pdf.pages[0].extract_text()
    assert "recognised" in words and NEW in words and CHINA in words
    assert read_pdf.attachments["receipt.jwt"] == [receipt["jwt"].encode()]
    page = pypdfium2.PdfDocument(pdf)[0].render(scale=2).to_pil()
    [code] = zxingcpp.read_barcodes(page)
    assert code.text.endswith(f"/receipts/{receipt['id']}")
    assert finding(small, pdf) == ("receipt genuine", "warn")
    altered = pdf.replace(b"Typst", b"Tipst", 1)
    assert altered != pdf
    assert finding(small, altered) == ("PDF altered", "bad")
    (tmp_path / "keys.json").write_text(json.dumps(keys(small)))
    for file, code in ((pdf, 4), (altered, 1)):
        (tmp_path / "receipt.pdf").write_bytes(file)
        named = [str(tmp_path / "receipt.pdf"), "--keys", str(tmp_path / "keys.json")]
        assert verifier().main(["receipt", *named]) == code
    for by in ("partner:KR", None):
        assert pdf_of(small, receipt["id"], by).status_code == 404


@pytest.fixture(scope="module")
def address(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("home")
    with served(world, home) as service:
        yield service


def test_a_browser_checks_the_signature_and_finds_a_changed_text(page: Page, address: str) -> None:
    become(page, address, "auditor:*")
    ask = """async () => {
      const token = document.cookie;
      const answer = await fetch("/graphql", {method: "POST",
        headers: {"Content-Type": "application/json", "Authorization": `Bearer ${TOKEN}`},
        body: JSON.stringify({query: `{ recognition(tin: "CN0000000012", in: "SG",
          receipt: true) { receipt { id } } }`})});
      return (await answer.json()).data.recognition.receipt.id; }"""
    token = next(item["value"] for item in page.context.cookies() if item["name"] == "aeo-token")
    id = page.evaluate(ask.replace("const token = document.cookie;", f"const TOKEN = {token!r};"))

    page.goto(f"{address}/receipts/{id}")
    assert page.evaluate(COMPLAINTS) + page.evaluate(TOO_FAINT) == []
    page.get_by_role("button", name="Check the signature").click()
    expect(page.get_by_role("status")).to_contain_text("The register signed this receipt")

    page.evaluate(
        """() => { const pre = document.getElementById("receipt");
        const [head, body, end] = pre.textContent.split(".");
        const said = JSON.parse(atob(body.replace(/-/g, "+").replace(/_/g, "/")));
        said.credentialSubject.answer.outcome = "RECOGNISED_TOO";
        pre.textContent = [head, btoa(JSON.stringify(said)).replace(/=+$/, ""), end].join("."); }"""
    )
    page.get_by_role("button", name="Check the signature").click()
    expect(page.get_by_role("status")).to_contain_text("The signature is not of this text")

    many = """async () => {
      const answer = await fetch("/graphql", {method: "POST",
        headers: {"Content-Type": "application/json", "Authorization": `Bearer ${TOKEN}`},
        body: JSON.stringify({query: `{ recognitions(tins: ["CN0000000012", "CN0000000009",
          "CN0000000012"], in: "SG", receipt: true) { receipt { id } } }`})});
      return (await answer.json()).data.recognitions.map((each) => each.receipt.id); }"""
    for own in page.evaluate(
        many.replace("async () => {", f"async () => {{ const TOKEN = {token!r};")
    ):
        page.goto(f"{address}/receipts/{own}")
        page.get_by_role("button", name="Check the signature").click()
        expect(page.get_by_role("status")).to_contain_text("The register signed this receipt")
    page.evaluate(
        """() => { const pre = document.getElementById("receipt");
        const [jwt, leaf, place] = pre.textContent.split("~");
        const own = JSON.parse(atob(leaf.replace(/-/g, "+").replace(/_/g, "/")));
        own.answer.outcome = "RECOGNISED_TOO";
        pre.textContent = [jwt, btoa(JSON.stringify(own)).replace(/=+$/, ""), place].join("~"); }"""
    )
    page.get_by_role("button", name="Check the signature").click()
    expect(page.get_by_role("status")).to_contain_text("The answer is not in the tree")
