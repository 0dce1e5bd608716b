"""Queries of the pages: the same documents, executor and rights as those of any client.

A page can therefore never show more than /graphql does, or something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from starlette.types import Scope

from api.access.policy import PUBLIC, Subject
from api.graphql.context import Context
from api.graphql.limits import COST
from api.http.exchanges import KEY
from api.http.graphql import subject_of
from api.http.quotas import account_of, admit
from api.http.service import Service
from api.pages.refusals import refusal
from api.pages.site import LANGUAGE, split
from registry.domain.sentences import ProgramText, Sentence

#: The token cookie. Only the pages read it, never /graphql, so a request that another site makes a
#: browser send is answered as the public (no cross-site request forgery).
COOKIE = "aeo-token"
#: The cookie of a session of a person who signed in. Only the pages read it, too.
SESSION = "__Host-aeo-session"
#: The header by which a program identifies itself to a page, as to /graphql. A browser sends it
#: with no request of its own accord, so it needs no protection against forgery.
AUTHORIZATION = "authorization"


@dataclass(frozen=True)
class PageQuery:
    """A GraphQL document with its variables and its result. `now`: the instant of the page, UTC."""

    document: str
    variables: dict[str, Any]
    data: dict[str, Any] | None
    errors: tuple[dict[str, Any], ...]
    status: int
    now: datetime

    @property
    def sentences(self) -> list[str]:
        """The messages of the errors in the reader's language, each once and without its full
        stop."""
        return list(dict.fromkeys(_without_stop(_code(e), e["message"]) for e in self.errors))

    @property
    def forbidden(self) -> bool:
        """True where the subject may not read something that was asked."""
        return any(_code(error) == "FORBIDDEN" for error in self.errors)


def _code(error: dict[str, Any]) -> str:
    return str(error.get("extensions", {}).get("code", ""))


def _without_stop(code: str, message: str) -> str:
    if isinstance(message, (Sentence, ProgramText)):
        return refusal(code, message).rstrip(".\N{IDEOGRAPHIC FULL STOP}")
    return refusal(code, message.rstrip("."))


def _sentence(errors: Iterable[dict[str, Any]]) -> str:
    return next((str(error["message"]) for error in errors), "")


class Unavailable(Exception):
    """The service cannot answer now. `sentence`: the reason, and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Fault(Exception):
    """An internal error. `sentence`: the id under which it is in the log."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


async def ask(request: Request, document: str, **variables: Any) -> PageQuery:
    """Executes a document. Variables that are None or empty are left out.

    Raises InvalidToken; Unavailable and Fault, so that no page mistakes a failure for an answer.
    """
    subject = await context(request)
    executor = _service(request).executor
    given = {name: value for name, value in variables.items() if value not in (None, {}, "")}
    _count_work(request, document, given)
    answer = await executor.answer(subject, document, given)
    body = answer.body
    errors = body.get("errors", ())
    if answer.status >= 500:
        raise Unavailable(
            _sentence(errors) or Sentence("The service cannot answer now. Ask again.")
        )
    if any(_code(error) == "INTERNAL" for error in errors):
        raise Fault(_sentence([error for error in errors if _code(error) == "INTERNAL"]))
    await note_lag(request)
    return PageQuery(document, given, body.get("data"), tuple(errors), answer.status, subject.now)


async def note_lag(request: Request) -> datetime | None:
    """Notes on the request since when recorded events are not shown by what it reads, which the
    page then says. Returns that instant (UTC); None where nothing is missing."""
    since = request.state.behind = await _service(request).projection_lag.since()
    return since


async def context(request: Request) -> Context:
    """Returns the context of the page; one for all its queries, so that they are of one instant.
    The page is counted in the quota of its subject. Raises InvalidToken, RequestDeclined (429)."""
    found: Context | None = getattr(request.state, "context", None)
    if found is None:
        service = _service(request)
        subject = await _identified(service, request)
        admit(service, account_of(service, subject, request.scope), request.scope[KEY])
        found = request.state.context = service.context(subject, "page")
    return found


async def _identified(service: Service, request: Request) -> Subject:
    """Returns the subject of the Authorization header, where there is one: cookies are then not
    read. Otherwise that of the session or of the token in a cookie; without either, the public.
    Raises RequestDeclined for a header, InvalidToken for a cookie; IssuerUnreachable,
    psycopg.OperationalError, TimeoutError."""
    authorization = request.headers.get(AUTHORIZATION)
    if authorization is not None:
        return await subject_of(service, _as_asked(request.scope), authorization)
    if session := request.cookies.get(SESSION):
        return await service.subjects.by_session(session)
    if token := request.cookies.get(COOKIE):
        return await service.subjects.by_token(token)
    return PUBLIC


def _as_asked(scope: Scope) -> Scope:
    """The request with the address that was asked, which a proof of possession names: that of a
    page in a language begins with it."""
    tag, path = scope.get(LANGUAGE), scope["path"]
    return {**scope, "path": f"/{tag}{path}"} if tag and not split(path)[0] else scope


def _count_work(request: Request, document: str, variables: dict[str, Any]) -> None:
    """Counts the work of a page's query in the quota of its subject."""
    service, account = _service(request), request.scope[KEY].account
    checked = service.executor.documents.get(document)
    operation = checked.operation(None)
    if account is None or checked.errors or operation is None:
        return
    price = checked.cost(operation, variables)
    if price <= COST:
        service.quotas.spend(account, price)


def subject(request: Request) -> str:
    """Returns the id of the subject, as far as it is known to the page yet."""
    found: Context | None = getattr(request.state, "context", None)
    return found.subject.id if found else PUBLIC.id


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
