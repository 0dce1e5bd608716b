"""The particulars of an operator: what it is called, where it is, and its roles in trade.

The fields are named here once for the events, the state and the timeline; the commands have the
same (registry/domain/commands/operators.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from registry.domain.values import AdministrationCode, Role, Tin


class OperatorParticulars(Struct, frozen=True, gc=False, cache_hash=True):
    """The particulars of an operator at one instant."""

    name: str
    local_name: str | None = None
    address: str | None = None
    roles: tuple[Role, ...] = ()

    @classmethod
    def of(cls, registered: GivenParticulars) -> OperatorParticulars:
        """The particulars with which an operator is registered."""
        return cls(**given(registered))

    def amended(self, by: GivenParticulars) -> OperatorParticulars:
        """These particulars with those that an amendment gives."""
        return replace(self, **given(by))


@dataclass(frozen=True, kw_only=True)
class GivenParticulars:
    """The fields of an event that gives particulars. A field that is None is not given."""

    name: str | None = None
    local_name: str | None = None
    address: str | None = None
    roles: tuple[Role, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class FirstParticulars:
    """The fields that only the registration gives. They are stored before the particulars."""

    tin: Tin
    administration: AdministrationCode
    time_zone: str  # stored so that the stream can be read without any other stream


#: The names of the particulars, in the order in which they are stored.
NAMES: tuple[str, ...] = OperatorParticulars.__struct_fields__


def given(by: GivenParticulars) -> dict[str, Any]:
    """The particulars that an event gives, by name."""
    return {name: value for name in NAMES if (value := getattr(by, name)) is not None}
