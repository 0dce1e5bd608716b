"""How the verifier reads one event of a bundle: in one way only, plainly where it can."""

from __future__ import annotations

import json
from base64 import b64encode
from random import Random
from typing import Any

import pytest

from ops.attacks import verifier

ours = verifier()


def shown_event() -> dict[str, Any]:
    entry: dict[str, Any] = {
        "index": 1,
        "position": 2,
        "stream": "5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c",
        "version": 1,
        "topic": "operator.suspended",
        "state": '{"effective":"2026-03-01","reason":"fire"}',
        "recorded": 1_773_135_000_000_000,
        "known": 1_773_135_000_000_000,
        "command": "5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0d",
        "actor": "officer:1",
        "decided_by": "CN",
        "legal_ground": None,
        "salt": b64encode(b"s" * 32).decode(),
    }
    return entry | {"says": ours.sentence_of(entry)}


def test_an_event_says_itself_in_words() -> None:
    assert shown_event()["says"] == (
        "2026-03-10T09:30:00Z officer:1: operator suspended: effective 2026-03-01; reason fire"
    )


def test_a_leaf_is_opened_in_one_way_only() -> None:
    """Were a salt of any length, it could hold the beginning of a longer event, whose text holds
    a shorter one: whoever committed to the one could show the other."""
    salt, letters = b"s" * 32, "41414141-4141-4141-4141-414141414141"
    inner = shown_event() | {
        "position": 0,
        "version": 0,
        "recorded": 0,
        "known": 0,
        "stream": letters,
        "command": letters,
        "topic": "operator.revoked",
        "state": "{}",
        "legal_ground": "",
    }
    hidden = b"".join(
        (
            b"AEO-EVENT-V2\x00",
            bytes(8),
            b"A" * 16,
            bytes(24),
            b"A" * 16,
            *(ours.text_bytes(inner[name]) for name in ("topic", "actor", "decided_by")),
            ours.text_bytes(""),
            ours.text_bytes("{}"),
        )
    )
    outer = shown_event() | {"topic": "claim.published", "state": hidden.decode()}
    longer = (
        salt
        + b"AEO-EVENT-V2\x00"
        + b"".join(
            (
                ours.pack_fixed(
                    outer["position"],
                    ours.bytes_of_stream(outer["stream"]),
                    outer["version"],
                    outer["recorded"],
                    outer["known"],
                    ours.bytes_of_stream(outer["command"]),
                ),
                *(ours.text_bytes(outer[name]) for name in ("topic", "actor", "decided_by")),
                ours.text_bytes(None),
                ours.pack_length(len(hidden)),
            )
        )
    )
    assert ours.entry_of(inner, longer) == ours.entry_of(outer, salt)
    with pytest.raises(ours.Malformed):
        ours.leaf_of(inner | {"salt": b64encode(longer).decode()})
    line = shown_event() | {"salt": b64encode(salt + b"s").decode()}
    assert ours.read_plain(json.dumps(line, separators=(",", ":"))) is None


SPOILT = (
    "",
    '"',
    "\\",
    '\\"',
    ',"',
    '","',
    ", ",
    "{",
    "}",
    "[",
    ":",
    " ",
    "\t",
    "\r",
    "\x01",
    "\u2028",
    "0",
    "-",
    "_",
    "=",
    "1.0",
    "null",
    "true",
    "\\n",
    "\\u0041",
    ', "topic":"x"',
)


@pytest.mark.parametrize("turn", range(4))
def test_what_is_read_plainly_would_be_read_so_with_care(turn: int) -> None:
    """Lines that are a little wrong, and lines that say in words whatever is wrong in them."""
    chance, plain = Random(turn), 0
    for n in range(4_000):
        entry = shown_event() | {"salt": b64encode(chance.randbytes(32)).decode()}
        if n % 2:
            name = chance.choice(sorted(entry.keys() - {"says", "legal_ground"}))
            entry[name] = _spoilt(chance, entry[name]) if isinstance(entry[name], str) else n
            entry["says"] = ours.sentence_of(entry)
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
        if n % 4 == 0:
            line = _spoilt(chance, line)
        elif n % 4 == 1:  # what must be written with a backslash, and is not
            line = line.replace("\\t", "\t").replace("\\u0001", "\x01")
        found = ours.read_plain(line)
        fields = found and ours.read_states([found[0]])
        if not fields:
            continue
        plain += 1
        text, position, stream, version, short, recorded, known, command, leaf = found
        careful = ours.read_event(line)
        assert careful == short | {
            "index": position - 1,
            "position": position,
            "stream": stream,
            "version": version,
            "state": text,
            "recorded": recorded,
            "known": known,
            "command": command,
            "salt": careful["salt"],
            "says": ours.sentence_of(careful),
        }, line
        assert (leaf, fields) == (ours.leaf_of(careful), [ours.read_state(text)]), line
    assert plain > 1_500


def _spoilt(chance: Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(SPOILT) + text[at + chance.choice((0, 0, 1)) :]


def test_texts_that_are_read_as_one_are_each_a_whole() -> None:
    assert ours.read_states(['{"a":1}', '{"b":[2]}', "{}"]) == [{"a": 1}, {"b": [2]}, {}]
    assert ours.read_states([]) == []
    for texts in (
        ['{"a":{}', '{"b":1}}'],
        ['{"a":[{}', "{}]}"],
        ['{"a":[{}', "{}]}", "{},{}"],
        ['{"a":[{}', "{}]}", "{},0,{}"],
        ["{}", "{"],
        ["{},{}", "{}"],
    ):
        assert ours.read_states(texts) is None, texts
