"""Error pages: failures of a page are shown in the site's layout, with an id for the log and no
stack trace."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import structlog
from fastapi import HTTPException, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from api.access.policy import SubjectRole
from api.access.token_reasons import InvalidToken, IssuerUnreachable
from api.graphql.deadlines import within
from api.graphql.errors import RequestDeclined
from api.graphql.executor import later
from api.http.exchanges import KEY, Exchange
from api.http.graphql import declined
from api.languages.language import N_, _, current
from api.pages import address_parameters, command_drafts, forms, site
from api.pages.parameters import BadParameter
from api.pages.query import AUTHORIZATION, COOKIE, SESSION, Fault, Unavailable, context
from api.pages.render import language_of, page
from api.pages.sentences import served, translated
from api.pages.site import LANGUAGE

log = structlog.get_logger("pages")


#: A page makes several queries in sequence; its time limit is that of this many queries.
QUESTIONS = 3
RETRY = {"Retry-After": "2"}


class PageRoute(APIRoute):
    """A route whose failures are shown as pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Returns the handler of the route, which refuses a form without a valid CSRF token, stores
        what was typed where the session has ended, and makes a page of every error."""
        handle = super().get_route_handler()

        async def asked(request: Request) -> Response:
            current.set(language_of(request))
            if request.method == "GET":  # every page shows the subject
                await context(request)
                address_parameters.check(request)
            elif request.method == "POST":
                return await _posted(request, handle)
            return await handle(request)

        async def guarded(request: Request) -> Response:
            deadline: float = request.app.state.settings.deadline
            # A command has no time limit here: its sender must learn the result, and the ledger
            # has a limit of its own.
            limit = deadline * QUESTIONS if request.method == "GET" else None
            answer = await failing_as_a_page(request, asked(request), limit)
            return _led_on(request, answer)

        return guarded


async def _posted(
    request: Request, handle: Callable[[Request], Coroutine[Any, Any, Response]]
) -> Response:
    """Returns the answer to a form. Where it cannot be taken, nothing that was typed is lost."""
    if not await forms.is_ours(request):
        return await _not_ours(request)
    try:
        if command_drafts.wants_session(request) and await _is_public(request):
            return await command_drafts.session_ended(request)
        return await handle(request)
    except InvalidToken:
        if not command_drafts.keeps_drafts(request):
            raise
        return await command_drafts.session_ended(request)


async def _not_ours(request: Request) -> Response:
    """The page for a form without the token of the browser's cookie. Where the browser says that a
    page of this site sent it, the cookie was dropped while the page was open."""
    if forms.is_own(request) and command_drafts.keeps_drafts(request):
        try:
            ended = command_drafts.wants_session(request) and await _is_public(request)
        except InvalidToken:
            ended = True
        then = command_drafts.session_ended if ended else command_drafts.form_lapsed
        return await then(request)
    return page(
        request,
        "wrong.html",
        status=403,
        title=_("Not from here"),
        sentence=_(
            "This form was not sent from a page of this site that you had open, and "
            "nothing was done. Open the page again and send it from there"
        ),
    )


async def _is_public(request: Request) -> bool:
    return (await context(request)).subject.role is SubjectRole.PUBLIC


def _led_on(request: Request, answer: Response) -> Response:
    """Returns the answer; a redirection to another page leads to it in the same language."""
    tag = request.scope.get(LANGUAGE)
    if tag and (location := answer.headers.get("location")):
        answer.headers["location"] = site.in_language(location, tag)
    return answer


async def failing_as_a_page(
    request: Request, work: Coroutine[Any, Any, Response], limit: float | None
) -> Response:
    """Returns the page, or an error page. `limit`: seconds; None: no limit."""
    # The work sets the language in a task of its own.
    current.set(language_of(request))
    try:
        return await (work if limit is None else within(limit, work))
    except InvalidToken:
        answer = page(
            request,
            "wrong.html",
            status=401,
            title=_("Your identity has lapsed"),
            sentence=_(
                "A demo identity lasts an hour, a session until it ends. You are the public again"
            ),
            next=command_drafts.here(request) if request.method == "GET" else None,
        )
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        answer.delete_cookie(SESSION, secure=True, httponly=True, samesite="strict")
        return answer
    except RequestDeclined as why:
        return refused(request, why)
    except BadParameter as wrong:
        return page(
            request,
            "wrong.html",
            status=400,
            title=_("This request cannot be answered"),
            sentence=translated(str(wrong)),
            without=address_parameters.without_unknown(request),
        )
    except IssuerUnreachable:
        return unavailable(request, N_("The issuer of your identity does not answer. Ask again"))
    except Unavailable as away:
        return unavailable(request, away.sentence)
    except Fault as fault:
        return _wrong(request, served(fault.sentence).rstrip("."))
    except HTTPException:
        raise  # the application answers 405
    except Exception as fault:
        if passing := later(fault):
            log.warning("not now", path=request.url.path, why=str(fault))
            return unavailable(request, passing[1])
        number = uuid4()
        log.error("fault", request=str(number), path=request.url.path, exc_info=fault)
        return _wrong(request, _("It is in the service's log as %(id)s", id=str(number)))


#: What an answer says that cannot be given now; the texts of api/graphql/executor.py, so that the
#: catalogues have them.
AWAY = (
    N_("Too many commands are waiting; nothing was recorded. Send it again."),
    N_("The ledger cannot be reached; nothing was recorded."),
    N_("The service is stopping; nothing was recorded. Send it again."),
    N_(
        "The ledger fell silent. Send the same command, with the same commandId, again: the "
        "answer tells what became of it."
    ),
    N_("Too many questions are waiting. Ask again."),
    N_("The question takes too long to answer. Ask for less of it."),
    N_("The database does not answer. Ask again."),
    N_("The database cannot be reached. Ask again."),
    N_("The service cannot answer now. Ask again."),
)


def unavailable(request: Request, sentence: str) -> Response:
    """Returns the page for a service that cannot answer now. It says nothing about the subject
    matter."""
    current.set(language_of(request))
    answer = page(
        request,
        "unavailable.html",
        status=503,
        title=_("The register cannot answer now"),
        sentence=served(sentence),
        again=request.method == "GET",
    )
    answer.headers.update(RETRY)
    return answer


def refused(request: Request, why: RequestDeclined) -> Response:
    """Returns the response to a request that is refused before any handler: for a browser a page,
    else an error as /graphql has it. Both have the code and the id of the request."""
    exchange: Exchange = request.scope[KEY]
    if request.url.path == "/graphql":
        return declined(why, exchange)
    if "text/html" not in request.headers.get("accept", ""):
        return declined(why, exchange, "application/json")
    exchange.refused(why.code)
    current.set(language_of(request))
    answer = page(
        request,
        "wrong.html",
        status=why.status,
        title=_("This request cannot be answered"),
        sentence=_(
            "%(sentence)s Code %(code)s, request %(request)s",
            sentence=served(why.sentence),
            code=why.code,
            request=exchange.id,
        ),
    )
    answer.headers.update(why.headers)
    return answer


def _wrong(request: Request, sentence: str) -> Response:
    title = _("Something went wrong here")
    return page(request, "wrong.html", status=500, title=title, sentence=sentence)


async def missing(request: Request, error: Exception) -> Response:
    """Returns the page for an unknown address."""
    current.set(language_of(request))

    async def not_found() -> Response:
        try:
            await context(request)
        except (InvalidToken, RequestDeclined):
            # A browser whose cookie has lapsed is shown the page as the public; whoever identifies
            # itself by a header is never taken for it.
            if AUTHORIZATION in request.headers:
                raise
        return page(
            request,
            "wrong.html",
            status=404,
            title=_("There is no such page"),
            sentence=_("Nothing of the register lives at this address"),
        )

    return await failing_as_a_page(request, not_found(), request.app.state.settings.deadline)


def still_loading(request: Request, so_far: str) -> Response:
    """Returns the page for the first load. It says nothing about any operator."""
    current.set(language_of(request))
    answer = page(
        request,
        "wrong.html",
        status=503,
        title=_("The register is still loading"),
        sentence=_(
            "Loading, so far: %(so_far)s. Until that is done nothing is said of any operator",
            so_far=so_far,
        ),
    )
    answer.headers["Retry-After"] = "5"
    return answer
