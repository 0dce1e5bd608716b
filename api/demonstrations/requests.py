"""What the demonstration asks over HTTP, and the receiver of webhooks that it runs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from api.demonstrations.instances import HOST

TIMEOUT = 30.0  # seconds
IDLE = 5.0  # seconds: a service closes a connection that is unused for longer than it allows
#: The programme, the type and the identifier of operators of an administration.
PROGRAMMES = {
    "CN": ("CN-AEO", "ACE", "AEOCN", "AEOCN"),
    "KR": ("KR-AEO", "AA", "KR_AEO", "KRAEO"),
}
#: The inputs of mutations that share one with others.
INPUTS = {
    "acceptApplication": "AuthorisationInput",
    "startExamination": "AuthorisationInput",
    "liftSuspension": "AuthorisationInput",
    "giveConsent": "ConsentInput",
}
RECENT = 300.0  # seconds: an older message of a webhook is refused


class NotAnswered(Exception):
    """A question or a command was refused, or not answered. The message says why."""


class GraphQLClient:
    """Asks one service as one subject, over one connection that is kept. Used by one thread."""

    def __init__(self, url: str, token: Callable[[], str] | None = None) -> None:
        self._where, self._token = urlsplit(url), token
        self._open: http.client.HTTPConnection | None = None
        self._used = 0.0  # when it was used last

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Returns the data of an answer. Raises NotAnswered."""
        body = json.dumps({"query": document, "variables": variables})
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token()}"
        if time.monotonic() - self._used > IDLE:
            self.close()
        try:
            if self._open is None:
                self._open = http.client.HTTPConnection(
                    self._where.hostname or HOST, self._where.port, timeout=TIMEOUT
                )
            self._open.request("POST", "/graphql", body, headers)
            found = json.loads(self._open.getresponse().read())
            self._used = time.monotonic()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise NotAnswered(f"{self._where.geturl()}: {error}") from None
        if "errors" in found:
            raise NotAnswered(f"{self._where.geturl()}: {found['errors'][0]['message']}")
        data: dict[str, Any] = found["data"]
        return data

    def command(self, mutation: str, **fields: Any) -> None:
        """Gives a command. Raises NotAnswered where it is refused."""
        kind = INPUTS.get(mutation) or f"{mutation[:1].upper()}{mutation[1:]}Input"
        document = f"mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ __typename"
        document += " ... on Refused { code message } } }"
        outcome = self.ask(document, input={"commandId": str(uuid4()), **fields})[mutation]
        if outcome["__typename"] == "Refused":
            raise NotAnswered(f"{mutation}: {outcome['code']}: {outcome['message']}")

    def outcome(self, tin: str, territory: str) -> str:
        """Returns the outcome of recognition of an operator now."""
        document = "query ($tin: TIN!, $in: AdministrationCode!)"
        document += " { recognition(tin: $tin, in: $in) { outcome } }"
        found = self.ask(document, **{"tin": tin, "in": territory})["recognition"]
        return str(found["outcome"])

    def close(self) -> None:
        """Closes the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None


def day_before_today(days: int) -> str:
    """A day so many days ago (UTC)."""
    return (datetime.now(UTC) - timedelta(days=days)).date().isoformat()


def certify(customs: GraphQLClient, tin: str, partners: Sequence[str]) -> None:
    """Its home customs register an operator and grant it an authorisation; it consents to these
    partners. Raises NotAnswered."""
    programme, type, scheme, value = PROGRAMMES[tin[:2]]
    back = {"effective": day_before_today(9), "legalGround": "a demonstration"}
    customs.command("registerOperator", tin=tin, name=f"Example {tin}", roles=["EXPORTER"])
    customs.command("addIdentifier", tin=tin, scheme=scheme, value=f"{value}{tin[2:]}")
    customs.command("lodgeApplication", tin=tin, programme=programme, type=type, **back)
    customs.command("acceptApplication", tin=tin, **back)
    customs.command("startExamination", tin=tin, **back)
    customs.command("grantAuthorisation", tin=tin, number=f"No. {tin}", **back)
    for partner in partners:
        customs.command("giveConsent", tin=tin, partner=partner)


@dataclass
class WebhookReceiver:
    """Receives messages on loopback, checks their signatures (Standard Webhooks, HMAC-SHA-256), and
    notes when each came. `secret`: from the receipt of registerWebhook."""

    secret: str = ""
    genuine: list[float] = field(default_factory=list)  # instants (time.monotonic)
    refused: int = 0

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                good = receiver.is_genuine(dict(self.headers), body)
                if good:
                    receiver.genuine.append(time.monotonic())
                else:
                    receiver.refused += 1
                self.send_response(204 if good else 401)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._server.server_address[1]}/"

    def is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        """Whether the register signed this message, and lately."""
        found = {name.lower(): value for name, value in headers.items()}
        try:
            at = int(found["webhook-timestamp"])
            signed = f"{found['webhook-id']}.{at}.".encode() + body
            key = base64.b64decode(self.secret.removeprefix("whsec_"))
            wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
            signatures = found["webhook-signature"].split()
        except (KeyError, ValueError):
            return False
        good = any(hmac.compare_digest(text, f"v1,{wanted}") for text in signatures)
        return good and bool(key) and abs(time.time() - at) < RECENT
