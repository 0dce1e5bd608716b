"""`/openapi.json` and `/schema.graphql`: machine-readable descriptions, for generators of clients.

OpenAPI 3.1 covers the plain HTTP endpoints: GraphQL over HTTP, health, the log, the files. GraphQL
answers are described by the GraphQL schema, and pages are for people.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.graphql.codes import ERRORS
from api.graphql.schema import core, schema
from api.graphql.schema_version import version
from api.http.conditional import ASK_AGAIN, given
from api.http.held import MOST as MOST_WAIT

TEXT, JSON = "text/plain", "application/json"
GRAPHQL = "application/graphql-response+json"

#: Paths that the document leaves out, and why; `{...}` as in the application's routes.
NOT_DESCRIBED = {
    "/static/{path}": "files that pages load, whose names change with their content",
    "/robots.txt": "what search engines may read, as RFC 9309 has it",
    "/favicon.ico": "leads to the mark of the site",
    "/opensearch.xml": "how the bar of a browser searches the site, as OpenSearch has it",
}
#: The reason why the document leaves out every page.
OF_PAGES = "for people, in HTML; a program asks the same of /graphql"

Described = dict[str, Any]


async def graphql_schema(request: Request) -> Response:
    """The GraphQL schema that is served, in SDL. Public."""
    return given(request, _sdl(), ASK_AGAIN, f"{TEXT}; charset=utf-8")


async def openapi(request: Request) -> Response:
    """The OpenAPI document. Public."""
    return given(request, _document_text(), ASK_AGAIN, JSON)


@cache
def _sdl() -> bytes:
    return f"{schema.as_str()}\n".encode()


@cache
def _document_text() -> bytes:
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2)


def document() -> Described:
    """Returns the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AEO mutual recognition register",
            "description": "Is this operator recognised in that territory, then, as known then, and"
            " why? Every response carries X-Request-Id, and says by Cache-Control whether it may"
            " be kept. Responses of text are compressed as Accept-Encoding asks. A HEAD is answered"
            " as the GET of its address. An unknown address answers 404 with a page.",
            "version": version(core),
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": _PATHS,
        "components": {
            "schemas": _SCHEMAS,
            "parameters": _PARAMETERS,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Without a token the public is answered.",
                },
            },
        },
    }


def _response(
    description: str, kind: str | None = None, schema: Described | None = None
) -> Described:
    """Returns a response object."""
    response: Described = {"description": description}
    if kind is not None:
        response["content"] = {kind: {"schema": schema or {"type": "string"}}}
    return response


#: An error of OAuth 2.0 (RFC 6749, 5.2).
_OAUTH_ERROR: Described = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    "required": ["error"],
}


def _ref(name: str, of: str = "schemas") -> Described:
    return {"$ref": f"#/components/{of}/{name}"}


def _get(
    name: str, summary: str, responses: Described, *parameters: Described, **more: Any
) -> Described:
    operation = {"operationId": name, "summary": summary, "responses": responses, **more}
    get = operation | ({"parameters": list(parameters)} if parameters else {})
    bodiless = {
        status: {key: value for key, value in response.items() if key != "content"}
        for status, response in responses.items()
    }
    head = get | {
        "operationId": f"{name}Head",
        "summary": f"The headers of the GET. {summary}",
        "responses": bodiless,
    }
    return {"get": get, "head": head}


def _errors(description: str) -> Described:
    both = {kind: {"schema": _ref("GraphQLResponse")} for kind in (GRAPHQL, JSON)}
    return {"description": description, "content": both}


_NOT_CHANGED = _response("Not modified: the client's copy, by its entity tag, is current.")
_AWAY = _response("The database does not answer now. Retry-After says when to ask again.", TEXT)
_KEPT = {"304": _NOT_CHANGED}
_LOG = {**_KEPT, "404": _response("The log does not have it, or not yet.", TEXT), "503": _AWAY}

_ANSWERS = {
    "200": _errors("Executed. What went wrong with single fields is in `errors`."),
    "400": _errors("The request, the document or its variables are invalid."),
    "401": _errors(
        "The token is not one that this service accepts; `extensions.reason` says why, and"
        " WWW-Authenticate where its metadata are (RFC 9728)."
    ),
    "405": _errors("A mutation by GET, or neither a POST nor a query by GET."),
    "406": _errors("Neither media type of GraphQL over HTTP is accepted."),
    "412": _errors("Aeo-Min-Position names another epoch of the ledger (code EPOCH)."),
    "413": _errors("Too long."),
    "415": _errors("A body that is not JSON in UTF-8."),
    "421": _errors("Where demo identities are offered: the Host is not this machine's."),
    "429": _errors("The quota of this minute is used up. Retry-After says how long to wait."),
    "503": _errors("Not now: busy, loading, behind, or the database is away. Retry-After."),
}

_PEER = {
    "400": _errors("A parameter cannot be, or is after the end of the log."),
    "401": _errors("No token, or not one that this service accepts."),
    "403": _errors("Not a partner that follows this register (AEO_PEERS)."),
    "503": _errors("Not now. Retry-After."),
}


def _peer(name: str, description: str, kind: str) -> Described:
    return {"name": name, "in": "query", "schema": {"type": kind}, "description": description}


_WAIT = {
    "name": "wait",
    "in": "query",
    "schema": {"type": "number", "minimum": 0, "maximum": MOST_WAIT},
    "description": "Seconds for which the answer may wait until there is something new.",
}
_PARTNER = {
    "name": "partner",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "The code of the partner administration.",
}
_OF_COPIES = {
    "401": _errors("No token, or not one that this service accepts."),
    "403": _errors("The subject may not have this partner's copy."),
    "404": _errors("No such partner or file."),
    "503": _errors("Not now. Retry-After says when to ask again."),
}

_PATHS: Described = {
    "/graphql": {
        "post": {
            "operationId": "execute",
            "summary": "Executes a GraphQL document. Its schema is /schema.graphql. With Accept: "
            "text/event-stream a subscription is answered, one event for each of its answers.",
            "security": [{}, {"token": []}],
            "parameters": [
                _ref(name, "parameters")
                for name in (
                    "Purpose",
                    "MinPosition",
                    "Cost",
                    "RequestId",
                    "Trace",
                    "LastEvent",
                )
            ],
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": _ref("GraphQLRequest")}},
            },
            "responses": _ANSWERS,
        },
        **_get(
            "ask",
            "Executes a GraphQL query in the query string; for a browser, the editor GraphiQL.",
            _ANSWERS
            | {
                "200": {
                    "description": "Executed; or the editor, for who accepts text/html.",
                    "content": _response("", "text/html")["content"] | _ANSWERS["200"]["content"],
                }
            },
            *(
                _ref(name, "parameters")
                for name in (
                    "Query",
                    "Variables",
                    "OperationName",
                    "Extensions",
                    "Purpose",
                    "MinPosition",
                    "Cost",
                    "RequestId",
                    "Trace",
                    "LastEvent",
                )
            ),
            security=[{}, {"token": []}],
        ),
    },
    "/schema.graphql": _get(
        "schema", "The GraphQL schema, in SDL.", {"200": _response("The schema.", TEXT), **_KEPT}
    ),
    "/openapi.json": _get(
        "openapi",
        "This document.",
        {"200": _response("The document.", JSON, {"type": "object"}), **_KEPT},
    ),
    "/.well-known/oauth-protected-resource": _get(
        "protectedResourceMetadata",
        "The issuers whose tokens are accepted (RFC 9728).",
        {
            "200": _response("The metadata.", JSON, {"type": "object"}),
            **_KEPT,
            "404": _response("No issuer is configured.", TEXT),
        },
    ),
    "/.well-known/oauth-authorization-server": _get(
        "authorisationServerMetadata",
        "The service's own authorisation server (RFC 8414).",
        {
            "200": _response("The metadata.", JSON, {"type": "object"}),
            **_KEPT,
            "404": _response("The service issues no tokens.", TEXT),
        },
    ),
    "/oauth/jwks": _get(
        "authorisationServerKeys",
        "The public keys of the authorisation server (RFC 7517).",
        {
            "200": _response("The keys.", JSON, {"type": "object"}),
            **_KEPT,
            "404": _response("The service issues no tokens.", TEXT),
        },
    ),
    "/oauth/token": {
        "post": {
            "operationId": "token",
            "summary": "Issues an access token: client credentials, private_key_jwt (RFC 7523).",
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                name: {"type": "string"}
                                for name in (
                                    "grant_type",
                                    "client_assertion_type",
                                    "client_assertion",
                                    "client_id",
                                    "resource",
                                )
                            },
                            "required": ["grant_type", "client_assertion_type", "client_assertion"],
                        }
                    }
                },
            },
            "responses": {
                "200": _response("The token.", JSON, {"type": "object"}),
                "400": _response("The request is invalid (RFC 6749, 5.2).", JSON, _OAUTH_ERROR),
                "401": _response("The client is not authenticated.", JSON, _OAUTH_ERROR),
                "404": _response("The service issues no tokens.", TEXT),
                "429": _response("Too many tokens of this minute.", JSON, _OAUTH_ERROR),
                "503": _response("Not now: the database is away.", JSON, _OAUTH_ERROR),
            },
        }
    },
    "/sign-in/back-channel-logout": {
        "post": {
            "operationId": "backChannelLogout",
            "summary": "An issuer ends a person's sessions (OpenID Connect Back-Channel Logout).",
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "properties": {"logout_token": {"type": "string"}},
                            "required": ["logout_token"],
                        }
                    }
                },
            },
            "responses": {
                "200": {"description": "The sessions have ended, if there were any."},
                "400": _response("The logout token is not accepted.", JSON, _OAUTH_ERROR),
                "429": _response("Too many from this address.", JSON, _OAUTH_ERROR),
                "503": _response("Not now: the database is away.", JSON, _OAUTH_ERROR),
            },
        }
    },
    "/.well-known/security.txt": _get(
        "securityTxt",
        "The contact for reports of vulnerabilities (RFC 9116).",
        {"200": _response("The contact.", TEXT), **_KEPT, "404": _response("None is set.", TEXT)},
    ),
    "/healthz": _get("alive", "Liveness.", {"200": _response("The process is running.", TEXT)}),
    "/readyz": _get(
        "ready",
        "Readiness: can queries be answered from read models that are being updated?",
        {
            "200": _response("Ready.", JSON, _ref("Readiness")),
            "503": _response(
                "Not ready: `why` or `stopped` says the reason.", JSON, _ref("Readiness")
            ),
        },
    ),
    "/metrics": _get(
        "metrics",
        "Counters and gauges, in the text format of Prometheus.",
        {"200": _response("The metrics.", TEXT)},
    ),
    "/log/checkpoint": _get(
        "checkpoint",
        "The last signed checkpoint of the public log (C2SP tlog-checkpoint).",
        {"200": _response("The signed note.", TEXT), **_LOG},
    ),
    "/log/keys": _get(
        "logKeys",
        "The verifier keys of the log, one a line.",
        {"200": _response("The keys.", TEXT), **_LOG},
    ),
    "/log/receipt-keys": _get(
        "receiptKeys",
        "The public keys of the receipts, a JWK set (RFC 7517).",
        {"200": _response("The key set.", "application/jwk-set+json", {"type": "object"}), **_LOG},
    ),
    "/.well-known/did.json": _get(
        "didDocument",
        "The DID document of this register (did:web): the keys of its credentials and receipts.",
        {
            "200": _response("The document.", "application/did+json", {"type": "object"}),
            "404": _response("The register has no address of its own.", TEXT),
        },
    ),
    "/status-lists/{number}/{purpose}": _get(
        "statusList",
        "A status list of credentials (W3C Bitstring Status List), as it stands now: a vc+jwt.",
        {
            "200": _response("The list, signed.", "application/vc+jwt", {"type": "string"}),
            **_LOG,
        },
        {
            "name": "number",
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
            "description": "The number of the list, as credentials name it.",
        },
        {
            "name": "purpose",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "enum": ["revocation", "suspension"]},
            "description": "What a set bit means.",
        },
    ),
    "/log/policy": _get(
        "logPolicy",
        "The witnesses that the signer asks (C2SP tlog-policy).",
        {"200": _response("The policy.", TEXT), **_LOG},
    ),
    "/log/tile/{name}": _get(
        "tile",
        "Hashes of a tile, or the entries under it (C2SP tlog-tiles).",
        {
            "200": _response(
                "The bytes. They never change once a checkpoint covers them.",
                "application/octet-stream",
                {"type": "string", "contentMediaType": "application/octet-stream"},
            ),
            "400": _response("Not a valid tile name.", TEXT),
            **_LOG,
        },
        {
            "name": "name",
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "description": "LEVEL/NUMBER or entries/NUMBER, with .p/WIDTH where it is not full. A"
            " number is 067 or x001/x234/067; its slashes stand in the address as they are.",
        },
    ),
    "/peer/events": _get(
        "peerEvents",
        "Events of this register's own operators for a peer: whole, each with its leaf's salt.",
        {"200": _response("A page of events.", JSON, _ref("PeerEvents")), **_PEER},
        _peer("after", "The position after which events are wanted; 0: all.", "integer"),
        _peer("law", "true: events of its programmes and agreements are wanted.", "boolean"),
        _peer(
            "level",
            "With `law`: the highest level that the peer understands. 1 (without it): programmes"
            " and agreements; 2: also its administrations and blocs.",
            "integer",
        ),
        _peer("stream", "In place of `after`: the stream of one operator.", "string"),
        _peer("version", "With `stream`: the version after which events are wanted.", "integer"),
        _WAIT,
        security=[{"token": []}],
    ),
    "/peer/streams": _get(
        "peerStreams",
        "The streams that are published to a peer today, each with its last version.",
        {"200": _response("A page of streams.", JSON, {"type": "object"}), **_PEER},
        _peer("after", "The stream after which others are wanted.", "string"),
        security=[{"token": []}],
    ),
    "/peer/report": {
        "post": {
            "operationId": "peerReport",
            "summary": "A peer shows two heads of this log that contradict each other.",
            "security": [{"token": []}],
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": _ref("PeerReport")}},
            },
            "responses": {
                "204": {"description": "Kept."},
                "413": _errors("Too long."),
                **_PEER,
            },
        }
    },
    "/golden-copy/keys": _get(
        "goldenCopyKeys",
        "The verifier key of the golden copies.",
        {"200": _response("The key.", TEXT), **_KEPT},
    ),
    "/golden-copy/{partner}": _get(
        "goldenCopies",
        "The golden copies and deltas of a partner, the oldest first.",
        {"200": _response("The list.", JSON, {"type": "object"}), **_OF_COPIES},
        _PARTNER,
        security=[{"token": []}],
    ),
    "/golden-copy/{partner}/changes": _get(
        "goldenCopyChanges",
        "What changed in a partner's golden copy since a position and an instant, signed.",
        {
            "200": _response("The changes up to now.", JSON, _ref("SignedChanges")),
            **_OF_COPIES,
            "400": _errors("A parameter is missing or invalid."),
            "412": _errors("The position is of another epoch of the ledger (code EPOCH)."),
        },
        _PARTNER,
        *(
            {"name": name, "in": "query", "required": True, "schema": {"type": "string"}}
            for name in ("epoch", "after", "since")
        ),
        _WAIT,
        security=[{"token": []}],
    ),
    "/golden-copy/{partner}/looks": {
        "post": {
            "operationId": "handBackLooks",
            "summary": "Takes the looks of an edge into the read log: each once, by its id.",
            "security": [{"token": []}],
            "parameters": [_PARTNER],
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": {"type": "array", "items": {"type": "object"}}}},
            },
            "responses": {
                "200": _response("How many were new.", JSON, {"type": "object"}),
                **_OF_COPIES,
                "400": _errors("A look that cannot be. The message names it."),
                "413": _errors("Too long."),
            },
        }
    },
    "/golden-copy/{partner}/{copy}/{file}": _get(
        "goldenCopyFile",
        "A file of a golden copy or a delta, with its SHA-256 as entity tag, or a range of it.",
        {
            "200": _response(
                "The file.",
                "application/octet-stream",
                {"type": "string", "contentMediaType": "application/octet-stream"},
            ),
            "206": _response(
                "The range.",
                "application/octet-stream",
                {"type": "string", "contentMediaType": "application/octet-stream"},
            ),
            **_KEPT,
            **_OF_COPIES,
        },
        _PARTNER,
        *(
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in ("copy", "file")
        ),
        security=[{"token": []}],
    ),
    "/aeo-verify": _get(
        "verifier",
        "The program that verifies the log and audit bundles without this service.",
        {"200": _response("The program.", "text/x-python"), **_LOG},
    ),
}

_PARAMETERS: Described = {
    "Query": {
        "name": "query",
        "in": "query",
        "schema": {"type": "string"},
        "description": "The document. Without it `extensions` names one that was sent before.",
    },
    "Variables": {
        "name": "variables",
        "in": "query",
        "content": {JSON: {"schema": {"type": ["object", "null"]}}},
    },
    "OperationName": {"name": "operationName", "in": "query", "schema": {"type": "string"}},
    "Extensions": {
        "name": "extensions",
        "in": "query",
        "content": {JSON: {"schema": {"type": ["object", "null"]}}},
    },
    "Purpose": {
        "name": "Purpose",
        "in": "header",
        "schema": {"type": "string", "maxLength": 200},
        "description": "The purpose of the reading; it is kept in the read log.",
    },
    "MinPosition": {
        "name": "Aeo-Min-Position",
        "in": "header",
        "schema": {"type": "string", "pattern": "^([0-9a-f]{12}:)?[0-9]{1,18}$"},
        "description": "EPOCH:POSITION or POSITION of a receipt: the answer is not older (read"
        " your writes).",
    },
    "Cost": {
        "name": "Aeo-Cost",
        "in": "header",
        "schema": {"type": "boolean"},
        "description": "true: `extensions.cost` of the answer reports its cost and the limits.",
    },
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
        "description": "Returned in the response and in every error, and written to the log.",
    },
    "Trace": {
        "name": "traceparent",
        "in": "header",
        "schema": {"type": "string"},
        "description": "W3C Trace Context.",
    },
    "LastEvent": {
        "name": "Last-Event-ID",
        "in": "header",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{12}:[0-9]{1,15}$"},
        "description": "Of a subscription as server-sent events: the id of the last event that was "
        "received. What followed it is sent.",
    },
}

_SCHEMAS: Described = {
    "PeerReport": {
        "type": "object",
        "required": ["remembered", "shown", "why"],
        "additionalProperties": False,
        "properties": {
            "remembered": {"type": "string", "description": "The head that was verified before."},
            "shown": {"type": "string", "description": "The head that contradicts it."},
            "why": {"type": "string"},
        },
    },
    "PeerEvents": {
        "type": "object",
        "required": ["epoch", "size", "position", "asOf", "administrations", "events"],
        "properties": {
            "epoch": {"type": "string"},
            "size": {"type": "integer", "description": "Leaves of the last signed head."},
            "position": {"type": "integer", "description": "The last position under it."},
            "asOf": {"type": "string", "format": "date-time"},
            "administrations": {"type": "array", "items": {"type": "string"}},
            "next": {"type": "integer", "description": "Everything up to here was looked at."},
            "law": {"type": "boolean", "description": "These are events of its law."},
            "level": {
                "type": "integer",
                "description": "With `law`: the level of these events, at most the wanted one.",
            },
            "events": {"type": "array", "items": {"type": "object"}},
        },
    },
    "GraphQLRequest": {
        "type": "object",
        "properties": {
            "query": {"type": ["string", "null"]},
            "variables": {"type": ["object", "null"]},
            "operationName": {"type": ["string", "null"]},
            "extensions": {"type": ["object", "null"]},
        },
    },
    "SignedChanges": {
        "type": "object",
        "description": "`note`: a signed note (C2SP) of the SHA-256 of `body`, JSON lines.",
        "properties": {"body": {"type": "string"}, "note": {"type": "string"}},
        "required": ["body", "note"],
    },
    "GraphQLResponse": {
        "type": "object",
        "properties": {
            "data": {"type": ["object", "null"]},
            "errors": {"type": "array", "items": _ref("Error")},
            "extensions": {"type": "object"},
        },
    },
    "Error": {
        "type": "object",
        "required": ["message", "extensions"],
        "properties": {
            "message": {"type": "string", "description": "A sentence for a person."},
            "path": {"type": "array", "items": {"type": ["string", "integer"]}},
            "locations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["line", "column"],
                    "properties": {"line": {"type": "integer"}, "column": {"type": "integer"}},
                },
            },
            "extensions": {
                "type": "object",
                "required": ["code", "requestId"],
                "properties": {
                    "code": {
                        "type": "string",
                        "description": "One of these, or the code of a refusal (`RefusalCode` of"
                        " the schema).",
                        "examples": sorted(ERRORS),
                    },
                    "requestId": {"type": "string"},
                },
            },
        },
    },
    "Readiness": {
        "type": "object",
        "required": ["ready", "answers"],
        "properties": {
            "ready": {"type": "boolean"},
            "answers": {"type": "boolean", "description": "A question was just answered."},
            "current": {
                "type": "boolean",
                "description": "Every read model is being updated; none is stopped.",
            },
            "why": {"type": "string"},
            "recorded": {"type": "integer", "description": "The last position in the ledger."},
            "position": {
                "type": "integer",
                "description": "The position that every read model has reached.",
            },
            "lag": {
                "type": "integer",
                "description": "Events that are recorded and not projected yet.",
            },
            "stopped": {"type": "array", "items": {"type": "string"}},
            "epoch": {"type": "string"},
            "timeZones": {"type": "string"},
            "accepts": {"type": "string"},
            "check": {"type": "object"},
        },
    },
}
