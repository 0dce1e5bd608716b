"""What every command says, whatever it asks for."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from registry.domain.values import AdministrationCode

#: Original names: by language tag (BCP 47), then by the name that this record uses.
Names = dict[str, dict[str, str]]


class Command(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="command",
    tag=lambda name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_"),
):
    """What every command may say beside its own fields.

    `effective` and `decided` are civil dates in the deciding authority's zone; `effective`
    defaults to what the programme's rules say, else to the authority's today.
    `known_at` is for imports alone: when the authority itself recorded it (an instant).
    `signature` is an administration's own, under everything else that the command says.
    """

    noun: ClassVar[str]  # whose stream it goes to: the module and class of that name

    command_id: UUID | None = None
    effective: date | None = None
    decided: date | None = None
    legal_ground: str | None = None
    decided_by: AdministrationCode | None = None
    expected_version: int | None = None
    known_at: datetime | None = None
    source: str | None = None
    signature: str | None = (
        None  # KR and base64, as a line under a note (registry/domain/signatures.py)
    )

    @property
    def name(self) -> str:
        return str(type(self).__struct_config__.tag)
