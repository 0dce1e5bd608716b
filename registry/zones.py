"""Time zones: the one source from which the register derives every civil date.

The source is the locked `tzdata` package. The zone files of the host are never read, because a
host may lag behind: Morocco went to UTC+00 on 2026-09-20, and a host of 2025 begins a civil day
there an hour early. Neither is the copy inside PostgreSQL: no civil date is derived in SQL.
"""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from importlib.resources import files
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
    if name not in names():
        raise KeyError(name)
    with (files("tzdata.zoneinfo") / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
