"""`/.well-known/security.txt` (RFC 9116): the contact for reports of vulnerabilities.

The addresses are settings. Where none is set there is no file.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.http.conditional import ASK_AGAIN, SAFE, given
from api.settings import Settings

PATH = "/.well-known/security.txt"


async def security_txt(request: Request) -> Response:
    """Returns the file; 404 where no contact is set, or the contact has expired."""
    settings: Settings = request.app.state.settings
    why = absent(settings, datetime.now(UTC))
    if why is not None:
        return PlainTextResponse(f"{why}\n", 404, {**SAFE, "Cache-Control": "no-store"})
    return given(request, text(settings).encode(), ASK_AGAIN, "text/plain; charset=utf-8")


def text(settings: Settings) -> str:
    """Returns the fields of the file. Requires that a contact is set."""
    assert settings.security_expires is not None
    until = settings.security_expires.astimezone(UTC).replace(microsecond=0)
    lines = [f"Contact: {contact}" for contact in settings.security_contacts]
    lines.append(f"Expires: {until.isoformat().replace('+00:00', 'Z')}")
    return "".join(f"{line}\n" for line in lines)


def absent(settings: Settings, now: datetime) -> str | None:
    """Returns a sentence that says why there is no file; None where there is one."""
    if not settings.security_contacts:
        return "No contact for whoever finds a weakness: AEO_SECURITY_CONTACT is not set."
    if settings.security_expires is not None and settings.security_expires <= now:
        return f"The contact for whoever finds a weakness has expired: {settings.security_expires}."
    return None
