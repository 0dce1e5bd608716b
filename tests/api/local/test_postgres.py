"""The register's own PostgreSQL keeps what it was told, whoever is killed and whoever leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from api.local.postgres import NoDatabase, database

# Another process with need of the database: it says the URL, and leaves when its input ends.
GUEST = """
import sys
from pathlib import Path
from api.local.postgres import database

with database(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def no_other_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@contextmanager
def guest(home: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", GUEST, home],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout and process.stdout.readline().startswith("postgresql:///aeo?")
        yield process


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=60)
    assert process.returncode == 0


def postmaster(home: Path) -> int:
    (file,) = home.glob("pg*/data/postmaster.pid")
    return int(file.read_text().splitlines()[0])


def runs(home: Path) -> bool:
    return any(home.glob("pg*/data/postmaster.pid"))


def note(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def notes(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY text")]


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        assert row
        return str(row[0])


def test_what_was_written_is_there_at_the_next_start_and_in_between_nothing_runs(
    tmp_path: Path,
) -> None:
    with database(tmp_path) as url:
        note(url, "China and Korea, 2013")
    assert not runs(tmp_path)
    with database(tmp_path) as url:
        assert notes(url) == ["China and Korea, 2013"]


def test_a_register_syncs_to_disk_and_listens_on_no_network(home: Path) -> None:
    with database(home) as url:
        assert setting(url, "fsync") == setting(url, "synchronous_commit") == "on"
        assert setting(url, "full_page_writes") == setting(url, "data_checksums") == "on"
        assert setting(url, "listen_addresses") == ""


def test_a_setting_of_the_caller_is_the_last_word(home: Path) -> None:
    with database(home, ["max_connections=17", "application_name=two words"]) as url:
        assert setting(url, "max_connections") == "17"
        assert setting(url, "application_name") == "two words"


@pytest.mark.parametrize("length", [30, 120])
def test_the_home_may_lie_deeper_than_the_path_of_a_socket_may_be_long(
    tmp_path: Path, length: int
) -> None:
    with database(tmp_path / "with a space" / ("x" * length)) as url:
        note(url, "reached")
        assert notes(url) == ["reached"]


def test_the_home_may_have_a_comma_in_its_name(tmp_path: Path) -> None:
    with database(tmp_path / "here, or there") as url:
        note(url, "reached")
        assert notes(url) == ["reached"]


@pytest.mark.parametrize("name", ["$(touch it)", "`touch it`", 'a "home"'])
def test_the_name_of_a_home_is_never_read_by_a_shell(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoDatabase, match="choose another"), database(tmp_path / name):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_home_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(NoDatabase, match="choose another --home"), database(tmp_path / "home"):
        pass
    told = subprocess.run(
        [sys.executable, "-m", "api", "up", "--port", "8497", "--home", tmp_path / "home"],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 3 and "choose another --home" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_first_to_come_may_leave_while_another_still_needs_the_server(home: Path) -> None:
    with guest(home) as first, database(home) as url:
        note(url, "before")
        leave(first)
        note(url, "after")
        assert {"before", "after"} <= set(notes(url))
    assert not runs(home)


def test_the_last_to_come_may_leave_while_another_still_needs_the_server(home: Path) -> None:
    with database(home) as url:
        with guest(home) as second:
            leave(second)
        note(url, "still here")
        assert "still here" in notes(url)


def test_a_killed_process_leaves_its_server_to_the_next_who_stops_it(home: Path) -> None:
    with guest(home) as killed:
        server = postmaster(home)
        os.killpg(killed.pid, signal.SIGKILL)
    assert runs(home)
    with database(home) as url:
        note(url, "adopted")
        assert postmaster(home) == server
    assert not runs(home)


def test_sigterm_stops_the_server_too(home: Path) -> None:
    with guest(home) as ended:
        ended.terminate()
        assert ended.wait(timeout=60) == 128 + signal.SIGTERM
    assert not runs(home)


def test_a_server_that_has_stalled_is_said_so_and_not_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.local.postgres.SILENCE", 2)  # the least that libpq waits
    with guest(home):
        server = postmaster(home)
        os.kill(server, signal.SIGSTOP)
        try:
            with (
                pytest.raises(NoDatabase, match="takes connections and has said nothing"),
                database(home),
            ):
                pass
        finally:
            os.kill(server, signal.SIGCONT)
        with database(home) as url:
            note(url, "it goes on")
    assert not runs(home)


def test_after_the_server_was_killed_the_next_start_has_all_that_was_acknowledged(
    home: Path,
) -> None:
    with guest(home) as first:
        with database(home) as url:
            note(url, "acknowledged")
            os.kill(postmaster(home), signal.SIGKILL)
        leave(first)
    with database(home) as url:
        assert "acknowledged" in notes(url)


@contextmanager
def its_number_taken(home: Path, code: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server is killed, and its number means another process, which runs this code."""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as other:
        with database(home):
            os.kill(postmaster(home), signal.SIGKILL)
            (folder,) = home.glob("pg*")
            for lock in (folder / "data" / "postmaster.pid", folder / ".s.PGSQL.5432.lock"):
                _, *rest = lock.read_text().splitlines(keepends=True)
                lock.write_text(f"{other.pid}\n{''.join(rest)}")
        yield other


def test_a_program_that_has_inherited_the_number_of_a_dead_server_is_left_alone(
    home: Path,
) -> None:
    with its_number_taken(home, "input()") as innocent:
        with database(home) as url:
            note(url, "started beside it")
        assert innocent.poll() is None
        innocent.communicate(b"\n")


def test_a_dead_server_that_nobody_has_buried_is_not_in_the_way(home: Path) -> None:
    with its_number_taken(home, "pass") as unburied:  # dead, and not yet waited for
        os.waitid(os.P_PID, unburied.pid, os.WEXITED | os.WNOWAIT)
        with database(home) as url:
            note(url, "started again")


def test_a_cluster_cut_short_while_it_was_made_never_counts(tmp_path: Path) -> None:
    with database(tmp_path):
        (folder,) = tmp_path.glob("pg*")
    (folder / "data").rename(folder / "initdb-1")
    with database(tmp_path) as url:
        note(url, "whole")
        assert notes(url) == ["whole"]
    assert not any(folder.glob("initdb-*"))


def test_a_database_that_is_named_is_used_and_none_is_started(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database(home) as own:
        monkeypatch.setenv("DATABASE_URL", own)
        with database(tmp_path) as url:
            assert url == own
    assert not any(tmp_path.iterdir())


def test_a_named_database_that_does_not_answer_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql:///aeo?host={tmp_path}")
    with pytest.raises(NoDatabase, match="DATABASE_URL does not answer"), database(tmp_path):
        pass


def test_a_folder_without_a_server_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEO_PG_BIN", str(tmp_path))
    with pytest.raises(NoDatabase, match=f"AEO_PG_BIN is {tmp_path}"), database(tmp_path):
        pass


def test_data_of_a_version_that_is_not_here_are_not_hidden_by_an_empty_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AEO_PG_BIN", raising=False)
    (tmp_path / "pg99" / "data").mkdir(parents=True)
    with pytest.raises(NoDatabase, match="holds data of PostgreSQL 99"), database(tmp_path):
        pass
