"""Database privileges: what a login may do, and the SQL lines that grant what it lacks.

The owner of a database who is no superuser needs help once: a superuser creates the seven roles,
which belong to the whole server, and lets the login become them. After that every command works.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

from registry.ledger.connections import Session

#: The roles of the register. None of them can log in; a login assumes one of them for each task.
ROLES = (
    "aeo_owner",
    "aeo_writer",
    "aeo_projector",
    "aeo_reader",
    "aeo_auditor",
    "aeo_erasure",
    "aeo_signer",
)
#: The roles that the login of `serve` assumes, and no others.
SERVICE_ROLES = ("aeo_reader", "aeo_auditor", "aeo_writer", "aeo_erasure")

#: The text by which a migration creates a role. PostgreSQL checks the privilege before it checks
#: whether the role exists.
_CREATES = re.compile(r"\bcreate role (aeo_\w+) nologin;")


class PrivilegeMissing(Exception):
    """The login lacks a privilege. The message contains the SQL lines that grant it."""


def require(connection: Connection[Any]) -> None:
    """Checks that this login may apply migrations. Grants itself the roles that it created, which
    is necessary since PostgreSQL 16. Raises PrivilegeMissing."""
    grant_own_roles(connection)
    if missing_grants(connection, ("aeo_owner",)):
        lines = "\n  ".join(missing_grants(connection))
        raise PrivilegeMissing(
            f"this login may not migrate the database; a superuser of it runs:\n  {lines}"
        )


def grant_own_roles(connection: Connection[Any]) -> None:
    """Grants the login the roles that it administers and cannot assume yet."""
    for role in _unavailable_roles(connection, ROLES):
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute(SQL("grant {} to session_user").format(Identifier(role)))


def require_roles(conninfo: str, roles: Sequence[str]) -> None:
    """Checks that the login may assume these roles. Raises PrivilegeMissing. Without this check,
    connections would fail repeatedly as if the database were down."""
    with Session.connect(conninfo, autocommit=True) as connection:
        if barred := _unavailable_roles(connection, roles):
            names = SQL(", ").join(map(Identifier, barred))
            grant = SQL("grant {} to {};").format(names, Identifier(connection.info.user))
            raise PrivilegeMissing(
                f"this login may not become {', '.join(barred)}; a superuser of the database runs:"
                f"\n  {grant.as_string(connection)}"
            )


def _unavailable_roles(connection: Connection[Any], roles: Sequence[str]) -> list[str]:
    """Returns those of the roles that exist and that the login may not assume."""
    statement = SQL(
        "select rolname::text from pg_roles where rolname = any(%s) and not {} order by oid"
    ).format(_may_become(connection))
    return [str(name) for (name,) in connection.execute(statement, [list(roles)])]


def missing_grants(connection: Connection[Any], roles: Sequence[str] = ROLES) -> list[str]:
    """Returns the SQL lines by which a superuser lets this login migrate the database and assume
    these roles; empty if nothing is missing."""
    row = connection.execute(
        "select session_user::text, r.rolsuper, r.rolcreaterole, current_database()::text,"
        " has_database_privilege(session_user, current_database(), 'create')"
        " from pg_roles r where r.rolname = session_user"
    ).fetchone()
    assert row is not None
    login, is_superuser, may_create, database, may_make_schemas = row
    if is_superuser:
        return []
    there = {str(name) for (name,) in connection.execute("select rolname from pg_roles")}
    absent = [] if may_create else [role for role in ROLES if role not in there]
    kept_from = {
        *_unavailable_roles(connection, roles),
        *(role for role in roles if role in absent),
    }
    barred = [role for role in roles if role in kept_from]
    lines = [SQL("create role {} nologin;").format(Identifier(role)) for role in absent]
    if barred:
        names = SQL(", ").join(map(Identifier, barred))
        lines.append(SQL("grant {} to {};").format(names, Identifier(login)))
    if not may_make_schemas:
        lines.append(
            SQL("grant create on database {} to {};").format(
                Identifier(database), Identifier(login)
            )
        )
    return [line.as_string(connection) for line in lines]


def _may_become(connection: Connection[Any]) -> Composed | SQL:
    """SQL condition: the login may assume a role. Since PostgreSQL 16 a member of a role may be
    barred from this."""
    kind = "set" if connection.info.server_version >= 160_000 else "member"
    return SQL("pg_has_role(session_user, oid, {})").format(kind)


def without_existing_roles(connection: Connection[Any], text: str) -> str:
    """Removes the creation of existing roles from the text of a migration. A login that may not
    create roles could not apply it otherwise."""
    there = {str(name) for (name,) in connection.execute("select rolname from pg_roles")}
    return _CREATES.sub(lambda found: "null;" if found[1] in there else found[0], text)


def advice_for(conninfo: str, error: BaseException) -> str | None:
    """Returns how to remedy an error that is, or is caused by, a missing privilege; None for any
    other error."""
    refused = _refused(error)
    if refused is None:
        return None
    try:
        with Session.connect(conninfo, autocommit=True) as connection:
            lines = missing_grants(connection)
    except psycopg.Error:
        lines = []
    if not lines:
        return f"{refused}: a superuser of the database, or the owner of that object, grants it"
    return "\n  ".join([f"{refused}; a superuser of this database runs:", *lines])


def _refused(error: BaseException | None) -> str | None:
    """Returns the first line of the database's message if a missing privilege is the error or its
    cause; None otherwise."""
    seen = 0
    while error is not None and seen < 10:
        first = str(error).strip().partition("\n")[0]
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return first
        if found := _AT_THE_START.search(str(error)):  # a failed connection has no SQLSTATE
            return found[0]
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


_AT_THE_START = re.compile(r'permission denied to set role "\w+"|permission denied for [^\n]+')
