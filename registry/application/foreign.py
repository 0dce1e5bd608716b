"""Administrations that another register records, and this one follows.

Each register is authoritative for its own administrations. A command about an operator or a
programme of a followed one, about its side of an agreement, or about the members of a followed
bloc, would make a second history of it, so it is refused, whoever sends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from registry.domain import commands as c
from registry.domain.agreements.foreign_acts import side_of
from registry.domain.errors import RecordedElsewhere
from registry.domain.programmes import Programme
from registry.domain.values import AdministrationCode

AGE = 1.0  # seconds for which what was read is used
_MEMBERS = (c.RegisterAdministration, c.MembershipCommand)
_KINDS = (c.OperatorCommand, c.ProgrammeCommand, c.AgreementCommand, *_MEMBERS)


_NOUNS = ("programme", "agreement", "administration")


class FollowedRegister(NamedTuple):
    """The register of a followed administration. `law_level`: up to which level it also sends its
    law (0: not at all; from 2 on with its administrations and blocs)."""

    url: str
    law_level: int


class FollowedAdministrations:
    """The followed administrations, each with its register, at most a second old."""

    def __init__(self, read: Callable[[], dict[str, tuple[str, int]]]) -> None:
        self._read = read
        self._registers: dict[str, FollowedRegister] = {}
        self._read_at = float("-inf")

    @property
    def is_fresh(self) -> bool:
        """Whether `check` answers without reading the ledger."""
        return time.monotonic() - self._read_at < AGE

    def check(self, command: c.Command, aggregate: Any = None) -> None:
        """Raises RecordedElsewhere for a command about what another register records. `aggregate`:
        of the command, where there is one."""
        if not isinstance(command, _KINDS):
            return
        if not self.is_fresh:
            read = self._read()
            self._registers = {code: FollowedRegister(*found) for code, found in read.items()}
            self._read_at = time.monotonic()
        if not self._registers:
            return
        if isinstance(command, c.OperatorCommand):
            home = command.tin.country
            if home in self._registers:
                raise RecordedElsewhere(
                    "tin: %(tin)s is recorded by the register of %(home)s, which this one "
                    "follows: %(url)s",
                    tin=command.tin,
                    home=home,
                    url=self._registers[home].url,
                )
            return
        side = _law_side(command, aggregate)
        register = self._registers.get(side.text) if side else None
        if register is None or register.law_level < (2 if isinstance(command, _MEMBERS) else 1):
            return
        about = next(noun for noun in _NOUNS if hasattr(command, noun))
        raise RecordedElsewhere(
            "%(field)s: what %(side)s decides about %(named)s is recorded by its register, which "
            "this one follows: %(url)s",
            field=about,
            side=side,
            named=getattr(command, about),
            url=register.url,
        )


def _law_side(command: c.Command, aggregate: Any) -> AdministrationCode | None:
    if isinstance(command, c.RegisterProgramme | c.AdministrationCommand):
        return command.administration
    if isinstance(command, c.ProgrammeCommand):
        return aggregate.administration if isinstance(aggregate, Programme) else None
    return side_of(command)
