"""The list of given answers that would be different now, on the page of work.

They are answers to questions of customs administrations about recognition, from the read log: an
officer has those to its own administration's questions and those about its operators, a partner
those to its own questions, an auditor all. Instants are in UTC.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from api.access.policy import Action, Resource
from api.graphql.context import Context
from api.graphql.types.divergences import disclosed_event, events
from api.graphql.types.events import Event
from api.languages.language import _, current
from api.pages.labels import country, day, event_name, instant, phrase
from api.pages.work_lists import MOST, WorkItem, WorkList
from projections.history import answered
from projections.history.answered import CorrectedGivenAnswer, GivenAnswer
from projections.reads.bitemporal_sql import POSITION
from projections.reads.operators import visible
from registry.domain.values import AdministrationCode, Tin

EXAMINED = 1_000  # the newest answers that are compared with today's record


async def corrected_answers(asked: Context) -> WorkList | None:
    """The newest answers that would be different now; None where the subject may not read what was
    answered."""
    if not asked.may(Action.READ_LOOKS, Resource()):
        return None
    given, found = await _found(asked)
    shown = found[:MOST]
    causes = await events(asked, {each.event_position for each in shown if each.event_position})
    asked.looked("correctedAnswers", sorted({each.given.tin for each in shown}))
    items = []
    for each in shown:
        cause = causes.get(each.event_position or 0)
        tin = Tin(each.given.tin)
        items.append(_item(each, disclosed_event(asked, tin, cause) if cause else None))
    count = current.get().number(len(given))
    note = _(
        "Found among the last %(count)s answers to customs that you may read; the newest first.",
        count=count,
    )
    if given:
        empty = _(
            "Each of the last %(count)s answers that you may read would be the same now.",
            count=count,
        )
    else:
        empty = _(
            "No question about recognition that you may read was answered yet, so none can differ."
        )
    return WorkList(
        "corrected-answers",
        _("Answers that would be different now"),
        len(found),
        empty,
        items,
        len(given) == EXAMINED,
        note,
        step=("/divergences", _("Look at the answers of a territory, for the days that you name")),
    )


async def _found(asked: Context) -> tuple[list[GivenAnswer], list[CorrectedGivenAnswer]]:
    """The answers that were examined, and those that would be different, both the newest first."""
    scope = asked.subject.visibility
    async with asked.ledger.connection() as ledger:
        given = await answered.newest(ledger, scope, sorted(asked.subject.home), EXAMINED)
    if not given:
        return [], []
    async with asked.whole.connection() as views:
        perhaps = await answered.perhaps_corrected(views, given)
        seen = await visible(views, scope, asked.now, sorted({each.tin for each in perhaps}))
        by_territory: dict[str, list[GivenAnswer]] = defaultdict(list)
        for answer in perhaps:
            if answer.tin in seen:
                by_territory[answer.territory].append(answer)
        row = await (await views.execute(f"select {POSITION}")).fetchone()
        head = row[0] if row else 0
        found: list[CorrectedGivenAnswer] = []
        for code, answers in by_territory.items():
            found += await answered.corrected(views, AdministrationCode(code), answers, head)
    found.sort(key=lambda each: (each.given.number, each.given.place), reverse=True)
    return given, found


def _item(corrected: CorrectedGivenAnswer, cause: Event | None) -> WorkItem:
    given = corrected.given
    words = _(
        "%(subject)s was answered for %(territory)s on %(day)s: %(answered)s; now %(correct)s",
        subject=given.asked_by,
        territory=country(given.territory),
        day=instant(given.asked_at.isoformat()),
        answered=phrase(given.outcome),
        correct=phrase(corrected.correct.value),
    )
    if cause is not None and cause.effective is None:
        words = _("%(what)s, because of: %(event)s", what=words, event=event_name(cause.type))
    elif cause is not None and cause.effective is not None:
        words = _(
            "%(what)s, because of: %(event)s with effect from %(day)s",
            what=words,
            event=event_name(cause.type),
            day=day(cause.effective.isoformat()),
        )
    return WorkItem(given.tin, "", words, _comparison(corrected), _("Compare the two records"))


def _comparison(corrected: CorrectedGivenAnswer) -> str:
    """The address of the page that compares the record when it was answered with that of now."""
    given = corrected.given
    at, then = (_instant(each) for each in (given.law_at, given.asked_at))
    return f"/operators/{given.tin}/beliefs?at={at}&from={then}"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
