"""The pages of receipts: one receipt, checked in the browser, and those that were corrected."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages.errors import PageRoute
from api.pages.query import ask
from api.pages.render import page

router = APIRouter(route_class=PageRoute)

RECEIPT = """\
query Receipt($id: ID!) {
  receipt(id: $id) { id issuedAt jwt }
}"""

DIVERGENCES = """\
query MyDivergences($after: String) {
  myDivergences(first: 50, after: $after) {
    edges {
      node {
        receipt { id issuedAt }
        tin
        in
        at
        answered
        correct
        since
        because { position type effective }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""


@router.get("/receipts")
async def receipts(request: Request) -> Response:
    """Shows the receipts of the subject whose answers today's record changes."""
    found = await ask(request, DIVERGENCES, after=request.query_params.get("after"))
    return page(
        request,
        "receipts.html",
        status=200 if found.data else 403 if found.forbidden else 400,
        title=_("Receipts whose answer has changed"),
        found=found,
        divergences=found.data["myDivergences"] if found.data else None,
    )


@router.get("/receipts/{id}")
async def receipt(request: Request, id: str) -> Response:
    """Shows a receipt. One that the subject may not read and an unknown one give the same page."""
    try:
        wanted = str(UUID(id))
    except ValueError:
        title = _("Not a receipt")
        sentence = _("%(id)s is not the id of a receipt: wanted a UUID", id=repr(id[:40]))
        return page(request, "wrong.html", status=400, title=title, sentence=sentence)
    found = await ask(request, RECEIPT, id=wanted)
    issued = (found.data or {}).get("receipt")
    return page(
        request,
        "receipt.html",
        status=200 if issued else 400 if found.errors else 404,
        title=_("Receipt %(id)s", id=wanted),
        scripts=("receipt.js",),
        id=wanted,
        found=found,
        receipt=issued,
        claims=claims(issued["jwt"]) if issued else None,
    )


def claims(jwt: str) -> dict[str, Any]:
    """Returns what a receipt of this register says. Its signature is not verified here: the
    register reads its own copy, and the browser checks the signature."""
    signed, _, tail = jwt.partition("~")
    found = _read(signed.split(".")[1])
    if tail:  # one of many that share a signature
        own = _read(tail.split("~")[0])
        found |= {"id": own["id"]}
        found["credentialSubject"] |= {"question": own["question"], "answer": own["answer"]}
    return found


def _read(part: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found
