"""Golden copies over HTTP, for the partner whose copies they are: their files, what changed since,
and the looks that its edges hand back.

Every address but that of the keys needs a token in the header. A name of a copy never changes its
meaning, so the files are cacheable for ever, by their client alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from api.access.partner_readings import ReadingWay
from api.access.policy import Action, Resource, Subject, SubjectRole, decide
from api.access.read_log import ReadLogEntry
from api.golden_copy.changes import PositionOfOtherEpoch, Since, changes_since
from api.golden_copy.daily import copies_of, manifests
from api.golden_copy.looks import Look, record_looks, require_looks
from api.golden_copy.manifest import MANIFEST, NOTE, BadCopy, parsed_any
from api.golden_copy.signing import open_signer
from api.graphql.deadlines import within
from api.graphql.errors import RequestDeclined
from api.graphql.executor import later
from api.http.challenges import unidentified
from api.http.conditional import SAFE, given, tagged
from api.http.exchanges import KEY
from api.http.graphql import admitted, declined
from api.http.held import seconds_to_wait
from api.http.service import Service
from projections.history.golden_copy import CopyInstant
from registry.domain.instants import parse
from registry.domain.values import AdministrationCode

FOR_EVER = "private, max-age=31536000, immutable"
NOW = "private, no-store"
JSON = "application/json"
LONGEST = 2_000_000  # bytes of handed-back looks in one request
LISTING, FOLDING = 1_000, 50_000  # microseconds that are counted: of a file, of what changed
SECONDS = 15.0  # for what changed since; the statements have the request deadline
_NAME = re.compile(r"[0-9TZ.-]{1,120}")  # of a copy or a delta; a file's is in a manifest


async def keys(request: Request) -> Response:
    """The verifier key of the golden copies, to be compared with one that was given otherwise."""
    service: Service = request.app.state.service
    key = open_signer(service.settings.home).key
    return given(request, f"{key}\n".encode(), "max-age=60", "text/plain; charset=utf-8")


async def index(request: Request) -> Response:
    """The copies and deltas of a partner, the oldest first."""
    service, _, partner = await _asked(request, LISTING)
    folder = copies_of(service.settings.home, partner)
    copies = manifests(folder)
    deltas = sorted(path.name for path in folder.glob("*..*") if _NAME.fullmatch(path.name))
    body = {
        "partner": partner.text,
        "copies": [
            {"name": name, **msgspec.to_builtins(manifest.moment)}
            for name, manifest in copies.items()
        ],
        "deltas": [
            dict(zip(("from", "to"), name.split("..", 1), strict=True), name=name)
            for name in deltas
        ],
    }
    return Response(msgspec.json.encode(body), headers=_headers(NOW), media_type=JSON)


async def file(request: Request) -> Response:
    """A file of a copy or of a delta, whole or a range of it."""
    service, subject, partner = await _asked(request, LISTING)
    copy, name = request.path_params["copy"], request.path_params["file"]
    folder = copies_of(service.settings.home, partner) / copy
    wanted, position = None, 0
    if _NAME.fullmatch(copy) and folder.parent == copies_of(service.settings.home, partner):
        try:
            body = (folder / MANIFEST).read_bytes()
            manifest = parsed_any(body, folder / MANIFEST)
            wanted, position = manifest.files.get(name), manifest.moment.position
        except (OSError, BadCopy):
            pass
        else:
            if name in (MANIFEST, NOTE):
                return given(request, (folder / name).read_bytes(), FOR_EVER, _kind(name))
    if wanted is None:
        raise RequestDeclined(404, "BAD_INPUT", f"{copy}/{name}: this partner has no such file.")
    tag = f'"{wanted.sha256}"'
    headers = _headers(FOR_EVER, ETag=tag)
    if tagged(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    _keep(service, request, subject, "goldenCopy")
    service.read_log.reached(subject, ReadingWay.GOLDEN_COPY, position)
    return FileResponse(folder / name, headers=headers, media_type=_kind(name))


async def changes(request: Request) -> Response:
    """What changed in a partner's copy since a position and an instant, signed. With `wait` the
    answer waits so many seconds for a change."""
    service, subject, partner = await _asked(request, FOLDING)
    query = request.query_params
    epoch, after, since = query.get("epoch", ""), query.get("after", ""), query.get("since", "")
    try:
        if not after.isdecimal() or len(after) > 18:
            raise ValueError(f"after: found {after!r}, wanted a position")
        asked = Since(epoch, CopyInstant(int(after), parse(since)))
    except ValueError as error:
        raise RequestDeclined(400, "BAD_INPUT", str(error)) from None
    position = service.read_model_position
    if epoch == position.epoch:
        await position.reached(int(after) + 1, seconds_to_wait(request))
    signer = open_signer(service.settings.home)
    async with service.ledger.connection() as connection, connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        try:
            found = await changes_since(connection, partner, asked, signer)
        except PositionOfOtherEpoch as error:
            raise RequestDeclined(412, "EPOCH", f"{error}.") from None
    _keep(service, request, subject, "goldenCopyChanges")
    service.read_log.reached(subject, ReadingWay.COPY_CHANGES, found.position)
    return Response(msgspec.json.encode(found), headers=_headers(NOW), media_type=JSON)


async def looks(request: Request) -> Response:
    """Takes the looks of an edge into the read log: each once, however often it is sent."""
    service, subject, partner = await _asked(request, FOLDING)
    if subject.role is SubjectRole.AUDITOR:
        raise RequestDeclined(403, "FORBIDDEN", f"{subject.id} has no edge.")
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > LONGEST:
        raise RequestDeclined(413, "TOO_LARGE", f"At most {LONGEST:,} bytes, with their length.")
    try:
        found = msgspec.json.decode(await request.body(), type=list[Look])
        require_looks(found, partner, datetime.now(UTC) + timedelta(minutes=5))
    except (msgspec.MsgspecError, ValueError) as error:
        raise RequestDeclined(400, "BAD_INPUT", f"{error}.") from None
    new = await record_looks(service.settings.database, subject, found)
    answer = {"received": len(found), "new": new}
    return Response(msgspec.json.encode(answer), headers=_headers(NOW), media_type=JSON)


async def _asked(request: Request, work: int) -> tuple[Service, Subject, AdministrationCode]:
    """The service, the subject and the partner whose copy is asked for. Raises RequestDeclined
    where the subject may not have it. `work`: what the request costs, in microseconds."""
    service: Service = request.app.state.service
    authorization = request.headers.get("authorization")
    subject = await admitted(service, request.scope, authorization, work)
    if subject.role is SubjectRole.PUBLIC:
        sentence = "A golden copy is given to the partner whose copy it is, by its token."
        raise unidentified(sentence, service.settings)
    try:
        partner = AdministrationCode.parse(request.path_params["partner"])
    except ValueError as error:
        raise RequestDeclined(404, "BAD_INPUT", f"{error}.") from None
    verdict = decide(subject, Action.TAKE_COPY, Resource(territory=partner))
    if not verdict.allowed:
        raise RequestDeclined(403, "FORBIDDEN", f"{verdict.reason}.")
    return service, subject, partner


def _keep(service: Service, request: Request, subject: Subject, operation: str) -> None:
    """Writes into the read log who took a copy or what changed in it."""
    service.read_log.keep(
        ReadLogEntry(
            datetime.now(UTC),
            subject.id,
            subject.role.value,
            subject.administration.text if subject.administration else None,
            (request.headers.get("purpose") or "")[:200] or None,
            operation,
            [],
            uuid4(),
            agent=subject.agent or None,
        )
    )


def _headers(cache: str, **more: str) -> dict[str, str]:
    return {**SAFE, "Cache-Control": cache, "Vary": "Authorization", **more}


def _kind(name: str) -> str:
    if name.endswith(".json"):
        return JSON
    return "text/plain; charset=utf-8" if name.endswith(".note") else "application/octet-stream"


Answer = Callable[[Request], Coroutine[Any, Any, Response]]


def _route(path: str, answer: Answer, method: str = "GET") -> Route:
    async def answered(request: Request) -> Response:
        exchange = request.scope[KEY]
        try:
            return await within(SECONDS + seconds_to_wait(request), answer(request))
        except RequestDeclined as why:
            return declined(why, exchange, JSON)
        except (psycopg.OperationalError, TooManyRequests, TimeoutError) as error:
            code, sentence = later(error) or ("UNAVAILABLE", "Ask again.")
            return declined(RequestDeclined(503, code, sentence), exchange, JSON)

    return Route(path, answered, methods=[method])


ROUTES = [
    _route("/golden-copy/keys", keys),
    _route("/golden-copy/{partner}", index),
    _route("/golden-copy/{partner}/changes", changes),
    _route("/golden-copy/{partner}/looks", looks, "POST"),
    _route("/golden-copy/{partner}/{copy}/{file}", file),
]
