"""The pages of receipts: one receipt, checked in the browser, and those that were corrected."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import datetime
from typing import Any
from uuid import UUID

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.credentials import sealed_pdf
from api.http.credentials import own_address
from api.http.service import Service
from api.languages.language import N_, _, current
from api.pages.errors import PageRoute
from api.pages.query import ask
from api.pages.receipt_document import document, link
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


FILES = {
    "receipt.pdf": "application/pdf",
    "receipt.jwt": "application/vc+jwt",
    "receipt.svg": "image/svg+xml",
}
NO_ADDRESS = N_(
    "No such file can be made: this register has no public address (AEO_PUBLIC_URL), which a"
    " receipt's QR code names."
)


@router.get("/receipts/{id}/{file}")
async def download(request: Request, id: str, file: str) -> Response:
    """Gives a receipt as a PDF, as the signed text, or the QR code of its address as a picture."""
    wanted = _uuid(id)
    found = await ask(request, RECEIPT, id=wanted) if wanted else None
    issued = (found.data or {}).get("receipt") if found else None
    if issued is None or file not in FILES:
        title = _("No such receipt")
        sentence = _("No receipt has this id and file, or it is not yours to read")
        return page(request, "wrong.html", status=404, title=title, sentence=sentence)
    address = own_address(request)
    if file == "receipt.jwt":
        body = str(issued["jwt"]).encode()
    elif address is None:
        title = _("No such file")
        return page(request, "wrong.html", status=404, title=title, sentence=_(NO_ADDRESS))
    elif file == "receipt.svg":
        body = sealed_pdf.qr_code(link(address, issued["id"]))
    else:
        body = await _pdf(request, issued, address)
    kind = "inline" if file == "receipt.svg" else "attachment"
    headers = {
        "Content-Disposition": f'{kind}; filename="receipt-{wanted}.{file.rpartition(".")[2]}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(body, headers=headers, media_type=FILES[file])


async def _pdf(request: Request, issued: dict[str, Any], address: str) -> bytes:
    """The PDF of a receipt, sealed: the same each time, in each pair of languages."""
    service: Service = request.app.state.service
    stated = claims(issued["jwt"])
    whole = await anyio.to_thread.run_sync(
        sealed_pdf.typeset,
        "receipt.typ",
        document(stated, address, current.get()),
        link(address, stated["id"]),
        {"receipt.jwt": issued["jwt"]},
        datetime.fromisoformat(stated["validFrom"]),
    )
    return sealed_pdf.seal(service.settings.home, address, whole, stated["id"])


def _uuid(id: str) -> str | None:
    try:
        return str(UUID(id))
    except ValueError:
        return None


@router.get("/receipts/{id}")
async def receipt(request: Request, id: str) -> Response:
    """Shows a receipt. One that the subject may not read and an unknown one give the same page."""
    wanted = _uuid(id)
    if wanted is None:
        title = _("Not a receipt")
        sentence = _("%(id)s is not the id of a receipt: wanted a UUID", id=repr(id[:40]))
        return page(request, "wrong.html", status=400, title=title, sentence=sentence)
    found = await ask(request, RECEIPT, id=wanted)
    issued = (found.data or {}).get("receipt")
    stated = claims(issued["jwt"]) if issued else None
    question = stated["credentialSubject"]["question"] if stated else None
    return page(
        request,
        "receipt.html",
        status=200 if issued else 400 if found.errors else 404,
        title=_("Receipt %(id)s", id=wanted),
        scripts=("receipt.js", "signed_text.js"),
        id=wanted,
        found=found,
        receipt=issued,
        claims=stated,
        instants=(question["at"], question["knownAt"]) if question else None,
        has_address=own_address(request) is not None,
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
