"""Pages of plans, communiques and press records: their measures, and whether their goals were
met."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.graphql.errors import Unanswered
from api.graphql.global_ids import key_of
from api.languages.language import _
from api.pages import forms
from api.pages.command_places import DOCUMENT as DOCUMENT_PLACE
from api.pages.errors import PageRoute
from api.pages.labels import territory
from api.pages.query import ask
from api.pages.record_actions import actions_about
from api.pages.record_texts import plain_title
from api.pages.render import page

router = APIRouter(route_class=PageRoute)

#: A document is searched by words, and its id is one of them.
DOCUMENT = """\
query Document($id: String!, $asOf: AsOf) {
  documents(contains: $id, first: 20) {
    edges {
      node {
        code
        title
        date
        parties
        measures
        text
        source
        titles
        language
        measureNames
        quotation
        note
        agreements { code title kind status }
      }
    }
  }
  targets(asOf: $asOf) {
    document owner text deadline met source quotation note
    reason { code message facts { name value item zone } }
  }
}"""

DOCUMENTS = """\
query Documents($party: AdministrationCode, $contains: String, $after: String) {
  documents(party: $party, contains: $contains, first: 50, after: $after) {
    edges { node { code title titles language date parties source } }
    pageInfo { hasNextPage endCursor }
  }
  targets { document owner text deadline met }
}"""


@router.get("/documents")
async def documents(request: Request) -> Response:
    """Shows the list of documents, filtered by party and by text."""
    asked = request.query_params
    party = territory(asked.get("party", ""))
    contains = asked.get("contains", "").strip()
    found = await ask(
        request, DOCUMENTS, party=party or None, contains=contains or None, after=asked.get("after")
    )
    return page(
        request,
        "documents.html",
        status=200 if found.data else 400,
        title=_("Documents and goals"),
        asked=found,
        found=found.data and found.data["documents"],
        party=party,
        contains=contains,
        targets=found.data["targets"] if found.data else [],
    )


@router.get("/documents/{id}")
async def document(request: Request, id: str) -> Response:
    """Shows one document with its targets and agreements."""
    clocks = await forms.clocks(request)
    with suppress(Unanswered):  # the id is of another type
        id = key_of("Document", id, "id")
    asked = await ask(request, DOCUMENT, id=id, asOf=clocks.as_of)
    found = [edge["node"] for edge in asked.data["documents"]["edges"]] if asked.data else []
    found_document = next((candidate for candidate in found if candidate["code"] == id), None)
    if asked.data is None or found_document is None:
        return page(
            request,
            "nothing.html",
            status=404 if asked.data else 400,
            title=_("No such document"),
            clocks=clocks,
            asked=asked,
            sentence=_("The register holds no document %(id)s.", id=repr(id)),
            look=("/documents", _("All documents")),
        )
    return page(
        request,
        "document.html",
        status=clocks.status,
        title=plain_title(found_document),
        document=found_document,
        asked=asked,
        clocks=clocks,
        targets=[target for target in asked.data["targets"] if target["document"] == id],
        actions=await actions_about(request, DOCUMENT_PLACE, id),
    )
