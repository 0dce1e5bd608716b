"""What was typed into a form that could not be taken, and the way back to it.

A form cannot be taken where the session of its sender has ended, and where the browser has dropped
the cookie of its forms. Nothing is recorded then; what was typed is stored for the same browser,
and the same form is shown with it after signing in.
"""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID, uuid4

from fastapi import Request
from fastapi.responses import Response

from api.access.form_drafts import FormDrafts
from api.languages.language import _
from api.pages import forms, site
from api.pages.query import COOKIE, SESSION
from api.pages.render import page
from api.pages.site import LANGUAGE, Readers

#: Fields of a form beside those of the command.
OWN = ("csrf", "step", "confirm", "again")
#: Whose forms the public may send, too.
_OPEN = (Readers.EVERYBODY, Readers.ASKERS, Readers.DEMONSTRATION)


def wants_session(request: Request) -> bool:
    """Whether only who signed in may send the forms of the page."""
    entry = site.page_at(request.url.path)
    return entry is not None and entry.readers not in _OPEN


def keeps_drafts(request: Request) -> bool:
    """Whether what was typed into a form of the page is stored where it cannot be taken."""
    entry = site.page_at(request.url.path)
    is_shown = entry is not None and entry.shown and entry.readers is not Readers.DEMONSTRATION
    return is_shown or wants_session(request)


def sign_in_first(request: Request, *, next: str = "", has_draft: bool = False) -> Response:
    """The page that leads to signing in, and from there to the address `next`; without one, back
    to the page that was asked for, with all that its address says."""
    return page(
        request,
        "command_sign_in.html",
        status=401 if has_draft else 403,
        title=_("Sign in to do this"),
        next=next or here(request),
        has_draft=has_draft,
    )


def here(request: Request) -> str:
    """The address of the page that was asked for, with its language."""
    query = f"?{request.url.query}" if request.url.query else ""
    return _in_language(request, quote(request.url.path, safe="/:") + query)


async def session_ended(request: Request) -> Response:
    """Stores what was typed, for the same browser, and leads back to it by way of signing in."""
    answer = sign_in_first(request, next=await _stored(request), has_draft=True)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    answer.delete_cookie(SESSION, secure=True, httponly=True, samesite="strict")
    return answer


async def form_lapsed(request: Request) -> Response:
    """Stores what was typed into a form whose cookie the browser has dropped, and leads back to it.
    The browser gets a new cookie."""
    title = _("Send this form once more")
    address = await _stored(request)
    return page(request, "form_lapsed.html", status=403, title=title, next=address)


async def drafted(request: Request) -> dict[str, str]:
    """What was typed into the form of this page when it could not be taken; empty where its
    address names no draft of this browser."""
    id = request.query_params.get("draft", "")
    if not id:
        return {}
    browser = request.cookies.get(forms.CSRF_COOKIE, "")
    found = await _drafts(request).read(_uuid(id), browser, request.url.path)
    request.state.is_back = bool(found)
    return found


async def _stored(request: Request) -> str:
    """Stores what was typed. Returns the address of the form that shows it."""
    typed = await forms.sent(request)
    # A page of a form alone has nothing to show: the page above it has the form.
    entry = site.page_at(request.url.path)
    address = request.url.path if entry is None or entry.shown else entry.parent or "/"
    # The draft has an entry of its own where none is typed, too: so the page says that one is back.
    fields = {name: text for name, text in typed.items() if name not in (*OWN, "signature")}
    fields.setdefault("command_id", str(uuid4()))
    # Not the id of the command: what is typed into it may be stored again, for the same browser
    # with another cookie.
    id = uuid4()
    await _drafts(request).keep(id, forms.browser_token(request), address, fields)
    return f"{_in_language(request, quote(address, safe='/:'))}?draft={id}"


def _in_language(request: Request, address: str) -> str:
    tag = request.scope.get(LANGUAGE)
    return site.in_language(address, tag) if tag else address


def _drafts(request: Request) -> FormDrafts:
    return FormDrafts(request.app.state.settings.database)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid4()
