"""An operator that is hidden from a subject is answered as one that does not exist: the same body,
byte for byte, and the same headers, at every door. `python -m ops.absence` measures the time."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from api.access.tokens import issue
from ops.doors import DOORS, PASSING, Door, plain
from tests.api.client import Client
from tests.api.region import QUIET, SHUT, region

__all__ = ["region"]

#: A subject, an operator that is hidden from it, one that does not exist, and a number of each.
HIDDEN = {
    "no consent": ("partner:CN", SHUT, "FR4444445", "FRAEOS0001", "FRAEOS0009"),
    "no agreement": ("partner:JP", QUIET, "CN1111111112", "AEOCN1111111111", "AEOCN1111111119"),
    "an officer abroad": ("officer:CN", SHUT, "FR4444445", "FRAEOS0001", "FRAEOS0009"),
    "another company": ("company:CN1234567890", QUIET, "CN1111111112", "AEOCN1111111111",
                        "AEOCN1111111119"),
}  # fmt: skip


def answer(
    region: Client, door: Door, subject: str, tin: str, number: str
) -> tuple[int, bytes, list[tuple[str, bytes]]]:
    territory = subject[-2:] if subject.startswith(("partner", "officer")) else "KR"
    method, path, body = door.request(tin, number, territory)
    # Compressed, a page is as long as the names that it repeats let it be.
    headers = {"accept-encoding": "identity"}
    headers |= {"content-type": "application/json"} if body else {}
    if not door.public:
        token = issue(subject, region.home)
        headers |= (
            {"authorization": f"Bearer {token}"} if body else {"cookie": f"aeo-token={token}"}
        )
    found = region.request(method, path, content=body, headers=headers)
    kept = [
        (name, plain(value.encode(), tin, number))
        for name, value in sorted(found.headers.multi_items())
        if name not in PASSING
    ]
    return found.status_code, plain(found.content, tin, number), kept


def _difference(one: Any, other: Any) -> str:
    """Where two answers differ first."""
    if one[1] != other[1]:
        at = next((n for n, (a, b) in enumerate(zip(one[1], other[1], strict=False)) if a != b), 0)
        return f"{one[1][at - 60 : at + 60]!r} and {other[1][at - 60 : at + 60]!r}"
    return f"{set(one[2]) ^ set(other[2])}, {one[0]} and {other[0]}"


@pytest.mark.parametrize("hidden", HIDDEN)
def test_hidden_is_absent_at_every_door(region: Client, hidden: str) -> None:
    subject, there, nowhere, number, no_number = HIDDEN[hidden]
    differing = []
    for door in DOORS:
        one = answer(region, door, subject, there, number)
        other = answer(region, door, subject, nowhere, no_number)
        if one != other:
            differing.append((door.name, _difference(one, other)))
        if one[0] not in (200, 403, 404):  # A document that is not valid proves nothing.
            differing.append((door.name, f"{one[0]} {one[1][:300]!r}"))
    assert not differing, "\n".join(map(str, differing))


def test_a_door_shows_who_may_see(region: Client) -> None:
    """The doors are no walls: the home customs are told what others are not."""
    told = 0
    for door, (_, there, nowhere, number, no_number) in product(DOORS, list(HIDDEN.values())[1:2]):
        one = answer(region, door, "officer:CN", there, number)
        other = answer(region, door, "officer:CN", nowhere, no_number)
        told += one != other
    assert told > len(DOORS) // 2
