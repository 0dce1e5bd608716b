"""What a bench was asked, what it found, and where that is kept: results.md and its picture."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ops.bench import common, picture
from ops.bench.common import Section

HERE = Path(__file__).parent
KEPT = HERE / "results.md"
PICTURE = HERE / "results.svg"
FIGURES = HERE / "results.json"  # the last figures of each bench: what the picture is drawn from

#: What --quick and --smoke make of a bench: seconds of one measurement, rounds.
QUICK = {"seconds": 2.0, "rounds": 3}
SMOKE = {"seconds": 0.5, "rounds": 1, "operators": 20}


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--quick", action="store_true", help="within ten minutes")
    options.add_argument("--smoke", action="store_true", help="ours alone, a moment each")
    options.add_argument("--operators", type=int)
    options.add_argument("--seconds", type=float, help="of one measurement")
    options.add_argument("--rounds", type=int)
    options.add_argument("--only", help="contenders whose names hold one of these, by commas")
    options.add_argument("--keep", action="store_true", help="write a quick run down, too")


def parse(
    options: argparse.ArgumentParser, *, quick: int = 5_000, **defaults: float
) -> argparse.Namespace:
    """What was asked for; else what --quick or --smoke say; else the full run's own.

    `quick`: operators of a quick run.
    """
    asked = options.parse_args()
    chosen: dict[str, Any] = dict(defaults)
    chosen |= SMOKE if asked.smoke else QUICK | {"operators": quick} if asked.quick else {}
    for name, value in chosen.items():
        if getattr(asked, name, None) is None:
            setattr(asked, name, value)
    return asked


def wanted(
    asked: argparse.Namespace, names: Sequence[str], without_peers: Sequence[str]
) -> list[str]:
    if asked.smoke:
        return list(without_peers)
    if not asked.only:
        return list(names)
    words = [word.strip().lower() for word in asked.only.split(",")]
    return [name for name in names if any(word in name.lower() for word in words)]


def keep(
    bench: str, sections: Sequence[Section], asked: argparse.Namespace, url: str | None
) -> None:
    """A full run is written down; of another only what was shown remains, unless --keep."""
    if asked.smoke or ((asked.quick or asked.only) and not asked.keep):
        return
    command = f"./aeo bench {bench} {' '.join(sys.argv[1:])}".strip()
    lines = [
        f"## {bench}: {common.now()}",
        "",
        f"`{command}` at {common.commit()}. {common.machine(url)}. {asked.rounds} rounds of "
        f"{asked.seconds:g} s each, in turns; medians; ratios within each round.",
        "",
    ]
    for section in sections:
        head, body = common.rows(section)
        head[0] = section.title
        lines += [_row(head), _row(["---"] + ["---:"] * (len(head) - 1)), *map(_row, body), ""]
        lines += [f"* not measured: {name}: {why}" for name, why in section.unfit.items()]
        lines += [""] * bool(section.unfit)
    with KEPT.open("a", encoding="utf-8") as out:
        if out.tell() == 0:
            out.write(PREFACE)
        out.write("\n".join(lines) + "\n")
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    figures[bench] = [
        {
            "title": section.title,
            "unit": section.unit,
            "base": section.base,
            "rates": {name: round(section.rate(name)) for name in section.measured},
        }
        for section in sections
        if section.drawn
    ]
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    PICTURE.write_text(picture.draw(figures), encoding="utf-8")
    common.console.print(f"written to {KEPT.relative_to(common.ROOT)}")


PREFACE = """\
# What was measured

Written by `./aeo bench`, newest last. Client, servers and database share the machine, so a figure
is of the whole of it, and only what is measured in the same run can be compared. Our side runs as
in production: access control, limits and logs on, fsync on. Of the peers only what they are made
for is asked; they identify nobody. A spread is the lowest and the highest ratio of a round.

"""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
