"""`/.well-known/security.txt` (RFC 9116): where whoever finds a weakness of the service writes to.

The addresses are settings. Where none is set the file is absent: no address is made up.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.http.conditional import ASK_AGAIN, SAFE, given
from api.settings import Settings

PATH = "/.well-known/security.txt"


async def security_txt(request: Request) -> Response:
    """The file; 404 where no contact is set, or the one that was set has expired."""
    settings: Settings = request.app.state.settings
    why = absent(settings, datetime.now(UTC))
    if why is not None:
        return PlainTextResponse(f"{why}\n", 404, {**SAFE, "Cache-Control": "no-store"})
    return given(request, text(settings).encode(), ASK_AGAIN, "text/plain; charset=utf-8")


def text(settings: Settings) -> str:
    """The fields of the file. To be called where a contact is set."""
    assert settings.security_expires is not None
    until = settings.security_expires.astimezone(UTC).replace(microsecond=0)
    lines = [f"Contact: {contact}" for contact in settings.security_contacts]
    lines.append(f"Expires: {until.isoformat().replace('+00:00', 'Z')}")
    return "".join(f"{line}\n" for line in lines)


def absent(settings: Settings, now: datetime) -> str | None:
    """Why there is no such file, as a sentence; None where there is one."""
    if not settings.security_contacts:
        return "No contact for whoever finds a weakness: AEO_SECURITY_CONTACT is not set."
    if settings.security_expires is not None and settings.security_expires <= now:
        return f"The contact for whoever finds a weakness has expired: {settings.security_expires}."
    return None
