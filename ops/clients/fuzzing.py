"""What schemathesis is told of the register: its scalars, and what counts as a fault of ours."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st
from hypothesis_graphql import nodes

#: Codes of an answer that says that we failed, and not that the question was wrong.
FAULTS = {"INTERNAL", "UNAVAILABLE"}

TINS = st.sampled_from(["CN0000000012", "KR0000000001", "ZZ1", "x", ""]) | st.from_regex(
    r"[A-Z]{2}[A-Z0-9]{1,15}", fullmatch=True
)
CODES = st.sampled_from(["CN", "KR", "SG", "EU", "GB", "ZZ", "cn", ""])
DAYS = st.dates().map(str) | st.just("2026-02-30")
INSTANTS = st.datetimes().map(lambda at: f"{at.isoformat()}Z") | st.just("2026-03-05")
POSITIONS = st.integers(-1, 2**53)

for name, texts in {
    "TIN": TINS,
    "AdministrationCode": CODES,
    "HSCode": st.sampled_from(["0808", "12", "440711", "1", "x"]),
    "Date": DAYS,
    "DateTime": INSTANTS,
}.items():
    schemathesis.graphql.scalar(name, texts.map(nodes.String))
schemathesis.graphql.scalar("Position", POSITIONS.map(nodes.Int))
schemathesis.graphql.scalar("JSON", st.text().map(nodes.String))


@schemathesis.check
def no_fault(ctx: Any, response: Any, case: Any) -> None:
    """No status of 500 or more, and no error that is a fault of the register."""
    assert response.status_code < 500, f"{response.status_code}: {response.text[:300]}"
    if response.status_code == 200 and "json" in str(response.headers.get("content-type")):
        body = response.json()
        for error in body.get("errors", ()) if isinstance(body, dict) else ():
            code = error.get("extensions", {}).get("code")
            assert code is not None, f"an error without a code: {error}"
            assert code not in FAULTS, f"{code}: {error}"
