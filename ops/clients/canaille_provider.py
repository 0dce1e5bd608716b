"""Canaille, an identity provider in Python (Authlib): a person signs in at it, and the register
answers as to one. Its access tokens are no access tokens by RFC 9068, and are refused."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from werkzeug.serving import WSGIRequestHandler, make_server

REGISTER = os.environ["REGISTRY_URL"]
ISSUER = os.environ["REGISTRY_CANAILLE"]
SECRET = Path(os.environ["REGISTRY_HOME"], "canaille-secret").read_text(encoding="utf-8").strip()
PERSON, PASSWORD = "li.wei", "a password of this check"
STEPS = 15


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


def main() -> int:
    server = make_server("127.0.0.1", urlsplit(ISSUER).port or 0, provider(), True, 1, Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    good = [
        check("a person signs in, and the pages answer as to an officer", signs_in),
        check("whoever is in no group of officers is not signed in", stranger),
        check("its access token, which is none by RFC 9068, is refused", access_token),
    ]
    server.shutdown()
    return 0 if all(good) else 1


def provider() -> Any:
    app = create_app(
        config={
            "SECRET_KEY": "a-secret-of-this-check",
            "SERVER_NAME": urlsplit(ISSUER).netloc,
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "LOGGING": {"version": 1}},
            "CANAILLE_OIDC": {"TRUSTED_DOMAINS": ["127.0.0.1"]},
        }
    )
    with app.app_context():
        for name in (PERSON, "a.stranger"):
            user = models.User(
                formatted_name=name,
                family_name=name,
                user_name=name,
                emails=[f"{name}@customs.example"],
                password=PASSWORD,
            )
            Backend.instance.save(user)
            if name == PERSON:
                Backend.instance.save(models.Group(display_name="aeo-officers", members=[user]))
        client = models.Client(
            client_id="register",
            client_name="The register",
            client_secret=SECRET,
            client_uri=REGISTER,  # trusted: nobody is asked for consent
            redirect_uris=[f"{REGISTER}/sign-in/callback"],
            grant_types=["authorization_code"],
            response_types=["code"],
            scope=["openid", "groups"],
            token_endpoint_auth_method="client_secret_post",
            id_token_signed_response_alg="RS256",
            client_id_issued_at=datetime.now(UTC),
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    return app


class Browser:
    """Follows every redirection by hand; keeps the cookies of each host, also secure ones of
    http, as a browser does for this machine."""

    def __init__(self) -> None:
        self.jars: dict[str, dict[str, str]] = {}

    def open(self, address: str, form: dict[str, str] | None = None) -> requests.Response:
        jar = self.jars.setdefault(urlsplit(address).netloc, {})
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        headers["Accept"] = "text/html"
        answer = requests.request(
            "POST" if form else "GET",
            address,
            data=form,
            headers=headers,
            allow_redirects=False,
            timeout=60,
        )
        for line in answer.raw.headers.getlist("Set-Cookie"):
            found = re.match(r"([^=]+)=([^;]*)", line)
            assert found
            if not found[2] or "max-age=0" in line.lower():
                jar.pop(found[1], None)
            else:
                jar[found[1]] = found[2].strip('"')
        return answer

    def sign_in(self, person: str) -> requests.Response:
        """The last page: nothing more is to be filled in or followed."""
        address, form = f"{REGISTER}/sign-in/start?issuer=1&next=/countries", None
        for _ in range(STEPS):
            answer = self.open(address, form)
            form = None
            if answer.is_redirect:
                address = urljoin(address, answer.headers["location"])
                continue
            names = re.findall(r'<input[^>]*name="([^"]+)"', answer.text)
            if not address.startswith(ISSUER) or not {"login", "password"} & set(names):
                return answer
            form = dict(
                re.findall(r'<input[^>]*name="(csrf_token)"[^>]*value="([^"]*)"', answer.text)
            )
            form |= {"login": person} if "login" in names else {"password": PASSWORD}
        raise AssertionError(f"it does not end: {address}")


def signs_in() -> None:
    browser = Browser()
    last = browser.sign_in(PERSON)
    assert "officer:CN" in last.text, last.text
    shown = browser.open(f"{REGISTER}/countries").text
    assert "You ask as <strong>an officer of the customs of China" in shown


def stranger() -> None:
    browser = Browser()
    assert browser.sign_in("a.stranger").status_code == 401
    assert "an officer of the customs of China" not in browser.open(f"{REGISTER}/countries").text


def access_token() -> None:
    browser = Browser()
    address = f"{ISSUER}/oauth/authorize"
    asked = "response_type=code&client_id=register&scope=openid%20groups&state=s&nonce=another"
    back = f"{REGISTER}/sign-in/callback"
    verifier = "a-verifier-of-this-check-that-is-long-enough-for-pkce"
    asked += f"&redirect_uri={back}&code_challenge={verifier}&code_challenge_method=plain"
    browser.sign_in(PERSON)  # so that Canaille knows the person
    answer = browser.open(f"{address}?{asked}")
    found = re.search(r"code=([^&]+)", answer.headers.get("location", ""))
    assert found, f"{answer.status_code} {answer.text[:500]}"
    form = {"grant_type": "authorization_code", "code": found[1], "redirect_uri": back}
    form |= {"client_id": "register", "client_secret": SECRET, "code_verifier": verifier}
    given = requests.post(f"{ISSUER}/oauth/token", data=form, timeout=60).json()
    refused = requests.post(
        f"{REGISTER}/graphql",
        json={"query": "{ viewer { subject } }"},
        headers={"Authorization": f"Bearer {given['access_token']}"},
        timeout=60,
    )
    [error] = refused.json()["errors"]
    assert (refused.status_code, error["extensions"]["reason"]) == (401, "TOKEN_TYPE"), error


def check(what: str, tried: Callable[[], None]) -> bool:
    try:
        tried()
    except Exception as error:
        print(f"failed\t{what}\t{type(error).__name__}: {' '.join(str(error).split())[:600]}")
        return False
    print(f"ok\t{what}")
    return True


if __name__ == "__main__":
    raise SystemExit(main())
