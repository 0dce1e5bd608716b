"""The baseline: the database schema as one SQL object a file, from which a new register is made.

A folder of migrations holds numbered files, which are applied in order. It may hold one baseline,
`NNNN_name.list`, which lists the files of the objects below the folder `sql` beside it. A new
register applies the baseline and what is numbered after it. A register that began with the numbered
files in `before-baseline/` applies those to their end; the objects are then the same, and the
baseline is recorded as applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BEFORE = "before-baseline"
#: Who creates an object: the login that migrates, or the role that owns every object.
LOGIN, OWNER = "login", "aeo_owner"


class MigrationRefused(Exception):
    """The migrations on disk do not continue those of the database. Nothing was changed."""


@dataclass(frozen=True)
class Baseline:
    """`through`: the objects contain what the numbered migrations up to this number change.
    `objects`: the role that creates each object, and its file, in order."""

    number: int
    name: str
    through: int
    objects: tuple[tuple[str, Path], ...]

    def texts(self) -> Iterator[tuple[str, str]]:
        """The role that creates each object, and the SQL that creates it, in order."""
        for role, file in self.objects:
            yield role, file.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Migrations:
    """What a folder of migrations holds, by number."""

    before: dict[int, Path]
    baseline: Baseline | None
    after: dict[int, Path]

    @property
    def names(self) -> dict[int, str]:
        """Every number with the name under which it is recorded, in order."""
        found = {number: file.name for number, file in {**self.before, **self.after}.items()}
        if self.baseline:
            found[self.baseline.number] = self.baseline.name
        return dict(sorted(found.items()))

    def needed(self, applied: set[int]) -> list[int]:
        """The numbers that a database has to have, in order. `applied`: those that it has. A
        database that has none of the files from before the baseline needs none of them."""
        first = self.baseline.number if self.baseline else 0
        began_before = any(number < first for number in applied)
        return [number for number in self.names if began_before or number >= first]


def read(folder: Path) -> Migrations:
    """What a folder of migrations holds. Raises MigrationRefused where a file has no number, a
    number is used twice, or the baseline is not well formed."""
    baseline = _baseline(folder)
    before = _numbered(folder / BEFORE) if baseline else {}
    found = Migrations(before, baseline, _numbered(folder))
    if baseline is None:
        return found
    early = [file.name for number, file in found.after.items() if number <= baseline.number]
    late = [file.name for number, file in found.before.items() if number >= baseline.number]
    if early or late:
        raise MigrationRefused(
            f"{[*early, *late][0]} is on the wrong side of the baseline {baseline.name}: its number"
            f" is {'not ' if early else ''}greater"
        )
    return found


def _baseline(folder: Path) -> Baseline | None:
    lists = sorted(folder.glob("*.list"))
    if not lists:
        return None
    if len(lists) > 1:
        raise MigrationRefused(f"{lists[0].name} and {lists[1].name}: there is one baseline")
    [file] = lists
    number, role, through, objects = _number(file), "", 0, list[tuple[str, Path]]()
    for line in file.read_text(encoding="utf-8").splitlines():
        match line.partition("#")[0].split():
            case []:
                continue
            case ["through", word] if word.isdecimal():
                through = int(word)
            case ["as", word] if word in (LOGIN, OWNER):
                role = word
            case [name] if role and (folder.parent / "sql" / name).is_file():
                objects.append((role, folder.parent / "sql" / name))
            case _:
                raise MigrationRefused(
                    f"{file.name}: {line!r} is not `through NUMBER`, `as {LOGIN}`, `as {OWNER}` or,"
                    " after one of these two, a file below ops/sql"
                )
    if through < number:
        raise MigrationRefused(f"{file.name} does not say `through {number:04}` or a later number")
    return Baseline(number, file.name, through, tuple(objects))


def _numbered(folder: Path) -> dict[int, Path]:
    files: dict[int, Path] = {}
    for file in sorted(folder.glob("*.sql")):
        number = _number(file)
        if number in files:
            raise MigrationRefused(f"{files[number].name} and {file.name} have the same number")
        files[number] = file
    return files


def _number(file: Path) -> int:
    if not re.fullmatch(r"\d{4}_\w+", file.stem):
        raise MigrationRefused(f"{file.name} is not named like 0001_what_it_does{file.suffix}")
    return int(file.name[:4])
