"""What was typed into a form when the session had ended, and the way back to it."""

from __future__ import annotations

from uuid import UUID, uuid4

from fastapi import Request
from fastapi.responses import Response

from api.access.form_drafts import FormDrafts
from api.languages.language import _
from api.pages import forms
from api.pages.query import COOKIE, SESSION
from api.pages.render import page

#: Fields of a form beside those of the command.
OWN = ("csrf", "step", "confirm")


def sign_in_first(request: Request, next: str, *, has_draft: bool = False) -> Response:
    """The page that leads to signing in, and from there to the address `next`."""
    return page(
        request,
        "command_sign_in.html",
        status=401 if has_draft else 403,
        title=_("Sign in to do this"),
        next=next,
        has_draft=has_draft,
    )


async def session_ended(request: Request, address: str, typed: dict[str, str]) -> Response:
    """Stores what was typed, for the same browser, and leads back to it by way of signing in."""
    fields = {name: text for name, text in typed.items() if name not in (*OWN, "signature")}
    id = _uuid(typed["command_id"])
    await _drafts(request).keep(id, request.cookies[forms.CSRF_COOKIE], address, fields)
    answer = sign_in_first(request, f"{address}?draft={id}", has_draft=True)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    answer.delete_cookie(SESSION, secure=True, httponly=True, samesite="strict")
    return answer


async def drafted(request: Request, draft: str, address: str) -> dict[str, str]:
    """What was typed into the form of this address when the session had ended."""
    browser = request.cookies.get(forms.CSRF_COOKIE, "")
    return await _drafts(request).read(_uuid(draft), browser, address)


def _drafts(request: Request) -> FormDrafts:
    return FormDrafts(request.app.state.settings.database)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()
