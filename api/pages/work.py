"""The page of work: what waits for an officer, each with its number and a way to the next step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access.policy import Action, Resource, SubjectRole
from api.graphql.context import Context
from api.languages.language import N_, _, current, joined
from api.pages import disputes, forms, mass_decisions, unseen_changes
from api.pages.command_drafts import drafted, here
from api.pages.errors import PageRoute
from api.pages.labels import country, day, event_name, phrase
from api.pages.query import PageQuery, ask, context
from api.pages.render import page
from api.pages.work_divergences import corrected_answers
from api.pages.work_lists import MOST, WorkItem, WorkList
from projections.reads.administration_proposals import open_proposals_of_administrations
from projections.reads.consultations import OpenConsultation, open_consultations
from projections.reads.unsigned_records import (
    UnsignedRecord,
    keyed_since,
    uncovered_records,
    unsigned_records,
)
from registry.domain.decisions import civil_day_of

router = APIRouter(route_class=PageRoute)

SOON = timedelta(days=30)

DEADLINES = """\
query Due($code: AdministrationCode!, $before: Date, $overdue: Boolean) {
  operators(first: 20, filter: {administration: $code, dueBefore: $before, overdue: $overdue}) {
    totalCount
    edges { node { tin name authorisations { number deadlines { what due met overdue } } } }
  }
}"""
PROPOSALS = """\
query Waiting {
  proposals(first: 50) {
    edges { node { tin command isOwn expires } }
    pageInfo { hasNextPage }
  }
}"""


@router.get("/work")
async def work(request: Request) -> Response:
    """Shows what waits for the subject."""
    asked = await context(request)
    role = asked.subject.role
    if role is SubjectRole.PUBLIC:
        title = _("Sign in to see your work")
        return page(
            request,
            "command_sign_in.html",
            status=403,
            title=title,
            next=here(request),
            has_draft=False,
        )
    await drafted(request)
    lists: list[WorkList] = []
    if role is SubjectRole.OFFICER:
        lists += await _deadlines(request, asked)
        lists.append(await _consultations(request, asked))
        lists.append(await _unsigned(asked))
        lists.append(await _uncovered(asked))
    if unseen_changes.follows(asked):
        lists.append(await unseen_changes.unseen(request, asked))
    if (corrected := await corrected_answers(asked)) is not None:
        lists.append(corrected)
    if asked.may(Action.READ_DISPUTES, Resource(asked.subject.own, asked.subject.tin)):
        lists.append(await _disputes(request))
    if asked.may(Action.READ_PROPOSALS, Resource(asked.subject.own)):
        lists.append(await _proposals(request))
        lists.append(await _administration_proposals(asked))
    return page(
        request,
        "work.html",
        title=_("Your work"),
        lists=lists,
        links=_links(role),
        role=role.value,
        many=mass_decisions.links(),
        names=mass_decisions.names(),
        own=asked.subject.administration_of_officer,
    )


def _links(role: SubjectRole) -> list[tuple[str, str]]:
    """Where else there is something to look at for a role: address and title."""
    receipts = [("/receipts", N_("Receipts whose answer has changed"))]
    found = {
        SubjectRole.AUDITOR: [
            *receipts,
            ("/events", N_("Events")),
            ("/deadlines", N_("Deadlines")),
            ("/log", N_("Integrity record")),
        ],
        SubjectRole.PARTNER: [*receipts, ("/freshness", N_("Freshness"))],
        SubjectRole.OFFICER: receipts,
    }.get(role, [])
    return [(address, current.get().gettext(title)) for address, title in found]


async def _deadlines(request: Request, asked: Context) -> list[WorkList]:
    """What is overdue, and what is due within 30 days, of the subject's own operators."""
    code = asked.subject.administration
    assert code is not None  # every officer has one
    zone = await forms.zone_of(request, code.text)
    before = (civil_day_of(asked.now, zone) + SOON).isoformat()
    overdue = await ask(request, DEADLINES, code=code.text, overdue=True)
    due = await ask(request, DEADLINES, code=code.text, before=before, overdue=False)
    nothing = _("Nothing is overdue.")
    soon = _("Nothing is due within 30 days.")
    return [
        _of_deadlines("overdue", _("Overdue"), overdue, nothing),
        _of_deadlines("due", _("Due within 30 days"), due, soon, until=before),
    ]


def _of_deadlines(
    name: str, title: str, asked: PageQuery, empty: str, until: str | None = None
) -> WorkList:
    """The deadlines that are still open and due before a day; without one, those that are
    overdue."""
    if asked.data is None:
        return _refused(name, title, asked)
    found = asked.data["operators"]
    items = [
        WorkItem(
            node["tin"],
            node["name"],
            _(
                "%(what)s, %(day)s (%(number)s)",
                what=phrase(deadline["what"]),
                day=day(deadline["due"]),
                number=authorisation["number"],
            ),
            f"/operators/{node['tin']}#actions",
            _("Decide"),
        )
        for node in (edge["node"] for edge in found["edges"])
        for authorisation in node["authorisations"]
        for deadline in authorisation["deadlines"]
        if (
            deadline["overdue"]
            if until is None
            else deadline["met"] is None and deadline["due"] < until
        )
    ]
    total = found["totalCount"]
    more = total > len(found["edges"])
    step = "/deadlines", _("Look at the calendar of deadlines")
    return WorkList(name, title, total, empty, items, more, step=step)


def _refused(name: str, title: str, asked: PageQuery) -> WorkList:
    return WorkList(name, title, None, joined("; ", asked.sentences))


async def _consultations(request: Request, asked: Context) -> WorkList:
    """The consultations of other administrations without a reply, those that are due first come
    first."""
    own = asked.subject.administration_of_officer
    zone = await forms.zone_of(request, own.text if own else None)
    today = civil_day_of(asked.now, zone).isoformat()
    async with asked.ledger.connection() as connection:
        rows = await open_consultations(connection, sorted(asked.subject.home), MOST)
    items = [
        WorkItem(
            row.tin,
            "",
            _consultation_in_words(row, today),
            f"/operators/{row.tin}/record-consultation-reply?asked={row.asked}",
            _("Record the reply"),
        )
        for row in rows
    ]
    total = rows[0].total if rows else 0
    empty = _("No consultation waits for a reply.")
    step = (
        f"/operators?administration={own}&standing=UNDER_EXAMINATION",
        _("Consult another administration about an operator under examination"),
    )
    title = _("Consultations")
    more = total > len(rows)
    return WorkList("consultations", title, total, empty, items, more, step=step)


def _consultation_in_words(row: OpenConsultation, today: str) -> str:
    """Who was asked and when, and the last day for the reply, where a rule of the programme set
    one. `today`: the civil day of the home administration."""
    words = _(
        "%(territory)s was asked on %(day)s", territory=country(row.asked), day=day(row.since)
    )
    if row.due is None:
        return _("%(what)s; no rule of the programme sets a day for the reply", what=words)
    words = _("%(what)s, reply due on %(day)s", what=words, day=day(row.due))
    return f"{words}: {_('overdue')}" if row.due < today else words


async def _unsigned(asked: Context) -> WorkList:
    """The records of operators of the subject's administration that it did not sign."""
    title = _("Unsigned")
    rows: list[UnsignedRecord] = []
    total = 0
    async with asked.ledger.connection() as connection:
        keys = await keyed_since(connection, sorted(asked.subject.home))
        for code, since in sorted(keys.items()):
            found = await unsigned_records(connection, code, since, MOST)
            total += found[0].total if found else 0
            rows += found
    if not keys:
        empty = _("Your administration has named no key, so nothing is signed.")
        own = asked.subject.administration_of_officer
        step = f"/countries/{own}/add-key", _("Name the first key of your administration")
        return WorkList("unsigned", title, 0, empty, step=step)
    items = _records(rows)
    empty = _("Every decision since the first key is signed.")
    note = _("Imported without a signature, after your administration had a key.")
    more = total > len(items)
    step = "/log", _("Look at the integrity record")
    return WorkList("unsigned", title, total, empty, items, more, note, step=step)


async def _uncovered(asked: Context) -> WorkList:
    """The records of operators of the subject's administration that no signed head of the log
    covers yet."""
    async with asked.ledger.connection() as connection:
        rows = await uncovered_records(connection, sorted(asked.subject.home), MOST)
    total = rows[0].total if rows else 0
    title = _("Not yet under a signed head of the log")
    empty = _("Every record about your operators is covered by a signed head of the log.")
    note = _("Until a head is signed, nobody outside can prove that these were recorded.")
    items, more = _records(rows), total > len(rows)
    step = "/log", _("Look at the integrity record")
    return WorkList("uncovered", title, total, empty, items, more, note, step=step)


def _records(rows: list[UnsignedRecord]) -> list[WorkItem]:
    return [
        WorkItem(
            row.tin,
            "",
            _("%(what)s, %(day)s", what=event_name(row.type), day=day(row.effective)),
            f"/operators/{row.tin}?tab=history#history",
            _("Look at it"),
        )
        for row in rows[:MOST]
    ]


async def _disputes(request: Request) -> WorkList:
    """The open disputes: of the subject's own operators, and those that it opened."""
    found = await ask(request, disputes.OPEN)
    title = _("Disputes")
    if found.data is None:
        return _refused("disputes", title, found)
    connection = found.data["disputes"]
    nodes = [edge["node"] for edge in connection["edges"]]
    nodes.sort(key=lambda node: node["answerDue"] or "9999-12-31")
    items = []
    for node in nodes[:MOST]:
        steps = await disputes.steps(request, node)
        page_of = f"/operators/{node['tin']}?tab=history#dispute-{node['dispute']}"
        action, address = steps[0] if steps else (_("Look at it"), page_of)
        items.append(WorkItem(node["tin"], "", _dispute_in_words(node), address, action))
    empty = _("No dispute is open.")
    more = connection["pageInfo"]["hasNextPage"]
    step = "/operators", _("Find an operator: a dispute is opened on its page")
    return WorkList("disputes", title, len(nodes), empty, items, more, step=step)


def _dispute_in_words(node: dict[str, Any]) -> str:
    words = phrase(node["kind"])
    if node["openedBy"]:
        words += f" ({country(node['openedBy'])})"
    if node["answerDue"]:
        words = _("%(what)s, answer due on %(day)s", what=words, day=day(node["answerDue"]))
    return f"{words}: {_('overdue')}" if node["overdue"] else words


async def _proposals(request: Request) -> WorkList:
    """The decisions that wait for a second person."""
    found = await ask(request, PROPOSALS)
    title = _("Proposals")
    if found.data is None:
        return _refused("proposals", title, found)
    connection = found.data["proposals"]
    nodes = [edge["node"] for edge in connection["edges"]]
    own = _("yours: another person confirms it")
    items = [
        WorkItem(
            node["tin"],
            "",
            phrase(node["command"]) + (f" ({own})" if node["isOwn"] else ""),
            f"/operators/{node['tin']}?tab=history#proposals",
            _("Look at it"),
        )
        for node in nodes[:MOST]
    ]
    empty = _("Nothing waits for a second person.")
    more = connection["pageInfo"]["hasNextPage"]
    step = "/operators", _("Find an operator: a decision about it is proposed on its page")
    return WorkList("proposals", title, len(nodes), empty, items, more, step=step)


async def _administration_proposals(asked: Context) -> WorkList:
    """The decisions about no operator that wait for a second person: programmes, agreements, and
    the subject's administration itself."""
    subject = asked.subject
    own = None if subject.role is SubjectRole.AUDITOR else sorted(map(str, subject.own))
    async with asked.ledger.connection() as connection:
        rows = await open_proposals_of_administrations(connection, own, asked.now)
    items = []
    for row in rows[:MOST]:
        is_own = row.proposer == subject.person
        words = phrase(row.input["command"])
        words += f" ({_('yours: another person confirms it')})" if is_own else ""
        if row.expires:
            words = _("%(what)s, until %(day)s", what=words, day=day(row.expires.isoformat()))
        address = f"/proposals/{row.administration}/{row.proposal}"
        verb = "withdraw" if is_own else "confirm"
        step = _("Look at it") if is_own else _("Confirm or reject")
        if subject.role is SubjectRole.AUDITOR:
            address, verb, step = "/proposals", "", _("Look at it")
        name = country(row.administration)
        page = f"/countries/{row.administration}"
        to = f"{address}/{verb}" if verb else address
        items.append(WorkItem(row.administration, name, words, to, step, page))
    title, empty = (
        _("Proposals about programmes, agreements and administrations"),
        _("Nothing waits for a second person."),
    )
    more = len(rows) > MOST
    following = "/proposals", _("Look at the page of proposals")
    return WorkList(
        "administration-proposals", title, len(rows), empty, items, more, step=following
    )
