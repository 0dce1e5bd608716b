"""What verifiers of credentials fetch: the DID document, and the status lists."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.credentials.claims import PURPOSES
from api.credentials.keys import DID_PATH, did_document
from api.credentials.status_lists import FRESH, set_places, status_list
from api.credentials.store import ListedBits
from api.graphql import retry
from api.graphql.positions import whole
from api.http.conditional import ASK_AGAIN, SAFE, given
from api.http.hosts import is_own
from api.http.log_tiles import answered
from api.http.service import Service
from api.settings import Settings
from projections.reads import credentials as reads
from projections.reads.credentials import Connection

LIST_TYPE = "application/vc+jwt"
LARGEST = 1_000_000  # the number of a status list


def own_address(request: Request) -> str | None:
    """Returns the public address of this register, without a path: the setting `public_url`. A
    demonstration, which only this machine can reach, has the address of the request. None where the
    setting is empty and the register is no demonstration."""
    settings: Settings = request.app.state.settings
    if settings.public_url:
        return settings.public_url
    host = request.headers.get("host", "")
    if settings.demo and is_own(host.encode("latin-1", "replace"), request.app.hosts):
        return f"http://{host.lower()}"
    return None


async def did_json(request: Request) -> Response:
    """The DID document of this register (did:web)."""
    address = own_address(request)
    if address is None:
        sentence = "This register has no address of its own: AEO_PUBLIC_URL is not set.\n"
        return PlainTextResponse(sentence, 404, {**SAFE, "Cache-Control": "no-store"})
    service: Service = request.app.state.service
    body = msgspec.json.encode(did_document(service.settings.home, address))
    return given(request, body, ASK_AGAIN, "application/did+json")


async def status_list_credential(request: Request) -> Response:
    """A status list of credentials (W3C Bitstring Status List), as it stands now."""
    service: Service = request.app.state.service
    digits, purpose = request.path_params["number"], request.path_params["purpose"]
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0
    address = own_address(request)
    if address is None or purpose not in PURPOSES or not 1 <= number <= LARGEST:
        return _missing(f"wanted {' or '.join(PURPOSES)}, of a list that credentials name")
    now = datetime.now(UTC)

    async def found(connection: Connection) -> ListedBits:
        return await reads.lists(connection), await reads.bits(connection, number, now)

    async def read() -> ListedBits:
        return await retry.read(whole(service.views), found)

    lists, rows = await service.credentials.listed(number, read)
    if number > max(lists, 1):
        return _missing(f"there are {lists} lists")
    places = set_places(rows, purpose)
    text = status_list(service.settings.home, address, number, purpose, places, now)
    return given(request, text.encode(), f"public, max-age={FRESH.seconds}", LIST_TYPE)


def _missing(sentence: str) -> Response:
    text = f"There is no such status list: {sentence}.\n"
    return PlainTextResponse(text, 404, {**SAFE, "Cache-Control": "no-store"})


ROUTES = [
    Route(DID_PATH, did_json, methods=["GET"]),
    answered("/status-lists/{number}/{purpose}", status_list_credential, "The status list"),
]
