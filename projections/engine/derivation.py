"""By which rules, and which release of time zones, the read models were derived from the events.

The same events give other rows where a rule of derivation changes, where a new release of the time
zones moves a civil day, or where one of Unicode folds a letter otherwise. Rows of both kinds in one
table would contradict each other, so that the read models are then derived anew as a whole.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import psycopg
from psycopg.sql import SQL, Identifier

from registry.domain.time_zones import RELEASE

#: The release of Unicode by which names and numbers are compared: that of the Python at hand.
UNICODE: Final[str] = unicodedata.unidata_version
#: Raised with each release of the register in which the same events give other rows. An audit
#: bundle names it, and `ops/aeo-verify` (RULES) knows in what they differ from those before.
VERSION = 2


def record_derivation(connection: psycopg.Connection[Any], schema: str) -> None:
    """The tables of this schema are derived, from the first event on, by this program."""
    connection.execute(
        SQL(
            "insert into {} (version, time_zones, unicode) values (%s, %s, %s)"
            " on conflict (one) do update set version = excluded.version,"
            " time_zones = excluded.time_zones, unicode = excluded.unicode"
        ).format(Identifier(schema, "derivation")),
        [VERSION, RELEASE, UNICODE],
    )


def outdated(connection: psycopg.Connection[Any]) -> str | None:
    """Why the read models must be derived anew, as a sentence; None where they need not.

    Read models into which no event was ever told are nobody's, and need not.
    """
    row = connection.execute(
        "select d.version, d.time_zones, d.unicode, (select max(position) from views.tracking)"
        " from (select 1) one left join views.derivation d on true"
    ).fetchone()
    version, release, unicode, reached = row if row else (None, None, None, None)
    if not reached or (version, release, unicode) == (VERSION, RELEASE, UNICODE):
        return None
    if version is None:
        return "the read models were derived by an earlier release of the register"
    for what, theirs, ours in (
        ("with time zones", release, RELEASE),
        ("with Unicode", unicode, UNICODE),
        ("by rules", version, VERSION),
    ):
        if theirs != ours:
            return f"the read models were derived {what} {theirs}, and these are {ours}"
    return None
