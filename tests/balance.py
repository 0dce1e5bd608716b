"""What the suite costs, by file, in seconds of CPU: so that the dearest files begin first, and none
grows unseen.

`./aeo test --cpu FILE` appends a line for each test: its id, and the seconds of CPU of its
process with all those that it started, and of its PostgreSQL. `python -m tests.balance FILE` takes
them over into `cpu_seconds.tsv`, for the files that were run. See ops/decisions/0238.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections import defaultdict
from collections.abc import Generator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from psycopg.conninfo import conninfo_to_dict

from registry.paths import ROOT

TABLE: Final = ROOT / "tests" / "cpu_seconds.tsv"
#: Of prctl(2), from linux/prctl.h.
PR_SET_CHILD_SUBREAPER: Final = 36
#: Seconds that are assumed of a file that nobody has measured.
UNKNOWN: Final = 5.0
#: Seconds of CPU that all files, and each, may cost when they are measured. Two cores that are busy
#: for nine tenths of ten minutes have 1,080: the first is to fall until it is below that. It was
#: 1,600 before each page of the counter was walked in a browser: three files cost 178.
WHOLE, FILE = 1_950.0, 100.0


def seconds() -> dict[str, float]:
    """The measured seconds of CPU of each file, by its path in the repository."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return {name: float(cost) for name, cost in (line.split("\t") for line in lines)}


def dearest_first(items: list[pytest.Item]) -> None:
    """Files are begun in the order of what they cost, so that none is left over at the end. The
    order within a file stays."""
    cost = seconds()
    of = {item.path: cost.get(_file(item.nodeid), UNKNOWN) for item in items}
    items.sort(key=lambda item: -of[item.path])  # stable


def _file(test: str) -> str:
    return test.partition("::")[0]


# ------------------------------------------------------------------------------------- measuring


class Measuring:
    """A plugin of pytest that measures. On Linux, where /proc says what each process has used."""

    def __init__(self, into: Path) -> None:
        self._into = into
        self._server: int | None = None
        _adopt_orphans()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object]
    ) -> Generator[None, object, object]:
        """Notes the process of the PostgreSQL that the tests share."""
        made = yield
        if fixturedef.argname == "server":
            data = Path(str(conninfo_to_dict(str(made))["host"]), "data", "postmaster.pid")
            with suppress(OSError):
                self._server = int(data.read_text().splitlines()[0])
        return made

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Writes what one test has used, its fixtures included."""
        before = self._used()
        done = yield
        own, database = (round(b - a, 2) for a, b in zip(before, self._used(), strict=True))
        with self._into.open("a", encoding="utf-8") as out:
            out.write(json.dumps([item.nodeid, own, database]) + "\n")
        return done

    def _used(self) -> tuple[float, float]:
        children, used = _processes()
        return (
            _of_tree(os.getpid(), children, used),
            _of_tree(self._server, children, used) if self._server else 0.0,
        )


def _adopt_orphans() -> None:
    """Makes this process the parent of orphaned descendants (subreaper, Linux only). A browser ends
    without waiting for its own processes; as children of this one their CPU time is counted."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _processes() -> tuple[dict[int, list[int]], dict[int, float]]:
    """The children of each process, and the seconds that it and those it has waited for used."""
    tick = os.sysconf("SC_CLK_TCK")
    children, used = defaultdict[int, list[int]](list), dict[int, float]()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            words = status.read_text(errors="replace").rpartition(")")[2].split()
            process = int(status.parent.name)
            children[int(words[1])].append(process)
            used[process] = sum(map(int, words[11:15])) / tick
    return children, used


def _of_tree(process: int, children: dict[int, list[int]], used: dict[int, float]) -> float:
    return used.get(process, 0.0) + sum(
        _of_tree(child, children, used) for child in children.get(process, ())
    )


def taken_over(lines: Iterable[str]) -> dict[str, float]:
    """The table, with the files that were run at what they cost now, and without those that are
    there no more."""
    now = defaultdict[str, float](float)
    for line in lines:
        test, own, database = json.loads(line)
        now[_file(test)] += own + database
    return {n: cost for n, cost in (seconds() | now).items() if (ROOT / n).is_file()}


def main() -> None:
    """Rewrites the table, the dearest first."""
    table = taken_over(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
    rows = sorted(table.items(), key=lambda row: (-round(row[1], 1), row[0]))
    TABLE.write_text("".join(f"{name}\t{cost:.1f}\n" for name, cost in rows), encoding="utf-8")
    print(f"{len(rows)} files, {sum(table.values()):.0f} s of CPU")


if __name__ == "__main__":
    main()
