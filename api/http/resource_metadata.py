"""`/.well-known/oauth-protected-resource` (RFC 9728): whose tokens this service accepts.

A client that is refused finds the address of this document in the header WWW-Authenticate. Where no
issuer is configured there is no document.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.access import dpop
from api.http.challenges import METADATA_PATH
from api.http.conditional import ASK_AGAIN, SAFE, given
from api.http.service import Service

PATH = METADATA_PATH


async def resource_metadata(request: Request) -> Response:
    """Returns the document; 404 where no issuer is configured."""
    service: Service = request.app.state.service
    issuers = sorted(service.authenticator.verifier.issuers)
    if not issuers:
        sentence = "This service has no issuer of tokens; it answers the public.\n"
        return PlainTextResponse(sentence, 404, {**SAFE, "Cache-Control": "no-store"})
    return given(request, orjson.dumps(document(service, issuers)), ASK_AGAIN, "application/json")


def document(service: Service, issuers: list[str]) -> dict[str, Any]:
    """Returns the metadata of the protected resource."""
    settings = service.settings
    return {
        "resource": settings.public_url,
        "resource_name": "AEO mutual recognition register",
        "resource_documentation": f"{settings.public_url}/developers",
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "tls_client_certificate_bound_access_tokens": bool(settings.client_certificate_header),
    }
