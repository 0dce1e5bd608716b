"""The page that checks a certificate for whoever has one before them: as of now, and as of then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from api.credentials import keys
from api.credentials.checking import (
    CredentialFinding,
    CredentialVerdict,
    Register,
    check_credential,
    check_pdf,
    with_seal,
)
from api.credentials.codes import digest, grouped, read_code
from api.credentials.jwt_parts import is_receipt
from api.credentials.presented import PresentedKind, PresentedThing, of_file, of_text
from api.credentials.receipt_check import check_receipt
from api.credentials.sealed_pdf import PresentedPdf, read_pdf
from api.http.credentials import own_address
from api.http.service import Service
from api.languages.language import _
from api.pages import forms
from api.pages.certificate_document import type_name
from api.pages.certificates import FILES, is_behind, reading, the_file
from api.pages.command_drafts import drafted
from api.pages.errors import PageRoute
from api.pages.query import ask, context
from api.pages.receipts import RECEIPT
from api.pages.render import HEADERS, page
from api.pages.verify_texts import CHECKS, FINDINGS
from projections.reads import credentials as reads
from projections.reads.credentials import CredentialRow

router = APIRouter(route_class=PageRoute)

#: The question of a receipt: as of now, and as of then by what is known today.
ANSWERED = """\
query AnsweredAgain($tin: TIN!, $in: AdministrationCode!, $at: DateTime!, $of: ConsignmentInput) {
  now: recognition(tin: $tin, in: $in, consignment: $of) { outcome }
  again: recognition(tin: $tin, in: $in, asOf: {at: $at}, consignment: $of) { outcome }
}"""

#: What a thing that cannot be checked comes to.
_AS_PRESENTED = {
    PresentedKind.NO_QR: CredentialFinding.NO_QR_CODE,
    PresentedKind.OTHER_FILE: CredentialFinding.OTHER_FILE,
    PresentedKind.NOTHING: CredentialFinding.NOT_UNDERSTOOD,
    PresentedKind.TOO_LARGE: CredentialFinding.TOO_LARGE,
}


@router.get("/verify")
async def form(request: Request) -> Response:
    """Shows the form that takes a code, a link, a credential, a receipt, or a file to verify."""
    typed = (await drafted(request)).get("what", "")
    return page(
        request, "verify.html", title=_("Check a certificate"), verdict=None, typed=typed, wrong=""
    )


@router.post("/verify")
async def check(request: Request) -> Response:
    """Checks what was typed or uploaded. A code leads to its own page, which stays up to date."""
    typed = (await forms.sent(request)).get("what", "")
    upload = await forms.uploaded(request)
    hosts = _hosts(request)
    if upload.too_large:
        presented = PresentedThing(PresentedKind.TOO_LARGE)
    elif upload.content:
        presented = await anyio.to_thread.run_sync(of_file, upload.content, hosts)
    elif typed:
        presented = of_text(typed, hosts)
    else:
        return page(
            request,
            "verify.html",
            status=400,
            title=_("Check a certificate"),
            verdict=None,
            typed="",
            wrong=_("Type what is printed under the code, or choose a file."),
        )
    if presented.kind in (PresentedKind.CODE, PresentedKind.SHARE):
        return RedirectResponse(f"/verify/{presented.text}", 303, HEADERS)
    return await _answered(request, await _checked(request, presented), typed)


@router.get("/verify/{code}")
async def of_code(request: Request, code: str) -> Response:
    """Checks the certificate with this code, or shows the one that a link leads to."""
    async with registered(request) as register:
        row, has_ended, share = await _row_of(register, code)
        if share is not None and row is not None:
            service: Service = request.app.state.service
            await service.credentials.opened(share, register.now)
        verdict = await _verdict(register, row, has_ended=has_ended)
    return await _answered(request, verdict, "", code=code, shared=share is not None)


@router.get("/verify/{code}/state")
async def state(request: Request, code: str) -> Response:
    """The state of a certificate in a few bytes: an open page asks for it, and shows itself anew
    where it differs."""
    async with registered(request) as register:
        row, has_ended, _share = await _row_of(register, code)
        verdict = await _verdict(register, row, has_ended=has_ended)
    body = {"state": verdict.fingerprint, "tone": verdict.finding.tone}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


@router.get("/verify/{code}/{file}")
async def shared_file(request: Request, code: str, file: str) -> Response:
    """Gives the files of a certificate to whoever has a link to it that has not ended."""
    async with registered(request) as register:
        row, _ended, share = await _row_of(register, code)
    if row is None or share is None or file not in FILES:
        title = _("No such certificate")
        sentence = _("This link leads to no file, or it has ended")
        return page(request, "wrong.html", status=404, title=title, sentence=sentence)
    return await the_file(request, row, file)


@asynccontextmanager
async def registered(request: Request) -> AsyncIterator[Register]:
    """What a check needs of the register, as of the instant of the request."""
    service: Service = request.app.state.service
    found = await context(request)
    address = own_address(request) or f"https://{request.headers.get('host', '')}"
    async with reading(request) as connection:
        yield Register(
            connection,
            service.settings.home,
            address,
            service.current_checkpoint.policy(),
            found.now,
            partial(is_behind, request),
        )


async def _row_of(register: Register, text: str) -> tuple[CredentialRow | None, bool, Any]:
    """The credential of a code or of a link's token; whether the link has ended; and the id of the
    link that is good."""
    if code := read_code(text):
        return await reads.by_code(register.whole, code), False, None
    token = digest(text)
    share = await reads.share(register.whole, token) if token else None
    if share is None:
        return None, False, None
    if share.revoked_at is not None or share.expires_at <= register.now:
        return None, True, None
    return await reads.by_id(register.whole, share.credential), False, share.id


async def _verdict(
    register: Register, row: CredentialRow | None, *, has_ended: bool
) -> CredentialVerdict:
    if row is None:
        return CredentialVerdict(
            CredentialFinding.LINK_HAS_ENDED if has_ended else CredentialFinding.UNKNOWN_CODE
        )
    return await check_credential(register, row.jwt)


async def _checked(request: Request, presented: PresentedThing) -> CredentialVerdict:
    """The verdict on anything but a code or a link, which have pages of their own."""
    if finding := _AS_PRESENTED.get(presented.kind):
        return CredentialVerdict(finding, facts={"text": presented.text})
    match presented.kind:
        case PresentedKind.ELSEWHERE:
            return CredentialVerdict(
                CredentialFinding.OTHER_REGISTER, facts={"issuer": presented.text}
            )
        case PresentedKind.RECEIPT:
            return await _of_receipt(request, presented.text)
        case PresentedKind.RECEIPT_ID:
            found = await ask(request, RECEIPT, id=presented.text)
            issued = (found.data or {}).get("receipt")
            if issued is None:
                return CredentialVerdict(CredentialFinding.RECEIPT_NOT_SHOWN)
            return await _of_receipt(request, issued["jwt"])
    if presented.kind is PresentedKind.PDF:
        return await _of_pdf(request, await anyio.to_thread.run_sync(read_pdf, presented.file))
    async with registered(request) as register:
        return await check_credential(register, presented.text)


async def _of_pdf(request: Request, pdf: PresentedPdf) -> CredentialVerdict:
    """A PDF is checked with the credential, or the receipt, that it carries."""
    if pdf.carried is not None and is_receipt(pdf.carried):
        service: Service = request.app.state.service
        return with_seal(service.settings.home, pdf, await _of_receipt(request, pdf.carried))
    async with registered(request) as register:
        return await check_pdf(register, pdf)


async def _of_receipt(request: Request, text: str) -> CredentialVerdict:
    """A receipt is checked, and its question asked again, where its reader may ask it."""
    service: Service = request.app.state.service
    verdict = check_receipt(service.settings.home, text)
    if verdict.finding is not CredentialFinding.RECEIPT_GENUINE or verdict.claims is None:
        return verdict
    subject = verdict.claims["credentialSubject"]
    question, then = subject["question"], subject["answer"]["outcome"]
    given = {name: question[name] for name in ("tin", "in", "at")}
    asked = await ask(request, ANSWERED, **given, of=question["consignment"])
    now, again = ((asked.data or {}).get(name) for name in ("now", "again"))
    facts = {"now": now["outcome"] if now else "", "then": then}
    finding = CredentialFinding.RECEIPT_GENUINE
    if now and again:
        has_behind = request.state.behind is not None
        finding = _compared(then, again["outcome"], now["outcome"], is_behind=has_behind)
    return CredentialVerdict(finding, verdict.checks, facts, claims=verdict.claims)


def _compared(then: str, again: str, now: str, *, is_behind: bool) -> CredentialFinding:
    """Returns the finding about a receipt, from three outcomes. `then`: in the receipt; `again`: of
    the same question by today's record; `now`: of the question for the present moment."""
    recognised = "RECOGNISED"
    if again != then or (then == recognised and now != recognised):
        return CredentialFinding.RECEIPT_CHANGED
    if then == now == recognised and not is_behind:
        return CredentialFinding.RECEIPT_STANDS
    return CredentialFinding.RECEIPT_GENUINE


async def _answered(
    request: Request,
    verdict: CredentialVerdict,
    typed: str,
    *,
    code: str = "",
    shared: bool = False,
) -> Response:
    known = {
        CredentialFinding.UNKNOWN_CODE: 404,
        CredentialFinding.RECEIPT_NOT_SHOWN: 404,
        CredentialFinding.NOT_UNDERSTOOD: 400,
        CredentialFinding.LINK_HAS_ENDED: 410,
    }
    found = await context(request)
    row = verdict.row
    return page(
        request,
        "verify.html",
        status=known.get(verdict.finding, 200),
        title=_("Check of a certificate"),
        scripts=("verify_certificate.js", "signed_text.js"),
        verdict=verdict,
        claims=verdict.claims if verdict.claims and not row else None,
        typed=typed if not row else "",
        sentence=_(FINDINGS[verdict.finding], **_facts(verdict)),
        checks=[(_(CHECKS[kind]), passed) for kind, passed in verdict.checks.items()],
        subject_of=(verdict.claims or {}).get("credentialSubject"),
        printed=grouped(row.code) if row else "",
        now_at=found.now.isoformat(),
        then_at=row.issued_at.isoformat() if row else "",
        until=row.valid_until.isoformat() if row else "",
        code=code,
        shared=shared and row is not None,
        other=keys.address_of(verdict.facts.get("issuer", "")),
        wrong="",
        type_name=type_name,
    )


def _facts(verdict: CredentialVerdict) -> dict[str, str]:
    row = verdict.row
    return {
        "issuer": verdict.facts.get("issuer", ""),
        "why": verdict.facts.get("why", ""),
        "tin": row.tin if row else "",
    }


def _hosts(request: Request) -> frozenset[str]:
    """The hosts of this register, as links name them."""
    address = own_address(request)
    asked = request.headers.get("host", "").lower()
    return frozenset({urlsplit(address).netloc.lower(), asked} if address else {asked})
