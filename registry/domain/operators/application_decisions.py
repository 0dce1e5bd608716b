"""The decisions on an application, from its lodging to the grant or refusal.

Each decision refuses, records one event, or records nothing because the event is recorded already.
Every number of days comes from the programme's rules of the day, never from this code.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import AlreadyHeld, BadValue, Barred, WrongDates, WrongStatus
from registry.domain.identifiers import LONGEST, normal_form
from registry.domain.operators import preconditions
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import (
    IN_USE,
    STATUS_EVENTS,
    event_fields,
    events_in_force,
    find_authorisation,
    is_about,
    record_event,
    refuse_unless_recorded,
    required_reason,
)
from registry.domain.operators.statutory_deadlines import day_of_effect, renewal, rules_of_day
from registry.domain.programmes import MOST_DAYS, Programme
from registry.domain.repeated_commands import difference, refuse_unless_identical
from registry.domain.sentences import Sentence
from registry.domain.values import HELD, PENDING, Status
from registry.domain.working_days import Effect


def lodge(operator: Operator, command: c.LodgeApplication, by: Decision) -> None:
    """Records an application. Raises NotOffered, AlreadyRecorded."""
    content = event_fields(operator, by)
    day: date = content["effective"]
    programme = preconditions.find_programme(by, command.programme)
    preconditions.require_offered(programme, command.type, day)
    said_by = rules_of_day(operator, programme, day)
    for held in operator.authorisations.values():
        if held.status in PENDING and (held.programme, held.type) == (
            command.programme,
            command.type,
        ):
            about = Sentence("the application for %(type)s", type=command.type)
            return refuse_unless_recorded(
                operator, held, Operator.Lodged, by, about, type=command.type
            )
    operator.trigger_event(
        Operator.Lodged,
        authorisation=f"{command.programme}/{operator.authorisations_begun() + 1}",
        programme=command.programme,
        type=command.type,
        due=said_by.due("acceptance", "acceptance_days", day),
        rule_unknown=preconditions.unknown_rules_field(said_by.rules.unknown("acceptance_days")),
        **content,
    )


def accept(operator: Operator, command: c.AcceptApplication, by: Decision) -> None:
    """Records the acceptance of an application; the time limit for the decision begins."""
    authorisation = find_authorisation(
        operator, by, command.authorisation, {Status.LODGED}, Sentence("accepted"), already=PENDING
    )
    if authorisation.status is not Status.LODGED:
        kind = Operator.Accepted
        return refuse_unless_recorded(
            operator, authorisation, kind, by, Sentence("the acceptance"), reason=command.reason
        )
    day: date = event_fields(operator, by)["effective"]
    said_by = rules_of_day(operator, preconditions.find_programme(by, authorisation.programme), day)
    record_event(
        operator,
        Operator.Accepted,
        authorisation,
        by,
        STATUS_EVENTS,
        due=said_by.due("decision", "decision_days", day),
        rule_unknown=preconditions.unknown_rules_field(said_by.rules.unknown("decision_days")),
        reason=command.reason,
    )


def reject(operator: Operator, command: c.RejectApplication, by: Decision) -> None:
    """Records that an application is not accepted."""
    words = "not accepted", "the rejection"
    before, after = {Status.LODGED}, Status.NOT_ACCEPTED
    _record_status(operator, command, by, before, after, Operator.NotAccepted, words)


def withdraw(operator: Operator, command: c.WithdrawApplication, by: Decision) -> None:
    """Records that the applicant withdraws the application."""
    words = "withdrawn", "the withdrawal"
    after = Status.WITHDRAWN
    _record_status(operator, command, by, PENDING, after, Operator.Withdrawn, words)


def start_examination(operator: Operator, command: c.StartExamination, by: Decision) -> None:
    """Records the beginning of the examination."""
    words = "examined", "the examination"
    before, after = {Status.ACCEPTED}, Status.UNDER_EXAMINATION
    _record_status(operator, command, by, before, after, Operator.ExaminationStarted, words)


def _record_status(
    operator: Operator,
    command: c.RejectApplication | c.WithdrawApplication | c.StartExamination,
    by: Decision,
    before: Collection[Status],
    after: Status,
    kind: type[Operator.AuthorisationEvent],
    words: tuple[str, str],
) -> None:
    """Records the event that moves an application from a status before to the one after, with its
    reason; nothing where the same is recorded. `words`: what is done to it, and its noun."""
    done, noun = words
    authorisation = find_authorisation(
        operator, by, command.authorisation, before, done, already={after}
    )
    if authorisation.status is after:
        return refuse_unless_recorded(
            operator, authorisation, kind, by, noun, reason=command.reason
        )
    record_event(operator, kind, authorisation, by, STATUS_EVENTS, reason=command.reason)


def request_consultation(operator: Operator, command: c.RequestConsultation, by: Decision) -> None:
    """Records that another administration is consulted (UCC Delegated Act Art. 14).

    The programme's rule `consultation_days` sets the deadline for the reply; without it there is
    none.
    """
    authorisation = find_authorisation(
        operator,
        by,
        command.authorisation,
        PENDING | IN_USE,
        Sentence("the subject of a consultation"),
    )
    if isinstance(
        _last_consultation_event(operator, authorisation, command), Operator.ConsultationRequested
    ):
        about, kind = (
            Sentence("the consultation of %(asked)s", asked=command.asked),
            Operator.ConsultationRequested,
        )
        return refuse_unless_recorded(
            operator, authorisation, kind, by, about, asked=command.asked, reason=command.reason
        )
    day: date = event_fields(operator, by)["effective"]
    said_by = rules_of_day(operator, preconditions.find_programme(by, authorisation.programme), day)
    record_event(
        operator,
        Operator.ConsultationRequested,
        authorisation,
        by,
        asked=command.asked,
        reason=command.reason,
        due=said_by.due("consultation", "consultation_days", day) or None,
    )


def record_consultation_reply(
    operator: Operator, command: c.RecordConsultationReply, by: Decision
) -> None:
    """Records the reply of a consulted administration. Raises WrongStatus if none is awaited."""
    authorisation = find_authorisation(
        operator,
        by,
        command.authorisation,
        PENDING | IN_USE,
        Sentence("the subject of a consultation"),
    )
    last = _last_consultation_event(operator, authorisation, command)
    if last is None:
        raise WrongStatus(
            "asked: %(asked)s was not consulted on %(authorisation)s: no reply is awaited",
            asked=command.asked,
            authorisation=authorisation,
        )
    if isinstance(last, Operator.ConsultationReplied):
        cure = Sentence("another reply follows another consultation")
        return refuse_unless_identical(
            [last],
            by,
            Sentence("the reply of %(asked)s", asked=command.asked),
            cure,
            reply=command.reply,
            reason=command.reason,
        )
    record_event(
        operator,
        Operator.ConsultationReplied,
        authorisation,
        by,
        asked=command.asked,
        reply=command.reply,
        reason=command.reason,
    )


def extend_deadline(operator: Operator, command: c.ExtendDeadline, by: Decision) -> None:
    """Extends the time limit for the decision (UCC Art. 22(3), Delegated Act Art. 28).

    The extension needs a reason and is limited by the programme's rule. Raises BadValue,
    GroundNeeded, WrongDates, WrongStatus.
    """
    authorisation = find_authorisation(
        operator, by, command.authorisation, PENDING, Sentence("given more time")
    )
    reason, content = required_reason(command.reason), event_fields(operator, by)
    rules = preconditions.find_rules(by, authorisation, content["effective"])
    allowed = rules.rule("decision_extension_days")
    before = [
        e
        for e in operator.history
        if isinstance(e, Operator.DeadlineExtended) and e.authorisation == authorisation.reference
    ]
    days = (allowed.number or 0) if command.days is None else command.days
    if any(difference(e, by, days=days, reason=reason) is None for e in before):
        return
    unknown = rules.unknown(allowed.name)
    preconditions.require_ground(
        by, authorisation.programme, unknown, Sentence("more time for the decision")
    )
    # If the legal limit is unknown, only the largest number that a date can hold limits the days.
    left = (MOST_DAYS if unknown else allowed.number or 0) - sum(e.days for e in before)
    if not 1 <= days <= left:
        raise WrongDates(
            "days: found %(days)s, and the programme's rules leave %(left)s",
            days=command.days,
            left=left,
        )
    set_before = [
        d
        for e in operator.history
        if getattr(e, "authorisation", None) == authorisation.reference
        for d in getattr(e, "due", None) or ()
        if d.what == "decision"
    ]
    if not set_before:
        cure = Sentence("accept it first")
        if authorisation.status is not Status.LODGED:
            cure = Sentence(
                "it is %(status)s, and no rule of %(programme)s on record set the day",
                status=authorisation.status,
                programme=authorisation.programme,
            )
        raise WrongStatus(
            "%(tin)s: no decision is due on %(authorisation)s yet; %(cure)s",
            tin=operator.tin,
            authorisation=authorisation,
            cure=cure,
        )
    programme = preconditions.find_programme(by, authorisation.programme)
    given = sum(e.days for e in before)
    start, end = _time_limit(operator, authorisation, programme, given, set_before[-1].due)
    of_day = rules_of_day(operator, programme, content["effective"])
    end += timedelta(days=days)
    operator.trigger_event(
        Operator.DeadlineExtended,
        authorisation=authorisation.reference,
        days=days,
        reason=reason,
        due=(of_day.ending("decision", allowed.name, start, end),),
        rule_unknown=preconditions.unknown_rules_field(unknown),
        **content,
    )


def _time_limit(
    operator: Operator, authorisation: Authorisation, programme: Programme, given: int, due: date
) -> tuple[date, date]:
    """The first and the last day of the time limit, before the move to a working day.

    An extension is counted from that last day. `given`: the days of all extensions so far.
    """
    accepted = events_in_force(operator, is_about(authorisation, (Operator.Accepted,)))
    start = accepted[0].effective if accepted else due
    of_acceptance = rules_of_day(operator, programme, start)
    days = of_acceptance.rules.number("decision_days")
    last = start + timedelta(days=(days or 0) + given)
    same = of_acceptance.ending("decision", "decision_days", start, last).due == due
    return start, last if days and same else due


def grant(operator: Operator, command: c.GrantAuthorisation, by: Decision) -> None:
    """Records the grant of an authorisation.

    UCC Delegated Act Art. 29, and similar rules of other programmes, set the day of effect; Art. 11
    bars a grant after a revocation. Raises AlreadyHeld, BadValue, Barred, GroundNeeded, NotOffered,
    WrongDates.
    """
    if not 0 < len(normal_form(command.number)) <= LONGEST:
        raise BadValue(
            "number: found %(number)s, wanted the number of the authorisation, of 1 to "
            "%(longest)s characters",
            number=repr(command.number[:70]),
            longest=LONGEST,
        )
    number = normal_form(command.number)
    for candidate in operator.authorisations.values():
        held = preconditions.as_of_day(
            operator, candidate, max(by.effective or by.today, candidate.latest)
        )
        if held.number and normal_form(held.number) == number and held.status in HELD:
            return _refuse_unless_granted_so(operator, held, command, by)
    examined = {Status.ACCEPTED, Status.UNDER_EXAMINATION}
    authorisation = find_authorisation(
        operator, by, command.authorisation, examined, Sentence("granted"), of_type=command.type
    )
    decided = by.decided or by.today
    programme = preconditions.find_programme(by, authorisation.programme)
    effect = Effect(by.effective) if by.effective else day_of_effect(operator, programme, decided)
    day = effect.day
    content, of_day = event_fields(operator, by, day), rules_of_day(operator, programme, day)
    rules = of_day.rules
    type = command.type or authorisation.type
    preconditions.require_offered(programme, type, day)
    barred, unknown = preconditions.barred_until(operator, programme)
    if barred and day < barred:
        raise Barred(
            "%(tin)s is barred until %(barred)s and cannot be granted from %(day)s",
            tin=operator.tin,
            barred=barred,
            day=day,
        )
    preconditions.require_not_held(
        operator, rules, authorisation.programme, type, authorisation, day
    )
    preconditions.refuse_earlier_day(
        operator, day, authorisation, preconditions.is_about(authorisation, STATUS_EVENTS)
    )
    if command.valid_until and command.valid_until <= day:
        raise WrongDates(
            "validUntil: %(valid_until)s is not after %(day)s, the day of effect",
            valid_until=command.valid_until,
            day=day,
        )
    valid_until = command.valid_until or preconditions.end_of_term(rules, day)
    unknown += effect.unknown
    if command.valid_until is None:
        unknown += rules.unknown("validity_years")
    preconditions.require_ground(
        by,
        authorisation.programme,
        unknown,
        Sentence("the grant of %(number)s to %(tin)s", number=command.number, tin=operator.tin),
    )
    operator.trigger_event(
        Operator.Granted,
        authorisation=authorisation.reference,
        number=command.number,
        type=type,
        roles=operator.roles if command.roles is None else command.roles,
        valid_until=valid_until,
        due=renewal(rules, valid_until) + of_day.review(day),
        rule_unknown=preconditions.unknown_rules_field(unknown + rules.unknown("review_years")),
        ends_by_decision=rules.takes_decision("validity_end") if valid_until else None,
        abroad=rules.abroad(type),
        counted_by=effect.counted_by,
        shared=command.shared,
        **content,
    )


def _refuse_unless_granted_so(
    operator: Operator, held: Authorisation, command: c.GrantAuthorisation, by: Decision
) -> None:
    """Returns if the identical grant is recorded. Raises AlreadyHeld, AlreadyRecorded."""
    another = command.authorisation not in (None, held.reference) and (
        normal_form(command.authorisation or "") != normal_form(held.number or "")
    )
    if another or command.type not in (None, held.type):
        raise AlreadyHeld(
            "number: %(tin)s holds %(number)s (%(type)s), which is %(status)s",
            tin=operator.tin,
            number=command.number,
            type=held.type,
            status=held.status,
        )
    grant = next(iter(events_in_force(operator, is_about(held, (Operator.Granted,)))), None)
    if not isinstance(grant, Operator.Granted):
        raise AlreadyHeld(
            "number: %(tin)s holds %(number)s (%(type)s), which is %(status)s and "
            "known from list %(list)s: record its end before another grant of that "
            "number",
            tin=operator.tin,
            number=command.number,
            type=held.type,
            status=held.status,
            list=held.list,
        )
    decided = by.decided or grant.decided or by.today
    programme = preconditions.find_programme(by, held.programme)
    day = by.effective or day_of_effect(operator, programme, decided).day
    refuse_unless_identical(
        [grant],
        by,
        Sentence("the grant of %(held)s", held=held),
        day=day,
        type=command.type or _lodged_type(operator, held),
        roles=operator.roles if command.roles is None else command.roles,
        valid_until=command.valid_until or preconditions.end_of_term(programme.rules_on(day), day),
        shared=command.shared,
    )


def _lodged_type(operator: Operator, authorisation: Authorisation) -> str:
    """The type for which the application was lodged."""
    [lodged] = events_in_force(operator, is_about(authorisation, (Operator.Lodged,)))
    assert isinstance(lodged, Operator.Lodged)
    return lodged.type


def refuse(operator: Operator, command: c.RefuseApplication, by: Decision) -> None:
    """Records the refusal of an application."""
    authorisation = find_authorisation(
        operator, by, command.authorisation, PENDING, Sentence("refused"), already={Status.REFUSED}
    )
    if authorisation.status is Status.REFUSED:
        return refuse_unless_recorded(
            operator,
            authorisation,
            Operator.Refused,
            by,
            Sentence("the refusal"),
            reason=command.reason,
        )
    record_event(
        operator, Operator.Refused, authorisation, by, STATUS_EVENTS, reason=command.reason
    )


# ------------------------------------------------------------------ common


def _last_consultation_event(
    operator: Operator,
    authorisation: Authorisation,
    command: c.RequestConsultation | c.RecordConsultationReply,
) -> Operator.Event | None:
    """The latest event of the consultation of that administration: the request or the reply."""
    kinds = (Operator.ConsultationRequested, Operator.ConsultationReplied)
    own = is_about(authorisation, kinds)
    in_force = events_in_force(
        operator, lambda e: own(e) and getattr(e, "asked", None) == command.asked
    )
    return in_force[0] if in_force else None
