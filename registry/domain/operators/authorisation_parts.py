"""The parts of an authorisation: an EU AEOF is AEOC and AEOS, and either may be suspended alone."""

from __future__ import annotations

from collections.abc import Iterable

_PART, _SUSPENDED = "part_", "_suspended"


def suspended_parts(flags: Iterable[str]) -> list[str]:
    """Of the flags of an authorisation (`part_S_suspended`), the parts that are suspended alone."""
    return [
        flag.removeprefix(_PART).removesuffix(_SUSPENDED)
        for flag in sorted(flags)
        if flag.startswith(_PART) and flag.endswith(_SUSPENDED)
    ]
