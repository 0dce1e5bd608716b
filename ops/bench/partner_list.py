"""How long the preview of a partner's list takes, and recording it.

    python -m ops.bench.partner_list [--rows 20000] [--real-time]

The first list brings in every operator; the second suspends, ends and renames one in a hundred.
The target is a preview of 20,000 rows in under 10 seconds. CPU seconds are printed beside the wall
clock, because a busy machine stretches the latter alone; `--real-time` shows what the clock is
where nothing else runs.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from time import perf_counter, process_time

from api.demo.load import load_world
from api.importing.files import FileOptions
from api.importing.files.layouts import layout_of
from api.importing.files.reading import source_of
from api.importing.partner_import import PartnerReport, import_partner_list
from ops.bench import common
from projections.engine.projector import Projector
from registry.domain.values import AdministrationCode
from registry.ledger.database import migrate

HEAD = ("N°", "RUC", "Razón social", "Dirección", "Estado", "Fecha de certificación")
PERU = AdministrationCode("PE")
FIRST, SECOND = date(2026, 10, 1), date(2026, 11, 1)
FEW = 100  # one in so many changes in each of three ways


def first(rows: int) -> Iterator[list[str]]:
    """The rows of the first list."""
    for n in range(rows):
        day = f"{13 + n % 15}/{1 + n % 12:02}/2022"
        yield [f"20{n:09}", f"Exportadora {n} S.A.C.", f"Av. Arequipa {n}", "Vigente", day]


def second(rows: int) -> Iterator[list[str]]:
    """The rows of the second list."""
    for n, (tin, name, *rest) in enumerate(first(rows)):
        match n % FEW:
            case 0:
                yield [tin, name, rest[0], "Suspendido", rest[2]]
            case 1:
                continue  # no longer named
            case 2:
                yield [tin, f"{name} (antes)", *rest]
            case _:
                yield [tin, name, *rest]


def written(path: Path, rows: Iterator[list[str]]) -> Path:
    """Writes a list as an office's spreadsheet does."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        sheet = csv.writer(file, delimiter=";")
        sheet.writerow(HEAD)
        sheet.writerows([str(n), *row] for n, row in enumerate(rows, 1))
    return path


def timed(url: str, file: Path, as_of: date, *, dry_run: bool) -> PartnerReport:
    """Imports, and prints how long that took."""
    wall, cpu = perf_counter(), process_time()
    source = source_of(file, FileOptions(), layout_of("partner-list", file.parent), {})
    report = import_partner_list(url, source, PERU, as_of, actor="bench", dry_run=dry_run)
    assert not report.bad
    assert not report.suspicious
    doing = "preview" if dry_run else "recording"
    print(
        f"{file.stem:8} {doing:9} {report.rows:,} rows: {perf_counter() - wall:5.2f} s,"
        f" {process_time() - cpu:5.2f} s of CPU; {report.counts}"
    )
    return report


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--real-time", action="store_true")
    asked = parser.parse_args()
    rows = asked.rows
    with common.home() as folder, common.server(folder) as url:
        migrate(url)
        load_world(url)
        Projector(url).catch_up()
        if asked.real_time:
            print(common.real_time())
        lists = ((FIRST, first), (SECOND, second))
        for as_of, make in lists:
            file = written(folder / f"{make.__name__}.csv", make(rows))
            timed(url, file, as_of, dry_run=True)
            timed(url, file, as_of, dry_run=False)
            Projector(url).catch_up()


if __name__ == "__main__":
    main()
