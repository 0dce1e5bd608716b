"""The transparency log as static files under /log/: checkpoint, tiles, entries, keys (C2SP
tlog-tiles).

They are public and disclose nothing: a leaf is a salted commitment. The same files could be served
from a folder, or from a partner's machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg_pool import TooManyRequests
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.graphql import retry as again
from api.graphql.context import Connection
from api.graphql.deadlines import within
from api.graphql.receipt_issuer import public_keys
from api.http.conditional import SAFE, given
from api.http.service import Service
from projections.reads import log as reads
from projections.reads.log import NotInTheLog
from registry.paths import VERIFIER
from registry.transparency.merkle import WIDTH, width_of

TEXT = "text/plain; charset=utf-8"
#: What a checkpoint covers never changes.
FOR_EVER = "max-age=31536000, immutable"
BRIEFLY = "max-age=1"

#: 067 or x001/x234/067: groups of three digits, all but the last marked with x, the first not x000.
#: At most seven groups: that is beyond `_LARGEST`, and Python parses no number of 5,000 digits.
_NUMBER = r"(?P<number>(?:x(?!000)\d{3}/(?:x\d{3}/){0,5})?\d{3})"
_WIDTH = r"(?:\.p/(?P<width>[1-9]\d{0,2}))?"
_TILE = re.compile(rf"(?P<level>[0-9]|[1-5][0-9]|6[0-3])/{_NUMBER}{_WIDTH}", re.ASCII)
_ENTRIES = re.compile(rf"entries/{_NUMBER}{_WIDTH}", re.ASCII)
_LARGEST = 1 << 55  # tiles of the lowest level that the leaves of a log can fill

WRONG = (
    "This is no name of a tile: wanted <level>/<number> or entries/<number>, with .p/<width> where"
    " it is not full. A number is 067 or x001/x234/067.\n"
)


async def checkpoint(request: Request) -> Response:
    """The last signed checkpoint, with the cosignatures of its witnesses so far."""
    service: Service = request.app.state.service
    head = await again.read(service.views, reads.head)
    if head is None:
        return _missing("The log has no signed head yet.")
    return given(request, head.note.encode(), BRIEFLY, TEXT)


async def tile(request: Request) -> Response:
    """The hashes of a tile, or the entries under it, as far as a signed checkpoint covers them."""
    name = request.path_params["name"]
    found = _TILE.fullmatch(name) or _ENTRIES.fullmatch(name)
    number = int(re.sub("[x/]", "", found["number"])) if found else _LARGEST
    width = int((found and found["width"]) or WIDTH)
    if found is None or number >= _LARGEST or width > WIDTH or found["width"] == str(WIDTH):
        return PlainTextResponse(WRONG, 400, SAFE)
    service: Service = request.app.state.service
    hashes = found.re is _TILE
    level = int(found["level"]) if hashes else 0

    async def bodied(connection: Connection) -> bytes:
        await _covered(connection, level, number, width)
        if hashes:
            return await reads.tile(connection, level, number, width)
        entries = await reads.entries(connection, number, width)
        return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])

    try:
        body = await again.read(service.views, bodied)
    except NotInTheLog as error:
        return _missing(f"{error}.")
    return given(request, body, FOR_EVER, "application/octet-stream")


async def keys(request: Request) -> Response:
    """The verifier keys of the log, one a line."""
    service: Service = request.app.state.service
    policy = service.current_checkpoint.policy()
    if policy is None:
        return _missing("The log's keys are not kept here. Ask whoever signs it.")
    body = "".join(f"{log.key}\n" for log in policy.logs)
    return given(request, body.encode(), BRIEFLY, TEXT)


async def receipt_keys(request: Request) -> Response:
    """The public keys of the receipts of this register, a JWK set (RFC 7517)."""
    service: Service = request.app.state.service
    body = msgspec.json.encode(public_keys(service.settings.home))
    return given(request, body, BRIEFLY, "application/jwk-set+json")


async def policy(request: Request) -> Response:
    """The witnesses that the signer asks, as a C2SP tlog-policy that a verifier can start from."""
    service: Service = request.app.state.service
    body = service.current_checkpoint.policy_text()
    if body is None:
        return _missing("The log's policy is not kept here. Ask whoever signs it.")
    return given(request, body, BRIEFLY, TEXT)


async def verifier(request: Request) -> Response:
    """The program that verifies the log independently. Obtain it from another source as well, and
    compare."""
    if not VERIFIER.is_file():
        return _missing("The verifier does not lie here. It is ops/aeo-verify of the sources.")
    named = {"Content-Disposition": 'attachment; filename="aeo-verify"'}
    kind = "text/x-python; charset=utf-8"
    return given(request, VERIFIER.read_bytes(), BRIEFLY, kind, named)


class _AnyText(StringConvertor):
    """A path convertor that matches the rest of a path including line breaks, which Starlette's
    `path` convertor does not match."""

    regex = r"[\s\S]*"


register_url_convertor("any", _AnyText())

Answer = Callable[[Request], Coroutine[Any, Any, Response]]


def answered(path: str, answer: Answer, what: str = "The log") -> Route:
    """Returns the route of a public file. `what`: the words for it where the database is away."""

    async def answering(request: Request) -> Response:
        try:
            service: Service = request.app.state.service
            return await within(service.settings.deadline, answer(request))
        except (psycopg.OperationalError, TooManyRequests, TimeoutError):  # a full pool, too
            again = {**SAFE, "Retry-After": "1", "Cache-Control": "no-store"}
            return PlainTextResponse(f"{what} cannot be read now. Ask again.\n", 503, again)

    return Route(path, answering, methods=["GET"])


ROUTES = [  # Starlette answers HEAD wherever it answers GET
    answered("/log/checkpoint", checkpoint),
    answered("/log/keys", keys),
    answered("/log/receipt-keys", receipt_keys),
    answered("/log/policy", policy),
    answered("/log/tile/{name:any}", tile),
    answered("/aeo-verify", verifier),
]


async def _covered(connection: AsyncConnection[Any], level: int, number: int, width: int) -> None:
    """Raises NotInTheLog for what no signed checkpoint covers: it could still change."""
    head = await reads.head(connection)
    covered = width_of(level, number, head.size) if head else 0
    if width > covered:
        most = f"{covered} hashes" if covered else "nothing"
        raise NotInTheLog(f"The last signed head covers {most} of this tile, not {width}")


def _missing(sentence: str) -> Response:
    return PlainTextResponse(f"{sentence}\n", 404, {**SAFE, "Cache-Control": BRIEFLY})
