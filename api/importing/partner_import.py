"""Imports a partner's list: what it would record, and recording it in one transaction or not at
all.

The same file again records nothing. A list with a fault records nothing. A list that would end
more than a twentieth of what the register holds of its administration records nothing until
somebody has looked, and confirms it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

from api.importing.command_ids import FILES
from api.importing.files import BadFile, Dialect
from api.importing.files.reading import Source
from api.importing.lines import CURES, SENTENCE, Bad
from api.importing.partner_changes import Kind, ListChange, ListComparison
from api.importing.partner_lists import Sender, read_list
from api.importing.unit_of_work import UnitOfWork, unit_of_work
from registry.domain import commands as c
from registry.domain.administrations import Administration
from registry.domain.decisions import civil_day_of, start_of_day
from registry.domain.errors import Refusal
from registry.domain.operators.events import Operator
from registry.domain.values import AdministrationCode, Sense
from registry.ledger.connections import Session

#: The share of the authorisations held that a list may end without confirmation.
MOST_ENDED = 0.05
#: The share of the operators held whose names a list may change without confirmation.
MOST_CHANGED = 0.05
READING = "-c role=aeo_auditor -c timezone=UTC"  # of the ledger and the read models
_STREAMS = (
    "select id from views.operator where administration = any(%(codes)s) "
    "union select distinct originator_id from ledger.event where topic like 'operator.%%'"
    " and position > (select coalesce(min(position), 0) from views.tracking)"
)


@dataclass
class PartnerReport:
    """What a list would record, or has recorded.

    `counts`: rows, and operators that the list lacks, by kind. `held`: authorisations of the
    programme that the register held before. `suspicious`: why it is not recorded without
    confirmation. `known`: the file was recorded before.
    """

    administration: str
    programme: str
    as_of: date
    rows: int = 0
    held: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    changes: list[ListChange] = field(default_factory=list)  # those with something to look at
    suspicious: list[str] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    known: bool = False
    recorded: bool = False
    commands: int = 0
    events: int = 0
    dialect: Dialect | None = None


def import_partner_list(
    conninfo: str,
    source: Source,
    administration: AdministrationCode,
    as_of: date,
    *,
    actor: str,
    programme: str | None = None,
    confirm: bool = False,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> PartnerReport:
    """Compares a list with the register, and records the difference.

    `as_of`: the civil day, in the administration's zone, as of which the list is. `programme`: its
    code; not needed where the administration has one only. `confirm`: somebody has looked at what
    is suspicious. Raises BadFile, UnknownAdministration, and StaleVersion when another writer was
    first.
    """
    with unit_of_work(conninfo) as draft:
        office = draft.administration(administration)
        sender = _sender(draft, conninfo, office, as_of, programme)
        report = PartnerReport(sender.code, sender.programme, as_of, dialect=source.dialect)
        mark = uuid5(FILES, f"partner-list {sender.code} {as_of} {source.dialect.digest}")
        if draft.ledger.find_commands([mark]):
            report.known = True
            return report
        report.bad += _followed(draft, source, office) + _day_faults(source, office, as_of)
        if report.bad:
            return report
        found = read_list(source, sender)
        report.rows, report.bad = found.lines, report.bad + found.bad
        if report.bad:
            return report
        streams = [Operator.create_id(row.tin) for row in found.rows]
        numbers = [row.row.number for row in found.rows if row.row.number]
        draft.preload([*_streams(conninfo, sender), *streams], numbers)
        comparison = ListComparison(sender, draft.operators(), found.rows)
        report.held = comparison.held
        changes = [comparison.of_row(row) for row in found.rows]
        changes += comparison.absent()
        _decide(draft, report, source.path.name, changes, mark, actor, progress)
        _receive(draft, office, as_of, mark, actor)
        _judge(report, changes)
        if not dry_run and not report.bad and (confirm or not report.suspicious):
            draft.keep(mark)
            report.commands, report.events = draft.record()
            report.recorded = True
    return report


def _sender(
    draft: UnitOfWork,
    conninfo: str,
    office: Administration,
    as_of: date,
    programme: str | None,
) -> Sender:
    """Returns whose list it is. Raises BadFile where its programme is not known."""
    members = {
        member.text
        for (member, sense), since in office.members.items()
        if sense is Sense.CUSTOMS_TERRITORY and since <= as_of
    }
    codes = _programmes(conninfo, office.code)
    if programme is None and len(codes) != 1:
        which = f"one of {', '.join(codes)}" if codes else "register_programme first"
        raise BadFile(f"--programme: {office.code} has {len(codes)} programmes; {which}")
    code = programme or codes[0]
    if code not in codes:
        raise BadFile(f"--programme: {code} is no programme of {office.code}: {', '.join(codes)}")
    types = draft.programme(code).types_on(as_of)
    return Sender(office.code.text, frozenset({office.code.text, *members}), code, types, as_of)


def _programmes(conninfo: str, code: AdministrationCode) -> list[str]:
    """Returns the codes of an administration's programmes, also of one recorded just now."""
    with Session.connect(conninfo, options=READING) as connection:
        rows = connection.execute(
            "select code from views.programme where administration = %(code)s union "
            "select state::json ->> 'programme' from ledger.event"
            " where topic = 'programme.registered' and state::json ->> 'administration' = %(code)s"
            " and position > (select coalesce(min(position), 0) from views.tracking) order by 1",
            {"code": code.text},
        )
        return [str(code) for (code,) in rows]


def _streams(conninfo: str, sender: Sender) -> list[UUID]:
    """Returns the streams of the administration's operators, and of whoever the read models do
    not have yet."""
    with Session.connect(conninfo, options=READING) as connection:
        rows = connection.execute(_STREAMS, {"codes": sorted(sender.territory)})
        return [stream for (stream,) in rows]


def _followed(draft: UnitOfWork, source: Source, office: Administration) -> list[Bad]:
    """Returns the fault of a list of an administration whose own register is followed."""
    followed = draft.ledger.find_followed().get(office.code.text)
    if followed is None:
        return []
    url, _ = followed
    found = f"the operators of {office.code} are recorded by a register that this one follows"
    return [Bad(source.path.name, 0, "administration", found, f"nothing: they arrive from {url}")]


def _day_faults(source: Source, office: Administration, as_of: date) -> list[Bad]:
    """Returns what speaks against the day of the list."""
    file, today = source.path.name, civil_day_of(datetime.now(UTC), office.time_zone)
    if as_of > today:
        found = f"found {as_of}, and it is {today} in {office.code}"
        return [Bad(file, 0, "as_of", found, "the day on which the list was drawn up")]
    last = office.list_as_of and civil_day_of(office.list_as_of, office.time_zone)
    if last and as_of < last:
        found = f"found {as_of}, and a list as of {last} came in before"
        cure = "an earlier list says nothing new; what it alone says is recorded by `aeo import`"
        return [Bad(file, 0, "as_of", found, cure)]
    return []


def _decide(
    draft: UnitOfWork,
    report: PartnerReport,
    file: str,
    changes: Sequence[ListChange],
    mark: UUID,
    actor: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Decides all commands. What is refused is a fault of its line."""
    for number, change in enumerate(changes, 1):
        for place, command in enumerate(change.commands):
            id = uuid5(mark, f"{change.tin} {change.type} {place}")
            draft.assume_new([id])
            try:
                draft.add(command, actor, id)
            except Refusal as refusal:
                name = refusal.path[0] if refusal.path else command.name
                cure = CURES.get(refusal.code, SENTENCE)
                report.bad.append(Bad(file, change.line, name, f"{change.tin}: {refusal}", cure))
                break
        if progress and number % 500 == 0:
            progress(number, len(changes))
    report.counts = dict(Counter(change.kind.value for change in changes))
    dull = (Kind.NAMED_AGAIN, Kind.UNCHANGED)
    report.changes = [change for change in changes if change.kind not in dull]


def _receive(
    draft: UnitOfWork, office: Administration, as_of: date, mark: UUID, actor: str
) -> None:
    """Adds that the list arrived, unless one as of this day did before."""
    instant = start_of_day(as_of, office.time_zone)
    if office.list_as_of is None or office.list_as_of < instant:
        command = c.ReceiveList(administration=office.code, as_of=instant, decided_by=office.code)
        draft.add(command, actor, uuid5(mark, "received"))


def _judge(report: PartnerReport, changes: Sequence[ListChange]) -> None:
    """Says what somebody should look at before this is recorded."""
    ended = report.counts.get(Kind.ENDED.value, 0)
    if ended > MOST_ENDED * report.held:
        report.suspicious.append(
            f"{ended:,} of {report.held:,} authorisations would end at once, more than"
            f" {MOST_ENDED:.0%}"
        )
    renamed = sum(
        any(isinstance(command, c.AmendParticulars) and command.name_ for command in each.commands)
        for each in changes
    )
    if renamed > MOST_CHANGED * report.held:
        report.suspicious.append(
            f"{renamed:,} of {report.held:,} operators would have another name, more than"
            f" {MOST_CHANGED:.0%}"
        )


def as_plain(report: PartnerReport) -> dict[str, Any]:
    """Returns a report as plain data, for JSON."""
    from dataclasses import asdict

    changes = [
        {
            "kind": each.kind.value,
            "line": each.line or None,
            "tin": each.tin.text,
            "type": each.type,
            "words": each.words,
        }
        for each in report.changes
    ]
    plain = asdict(PartnerReport(report.administration, report.programme, report.as_of))
    return plain | {
        "rows": report.rows,
        "held": report.held,
        "counts": report.counts,
        "changes": changes,
        "suspicious": report.suspicious,
        "bad": [asdict(bad) for bad in report.bad],
        "known": report.known,
        "recorded": report.recorded,
        "commands": report.commands,
        "events": report.events,
        "dialect": report.dialect and asdict(report.dialect),
    }
