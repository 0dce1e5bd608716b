"""The fields that all commands have."""

from __future__ import annotations

# msgspec hands `frozen` down to every command; mypy does not know that it does.
# mypy: disable-error-code="misc"
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from registry.domain.values import AdministrationCode

#: Original names, by language tag (BCP 47) and then by the name that the record uses.
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
    """The fields that every command may have beside its own.

    `command_id` is the idempotency key. `expected_version` is for optimistic concurrency.
    `effective` and `decided` are civil dates in the deciding authority's time zone. `effective`
    defaults to what the programme's rules say, else to today in that zone. `known_at` is for
    imports only: the instant at which the authority itself recorded it. `signature` is the
    administration's signature over all other fields.
    """

    noun: ClassVar[str]  # the kind of stream that it concerns

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
        """The name of the command in snake case."""
        return str(type(self).__struct_config__.tag)
