"""An owner of the database who is no superuser: every command works, or says what it lacks.

The roles of the register belong to the whole server, so a superuser is needed once: to create them
and to let the owner become them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from registry.ledger import privileges
from registry.ledger.database import MigrationRefused, require_schema
from registry.ledger.privileges import ROLES, PrivilegeMissing
from tests.api.cli.test_cli import Terminal
from tests.api.client import CHINA, Client, small_world

TIN = "CN7777777777"  # nobody in the published world
_numbers = count(1)


@contextmanager
def login(server: str, template: str = "") -> Iterator[tuple[str, str]]:
    """A role that can log in and no more, its name and the conninfo of a database that it owns."""
    name = f"owner_{next(_numbers)}"
    copied = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
    with psycopg.connect(server, autocommit=True) as superuser:
        superuser.execute(f"create role {name} login")
        superuser.execute(f"create database {name} owner {name}{copied}")
        try:
            yield name, make_conninfo(server, dbname=name, user=name)
        finally:
            superuser.execute(f"drop database {name} with (force)")
            for role in ROLES:
                superuser.execute(f"revoke {role} from {name}")
            superuser.execute(f"drop role {name}")


def granted(said: str) -> list[str]:
    """The SQL lines of a complaint."""
    return [line.strip() for line in said.splitlines() if re.match(r"\s+(grant|create) ", line)]


def grant(server: str, name: str, lines: list[str]) -> None:
    with psycopg.connect(make_conninfo(server, dbname=name), autocommit=True) as superuser:
        for line in lines:
            superuser.execute(line.encode())


def test_an_owner_does_everything_after_the_lines_that_it_was_told(
    server: str, blank_register: str, tmp_path: Path
) -> None:
    with login(server) as (name, conninfo):
        aeo = Terminal(conninfo, tmp_path)
        aeo.run("migrate", code=1)
        lines = granted(aeo.complaint)
        assert len(lines) == 1, "the roles are on this server; the owner may not become them"
        grant(server, name, lines)

        assert "0299_baseline.list" in aeo.run("migrate")
        assert aeo.run("migrate").strip() == "up to date"
        assert "the world is loaded" in aeo.run("load")
        file = tmp_path / "operators.jsonl"
        line = {"command": "register_operator", "tin": TIN, "name": "Acme"}
        file.write_text(json.dumps({**line, "roles": ["EXPORTER"]}) + "\n", encoding="utf-8")
        assert "1 recorded" in aeo.run("import", str(file))
        assert "rebuilt up to position" in aeo.run("rebuild")
        assert f"{TIN} in KR" in aeo.run("ask", TIN, "--in", "KR")
        assert "Acme" in aeo.run("history", TIN)
        assert "good" in aeo.run("check", "--streams", "3")
        assert "the first epoch" in aeo.run("status", code=1)
        assert "after position" in aeo.run("new-epoch", "--why", "restored")
        assert "no read model is stopped" in aeo.run("resume")


#: Commands, and the role that each of them lets its login become first.
WANTED = [
    (["load"], "aeo_writer"),
    (["import", "none.jsonl"], "aeo_writer"),
    (["ask", "CN1234567890", "--in", "KR"], "aeo_reader"),
    (["rebuild"], "aeo_projector"),
    (["replay", "--at", "2020-01-01"], "aeo_projector"),
    (["erase", str(uuid4()), "--ground", "asked"], "aeo_erasure"),
    (["serve"], "aeo_reader"),
    (["follow"], "aeo_projector"),
    (["clerk"], "aeo_writer"),
    (["webhooks"], "aeo_writer"),
    (["log"], "aeo_projector"),
    (["sign"], "aeo_signer"),
    (["new-epoch", "--why", "restored"], "aeo_writer"),
]


@pytest.fixture(scope="module")
def bare(
    server: str, blank_register: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Terminal]]:
    """A login that owns a register and may become none of its roles."""
    with login(server, blank_register) as (name, conninfo):
        home: Path = tmp_path_factory.mktemp("home")
        (home / "none.jsonl").write_text("{}\n", encoding="utf-8")
        yield name, Terminal(conninfo, home)


@pytest.mark.parametrize(("words", "role"), WANTED, ids=lambda value: value[0] if value else "")
def test_what_a_login_may_not_do_is_said_with_the_line_that_grants_it(
    bare: tuple[str, Terminal], server: str, words: list[str], role: str
) -> None:
    name, aeo = bare
    with psycopg.connect(server, autocommit=True) as superuser:
        superuser.execute(f"revoke {', '.join(ROLES)} from {name}")

    aeo.run(*words, code=1)

    [line] = granted(aeo.complaint)
    assert role in line and line.endswith(f'to "{name}";')
    assert f"may not become {role}" in aeo.complaint or role in aeo.complaint
    grant(server, name, [line])
    privileges.require_roles(aeo.database, [role])


def test_what_no_role_would_give_is_said_too(bare: tuple[str, Terminal], server: str) -> None:
    """`check` reads as the login itself, which owns nothing of a register that another made."""
    name, aeo = bare
    with psycopg.connect(server, autocommit=True) as superuser:
        superuser.execute(f"revoke {', '.join(ROLES)} from {name}")

    aeo.run("check", code=1)

    assert "permission denied for schema" in aeo.complaint
    assert granted(aeo.complaint)


def test_a_database_without_a_register_says_so(server: str, blank_register: str) -> None:
    with login(server) as (_, conninfo), psycopg.connect(conninfo, autocommit=True) as owner:
        owner.execute("create table public.migration (number integer, name text)")

        with pytest.raises(MigrationRefused, match=r"has no register: \./aeo migrate makes one"):
            require_schema(conninfo)


def test_a_superuser_lacks_nothing(server: str, blank_register: str) -> None:
    with psycopg.connect(server) as superuser:
        assert privileges.missing_grants(superuser) == []
    privileges.require_roles(server, ROLES)


def test_a_login_that_creates_roles_takes_on_those_that_it_administers(
    server: str, blank_register: str
) -> None:
    with (
        login(server) as (name, conninfo),
        psycopg.connect(server, autocommit=True) as superuser,
        psycopg.connect(conninfo, autocommit=True) as owner,
    ):
        superuser.execute(f"alter role {name} createrole")
        superuser.execute(f"grant aeo_writer to {name} with admin true, set false, inherit false")
        with pytest.raises(PrivilegeMissing):
            privileges.require_roles(conninfo, ["aeo_writer"])

        privileges.grant_own_roles(owner)

        privileges.require_roles(conninfo, ["aeo_writer"])
        superuser.execute(f"revoke aeo_writer from {name} granted by {name}")


# ------------------------------------------------------------------- several hosts


def test_a_service_with_several_hosts_finds_the_one_that_is_written_to(
    server: str, blank_register: str, tmp_path: Path
) -> None:
    """`target_session_attrs=read-write` in the conninfo; the first of the two hosts is gone."""
    with login(server, blank_register) as (name, _):
        database = make_conninfo(server, dbname=name)
        small_world(database)
        given = psycopg.conninfo.conninfo_to_dict(database)
        several = make_conninfo(
            database,
            host=f"{tmp_path},{given['host']}",
            port=f"5432,{given['port']}",
            target_session_attrs="read-write",
        )
        privileges.require_roles(several, ROLES)

        with Client(several, tmp_path) as counter:
            assert counter.request("GET", "/readyz").json()["answers"] is True
            outcome = counter.tell(
                "registerOperator", CHINA, tin="CN5555555555", name="Fruit", roles=["EXPORTER"]
            )
            assert outcome["__typename"] == "Recorded"
            assert counter.ask("{ viewer { role } }") == {"viewer": {"role": "public"}}
