"""Demo identities: choosing as which subject the pages ask. Served with the demo issuer only."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access.tokens import LIFE
from api.languages.language import N_, _
from api.pages import forms, tour_life
from api.pages.errors import PageRoute
from api.pages.query import COOKIE
from api.pages.render import HEADERS, home_words, page

router = APIRouter(route_class=PageRoute, include_in_schema=False)

IDENTITIES = (
    ("", N_("the public: the standing of operators that agreed to be published")),
    (
        "officer:CN",
        N_("an officer of Chinese customs: all of its own operators, partners' as agreed"),
    ),
    ("officer:CN/anna", N_("Anna, an officer of Chinese customs who decides under four eyes")),
    (
        "officer:CN/bo",
        N_("Bo, a second officer of Chinese customs, who confirms what Anna proposes"),
    ),
    (
        "partner:SG",
        N_("Customs of Singapore as a partner: operators that an agreement opens to it"),
    ),
    ("partner:KR", N_("Korean customs as a partner: operators that an agreement opens to Korea")),
    ("auditor:*", N_("an auditor: everything, changing nothing")),
    ("company:DESYNTHETIC0001", N_("a company: its own record")),
    (tour_life.COMPANY, N_("the company of the tour: its own record")),
)


@router.get("/as")
async def choose(request: Request, next: str = "/") -> Response:
    """Shows the form with which a visitor of the demonstration chooses a subject."""
    return page(
        request,
        "as.html",
        title=_("Sign in (demonstration)"),
        home_words=home_words(request.app.state.settings.home),
        identities=IDENTITIES,
        next=inside(next),
        wrong="",
    )


@router.post("/as")
async def become(request: Request) -> Response:
    """Sets a cookie with a token valid for an hour, and redirects to the page before. PageRoute has
    checked the CSRF token."""
    form = await forms.sent(request)
    wanted = form.get("subject", "")
    back = inside(form.get("next", "/"))
    if wanted not in {name for name, _ in IDENTITIES}:
        return page(
            request,
            "as.html",
            status=400,
            title=_("Sign in (demonstration)"),
            home_words=home_words(request.app.state.settings.home),
            identities=IDENTITIES,
            next=back,
            wrong=_("%(name)s is not one of these.", name=repr(wanted[:40])),
        )
    answer = RedirectResponse(back, 303, HEADERS)
    if wanted:
        token = request.app.state.service.authenticator.demo.issue(wanted)
        answer.set_cookie(COOKIE, token, max_age=LIFE, httponly=True, samesite="strict")
    else:
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def inside(address: str) -> str:
    r"""Returns the address if it is on this site, else "/". Browsers read `//host` and `/\host` as
    other hosts."""
    inside = address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()
    return address if inside else "/"
