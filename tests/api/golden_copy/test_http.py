"""A partner downloads its own copies, whole or in parts, and nobody else's."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest

from api.access.tokens import issue
from api.golden_copy.changes import CHANGES, ChangesHead, SignedChanges
from api.golden_copy.daily import KEPT, DailyCopies, copies_of, manifests
from api.golden_copy.deltas import differences, fold, folded
from api.golden_copy.files import LAW, OPERATORS, lines_in
from api.golden_copy.making import CopyOrder
from api.golden_copy.signing import open_signer, require_signed
from registry.domain.values import AdministrationCode
from tests.api.client import AUDITOR, Client
from tests.api.golden_copy.copies import CHINA, contents, copy, happenings, happens, signed
from tests.api.region import FRUIT, region

__all__ = ["region"]
PARTNER = "partner:CN"


def asked(at: Client, path: str, by: str | None = PARTNER, **headers: str) -> Any:
    token = {"Authorization": f"Bearer {issue(by, at.home)}"} if by else {}
    return at.request("GET", f"/golden-copy/{path}", headers=token | headers)


@pytest.fixture(scope="module")
def daily(region: Client) -> DailyCopies:
    """The copy of today."""
    signed(region)
    made = DailyCopies(region.database, region.home, [CHINA], xml=True)
    assert made.make(CHINA, datetime.now(UTC))
    return made


def test_a_copy_is_made_once_a_day_with_the_delta_from_the_day_before(
    region: Client, daily: DailyCopies, tmp_path: Path
) -> None:
    folder, now = copies_of(region.home, CHINA), datetime.now(UTC)
    [first] = manifests(folder)
    assert daily.make(CHINA, now) is None  # it is there

    happens(region, happenings(random.Random(3)))
    signed(region)
    later = daily.add(CopyOrder(CHINA, xml=True))
    for _ in range(KEPT):
        daily.add(CopyOrder(CHINA, at=datetime.now(UTC)))

    assert later.name.endswith(f"-{region.last_position()}")
    names = list(manifests(folder))
    assert len(names) == KEPT and first not in names  # a week is enough
    listed = asked(region, "CN").json()
    assert [each["name"] for each in listed["copies"]] == names
    assert [(each["from"], each["to"]) for each in listed["deltas"]] == list(pairwise(names))
    delta = folder / listed["deltas"][-1]["name"]
    fold(folder / names[-2], [delta], tmp_path / "folded", [open_signer(region.home).key])
    assert contents(tmp_path / "folded") == contents(folder / names[-1])


def test_only_the_partner_and_auditors_are_given_it(region: Client, daily: DailyCopies) -> None:
    name = list(manifests(copies_of(region.home, CHINA)))[-1]
    for by in (PARTNER, "officer:CN", AUDITOR):
        assert asked(region, f"CN/{name}/{OPERATORS}", by).status_code == 200
    for by in ("partner:KR", "partner:EU", f"company:{FRUIT}"):
        refused = asked(region, f"CN/{name}/{OPERATORS}", by)
        assert refused.status_code == 403
        assert (
            "the customs whose copy it is and auditors may"
            in refused.json()["errors"][0]["message"]
        )
    for path in (
        "CN",
        f"CN/{name}/{OPERATORS}",
        "CN/changes?epoch=x&after=1&since=2026-01-01T00:00Z",
    ):
        assert asked(region, path, None).status_code == 401
    for path in (
        f"CN/{name}/../{OPERATORS}",
        f"CN/{name}/nothing",
        "CN/nothing/manifest.json",
        "CN/..%2f..%2f/golden-copy.key",
        f"CN/{name}/..%2f..%2f..%2fgolden-copy.key",
    ):
        assert asked(region, path).status_code in (404, 422), path


def test_a_file_has_its_digest_as_entity_tag_and_is_given_in_ranges(
    region: Client, daily: DailyCopies
) -> None:
    listed = asked(region, "CN").json()
    name = listed["copies"][-1]["name"]
    manifest = asked(region, f"CN/{name}/manifest.json").json()
    whole = asked(region, f"CN/{name}/{OPERATORS}")

    digest = sha256(whole.content).hexdigest()
    assert manifest["files"][OPERATORS]["sha256"] == digest
    assert whole.headers["etag"] == f'"{digest}"'
    assert (
        "immutable" in whole.headers["cache-control"]
        and "private" in whole.headers["cache-control"]
    )
    not_changed = asked(region, f"CN/{name}/{OPERATORS}", **{"If-None-Match": f'"{digest}"'})
    assert (not_changed.status_code, not_changed.content) == (304, b"")
    part = asked(region, f"CN/{name}/{OPERATORS}", Range="bytes=10-29")
    assert (part.status_code, part.content) == (206, whole.content[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{len(whole.content)}"
    rest = {"Range": "bytes=30-", "If-Range": f'"{digest}"'}
    assert asked(region, f"CN/{name}/{OPERATORS}", **rest).content == whole.content[30:]
    other = {"Range": "bytes=30-", "If-Range": '"another"'}
    assert asked(region, f"CN/{name}/{OPERATORS}", **other).content == whole.content


def test_what_changed_since_leads_to_the_copy_of_now(
    region: Client, daily: DailyCopies, tmp_path: Path
) -> None:
    """The fast way, by the operators that may have moved, gives what two whole copies differ in."""
    chance, key = random.Random(99), open_signer(region.home).key
    kept = copy(region, tmp_path / "before")
    lines, law = list(lines_in(kept / OPERATORS)), (kept / LAW).read_bytes().strip()
    moment = json.loads(contents(kept)["manifest.json"])["moment"]
    told = 0
    for number in range(16):
        if number % 3:
            happens(region, happenings(chance))
        query = f"epoch={moment['epoch']}&after={moment['position']}&since={moment['at']}"
        answer = asked(region, f"CN/changes?{query}")
        assert answer.status_code == 200, answer.text
        found = msgspec.json.decode(answer.content, type=SignedChanges)
        first, *rest = found.body.encode().strip().split(b"\n")
        head = msgspec.json.decode(first, type=ChangesHead)
        require_signed(
            found.note.encode(), [key], CHANGES, "CN", head.moment.position, found.body.encode()
        )
        law = rest.pop(0) if head.law else law
        told += len(rest)
        lines = list(folded(lines, rest))
        signed(region)
        whole = copy(region, tmp_path / f"after {number}", at=head.moment.at)
        assert lines == list(lines_in(whole / OPERATORS))
        assert law == (whole / LAW).read_bytes().strip()
        moment = msgspec.to_builtins(head.moment)
    assert told > 10
    assert list(differences(lines, lines)) == []


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("epoch={epoch}&after=x&since={at}", 400, "after: found 'x', wanted a position"),
        ("epoch={epoch}&after=1&since=yesterday", 400, "'yesterday' is not an instant"),
        ("epoch=000000000000&after=1&since={at}", 412, "take a whole copy"),
        ("epoch={epoch}&after=99999999&since={at}", 412, "at most"),
    ],
)
def test_a_position_that_cannot_be_is_refused_in_words(
    region: Client, daily: DailyCopies, query: str, status: int, words: str
) -> None:
    moment = asked(region, "CN").json()["copies"][-1]
    answer = asked(region, f"CN/changes?{query.format(**moment)}")

    assert answer.status_code == status
    assert words in answer.json()["errors"][0]["message"]


def look(**said: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "id": str(uuid4()),
        "at": now.isoformat(),
        "tin": "KR22222222",
        "territory": "CN",
        "law_at": now.isoformat(),
        "known_at": (now - timedelta(hours=5)).isoformat(),
        "outcome": "NOT_RECOGNISED",
        "position": 5,
        "purpose": "a border post",
        **said,
    }


def hand_back(at: Client, looks: Any, by: str = PARTNER) -> Any:
    token = {"Authorization": f"Bearer {issue(by, at.home)}"}
    return at.request("POST", "/golden-copy/CN/looks", json=looks, headers=token)


def test_the_looks_of_an_edge_are_in_the_read_log_once(region: Client) -> None:
    looks = [look(), look(outcome="UNKNOWN", consignment={"role": "EXPORTER"})]

    assert hand_back(region, looks).json() == {"received": 2, "new": 2}
    assert hand_back(region, [*looks, look()]).json() == {"received": 3, "new": 1}
    with psycopg.connect(region.database) as connection:
        rows = connection.execute(
            "select subject, tins, outcomes, territory, purpose, consignment::text"
            " from access.read_log where operation = 'edge' and request = any(%s::uuid[])"
            " order by outcomes",
            [[each["id"] for each in looks]],
        ).fetchall()
    assert rows == [
        (PARTNER, ["KR22222222"], ["NOT_RECOGNISED"], "CN", "a border post", None),
        (PARTNER, ["KR22222222"], ["UNKNOWN"], "CN", "a border post", '{"role": "EXPORTER"}'),
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"territory": "KR"}, "look 0: territory: found KR, wanted CN"),
        ({"at": "2099-01-01T00:00:00Z"}, "in the future"),
        ({"at": "2026-01-01T00:00:00"}, "an instant has no zone"),
        ({"tin": "nobody"}, "look 0: tin:"),
        ({"outcome": "PERHAPS"}, "PERHAPS"),
        ({"id": "1"}, "UUID"),
        ({"consignment": {"colour": "red"}}, "consignment: found colour"),
        ({"purpose": "x" * 201}, "200"),
    ],
)
def test_a_look_that_cannot_be_is_refused(
    region: Client, wrong: dict[str, Any], words: str
) -> None:
    answer = hand_back(region, [look(**wrong)])

    assert answer.status_code == 400 and words in answer.json()["errors"][0]["message"]
    assert hand_back(region, [look()], "partner:KR").status_code == 403
    assert hand_back(region, [look()], AUDITOR).status_code == 403
    assert AdministrationCode("CN") == CHINA
