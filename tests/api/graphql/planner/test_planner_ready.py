"""What lies ready with an operator's row is what the tables say, whatever is selected of it."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from itertools import product
from typing import Any

import psycopg
import pytest

from api.graphql.limits import read
from api.graphql.schema import core
from tests.api.client import Client
from tests.api.graphql.planner.test_planner import NOWS, _plain, _planned, _run, _stock, _subject
from tests.api.region import region

__all__ = ["region"]

PERIODS = "authorisation status validFrom validTo recordedFrom recordedTo"
QUERY = "query ($tin: TIN!, $asOf: AsOf)"
BASES = "agreement { id } authorisation since"
SELECTIONS = (
    f"periods(first: 5) {{ {PERIODS} }}",
    f"periods {{ {PERIODS} }}",
    f"periods(first: 5) {{ {PERIODS} ground }}",
    f"periods(first: 5) {{ {PERIODS} __typename }}",
    "periods { status validFrom validTo recordedFrom recordedTo authorisation }",
    "periods { other: authorisation status validFrom validTo recordedFrom recordedTo }",
    f"recognisedIn {{ in outcome legal operational reasons {{ code }} bases {{ {BASES} }} }}",
    f"recognisedIn {{ reasons {{ why: code }} bases {{ {BASES} identifier }} outcome }}",
    "recognisedIn { bases { agreement { id title } authorisation since } }",
    "name standing roles localName address successor { tin } authorisations { status }",
)
SUBJECTS = ("auditor:*", "officer:CN", "partner:KR")
#: The public is told the standing alone.
CASES = [*product(SUBJECTS, SELECTIONS), ("public", SELECTIONS[-1])]


@pytest.mark.parametrize(("subject", "fields"), CASES)
def test_what_lies_ready_is_what_the_tables_say(region: Client, subject: str, fields: str) -> None:
    """Today, on the edges of what each operator's row answers for, and long before them."""
    with psycopg.connect(region.database) as connection:
        edges = connection.execute("select tin, settled from views.operator").fetchall()
    assert edges
    document = read(core, f"{QUERY} {{ operator(tin: $tin, asOf: $asOf) {{ {fields} }} }}")
    context = region.service.context(_subject(region, subject))
    told = 0
    for tin, settled in edges:
        before = settled - timedelta(microseconds=1)
        for as_of in (
            None,
            (settled, settled),
            (before, settled),
            (settled, before),
            (NOWS[2], settled),
            (NOWS[2], NOWS[2]),
        ):
            variables: dict[str, Any] = {"tin": tin}
            if as_of:
                at, known = (f"{item.astimezone(UTC).isoformat()}" for item in as_of)
                variables["asOf"] = {"at": at, "knownAt": known}
            [text] = _run(region, [_planned(region, context, document, variables)])
            [result] = _run(region, [_stock(context, document, variables)])
            if result.errors:  # an instant that nobody can answer for
                assert text is None
                continue
            assert text is not None
            assert _plain(text) == json.dumps(result.data), (tin, as_of)
            told += 1
    assert told > len(edges)
