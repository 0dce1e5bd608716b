"""The side of the client: the file with its key, its assertion, and how it gets a token."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from api.access.authorisation_server import ALGORITHM, ASSERTION, GRANT, TOKEN_PATH
from api.access.issuers import is_safe_url

PATIENCE = 10.0  # seconds


class NoToken(Exception):
    """No token was issued. The message says why."""


def write_client_file(path: Path, issuer: str, client: str) -> dict[str, str]:
    """Makes a key pair and writes it to a new file that its owner alone can read. Returns the
    public key. Raises OSError where the file is there already or cannot be written."""
    key = ECKey.generate_key("P-256")
    private = key.as_dict(private=True, kid=key.thumbprint(), alg=ALGORITHM)
    text = json.dumps({"issuer": issuer, "client": client, "key": private}, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
    public = key.as_dict(private=False, kid=key.thumbprint(), alg=ALGORITHM)
    return {name: str(value) for name, value in public.items()}


def read_client_file(path: Path) -> dict[str, Any]:
    """Reads the file of a client. Raises OSError; ValueError where it is none."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not {"issuer", "client", "key"} <= found.keys():
        raise ValueError("wanted issuer, client and key, as `aeo client new` writes them")
    return found


def assertion(client: dict[str, Any]) -> str:
    """The assertion with which a client authenticates (RFC 7523): for one use, within a minute."""
    key = ECKey.import_key(client["key"])
    now = int(time())
    claims: dict[str, Any] = {"iss": client["client"], "sub": client["client"]}
    claims |= {"aud": client["issuer"], "jti": uuid4().hex, "iat": now, "exp": now + 60}
    header = {"alg": ALGORITHM, "kid": key.thumbprint()}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


class IssuedToken(NamedTuple):
    """An access token, and the seconds for which it is valid."""

    text: str
    seconds: float


def get_token(client: dict[str, Any]) -> IssuedToken:
    """Gets an access token from the client's issuer. Raises NoToken."""
    if not is_safe_url(client["issuer"]):
        raise NoToken(f"issuer: found {client['issuer']!r}, wanted https")
    form = {
        "grant_type": GRANT,
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion(client),
    }
    request = Request(f"{client['issuer']}{TOKEN_PATH}", urlencode(form).encode())
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            found = json.load(answer)
            return IssuedToken(str(found["access_token"]), float(found.get("expires_in", 60)))
    except HTTPError as error:
        raise NoToken(f"{client['issuer']} refuses: {error.read(500).decode()}") from None
    except (URLError, OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise NoToken(f"{client['issuer']} does not answer: {error}") from None
