"""The log as static files: checkpoint, tiles, entries, keys. C2SP tlog-tiles, under /log/.

Anybody may have them, and learns nothing about anybody: a leaf is a salted commitment. Any of this
could as well lie in a folder, or on a partner's machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

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
from api.http.conditional import SAFE, given
from api.http.service import Service
from projections.reads import log as reads
from projections.reads.log import NotInTheLog
from registry.paths import VERIFIER
from registry.transparency.merkle import WIDTH, width_of

TEXT = "text/plain; charset=utf-8"
#: What a head covers is never another.
FOR_EVER = "max-age=31536000, immutable"
BRIEFLY = "max-age=1"

#: 067, x001/x234/067: groups of three digits, all but the last marked, the first of them not x000.
#: Of seven groups at most: that is past `_LARGEST`, and Python reads no number of 5,000 digits.
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
    """The last signed head, with the signatures of its witnesses so far."""
    service: Service = request.app.state.service
    head = await again.read(service.views, reads.head)
    if head is None:
        return _missing("The log has no signed head yet.")
    return given(request, head.note.encode(), BRIEFLY, TEXT)


async def tile(request: Request) -> Response:
    """Hashes of a tile, or the entries under it, as far as a signed head covers them."""
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
    """The log's verifier keys, one a line."""
    service: Service = request.app.state.service
    policy = service.heads.policy()
    if policy is None:
        return _missing("The log's keys are not kept here. Ask whoever signs it.")
    body = "".join(f"{log.key}\n" for log in policy.logs)
    return given(request, body.encode(), BRIEFLY, TEXT)


async def policy(request: Request) -> Response:
    """Whom the signer asks to watch, as a C2SP tlog-policy to begin one's own with."""
    service: Service = request.app.state.service
    body = service.heads.policy_text()
    if body is None:
        return _missing("The log's policy is not kept here. Ask whoever signs it.")
    return given(request, body, BRIEFLY, TEXT)


async def verifier(request: Request) -> Response:
    """The program that checks the log without us. Have it from elsewhere, too, and compare."""
    if not VERIFIER.is_file():
        return _missing("The verifier does not lie here. It is ops/aeo-verify of the sources.")
    named = {"Content-Disposition": 'attachment; filename="aeo-verify"'}
    kind = "text/x-python; charset=utf-8"
    return given(request, VERIFIER.read_bytes(), BRIEFLY, kind, named)


class _AnyText(StringConvertor):
    """The rest of an address, line breaks included, which `path` leaves to nobody."""

    regex = r"[\s\S]*"


register_url_convertor("any", _AnyText())

Answer = Callable[[Request], Coroutine[Any, Any, Response]]


def _route(path: str, answer: Answer) -> Route:
    async def answered(request: Request) -> Response:
        try:
            service: Service = request.app.state.service
            return await within(service.settings.deadline, answer(request))
        except (psycopg.OperationalError, TooManyRequests, TimeoutError):  # a full pool, too
            again = {**SAFE, "Retry-After": "1", "Cache-Control": "no-store"}
            return PlainTextResponse("The log cannot be read now. Ask again.\n", 503, again)

    return Route(path, answered, methods=["GET"])


ROUTES = [  # a GET that is answered is answered to HEAD as well
    _route("/log/checkpoint", checkpoint),
    _route("/log/keys", keys),
    _route("/log/policy", policy),
    _route("/log/tile/{name:any}", tile),
    _route("/aeo-verify", verifier),
]


async def _covered(connection: AsyncConnection[Any], level: int, number: int, width: int) -> None:
    """Raises NotInTheLog for what no signed head covers: it could still become another."""
    head = await reads.head(connection)
    covered = width_of(level, number, head.size) if head else 0
    if width > covered:
        most = f"{covered} hashes" if covered else "nothing"
        raise NotInTheLog(f"The last signed head covers {most} of this tile, not {width}")


def _missing(sentence: str) -> Response:
    return PlainTextResponse(f"{sentence}\n", 404, {**SAFE, "Cache-Control": BRIEFLY})
