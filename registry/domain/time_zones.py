"""Time zones: the one source from which the register derives every civil date.

The source is the locked `tzdata` package. The zone files of the host are never read, because a
host may lag behind: Morocco went to UTC+00 on 2026-09-20, and a host of 2025 begins a civil day
there an hour early. Neither is the copy inside PostgreSQL: no civil date is derived in SQL.
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
    """Every zone of the release, by its IANA name."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=1_024)
def zone(name: str) -> tzinfo:
    """The zone of that IANA name. Raises KeyError for a name that the release does not have."""
    return ZoneInfo.from_file(BytesIO(written(name)), key=name)


def written(name: str) -> bytes:
    """The zone file of that IANA name, as the release has it (TZif, RFC 9636). Raises KeyError."""
    if name not in names():
        raise KeyError(name)
    return (files("tzdata.zoneinfo") / name).read_bytes()
