"""Drafts of forms: what was typed when the session had ended, for the same browser.

A form that arrives without a session records nothing, and what was typed would be lost while its
sender signs in. It is stored for a day, under the id of its command, and shown to the browser that
sent it and to nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID

from psycopg.types.json import Jsonb

from api.access.quick_connection import quick_connection

MOST = 20  # drafts of one browser
ALL = 10_000  # drafts of all; further ones replace the oldest
_KEEP = (
    "insert into access.form_draft (id, browser, address, fields) values (%s, %s, %s, %s)"
    " on conflict (id) do update set fields = excluded.fields, saved = excluded.saved"
    " where form_draft.browser = excluded.browser"
)
_SWEEP = (
    "delete from access.form_draft where saved < clock_timestamp() - interval '1 day'"
    " or id in (select id from access.form_draft where browser = %s"
    f" order by saved desc offset {MOST})"
    f" or id in (select id from access.form_draft order by saved desc offset {ALL})"
)
_READ = "select fields from access.form_draft where id = %s and browser = %s and address = %s"


class FormDrafts:
    """Stores and reads drafts. `conninfo`: the database of the service."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo

    async def keep(self, id: UUID, browser: str, address: str, fields: Mapping[str, str]) -> None:
        """Stores what was typed. `browser`: the token of the browser's forms. The database has no
        NUL character in a text: in its place the sign for one (U+2400) is stored, which can be seen
        and deleted. Raises psycopg.OperationalError."""
        async with quick_connection(self._conninfo) as connection:
            typed = {_storable(name): _storable(text) for name, text in fields.items()}
            row = [id, _digest(browser), address, Jsonb(typed)]
            await connection.execute(_KEEP, row)
            await connection.execute(_SWEEP, [_digest(browser)])

    async def read(self, id: UUID, browser: str, address: str) -> dict[str, str]:
        """Returns what was typed; empty where this browser has no such draft. Raises
        psycopg.OperationalError."""
        async with quick_connection(self._conninfo) as connection:
            cursor = await connection.execute(_READ, [id, _digest(browser), address])
            row = await cursor.fetchone()
            return dict(row[0]) if row else {}


def _storable(text: str) -> str:
    return text.replace("\0", "\N{SYMBOL FOR NULL}")


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
