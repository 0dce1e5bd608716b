"""Decisions that end an authorisation: revocation, annulment, surrender.

Each decision refuses, records one event, or records nothing because the event is recorded already.
The bar on new grants comes from the programme's rules of the day, never from this code.
"""

from __future__ import annotations

from datetime import date

from registry.domain import commands as c
from registry.domain.decisions import Decision
from registry.domain.errors import (
    AlreadyRecorded,
    GroundNeeded,
    WrongDates,
)
from registry.domain.operators import preconditions
from registry.domain.operators.authorisation import Authorisation
from registry.domain.operators.events import Operator
from registry.domain.operators.preconditions import (
    IN_USE,
    event_fields,
    events_in_force,
    find_authorisation,
    is_about,
    record_event,
    refuse_unless_recorded,
    required_reason,
)
from registry.domain.sentences import Sentence
from registry.domain.values import HELD, Status


def revoke(operator: Operator, command: c.RevokeAuthorisation, by: Decision) -> None:
    """Records a revocation with effect from its day on (ex nunc, UCC Art. 28).

    The programme's rule sets the bar on new grants (Delegated Act Art. 11: three years). A recorded
    revocation can be recorded again from an earlier day or with a longer bar. Raises
    AlreadyRecorded, WrongDates.
    """
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, Sentence("revoked"), already={Status.REVOKED}
    )
    reason, day = required_reason(command.reason), event_fields(operator, by)["effective"]
    if command.barred_until and command.barred_until < day:
        raise WrongDates(
            "barredUntil: %(barred_until)s is before %(day)s, the revocation",
            barred_until=command.barred_until,
            day=day,
        )
    rules = preconditions.find_rules(by, authorisation, day)
    barred = command.barred_until or preconditions.years_after(day, rules.number("bar_years"))
    so_far = _barred_until(operator, authorisation)  # not None if it is revoked already
    longer = bool(barred and (so_far is None or barred > so_far))
    if authorisation.status is Status.REVOKED:
        assert authorisation.ended is not None  # a revocation has a day
        if day > authorisation.ended or (day == authorisation.ended and not longer):
            kind, about = Operator.Revoked, Sentence("the revocation")
            return refuse_unless_recorded(
                operator, authorisation, kind, by, about, reason=reason, barred_until=barred
            )
    if so_far and not longer:
        if command.barred_until not in (None, so_far):
            raise AlreadyRecorded(
                "barredUntil: found %(barred_until)s, and the bar after the revocation of "
                "%(authorisation)s is until %(so_far)s; it is shortened by correcting that "
                "record",
                barred_until=command.barred_until,
                authorisation=authorisation,
                so_far=so_far,
            )
        barred = so_far
    # If the bar is unknown, the revocation is recorded; the next grant then needs a legal ground.
    unknown = () if barred else rules.unknown("bar_years")
    record_event(
        operator,
        Operator.Revoked,
        authorisation,
        by,
        reason=reason,
        barred_until=barred,
        rule_unknown=preconditions.unknown_rules_field(unknown),
    )


def annul(operator: Operator, command: c.AnnulAuthorisation, by: Decision) -> None:
    """Records an annulment (ex tunc, UCC Art. 27) from the effective day of the grant.

    Raises GroundNeeded, and WrongDates for another effective day.
    """
    before = {Status.ANNULLED}
    authorisation = find_authorisation(
        operator,
        by,
        command.authorisation,
        HELD,
        Sentence("annulled"),
        already=before,
        day=by.today,
    )
    if authorisation.effective is None:
        raise WrongDates(
            "%(tin)s: %(authorisation)s is known from list %(list)s without the day on "
            "which it began, to which an annulment reaches back; record a reading of "
            "the list that gives it",
            tin=operator.tin,
            authorisation=authorisation,
            list=authorisation.list,
        )
    if authorisation.status is Status.ANNULLED:
        return refuse_unless_recorded(
            operator,
            authorisation,
            Operator.Annulled,
            by,
            Sentence("the annulment"),
            day=authorisation.effective,
            reason=command.reason,
        )
    if by.effective not in (None, authorisation.effective):
        raise WrongDates(
            "effective: found %(effective)s; an annulment counts from the day of "
            "effect of the grant, %(effective2)s",
            effective=by.effective,
            effective2=authorisation.effective,
        )
    if not by.legal_ground:
        raise GroundNeeded(
            "%(tin)s: annulling %(authorisation)s reaches back to %(effective)s: it "
            "needs its legal ground",
            tin=operator.tin,
            authorisation=authorisation,
            effective=authorisation.effective,
        )
    operator.trigger_event(
        Operator.Annulled,
        authorisation=authorisation.reference,
        reason=command.reason,
        **event_fields(operator, by, authorisation.effective),
    )


def surrender(operator: Operator, command: c.SurrenderAuthorisation, by: Decision) -> None:
    """Records that the operator gives the authorisation back.

    A recorded surrender can be recorded again from an earlier day. Raises AlreadyRecorded.
    """
    before = {Status.SURRENDERED}
    authorisation = find_authorisation(
        operator, by, command.authorisation, IN_USE, Sentence("surrendered"), already=before
    )
    if authorisation.status is Status.SURRENDERED:
        day: date = event_fields(operator, by)["effective"]
        if not (authorisation.ended and day < authorisation.ended):
            kind = Operator.Surrendered
            return refuse_unless_recorded(
                operator, authorisation, kind, by, Sentence("the surrender"), reason=command.reason
            )
    record_event(operator, Operator.Surrendered, authorisation, by, reason=command.reason)


def _barred_until(operator: Operator, authorisation: Authorisation) -> date | None:
    """The latest end of the bars that the revocations of this authorisation set."""
    revoked = events_in_force(operator, is_about(authorisation, (Operator.Revoked,)))
    bars = [e.barred_until for e in revoked if isinstance(e, Operator.Revoked)]
    return max(filter(None, bars), default=None)
