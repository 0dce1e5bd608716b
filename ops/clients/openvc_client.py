"""openvc, a library for Verifiable Credentials: it resolves the DID, verifies the signature with
the key found there, and reads both status lists of a certificate, before and after it is withdrawn.

Its one call for everything reads the claim `vc` of VCDM 1.1, which a `vc+jwt` of VCDM 2.0 has not,
so its parts are called.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from openvc import verify_signature
from openvc.did.did_web import DidWebResolver
from openvc.status.status_list import StatusResult, check_credential_status

URL = os.environ["REGISTRY_URL"]
OFFICER = os.environ["REGISTRY_OFFICER"]
#: A did:web is fetched over https; this register is on loopback, without TLS.
HTTPS = re.compile("^https:")

jar = CookieJar(DefaultCookiePolicy(rfc2965=False))
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))


class PageRefused(Exception):
    """A page that is answered with another status than 200: its notice says why."""


def page(path: str, **fields: str) -> str:
    """A page as the officer's browser asks for it. Raises PageRefused."""
    cookies = [f"aeo-token={OFFICER}", *(f"{cookie.name}={cookie.value}" for cookie in jar)]
    headers = {"Cookie": "; ".join(cookies), "Accept": "text/html"}
    data = urlencode(fields).encode() if fields else None
    try:
        with browser.open(urllib.request.Request(URL + path, data, headers)) as answer:
            text: str = answer.read().decode()
    except urllib.error.HTTPError as error:
        shown = error.read().decode()
        notice = re.search(r'role="alert">(.*?)</div>', shown, re.DOTALL)
        why = re.sub(r"<[^>]*>", "", notice[1]).strip() if notice else shown[-300:]
        raise PageRefused(f"{path}: {error.code}: {why}") from None
    return text


def fetched(address: str) -> str:
    with urllib.request.urlopen(HTTPS.sub("http:", address)) as answer:
        text: str = answer.read().decode()
        return text


def read(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return found


def verified(text: str) -> dict[str, Any]:
    """The claims of a credential that the key of its issuer signed. Raises AssertionError."""
    head, body, signature = text.split(".")
    header, claims = read(head), read(body)
    issuer = claims["issuer"] if isinstance(claims["issuer"], str) else claims["issuer"]["id"]
    document = DidWebResolver(lambda url: json.loads(fetched(url))).resolve(issuer)
    method = document.key_by_kid(header["kid"])
    assert method is not None and header["typ"] == "vc+jwt", header
    is_signed = verify_signature(
        alg=header["alg"],
        public_jwk=method.public_key_jwk,
        signing_input=f"{head}.{body}".encode(),
        signature=base64.urlsafe_b64decode(signature + "=="),
    )
    assert is_signed, "the signature is not of this text"
    return claims


def status(claims: dict[str, Any]) -> StatusResult:
    return check_credential_status(
        claims, resolve_status_list=lambda address: verified(fetched(address))
    )


def operators() -> list[str]:
    """Chinese operators whose authorisation is valid, the last first: another client takes the
    first one and suspends it meanwhile."""
    query = """{ operators(filter: {administration: "CN", standing: VALID}, last: 30) {
      edges { node { tin standingAbroad } } } }"""
    headers = {"Authorization": f"Bearer {OFFICER}", "Content-Type": "application/json"}
    body = json.dumps({"query": query}).encode()
    asked = urllib.request.Request(f"{URL}/graphql", body, headers)
    with urllib.request.urlopen(asked) as answer:
        edges = json.load(answer)["data"]["operators"]["edges"]
    nodes = [edge["node"] for edge in reversed(edges)]
    return [str(node["tin"]) for node in nodes if node["standingAbroad"] == "VALID"]


def form(path: str, **fields: str) -> str:
    csrf = re.findall(r'name="csrf" value="([^"]*)"', page(path))[0]
    return page(path, csrf=csrf, command_id=str(uuid4()), **fields)


def certificate_page(tin: str) -> str:
    return f"/operators/{tin}/certificate"


def issued(path: str) -> tuple[str, str]:
    """A certificate: the credential, and its id. Raises PageRefused."""
    authorisation = re.findall(r'name="authorisation" value="([^"]*)"', page(path))[0]
    shown = form(path, action="issue", authorisation=authorisation)
    id = re.findall(r"/certificate/([0-9a-f-]{36})/credential\.jwt", shown)[0]
    return page(f"{path}/{id}/credential.jwt").strip(), id


def issued_to_one_of(tins: list[str]) -> tuple[str, str, str]:
    """The certificate page of the first operator that gets a certificate, the credential and its
    id. Other clients decide about operators and about the law meanwhile, so an operator can be
    refused; the log signs a decision a moment after the decision is recorded."""
    refused = []
    for tin in tins:
        path = certificate_page(tin)
        try:
            return path, *issued(path)
        except PageRefused as error:
            refused.append(str(error))
            time.sleep(1)
    raise AssertionError(f"no certificate for any of {len(tins)} operators: {refused}")


def accepted() -> None:
    found = status(verified(CREDENTIAL))
    assert (found.revoked, found.suspended, len(found.entries)) == (False, False, 2), found


def refused() -> None:
    head, body, signature = CREDENTIAL.split(".")
    other = "A" if signature[5] != "A" else "B"
    try:
        verified(f"{head}.{body}.{signature[:5]}{other}{signature[6:]}")
    except AssertionError:
        return
    raise AssertionError("an altered certificate was accepted")


def revoked() -> None:
    form(PATH, action="withdraw", credential=ID)
    found = status(verified(CREDENTIAL))
    assert (found.revoked, found.suspended) == (True, False), found


def check(what: str, tried: Callable[[], None]) -> bool:
    try:
        tried()
    except Exception as error:
        print(f"failed\t{what}\t{type(error).__name__}: {error}")
        return False
    print(f"ok\t{what}")
    return True


PATH, CREDENTIAL, ID = issued_to_one_of(operators()[:5])
CHECKS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("openvc accepts a certificate: DID, signature, dates, status lists", accepted),
    ("openvc refuses a certificate that was altered", refused),
    ("openvc finds a certificate that was withdrawn", revoked),
)
# Every check is made: no generator stops at the first that fails.
results = [check(what, tried) for what, tried in CHECKS]
raise SystemExit(not all(results))
