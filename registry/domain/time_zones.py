"""Time zones: the only source from which the register derives civil dates.

The source is the locked `tzdata` package. The zone files of the host are not read, because a host
can be out of date: Morocco moved to UTC+00 on 2026-09-20, and a host of 2025 begins a civil day
there an hour early. The copy inside PostgreSQL is not used either, because SQL derives no civil
date.
"""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

import tzdata

#: The release of the IANA Time Zone Database, for instance "2026f".
RELEASE: Final[str] = tzdata.IANA_VERSION


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """The IANA names of every zone of the release."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=1_024)
def zone(name: str) -> tzinfo:
    """The time zone with this IANA name. Raises KeyError if the release does not have it."""
    return ZoneInfo.from_file(BytesIO(written(name)), key=name)


def written(name: str) -> bytes:
    """The zone file (TZif, RFC 9636) of this IANA name. Raises KeyError."""
    if name not in names():
        raise KeyError(name)
    return (files("tzdata.zoneinfo") / name).read_bytes()
