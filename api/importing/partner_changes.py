"""What a partner's list changes: the list beside what the register holds, as commands.

A list is evidence of its day. Whoever it names is listed (`list_operator`), whoever it no longer
names is recorded as absent, and what it says of a suspension or an end is recorded as that
administration's decision, with the list as its ground. Where the register knows an authorisation
from the administration's own grant, its absence from a list ends nothing: that is a dispute, and
is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from api.importing.files.partner_rows import Standing
from api.importing.partner_lists import Listed, Sender
from registry.domain import commands as c
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import Operator
from registry.domain.texts import plain
from registry.domain.values import HELD, AdministrationCode, Status, Tin


class Kind(Enum):
    """What a row, or an operator without one, means for the register."""

    NEW = "new"
    SUSPENDED = "suspended"
    RELEASED = "released"
    CHANGED = "changed"
    ENDED = "ended"
    DISPUTED = "disputed"  # nothing is recorded; the administration's own decision says otherwise
    NAMED_AGAIN = "named again"  # the reading of the list is recorded
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class ListChange:
    """What one row, or the lack of one, means: in words, and as commands in their order."""

    kind: Kind
    line: int  # 0: the list does not name it
    tin: Tin
    type: str
    words: str
    commands: tuple[c.Command, ...] = ()


def list_name(administration: str) -> str:
    """Returns the name of the list by which the register knows what an administration sends."""
    return f"{administration.lower()}-partner-list"


class ListComparison:
    """A list beside the operators that the register holds of its administration."""

    def __init__(
        self, sender: Sender, operators: Iterable[Operator], rows: Iterable[Listed]
    ) -> None:
        self._sender, self._list = sender, list_name(sender.code)
        self._operators = {operator.tin: operator for operator in operators}
        self._ground = f"list of operators of {sender.code} as of {sender.as_of}"
        self._named = {(row.tin, row.type) for row in rows}

    @property
    def held(self) -> int:
        """How many authorisations of the programme the register holds."""
        return sum(1 for _ in self._all_held())

    def of_row(self, listed: Listed) -> ListChange:
        """Returns what a row changes."""
        operator = self._operators.get(listed.tin)
        if operator is None:
            if listed.row.standing.is_end:
                words = f"{listed.row.standing} before this register knew it"
                return self._change(Kind.UNCHANGED, listed, words)
            return self._new(listed, [self._registration(listed)], "not in the register so far")
        held = next(self._of_type(operator, listed.type), None)
        amended = self._amended(operator, listed)
        if held is None:
            if listed.row.standing.is_end:
                return self._change(Kind.UNCHANGED, listed, "over already, or never known here")
            return self._of_other_type(operator, listed, amended)
        return self._known(listed, held, amended)

    def absent(self) -> Iterator[ListChange]:
        """Yields a change for each authorisation that the list no longer names."""
        for operator, held in self._all_held():
            if (operator.tin, held.type) in self._named:
                continue
            if held.list != self._list:
                words = f"{held} is known from {held.list or 'its grant'}, and the list lacks it"
                yield ListChange(Kind.DISPUTED, 0, operator.tin, held.type, words)
            elif held.latest < self._sender.as_of and operator.successor is None:
                words = f"no longer named; named on {held.latest}"
                gone = self._listing(operator.tin, held.type, absent=True)
                yield ListChange(Kind.ENDED, 0, operator.tin, held.type, words, (gone,))

    # ------------------------------------------------------------------ inside

    def _known(
        self, listed: Listed, held: Authorisation, amended: Sequence[c.Command]
    ) -> ListChange:
        row, by_list = listed.row, held.list == self._list
        if row.standing.is_end:
            return self._ended(listed, held)
        commands = [*amended]
        words = [word for command in amended for word in _particulars(command)]
        if by_list:
            commands.append(self._naming(listed))
            if row.number and row.number != held.number:
                words.append(f"number {held.number or 'not known'} becomes {row.number}")
        suspended = held.status is Status.SUSPENDED
        if row.standing is Standing.SUSPENDED and not suspended:
            since = row.suspended_from or self._sender.as_of
            commands.append(self._suspension(listed, held.reference))
            return self._change(Kind.SUSPENDED, listed, f"suspended from {since}", commands)
        if row.standing is Standing.VALID and suspended and not held.suspended_part:
            commands.append(self._decision(c.LiftSuspension, listed.tin, held.reference))
            words.append("its suspension is over")
            return self._change(Kind.RELEASED, listed, "; ".join(words), commands)
        if words:
            return self._change(Kind.CHANGED, listed, "; ".join(words), commands)
        if held.latest >= self._sender.as_of and by_list:
            return self._change(Kind.UNCHANGED, listed, "as the register has it")
        kind = Kind.NAMED_AGAIN if commands else Kind.UNCHANGED
        return self._change(kind, listed, "as the register has it", commands)

    def _new(self, listed: Listed, before: Sequence[c.Command], words: str) -> ListChange:
        commands = [*before, self._naming(listed)]
        if listed.row.standing is Standing.SUSPENDED:
            commands.append(self._suspension(listed, None))
            return self._change(Kind.SUSPENDED, listed, f"{words}; suspended", commands)
        return self._change(Kind.NEW, listed, words, commands)

    def _of_other_type(
        self, operator: Operator, listed: Listed, amended: Sequence[c.Command]
    ) -> ListChange:
        """A type that the operator does not hold: a change of the one that the list lacks, if it
        lacks one, else a new one."""
        lacking = [
            held
            for held in operator.authorisations.values()
            if held.programme == self._sender.programme
            and held.status in HELD
            and (operator.tin, held.type) not in self._named
        ]
        if len(lacking) != 1:
            words = f"no {listed.type} of it was in force here"
            return self._new(listed, amended, words)
        [old] = lacking
        words = f"type {old.type} becomes {listed.type}"
        self._named.add((operator.tin, old.type))
        if old.list == self._list:
            gone = self._listing(operator.tin, old.type, absent=True)
            change = self._new(listed, [*amended, gone], words)
        else:
            by_decision = self._decision(
                c.ChangeType, operator.tin, old.reference, type=listed.type
            )
            change = self._change(Kind.CHANGED, listed, words, [*amended, by_decision])
        return replace(change, kind=Kind.CHANGED)

    def _ended(self, listed: Listed, held: Authorisation) -> ListChange:
        day = listed.row.ended or self._sender.as_of
        words = f"{str(listed.row.standing).lower()} from {day}"
        if listed.row.standing is Standing.EXPIRED and held.list:
            gone = self._listing(listed.tin, held.type, absent=True)
            return self._change(Kind.ENDED, listed, words, [gone])
        kinds: dict[Standing, type[c.AuthorisationCommand]] = {
            Standing.REVOKED: c.RevokeAuthorisation,
            Standing.SURRENDERED: c.SurrenderAuthorisation,
            Standing.EXPIRED: c.ExpireAuthorisation,
        }
        end = self._decision(kinds[listed.row.standing], listed.tin, held.reference, effective=day)
        return self._change(Kind.ENDED, listed, words, [end])

    def _registration(self, listed: Listed) -> c.Command:
        row = listed.row
        return c.RegisterOperator(
            tin=listed.tin,
            name_=row.name,
            local_name=row.local_name,
            address=row.address,
            source=self._ground,
        )

    def _amended(self, operator: Operator, listed: Listed) -> list[c.Command]:
        row = listed.row
        name, local_name, address = (
            value if value and _words(value) != _words(now or "") else None
            for now, value in (
                (operator.particulars.name, row.name),
                (operator.particulars.local_name, row.local_name),
                (operator.particulars.address, row.address),
            )
        )
        if not (name or local_name or address) or row.standing.is_end:
            return []
        return [
            c.AmendParticulars(
                tin=listed.tin,
                name_=name,
                local_name=local_name,
                address=address,
                effective=self._sender.as_of,
                legal_ground=self._ground,
                source=self._ground,
            )
        ]

    def _naming(self, listed: Listed) -> c.Command:
        row = listed.row
        return self._listing(listed.tin, listed.type, row.number, row.since, row.name)

    def _listing(
        self,
        tin: Tin,
        type: str,
        number: str | None = None,
        since: object = None,
        name: str | None = None,
        absent: bool = False,
    ) -> c.ListOperator:
        return c.ListOperator(
            tin=tin,
            programme=self._sender.programme,
            type=type,
            list_=self._list,
            read_on=self._sender.as_of,
            number=number,
            since=since,  # type: ignore[arg-type]
            name_=name,
            absent=absent,
        )

    def _suspension(self, listed: Listed, reference: str | None) -> c.Command:
        row = listed.row
        return self._decision(
            c.SuspendAuthorisation,
            listed.tin,
            reference,
            effective=row.suspended_from or self._sender.as_of,
            until=row.suspended_until,
        )

    def _decision(
        self, kind: type[c.AuthorisationCommand], tin: Tin, reference: str | None, **fields: object
    ) -> c.Command:
        return kind(
            tin=tin,
            authorisation=reference,
            decided_by=AdministrationCode(tin.country),
            legal_ground=self._ground,
            source=self._ground,
            **{"effective": self._sender.as_of, "reason": "as listed", **fields},  # type: ignore[arg-type]
        )

    def _of_type(self, operator: Operator, type: str) -> Iterator[Authorisation]:
        for held in operator.authorisations.values():
            if (held.programme, held.type) == (self._sender.programme, type) and (
                held.status in HELD
            ):
                yield held

    def _all_held(self) -> Iterator[tuple[Operator, Authorisation]]:
        for _, operator in sorted(self._operators.items()):
            for held in operator.authorisations.values():
                if held.programme == self._sender.programme and held.status in HELD:
                    yield operator, held

    def _change(
        self, kind: Kind, listed: Listed, words: str, commands: Iterable[c.Command] = ()
    ) -> ListChange:
        return ListChange(kind, listed.line, listed.tin, listed.type, words, tuple(commands))


def _particulars(command: c.Command) -> Iterator[str]:
    """Yields what an amendment changes, in words."""
    assert isinstance(command, c.AmendParticulars)
    for name, value in (
        ("name", command.name_),
        ("local name", command.local_name),
        ("address", command.address),
    ):
        if value:
            yield f"{name} becomes {value}"


def _words(text: str) -> str:
    """Returns a text for comparison: its words, whatever stands between them."""
    return " ".join(plain(text).split())
