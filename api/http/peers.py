"""What this register publishes to its peers, under /peer/ (decision 0282).

    GET  /peer/events?after=POSITION          events of own operators, each with its leaf's salt;
                     &wait=SECONDS            where there is none, the answer waits for one so long
    GET  /peer/events?stream=UUID&version=N   those of one operator after a version
    GET  /peer/events?law=true&after=POSITION those of own programmes, and of agreements of own
                                              administrations
                     &level=2                 those of own administrations and blocs, too
    GET  /peer/streams?after=UUID             which operators there are, and how far each is
    POST /peer/report                         a peer says that two heads of this log contradict

A peer verifies the log first (/log/checkpoint, /log/tile) and then every event by its leaf. Only
the partners that AEO_PEERS names are answered, because an event is given whole: with its reason
and its legal ground.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import orjson
import psycopg
import structlog
from psycopg_pool import TooManyRequests
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.access.policy import PUBLIC, Subject, SubjectRole
from api.graphql import retry as again
from api.graphql.context import Connection
from api.graphql.deadlines import within
from api.graphql.errors import RequestDeclined
from api.http.challenges import unidentified
from api.http.conditional import SAFE
from api.http.exchanges import KEY, Exchange
from api.http.graphql import READING, admitted, declined
from api.http.held import seconds_to_wait
from api.http.service import Service
from api.settings import listed
from projections.reads import peers as reads
from projections.reads.peer_law import LAW_LEVEL
from registry.ledger.connections import Session

log = structlog.get_logger("peers")
NIL = UUID(int=0)
LOST = 0.5  # seconds after which it is read again without a notification
LONGEST = 64 * 1024  # bytes of a report: two heads with the signatures of their witnesses
NO_STORE = {**SAFE, "Cache-Control": "no-store"}


class PeerReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a report: two signed heads of this log, and what contradicts what."""

    remembered: str
    shown: str
    why: str


class _Asked(NamedTuple):
    """Who asks for what: the service, the partner, and the own administrations."""

    service: Service
    subject: Subject
    own: list[str]


async def events(request: Request) -> Response:
    """Events after a position, or those of one operator after a version."""
    asked = await _asked(request)
    stream = request.query_params.get("stream")
    if "law" in request.query_params:
        return await _of_law(asked, request, _uuid(stream) if stream else None)
    if stream is not None:
        return await _of_stream(asked, _uuid(stream), _number(request, "version"))
    after = _number(request, "after")
    until = monotonic() + seconds_to_wait(request)

    async def read(connection: Connection) -> dict[str, Any]:
        reach = await reads.reach(connection)
        if after > reach.position:
            words = f"after: found {after}, and the log is at position {reach.position}"
            raise RequestDeclined(400, "BAD_REQUEST", f"{words} in epoch {reach.epoch}.")
        now = datetime.now(UTC)
        found, place = await reads.published(
            connection, asked.subject.visibility, asked.own, after, reach.position, now
        )
        return _reached(reach, asked.own) | {
            "next": place,
            "events": [_written(event) for event in found],
        }

    while True:
        news = asked.service.read_model_position.news()  # what comes while it is read counts, too
        answer = await again.read(asked.service.ledger, read)
        left = until - monotonic()
        if answer["position"] > after or left <= 0:
            break
        await asyncio.wait([news], timeout=min(left, LOST))
    await _remember(asked, after, datetime.now(UTC))
    return _json(answer)


async def streams(request: Request) -> Response:
    """The operators that are published to the partner today."""
    asked, now = await _asked(request), datetime.now(UTC)
    after = _uuid(request.query_params.get("after", str(NIL)))

    async def read(connection: Connection) -> dict[str, Any]:
        reach = await reads.reach(connection)
        found = await reads.streams(
            connection, asked.subject.visibility, asked.own, after, reach.position, now
        )
        more = found[-1][0] if len(found) == reads.MOST else None
        return _reached(reach, asked.own) | {"next": more and str(more), "streams": found}

    return _json(await again.read(asked.service.ledger, read))


async def report(request: Request) -> Response:
    """A partner shows two heads that contradict each other. They are kept, and logged as an
    error."""
    asked = await _asked(request)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            raise RequestDeclined(413, "TOO_LARGE", f"A report has at most {LONGEST} bytes.")
    try:
        message = msgspec.json.decode(body, type=PeerReport)
    except msgspec.DecodeError as error:
        raise RequestDeclined(400, "BAD_REQUEST", f"This is no report: {error}.") from None
    partner = asked.subject.id
    log.error("peers.reported", partner=partner, why=message.why)
    await _write(
        asked.service,
        "insert into peers.report (partner, remembered, shown, why) values (%s, %s, %s, %s)",
        [partner, message.remembered, message.shown, message.why[:1000]],
    )
    return Response(status_code=204, headers=NO_STORE)


# ---------------------------------------------------------------------- inside


async def _asked(request: Request) -> _Asked:
    """Returns who asks. Raises RequestDeclined where nothing is published to them."""
    service: Service = request.app.state.service
    authorization = request.headers.get("authorization")
    subject = await admitted(service, request.scope, authorization, READING)
    if subject is PUBLIC:
        sentence = "A peer identifies itself: Authorization: Bearer <token>."
        raise unidentified(sentence, service.settings)
    own, peers = listed(service.settings.own), listed(service.settings.peers)
    code = subject.administration.text if subject.administration else None
    if subject.role is not SubjectRole.PARTNER or code not in peers or not own:
        sentence = f"{subject.id} is no peer of this register (AEO_OWN, AEO_PEERS)."
        raise RequestDeclined(403, "FORBIDDEN", sentence)
    return _Asked(service, subject, own)


async def _of_stream(asked: _Asked, stream: UUID, version: int) -> Response:
    now = datetime.now(UTC)

    async def read(connection: Connection) -> dict[str, Any]:
        reach = await reads.reach(connection)
        found = await reads.of_stream(
            connection, asked.subject.visibility, asked.own, stream, version, reach.position, now
        )
        return _reached(reach, asked.own) | {"events": [_written(event) for event in found]}

    return _json(await again.read(asked.service.ledger, read))


async def _of_law(asked: _Asked, request: Request, stream: UUID | None) -> Response:
    if (given := request.query_params["law"]) != "true":
        raise RequestDeclined(400, "BAD_REQUEST", f"law: found {given[:40]!r}, wanted true.")
    after, level = _number(request, "after"), _number(request, "level", "1")
    if not level:
        raise RequestDeclined(400, "BAD_REQUEST", "level: found 0, wanted 1 or more.")
    level = min(level, LAW_LEVEL)  # a peer of a later release is given what there is here

    async def read(connection: Connection) -> dict[str, Any]:
        reach = await reads.reach(connection)
        found, place = await reads.law(connection, asked.own, after, reach.position, level, stream)
        events = [_written(event) for event in found]
        sent = {"law": True, "level": level, "next": place, "events": events}
        return _reached(reach, asked.own) | sent

    return _json(await again.read(asked.service.ledger, read))


def _reached(reach: reads.PeerReach, own: list[str]) -> dict[str, Any]:
    return {
        "epoch": reach.epoch,
        "size": reach.size,
        "position": reach.position,
        "asOf": reach.as_of,
        "administrations": own,
    }


def _written(event: reads.PublishedEvent) -> dict[str, Any]:
    """Returns an event for JSON. The state is a text: the leaf commits to its bytes."""
    return {
        "position": event.position,
        "leaf": event.leaf_index,
        "salt": event.salt.hex(),
        "stream": event.stream,
        "version": event.version,
        "topic": event.topic,
        "state": event.state,
        "recordedAt": event.recorded_at,
        "knownAt": event.known_at,
        "commandId": event.command_id,
        "actor": event.actor,
        "decidedBy": event.decided_by,
        "legalGround": event.legal_ground,
    }


def _json(answer: dict[str, Any]) -> Response:
    return Response(orjson.dumps(answer), headers=NO_STORE, media_type="application/json")


def _number(request: Request, name: str, default: str = "0") -> int:
    text = request.query_params.get(name, default)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise RequestDeclined(400, "BAD_REQUEST", f"{name}: wanted a whole number.")
    return int(text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise RequestDeclined(400, "BAD_REQUEST", "stream: wanted a UUID.") from None


async def _remember(asked: _Asked, position: int, now: datetime) -> None:
    """Keeps how far a partner has come, for the page of freshness."""
    await _write(
        asked.service,
        "insert into peers.reader (partner, position, asked_at) values (%s, %s, %s)"
        " on conflict (partner) do update"
        " set position = excluded.position, asked_at = excluded.asked_at",
        [asked.subject.id, position, now],
    )


async def _write(service: Service, statement: str, values: list[Any]) -> None:
    def write() -> None:
        options = "-c role=aeo_writer -c timezone=UTC"
        with Session.connect(service.settings.database, options=options) as connection:
            connection.execute(statement.encode(), values)

    await asyncio.get_running_loop().run_in_executor(service.writers, write)


def _declined(request: Request, why: RequestDeclined) -> Response:
    exchange: Exchange = request.scope[KEY]
    return declined(why, exchange, "application/json")


Answer = Callable[[Request], Coroutine[Any, Any, Response]]


def _route(path: str, answer: Answer, method: str) -> Route:
    async def answered(request: Request) -> Response:
        try:
            service: Service = request.app.state.service
            seconds = service.settings.deadline + seconds_to_wait(request)
            return await within(seconds, answer(request))
        except RequestDeclined as why:
            return _declined(request, why)
        except (psycopg.OperationalError, TooManyRequests, TimeoutError):
            sentence = "The register cannot be read now. Ask again."
            later = RequestDeclined(503, "UNAVAILABLE", sentence, Retry_After="1")
            return _declined(request, later)

    return Route(path, answered, methods=[method])


ROUTES = [
    _route("/peer/events", events, "GET"),
    _route("/peer/streams", streams, "GET"),
    _route("/peer/report", report, "POST"),
]
