"""The list of changes of recognition on the page of work, and the form that marks them as seen.

A change is an operator whose recognition in the reader's territory is another from a day on. The
feed of changes has them in the order in which they were recorded; each reader has a mark, the last
position of the feed that was seen, and is shown what comes after it (`api.access.changes_seen`).
Only customs of another territory, that follow its changes, have the list; others get status 403.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access.changes_seen import ChangesSeen
from api.access.policy import Action, Resource, SubjectRole
from api.graphql.context import Context
from api.languages.language import _
from api.pages import forms
from api.pages.errors import PageRoute
from api.pages.labels import first_day, phrase
from api.pages.query import context
from api.pages.render import HEADERS, page
from api.pages.work_lists import MOST, WorkItem, WorkList
from projections.history import feed_pages as feed
from projections.history.feed import Change
from projections.reads.events import place_before
from registry.domain.values import AdministrationCode

router = APIRouter(route_class=PageRoute)

#: Where a reader who has marked nothing yet begins.
LATELY = timedelta(days=30)
PAGES = 5  # of the feed that are read for one list


@router.post("/work/seen")
async def seen(request: Request) -> Response:
    """Marks the changes up to a position as seen, for this reader."""
    asked = await context(request)
    there = asked.subject.administration
    if there is None or not follows(asked):
        title = _("Not for you to do")
        sentence = _("Only the customs of a territory marks changes as seen.")
        return page(request, "wrong.html", status=403, title=title, sentence=sentence)
    typed = (await forms.sent(request)).get("position", "")
    last = asked.registry.recorder.max_notification_id() or 0
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 19 and int(typed) <= last):
        title = _("This form cannot be read")
        sentence = _("Found %(found)s, wanted a position of the feed.", found=repr(typed[:40]))
        return page(request, "wrong.html", status=400, title=title, sentence=sentence)
    marks = ChangesSeen(request.app.state.settings.database)
    await marks.mark(asked.subject.actor, there.text, asked.epoch, int(typed))
    return RedirectResponse("/work#changes", 303, HEADERS)


def follows(asked: Context) -> bool:
    """Whether the subject is the customs of another territory, which follows changes."""
    subject = asked.subject
    return subject.role is SubjectRole.PARTNER and asked.may(
        Action.FOLLOW_CHANGES, Resource(territory=subject.administration)
    )


async def unseen(request: Request, context: Context) -> WorkList:
    """The changes of the subject's territory after those that it marked as seen; where it marked
    none, those of the last 30 days."""
    there = context.subject.administration
    assert there is not None  # `follows` was asked
    marks = ChangesSeen(request.app.state.settings.database)
    after = await marks.position(context.subject.actor, there.text, context.epoch)
    note = ""
    if after is None:
        note = _("You have marked nothing as seen yet; these are the changes of the last 30 days.")
    found: list[Change] = []
    more = False
    async with context.whole.connection() as views, context.ledger.connection() as ledger:
        if after is None:
            after = (await place_before(ledger, context.now - LATELY))[1]
        for _turn in range(PAGES):
            of_feed = await feed.page(
                views, ledger, context.subject.visibility, there, after, MOST, context.now
            )
            found += of_feed.changes
            more = of_feed.next < of_feed.head
            if not more or len(found) >= MOST:
                after = of_feed.next
                break
            after = of_feed.next
    context.looked("changes", sorted({change.tin.text for change in found}))
    zones = await forms.zones(request)
    items = [_item(change, there, zones) for change in found]
    return WorkList(
        "changes",
        _("Changes not yet seen"),
        len(found),
        _("No change since those that you have marked as seen."),
        items,
        more,
        note,
        after if found or more else None,
        ("/operators", _("Look at the operators that you may see")),
    )


def _item(change: Change, there: AdministrationCode, zones: Mapping[str, str]) -> WorkItem:
    homes = (there.text, change.tin.country)
    words = _(
        "%(before)s, now %(after)s, from %(day)s",
        before=phrase(change.was.value),
        after=phrase(change.now.value),
        day=first_day(
            change.effective_from.isoformat(), [zones[code] for code in homes if code in zones]
        ),
    )
    tin = change.tin.text
    return WorkItem(tin, "", words, f"/operators/{tin}?in={there}", _("Look at it"))
