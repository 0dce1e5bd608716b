"""The version of the rules, of the time zones and of Unicode by which the read models were derived.

The same events give other rows if a rule of derivation changes, if a new time zone release moves a
civil day, or if a Unicode release folds a character differently. Mixing rows of both kinds would be
inconsistent, so the read models are then rebuilt as a whole.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import psycopg
from psycopg.sql import SQL, Identifier

from registry.domain.time_zones import RELEASE

#: The Unicode version of the running Python, by which names and numbers are compared.
UNICODE: Final[str] = unicodedata.unidata_version
#: Increased with each release in which the same events give other rows. An audit bundle states it,
#: and `ops/aeo-verify` (RULES) knows how the versions differ.
VERSION = 2


def record_derivation(connection: psycopg.Connection[Any], schema: str) -> None:
    """Records that the tables of this schema were derived from the first event on by this
    program."""
    connection.execute(
        SQL(
            "insert into {} (version, time_zones, unicode) values (%s, %s, %s)"
            " on conflict (one) do update set version = excluded.version,"
            " time_zones = excluded.time_zones, unicode = excluded.unicode"
        ).format(Identifier(schema, "derivation")),
        [VERSION, RELEASE, UNICODE],
    )


def outdated(connection: psycopg.Connection[Any]) -> str | None:
    """Returns the reason why the read models must be rebuilt, as a sentence; None if they need not
    be.

    Read models without any projected event need no rebuild.
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
