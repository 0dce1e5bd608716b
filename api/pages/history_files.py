"""The signed history of an operator, to download: for it, its home customs and auditors."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access import policy
from api.access.policy import Action, SubjectRole
from api.audit.operator_history import history_file
from api.audit.signed_files import FileReader, proof_of
from api.http.service import Service
from api.languages.language import _, joined
from api.pages.command_drafts import sign_in_first
from api.pages.errors import PageRoute
from api.pages.query import ask, context
from api.pages.render import page
from api.pages.sentences import translated
from projections.reads import log
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

PAGES = 100  # of a hundred events each: no operator has more by far
HISTORY = """\
query SignedHistory($tin: TIN!, $after: String) {
  operator(tin: $tin) {
    tin name
    history(first: 100, after: $after) {
      edges { node {
        position version type effective decided decidedBy legalGround recordedAt knownAt corrects
        imported payload
        signature { administration key signature text }
        commitment { salt eventBytes }
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""


@router.get("/operators/{tin}/history.json")
async def history(request: Request, tin: str) -> Response:
    """Returns the signed history of an operator as a JSON file. A visitor who may not read the
    events of the operator gets the same page as for an operator that does not exist."""
    try:
        wanted = Tin.parse(tin.upper())
    except ValueError as wrong:
        return page(
            request, "wrong.html", status=400, title=_("Not a TIN"), sentence=translated(str(wrong))
        )
    asked = await context(request)
    if asked.subject.role is SubjectRole.PUBLIC:
        return sign_in_first(request)
    if not asked.may(Action.READ_EVENTS, policy.operator(wanted)):
        title = _("Not for you to read")
        sentence = _("Only the operator, its home customs and auditors have its signed history.")
        return page(request, "wrong.html", status=403, title=title, sentence=sentence)
    operator, events, wrong_sentence = await _events(request, wanted)
    if operator is None:
        sentence = wrong_sentence or _("%(tin)s is not in this register", tin=wanted.text)
        status = 400 if wrong_sentence else 404
        title = _("Signed history")
        return page(request, "wrong.html", status=status, title=title, sentence=sentence)
    async with asked.views.connection() as connection:
        head = await log.head(connection)
        positions = [int(event["position"]) for event in events]
        found = await log.inclusions(connection, positions, head.size) if head else {}
    for event in events:
        event["proof"] = proof_of(found.get(int(event["position"])))
    service: Service = request.app.state.service
    reader = FileReader(asked.subject.id, asked.now, asked.epoch)
    body = history_file(service.settings.home, operator, events, head, reader)
    headers = {
        "Content-Disposition": f'attachment; filename="{wanted}-history.json"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(body, headers=headers, media_type="application/json")


async def _events(
    request: Request, tin: Tin
) -> tuple[dict[str, Any] | None, list[dict[str, Any]], str]:
    """The operator, all of its events that the subject may read, in order, and why there are none
    of a refused question."""
    events: list[dict[str, Any]] = []
    operator: dict[str, Any] | None = None
    after: str | None = None
    for _page in range(PAGES):
        asked = await ask(request, HISTORY, tin=tin.text, after=after)
        found = (asked.data or {}).get("operator")
        if found is None or asked.errors:
            return None, [], joined("; ", asked.sentences)
        operator = {"tin": found["tin"], "name": found["name"]}
        events += [edge["node"] for edge in found["history"]["edges"]]
        if not found["history"]["pageInfo"]["hasNextPage"]:
            return operator, events, ""
        after = found["history"]["pageInfo"]["endCursor"]
    return None, [], _("The history is too long for one file; an auditor exports it as a bundle.")
