"""Administrations whose operators another register records, and this one follows.

Each register is authoritative for its own administrations. A command about an operator of a
followed one would make a second history of it, so it is refused, whoever sends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from registry.domain import commands as c
from registry.domain.errors import RecordedElsewhere

AGE = 1.0  # seconds for which what was read is used


class FollowedAdministrations:
    """The followed administrations, each with the address of its register, at most a second old."""

    def __init__(self, read: Callable[[], dict[str, str]]) -> None:
        self._read = read
        self._registers: dict[str, str] = {}
        self._read_at = float("-inf")

    @property
    def is_fresh(self) -> bool:
        """Whether `check` answers without reading the ledger."""
        return time.monotonic() - self._read_at < AGE

    def check(self, command: c.Command) -> None:
        """Raises RecordedElsewhere for a command about an operator that another register
        records."""
        if not isinstance(command, c.OperatorCommand):
            return
        if not self.is_fresh:
            self._registers, self._read_at = self._read(), time.monotonic()
        home = command.tin.country
        if home in self._registers:
            raise RecordedElsewhere(
                f"tin: {command.tin} is recorded by the register of {home}, which this one follows:"
                f" {self._registers[home]}"
            )
