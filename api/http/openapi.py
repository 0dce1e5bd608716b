"""`/openapi.json` and `/schema.graphql`: what may be asked here, for programs that write clients.

OpenAPI 3.1 for the plain addresses: GraphQL over HTTP, health, the log, the files. What GraphQL
answers is described by its schema, and pages are for people.
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

TEXT, JSON = "text/plain", "application/json"
GRAPHQL = "application/graphql-response+json"

#: Addresses that the document leaves out, and why; `{...}` as the application has them.
NOT_DESCRIBED = {"/static/{path}": "files that pages load, whose names change with their content"}
#: Why the document leaves out every page.
OF_PAGES = "for people, in HTML; a program asks the same of /graphql"

Described = dict[str, Any]


async def graphql_schema(request: Request) -> Response:
    """The GraphQL schema that is served, in SDL; anybody may read it."""
    return given(request, _sdl(), ASK_AGAIN, f"{TEXT}; charset=utf-8")


async def openapi(request: Request) -> Response:
    """The OpenAPI document; anybody may read it."""
    return given(request, _document_text(), ASK_AGAIN, JSON)


@cache
def _sdl() -> bytes:
    return f"{schema.as_str()}\n".encode()


@cache
def _document_text() -> bytes:
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2)


def document() -> Described:
    """The whole of it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AEO mutual recognition register",
            "description": "Is this operator recognised in that territory, then, as known then, and"
            " why? Every response carries X-Request-Id, and says by Cache-Control whether it may"
            " be kept. Responses of text are compressed as Accept-Encoding asks. A HEAD is answered"
            " as the GET of its address. An address that is nobody's answers 404 with a page.",
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


def _said(description: str, kind: str | None = None, schema: Described | None = None) -> Described:
    """A response."""
    said: Described = {"description": description}
    if kind is not None:
        said["content"] = {kind: {"schema": schema or {"type": "string"}}}
    return said


def _ref(name: str, of: str = "schemas") -> Described:
    return {"$ref": f"#/components/{of}/{name}"}


def _get(
    name: str, summary: str, responses: Described, *parameters: Described, **more: Any
) -> Described:
    said = {"operationId": name, "summary": summary, "responses": responses, **more}
    return {"get": said | ({"parameters": list(parameters)} if parameters else {})}


def _errors(description: str) -> Described:
    both = {kind: {"schema": _ref("GraphQLResponse")} for kind in (GRAPHQL, JSON)}
    return {"description": description, "content": both}


_NOT_CHANGED = _said("What the asker has, by its entity tag, is still so.")
_AWAY = _said("The database does not answer now. Retry-After says when to ask again.", TEXT)
_KEPT = {"304": _NOT_CHANGED}
_LOG = {**_KEPT, "404": _said("The log has no such thing, or not yet.", TEXT), "503": _AWAY}

_ANSWERS = {
    "200": _errors("Executed. What went wrong with single fields is in `errors`."),
    "400": _errors("The request, the document or its variables are wrong."),
    "401": _errors("The token is not one that this service accepts."),
    "405": _errors("A command by GET, or neither a POST nor a question by GET."),
    "406": _errors("Neither media type of GraphQL over HTTP is accepted."),
    "412": _errors("Aeo-Min-Position names another epoch of the ledger (code EPOCH)."),
    "413": _errors("Too long."),
    "415": _errors("A body that is not JSON in UTF-8."),
    "429": _errors("Too many documents that were never seen before. Retry-After says how long."),
    "503": _errors("Not now: busy, loading, behind, or the database is away. Retry-After."),
}

_PATHS: Described = {
    "/graphql": {
        "post": {
            "operationId": "execute",
            "summary": "A GraphQL document: questions and commands. Its schema is /schema.graphql.",
            "security": [{}, {"token": []}],
            "parameters": [
                _ref(literal, "parameters")
                for literal in ("Purpose", "MinPosition", "Cost", "RequestId", "Trace")
            ],
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": _ref("GraphQLRequest")}},
            },
            "responses": _ANSWERS,
        },
        **_get(
            "ask",
            "A GraphQL question in the address; for a browser, the editor GraphiQL.",
            _ANSWERS
            | {
                "200": {
                    "description": "Executed; or the editor, for who accepts text/html.",
                    "content": _said("", "text/html")["content"] | _ANSWERS["200"]["content"],
                }
            },
            *(
                _ref(literal, "parameters")
                for literal in (
                    "Query",
                    "Variables",
                    "OperationName",
                    "Extensions",
                    "Purpose",
                    "MinPosition",
                    "Cost",
                    "RequestId",
                    "Trace",
                )
            ),
            security=[{}, {"token": []}],
        ),
    },
    "/schema.graphql": _get(
        "schema", "The GraphQL schema, in SDL.", {"200": _said("The schema.", TEXT), **_KEPT}
    ),
    "/openapi.json": _get(
        "openapi",
        "This document.",
        {"200": _said("The document.", JSON, {"type": "object"}), **_KEPT},
    ),
    "/.well-known/security.txt": _get(
        "securityTxt",
        "Where whoever finds a weakness writes to (RFC 9116).",
        {"200": _said("The contact.", TEXT), **_KEPT, "404": _said("None is set.", TEXT)},
    ),
    "/healthz": _get("alive", "Does the process live?", {"200": _said("It does.", TEXT)}),
    "/readyz": _get(
        "ready",
        "Can questions be answered, and from read models that go on?",
        {
            "200": _said("They can.", JSON, _ref("Readiness")),
            "503": _said(
                "They cannot, or not from read models that go on.", JSON, _ref("Readiness")
            ),
        },
    ),
    "/metrics": _get(
        "metrics",
        "Counts and states, in the text format of Prometheus.",
        {"200": _said("The metrics.", TEXT)},
    ),
    "/log/checkpoint": _get(
        "checkpoint",
        "The last signed head of the public log (C2SP tlog-checkpoint).",
        {"200": _said("The signed note.", TEXT), **_LOG},
    ),
    "/log/keys": _get(
        "logKeys",
        "The verifier keys of the log, one a line.",
        {"200": _said("The keys.", TEXT), **_LOG},
    ),
    "/log/policy": _get(
        "logPolicy",
        "Whom the signer asks to watch (C2SP tlog-policy).",
        {"200": _said("The policy.", TEXT), **_LOG},
    ),
    "/log/tile/{name}": _get(
        "tile",
        "Hashes of a tile, or the entries under it (C2SP tlog-tiles).",
        {
            "200": _said(
                "As long as a head covers it; never another.",
                "application/octet-stream",
                {"type": "string", "contentMediaType": "application/octet-stream"},
            ),
            "400": _said("No name of a tile.", TEXT),
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
    "/aeo-verify": _get(
        "verifier",
        "The program that checks the log and audit bundles without this service.",
        {"200": _said("The program.", "text/x-python"), **_LOG},
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
        "description": "What the reading is for; it is kept beside what was read.",
    },
    "MinPosition": {
        "name": "Aeo-Min-Position",
        "in": "header",
        "schema": {"type": "string", "pattern": "^([0-9a-f]{12}:)?[0-9]{1,18}$"},
        "description": "EPOCH:POSITION or POSITION of a receipt: no older answer is given.",
    },
    "Cost": {
        "name": "Aeo-Cost",
        "in": "header",
        "schema": {"type": "boolean"},
        "description": "true: the answer says in `extensions.cost` what it cost, and of how much.",
    },
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
        "description": "Comes back in the response, in every error and in the log.",
    },
    "Trace": {
        "name": "traceparent",
        "in": "header",
        "schema": {"type": "string"},
        "description": "W3C Trace Context.",
    },
}

_SCHEMAS: Described = {
    "GraphQLRequest": {
        "type": "object",
        "properties": {
            "query": {"type": ["string", "null"]},
            "variables": {"type": ["object", "null"]},
            "operationName": {"type": ["string", "null"]},
            "extensions": {"type": ["object", "null"]},
        },
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
            "current": {"type": "boolean", "description": "Every read model goes on."},
            "why": {"type": "string"},
            "recorded": {"type": "integer", "description": "The last position in the ledger."},
            "position": {"type": "integer", "description": "What every read model has seen."},
            "lag": {"type": "integer", "description": "Events that they have still to see."},
            "stopped": {"type": "array", "items": {"type": "string"}},
            "epoch": {"type": "string"},
            "timeZones": {"type": "string"},
            "accepts": {"type": "string"},
            "check": {"type": "object"},
        },
    },
}
