"""The decisions about an agreement. Each refuses, records one event, or records nothing.

A step of the whole agreement is taken once. A side's implementation runs from its beginning until
the side withdraws or the agreement is terminated. Only the command SetDates can change a recorded
date.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import takewhile
from typing import Any

import msgspec

from registry.domain import commands as c
from registry.domain.agreements.events import STEPS, Agreement, Clause, Party
from registry.domain.amendments import record_amendment
from registry.domain.decisions import Decision
from registry.domain.errors import AlreadyRecorded, BadValue, NotAParty, WrongDates, WrongStatus
from registry.domain.repeated_commands import difference
from registry.domain.sentences import Sentence
from registry.domain.values import NEVER, AdministrationCode, Dates, Step

#: The dates of every step are between these, except the date of a step that may never be taken.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
YEAR = 366 * 24  # hours; the largest limit on the age of a partner's data


def amend_agreement(agreement: Agreement, command: c.AmendAgreement, by: Decision) -> None:
    """Records a better reading of the titles and texts. Raises BadValue if nothing would change."""
    given = {
        "title": command.title,
        "legal_basis": command.legal_basis,
        "confidence": command.confidence,
        "details": command.details or None,
        "titles": command.titles or None,
        "names": command.names or None,
    }
    record_amendment(agreement, Agreement.Amended, command, given, by)


def open_negotiation(agreement: Agreement, command: c.OpenNegotiation, by: Decision) -> None:
    """Records that negotiations began. Raises AlreadyRecorded for another date."""
    _take_step(agreement, Agreement.NegotiationOpened, command, by)


def sign_action_plan(agreement: Agreement, command: c.SignActionPlan, by: Decision) -> None:
    """Records that an action plan was signed. Raises AlreadyRecorded for another date."""
    _take_step(agreement, Agreement.ActionPlanSigned, command, by)


def sign(agreement: Agreement, command: c.SignAgreement, by: Decision) -> None:
    """Records that the agreement was signed. Raises AlreadyRecorded for another date."""
    _take_step(agreement, Agreement.Signed, command, by)


def start_pilot(agreement: Agreement, command: c.StartPilot, by: Decision) -> None:
    """Records that a pilot began. Raises AlreadyRecorded for another date."""
    _take_step(agreement, Agreement.PilotStarted, command, by)


def implement(agreement: Agreement, command: c.ImplementAgreement, by: Decision) -> None:
    """Records the beginning of a term of one party's implementation.

    Raises NotAParty, WrongDates, and AlreadyRecorded while a term of that party is running.
    """
    _require_party(agreement, command.side)
    own = [
        e
        for e in _events_of_membership(agreement, command.side)
        if isinstance(e, Agreement.Implemented)
    ]
    if since := agreement.running.get(command.side):
        about = Sentence(
            "implemented by %(side)s %(since)s", side=command.side, since=_dates_in_words(since)
        )
        cure = Sentence(
            "SetDates betters that date, and only a withdrawal or the agreement's "
            "termination ends it"
        )
        return _refuse_unless_recorded(agreement, own, command, by, about, cure, side=command.side)
    _refuse_earlier_date(agreement, command, by, command.side, (Agreement.Withdrew,))
    _record(agreement, Agreement.Implemented, command, by, side=command.side)


_PAUSES = (Agreement.Suspended, Agreement.Resumed)


def suspend_side(agreement: Agreement, command: c.SuspendAgreement, by: Decision) -> None:
    """Records that one party suspends the agreement.

    A recorded suspension can be recorded again from an earlier day. Raises NotAParty, WrongDates,
    AlreadyRecorded.
    """
    _require_party(agreement, command.side)
    since = agreement.suspended.get(command.side)
    if since and _dates_of(command, by).earliest >= since.earliest:
        every = _events_of_membership(agreement, command.side, _PAUSES)
        own = takewhile(lambda e: isinstance(e, Agreement.Suspended), every)
        about = Sentence(
            "suspended by %(side)s %(since)s", side=command.side, since=_dates_in_words(since)
        )
        return _refuse_unless_recorded(
            agreement,
            own,
            command,
            by,
            about,
            Sentence("ResumeAgreement ends that"),
            side=command.side,
        )
    before = (Agreement.Resumed,) if since else _PAUSES
    _refuse_earlier_date(agreement, command, by, command.side, (*before, Agreement.Withdrew))
    _record(agreement, Agreement.Suspended, command, by, side=command.side)


def resume_side(agreement: Agreement, command: c.ResumeAgreement, by: Decision) -> None:
    """Records that one party ends its suspension. Raises NotAParty, WrongDates, AlreadyRecorded."""
    _require_party(agreement, command.side)
    if command.side not in agreement.suspended:
        own = _events_of_membership(agreement, command.side, _PAUSES)[:1]
        about = Sentence("not suspended by %(side)s", side=command.side)
        return _refuse_unless_recorded(
            agreement, own, command, by, about, Sentence("nothing to resume"), side=command.side
        )
    _refuse_earlier_date(agreement, command, by, command.side, (*_PAUSES, Agreement.Withdrew))
    _record(agreement, Agreement.Resumed, command, by, side=command.side)


def terminate(agreement: Agreement, command: c.TerminateAgreement, by: Decision) -> None:
    """Records the end of the agreement. Raises AlreadyRecorded for another date."""
    _take_step(agreement, Agreement.Terminated, command, by, notice=command.notice)


def accede(
    agreement: Agreement, command: c.AccedeToAgreement, by: Decision, time_zone: str
) -> None:
    """Records that an administration becomes a party. Raises WrongDates, AlreadyRecorded.

    `time_zone`: the IANA time zone of the new party.
    """
    party = Party(command.member, time_zone)
    if command.member in agreement.parties:
        own = [e for e in agreement.history[::-1] if _member_concerned(e) == command.member][:1]
        about = Sentence("one of which %(member)s is a party", member=command.member)
        cure = Sentence("only who is none can accede")
        return _refuse_unless_recorded(agreement, own, command, by, about, cure, party=party)
    _refuse_earlier_date(agreement, command, by, command.member, (Agreement.Withdrew,))
    _record(agreement, Agreement.Acceded, command, by, party=party)


def withdraw_member(agreement: Agreement, command: c.WithdrawFromAgreement, by: Decision) -> None:
    """Records that a party leaves the agreement. Raises NotAParty, WrongDates."""
    last = [e for e in agreement.history[::-1] if _member_concerned(e) == command.member][:1]
    if command.member not in agreement.parties and any(
        isinstance(e, Agreement.Withdrew) and _is_identical(e, command, by, member=command.member)
        for e in last
    ):
        return
    _require_party(agreement, command.member)
    _refuse_earlier_date(agreement, command, by, command.member, (Agreement.Acceded,))
    _record(agreement, Agreement.Withdrew, command, by, member=command.member)


def set_dates(agreement: Agreement, command: c.SetDates, by: Decision) -> None:
    """Records the dates of a step, also of a party that has withdrawn.

    Raises BadValue, NotAParty, WrongDates.
    """
    if command.side and command.side not in agreement.all_parties:
        _require_party(agreement, command.side)
    if (command.what is Step.IMPLEMENTED) != (command.side is not None):
        raise BadValue(
            "side: found %(side)s for %(what)s; each side implements for itself, and "
            "every other step is one of all together",
            side=command.side,
            what=command.what,
        )
    terms_begun = agreement.terms.get(command.side, 0) if command.side else 0
    if command.term is not None and not 1 <= command.term <= terms_begun:
        raise BadValue(
            "term: found %(term)s, and %(side)s began %(terms_begun)s",
            term=command.term,
            side=command.side or Sentence("all together"),
            terms_begun=terms_begun,
        )
    _record(
        agreement,
        Agreement.DatesSet,
        command,
        by,
        what=command.what,
        side=command.side,
        conflicting=command.conflicting,
        term=command.term,
    )


def note(agreement: Agreement, command: c.NoteOnAgreement, by: Decision) -> None:
    """Records a dated remark on the agreement."""
    _record(agreement, Agreement.Noted, command, by, what=command.what, text=command.text)


def set_scope(agreement: Agreement, command: c.SetScope, by: Decision) -> None:
    """Records one clause of the scope. Raises BadValue, NotAParty, WrongDates."""
    if command.from_ == command.to:
        raise BadValue(
            "to: found %(to)s, the same as from; a clause is about the other side", to=command.to
        )
    _require_party(agreement, command.from_)
    _require_party(agreement, command.to)
    if command.max_age_hours is not None and not 1 <= command.max_age_hours <= YEAR:
        raise BadValue(
            "max_age_hours: found %(max_age_hours)s, wanted 1 to %(year)s, a year",
            max_age_hours=command.max_age_hours,
            year=YEAR,
        )
    if command.until and command.until <= (first_day := _dates_of(command, by).earliest):
        raise WrongDates(
            "until: %(until)s is not after %(first_day)s, its beginning",
            until=command.until,
            first_day=first_day,
        )
    clause = Clause(
        command.from_,
        command.to,
        command.types,
        command.programmes,
        command.roles,
        command.direction,
        command.hs,
        command.crossings,
        tuple(mode.lower() for mode in command.modes),
        command.identifier_scheme,
        command.declaration_box,
        command.benefits,
        command.consent_required,
        command.max_age_hours,
    )
    _record(agreement, Agreement.ScopeSet, command, by, clause=clause, until=command.until)


def _take_step(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    command: c.DatedCommand,
    by: Decision,
    **content: object,
) -> None:
    """Records a step of the whole agreement, once.

    Raises AlreadyRecorded for another date, because that would change answers already given.
    """
    if recorded_dates := agreement.dated_steps.get(STEPS[event]):
        own = [e for e in agreement.history[::-1] if type(e) is event]
        about = Sentence(
            "at the step %(steps)s %(recorded_dates)s",
            steps=STEPS[event],
            recorded_dates=_dates_in_words(recorded_dates),
        )
        cure = Sentence("SetDates betters that date, or sets what another source says beside it")
        return _refuse_unless_recorded(agreement, own, command, by, about, cure, **content)
    _record(agreement, event, command, by, **content)


def _refuse_unless_recorded(
    agreement: Agreement,
    events: Iterable[Agreement.DatedEvent],
    command: c.DatedCommand,
    by: Decision,
    about: str,
    cure: str,
    **content: object,
) -> None:
    """Handles a request for what is already in force.

    Returns if one of `events` is identical to the command, and raises AlreadyRecorded otherwise.
    """
    if not any(_is_identical(event, command, by, **content) for event in events):
        _dates_of(command, by)
        raise AlreadyRecorded(
            "%(agreement)s is %(about)s already: %(cure)s",
            agreement=agreement.agreement,
            about=about,
            cure=cure,
        )


def _record(
    agreement: Agreement,
    event: type[Agreement.DatedEvent],
    command: c.DatedCommand,
    by: Decision,
    **content: object,
) -> None:
    """Records one dated event, unless the identical event is recorded and nothing has replaced it.

    Raises WrongStatus if the event is dated after the termination and is not a correction of the
    record.
    """
    dates = _dates_of(command, by)
    over = agreement.dated_steps.get(Step.TERMINATED)
    completes_record = event in (Agreement.DatesSet, Agreement.Noted, Agreement.Terminated)
    # Nothing happens to an agreement from its end on, but the record before that can be completed.
    if over and not completes_record and dates.earliest >= over.latest:
        raise WrongStatus(
            "%(agreement)s is terminated %(over)s: from then on only its record can be bettered",
            agreement=agreement.agreement,
            over=_dates_in_words(over),
        )
    if event in (Agreement.ScopeSet, Agreement.DatesSet, Agreement.Noted):
        place = _replaceable_key(event, content | {"dates": dates})
        for recorded in reversed(agreement.history):
            if type(recorded) is event and _is_identical(recorded, command, by, **content):
                return
            if (
                place
                and _replaces(recorded)
                and place == _replaceable_key(type(recorded), vars(recorded))
            ):
                break
    facts = msgspec.structs.replace(by, effective=dates.earliest).envelope()
    agreement.trigger_event(
        event, dates=dates, assumed=command.assumed, note=command.note, **content, **facts
    )


def _is_identical(
    event: Agreement.DatedEvent, command: c.DatedCommand, by: Decision, **content: object
) -> bool:
    """Whether the command states, field by field, what the event states.

    A command without a date refers to the day that was recorded.
    """
    named = command.earliest or command.effective
    first = named or event.effective
    last = command.latest or first
    if last < first:
        return False
    dates = Dates(first, last)
    own = {"dates": dates, "assumed": command.assumed, "note": command.note}
    by = msgspec.structs.replace(by, effective=named)
    return difference(event, by, None, own, **content) is None


def _member_concerned(event: Agreement.DatedEvent) -> AdministrationCode | None:
    """The administration whose membership an event begins or ends; None for other events."""
    match event:
        case Agreement.Acceded(party=party):
            return party.administration
        case Agreement.Withdrew(member=member):
            return member
    return None


def _events_of_membership(
    agreement: Agreement,
    side: AdministrationCode,
    kinds: tuple[type[Agreement.SideEvent], ...] = (Agreement.SideEvent,),
) -> list[Agreement.DatedEvent]:
    """The events of a side since its last withdrawal, the latest first."""
    found: list[Agreement.DatedEvent] = []
    for event in reversed(agreement.history):
        if isinstance(event, Agreement.Withdrew) and event.member == side:
            break
        if isinstance(event, kinds) and event.side == side:
            found.append(event)
    return found


def _dates_in_words(dates: Dates) -> str:
    """The interval of dates in words, for a message."""
    if dates.earliest == dates.latest:
        return Sentence("from %(day)s", day=dates.earliest)
    return Sentence(
        "from some day between %(earliest)s and %(latest)s",
        earliest=dates.earliest,
        latest=dates.latest,
    )


def _replaceable_key(event: type[Agreement.DatedEvent], content: dict[str, Any]) -> object:
    """What an event is about, if a later event can replace it; else None."""
    if event is Agreement.ScopeSet:
        return content["clause"].place, content["dates"].earliest
    if event is Agreement.DatesSet:
        return content["what"], content["side"], content["term"]
    return None


def _replaces(event: Agreement.DatedEvent) -> bool:
    """Whether the event replaces the earlier one, instead of standing beside it."""
    return not getattr(event, "conflicting", False)


def _dates_of(command: c.DatedCommand, by: Decision) -> Dates:
    """The dates of a command. Raises WrongDates."""
    first = command.earliest or command.effective or by.today
    last = command.latest or first
    if last < first:
        raise WrongDates(
            "latest: %(last)s is before %(first)s, the earliest", last=last, first=first
        )
    if not (first >= EARLIEST and (last <= LATEST or last == NEVER)):
        raise WrongDates(
            "found %(first)s to %(last)s, wanted days from %(earliest)s to %(latest)s",
            first=first,
            last=last,
            earliest=EARLIEST,
            latest=LATEST,
        )
    return Dates(first, last)


def _refuse_earlier_date(
    agreement: Agreement,
    command: c.DatedCommand,
    by: Decision,
    side: AdministrationCode,
    kinds: tuple[type[Agreement.DatedEvent], ...],
) -> None:
    """Refuses a date before the latest event of the alternating kinds, such as suspend and resume.

    Raises WrongDates: their valid-time order must be the order of recording.
    """
    day = _dates_of(command, by).earliest
    recorded_days = (
        e.dates.earliest
        for e in agreement.history
        if isinstance(e, kinds) and side in (_member_concerned(e), getattr(e, "side", None))
    )
    if day < (last := max(recorded_days, default=day)):
        raise WrongDates(
            "effective: found %(day)s, and the last word on this counts from %(last)s",
            day=day,
            last=last,
        )


def _require_party(agreement: Agreement, code: AdministrationCode) -> None:
    """Raises NotAParty if the administration is not a party."""
    if code not in agreement.parties:
        parties = ", ".join(sorted(p.text for p in agreement.parties))
        raise NotAParty(
            "%(code)s is not a party of %(agreement)s (%(parties)s)",
            code=code,
            agreement=agreement.agreement,
            parties=parties,
        )
