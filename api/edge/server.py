"""Serves an edge: GraphQL and health over HTTP, and a task that follows its source."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import orjson
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.edge.following import FolderSource, NoLine, RegisterSource, Took
from api.edge.graphql import EdgeGraphQL
from api.edge.store import EdgeStore, NotFilled, age
from api.golden_copy.manifest import BadCopy
from api.http.hosts import is_own, own_hosts

log = structlog.get_logger("edge")
LONGEST = 262_144  # bytes of a question


@dataclass
class Following:
    """Follows the source of an edge, from time to time, and remembers what went wrong last."""

    store: EdgeStore
    source: FolderSource | RegisterSource
    every: float  # seconds between the beginnings of two looks that bring nothing
    #: Why the last look at the source brought nothing; None where it did.
    why: str | None = None
    _reported: str | None = field(default=None, repr=False)

    def look(self) -> list[Took]:
        """Looks once: takes what is new, and hands the looks back. What is wrong is remembered and
        reported once; the edge keeps what it had."""
        try:
            took = self.source.follow(self.store)
            handed = self.source.hand_back(self.store)
            self.why = self._reported = None
        except (NoLine, BadCopy, OSError) as error:
            self.why = str(error)
            if self.why != self._reported:
                log.warning("edge.keeps_what_it_had", why=self.why)
            self._reported = self.why
            return []
        for each in took:
            if each.records or each.what == "a golden copy":
                log.info("edge.took", what=each.what, records=each.records, position=each.position)
        if handed:
            log.info("edge.handed_back", looks=handed)
        return took

    def run(self, stop: threading.Event) -> None:
        """Looks until `stop` is set."""
        while not stop.is_set():
            began, moved = monotonic(), False
            try:
                moved = any(each.records for each in self.look())
                self.store.checkpoint()
            except Exception as error:  # a defect must not end the following for ever
                self.why = f"{type(error).__name__}: {error}"
                log.exception("edge.fault")
            if not moved:
                stop.wait(max(0.0, self.every - (monotonic() - began)))


def application(store: EdgeStore, following: Following, host: str) -> Starlette:
    """The ASGI application of an edge."""
    graphql, own = EdgeGraphQL(store), own_hosts(host)

    async def answer(request: Request) -> Response:
        if not is_own(request.headers.get("host", "").encode(), own):
            return _refusal(421, f"Host: this edge answers as {host} only.")
        query: dict[str, Any] = dict(request.query_params)
        if request.method == "POST":
            body = await request.body()
            if len(body) > LONGEST:
                return _refusal(413, f"At most {LONGEST:,} bytes.")
            try:
                query = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                return _refusal(400, f"The body is no JSON: {error}.")
        document = query.get("query") if isinstance(query, dict) else None
        variables = query.get("variables") if isinstance(query, dict) else None
        if not isinstance(document, str) or not isinstance(variables, (dict, type(None))):
            return _refusal(400, "query: wanted a GraphQL document, and variables as an object.")
        found = graphql.execute(document, variables, request.headers.get("purpose"))
        status = 200 if "data" in found else 400
        if status == 400 and found["errors"][0]["extensions"]["code"] == "UNAVAILABLE":
            status = 503
        seconds = found.get("extensions", {}).get("edge", {}).get("ageSeconds", 0)
        headers = {"Cache-Control": "no-store", "Age": str(int(seconds))}
        return Response(orjson.dumps(found), status, headers, "application/json")

    async def ready(request: Request) -> Response:
        found, status = status_of(store, following)
        return JSONResponse(found, status, {"Cache-Control": "no-store"})

    async def alive(request: Request) -> Response:
        return Response("alive\n", media_type="text/plain")

    return Starlette(
        routes=[
            Route("/graphql", answer, methods=["GET", "POST"]),
            Route("/readyz", ready),
            Route("/healthz", alive),
        ]
    )


def status_of(store: EdgeStore, following: Following) -> tuple[dict[str, Any], int]:
    """What the edge has and how old it is, with the HTTP status: 503 until it is filled."""
    try:
        state = store.state()
    except NotFilled as error:
        return {"ready": False, "why": following.why or str(error)}, 503
    return {
        "ready": True,
        "partner": state.partner,
        "epoch": state.moment.epoch,
        "position": state.moment.position,
        "asOf": state.moment.at.isoformat(),
        "ageSeconds": round(age(state, datetime.now(UTC)), 3),
        "operators": store.count(),
        "looksToHandBack": store.waiting(),
        "why": following.why,
    }, 200


def serve(
    store: EdgeStore, following: Following, host: str, port: int, say: Callable[[str], None]
) -> None:
    """Serves until SIGTERM or Ctrl-C."""
    import uvloop
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    app, stop = application(store, following, host), threading.Event()

    async def run() -> None:
        server: Any = Server(
            app,
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            log_enabled=False,
        )
        for ending in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(ending, server.stop)
        thread = threading.Thread(target=following.run, args=[stop], name="following")
        thread.start()
        # What is there now stays: a collection that looks through it would hold up answers.
        gc.collect()
        gc.freeze()
        say(f"edge on http://{host}:{port}/graphql")
        try:
            await server.serve()
        finally:
            stop.set()
            await asyncio.to_thread(thread.join)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    uvloop.run(run())


def _refusal(status: int, sentence: str) -> Response:
    body = {"errors": [{"message": sentence, "extensions": {"code": "BAD_REQUEST"}}]}
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, "application/json")
