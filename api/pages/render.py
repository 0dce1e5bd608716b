"""From an answer to a page: one template folder, one set of headers, no style or script inline."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    pass_context,
    pass_eval_context,
)
from jinja2.filters import do_join
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.types import Scope

from api.http.static_files import address
from api.http.static_files import content as static_content
from api.languages import catalogues
from api.languages.language import Language, ReaderText, current
from api.languages.negotiation import negotiated
from api.languages.writing_systems import marked
from api.pages import (
    address_parameters,
    forms,
    labels,
    reasons,
    record_texts,
    rule_names,
    sentences,
    site,
    subject_names,
    type_names,
)
from api.pages.query import subject
from api.pages.site import LANGUAGE
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


def _gettext(text: str, /, **values: Any) -> Markup:
    """A text of a template in the reader's language. A per cent sign of its own is doubled."""
    language = current.get()
    return language.markup(language.gettext(text), values) if values else _plain(language, text)


@lru_cache(maxsize=20_000)
def _plain(language: Language, text: str) -> Markup:
    return language.markup(language.gettext(text), {})


def _pgettext(context: str, text: str, /, **values: Any) -> Markup:
    language = current.get()
    return language.markup(language.pgettext(context, text), values)


def _ngettext(one: str, many: str, num: int, /, **values: Any) -> Markup:
    language = current.get()
    text = language.plural(one, many, num)
    return language.markup(text, {"num": language.number(num), **values})


@pass_eval_context
def _join(
    context: EvalContext, value: Iterable[Any], separator: str = "", attribute: str | None = None
) -> Any:
    """The filter `join` of Jinja, which keeps that a text is in the reader's language."""
    parts = list(value)
    between = str(separator)  # no markup: what was recorded is still made visible
    found = do_join(context, parts, between, attribute)
    if type(found) is str and any(isinstance(part, ReaderText) for part in parts):
        return ReaderText(between.join(str(current.get().isolated(part)) for part in parts))
    return found


@pass_context
def url(context: Context, path: str, fragment: str = "", /, **query: str) -> str:
    """Returns the address of another page on the same as-of pair as this one, so that a visitor who
    looks at a day stays on that day. `query`: further fields, of which empty ones are left out."""
    clocks = context.get("clocks")
    given = dict(query)
    if isinstance(clocks, forms.AsOfFields):
        pair = {"at": clocks.law, "known-at": clocks.belief}
        known = address_parameters.accepted(path)
        given |= {name: text for name, text in pair.items() if name in known}
    text = urlencode({name: value for name, value in given.items() if value})
    return f"{path}{'?' if text else ''}{text}{fragment}"


templates = Environment(
    loader=FileSystemLoader(TEMPLATES),
    extensions=["jinja2.ext.i18n"],
    autoescape=True,
    # What an older ledger holds and nobody can see is shown by its number; markup of our own stays.
    finalize=lambda environment: (
        labels.shown(environment) if type(environment) is str else environment
    ),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# A translated text takes its values by name; line ends of a template are none of the text.
templates.newstyle_gettext = True  # type: ignore[attr-defined]
templates.policies["ext.i18n.trimmed"] = True
templates.globals |= {
    "static": address,
    "url": url,
    "type_names": type_names.of,
    "_": _gettext,
    "gettext": _gettext,
    "ngettext": _ngettext,
    "pgettext": _pgettext,
}
templates.filters |= {
    "sign": labels.sign,
    "standing": labels.standing,
    "outcome": labels.outcome,
    "country": labels.country,
    "by_country": labels.by_country,
    "translated": sentences.translated,
    "language": labels.language,
    "written": labels.written,
    "day": labels.day,
    "original": labels.original,
    "recorded": record_texts.recorded,
    "is_translated": record_texts.is_translated,
    "typed": labels.typed,
    "titled": record_texts.titled,
    "reason": reasons.sentence,
    "target_reason": reasons.target_sentence,
    "claim_reason": reasons.claim_sentence,
    "words": labels.phrase,
    "value": record_texts.value,
    "rule_name": rule_names.rule_name,
    "rule_value": rule_names.rule_value,
    "source": record_texts.cited,
    "join": _join,
    "measure": labels.measure,
    "event_name": labels.event_name,
    "details": record_texts.details,
    "capitalize_first": lambda text: type(text)(text[:1].upper() + text[1:]),
    "instant": labels.instant,
    "subject_name": subject_names.subject_name,
    "civil": labels.civil,
    "interval": labels.interval,
    "some_day": labels.some_day,
    "thousands": lambda number: current.get().number(number),
    "listed": lambda words: current.get().list(words),
}


def home_words(home: Path) -> str:
    """What a command of the terminal needs to mean this home: nothing, or ` --home X`."""
    return f" --home {shlex.quote(str(home))}" if home != Path(".aeo") else ""


def language_of(request: Request) -> Language:
    """Returns the language of the page: that of its address, or the one that the browser
    prefers."""
    tag = request.scope.get(LANGUAGE)
    return catalogues.language(tag or negotiated(request.headers.get("accept-language", "")))


def take_language(scope: Scope) -> None:
    """Takes the language out of the address of a page: `/fr/countries` is answered as `/countries`,
    in French. Another address is left as it is, and a page about it is in that language."""
    tag, path = site.split(scope["path"])
    if tag is None:
        return
    scope[LANGUAGE] = tag
    if site.page_at(path):
        scope["path"] = path
        scope["raw_path"] = scope.get("raw_path", b"")[len(tag) + 1 :] or b"/"


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    scripts: tuple[str, ...] = (),
    instants: tuple[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """`values` are the template's own; what every page shows of the request is added here.
    `scripts`: those of the page, whose texts go with it. `instants`: of a page with one answer and
    no `clocks`, its valid and its transaction time (RFC 3339), for the printed sheet and the
    template."""
    path = request.url.path
    query = f"?{request.url.query}" if request.url.query else ""
    language, tag = language_of(request), request.scope.get(LANGUAGE)
    current.set(language)
    entry = site.page_at(path)
    frame = {
        "path": path,
        "here": (f"/{tag}" if tag and entry else "") + path + query,
        "section": site.section(entry),
        "site_menu": site.menu(),
        "site_foot": site.foot(),
        "above": site.trail(entry),
        "is_english": bool(entry and entry.english),
        "reader": language,
        "versions": _versions(path, query) if entry and entry.shown else [],
        "texts": language.texts_of("pages.js", *scripts),
        "subject": subject(request),
        "place": site.own_place(subject(request)),
        "position": None,
        "dense": subject(request).partition(":")[0] in ("officer", "auditor"),
        "evidence": _evidence(request, values.get("clocks"), instants) if status == 200 else None,
        "instants": instants,
        "behind": _behind(request),
        "is_back": getattr(request.state, "is_back", False),
        "demo": request.app.state.settings.demo,
        "signs_in": bool(request.app.state.service.authenticator.parties),
        "csrf": partial(forms.csrf_token, request),
    }
    html = marked(templates.get_template(template).render(frame | values), language.tag)
    headers = HEADERS | {"Content-Language": language.tag}
    if tag:
        html = site.with_language(html, tag)
    else:
        headers["Vary"] = "Accept-Language"
    answer = HTMLResponse(html, status, headers)
    if (token := getattr(request.state, "csrf", None)) is not None:
        answer.set_cookie(forms.CSRF_COOKIE, token, httponly=True, samesite="strict")
    return answer


@lru_cache(maxsize=1)
def _picture_style() -> Markup:
    """Returns the style of a picture that stands alone: the values of the design, and its rules."""
    names = ("tokens.css", "pictures.css")
    return Markup("\n".join(static_content(name).decode() for name in names))


def picture(template: str, name: str, **values: Any) -> Response:
    """Returns a picture as an SVG file to keep, which needs no other file."""
    language = current.get()
    svg = templates.get_template(template).render(
        {"style": _picture_style(), "reader": language} | values
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(marked(svg, language.tag), 200, headers, "image/svg+xml")


def _behind(request: Request) -> str | None:
    """The instant since which recorded events are missing from the page; None where none is."""
    since: datetime | None = getattr(request.state, "behind", None)
    return since.isoformat() if since else None


class Evidence(NamedTuple):
    """What a printed page needs to be evidence: the instant of the answer, the as-of pair, the last
    signed head of the log (its size and root), and the address with its host."""

    instant: str
    law: str
    belief: str
    head: str
    address: str


def _evidence(
    request: Request, clocks: object, instants: tuple[str, str] | None
) -> Evidence | None:
    context = getattr(request.state, "context", None)
    if context is None:
        return None
    readings = (clocks if isinstance(clocks, forms.AsOfFields) else forms.AsOfFields()).readings
    law, belief = instants or (readings["at"], readings["knownAt"])
    line = request.app.state.service.current_checkpoint.line or b""
    query = f"?{request.url.query}" if request.url.query else ""
    return Evidence(
        context.now.isoformat(),
        labels.instant(law) if instants else law,
        labels.instant(belief) if instants else belief,
        line.decode("ascii"),
        f"{request.url.netloc}{request.url.path}{query}",
    )


class Version(NamedTuple):
    """The page in a language: its tag, its name in that language, and the address."""

    tag: str
    name: str
    address: str


def _versions(path: str, query: str) -> list[Version]:
    return [Version(tag, catalogues.name(tag), f"/{tag}{path}{query}") for tag in catalogues.tags()]
