"""Makes the golden copy of Singapore and prints what that took, as JSON: a stage of
ops/bench/copies.py.

    python -m ops.bench.one_copy URL FOLDER

It is a process of its own that imports what production imports: nothing of the bench, and neither
numpy nor pandas, which pyarrow takes where they are installed.
"""

from __future__ import annotations

import asyncio
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from time import perf_counter, process_time

import msgspec

from api.golden_copy.files import OPERATORS, write_copy
from api.golden_copy.making import reading
from api.golden_copy.manifest import CopyMoment
from api.golden_copy.signing import open_signer
from ops.bench.usage import peak_memory, processor_seconds
from projections.history.golden_copy_reads import copy_source, lines
from registry.domain.values import AdministrationCode

SINGAPORE = AdministrationCode("SG")


class Used(msgspec.Struct, frozen=True):
    """What a copy took: seconds of the clock, of the processor in our process and in the database,
    and the peak of the memory of our process in megabytes."""

    records: int
    wall: float
    process: float
    database: float
    memory: int


class _NotInstalled(MetaPathFinder):
    """Finds nothing where production has nothing."""

    def find_spec(self, name: str, *others: object) -> None:
        if name in ("numpy", "pandas"):
            raise ModuleNotFoundError(f"{name} is not installed in production")


async def made(url: str, folder: Path) -> Used:
    """Makes the copy."""
    wall, cpu = perf_counter(), process_time()
    async with await reading(url) as connection:
        source = await copy_source(connection, SINGAPORE)
        moment = CopyMoment("bench", source.moment.position, source.moment.at, source.recorded)
        manifest = await write_copy(
            folder / "copy",
            SINGAPORE.text,
            moment,
            lines(connection, source),
            source.copied_law,
            None,
            open_signer(folder),
        )
        database = processor_seconds([connection.info.backend_pid])
    return Used(
        manifest.files[OPERATORS].rows or 0,
        perf_counter() - wall,
        process_time() - cpu,
        database,
        peak_memory(),
    )


if __name__ == "__main__":
    sys.meta_path.insert(0, _NotInstalled())
    print(msgspec.json.encode(asyncio.run(made(sys.argv[1], Path(sys.argv[2])))).decode())
