"""Demo identities: choosing as which subject the pages ask. Served with the demo issuer only."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access.tokens import LIFE
from api.pages import forms
from api.pages.errors import PageRoute
from api.pages.query import COOKIE
from api.pages.render import HEADERS, home_words, page

router = APIRouter(route_class=PageRoute, include_in_schema=False)

IDENTITIES = (
    ("", "the public: the standing of operators that agreed to be published"),
    ("officer:CN", "an officer of Chinese customs: all of its own operators, partners' as agreed"),
    ("officer:CN/anna", "Anna, an officer of Chinese customs who decides under four eyes"),
    ("officer:CN/bo", "Bo, a second officer of Chinese customs, who confirms what Anna proposes"),
    ("partner:KR", "Korean customs as a partner: operators that an agreement opens to Korea"),
    ("auditor:*", "an auditor: everything, changing nothing"),
    ("company:DESYNTHETIC0001", "a company: its own record"),
)


@router.get("/as")
async def choose(request: Request, next: str = "/") -> Response:
    """Shows the form with which a visitor of the demonstration chooses a subject."""
    return page(
        request,
        "as.html",
        title="Ask as",
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
            title="Ask as",
            home_words=home_words(request.app.state.settings.home),
            identities=IDENTITIES,
            next=back,
            wrong=f"{wanted[:40]!r} is not one of these.",
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
