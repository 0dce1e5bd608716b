"""The decisions about disputes: somebody says that a record is wrong, the home customs answers.

The operator opens a dispute about itself; so does its home customs in its name. A customs
administration opens one about an operator of another administration. Whoever opened a dispute
withdraws it, and the operator also what was opened in its name. A dispute changes no status
and no recognition. All days are civil days in the operator's home time zone.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    BadValue,
    DisputeClosed,
    OthersDispute,
    UnknownDispute,
    WrongDates,
)
from registry.domain.operators.disputes import OperatorDispute
from registry.domain.operators.events import Operator
from registry.domain.programme_rules import DISPUTE_DAYS
from registry.domain.repeated_commands import difference, refuse_unless_identical
from registry.domain.sentences import CodedTerm, Sentence
from registry.domain.values import AdministrationCode, DisputeKind

LONGEST = 500  # characters of what is written


def open_dispute(operator: Operator, command: c.OpenDispute, by: Decision) -> None:
    """Records a dispute. Raises AlreadyRecorded (the same is open), BadValue, WrongDates."""
    who = opener(operator, by)
    content: dict[str, Any] = {
        "kind": command.kind,
        "statement": _written("statement", command.statement),
        "position": command.position,
        "receipt": command.receipt,
        "territory": command.territory,
        "opened_by": who,
        "in_its_name": True if who is None and not by.is_operator else None,
    }
    _require_concern(command, who)
    for dispute in operator.disputes.values():
        opened = dispute.opened
        if dispute.closed is None and all(getattr(opened, k) == v for k, v in content.items()):
            if difference(opened, by) is not None:
                raise AlreadyRecorded(
                    "The same is disputed already, as %(dispute)s, and waits to be closed",
                    dispute=opened.dispute,
                )
            return
    id = c.id_of_line(command)
    if id in operator.disputes:
        raise AlreadyRecorded(
            "The dispute %(id)s was opened before; another one needs another id", id=id
        )
    operator.trigger_event(
        Operator.DisputeOpened,
        dispute=id,
        answer_due=_answer_due(operator, by),
        **content,
        **_today_only(by),
    )


def answer_dispute(operator: Operator, command: c.AnswerDispute, by: Decision) -> None:
    """Records an answer. Raises BadValue, DisputeClosed, UnknownDispute, WrongDates."""
    dispute = _find(operator, command.dispute)
    answer = _written("answer", command.answer)
    for event in dispute.answers[-1:]:
        if difference(event, by, answer=answer) is None:
            return
    _refuse_unless_open(dispute)
    operator.trigger_event(
        Operator.DisputeAnswered, dispute=command.dispute, answer=answer, **_today_only(by)
    )


def close_dispute(operator: Operator, command: c.CloseDispute, by: Decision) -> None:
    """Records that the home customs closes a dispute. Raises AlreadyRecorded, BadValue,
    DisputeClosed, UnknownDispute, WrongDates."""
    dispute = _find(operator, command.dispute)
    content = {"outcome": command.outcome, "reason": _written("reason", command.reason)}
    if isinstance(dispute.closed, Operator.DisputeClosed):
        return _refuse_unless_the_same(dispute, by, **content)
    _refuse_unless_open(dispute)
    operator.trigger_event(
        Operator.DisputeClosed, dispute=command.dispute, **content, **_today_only(by)
    )


def withdraw_dispute(operator: Operator, command: c.WithdrawDispute, by: Decision) -> None:
    """Records that the opener withdraws a dispute. The operator also withdraws what its home
    customs opened in its name; the customs withdraws nothing that the operator opened itself.
    Raises AlreadyRecorded, BadValue, DisputeClosed, OthersDispute, UnknownDispute, WrongDates."""
    who = opener(operator, by)
    dispute = _find(operator, command.dispute)
    if dispute.opened.opened_by != who:
        if who is not None:  # the disputes of others are not for a foreign administration to know
            raise _unknown(operator, command.dispute)
        raise OthersDispute(
            "dispute: %(opened_by)s opened it, and withdraws it; answer or close it",
            opened_by=dispute.opened.opened_by,
        )
    if who is None and not by.is_operator and not dispute.opened.in_its_name:
        raise OthersDispute(
            "dispute: %(tin)s opened it itself, and withdraws it; answer or close it",
            tin=operator.tin,
        )
    reason = None if command.reason is None else _written("reason", command.reason)
    content = {"opened_by": who, "reason": reason}
    if isinstance(dispute.closed, Operator.DisputeWithdrawn):
        return _refuse_unless_the_same(dispute, by, **content)
    _refuse_unless_open(dispute)
    operator.trigger_event(
        Operator.DisputeWithdrawn, dispute=command.dispute, **content, **_today_only(by)
    )


def opener(operator: Operator, by: Decision) -> AdministrationCode | None:
    """Who opens or withdraws a dispute by this decision: an administration other than the
    operator's own, or None for the operator itself."""
    return None if by.decided_by in (None, operator.administration) else by.decided_by


# ------------------------------------------------------------------------- inside


def _require_concern(command: c.OpenDispute, who: AdministrationCode | None) -> None:
    """Raises BadValue unless it is said what the dispute is about, and the opener may know it."""
    if command.position is not None and who is not None:
        raise BadValue(
            "position: found %(position)s, and the events of an operator are read by "
            "its own customs; name the receipt instead",
            position=command.position,
        )
    if command.kind is DisputeKind.NOT_RECOGNISED and command.territory is None:
        raise BadValue("territory: found nothing, wanted where the operator is not recognised")
    if (
        command.kind is DisputeKind.WRONG_RECORD
        and command.position is None
        and (command.receipt is None)
    ):
        wanted = Sentence("the event") if who is None else Sentence("the receipt")
        field = "position" if who is None else "receipt"
        raise BadValue(
            "%(field)s: found nothing, wanted %(wanted)s that is wrong", field=field, wanted=wanted
        )


def _answer_due(operator: Operator, by: Decision) -> date | None:
    """The last day for an answer, by the rules of the operator's programmes; the earliest, if
    several set one."""
    codes = sorted({each.programme for each in operator.authorisations.values()})
    days = [by.programme(code).rules_on(by.today).dispute_days for code in codes if by.programme]
    limits = [each for each in days if each is not None] if days else [DISPUTE_DAYS]
    return by.today + timedelta(days=min(limits)) if limits else None


def _find(operator: Operator, id: UUID) -> OperatorDispute:
    found = operator.disputes.get(id)
    if found is None:
        raise _unknown(operator, id)
    return found


def _unknown(operator: Operator, id: UUID) -> UnknownDispute:
    return UnknownDispute("dispute: %(tin)s has no dispute %(id)s", tin=operator.tin, id=id)


def _written(field: str, text: str) -> str:
    if not text.strip() or len(text) > LONGEST:
        raise BadValue(
            "%(field)s: found %(length)s characters, wanted 1 to %(longest)s",
            field=field,
            length=len(text),
            longest=LONGEST,
        )
    return text


def _refuse_unless_open(dispute: OperatorDispute) -> None:
    closed = dispute.closed
    if isinstance(closed, Operator.DisputeClosed):
        done = CodedTerm(closed.outcome, closed.outcome.value.lower())
        raise DisputeClosed(
            "dispute: it was %(done)s as of %(effective)s", done=done, effective=closed.effective
        )
    if closed is not None:
        raise DisputeClosed(
            "dispute: it was withdrawn as of %(effective)s", effective=closed.effective
        )


def _refuse_unless_the_same(dispute: OperatorDispute, by: Decision, **content: Any) -> None:
    assert dispute.closed is not None
    about = Sentence("what became of dispute %(dispute)s", dispute=dispute.opened.dispute)
    refuse_unless_identical([dispute.closed], by, about, Sentence("it is closed once"), **content)


def _today_only(by: Decision) -> dict[str, Any]:
    for name, day in (("effective", by.effective), ("decided", by.decided)):
        if day not in (None, by.today):
            raise WrongDates(
                "%(field)s: found %(day)s; a dispute is opened, answered, closed or "
                "withdrawn as of the day on which that is done, %(today)s",
                field=name,
                day=day,
                today=by.today,
            )
    return by.envelope(source_suffices=False)
