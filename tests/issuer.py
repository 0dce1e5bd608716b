"""An issuer of tokens on this machine: serves its keys over HTTP and signs what a test wants."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

RESOURCE = "https://register.example"
GRAPHQL = f"{RESOURCE}/graphql"
SECRET = "a-secret-of-this-client"


class FakeIssuer:
    """`fetched`: the paths that were asked for. `silent`: while it is set, nothing is answered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = {"one": ECKey.generate_key("P-256")}
        self.fetched: list[str] = []
        self.silent = False
        self.ended = Event()
        #: What a person who signs in is told of, by the code that the browser brings.
        self.codes: dict[str, dict[str, Any]] = {}

    def authorise(self, address: str, **changed: Any) -> dict[str, str]:
        """A person signs in at the address to which the browser was sent; the parameters with which
        the browser comes back. `changed`: claims of the identity token."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        code = uuid4().hex
        self.codes[code] = {"asked": asked, "changed": changed}
        return {"code": code, "state": asked["state"], "iss": self.url}

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        """The answer of the token endpoint; None where the code is not good."""
        known = self.codes.pop(form.get("code", ""), None)
        if known is None or known["asked"]["redirect_uri"] != form.get("redirect_uri"):
            return None
        hashed = b64url(sha256(form.get("code_verifier", "").encode()).digest())
        if known["asked"]["code_challenge"] != hashed or form.get("client_secret") != SECRET:
            return None
        client = known["asked"]["client_id"]
        claims = {"aud": client, "sub": "li.wei@customs.example", "nonce": known["asked"]["nonce"]}
        claims |= {"country": "CN", "scope": "aeo-officer", "client_id": None, "jti": None}
        changed = dict(known["changed"])
        claims |= {"employee": changed.get("sub", claims["sub"])}
        key, header = changed.pop("key", None), changed.pop("header", {})
        token = self.token(key, {"typ": "JWT"} | header, **(claims | changed))
        return {"id_token": token, "access_token": "x", "token_type": "Bearer"}

    def documents(self) -> dict[str, Any]:
        public = [key.as_dict(private=False, kid=kid) for kid, key in self.keys.items()]
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
                "authorization_endpoint": f"{self.url}/authorise",
                "token_endpoint": f"{self.url}/token",
            },
            "/jwks": {"keys": public},
        }

    def token(
        self,
        key: ECKey | OctKey | None = None,
        header: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """A valid token of Korean customs, but for what is changed; None leaves a claim out."""
        now = int(time())
        claims = {
            "iss": self.url,
            "aud": RESOURCE,
            "sub": "kr-system",
            "client_id": "kr-system",
            "jti": uuid4().hex,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "country": "KR",
            "scope": "recognition aeo-partner",
        } | changed
        claims = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": "ES256", "typ": "at+jwt", "kid": "one"} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, claims, key or self.keys["one"], algorithms=[head["alg"]])

    def settings(self, **more: Any) -> dict[str, Any]:
        """The issuer as the file of issuers has it."""
        return {
            "issuer": self.url,
            "administrations": ["KR", "CN"],
            "algorithms": ["ES256"],
            "rules": [
                {"claims": {"scope": "aeo-partner"}, "subject": "partner:{country}"},
                {"claims": {"scope": "aeo-officer"}, "subject": "officer:{country}"}
                | {"person": "employee"},
            ],
        } | more


def issuers_file(folder: Path, *issuers: dict[str, Any]) -> Path:
    path = folder / "issuers.json"
    path.write_text(json.dumps({"issuer": issuers}))
    return path


@contextmanager
def issuing() -> Iterator[FakeIssuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetched.append(self.path)
            if issuer.silent:
                issuer.ended.wait(30)
                return
            found = issuer.documents().get(self.path)
            body = json.dumps(found or {"error": "not found"}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found = issuer.exchange(dict(parse_qsl(body)))
            text = json.dumps(found or {"error": "invalid_grant"}).encode()
            self.send_response(200 if found else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    issuer = FakeIssuer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield issuer
    finally:
        issuer.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def proof(
    key: ECKey,
    token: str | None = None,
    header: dict[str, Any] | None = None,
    signer: Any = None,
    **changed: Any,
) -> str:
    """A valid proof of possession for POST /graphql, but for what is changed."""
    claims = {"jti": uuid4().hex, "htm": "POST", "htu": GRAPHQL, "iat": int(time())}
    if token is not None:
        claims["ath"] = b64url(sha256(token.encode()).digest())
    claims |= changed
    claims = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)} | (header or {})
    return jwt.encode(head, claims, signer or key, algorithms=[head["alg"]])


def b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
