"""The event browser: whose events it shows, by which conditions, and as which file."""

from __future__ import annotations

import csv
import html
import re
from datetime import datetime
from io import StringIO
from pathlib import Path

import orjson
import psycopg
import pytest

from api.audit.event_selection import FORMAT
from api.audit.signed_files import FileReader, signed_file
from api.languages import catalogues
from api.languages.language import current
from api.pages import event_files, event_proofs
from api.pages.labels import details
from ops.attacks import verifier
from projections.reads import events as reads
from registry.domain.operators.events import Operator
from registry.domain.values import Tin
from tests.api.certified import logged, office
from tests.api.client import AUDITOR, KOREA, Client
from tests.api.pages.test_pages import opened, read
from tests.api.region import FRUIT, STEEL, operator, record, region

__all__ = ["office", "region"]


def positions(at: Client, path: str, by: str | None = AUDITOR) -> list[int]:
    """The positions of the events on a page, in their order."""
    return [int(each) for each in re.findall(r'<tr id="e(\d+)"', opened(at, path, by).text)]


def chosen(at: Client, condition: str) -> list[int]:
    """The positions of the events in the ledger that meet a condition, in order."""
    statement = f"select position from ledger.event where {condition} order by position"
    with psycopg.connect(at.database) as connection:
        return [position for (position,) in connection.execute(statement.encode()).fetchall()]


def links(at: Client, path: str, name: str, by: str = AUDITOR) -> list[str]:
    """The addresses of the links of a page with this text."""
    found = re.findall(rf'<a href="([^"]*)"[^>]*>{name}</a>', opened(at, path, by).text)
    return [html.unescape(each) for each in found]


def test_the_newest_event_stands_first_and_links_lead_to_all_older_ones(region: Client) -> None:
    path, seen = "/events", []
    while path:
        seen += positions(region, path)
        [path] = links(region, path, "Older events") or [""]

    assert seen == list(range(region.last_position(), 0, -1))


def test_details_are_isolated_in_a_text_that_is_written_from_right_to_left() -> None:
    """And what isolates them is not shown itself, in a list of a list either."""
    current.set(catalogues.language("ar"))
    try:
        shown = details({"number": "AEOCN1", "roles": ["EXPORTER"], "due": [{"due": "2026-03-01"}]})
    finally:
        current.set(catalogues.language("en"))

    assert "\u2068AEOCN1\u2069" in shown and "U+2068" not in str(current.get().isolated(shown))
    assert "EXPORTER" not in shown and "2026-03-01" not in shown


def test_a_new_event_is_reached_from_the_page_that_did_not_have_it(region: Client) -> None:
    before = region.last_position()
    [newer] = links(region, "/events", "Newer events")
    assert positions(region, newer) == []

    record(
        region.database, *operator("CN7777777777", "New Ltd", "CN-AEO", "ACE", "X1", "2026-01-05")
    )

    assert positions(region, newer) == list(range(region.last_position(), before, -1))
    assert "New Ltd" in opened(region, f"{newer}&part=new", AUDITOR).text
    assert "<nav" not in opened(region, f"{newer}&part=new", AUDITOR).text


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        (f"operator={STEEL}", f"originator_id = '{Operator.create_id(Tin(STEEL))}'"),
        ("kind=operator.suspended", "topic = 'operator.suspended'"),
        ("kind=agreement", "topic like 'agreement.%'"),
        ("decided-by=KR", "decided_by = 'KR'"),
        ("effective-from=2026-01-01&effective-to=2026-12-31",
         "state::jsonb ->> 'effective' between '2026-01-01' and '2026-12-31'"),
        ("from-position=5&to-position=9", "position between 5 and 9"),
        ("to=2016-01-01", "false"),
    ],
)  # fmt: skip
def test_a_condition_chooses_the_events_that_the_ledger_has_of_it(
    region: Client, query: str, condition: str
) -> None:
    wanted = chosen(region, condition)[:-51:-1]

    assert positions(region, f"/events?{query}") == wanted


def test_a_partner_and_the_public_see_the_law_alone(region: Client) -> None:
    for by in (KOREA, None):
        page = read(region, "/events", by)
        assert "Agreements" in page and positions(region, f"/events?operator={FRUIT}", by) == []
        assert positions(region, "/events?kind=operator", by) == []
        assert positions(region, "/events?kind=agreement", by) != []


def test_every_field_that_cannot_be_read_is_named_and_stays_as_it_was_typed(
    region: Client,
) -> None:
    page = opened(
        region,
        "/events?kind=x&operator=12&from=yesterday&to-position=0&effective-from=2026-02-30",
        AUDITOR,
    )

    assert page.status_code == 400
    assert set(re.findall(r'class="wrong" id="([a-z-]+)-wrong"', page.text)) == {
        *("kind", "operator", "from", "to-position", "effective-from"),
    }
    for typed in ("12", "yesterday", "0", "2026-02-30"):
        assert f'value="{typed}"' in page.text


def test_a_file_has_all_events_of_the_choice_and_no_formula(
    region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(region.database, *operator("CN6666666666", "=1+1", "CN-AEO", "ACE", "X2", "2026-01-05"))
    total = region.last_position()

    lines = opened(region, "/events?format=jsonl", AUDITOR).text.splitlines()
    assert [orjson.loads(line)["position"] for line in lines] == list(range(1, total + 1))

    answer = opened(region, "/events?format=csv&operator=CN6666666666", AUDITOR)
    assert 'filename="events.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0]["event"] == "registered" and rows[0]["about"] == "Operator:CN6666666666"
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())

    monkeypatch.setattr(event_files, "MOST", 100)
    *hundred, last = opened(region, "/events?format=jsonl", AUDITOR).text.splitlines()
    assert orjson.loads(last) == {"continuedFromPosition": len(hundred) + 1}
    goes_on = opened(region, f"/events?format=jsonl&from-position={len(hundred) + 1}", AUDITOR)
    assert orjson.loads(goes_on.text.splitlines()[0])["position"] == len(hundred) + 1


def test_the_list_of_events_is_read_from_either_end_a_part_of_the_ledger_at_a_time(
    region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a window of three positions most pages are cut, and some are empty."""
    monkeypatch.setattr(reads, "WINDOW", 3)
    ask = """query ($first: Int, $after: String, $last: Int, $before: String) {
      events(first: $first, after: $after, last: $last, before: $before,
        filter: {types: ["operator.suspended", "operator.registered"]}) {
        edges { cursor node { position about } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    wanted = chosen(region, "topic in ('operator.suspended', 'operator.registered')")
    found: list[int] = []
    after = None
    while True:
        page = region.ask(ask, AUDITOR, first=2, after=after)["events"]
        found += [edge["node"]["position"] for edge in page["edges"]]
        assert all(edge["node"]["about"].startswith("Operator:") for edge in page["edges"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    backwards: list[int] = []
    before = None
    while True:
        page = region.ask(ask, AUDITOR, last=2, before=before)["events"]
        backwards = [edge["node"]["position"] for edge in page["edges"]] + backwards
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = page["pageInfo"]["startCursor"]

    assert found == backwards == wanted
    error = region.error("{ events(first: 2, last: 2) { edges { cursor } } }", AUDITOR)
    assert error["code"] == "BAD_INPUT" and "wanted one of the two" in error["message"]


# ------------------------------------------------------------------ a file with proofs


def checked(at: Client, folder: Path, content: bytes) -> int:
    """What `aeo-verify events` says of a file: its exit code."""
    keys, policy, file = (folder / name for name in ("keys.json", "policy", "events.json"))
    keys.write_bytes(at.request("GET", "/log/receipt-keys").content)
    policy.write_bytes(at.request("GET", "/log/policy").content)
    file.write_bytes(content)
    named = [str(file), "--keys", str(keys), "--policy", str(policy)]
    return int(verifier().main(["events", *named]))


def without(content: bytes, position: int, home: Path) -> bytes:
    """A file of which the register itself left out one event: its signature is good."""
    said = orjson.loads(content)["selection"]
    events = [event for event in said["events"] if event["position"] != position]
    return signed_file(
        home, FORMAT, "events", said | {"events": events}, None,
        FileReader(said["madeFor"], datetime.fromisoformat(said["madeAt"]), said["epoch"]),
    )  # fmt: skip


def test_events_of_a_filter_are_proved_without_the_register(
    office: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logged(office)
    path = "/events?format=signed&kind=agreement"
    ours = opened(office, path, AUDITOR).content
    said = orjson.loads(ours)["selection"]

    assert said["complete"] is None and len(said["events"]) > 2
    assert checked(office, tmp_path, ours) == 0
    printed = capsys.readouterr().out
    assert f"{len(said['events'])} are shown to be what their leaves commit to" in printed
    assert "whether the filter means other events, too, is not proved" in printed
    anybody = opened(office, path, None).content
    assert [each["position"] for each in orjson.loads(anybody)["selection"]["events"]] == [
        each["position"] for each in said["events"]
    ]
    assert checked(office, tmp_path, anybody) == 0
    assert b"eventBytes" not in anybody
    for place in range(200, len(ours), len(ours) // 12):
        assert checked(office, tmp_path, altered(ours, place)) != 0, ours[place - 20 : place + 20]


def altered(content: bytes, place: int) -> bytes:
    """The file with one character changed, the next letter or digit from a place on."""
    while not content[place : place + 1].isalnum():
        place += 1
    other = b"b" if content[place : place + 1] != b"b" else b"c"
    return content[:place] + other + content[place + 1 :]


def test_an_event_that_is_left_out_of_a_complete_range_is_missed(
    office: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logged(office)
    path = "/events?format=signed&from-position=3&to-position=8"
    whole = opened(office, path, AUDITOR).content

    assert checked(office, tmp_path, whole) == 0
    assert "every event from position 3 to 8 is here" in capsys.readouterr().out
    for left_out in (3, 5, 8):
        assert checked(office, tmp_path, without(whole, left_out, office.home)) == 1
        assert f"position {left_out}: it is missing in a range" in capsys.readouterr().out
    partner = orjson.loads(opened(office, path, KOREA).content)["selection"]
    assert partner["complete"] is None, "a partner does not read every event"


def test_a_choice_that_is_too_large_or_empty_is_refused_with_what_to_choose(
    office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged(office)
    monkeypatch.setattr(event_proofs, "MOST", 7)
    refused = opened(office, "/events?format=signed&from-position=2", AUDITOR)

    assert refused.status_code == 400
    assert "at most 7 events" in refused.text and "end at position 8" in refused.text
    first = opened(office, "/events?format=signed&from-position=2&to-position=8", AUDITOR)
    assert len(orjson.loads(first.content)["selection"]["events"]) == 7
    later = opened(office, "/events?format=signed&from-position=9999999", AUDITOR)
    assert later.status_code == 404 and "no event of this choice" in later.text
