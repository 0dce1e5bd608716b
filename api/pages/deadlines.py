"""The calendar of statutory deadlines: which were missed, which were met late, and which are due.

A month as a table of weeks, and its deadlines as a list; home customs read those of their own
operators, an operator its own, auditors all.
"""

from __future__ import annotations

from calendar import Calendar
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from api.access.policy import SubjectRole
from api.graphql import paging
from api.graphql.context import Context
from api.graphql.errors import Unanswered
from api.graphql.types.deadline_calendar import (
    FIRST,
    LAST,
    after_deadline,
    deadline_key,
    readable_deadlines,
)
from api.languages.language import N_, _, current
from api.pages import forms, parameters
from api.pages.downloads import CSV, MARK, csv_line, headers_of
from api.pages.errors import PageRoute
from api.pages.labels import phrase, territory
from api.pages.query import context
from api.pages.render import language_of, page
from api.pages.sentences import translated
from api.pages.typed_days import no_day
from projections.reads import deadline_calendar as reads
from projections.reads.deadline_calendar import CalendarDeadline, DeadlineSelection, DeadlineState
from registry.domain.decisions import civil_day_of
from registry.domain.instants import parse_day
from registry.domain.texts import ascii_digits
from registry.domain.values import AdministrationCode

router = APIRouter(route_class=PageRoute)

SIZE = 100  # deadlines of the list on a page
FILE_SIZE = 1_000  # deadlines of a file that are read at a time
#: Each state with its text and the tone of its sign.
STATES = {
    DeadlineState.MISSED: (N_("missed"), "bad"),
    DeadlineState.DUE: (N_("due"), "wait"),
    DeadlineState.LATE: (N_("met late"), "warn"),
    DeadlineState.MET: (N_("met in time"), "good"),
}
#: What is shown where no state is chosen: what is, or was, of concern.
USUAL = (DeadlineState.MISSED, DeadlineState.DUE, DeadlineState.LATE)
KINDS = ("acceptance", "decision", "renewal", "review", "end of suspension", "consultation")
COLUMNS = (
    *("due", "state", "tin", "name", "administration", "authorisation", "what", "rule", "met_on"),
)


@dataclass(frozen=True)
class CalendarDay:
    """A day of the month in the grid. `counts`: the state's text, its tone and the number; `here`:
    it is today in the time zone of the calendar."""

    day: date
    in_month: bool
    here: bool
    address: str
    counts: list[tuple[str, str, int]]


@dataclass(frozen=True)
class CalendarChoice:
    """What was asked for. `typed`: by field; `wrong`: by field, what cannot be read; `day`: one day
    of the month, for the list."""

    typed: dict[str, str]
    wrong: dict[str, str]
    month: date
    day: date | None

    def address(self, **more: str) -> str:
        """The address of the page with this choice; `more` in place of what was chosen."""
        fields = {name: text for name, text in {**self.typed, **more}.items() if text}
        return f"/deadlines?{urlencode(fields)}" if fields else "/deadlines"

    @property
    def last(self) -> date:
        """The last day of the month."""
        return (self.month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


@router.get("/deadlines")
async def deadlines(request: Request) -> Response:
    """Shows the deadlines of a month: `?month=2026-11&administration=CN&kind=review&state=missed`;
    `day` is one day of it, `format=csv` a file of the list."""
    asked = await context(request)
    own = readable_deadlines(asked)
    if own is None:
        return page(
            request,
            "deadlines.html",
            status=403,
            title=_("Deadlines"),
            choice=None,
        )
    zone = await _zone(request, asked)
    today = civil_day_of(asked.now, zone)
    choice = _choice(request, today)
    wanted = _selection(choice, own)
    after = _after(choice, request.query_params.get("after"))
    form = parameters.one_of(request, "format", ("csv",))
    if form:
        parameters.absent(request, parameters.WHOLE_FILE, "after")
    if form and not choice.wrong:
        name = (
            f"deadlines-{(choice.day or choice.month).isoformat()[: 10 if choice.day else 7]}.csv"
        )
        headers = headers_of(name)
        lines = _lines(request, asked, _listed(wanted, choice))
        return StreamingResponse(lines, 200, headers, media_type=CSV)
    async with asked.views.connection() as connection:
        found = await reads.counts(connection, wanted)
        rows = await reads.page(connection, _listed(wanted, choice), after, SIZE + 1)
    totals = {state: sum(each.count for each in found if each.state == state.value)
              for state in STATES}  # fmt: skip
    return page(
        request,
        "deadlines.html",
        status=400 if choice.wrong else 200,
        title=_("Deadlines"),
        choice=choice,
        month=choice.month.isoformat()[:7],
        weeks=_weeks(choice, found, today),
        weekdays=_weekdays(),
        months=[_month(choice.month, step) for step in (-12, -1, 1, 12)],
        today=today.isoformat()[:7],
        totals=[(_(STATES[state][0]), STATES[state][1], count)
                for state, count in totals.items() if count],
        rows=[(row, _(STATES[DeadlineState(row.state)][0]), STATES[DeadlineState(row.state)][1])
              for row in rows[:SIZE]],
        next=paging.cursor("deadlines", deadline_key(rows[SIZE - 1])) if len(rows) > SIZE else "",
        kinds=[(kind, phrase(kind)) for kind in KINDS],
        states=[(state.value, _(text)) for state, (text, _tone) in STATES.items()],
        chooses_administration=asked.subject.role is SubjectRole.AUDITOR or len(own.own or ()) > 1,
        zone=zone,
    )  # fmt: skip


async def _zone(request: Request, asked: Context) -> str:
    """The time zone in which today is marked: that of the administration that is chosen, or the
    subject's."""
    chosen = territory(request.query_params.get("administration", "")[:20])
    own = asked.subject.administration
    code = chosen or (own.text if own else asked.subject.tin and asked.subject.tin.country)
    return await forms.zone_of(request, _code(code or ""))


def _code(text: str) -> str | None:
    try:
        return AdministrationCode.parse(text).text
    except ValueError:
        return None


def _choice(request: Request, today: date) -> CalendarChoice:
    asked = request.query_params
    names = ("month", "administration", "kind", "state", "day")
    typed = {name: ascii_digits(asked.get(name, "").strip()[:40]) for name in names}
    wrong: dict[str, str] = {}
    typed["administration"] = territory(typed["administration"])
    if typed["administration"] and _code(typed["administration"]) is None:
        try:
            AdministrationCode.parse(typed["administration"])
        except ValueError as error:
            wrong["administration"] = translated(str(error))
    if typed["kind"] and typed["kind"] not in KINDS:
        wrong["kind"] = _("%(text)s is no kind of deadline. Choose one.", text=repr(typed["kind"]))
    if typed["state"] not in ("", *(state.value for state in STATES)):
        wrong["state"] = _("%(text)s is no state. Choose one.", text=repr(typed["state"]))
    month, day = today.replace(day=1), None
    try:
        if typed["month"]:
            month = _between(parse_day(f"{typed['month'][:7]}-01"))
    except ValueError:
        wrong["month"] = _("%(text)s is no month. Write 2026-03.", text=repr(typed["month"]))
    try:
        if typed["day"]:
            day = _between(parse_day(typed["day"]))
            month = day.replace(day=1)
    except ValueError:
        wrong["day"] = no_day(typed["day"])
    return CalendarChoice(typed, wrong, month, day)


def _between(day: date) -> date:
    if not FIRST <= day <= LAST:
        raise ValueError(f"{day} is not between {FIRST} and {LAST}")
    return day


def _selection(choice: CalendarChoice, own: DeadlineSelection) -> DeadlineSelection:
    typed, wrong = choice.typed, choice.wrong
    some = (DeadlineState(typed["state"]),) if typed["state"] and "state" not in wrong else USUAL
    return replace(
        own,
        first=choice.month,
        last=choice.last,
        administration=_code(typed["administration"]),
        kind=typed["kind"] if typed["kind"] and "kind" not in wrong else None,
        states=some,
    )


def _listed(wanted: DeadlineSelection, choice: CalendarChoice) -> DeadlineSelection:
    return replace(wanted, first=choice.day, last=choice.day) if choice.day else wanted


def _after(choice: CalendarChoice, cursor: str | None) -> tuple[date, str, int] | None:
    """The place after which the list goes on; a cursor that cannot be read is named as wrong."""
    try:
        return after_deadline(cursor)
    except (Unanswered, ValueError) as error:
        choice.wrong["after"] = translated(str(error))
        return None


# ------------------------------------------------------------------ the grid


def _weeks(
    choice: CalendarChoice, counted: list[reads.DeadlineCount], today: date
) -> list[list[CalendarDay]]:
    """The weeks that the month touches, from the first day of a week where the reader is."""
    by_day: dict[date, dict[str, int]] = {}
    for each in counted:
        by_day.setdefault(each.due, {})[each.state] = each.count
    calendar = Calendar(current.get().locale.first_week_day)
    return [
        [
            CalendarDay(
                day,
                day.month == choice.month.month,
                day == today,
                choice.address(day=day.isoformat(), month="", after=""),
                [
                    (_(text), tone, by_day[day][state.value])
                    for state, (text, tone) in STATES.items()
                    if by_day.get(day, {}).get(state.value)
                ],
            )
            for day in week
        ]
        for week in calendar.monthdatescalendar(choice.month.year, choice.month.month)
    ]


def _weekdays() -> list[tuple[str, str]]:
    """The days of the week in the reader's language and order, short and in full."""
    locale = current.get().locale
    names = locale.days["stand-alone"]
    order = [(locale.first_week_day + step) % 7 for step in range(7)]
    return [(names["abbreviated"][day], names["wide"][day]) for day in order]


def _month(month: date, step: int) -> str:
    """The month so many months later; "" beyond the calendar."""
    number = month.year * 12 + month.month - 1 + step
    try:
        return _between(date(number // 12, number % 12 + 1, 1)).isoformat()[:7]
    except ValueError:
        return ""


# ------------------------------------------------------------------ the file


async def _lines(
    request: Request, asked: Context, wanted: DeadlineSelection
) -> AsyncIterator[bytes]:
    """The list as CSV, in parts, so that a long one needs no memory. Days are ISO 8601."""
    current.set(language_of(request))  # the body is sent by another task than the handler's
    yield MARK + csv_line(COLUMNS)
    after = None
    while True:
        async with asked.views.connection() as connection:
            rows = await reads.page(connection, wanted, after, FILE_SIZE)
        yield b"".join(csv_line(_cells(row)) for row in rows)
        if len(rows) < FILE_SIZE:
            return
        after = rows[-1].key


def _cells(row: CalendarDeadline) -> tuple[Any, ...]:
    names = (row.tin, row.name, row.administration, row.authorisation)
    return row.due, row.state, *names, row.what, row.rule, row.met_on
