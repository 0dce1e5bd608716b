"""An operator that is hidden from a subject is answered as one that does not exist: the same body,
byte for byte, and the same headers, at every door, and no list names it. `python -m ops.absence`
measures the time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from api.access.tokens import issue
from ops.doors import DOORS, PASSING, AskedAbout, Door, plain
from ops.lists import LISTS
from tests.api.client import AUDITOR, Client
from tests.api.region import QUIET, SHUT, agreement, clause, operator, record, region, step
from tests.api.streams import EventStream

__all__ = ["region"]

#: Of Australia, whose agreement with Japan has ended: it was recognised there until 2024.
ENDED = "AU1234567"
LINES = [
    agreement("AU-JP-AEO"),
    step("sign_agreement", "AU-JP-AEO", "2013-06-27"),
    *(step("implement_agreement", "AU-JP-AEO", "2014-04-01", side=side) for side in ("AU", "JP")),
    clause("AU-JP-AEO", "AU", "JP", "AEO"),
    clause("AU-JP-AEO", "JP", "AU", "AEO"),
    *operator(ENDED, "Synthetic Opal", "AU-ATT", "AEO", "AEOAU0000001", "2018-05-03"),
    step("terminate_agreement", "AU-JP-AEO", "2024-09-01", known_at="2024-09-01T00:00:00Z"),
]

#: A subject, an operator that is hidden from it, one that does not exist: TIN, number and name.
HIDDEN = {
    "no consent": ("partner:CN", (SHUT, "FRAEOS0001", "Synthetic Perfumes"),
                   ("FR4444445", "FRAEOS0009", "Synthetic Parfumes")),
    "no agreement": ("partner:JP", (QUIET, "AEOCN1111111111", "Synthetic Quiet 100% Tea"),
                     ("CN1111111112", "AEOCN1111111119", "Synthetic Quite 100% Tea")),
    "an agreement that has ended": ("partner:JP", (ENDED, "AEOAU0000001", "Synthetic Opal"),
                                    ("AU1234568", "AEOAU0000009", "Synthetic Opel")),
    "an officer abroad": ("officer:CN", (SHUT, "FRAEOS0001", "Synthetic Perfumes"),
                          ("FR4444445", "FRAEOS0009", "Synthetic Parfumes")),
    "another company": ("company:CN1234567890",
                        (QUIET, "AEOCN1111111111", "Synthetic Quiet 100% Tea"),
                        ("CN1111111112", "AEOCN1111111119", "Synthetic Quite 100% Tea")),
}  # fmt: skip
RECEIPT = '{{ recognition(tin: "{}", in: "{}"{}, receipt: true) {{ receipt {{ id }} }} }}'
THEN = ', asOf: {at: "2020-01-01T00:00:00Z"}'
#: What a command that names an operator can be refused with before the register is asked.
DECIDED = {"FORBIDDEN", "UNKNOWN_OPERATOR"}


@pytest.fixture(scope="module")
def world(region: Client) -> Client:
    record(region.database, *LINES)
    return region


def asked_about(
    world: Client, subject: str, names: tuple[str, str, str], there: bool
) -> AskedAbout:
    """The operator of these names, with a receipt about it of the subject and one of an auditor,
    and the id of an event of it, where it exists."""
    tin, number, name = names
    territory = subject[-2:] if subject.startswith(("partner", "officer")) else "KR"

    def receipt(by: str) -> str:
        if not may_ask(by):
            return str(uuid4())
        found = world.ask(RECEIPT.format(tin, territory, THEN), by)["recognition"]["receipt"]
        return str(found["id"]) if found else str(uuid4())

    def may_ask(by: str) -> bool:
        return not by.startswith("company")

    asked = AskedAbout(
        tin,
        number,
        name,
        territory,
        receipt(AUDITOR) if there else str(uuid4()),
        receipt(subject),
        epoch=world.service.read_model_position.epoch,
    )
    if not there:
        return asked
    events = f'{{ events(first: 1, filter: {{ tin: "{tin}" }}) {{ edges {{ node {{ id }} }} }} }}'
    [event] = world.ask(events, AUDITOR)["events"]["edges"]
    return replace(asked, event=event["node"]["id"])


def answer(
    world: Client, door: Door, subject: str, asked: AskedAbout
) -> tuple[int, bytes, list[tuple[str, bytes]]]:
    method, path, body = door.request(asked)
    # Compressed, a page is as long as the names that it repeats let it be.
    headers = {"accept-encoding": "identity"}
    headers |= {"content-type": "application/json"} if door.path == "/graphql" else {}
    if not door.public:
        headers["authorization"] = f"Bearer {issue(subject, world.home)}"
    found = world.request(method, path, content=body, headers=headers)
    kept = [
        (name, plain(value.encode(), *asked.names))
        for name, value in sorted(found.headers.multi_items())
        if name not in PASSING
    ]
    return found.status_code, plain(found.content, *asked.names), kept


def _difference(one: Any, other: Any) -> str:
    """Where two answers differ first."""
    if one[1] != other[1]:
        at = next((n for n, (a, b) in enumerate(zip(one[1], other[1], strict=False)) if a != b), 0)
        return f"{one[1][at - 60 : at + 60]!r} and {other[1][at - 60 : at + 60]!r}"
    return f"{set(one[2]) ^ set(other[2])}, {one[0]} and {other[0]}"


@pytest.mark.parametrize("hidden", HIDDEN)
def test_hidden_is_absent_at_every_door(world: Client, hidden: str) -> None:
    subject, there, nowhere = HIDDEN[hidden]
    present, absent = (
        asked_about(world, subject, names, there=names == there) for names in (there, nowhere)
    )
    differing = []
    for door in DOORS:
        one, other = answer(world, door, subject, present), answer(world, door, subject, absent)
        if one != other:
            differing.append((door.name, _difference(one, other)))
        if one[0] not in (200, 401, 403, 404):  # A document that is not valid proves nothing.
            differing.append((door.name, f"{one[0]} {one[1][:300]!r}"))
        if door.name.startswith("command ") and not any(c.encode() in one[1] for c in DECIDED):
            differing.append((door.name, f"decided by its content: {one[1][:300]!r}"))
    assert not differing, "\n".join(map(str, differing))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_no_list_names_what_is_hidden(world: Client, hidden: str) -> None:
    """Nor the subscription to the feed, which has as many events as the list."""
    subject, there, _ = HIDDEN[hidden]
    asked = asked_about(world, subject, there, there=True)
    named = []
    for door in LISTS:
        status, _, _ = answer(world, door, subject, asked)
        refused = (400, 401, 403) if subject.startswith("company") else (401, 403)
        assert status == 200 or status in refused, (door.name, status)
        method, path, body = door.request(asked)
        found = _sent(world, subject, method, path, body)
        named += [(door.name, name) for name in asked.names if name.encode() in found]
    # To whom an operator was shown, the feed tells that it ended (api/graphql/types/changes.py);
    # the page of work shows what the feed has and the partner has not seen yet.
    feeds = ("changes", "page of work") if there[0] == ENDED else ()
    assert not [each for each in named if each[0] not in feeds]

    if subject.startswith("company"):
        return
    feed = "query($c: AdministrationCode!) { changes(for: $c, after: 0, first: 100) { changes"
    changes = world.ask(f"{feed} {{ tin }} }} }}", subject, c=asked.territory)["changes"]["changes"]
    with EventStream(world, subject, **{"for": asked.territory}, after=0) as stream:
        told = [stream.next()["tin"] for _ in changes]
    assert told == [change["tin"] for change in changes]


def _sent(world: Client, subject: str, method: str, path: str, body: bytes) -> bytes:
    headers = {"accept-encoding": "identity", "content-type": "application/json"}
    headers["authorization"] = f"Bearer {issue(subject, world.home)}"
    return world.request(method, path, content=body, headers=headers).content


def test_a_door_shows_who_may_see(world: Client) -> None:
    """The doors and lists are no walls: the home customs and auditors are told what others are
    not."""
    _, there, nowhere = HIDDEN["no agreement"]
    present, absent = (
        asked_about(world, "officer:CN", names, there=names == there) for names in (there, nowhere)
    )

    told = {
        door.name
        for door in DOORS
        if answer(world, door, "officer:CN", present) != answer(world, door, "officer:CN", absent)
    }
    listing = {
        door.name
        for door in LISTS
        for by in ("officer:CN", AUDITOR)
        if there[0].encode() in _sent(world, by, *door.request(present))
    }

    silent = {door.name for door in DOORS} - told
    assert not {name for name in silent if not name.startswith(SILENT)}, silent
    assert listing >= {"operators", "events"}


#: What tells nobody, or not this subject, of this operator: other subjects' receipts, what is asked
#: by the public, what needs a form's token, persons (of whom there are none), and peers.
SILENT = (
    *(
        "command ",
        "merger",
        "division",
        "receipt of",
        "page of",
        "person of it",
        "certificate",
        "looks of",
    ),
    *("events of its stream", "list by identifier", "by certificate, public", "operator, public"),
    *("page, public", "search by name", "search, public", "audit, public"),
    *("suggestions by name", "suggestions, public"),
)
