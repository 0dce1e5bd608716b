"""The page of an operator's certificates: its home customs, or the operator itself, has them made,
shows them to others by links that end, and withdraws them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access import policy
from api.access.policy import Action
from api.credentials import sealed_pdf
from api.credentials.checking import Register, check_credential
from api.credentials.codes import grouped
from api.credentials.issuing import (
    CredentialIssuer,
    CredentialRequest,
    NotIssued,
    WhyNotIssued,
    is_stated,
)
from api.credentials.jwt_parts import read_signed
from api.graphql import retry as again
from api.http.credentials import LIST_TYPE, own_address
from api.http.service import Service
from api.languages.language import N_, _, current
from api.pages import forms
from api.pages.certificate_document import document, link, type_name
from api.pages.command_drafts import drafted
from api.pages.errors import PageRoute
from api.pages.query import ask, context, note_lag
from api.pages.refusals import refusal
from api.pages.render import HEADERS, page
from api.pages.sentences import translated
from api.pages.verify_texts import FINDINGS
from projections.reads import credentials as reads
from projections.reads.credentials import CredentialRow
from projections.reads.projection_lag import is_unshown
from registry.domain.errors import OtherCommand
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

OPERATOR = """\
query Certified($tin: TIN!) {
  operator(tin: $tin) {
    tin name localName
    administration { code name timeZone }
    authorisations {
      number type status statusAbroad effectiveFrom validUntil
      programme { code name }
    }
  }
}"""

SHOWN = 20  # credentials, the newest
#: For how many days a link can be made.
DAYS = (1, 7, 30)
WHY_NOT = {
    WhyNotIssued.NOT_VALID: N_(
        "No certificate was made: the authorisation is not valid now, at home and abroad."
    ),
    WhyNotIssued.NOT_IN_LOG: N_(
        "No certificate was made yet: the log has not signed the decision. Try again in a moment."
    ),
}
FILES = {"certificate.pdf": "application/pdf", "credential.jwt": LIST_TYPE}


@router.get("/operators/{tin}/certificate")
async def certificates(request: Request, tin: str) -> Response:
    """Shows the certificates of an operator to those who may have them made."""
    found = await _permitted(request, tin)
    await drafted(request)
    return found if isinstance(found, Response) else await _shown(request, found)


@router.post("/operators/{tin}/certificate")
async def change(request: Request, tin: str) -> Response:
    """Makes or withdraws a certificate, and makes or revokes a link to one, as the form says."""
    found = await _permitted(request, tin)
    if isinstance(found, Response):
        return found
    typed = await forms.sent(request)
    match typed.get("action"):
        case "issue":
            return await _issue(request, found, typed)
        case "withdraw" | "share" | "revoke" as action:
            return await _about_one(request, found, typed, action)
    return await _shown(request, found, wrong=_("Nothing was done: the form names no action."))


@router.get("/operators/{tin}/certificate/{id}/{file}")
async def download(request: Request, tin: str, id: str, file: str) -> Response:
    """Gives the certificate as a PDF, or the credential itself."""
    found = await _permitted(request, tin)
    if isinstance(found, Response):
        return found
    row = await _own_row(request, found, id)
    if row is None or file not in FILES:
        title = _("No such certificate")
        sentence = _("%(tin)s has no certificate of this id", tin=found.text)
        return page(request, "wrong.html", status=404, title=title, sentence=sentence)
    return await the_file(request, row, file)


async def the_file(request: Request, row: CredentialRow, file: str) -> Response:
    """Returns a file of a credential. A PDF is the same each time, in each pair of languages."""
    if file == "credential.jwt":
        body = row.jwt.encode()
    else:
        body = await _pdf(request, row)
    name = f"{row.tin}-{grouped(row.code)[:5]}{'.pdf' if file.endswith('.pdf') else '.jwt'}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(body, headers=headers, media_type=FILES[file])


async def _pdf(request: Request, row: CredentialRow) -> bytes:
    service: Service = request.app.state.service
    claims = read_signed(row.jwt).claims
    # The address is that of the credential, whatever the register is called today.
    address = claims["register"]["verify"].rpartition("/verify/")[0]
    texts = document(row, claims, address, current.get())
    proof = claims["evidence"][0]["proof"]
    attached = {"credential.jwt": row.jwt, "event.tlog-proof": proof}
    whole = await anyio.to_thread.run_sync(
        sealed_pdf.typeset,
        "certificate.typ",
        texts,
        link(address, row.code),
        attached,
        row.issued_at,
    )
    return sealed_pdf.seal(service.settings.home, address, whole, claims["id"])


@asynccontextmanager
async def reading(request: Request) -> AsyncIterator[reads.Connection]:
    """A connection that sees every operator: who may have a certificate made was decided before,
    and whoever has one is told the state of the authorisation that it is about."""
    context_of_page = await context(request)
    async with context_of_page.whole.connection() as connection:
        yield connection


async def is_behind(request: Request, tin: str) -> bool:
    """Returns whether the read models are behind the ledger: longer than a page passes over, or
    because an event about this operator is recorded and not projected."""
    service: Service = request.app.state.service
    if await note_lag(request) is not None:
        return True
    return await again.read(service.ledger, lambda connection: is_unshown(connection, tin))


async def _permitted(request: Request, typed: str) -> Tin | Response:
    """Returns the operator's TIN; or an error page."""
    try:
        tin = Tin.parse(typed.upper())
    except ValueError as wrong:
        return page(
            request, "wrong.html", status=400, title=_("Not a TIN"), sentence=translated(str(wrong))
        )
    subject = (await context(request)).subject
    decision = policy.decide(subject, Action.CERTIFY, policy.operator(tin))
    if not decision.allowed:
        return page(
            request,
            "wrong.html",
            status=403,
            title=_("Not for you to do"),
            sentence=refusal("FORBIDDEN", decision.reason),
        )
    return tin


async def _issue(request: Request, tin: Tin, typed: dict[str, str]) -> Response:
    asked = await ask(request, OPERATOR, tin=tin.text)
    operator = asked.data["operator"] if asked.data else None
    address, id = own_address(request), _id(typed.get("command_id"))
    if operator is None:
        return await _shown(request, tin)
    if id is None:
        return await _shown(request, tin, wrong=_("Nothing was done: the form is not complete."))
    if address is None:
        return await _shown(request, tin, wrong=_(NO_ADDRESS))
    if await is_behind(request, tin.text):
        return await _shown(request, tin, wrong=_(NOT_SHOWN_YET))
    service: Service = request.app.state.service
    found = await context(request)
    async with reading(request) as connection:
        issuer = CredentialIssuer(
            connection, service.credentials, service.settings.home, address, found.epoch
        )
        authorisation = typed.get("authorisation", "")
        wanted = CredentialRequest(
            id, tin.text, authorisation, operator, found.subject.actor, found.now
        )
        try:
            await issuer.issue(wanted)
        except NotIssued as error:
            return await _shown(request, tin, wrong=_(WHY_NOT[error.why]))
        except OtherCommand as error:
            return await _shown(request, tin, wrong=refusal("OTHER_COMMAND", str(error)))
    return _back(tin)


NOT_SHOWN_YET = N_(
    "No certificate was made yet: something was recorded that does not show here yet. Try again in"
    " a moment."
)
NO_ADDRESS = N_(
    "No certificate can be made: this register has no public address (AEO_PUBLIC_URL), which a"
    " certificate names."
)


async def _about_one(request: Request, tin: Tin, typed: dict[str, str], action: str) -> Response:
    row = await _own_row(request, tin, typed.get("credential", ""))
    id = _id(typed.get("command_id"))
    if row is None or id is None:
        return await _shown(request, tin, wrong=_("Nothing was done: the form is not complete."))
    service: Service = request.app.state.service
    found = await context(request)
    now: datetime = found.now
    if action == "withdraw":
        await service.credentials.withdraw(row.id, now)
    elif action == "revoke":
        share = _id(typed.get("share"))
        if share is not None:
            await service.credentials.revoke(share, row.id, now)
    else:
        days = typed.get("days", "")
        if days not in map(str, DAYS):
            return await _shown(request, tin, wrong=_("Choose for how long the link is good."))
        until = now + timedelta(days=int(days))
        token = await service.credentials.share(id, row.id, found.subject.actor, now, until)
        return await _shown(request, tin, token=token or "")
    return _back(tin)


async def _own_row(request: Request, tin: Tin, id: str) -> CredentialRow | None:
    wanted = _id(id)
    if wanted is None:
        return None
    async with reading(request) as connection:
        row = await reads.by_id(connection, wanted)
    return row if row and row.tin == tin.text else None


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _back(tin: Tin) -> Response:
    return RedirectResponse(f"/operators/{tin}/certificate", 303, HEADERS)


async def _shown(
    request: Request, tin: Tin, *, wrong: str = "", token: str | None = None
) -> Response:
    """The page. `token`: of the link that was made just now; "" where the form was sent twice."""
    asked = await ask(request, OPERATOR, tin=tin.text)
    operator = asked.data["operator"] if asked.data else None
    if operator is None:
        return page(
            request,
            "wrong.html",
            status=404,
            title=tin.text,
            sentence=_("The register holds no such operator, or none that it may show you"),
        )
    found, service = await context(request), request.app.state.service
    address = own_address(request)
    async with reading(request) as connection:
        states = await reads.states(connection, tin.text, found.now, found.now)
        rows = await reads.of_operator(connection, tin.text, SHOWN)
        shares = await reads.shares(connection, [row.id for row in rows])
        register = Register(
            connection,
            service.settings.home,
            address or "",
            service.current_checkpoint.policy(),
            found.now,
            partial(is_behind, request),
        )
        verdicts = {row.id: await check_credential(register, row.jwt) for row in rows}
    return page(
        request,
        "certificate.html",
        status=400 if wrong else 200,
        title=_("Certificates of %(name)s", name=operator["name"]),
        operator=operator,
        states=[(state, is_stated(state)) for state in states],
        credentials=[_listed(row, verdicts[row.id], shares, found.now) for row in rows],
        days=DAYS,
        wrong=wrong,
        no_address="" if address else _(NO_ADDRESS),
        made=token,
        share_link=f"{address}/verify/{token}" if token else "",
        type_name=type_name,
        new_id=lambda: str(uuid4()),
    )


def _listed(row: CredentialRow, verdict: Any, shares: list[Any], now: datetime) -> dict[str, Any]:
    own = [share for share in shares if share.credential == row.id]
    return {
        "row": row,
        "code": grouped(row.code),
        "finding": verdict.finding,
        "sentence": _(FINDINGS[verdict.finding]),
        "shares": [(share, share.revoked_at is None and share.expires_at > now) for share in own],
    }
