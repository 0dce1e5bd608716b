"""Signing in and out of people at the issuers that the settings name (OpenID Connect).

The session's cookie has the prefix `__Host-`: a browser takes it from this host alone, over TLS
alone, and sends it to this host alone. It is `SameSite=Strict`, so no other site's page makes a
browser send it.
"""

from __future__ import annotations

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access.sign_in import CALLBACK, LIFE, Attempt, RelyingParty, SignInFailed
from api.http.exchanges import KEY, Exchange
from api.http.service import Service
from api.languages.language import _
from api.pages import forms
from api.pages.errors import PageRoute, missing
from api.pages.identity import inside
from api.pages.query import SESSION
from api.pages.render import HEADERS, page

router = APIRouter(route_class=PageRoute, include_in_schema=False)
#: The cookie of an attempt to sign in. It must come with the issuer's redirection back, which is
#: another site's: `SameSite=Lax`.
ATTEMPT = "__Host-aeo-sign-in"
log = structlog.get_logger("sign-in")


@router.get("/sign-in")
async def choose(request: Request, next: str = "/") -> Response:
    """The page on which a person chooses where to sign in."""
    parties = _service(request).authenticator.parties
    if not parties:
        return await missing(request, LookupError())
    choices = [(number, party.name) for number, party in enumerate(parties)]
    return page(request, "sign_in.html", title=_("Sign in"), choices=choices, next=inside(next))


@router.get("/sign-in/start")
async def start(request: Request, issuer: int = 0, next: str = "/") -> Response:
    """Sends the browser to the issuer."""
    parties = _service(request).authenticator.parties
    if not 0 <= issuer < len(parties):
        return await missing(request, LookupError())
    address, attempt = await parties[issuer].begin(inside(next))
    answer = RedirectResponse(address, 303, HEADERS)
    answer.set_cookie(
        ATTEMPT, attempt.cookie(), max_age=LIFE, secure=True, httponly=True, samesite="lax"
    )
    return answer


@router.get(CALLBACK)
async def back(request: Request) -> Response:
    """Ends an attempt: begins a session for whoever signed in."""
    service = _service(request)
    attempt = Attempt.of_cookie(request.cookies.get(ATTEMPT, ""))
    party = _party(service, attempt)
    if attempt is None or party is None:
        return _failed(request, SignInFailed("ATTEMPT", "no attempt in the cookie"))
    try:
        signed_in = await party.finish(attempt, dict(request.query_params))
    except SignInFailed as failed:
        return _failed(request, failed)
    subject = signed_in.subject
    value = await service.authenticator.sessions.begin(
        subject, party.settings.issuer, signed_in.account, signed_in.sid
    )
    # A page, and not a redirection: this request was made by the issuer's site, and a browser would
    # not send a strict cookie along with what it redirects to.
    next_page = inside(attempt.next)
    answer = page(request, "signed_in.html", title=_("Signed in"), next=next_page, who=subject.id)
    answer.set_cookie(
        SESSION,
        value,
        max_age=service.authenticator.sessions.seconds,
        secure=True,
        httponly=True,
        samesite="strict",
    )
    answer.delete_cookie(ATTEMPT, secure=True, httponly=True, samesite="lax")
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Ends the session; with `everywhere`, every session of the same person. PageRoute has checked
    the CSRF token."""
    service = _service(request)
    everywhere = bool((await forms.sent(request)).get("everywhere"))
    if value := request.cookies.get(SESSION):
        await service.authenticator.sessions.end(value, everywhere=everywhere)
        service.subjects.forget_session(value)
    answer = RedirectResponse("/", 303, HEADERS)
    answer.delete_cookie(SESSION, secure=True, httponly=True, samesite="strict")
    return answer


def _party(service: Service, attempt: Attempt | None) -> RelyingParty | None:
    parties = service.authenticator.parties
    issuer = attempt.issuer if attempt else None
    return next((party for party in parties if party.settings.issuer == issuer), None)


def _failed(request: Request, failed: SignInFailed) -> Response:
    exchange: Exchange = request.scope[KEY]
    log.info("sign-in failed", request=exchange.id, code=failed.code, detail=failed.detail[:500])
    answer = page(
        request,
        "wrong.html",
        status=401,
        title=_("You are not signed in"),
        sentence=_(
            "Signing in failed (%(code)s, request %(request)s). Begin again",
            code=failed.code,
            request=exchange.id,
        ),
    )
    answer.delete_cookie(ATTEMPT, secure=True, httponly=True, samesite="lax")
    return answer


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
