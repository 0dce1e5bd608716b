"""What goes wrong on a page is a page too: the same look, a number for the log, no stack trace."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog
from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from api.pages import forms
from api.pages.asking import COOKIE, context
from api.pages.render import page
from api.tokens import InvalidToken

log = structlog.get_logger("pages")


class PageRoute(APIRoute):
    """A route whose failures are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                if request.method == "GET":  # every page says who asks
                    await context(request)
                elif request.method == "POST" and not await forms.is_ours(request):
                    return page(
                        request, "wrong.html", status=403, title="Not from here",
                        sentence="This form was not sent from a page of this site that you had "
                        "open, and nothing was done. Open the page again and send it from there",
                    )  # fmt: skip
                return await handle(request)
            except InvalidToken:
                answer = page(
                    request, "wrong.html", status=401, title="Your identity has lapsed",
                    sentence="A demo identity lasts an hour. You are the public again",
                )  # fmt: skip
                answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
                return answer
            except Exception as fault:
                number = uuid4()
                log.error("fault", request=str(number), path=request.url.path, exc_info=fault)
                return page(
                    request, "wrong.html", status=500, title="Something went wrong here",
                    sentence=f"It is in the service's log as {number}",
                )  # fmt: skip

        return guarded


async def missing(request: Request, _: Exception) -> Response:
    """For an address that is nobody's."""
    with suppress(InvalidToken):
        await context(request)
    return page(
        request, "wrong.html", status=404, title="There is no such page",
        sentence="Nothing of the register lives at this address",
    )  # fmt: skip
