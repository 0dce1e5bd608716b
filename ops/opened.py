"""Opens a golden copy with pandas, DuckDB and LibreOffice, and compares every cell.

    python -m ops.opened [COPY]

COPY: the folder of a golden copy. Without it, one is made for Singapore from the demo world, 500
synthetic operators, and some whose numbers and identifiers begin with zeros or look like numbers,
and whose names and addresses are in several scripts. pandas and DuckDB read the Parquet and the CSV
files; LibreOffice (`soffice`) opens the CSV files without a window and saves them again: days must
still be days, leading zeros and every script must still be there. Exit code 1: a cell differs, or a
program is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas

from api.demo.load import load_operators, load_world
from api.golden_copy.files import CopyWriter, zstd
from api.golden_copy.making import reading
from api.golden_copy.manifest import CopyMoment
from ops.bench import common
from projections.engine.projector import Projector
from projections.history.golden_copy_reads import copy_source, lines
from registry.application.registry import Registry
from registry.domain import commands
from registry.domain.values import AdministrationCode
from registry.ledger.database import environment, migrate

KNOWN = "2024-01-02T00:00:00Z"
#: Number of the authorisation, identifier, name, name in the original script, address.
AWKWARD = (
    (
        "0012345",
        "0000000077",
        "Synthetic Zero",
        "\u6d77\u5173\u8fdb\u51fa\u53e3",
        "\u4e2d\u5c71\u8def 007",
    ),
    (
        "00000000000000000001",
        "12E5",
        "Synthetic Exponent",
        "\u0627\u0644\u062a\u062c\u0627\u0631\u0629 \u0661\u0662",
        "00100",
    ),
    (
        "12345678901234567890",
        "01E10",
        "Synthetic Long",
        "\u0422\u043e\u0440\u0433\u043e\u0432\u043b\u044f",
        "\u041b\u0435\u043d\u0438\u043d\u0430 5, 01",
    ),
    ("0001-02", "1-2", "Synthetic Day", "\ud55c\uad6d\uad00\uc138", "\uc11c\uc6b8 3/4"),
    (
        "007",
        "=1+1",
        "Synthetic Formula",
        "\u0e01\u0e32\u0e23\u0e04\u0e49\u0e32 \u0939\u093f\u0928\u094d\u0926\u0940",
        "\U00020bb7\u91ce",
    ),
)
TABLES = ("operators", "statuses", "identifiers", "recognition", "bases")
#: Comma, quote, UTF-8, from line 1; quoted fields are texts, and days are recognised.
FILTER = "CSV:44,34,76,1,,0,true,true"
SAVED = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false"
Rows = list[list[str]]


def as_text(file: Path) -> Rows:
    """The cells of a compressed CSV file, with its heading: what all others are compared with."""
    with zstd.open(file, "rt", encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


def by_pandas(folder: Path, table: str) -> Rows:
    """The cells of the Parquet file, written by pandas as the CSV file has them."""
    frame = pandas.read_parquet(folder / f"{table}.parquet", dtype_backend="pyarrow")
    return [
        list(frame.columns),
        *([_cell(v) for v in row] for row in frame.itertuples(index=False)),
    ]


def by_pandas_csv(folder: Path, table: str) -> Rows:
    """The cells of the CSV file, as pandas reads it."""
    with zstd.open(folder / f"{table}.csv.zst", "rt", encoding="utf-8", newline="") as text:
        frame = pandas.read_csv(text, dtype=str, keep_default_na=False)
    return [list(frame.columns), *(list(row) for row in frame.itertuples(index=False))]


def by_duckdb(folder: Path, table: str) -> Rows:
    """The cells of the Parquet file, as DuckDB reads it."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        found = connection.execute(
            "select * from read_parquet(?)", [str(folder / f"{table}.parquet")]
        )
        names = [column[0] for column in found.description or ()]
        return [names, *([_cell(value) for value in row] for row in found.fetchall())]


def by_libreoffice(folder: Path, table: str) -> Rows:
    """The cells of the CSV file after LibreOffice has opened it and saved it again."""
    with tempfile.TemporaryDirectory(prefix="aeo-office-") as name:
        room = Path(name)
        plain = room / f"{table}.csv"
        with zstd.open(folder / f"{table}.csv.zst", "rb") as packed, plain.open("wb") as out:
            shutil.copyfileobj(packed, out)
        saved = room / "saved"
        profile = f"-env:UserInstallation=file://{room}/profile"
        subprocess.run(
            [
                *("soffice", "--headless", profile, f"--infilter={FILTER}"),
                *("--convert-to", SAVED, "--outdir", str(saved), str(plain)),
            ],
            check=True,
            capture_output=True,
            timeout=900,
        )
        with (saved / f"{table}.csv").open(encoding="utf-8", newline="") as text:
            return list(csv.reader(text))


OPENED: dict[str, Callable[[Path, str], Rows]] = {
    "pandas, Parquet": by_pandas,
    "pandas, CSV": by_pandas_csv,
    "DuckDB, Parquet": by_duckdb,
    "LibreOffice, CSV": by_libreoffice,
}


def _cell(value: object) -> str:
    if value is None or value is pandas.NA or value is pandas.NaT:
        return ""
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None).isoformat()
        return f"{plain}Z"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        return ";".join(map(str, value))
    return str(value)


def compared(folder: Path) -> int:
    """Prints what each program found in each table. Returns how many tables differed."""
    wrong = 0
    for program, opened in OPENED.items():
        for table in TABLES:
            wanted = as_text(folder / f"{table}.csv.zst")
            try:
                found = opened(folder, table)
            except FileNotFoundError as error:
                print(f"{program:18} {table:12} not opened: {error}")
                wrong += 1
                continue
            differing = [
                (row, name, one, other)
                for row, (ours, theirs) in enumerate(zip(wanted, found, strict=False))
                for name, one, other in zip(wanted[0], ours, theirs, strict=False)
                if _plain(one) != _plain(other)
            ]
            cells = sum(map(len, wanted))
            right = not differing and list(map(len, wanted)) == list(map(len, found))
            wrong += not right
            odd = sum(awkward(cell) for row in wanted for cell in row)
            print(
                f"{program:18} {table:12} {cells:,} cells, {odd:,} of them with leading zeros or in"
                f" other scripts: {'equal' if right else 'DIFFERENT'}"
            )
            for row, name, one, other in differing[:3]:
                print(f"    row {row:,}, {name}: found {other!r}, wanted {one!r}")
            if len(wanted) != len(found):
                print(f"    found {len(found):,} rows, wanted {len(wanted):,}")
    return wrong


def _plain(cell: str) -> str:
    """LibreOffice writes true and false in capitals."""
    return cell.lower() if cell in ("TRUE", "FALSE") else cell


def load_awkward(url: str) -> None:
    """Records operators of China with the values of AWKWARD."""
    registry = Registry(environment(url))
    for place, (number, identifier, name, local_name, address) in enumerate(AWKWARD, 1):
        said = {"tin": f"CN00770000{place:02}", "known_at": KNOWN, "source": "synthetic"}
        named = {"name": name, "local_name": local_name, "address": address, "roles": ["EXPORTER"]}
        ground = {"legal_ground": "a law", "effective": KNOWN[:10]}
        for line in (
            {"command": "register_operator", **named},
            {
                "command": "add_identifier",
                "scheme": "MID",
                "value": identifier,
                "override": "as it was issued",
            },
            {"command": "lodge_application", "programme": "CN-AEO", "type": "ACE"},
            {"command": "accept_application"},
            {"command": "start_examination"},
            {"command": "grant_authorisation", "number": number, **ground},
        ):
            registry.execute(commands.read({**said, **line}), "opened")
    registry.close()


def awkward(cell: str) -> bool:
    """A cell that a program for tables likes to change: digits with a leading zero, a number with
    an exponent or more digits than a float has, or letters of another script."""
    digits = re.fullmatch(r"0\d+|\d+E\d+|\d{16,}", cell) is not None
    return digits or any(ord(letter) > 0x24F for letter in cell)


@contextmanager
def demo() -> Iterator[Path]:
    """A golden copy of the demo world, in a folder that is thrown away."""
    with common.home() as home, common.server(home) as url:
        migrate(url)
        load_world(url)
        load_operators(url, 500)
        load_awkward(url)
        Projector(url).catch_up()
        folder = home / "copy"
        folder.mkdir()
        asyncio.run(_made(url, folder))
        yield folder


async def _made(url: str, folder: Path) -> None:
    async with await reading(url) as connection:
        source = await copy_source(connection, AdministrationCode("SG"))
        moment = CopyMoment("demo", source.moment.position, source.moment.at, source.recorded)
        writer = CopyWriter(folder, "SG", moment)
        async for some in lines(connection, source):
            for line in some:
                writer.add(line)
        writer.close(source.copied_law, None)


def main() -> None:
    """Opens the copy that is named, or one of the demo world."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("copy", nargs="?", type=Path, metavar="COPY")
    folder = options.parse_args().copy
    if folder is not None:
        sys.exit(1 if compared(folder) else 0)
    with demo() as made:
        wrong = compared(made)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
