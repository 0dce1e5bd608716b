"""A connection has its settings by statements, behind a pooler, too, and a session that others
share is refused before anything is set in it. tests/test_poolers.py tries the product there."""

from __future__ import annotations

import asyncio
import re

import psycopg
import pytest
from psycopg import AsyncConnection

from registry.ledger.connections import AsyncSession, Options, Session, parse_options
from registry.ledger.sessions import WrongSession, milliseconds, require_own_session, verify
from tests.paths import ROOT
from tests.pooling import needs_pooler, pooler


def test_a_session_of_one_s_own_is_taken(database: str) -> None:
    asyncio.run(require_own_session(database))


@needs_pooler
@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("ignore", ["extra_float_digits", "extra_float_digits,options"])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_shares_sessions_is_refused_in_words(
    database: str, mode: str, ignore: str, size: int
) -> None:
    with (
        pooler(database, mode, ignore, size) as conninfo,
        pytest.raises(WrongSession, match="session mode"),
    ):
        asyncio.run(require_own_session(conninfo, seconds=2.0))


@needs_pooler
def test_nothing_is_set_in_a_session_that_is_shared(database: str) -> None:
    """Another program of the same pooler would become a reader, and could write no more."""
    with pooler(database, "transaction", size=1) as conninfo:
        with pytest.raises(WrongSession):
            asyncio.run(require_own_session(f"{conninfo} options='-c work_mem=1MB'", seconds=2.0))
        with psycopg.connect(conninfo) as other:
            shown = other.execute(
                "select current_user = session_user, current_setting('work_mem') <> '1MB',"
                " current_setting('default_transaction_read_only'),"
                " current_setting('statement_timeout'), current_setting('aeo.session', true)"
            ).fetchone()
    assert shown == (True, True, "off", "0", None)


@needs_pooler
@pytest.mark.parametrize("ignore", ["extra_float_digits", "extra_float_digits,options"])
def test_in_session_mode_a_connection_has_its_settings_and_those_of_its_conninfo(
    database: str, ignore: str
) -> None:
    ours = "-c role=aeo_reader -c statement_timeout=7000 -c timezone=UTC"
    with pooler(database, "session", ignore) as pooled:
        conninfo = f"{pooled} options='-c work_mem=3MB -c statement_timeout=1'"
        asyncio.run(require_own_session(conninfo))
        for _ in range(3):  # each time in the session that the one before has left
            with Session.connect(conninfo, options=ours) as connection:
                connection.rollback()  # what was set stays
                shown = connection.execute(
                    "select current_user::text, current_setting('work_mem'),"
                    " current_setting('statement_timeout'), current_setting('TimeZone')"
                ).fetchone()
            assert shown == ("aeo_reader", "3MB", "7s", "UTC")


@needs_pooler
def test_a_session_that_is_not_as_new_is_refused(database: str) -> None:
    """Without a reset it still has the prepared statements and the locks of whoever left it."""
    with pooler(database, "session", size=1, more="server_reset_query =") as conninfo:
        Session.connect(conninfo).close()
        with pytest.raises(WrongSession, match="server_reset_query = DISCARD ALL"):
            Session.connect(conninfo)


@needs_pooler
def test_the_lock_of_a_leader_ends_with_its_connection(database: str) -> None:
    with pooler(database, "session", size=1) as conninfo:
        with Session.connect(conninfo, autocommit=True) as leader:
            leader.execute("select pg_advisory_lock(4711)")
            leader.execute("listen somebody")
        with Session.connect(database) as other:
            assert other.execute("select pg_try_advisory_lock(4711)").fetchone() == (True,)


def test_a_refused_setting_fails_the_connection_and_says_which(database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="no_such") as refused:
        Session.connect(database, options="-c no_such=1")
    assert isinstance(refused.value.__cause__, psycopg.Error)

    async def connects() -> None:
        await AsyncSession.connect(database, options="-c role=nobody_of_that_name")

    with pytest.raises(psycopg.OperationalError, match="nobody_of_that_name"):
        asyncio.run(connects())


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ("", Options({}, "")),
        (
            "-c role=a -cb=c --time-zone=UTC",
            Options({"role": "a", "b": "c", "time_zone": "UTC"}, ""),
        ),
        ("-c a=read\\ committed -c b=x\\\\y", Options({"a": "read committed", "b": "x\\y"}, "")),
        ("-c a=1 -c a=2", Options({"a": "2"}, "")),
        ("endpoint=ep-1 -c a=b=c", Options({"a": "b=c"}, "endpoint=ep-1")),
        ("-c post_auth_delay=1 -e", Options({}, "-cpost_auth_delay=1 -e")),
    ],
)
def test_options_are_read_as_postgresql_reads_them(options: str, read: Options) -> None:
    assert parse_options(options) == read


def test_every_connection_of_the_product_has_its_settings_by_statements() -> None:
    """The modules that connect without: they ask before a session is known to be one's own."""
    direct = re.compile(r"(psycopg|AsyncConnection|psycopg\.AsyncConnection)\.connect\(")
    found = {
        str(path.relative_to(ROOT))
        for room in ("registry", "projections", "api")
        for path in (ROOT / room).rglob("*.py")
        if direct.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"registry/ledger/sessions.py", "api/local/postgres.py"}


@pytest.mark.parametrize(
    "wanted",
    [
        {"role": "aeo_auditor"},
        {"default_transaction_read_only": "off"},
        {"statement_timeout": "7001"},
        {"TimeZone": "Asia/Seoul"},
    ],
)
def test_another_session_than_the_one_asked_for_is_refused(
    database: str, wanted: dict[str, str]
) -> None:
    parameters = "-c default_transaction_read_only=on -c statement_timeout=7000 -c timezone=UTC"

    async def look() -> None:
        async with await AsyncConnection.connect(database, options=parameters) as connection:
            await verify(connection, wanted)

    with pytest.raises(WrongSession, match=next(iter(wanted))):
        asyncio.run(look())


@pytest.mark.parametrize(
    ("shown", "meant"),
    [("0", 0), ("1500ms", 1500), ("2s", 2000), ("1min", 60_000), ("1h", 3_600_000)],
)
def test_a_time_is_read_as_postgresql_shows_it(shown: str, meant: int) -> None:
    assert milliseconds(shown) == meant
