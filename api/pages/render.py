"""From an answer to a page: one template folder, one set of headers, no style or script inline."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.http.static_files import address
from api.pages import forms, labels
from api.pages.query import subject
from registry.paths import TEMPLATES

#: Nothing from another host, nothing inline, never inside somebody else's frame.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # What a page shows depends on who asks, and on the instant.
    "Cache-Control": "no-store",
}

#: Which entry of the menu a page belongs to, by how its address begins; the rest is search.
SECTIONS = {
    "/programmes": "/countries",
    "/freshness": "/countries",
    "/log": "/audit",
    "/divergences": "/audit",
    "/receipts": "/audit",
    "/access": "/docs",
    "/webhooks": "/developers",
} | {
    address: address
    for address in (
        "/tour",
        "/countries",
        "/agreements",
        "/documents",
        "/audit",
        "/developers",
        "/docs",
    )
}

templates = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    # What an older ledger holds and nobody can see is shown by its number; markup of our own stays.
    finalize=lambda environment: (
        labels.shown(environment) if type(environment) is str else environment
    ),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.globals["static"] = address
templates.filters |= {
    "sign": labels.sign,
    "standing": labels.standing,
    "outcome": labels.outcome,
    "country": labels.country,
    "language": labels.language,
    "words": labels.phrase,
    "measure": labels.measure,
    "event_name": labels.event_name,
    "details": labels.details,
    "capitalize_first": lambda text: text[:1].upper() + text[1:],
    "instant": labels.instant,
    "civil": labels.civil,
    "interval": labels.interval,
    "some_day": labels.some_day,
    "thousands": lambda number: f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
}


def home_words(home: Path) -> str:
    """What a command of the terminal needs to mean this home: nothing, or ` --home X`."""
    return f" --home {shlex.quote(str(home))}" if home != Path(".aeo") else ""


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """`values` are the template's own; what every page shows of the request is added here."""
    path = request.url.path
    query = f"?{request.url.query}" if request.url.query else ""
    frame = {
        "path": path,
        "here": path + query,
        "section": next((own for at, own in SECTIONS.items() if path.startswith(at)), "/"),
        "subject": subject(request),
        "position": None,
        "demo": request.app.state.settings.demo,
        "signs_in": bool(request.app.state.service.authenticator.parties),
        "csrf": partial(forms.csrf_token, request),
    }
    html = templates.get_template(template).render(frame | values)
    answer = HTMLResponse(html, status, HEADERS)
    if (token := getattr(request.state, "csrf", None)) is not None:
        answer.set_cookie(forms.CSRF_COOKIE, token, httponly=True, samesite="strict")
    return answer
