"""Imports a file of commands: decides line by line, and records all of it in one transaction or
nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid5

from api.importing.command_ids import Identities
from api.importing.files import Dialect, FileOptions
from api.importing.files.reading import Source, source_of
from api.importing.lines import Bad, ImportLine, check_texts, explain, lines_from
from api.importing.unit_of_work import How, Taken, UnitOfWork, unit_of_work
from api.importing.whole_lists import CompleteList
from registry.domain import commands as c
from registry.domain.errors import BadValue, Refusal

TOGETHER = 500  # lines whose ids are looked up at once
BY_CONTENT = (
    "every line of this file was recorded by an earlier release, which knew lines by what they "
    "say; give --batch if it is to be recorded again"
)


@dataclass(frozen=True)
class ImportNote:
    """Why a good line changed nothing, or the warning of one that was recorded."""

    file: str
    line: int
    why: str


@dataclass
class Report:
    """The result of an import. Each line is exactly one of recorded, repeated, unchanged, kept back
    and bad."""

    lines: int = 0
    recorded: int = 0  # lines that were recorded now
    events: int = 0
    repeated: int = 0  # lines that had been recorded before
    unchanged: int = 0  # lines that would change nothing
    kept_back: int = 0  # good lines that were not recorded: a dry run, or others are bad
    missing: list[str] = field(default_factory=list)  # TIN and type not on a complete list
    bad: list[Bad] = field(default_factory=list)
    notes: list[ImportNote] = field(default_factory=list)
    dialect: Dialect | None = None

    def count(self, line: ImportLine, result: Taken) -> None:
        """Counts a line by what became of it, and keeps the note on it if there is one."""
        match result.how:
            case How.RECORDED:
                self.recorded += 1
            case How.KNOWN:
                self.repeated += 1
            case How.UNCHANGED:
                self.unchanged += 1
        if result.why:
            self.notes.append(ImportNote(line.file, line.number, result.why))


def import_file(
    conninfo: str,
    path: Path,
    *,
    actor: str,
    command: str | None = None,
    partial: bool = False,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Imports a file without further options (see `import_lines`)."""
    source = source_of(path, FileOptions(command=command))
    return import_lines(
        conninfo, source, actor=actor, partial=partial, dry_run=dry_run, progress=progress
    )


def import_lines(
    conninfo: str,
    source: Source,
    *,
    actor: str,
    batch: str | None = None,
    whole_list: bool = False,
    partial: bool = False,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Decides every line, then records them all in one transaction, or none where one is bad.

    `actor`: an opaque id. `batch`: a name under which line numbers are unique; without it, the
    file's name and digest. `whole_list`: operators that the file does not name are no longer
    listed, unless a line is bad, because it might be theirs. `partial`: the good lines of a file
    with bad ones are recorded. `dry_run`: nothing is recorded. Raises BadFile, and StaleVersion
    when another writer was first.
    """
    report = Report(dialect=source.dialect)
    with unit_of_work(conninfo) as draft:
        if batch is None and _recorded_by_content(draft, source, actor):
            return _all_known(source, report)
        listed = CompleteList() if whole_list else None
        known_as = Identities(source, batch, draft.ledger.find_commands)
        read = lines_from(source)
        while lines := list(islice(read, TOGETHER)):
            ids = [known_as.of(line.number) for line in lines]
            draft.look_up(ids)
            for line, id in zip(lines, ids, strict=True):
                report.lines += 1
                try:
                    report.count(line, _take(draft, line, id, actor))
                    if listed and isinstance(line.content, dict):
                        listed.add(c.read(line.content))
                except Refusal as refusal:
                    report.bad.append(explain(line, refusal))
            if progress:
                progress(report.lines)
        if listed and not report.bad:
            for command in list(listed.missing(draft, conninfo)):
                name = f"{command.tin} {command.type}"
                draft.add(command, actor, uuid5(known_as.mark, name))
                report.missing.append(name)
        if not dry_run and (partial or not report.bad):
            draft.keep(known_as.mark)
            report.events = draft.record()[1]
        else:
            report.kept_back, report.recorded = report.recorded, 0
    return report


def _take(draft: UnitOfWork, line: ImportLine, id: UUID, actor: str) -> Taken:
    """Adds a line. Raises a Refusal; nothing of the line is then left."""
    if isinstance(line.content, BadValue):
        raise line.content
    check_texts(line.content)
    command = c.read(line.content)
    registration = line.begins and c.read(line.begins)
    if not isinstance(registration, c.RegisterOperator) or draft.holds(registration.tin):
        return draft.add(command, actor, id)
    draft.add(registration, actor, uuid5(id, "registered"))
    try:
        return draft.add(command, actor, id)
    except Refusal:
        draft.forget(registration.tin)
        raise


def _recorded_by_content(draft: UnitOfWork, source: Source, actor: str) -> bool:
    """Was the whole file recorded by a release that knew lines by their content alone?

    Its ids do not say from which file they came, so that only a file of which every line that
    can be read was recorded so is taken for one. The first other line ends the search.
    """
    found = False
    for line in lines_from(source):
        try:
            command = c.read(line.content) if isinstance(line.content, dict) else None
        except BadValue:
            continue
        if command is None or command.command_id:
            continue
        before = draft.ledger.find_command(c.id_of_line(command))
        if before is None or before.digest != c.digest(command, actor):
            return False
        found = True
    return found


def _all_known(source: Source, report: Report) -> Report:
    for line in lines_from(source):
        report.lines += 1
        try:
            if isinstance(line.content, BadValue):
                raise line.content
            c.read(line.content)
            report.repeated += 1
        except Refusal as refusal:
            report.bad.append(explain(line, refusal))
    report.notes.append(ImportNote(source.path.name, 0, BY_CONTENT))
    return report
