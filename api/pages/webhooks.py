"""The page of webhooks: those of the subject's administration, and how far each is."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.pages.errors import PageRoute
from api.pages.query import ask
from api.pages.render import page

router = APIRouter(route_class=PageRoute)

WEBHOOKS = """\
query Webhooks {
  webhooks {
    id
    url
    for
    signature
    registeredAt
    registeredBy
    state
    status
    epoch
    position
    attempts
    delivered
    deliveredAt
    failures
    failingSince
    failure
    nextAttemptAt
    deadLetters { message epoch after until failingSince givenUpAt attempts failure }
  }
}"""


@router.get("/webhooks")
async def webhooks(request: Request) -> Response:
    """Shows the webhooks. They are changed by mutations alone."""
    found = await ask(request, WEBHOOKS)
    return page(
        request,
        "webhooks.html",
        status=200 if found.data else 403 if found.forbidden else 400,
        title="Webhooks",
        found=found,
        webhooks=found.data["webhooks"] if found.data else None,
    )
