"""Witness policies: which signatures of a checkpoint are sufficient (C2SP tlog-policy files, parsed
strictly).

The policy belongs to the relying party and not to the log. It states in a file of its own which
logs and witnesses it trusts, and how many of them must sign, if necessary in nested groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registry.transparency.signed_notes import (
    COSIGNATURE,
    ED25519,
    MLDSA44,
    BadNote,
    SignedNote,
    VerifierKey,
    read_checkpoint,
    read_key,
    read_number,
)

NONE: Final = "none"
_CONTROL = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_MAX_ENTRIES = 64  # logs, witnesses, groups; the standard requires 32 of each


class BadPolicy(ValueError):
    """A file is not a policy, or its meaning is ambiguous."""


@dataclass(frozen=True)
class PolicyMember:
    """A log or a witness: its key, and its URL if it has one."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True)
class Group:
    """A group of witnesses. It is satisfied when `least` of its members are."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A witness policy. `quorum`: the name of a witness or a group; None: no witness is
    required."""

    logs: tuple[PolicyMember, ...]
    witnesses: dict[str, PolicyMember]
    groups: dict[str, Group]
    quorum: str | None


def satisfied(policy: Policy, note: SignedNote) -> tuple[bool, dict[str, int]]:
    """Whether a checkpoint is signed by one of the logs and cosigned by a quorum of the witnesses.

    Also returns the witnesses that cosigned, with the time of each (POSIX seconds). A policy
    without logs is never satisfied. Raises BadNote if the note is no checkpoint, and BadSignature
    if the signature of a key in the policy is forged; then none counts.
    """
    origin = read_checkpoint(note.text).origin
    logs = [log.key for log in policy.logs if log.key.name == origin]
    signed = note.signed_by(logs)
    times = note.signed_by(witness.key for witness in policy.witnesses.values())
    seen = {
        name: times[witness.key] or 0
        for name, witness in policy.witnesses.items()
        if witness.key in times
    }
    reached = set(seen)
    for name, group in policy.groups.items():  # members are always defined before their group
        if len(reached.intersection(group.members)) >= group.least:
            reached.add(name)
    return bool(signed) and (policy.quorum is None or policy.quorum in reached), seen


def read_policy(written: bytes) -> Policy:
    """Parses a policy. Raises BadPolicy, with the line number."""
    if _CONTROL.search(written):
        raise BadPolicy("A policy has no control characters but tab and newline.")
    if written and not written.endswith(b"\n"):
        raise BadPolicy("The last line of a policy ends with a newline too.")
    parser = _PolicyParser()
    # The standard treats names as bytes of any encoding.
    for number, line in enumerate(written.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            parser.line(*words)
        except (BadNote, BadPolicy) as error:
            raise BadPolicy(f"Line {number}: {error}") from None
    if not parser.quorums:
        raise BadPolicy("A policy has one line that says its quorum, if only `quorum none`.")
    quorum = parser.quorums[0]
    return Policy(
        tuple(parser.logs),
        parser.witnesses,
        parser.groups,
        None if quorum == NONE else quorum,
    )


class _PolicyParser:
    """The parser's state after the lines so far."""

    def __init__(self) -> None:
        self.logs: list[PolicyMember] = []
        self.witnesses: dict[str, PolicyMember] = {}
        self.groups: dict[str, Group] = {}
        self.quorums: list[str] = []
        self._members: set[str] = set()

    def line(self, what: str, *words: str) -> None:
        known: dict[str, tuple[Callable[..., None], range]] = {
            "log": (self._log, range(1, 3)),
            "witness": (self._witness, range(2, 4)),
            "group": (self._group, range(3, 3 + _MAX_ENTRIES)),
            "quorum": (self._quorum, range(1, 2)),
        }
        if what not in known or len(words) not in known[what][1]:
            raise BadPolicy(f"{what!r} with {len(words)} words says nothing in a policy.")
        known[what][0](*words)

    def _log(self, vkey: str, url: str | None = None) -> None:
        party = PolicyMember(_key(vkey, ED25519, MLDSA44), url)
        if any(log.key.public == party.key.public for log in self.logs):
            raise BadPolicy("This log's key stands in an earlier line.")
        self._check_not_both(party)
        self.logs.append(party)
        _check_limit(self.logs)

    def _witness(self, name: str, vkey: str, url: str | None = None) -> None:
        party = PolicyMember(_key(vkey, COSIGNATURE, MLDSA44), url)
        if any(witness.key.public == party.key.public for witness in self.witnesses.values()):
            raise BadPolicy("This witness's key stands in an earlier line: it would count twice.")
        self._check_not_both(party)
        self._check_name_free(name)
        self.witnesses[name] = party
        _check_limit(self.witnesses)

    def _group(self, name: str, least: str, *members: str) -> None:
        self._check_name_free(name)
        count = {"all": len(members), "any": 1}.get(least)
        count = read_number(least) if count is None else count
        if not 1 <= count <= len(members):
            raise BadPolicy(f"{count} of {len(members)} members is no quorum.")
        for member in members:
            self._check_known(member)
            if member in self._members:
                raise BadPolicy(f"{member!r} is a member already, and would count twice.")
            self._members.add(member)
        self.groups[name] = Group(count, members)
        _check_limit(self.groups)

    def _quorum(self, name: str) -> None:
        if self.quorums:
            raise BadPolicy("A policy says its quorum once.")
        if name != NONE:
            self._check_known(name)
        self.quorums.append(name)

    def _check_not_both(self, party: PolicyMember) -> None:
        both = [*self.logs, *self.witnesses.values()]
        if any(member.key.public == party.key.public for member in both):
            raise BadPolicy("A log's key is not a witness's too: it would vouch for itself.")

    def _check_name_free(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise BadPolicy(f"The name {name!r} is taken.")

    def _check_known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise BadPolicy(f"No line above says who {name!r} is.")


def _key(vkey: str, *kinds: int) -> VerifierKey:
    key = read_key(vkey)
    if key.kind not in kinds:
        raise BadPolicy(f"The key of {key.name} is of type {key.kind:#04x}, which is another's.")
    return key


def _check_limit(entries: list[PolicyMember] | dict[str, PolicyMember] | dict[str, Group]) -> None:
    if len(entries) > _MAX_ENTRIES:
        raise BadPolicy(f"A policy of over {_MAX_ENTRIES} logs, witnesses or groups is not read.")
