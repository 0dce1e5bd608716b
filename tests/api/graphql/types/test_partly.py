"""What is partly so is shown as partly so: a suspended part, an interval of days."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.access.tokens import issue
from api.graphql.schema import core
from api.pages.query import COOKIE
from tests.api.client import AUDITOR, Client
from tests.api.graphql.planner.test_planner import _plain, _planned, _read, _run, _stock, _subject

#: Its part S was suspended from 15 September 2025 for half a year.
PARTLY = "DESYNTHETIC0001"
DAY = "2026-01-15"
SOYA = "CN-RU-CONTROL"


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("home")
    with Client(world, home) as client:
        yield client


def read(at: Client, path: str) -> str:
    """The text of a page as an auditor sees it, on one line."""
    shown = {"cookie": f"{COOKIE}={issue(AUDITOR, at.home)}"}
    answer = at.request("GET", path, headers=shown)
    assert answer.status_code == 200, path
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


STANDING = """query ($tin: TIN!, $asOf: AsOf) { operator(tin: $tin, asOf: $asOf) {
  standing standingAbroad authorisations { status statusAbroad suspendedParts }
  periods { status statusAbroad suspendedParts }
} }"""


def test_a_suspended_part_stands_beside_the_standing(at: Client) -> None:
    def asked(day: str) -> dict[str, Any]:
        found = at.ask(STANDING, AUDITOR, tin=PARTLY, asOf={"at": f"{day}T12:00:00Z"})
        return dict(found["operator"])

    entry = asked(DAY)
    part = {"status": "VALID", "statusAbroad": "SUSPENDED", "suspendedParts": ["S"]}
    assert (entry["standing"], entry["standingAbroad"]) == ("VALID", "SUSPENDED")
    assert entry["authorisations"] == [part]
    assert part in entry["periods"]
    before = asked("2025-06-01")
    assert (before["standing"], before["standingAbroad"]) == ("VALID", "VALID")
    assert before["authorisations"][0]["suspendedParts"] == []


@pytest.mark.parametrize("day", [DAY, "2025-06-01", "2026-11-20", "2001-01-01"])
@pytest.mark.parametrize("tin", [PARTLY, "CN1234567890", "CN0000000012", "FRSYNTHETIC0002"])
def test_the_statement_says_of_parts_what_the_resolvers_say(at: Client, tin: str, day: str) -> None:
    variables = {"tin": tin, "asOf": {"at": f"{day}T12:00:00Z"}}
    document = _read(STANDING, in_full=True)
    context = at.service.context(_subject(at, AUDITOR))

    [text] = _run(at, [_planned(at, context, document, variables)])
    [result] = _run(at, [_stock(context, document, variables)])
    assert text is not None and not result.errors and core is not None
    assert _plain(text) == json.dumps(result.data)


def test_the_headline_and_the_timeline_say_the_part(at: Client) -> None:
    page = read(at, f"/operators/{PARTLY}?at={DAY}&tab=all")

    assert "V valid S suspended abroad" in page
    assert "Partners recognise that part alone" in page
    assert "P valid, part S suspended" in page
    assert "valid, part S suspended from 2025-09-15" in page  # the timeline, to whom it is read
    assert "abroad" not in read(at, "/operators/CN1234567890").split("Change the dates")[0]


def test_the_audit_says_the_part(at: Client) -> None:
    page = read(at, f"/audit?of={PARTLY}&at={DAY}")

    assert "V valid S suspended abroad" in page
    assert "valid, part S suspended in law from" in page


SCOPES = """query ($id: ID!) { agreement(id: $id) {
  scopes { hs validFrom validTo assumed begins { earliest latest } ends { earliest latest } }
  sides { party implementedFrom certainFrom implemented { earliest latest } }
} }"""


def test_a_clause_begins_in_an_interval_where_nobody_knows_the_day(at: Client) -> None:
    item = at.ask(SCOPES, None, id=SOYA)["agreement"]

    soya = [clause for clause in item["scopes"] if "1201" in clause["hs"]]
    assert soya
    for clause in soya:
        assert clause["begins"] == {"earliest": "2014-08-01", "latest": "2017-06-13"}
        assert (clause["validFrom"], clause["validTo"], clause["ends"]) == (None, None, None)
    for clause in at.ask(SCOPES, None, id="CN-SG-AEO")["agreement"]["scopes"]:
        assert clause["begins"]["earliest"] == clause["validFrom"] == clause["begins"]["latest"]


@pytest.mark.parametrize("path", [f"/agreements/{SOYA}?tab=scope", "/tour/6"])
def test_a_page_shows_the_interval_and_no_day(at: Client, path: str) -> None:
    page = read(at, path)

    assert "from some day between 2014-08-01 and 2017-06-13" in page
    assert not re.search(r"1201[^.]{0,80} from 2014-08-01", page)


def test_what_certainly_began_is_in_practice_from_the_last_day_of_its_interval(
    at: Client,
) -> None:
    def sides(id: str, day: str) -> dict[str, dict[str, Any]]:
        ask = SCOPES.replace("($id: ID!)", "($id: ID!, $asOf: AsOf)")
        ask = ask.replace("agreement(id: $id)", "agreement(id: $id, asOf: $asOf)")
        found = at.ask(ask, None, id=id, asOf={"at": f"{day}T12:00:00Z"})["agreement"]["sides"]
        return {side["party"]: side for side in found}

    # Implemented some day of March 2014: on the 20th nobody knows, from the 31st all do.
    march = {"earliest": "2014-03-01", "latest": "2014-03-31"}
    before, after = sides("CN-HK-AEO", "2014-03-20")["HK"], sides("CN-HK-AEO", "2015-01-01")["HK"]
    assert before == {
        "party": "HK",
        "implementedFrom": None,
        "certainFrom": None,
        "implemented": march,
    }
    assert after == before | {"certainFrom": "2014-03-31"}
    page = read(at, "/agreements/CN-HK-AEO")
    assert "2014-03-31 (2014-03, the day is not known)" in page
    assert "no day is certain" in read(at, "/agreements/TIR-1975")
