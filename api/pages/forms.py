"""Form fields of the pages: the as-of pair, and the protection of forms against forgery (CSRF)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from secrets import compare_digest, token_bytes, token_urlsafe
from urllib.parse import parse_qs

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api.graphql.errors import RequestDeclined
from api.languages.language import _, current
from api.pages.labels import day, instant, typed
from api.pages.query import ask, context
from api.pages.sentences import capitalised, translated
from api.pages.typed_days import no_instant
from registry.domain import instants
from registry.domain.decisions import civil_day_of
from registry.domain.sentences import Sentence
from registry.domain.texts import ascii_digits

_WITH_ZONE = re.compile(r"([Zz]|[+-]\d\d:\d\d)$")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
#: Bytes of a submitted form; a longer one is refused. Each form of a command fits, filled in to the
#: last character of each field: a character is at most 9 bytes there.
LONGEST = 400_000
MOST_FIELDS = 1_000  # of a submitted form
#: The same for the pages whose form has a file.
UPLOADS = {"/verify": 3_200_000, "/check/list": 256 * 1024}


@dataclass(frozen=True)
class AsOfFields:
    """The as-of pair of a page: what was typed (`at`, `known`), how it was read, and the errors.

    Where a field cannot be read the page says so beside the field, and answers for now.
    """

    at: str = ""
    known: str = ""
    read: dict[str, instants.Reading] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=lambda: {"at": "", "knownAt": ""})
    sentences: dict[str, str] = field(default_factory=dict)

    @property
    def as_of(self) -> dict[str, str]:
        """The GraphQL input."""
        return {
            name: reading.at.isoformat().replace("+00:00", "Z")
            for name, reading in self.read.items()
        }

    def instant(self, name: str, now: datetime) -> datetime:
        """Returns the instant of `at` (valid time) or `knownAt` (transaction time)."""
        return self.read[name].at if name in self.read else now

    @property
    def readings(self) -> dict[str, str]:
        """Sentences that say how each field was read; "now" where nothing was typed."""
        return {
            name: self.sentences.get(name, "") if name in self.read else _("now")
            for name in ("at", "knownAt")
        }

    @property
    def given(self) -> bool:
        """True where an instant was given and could be read."""
        return bool(self.read)

    @property
    def law(self) -> str:
        """The valid time of the page as it was typed; "" for now."""
        return self.at if "at" in self.read else ""

    @property
    def belief(self) -> str:
        """The transaction time of the page as it was typed; "" for now."""
        return self.known if "knownAt" in self.read else ""

    @property
    def status(self) -> int:
        """The page's HTTP status: 400 for a field that cannot be read."""
        return 400 if any(self.wrong.values()) else 200


ZONES = """\
query Zones {
  administrations { code timeZone }
}"""

ZONE = """\
query Zone($code: AdministrationCode!) {
  administration(code: $code) { timeZone }
}"""


async def clocks(request: Request, code: str | None = None) -> AsOfFields:
    """Reads the as-of pair from the query string: `?at=2026-03-05&known-at=2026-03-06T00:00Z`.
    Default: now.

    `code`: the administration in whose time zone a day is a civil day; of a pair of territories the
    importing one. Without one, or for one that is not in the register, days are in UTC.
    """
    at, known = (request.query_params.get(name, "") for name in ("at", "known-at"))
    return await of(request, at, known, code)


async def of(request: Request, at: str, known: str = "", code: str | None = None) -> AsOfFields:
    """Reads the two instants that were typed. A day counts in the time zone of that
    administration."""
    given = {"at": ascii_digits(at.strip()), "knownAt": ascii_digits(known.strip())}
    dated = any(map(instants.is_day, given.values()))
    zone = await zone_of(request, code) if dated else "UTC"
    now = (await context(request)).now
    read: dict[str, instants.Reading] = {}
    wrong = dict.fromkeys(given, "")
    for name, text in given.items():
        if not text:
            continue
        try:
            zoned = text if instants.is_day(text) else _zoned(text)
            read[name] = (
                instants.parse_valid_time(zoned, zone)
                if name == "at"
                else instants.parse_transaction_time(zoned, zone, now)
            )
        except instants.InTheFuture as error:
            wrong[name] = capitalised(translated(str(error)))
        except ValueError:
            wrong[name] = no_instant(text)
    sentences = {
        name: _sentence(name, given[name], zone, now, found) for name, found in read.items()
    }
    return AsOfFields(
        given["at"], given["knownAt"], {} if any(wrong.values()) else read, wrong, sentences
    )


def _sentence(name: str, text: str, zone: str, now: datetime, found: instants.Reading) -> str:
    """Returns how a field was read, in the reader's language."""
    if current.get().is_source:
        return found.sentence
    at = instant(found.at.isoformat())
    if not instants.is_day(text):
        return at
    if name == "at":
        return _(
            "the civil day %(day)s in %(zone)s (noon there is %(instant)s)",
            day=day(text),
            zone=zone,
            instant=at,
        )
    if found.at == now and text == civil_day_of(now, zone).isoformat():
        return _("now, because %(day)s is today in %(zone)s", day=day(text), zone=zone)
    if found.at == now:
        return _("now, because %(day)s has begun in the east already", day=day(text))
    return _("the end of %(day)s in %(zone)s (%(instant)s)", day=day(text), zone=zone, instant=at)


async def zone_of(request: Request, code: str | None) -> str:
    """Returns the IANA time zone of an administration; UTC for an unknown one."""
    found = await ask(request, ZONE, code=code) if code else None
    own = found.data and found.data["administration"] if found else None
    return str(own["timeZone"]) if own else "UTC"


async def zones(request: Request) -> dict[str, str]:
    """Returns the IANA time zone of each administration, by its code."""
    found = (await ask(request, ZONES)).data or {"administrations": []}
    return {each["code"]: each["timeZone"] for each in found["administrations"]}


def _zoned(text: str) -> str:
    """Normalises an instant as visitors type it: "UTC" for Z, and UTC where no zone is given."""
    if text.upper().endswith("UTC"):
        return text[:-3].strip() + "Z"
    return text if _WITH_ZONE.search(text) else text + "Z"


def marks(clocks: AsOfFields, now: datetime) -> list[tuple[datetime, str, str]]:
    """Returns the marks of a timeline: today, and the valid time of the page."""
    found = [(now, _("now"), "mark-now")]
    if "at" in clocks.read:
        asked = _("asked: %(day)s", day=typed(clocks.law))
        found.append((clocks.read["at"].at, asked, "mark"))
    return found


#: The cookie and the form field with the CSRF token. Another site can neither read nor set them.
CSRF_COOKIE, CSRF_FIELD = "aeo-form", "csrf"


def csrf_token(request: Request) -> str:
    """Returns the CSRF token for a form: the cookie's, or a new one, which the response sets
    (`api.pages.render`). It identifies the site that sent a form, not the subject."""
    return masked(browser_token(request))


def browser_token(request: Request) -> str:
    """Returns the token by which a browser is known to the pages: its cookie's, or a new one, which
    the response sets."""
    token: str | None = request.cookies.get(CSRF_COOKIE)
    if token is None or not _TOKEN.fullmatch(token):
        token = getattr(request.state, "csrf", None) or token_urlsafe(24)
        request.state.csrf = token
    return token


def masked(token: str) -> str:
    """Returns the token masked with random bytes. It differs each time, because a constant secret
    in a compressed page can be guessed letter by letter (BREACH)."""
    mask = token_bytes(len(token))
    masked_token = bytes(a ^ b for a, b in zip(mask, token.encode("ascii"), strict=True))
    return (mask + masked_token).hex()


def _unmasked(masked: str) -> str:
    """Returns the token of a form; "" where it is invalid."""
    try:
        both = bytes.fromhex(masked)
    except ValueError:
        return ""
    mask, masked_token = both[: len(both) // 2], both[len(both) // 2 :]
    if len(mask) != len(masked_token):
        return ""
    return bytes(a ^ b for a, b in zip(mask, masked_token, strict=True)).decode("latin-1")


async def is_ours(request: Request) -> bool:
    """Returns whether a form repeats the token of the visitor's cookie and was not sent by another
    site's page, as far as the browser says."""
    cookie = request.cookies.get(CSRF_COOKIE, "")
    field = _unmasked((await sent(request)).get(CSRF_FIELD, ""))
    same = compare_digest(cookie.encode("latin-1", "replace"), field.encode("latin-1"))
    return bool(cookie) and same and not is_foreign(request)


async def sent(request: Request) -> dict[str, str]:
    """Returns the fields of a submitted form, trimmed, without empty ones. The body is read
    once."""
    found: dict[str, str] | None = getattr(request.state, "form", None)
    if found is None:
        found = request.state.form = await _read_form(request)
    return found


async def _read_form(request: Request) -> dict[str, str]:
    most = UPLOADS.get(request.url.path, LONGEST)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            break
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _read_parts(request, bytes(body[:most]), too_large=len(body) > most)
    if len(body) > most:
        sentence = Sentence("A form has at most %(most)s bytes.", most=f"{most:,}")
        raise RequestDeclined(413, "TOO_LARGE", sentence)
    try:
        found = parse_qs(bytes(body).decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        sentence = Sentence("A form has at most %(most)s fields.", most=f"{MOST_FIELDS:,}")
        raise RequestDeclined(413, "TOO_LARGE", sentence) from None
    return {name: values[0].strip() for name, values in found.items() if values[0].strip()}


@dataclass(frozen=True)
class UploadedFile:
    """The file of a form. `too_large`: the form was longer than it may be, and was not read to its
    end."""

    content: bytes = b""
    too_large: bool = False


async def uploaded(request: Request) -> UploadedFile:
    """Returns the file of a submitted form; an empty one where none was chosen."""
    await sent(request)
    found: UploadedFile = getattr(request.state, "upload", UploadedFile())
    return found


async def _read_parts(request: Request, body: bytes, *, too_large: bool) -> dict[str, str]:
    """Reads a form with a file (RFC 7578). What cannot be read is a form without fields."""
    _, parameters = parse_options_header(request.headers["content-type"])

    async def completed() -> AsyncGenerator[bytes, None]:
        yield body
        # Ends the last part of a form that was cut off; after a form that is whole it is nothing.
        yield b"\r\n--" + parameters.get(b"boundary", b"") + b"--\r\n"

    reader = MultiPartParser(request.headers, completed(), max_files=1, max_fields=10)
    fields: dict[str, str] = {}
    try:
        form = await reader.parse()
    except (MultiPartException, KeyError, ValueError):
        return fields
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            request.state.upload = UploadedFile(await value.read(), too_large)
        elif value.strip():
            fields.setdefault(name, value.strip())
    await form.close()
    if too_large:
        request.state.upload = UploadedFile(too_large=True)
    return fields


def is_own(request: Request) -> bool:
    """Returns whether the browser says that a page of this site sent the request."""
    return request.headers.get("sec-fetch-site") == "same-origin"


def is_foreign(request: Request) -> bool:
    """Returns whether the browser says that another site's page sent the request
    (Sec-Fetch-Site)."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
