"""What a login of the database may do, and which SQL lines grant what it lacks.

Whoever owns the database and is no superuser needs somebody else once: to create the seven roles,
which belong to the whole server, and to let the login become them. Every command then works.
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

#: The roles of the register. None of them can log in; a login becomes one of them for each task.
ROLES = (
    "aeo_owner",
    "aeo_writer",
    "aeo_projector",
    "aeo_reader",
    "aeo_auditor",
    "aeo_erasure",
    "aeo_signer",
)
#: What the login of `serve` becomes, and nothing more.
SERVICE_ROLES = ("aeo_reader", "aeo_auditor", "aeo_writer", "aeo_erasure")

#: How a migration creates a role. PostgreSQL asks for the right to do so before it looks whether
#: the role is there.
_CREATES = re.compile(r"\bcreate role (aeo_\w+) nologin;")


class PrivilegeMissing(Exception):
    """The login may not do what was asked. The message says which SQL lines grant it."""


def require(connection: Connection[Any]) -> None:
    """May this login apply migrations? Takes on itself what it may give itself, which a login that
    creates roles has to since PostgreSQL 16. Raises PrivilegeMissing."""
    take_on(connection)
    if lacking(connection, ("aeo_owner",)):
        lines = "\n  ".join(lacking(connection))
        raise PrivilegeMissing(
            f"this login may not migrate the database; a superuser of it runs:\n  {lines}"
        )


def take_on(connection: Connection[Any]) -> None:
    """Grants the login the roles that it administers and may not become yet."""
    for role in _barred(connection, ROLES):
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute(SQL("grant {} to session_user").format(Identifier(role)))


def require_roles(conninfo: str, roles: Sequence[str]) -> None:
    """May the login of this conninfo become these roles? Raises PrivilegeMissing: without it a
    connection would fail again and again as if the database were away."""
    with Session.connect(conninfo, autocommit=True) as connection:
        if barred := _barred(connection, roles):
            names = SQL(", ").join(map(Identifier, barred))
            grant = SQL("grant {} to {};").format(names, Identifier(connection.info.user))
            raise PrivilegeMissing(
                f"this login may not become {', '.join(barred)}; a superuser of the database runs:"
                f"\n  {grant.as_string(connection)}"
            )


def _barred(connection: Connection[Any], roles: Sequence[str]) -> list[str]:
    """Of these, the roles that are there and that the login may not become."""
    statement = SQL(
        "select rolname::text from pg_roles where rolname = any(%s) and not {} order by oid"
    ).format(_may_become(connection))
    return [str(name) for (name,) in connection.execute(statement, [list(roles)])]


def lacking(connection: Connection[Any], roles: Sequence[str] = ROLES) -> list[str]:
    """The SQL lines that a superuser runs, so that the login of this connection may migrate the
    database and become these roles; none where nothing is missing."""
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
    kept_from = {*_barred(connection, roles), *(role for role in roles if role in absent)}
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
    """Whether a login may become a role: since PostgreSQL 16 a member may be kept from it."""
    kind = "set" if connection.info.server_version >= 160_000 else "member"
    return SQL("pg_has_role(session_user, oid, {})").format(kind)


def without_roles_that_are_there(connection: Connection[Any], text: str) -> str:
    """A migration that does not create a role which is there already: a login that may create no
    role could not apply it."""
    there = {str(name) for (name,) in connection.execute("select rolname from pg_roles")}
    return _CREATES.sub(lambda found: "null;" if found[1] in there else found[0], text)


def advice_for(conninfo: str, error: BaseException) -> str | None:
    """What an operator does about an error that is, or hides, a missing privilege; None for any
    other error. Looks at the causes, too."""
    said = _refused(error)
    if said is None:
        return None
    try:
        with Session.connect(conninfo, autocommit=True) as connection:
            lines = lacking(connection)
    except psycopg.Error:
        lines = []
    if not lines:
        return f"{said}: a superuser of the database, or the owner of that object, grants it"
    return "\n  ".join([f"{said}; a superuser of this database runs:", *lines])


def _refused(error: BaseException | None) -> str | None:
    """The first line of what the database refused, where it refused for lack of a privilege."""
    seen = 0
    while error is not None and seen < 10:
        first = str(error).strip().partition("\n")[0]
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return first
        if found := _AT_THE_START.search(str(error)):  # a connection that fails has no SQLSTATE
            return found[0]
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


_AT_THE_START = re.compile(r'permission denied to set role "\w+"|permission denied for [^\n]+')
