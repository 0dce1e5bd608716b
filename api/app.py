"""The service as an ASGI application: the only place where its parts are put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api import pages
from api.graphql.errors import RequestDeclined
from api.http import graphiql, graphql, health, log_tiles, openapi, security_contact
from api.http.cors import Cors
from api.http.exchanges import Exchange
from api.http.hosts import is_own, misdirected, own_hosts
from api.http.methods import allowed
from api.http.service import Service, service
from api.http.static_files import Files
from api.observability import logging
from api.observability.tracing import of_request
from api.pages.errors import refused
from api.settings import Settings

log = structlog.get_logger("app")
NOTHING = nullcontext()


class App(FastAPI):
    """Questions go straight to their handler: the layers between cost as much as an answer."""

    #: What `state` has too, where finding it takes longer.
    cors: Cors
    #: Where demo identities are offered: the only hosts that a request may name. Else empty.
    hosts: frozenset[bytes]
    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        cors, service = self.cors, self.service
        exchange = Exchange(scope, service.heads.line, cors.headers(scope))
        send = exchange.watched(send)
        if scope["method"] == "HEAD":  # is answered as the GET of its address, without the body
            scope["method"] = "GET"
        tracer = service.tracer
        try:
            with of_request(tracer, scope, exchange) if tracer else NOTHING:
                if self.hosts and not is_own(exchange.headers.get(b"host"), self.hosts):
                    await refused(Request(scope), misdirected(self.hosts))(scope, receive, send)
                elif (preflight := cors.preflight(scope)) is not None:
                    await preflight(scope, receive, send)
                elif (so_far := service.first_load.so_far) and not _always(scope["path"]):
                    await _still_loading(scope, so_far, exchange)(scope, receive, send)
                elif (why := service.sight.unmended) and not _apart(scope["path"]):
                    await _not_to_be_believed(scope, why, exchange)(scope, receive, send)
                elif scope["path"] == "/graphql" and graphql.is_question(scope):
                    await graphql.graphql(service, scope, receive, send)
                else:
                    await super().__call__(scope, receive, send)
        except ClientDisconnect:
            log.info("gone before it had asked", request=exchange.id)
        finally:
            exchange.ended()


#: What is answered also while the first load goes on: it is not about operators.
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


def _always(path: str) -> bool:
    return path.startswith(_ALWAYS)


def _apart(path: str) -> bool:
    """What is answered although a row of the read models is wrong: the log is of the ledger."""
    return _always(path) or path.startswith("/log/")


def _not_to_be_believed(scope: Scope, why: str, exchange: Exchange) -> Response:
    """503, as above: somebody or something changes the read models, and no row is to be told."""
    sentence = f"Nothing is answered until it is put right: {why}."
    if scope["path"] == "/graphql" and graphql.is_question(scope):
        return graphql.unavailable("NOT_BELIEVED", sentence, exchange)
    return pages.unavailable(Request(scope), sentence.rstrip("."))


def _still_loading(scope: Scope, so_far: str, exchange: Exchange) -> Response:
    """503, for a machine as an error of GraphQL, for a person as a page."""
    if scope["path"] == "/graphql" and graphql.is_question(scope):
        return graphql.unavailable("LOADING", f"Loading, so far: {so_far}. Ask again.", exchange)
    return pages.still_loading(Request(scope), so_far)


def create_app(settings: Settings) -> FastAPI:
    """Opens nothing yet: connections are made when the server starts, and closed when it ends.

    `app.state.settings` and, while it runs, `app.state.service` are what requests reach.
    """
    logging.to_json_lines()

    @asynccontextmanager
    async def lifespan(app: App) -> AsyncIterator[None]:
        async with service(settings) as running:
            app.state.service = app.service = running
            yield

    # FastAPI's own documentation pages would load their scripts from another host. Its own
    # telemetry knows nothing of /graphql, which it does not answer (api/observability/tracing.py).
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
    app.routes.extend(log_tiles.ROUTES)
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
        "Queries are sent by POST, or by GET with ?query=; mutations by POST."
        if graphql_path
        else f"This path does not answer this method, but {', '.join(sorted(methods))}."
    )
    allow = ", ".join(sorted(methods))
    return refused(request, RequestDeclined(405, "METHOD_NOT_ALLOWED", sentence, Allow=allow))
