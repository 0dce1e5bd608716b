"""The rows of a partner's list: what customs administrations send each other of their operators.

A recognition arrangement exchanges name, address, standing, the date of the authorisation, the
dates of a suspension and of an end, and a unique number (WCO AEO Template, chapter on exchange of
master data). A list has some of these columns, under headings of its own.
"""

from __future__ import annotations

from datetime import date
from enum import Enum

import msgspec

#: The name by which a layout says that its lines are rows of a partner's list.
PARTNER_ROW = "partner_row"


class Standing(Enum):
    """What a list says of an authorisation on its day."""

    VALID = "VALID"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    SURRENDERED = "SURRENDERED"
    EXPIRED = "EXPIRED"

    def __str__(self) -> str:
        return self.value

    @property
    def is_end(self) -> bool:
        """Whether the authorisation is over."""
        return self not in (Standing.VALID, Standing.SUSPENDED)


class PartnerListRow(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag=PARTNER_ROW
):
    """One row. Dates are civil days in the zone of the administration that sends the list.

    `row`: the running number, where the list has one. `type`: a type of the programme; may be left
    out where the programme has one only. `since`: the day of effect of the authorisation. `ended`:
    the first day on which it is over.
    """

    row: int | None = None
    tin: str
    name: str
    local_name: str | None = None
    address: str | None = None
    type: str | None = None
    standing: Standing = Standing.VALID
    number: str | None = None
    since: date | None = None
    suspended_from: date | None = None
    suspended_until: date | None = None
    ended: date | None = None
