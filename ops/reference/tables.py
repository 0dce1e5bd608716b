"""The page on tables: every table of a migrated database with its columns."""

from __future__ import annotations

import re
import tempfile
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import psycopg

from api.local import postgres
from ops.reference.markdown import page, prose, sentence, table
from registry.ledger.database import migrate
from registry.paths import MIGRATIONS, SQL

_SCHEMAS = {
    "ledger": "The events and commands: the register itself. Append-only.",
    "views": "The read models, derived from the ledger.",
    "proof": "The Merkle tree of the public log, its signed checkpoints, and cosignatures.",
    "person": "Particulars of persons, encrypted with a key for each person.",
    "access": "What partners looked up.",
    "checks": "The background check: where it is, and what it found.",
}
_COLUMNS = """
select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull,
       exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary
               and a.attnum = any(i.indkey)),
       col_description(c.oid, a.attnum), obj_description(c.oid, 'pg_class')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname = any(%s) and c.relkind in ('r', 'p') and not c.relispartition
order by array_position(%s, n.nspname::text), c.relname, a.attnum
"""


def tables(database: str) -> str:
    """Every table of a migrated database with its columns."""
    names = list(_SCHEMAS)
    with psycopg.connect(database) as connection:
        found = connection.execute(_COLUMNS, (names, names)).fetchall()
    comments = _sql_comments()
    parts = []
    for schema, of_schema in groupby(found, key=itemgetter(0)):
        parts.append(f"## Schema {schema}\n\n{_SCHEMAS[schema]}")
        for name, columns in groupby(of_schema, key=itemgetter(1)):
            rows = list(columns)
            about = rows[0][7] or comments.get((f"{schema}.{name}", "")) or ""
            lines = [
                (
                    f"`{column}`" + (" (key)" if key else ""),
                    f"`{kind}`" + (", may be null" if null else ""),
                    sentence(said or comments.get((f"{schema}.{name}", column)) or ""),
                )
                for _, _, column, kind, null, key, said, _ in rows
            ]
            head = f"### {schema}.{name}"
            parts.append("\n\n".join(filter(None, (head, prose(about), table(_HEAD, lines)))))
    return page(
        "Tables",
        "The tables of the database after all migrations. The meaning of a column is its comment "
        "in `ops/sql`, where each table is a file.",
        *parts,
    )


_HEAD = ("Column", "Type", "Meaning")
_TABLE = re.compile(r"(create|alter) (?:unlogged )?table (?:if not exists )?(\w+\.\w+)", re.I)
_COLUMN = re.compile(r"\s+(?:add column (?:if not exists )?)?(\w+) [^-]*?(?:--\s*(.*))?$", re.I)


def _sql_comments() -> dict[tuple[str, str], str]:
    """The comments of the tables: by table and column, and by table and "" of the table. That of a
    column is behind it or above it."""
    found: dict[tuple[str, str], str] = {}
    name, above = "", list[str]()
    files = [*sorted(SQL.glob("*/tables/*.sql")), *sorted(MIGRATIONS.glob("*.sql"))]
    for line in (line for file in files for line in file.read_text("utf-8").splitlines()):
        if line.lstrip().startswith("--"):
            above.append(line.lstrip("- "))
            continue
        if match := _TABLE.match(line):
            name = match[2]
            if above and match[1] == "create":
                found[name, ""] = " ".join(above)
        elif not line.strip() or line.startswith(")"):
            name = ""
        elif name and (match := _COLUMN.match(line)) and (match[2] or above):
            found.setdefault((name, match[1]), match[2] or " ".join(above))
        above = []
    return found


def temporary_database_page() -> str:
    """The page of tables, from a database that is made for it and removed."""
    with tempfile.TemporaryDirectory(prefix="aeo-reference-") as folder:
        Path(folder).chmod(0o711)
        with postgres.database(Path(folder)) as url:
            migrate(url)
            return tables(url)
