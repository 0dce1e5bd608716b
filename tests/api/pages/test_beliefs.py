"""Two records of an operator compared: what differs, who asked between, and what of the answers and
receipts the later record changes. And the bundle of an operator, which the verifier takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.attacks import verifier
from tests.api.certified import KOREA, certified, logged, office, suspend
from tests.api.client import AUDITOR, Client
from tests.api.pages.test_pages import opened, read, text

__all__ = ["office"]

CHINA = "partner:CN"
ASK = """query ($tin: TIN!, $receipt: Boolean!) {
  recognition(tin: $tin, in: "CN", receipt: $receipt) { outcome receipt { id } } }"""
UNLIKE = "By the earlier record the status was “valid”, by the later one “suspended”."


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def test_two_records_are_compared_in_words_with_who_was_answered_between(office: Client) -> None:
    tin = certified(office)
    before = now()
    office.post(ASK, CHINA, {"Purpose": "declaration 7"}, tin=tin, receipt=False)
    receipt = office.ask(ASK, CHINA, tin=tin, receipt=True)["recognition"]["receipt"]["id"]
    between = now()
    suspend(office, tin)
    logged(office)
    address = f"/operators/{tin}/beliefs?from={between}"

    page = read(office, address, AUDITOR)
    assert UNLIKE in page and "Recognition in China recognised not recognised" in page
    assert "late books" in page
    assert "No other customs administration asked about it between the two dates." in page

    page = opened(office, f"/operators/{tin}/beliefs?from={before}", AUDITOR)
    assert "declaration 7" in text(page) and CHINA in text(page)
    assert "1 receipt would be different by the later record." in text(page)
    assert f'href="/receipts/{receipt}"' in page.text
    assert text(page).count("not recognised differs") == 3  # two looks, of which one has a receipt
    same = read(office, f"/operators/{tin}/beliefs?from={before}&to={between}", AUDITOR)
    assert "Both say the same of that day." in same
    assert "0 receipts would be different" in same


def test_who_asked_is_for_its_home_and_itself_and_nobody_learns_of_a_hidden_one(
    office: Client,
) -> None:
    tin = certified(office)
    before = now()
    office.post(ASK, CHINA, tin=tin, receipt=True)
    suspend(office, tin)
    logged(office)
    address = f"/operators/{tin}/beliefs?from={before}"

    assert CHINA in read(office, address, KOREA)
    own = read(office, address, f"company:{tin}")
    assert UNLIKE in own and "China" in own and CHINA not in own
    theirs = read(office, address, CHINA)
    assert UNLIKE in theirs and "Who asked is shown to the operator" in theirs
    assert "late books" not in theirs
    assert opened(office, "/operators/CN9999999999/beliefs", CHINA).status_code == 404


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=2026-03-11&to=2026-03-06", "The second date of recording is before the first."),
        ("at=yesterday&from=2026-03-06", "neither a date nor an instant"),
        ("from=x", "neither a date nor an instant"),
        ("from=9999-01-01", "in the future"),
    ],
)
def test_dates_that_cannot_be_compared_are_named_at_their_field(
    office: Client, query: str, sentence: str
) -> None:
    page = opened(office, f"/operators/{certified(office)}/beliefs?{query}", AUDITOR)

    assert page.status_code == 400 and sentence in text(page)


def test_an_auditor_saves_a_bundle_that_the_verifier_takes(
    office: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tin = certified(office)
    file, policy = tmp_path / "bundle.zip", tmp_path / "policy.txt"

    answer = opened(office, f"/audit/bundle?operator={tin}", AUDITOR)
    file.write_bytes(answer.content)
    policy.write_bytes(office.request("GET", "/log/policy").content)

    assert answer.headers["content-type"] == "application/zip"
    assert verifier().main(["bundle", str(file), "--policy", str(policy)]) == 0
    assert "verdict: good" in capsys.readouterr().out
    for by, query, status in (
        (KOREA, f"operator={tin}", 403),
        (None, f"operator={tin}", 403),
        (AUDITOR, "operator=KR99999999", 404),
        (AUDITOR, "operator=12", 400),
        (AUDITOR, "agreement=../x", 400),
    ):
        assert opened(office, f"/audit/bundle?{query}", by).status_code == status
