"""The ASGI application: the place where the parts of the service are put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api import pages
from api.access import authorisation_server
from api.graphql.errors import RequestDeclined
from api.http import (
    back_channel_logout,
    credentials,
    golden_copy,
    graphiql,
    graphql,
    health,
    log_tiles,
    oauth,
    openapi,
    peers,
    resource_metadata,
    security_contact,
    site_files,
)
from api.http.cors import Cors
from api.http.exchanges import Exchange
from api.http.hosts import is_own, misdirected, own_hosts
from api.http.methods import allowed
from api.http.service import Service, service
from api.http.static_files import Files
from api.observability import logging
from api.observability.tracing import of_request
from api.pages.errors import refused
from api.pages.render import take_language
from api.settings import Settings
from registry.domain.sentences import Listing, Sentence

log = structlog.get_logger("app")
NOTHING = nullcontext()


class App(FastAPI):
    """The application. Requests with a GraphQL document bypass FastAPI's middleware and router,
    which would cost as much as an answer."""

    #: Also in `state`, where the look-up takes longer.
    cors: Cors
    #: Where demo identities are offered: the only hosts that a request may name. Else empty.
    hosts: frozenset[bytes]
    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one ASGI connection. GraphQL requests do not pass through the router."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        cors, service = self.cors, self.service
        exchange = Exchange(scope, service.current_checkpoint.line, cors.headers(scope))
        send = exchange.watched(send)
        if scope["method"] == "HEAD":  # handled as a GET request; the body is not sent
            scope["method"] = "GET"
        tracer = service.tracer
        if scope["path"] != "/graphql":
            take_language(scope)
        try:
            with of_request(tracer, scope, exchange) if tracer else NOTHING:
                if self.hosts and not is_own(exchange.headers.get(b"host"), self.hosts):
                    await refused(Request(scope), misdirected(self.hosts))(scope, receive, send)
                elif (preflight := cors.preflight(scope)) is not None:
                    await preflight(scope, receive, send)
                elif (so_far := service.first_load.so_far) and not _is_always_answered(
                    scope["path"]
                ):
                    await _still_loading(scope, so_far, exchange)(scope, receive, send)
                elif (why := service.read_model_position.unmended) and not _is_independent(
                    scope["path"]
                ):
                    await _not_believed(scope, why, exchange)(scope, receive, send)
                elif scope["path"] == "/graphql" and graphql.is_question(scope):
                    await graphql.graphql(service, scope, receive, send)
                else:
                    await super().__call__(scope, receive, send)
        except ClientDisconnect:
            log.info("gone before it had asked", request=exchange.id)
        finally:
            exchange.ended()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a WebSocket connection to /graphql from this host or a listed origin; any other
        is refused with status 403 (ASGI)."""
        from api.http import websocket  # most processes of a test never need it

        service, headers = self.service, dict(reversed(scope["headers"]))
        own = not self.hosts or is_own(headers.get(b"host"), self.hosts)
        if scope["path"] != "/graphql" or not own or not self.cors.may_connect(headers):
            await send({"type": "websocket.close", "code": 1008})
            return
        so_far, why = service.first_load.so_far, service.read_model_position.unmended
        why_not = f"Loading, so far: {so_far}." if so_far else why and f"Nothing is told: {why}."
        await websocket.serve(service, scope, receive, send, why_not)


#: Paths that are answered during the first load, too: they say nothing about operators.
_ALWAYS = (
    "/docs",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/",
    "/schema.graphql",
    "/openapi.json",
    "/.well-known/",
)


def _is_always_answered(path: str) -> bool:
    return path.startswith(_ALWAYS)


def _is_independent(path: str) -> bool:
    """Returns whether a path is answered although a row of the read models is wrong: the log is
    read from the ledger."""
    return _is_always_answered(path) or path.startswith("/log/")


def _not_believed(scope: Scope, why: str, exchange: Exchange) -> Response:
    """Returns 503 NOT_BELIEVED: something other than the projector changes the read models, so no
    row is shown."""
    sentence = f"Nothing is answered until it is put right: {why}."
    if scope["path"] == "/graphql" and graphql.is_question(scope):
        return graphql.unavailable("NOT_BELIEVED", sentence, exchange)
    return pages.unavailable(Request(scope), sentence.rstrip("."))


def _still_loading(scope: Scope, so_far: str, exchange: Exchange) -> Response:
    """Returns 503 LOADING: a GraphQL error for a program, a page for a person."""
    if scope["path"] == "/graphql" and graphql.is_question(scope):
        return graphql.unavailable("LOADING", f"Loading, so far: {so_far}. Ask again.", exchange)
    return pages.still_loading(Request(scope), so_far)


def create_app(settings: Settings) -> FastAPI:
    """Returns the application. Connections are opened when the server starts it and closed when it
    ends.

    Requests find `app.state.settings` and, while it runs, `app.state.service`.
    """
    logging.to_json_lines()

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncIterator[None]:
        async with service(settings) as running:
            app.state.service = app.service = running
            yield

    # FastAPI's documentation pages would load scripts from another host. Its telemetry would not
    # cover /graphql, which bypasses FastAPI (see api/observability/tracing.py).
    app = App(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    app.cors = Cors(settings.cors_origins)
    app.hosts = own_hosts(settings.host) if settings.demo else frozenset()
    app.add_route("/graphql", _graphql, ["GET"])
    app.add_route("/healthz", health.alive, ["GET"])
    app.add_route("/readyz", health.ready, ["GET"])
    app.add_route("/metrics", health.metrics, ["GET"])
    app.add_route("/schema.graphql", openapi.graphql_schema, ["GET"])
    app.add_route("/openapi.json", openapi.openapi, ["GET"])
    app.add_route(security_contact.PATH, security_contact.security_txt, ["GET"])
    app.add_route("/robots.txt", site_files.robots, ["GET"])
    app.add_route("/favicon.ico", site_files.favicon, ["GET"])
    app.add_route("/opensearch.xml", site_files.opensearch, ["GET"])
    app.add_route(resource_metadata.PATH, resource_metadata.resource_metadata, ["GET"])
    app.add_route(authorisation_server.METADATA_PATH, oauth.metadata, ["GET"])
    app.add_route(authorisation_server.JWKS_PATH, oauth.key_set, ["GET"])
    app.add_route(authorisation_server.TOKEN_PATH, oauth.token, ["POST"])
    app.add_route(back_channel_logout.PATH, back_channel_logout.sign_out, ["POST"])
    app.routes.extend(log_tiles.ROUTES)
    app.routes.extend(credentials.ROUTES)
    app.routes.extend(peers.ROUTES)
    app.routes.extend(golden_copy.ROUTES)
    app.include_router(pages.router)
    if settings.demo:
        app.include_router(pages.identities)
    app.add_exception_handler(404, pages.missing)
    app.add_exception_handler(405, _not_allowed)
    app.mount("/static", Files(), name="static")
    return app


async def _graphql(request: Request) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return graphiql.page(request)
    return await _not_allowed(request)


async def _not_allowed(request: Request, _: Exception | None = None) -> Response:
    """405 for every path, with the methods that it has (RFC 9110, 15.5.6)."""
    methods = allowed(request.app.routes, request.scope)
    if graphql_path := request.url.path == "/graphql":
        methods |= {"POST"}  # is answered before any route
    sentence = (
        Sentence("Queries are sent by POST, or by GET with ?query=; mutations by POST.")
        if graphql_path
        else Sentence(
            "This path does not answer this method, but %(methods)s.",
            methods=Listing(sorted(methods), ", "),
        )
    )
    allow = ", ".join(sorted(methods))
    return refused(request, RequestDeclined(405, "METHOD_NOT_ALLOWED", sentence, Allow=allow))
