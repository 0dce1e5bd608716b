"""The parts of an authorisation.

An EU AEOF consists of AEOC and AEOS; each can be suspended alone.
"""

from __future__ import annotations

from collections.abc import Iterable

_PART, _SUSPENDED = "part_", "_suspended"


def suspended_parts(flags: Iterable[str]) -> list[str]:
    """The parts that are suspended alone, read from the flags (`part_S_suspended`)."""
    return [
        flag.removeprefix(_PART).removesuffix(_SUSPENDED)
        for flag in sorted(flags)
        if flag.startswith(_PART) and flag.endswith(_SUSPENDED)
    ]
