"""The two clocks as form fields, and other things that a visitor types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from secrets import compare_digest, token_urlsafe
from urllib.parse import parse_qs

from fastapi import Request

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
LONGEST = 20_000  # bytes of a form that is sent; the rest of it is not read
#: A bare date means its noon UTC: then it is that civil date almost everywhere on Earth, so that
#: nobody's law is asked for the day before or after.
NOON = time(12, tzinfo=UTC)


@dataclass(frozen=True)
class Clocks:
    """What was typed (`at`, `known`), what is asked (`as_of`, the GraphQL input), what is wrong.

    What cannot be read is not asked: the page says so beside the field, and answers for now.
    """

    at: str = ""
    known: str = ""
    as_of: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=lambda: {"at": "", "knownAt": ""})

    @property
    def given(self) -> bool:
        return bool(self.as_of)

    @property
    def law(self) -> str:
        """The day of law that the page answers for, as it was typed; "" for now."""
        return self.at if "at" in self.as_of else ""

    @property
    def belief(self) -> str:
        """The day of knowledge that the page answers for, as it was typed; "" for now."""
        return self.known if "knownAt" in self.as_of else ""

    @property
    def status(self) -> int:
        """Of the page's HTTP answer: what cannot be read is the visitor's to put right."""
        return 400 if any(self.wrong.values()) else 200


def clocks(request: Request) -> Clocks:
    """From the address: `?at=2026-03-05&known-at=2026-03-06T00:00Z`. Nothing given means now."""
    return of(request.query_params.get("at", ""), request.query_params.get("known-at", ""))


def of(at: str, known: str = "") -> Clocks:
    typed = {"at": at.strip(), "knownAt": known.strip()}
    as_of: dict[str, str] = {}
    wrong = dict.fromkeys(typed, "")
    for name, text in typed.items():
        if not text:
            continue
        try:
            as_of[name] = read(text).isoformat().replace("+00:00", "Z")
        except ValueError:
            wrong[name] = (
                f"{text[:40]!r} is neither a date nor an instant. "
                "Write 2018-02-01, or 2018-02-01T09:30Z."
            )
    return Clocks(typed["at"], typed["knownAt"], {} if any(wrong.values()) else as_of, wrong)


def read(text: str) -> datetime:
    """A date or an instant, without a zone taken as UTC. Raises ValueError."""
    if _DAY.fullmatch(text):
        return datetime.combine(datetime.fromisoformat(text), NOON)
    found = datetime.fromisoformat(text.upper().removesuffix("UTC").strip())
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def marks(clocks: Clocks, now: datetime) -> list[tuple[datetime, str, str]]:
    """What a timeline points out: today, and the day that is asked about."""
    found = [(now, "now", "mark-now")]
    if "at" in clocks.as_of:
        found.append((read(clocks.at), f"asked: {clocks.law}", "mark"))
    return found


#: Holds the token that a form of this site repeats; another site can neither read nor set it.
CSRF_COOKIE, CSRF_FIELD = "aeo-form", "csrf"


def csrf_token(request: Request) -> str:
    """The token that forms of this visitor carry: the cookie's, or a new one that the answer sets
    (`api.pages.render`). It says who sent a form, not who is asking."""
    token: str | None = request.cookies.get(CSRF_COOKIE)
    if token is None or not _TOKEN.fullmatch(token):
        token = getattr(request.state, "csrf", None) or token_urlsafe(24)
        request.state.csrf = token
    return token


async def is_ours(request: Request) -> bool:
    """Does a form that was sent repeat the token of this visitor's own cookie, and does the browser
    not say that another site's page sent it?"""
    cookie = request.cookies.get(CSRF_COOKIE, "")
    said = (await sent(request)).get(CSRF_FIELD, "")
    return bool(cookie) and compare_digest(cookie, said) and not is_foreign(request)


async def sent(request: Request) -> dict[str, str]:
    """The fields of a form that was sent, trimmed; empty ones are left out. Read once a request."""
    found: dict[str, str] | None = getattr(request.state, "form", None)
    if found is None:
        found = request.state.form = await _read_form(request)
    return found


async def _read_form(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            break
    found = parse_qs(body[:LONGEST].decode("utf-8", "replace"))
    return {name: said[0].strip() for name, said in found.items() if said[0].strip()}


def is_foreign(request: Request) -> bool:
    """Was it another site's page that sent this? Browsers say where a form comes from."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
