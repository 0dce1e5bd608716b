"""Tokens of the issuers of administrations: accepted as their rules say, or refused with a code."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, OctKey, OKPKey

from tests.api.client import Client
from tests.issuer import RESOURCE, FakeIssuer, b64url, issuers_file, issuing, proof

VIEWER = "{ viewer { subject role } }"
HEADER = "Client-Cert"


def certificate() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kr-system")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return made.sign(key, SHA256())


CERTIFICATE, OTHER_CERTIFICATE = certificate(), certificate()
KEY, OTHER_KEY = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")


def thumb(of: x509.Certificate) -> str:
    return b64url(sha256(of.public_bytes(Encoding.DER)).digest())


def der(of: x509.Certificate) -> str:
    return f":{b64encode(of.public_bytes(Encoding.DER)).decode()}:"


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with issuing() as each:
        yield each


@pytest.fixture(scope="module")
def served(
    counter: Client, issuer: FakeIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """The register as `aeo serve` serves it, with an issuer of Korea and China."""
    folder: Path = tmp_path_factory.mktemp("issuers")
    told: dict[str, Any] = {
        "demo": False,
        "public_url": RESOURCE,
        "issuers": issuers_file(folder, issuer.settings()),
        "client_certificate_header": HEADER,
    }
    with Client(counter.database, counter.home, **told) as client:
        yield client


def asked(client: Client, token: str, scheme: str = "Bearer", **more: str) -> httpx.Response:
    headers = {"Authorization": f"{scheme} {token}"} | more
    return client.request("POST", "/graphql", json={"query": VIEWER}, headers=headers)


def reason(answer: httpx.Response) -> str:
    assert answer.status_code == 401, answer.text
    [error] = answer.json()["errors"]
    extensions = error["extensions"]
    assert extensions.pop("requestId")
    assert extensions.keys() == {"code", "reason"} and extensions["code"] == "UNAUTHENTICATED"
    challenge = answer.headers["www-authenticate"]
    assert f'error_description="{extensions["reason"]}"' in challenge
    assert f'resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource"' in challenge
    return str(extensions["reason"])


def test_the_claims_of_a_token_name_the_subject(served: Client, issuer: FakeIssuer) -> None:
    assert asked(served, issuer.token()).json()["data"]["viewer"] == {
        "subject": "partner:KR",
        "role": "partner",
    }
    officer = issuer.token(country="CN", scope="aeo-officer")
    assert asked(served, officer).json()["data"]["viewer"]["subject"] == "officer:CN"


def keyed_with_the_public_key(issuer: FakeIssuer) -> str:
    """HS256 with the public key as the secret, which a careless verifier would take."""
    public = issuer.keys["one"].raw_value.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "typ": "at+jwt", "kid": "one"}
    signed = f"{b64url(json.dumps(head).encode())}.{issuer.token().split('.')[1]}"
    return f"{signed}.{b64url(hmac.digest(pem, signed.encode(), 'sha256'))}"


def unsigned(issuer: FakeIssuer) -> str:
    _, body, _ = issuer.token().split(".")
    head = b64url(json.dumps({"alg": "none", "typ": "at+jwt", "kid": "one"}).encode())
    return f"{head}.{body}."


def changed_body(issuer: FakeIssuer) -> str:
    """Another body under a signature that was good for the first."""
    (head, _, signature), other = issuer.token().split("."), issuer.token(country="CN")
    return f"{head}.{other.split('.')[1]}.{signature}"


NOW = int(time())
HOSTILE: dict[str, tuple[str, Callable[[FakeIssuer], str]]] = {
    "of another issuer": ("TOKEN_ISSUER", lambda i: i.token(iss="https://elsewhere.example")),
    "of no issuer": ("TOKEN_ISSUER", lambda i: i.token(iss=None)),
    "for another service": ("TOKEN_AUDIENCE", lambda i: i.token(aud="https://other.example")),
    "for nobody": ("TOKEN_AUDIENCE", lambda i: i.token(aud=None)),
    "unsigned": ("TOKEN_ALGORITHM", unsigned),
    "HS256 with the public key": ("TOKEN_ALGORITHM", keyed_with_the_public_key),
    "of an algorithm not allowed": (
        "TOKEN_ALGORITHM",
        lambda i: i.token(OKPKey.generate_key("Ed25519"), {"alg": "Ed25519"}),
    ),
    "of another key by the same name": ("TOKEN_SIGNATURE", lambda i: i.token(OTHER_KEY)),
    "of a key nobody publishes": ("TOKEN_KEY", lambda i: i.token(OTHER_KEY, {"kid": "two"})),
    "with another body": ("TOKEN_SIGNATURE", changed_body),
    "expired": ("TOKEN_EXPIRED", lambda i: i.token(iat=NOW - 900, nbf=NOW - 900, exp=NOW - 600)),
    "not yet valid": ("TOKEN_NOT_YET_VALID", lambda i: i.token(nbf=NOW + 3600)),
    "issued tomorrow": ("TOKEN_NOT_YET_VALID", lambda i: i.token(iat=NOW + 86400, exp=NOW + 86500)),
    "valid for a week": ("TOKEN_LIFETIME", lambda i: i.token(exp=NOW + 7 * 86400)),
    "without an end": ("TOKEN_CLAIMS", lambda i: i.token(exp=None)),
    "whose end is a word": ("TOKEN_CLAIMS", lambda i: i.token(exp="tomorrow")),
    "without an id": ("TOKEN_CLAIMS", lambda i: i.token(jti=None)),
    "without a client": ("TOKEN_CLAIMS", lambda i: i.token(client_id=None)),
    "without an instant of issue": ("TOKEN_CLAIMS", lambda i: i.token(iat=None)),
    "an identity token": ("TOKEN_TYPE", lambda i: i.token(header={"typ": "JWT"})),
    "without a type": ("TOKEN_TYPE", lambda i: i.token(header={"typ": None})),
    "of another administration": ("TOKEN_SUBJECT", lambda i: i.token(country="US")),
    "of no role": ("TOKEN_SUBJECT", lambda i: i.token(scope="other")),
    "of no country": ("TOKEN_SUBJECT", lambda i: i.token(country=None)),
    "bound to something unknown": ("TOKEN_BINDING", lambda i: i.token(cnf={"kid": "x"})),
    "no token": ("MALFORMED", lambda i: "nonsense"),
    "three words": ("MALFORMED", lambda i: "a.b.c"),
    "a token in bytes": ("MALFORMED", lambda i: "eyJhbGciOiJFUzI1NiJ9.gICA.AAAA"),
    "an endless token": ("MALFORMED", lambda i: i.token(pad="x" * 9000)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_token_that_is_wrong_is_refused_with_its_code(
    served: Client, issuer: FakeIssuer, kind: str
) -> None:
    wanted, made = HOSTILE[kind]

    assert reason(asked(served, made(issuer))) == wanted


def test_a_refusal_says_no_more_than_its_code(served: Client, issuer: FakeIssuer) -> None:
    answer = asked(served, issuer.token(aud="https://other.example"))

    assert "other.example" not in answer.text
    assert RESOURCE not in answer.text


def test_a_token_outlives_its_end_by_no_more_than_clocks_differ(
    served: Client, issuer: FakeIssuer
) -> None:
    assert asked(served, issuer.token(iat=NOW - 300, exp=int(time()) - 5)).status_code == 200


# ----------------------------------------------------------------- bound to a certificate


def bound(issuer: FakeIssuer) -> str:
    return issuer.token(cnf={"x5t#S256": thumb(CERTIFICATE)})


@pytest.mark.parametrize(
    "shown",
    [
        der(CERTIFICATE),
        der(CERTIFICATE).strip(":"),
        quote(CERTIFICATE.public_bytes(Encoding.PEM).decode()),
    ],
    ids=["RFC 9440", "plain base64", "PEM in percent-encoding"],
)
def test_a_token_is_good_with_its_certificate(
    served: Client, issuer: FakeIssuer, shown: str
) -> None:
    assert asked(served, bound(issuer), **{HEADER: shown}).status_code == 200


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (None, "CERTIFICATE_MISSING"),
        ("", "CERTIFICATE_MISSING"),
        (der(OTHER_CERTIFICATE), "CERTIFICATE_MISMATCH"),
        ("nonsense", "CERTIFICATE_MISMATCH"),
        (thumb(CERTIFICATE), "CERTIFICATE_MISMATCH"),
    ],
    ids=["none", "empty", "another's", "nonsense", "its thumbprint alone"],
)
def test_a_token_is_nothing_without_its_certificate(
    served: Client, issuer: FakeIssuer, shown: str | None, wanted: str
) -> None:
    token = bound(issuer)
    assert asked(served, token, **{HEADER: der(CERTIFICATE)}).status_code == 200

    assert reason(asked(served, token, **({HEADER: shown} if shown is not None else {}))) == wanted


def test_a_certificate_is_believed_only_from_the_terminator(
    counter: Client, issuer: FakeIssuer, tmp_path: Path
) -> None:
    """Neither where no header is configured, nor from another address."""
    told: dict[str, Any] = {"public_url": RESOURCE, "demo": False}
    told["issuers"] = issuers_file(tmp_path, issuer.settings())
    for more in ({}, {"client_certificate_header": HEADER, "tls_terminators": "192.0.2.1"}):
        with Client(counter.database, counter.home, **told, **more) as client:
            answer = asked(client, bound(issuer), **{HEADER: der(CERTIFICATE)})
            assert reason(answer) == "CERTIFICATE_MISSING"


# ------------------------------------------------------------- bound to a key (DPoP)


def held(issuer: FakeIssuer) -> str:
    return issuer.token(cnf={"jkt": KEY.thumbprint()})


def test_a_token_is_good_with_a_proof_of_its_key(served: Client, issuer: FakeIssuer) -> None:
    token = held(issuer)

    for _ in range(3):
        assert asked(served, token, "DPoP", DPoP=proof(KEY, token)).status_code == 200


PROOFS: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "none": ("DPOP_MISSING", lambda token: None),
    "of another key": ("DPOP_MISMATCH", lambda token: proof(OTHER_KEY, token)),
    "of another token": ("DPOP_MISMATCH", lambda token: proof(KEY, "another")),
    "of no token": ("DPOP_MISMATCH", lambda token: proof(KEY)),
    "of another method": ("DPOP_INVALID", lambda token: proof(KEY, token, htm="GET")),
    "of another address": (
        "DPOP_INVALID",
        lambda token: proof(KEY, token, htu="https://other.example/graphql"),
    ),
    "of no address": ("DPOP_INVALID", lambda token: proof(KEY, token, htu=None)),
    "an old one": ("DPOP_INVALID", lambda token: proof(KEY, token, iat=NOW - 600)),
    "one of tomorrow": ("DPOP_INVALID", lambda token: proof(KEY, token, iat=NOW + 86400)),
    "of no instant": ("DPOP_INVALID", lambda token: proof(KEY, token, iat=None)),
    "without an id": ("DPOP_INVALID", lambda token: proof(KEY, token, jti=None)),
    "of another type": ("DPOP_INVALID", lambda token: proof(KEY, token, {"typ": "JWT"})),
    "signed by another key": ("DPOP_INVALID", lambda token: proof(KEY, token, signer=OTHER_KEY)),
    "with a private key": (
        "DPOP_INVALID",
        lambda token: proof(KEY, token, {"jwk": KEY.as_dict(private=True)}),
    ),
    "with a secret": (
        "DPOP_INVALID",
        lambda token: proof(
            KEY,
            token,
            {"alg": "HS256", "jwk": {"kty": "oct", "k": "c2VjcmV0"}},
            OctKey.generate_key(256),
        ),
    ),
    "of a short RSA key": (
        "DPOP_INVALID",
        lambda token: proof(
            KEY, token, {"jwk": {"kty": "RSA", "n": b64url(b"\xff" * 128), "e": "AQAB"}}
        ),
    ),
    "nonsense": ("DPOP_INVALID", lambda token: "nonsense"),
    "an endless one": ("DPOP_INVALID", lambda token: proof(KEY, token, pad="x" * 9000)),
}


@pytest.mark.parametrize("kind", PROOFS)
def test_a_proof_that_is_wrong_is_refused_with_its_code(
    served: Client, issuer: FakeIssuer, kind: str
) -> None:
    wanted, made = PROOFS[kind]
    token = held(issuer)
    shown = made(token)

    answer = asked(served, token, "DPoP", **({"DPoP": shown} if shown else {}))

    assert reason(answer) == wanted
    assert answer.headers["www-authenticate"].startswith("DPoP ")


def test_a_proof_is_used_once_by_whichever_process(
    served: Client, issuer: FakeIssuer, tmp_path: Path
) -> None:
    token = held(issuer)
    shown = proof(KEY, token)
    assert asked(served, token, "DPoP", DPoP=shown).status_code == 200

    assert reason(asked(served, token, "DPoP", DPoP=shown)) == "DPOP_REPLAYED"
    told: dict[str, Any] = {"public_url": RESOURCE, "demo": False}
    told["issuers"] = issuers_file(tmp_path, issuer.settings())
    with Client(served.database, served.home, **told) as another:
        assert reason(asked(another, token, "DPoP", DPoP=shown)) == "DPOP_REPLAYED"


def test_a_bound_token_is_not_taken_as_a_bearer_s_even_with_a_proof(
    served: Client, issuer: FakeIssuer
) -> None:
    token = held(issuer)

    assert reason(asked(served, token, "Bearer", DPoP=proof(KEY, token))) == "DPOP_MISSING"


def test_a_token_bound_to_nothing_is_not_taken_with_a_proof(
    served: Client, issuer: FakeIssuer
) -> None:
    token = issuer.token()

    assert reason(asked(served, token, "DPoP", DPoP=proof(KEY, token))) == "DPOP_MISMATCH"


def test_two_proofs_are_none(served: Client, issuer: FakeIssuer) -> None:
    token = held(issuer)
    headers = [
        ("Authorization", f"DPoP {token}"),
        ("DPoP", proof(KEY, token)),
        ("DPoP", proof(KEY, token)),
    ]

    answer = served.request("POST", "/graphql", json={"query": VIEWER}, headers=headers)

    assert reason(answer) == "DPOP_INVALID"


def test_a_cookie_cannot_carry_a_bound_token(served: Client, issuer: FakeIssuer) -> None:
    answer = served.request("GET", "/", headers={"cookie": f"aeo-token={held(issuer)}"})

    assert answer.status_code == 401


# ------------------------------------------------------------------------ the issuer's rules


def test_an_issuer_may_be_told_to_bind_every_token(
    counter: Client, issuer: FakeIssuer, tmp_path: Path
) -> None:
    told: dict[str, Any] = {"public_url": RESOURCE, "demo": False}
    told["issuers"] = issuers_file(tmp_path, issuer.settings(require_binding=True))
    with Client(counter.database, counter.home, **told) as client:
        assert reason(asked(client, issuer.token())) == "TOKEN_UNBOUND"
        token = held(issuer)
        assert asked(client, token, "DPoP", DPoP=proof(KEY, token)).status_code == 200


def test_each_of_several_issuers_speaks_for_its_own(
    counter: Client, issuer: FakeIssuer, tmp_path: Path
) -> None:
    with issuing() as china:
        told: dict[str, Any] = {"public_url": RESOURCE, "demo": False}
        told["issuers"] = issuers_file(
            tmp_path,
            issuer.settings(administrations=["KR"]),
            china.settings(administrations=["CN"]),
        )
        with Client(counter.database, counter.home, **told) as client:
            assert asked(client, issuer.token()).status_code == 200
            assert asked(client, china.token(country="CN")).status_code == 200
            assert reason(asked(client, china.token(country="KR"))) == "TOKEN_SUBJECT"
            assert reason(asked(client, issuer.token(country="CN"))) == "TOKEN_SUBJECT"
            # China's key under Korea's name.
            stolen = issuer.token(china.keys["one"])
            assert reason(asked(client, stolen)) == "TOKEN_SIGNATURE"


def test_a_client_finds_the_issuer_from_the_401(served: Client, issuer: FakeIssuer) -> None:
    challenge = asked(served, "nonsense").headers["www-authenticate"]
    address = challenge.partition('resource_metadata="')[2].partition('"')[0]

    found = served.request("GET", address.removeprefix(RESOURCE)).json()

    assert found["resource"] == RESOURCE
    assert found["authorization_servers"] == [issuer.url]
    assert found["tls_client_certificate_bound_access_tokens"] is True
    assert found["dpop_signing_alg_values_supported"] == ["ES256", "PS256", "Ed25519"]


def test_without_an_issuer_there_are_no_metadata(counter: Client) -> None:
    with Client(counter.database, counter.home, demo=False) as client:
        answer = client.request("GET", "/.well-known/oauth-protected-resource")

    assert answer.status_code == 404


def test_a_person_is_recorded_by_a_pseudonym(served: Client, issuer: FakeIssuer) -> None:
    token = issuer.token(sub="kim@customs.example", country="CN", scope="aeo-officer")
    mutation = """mutation($input: RegisterOperatorInput!) { registerOperator(input: $input) {
      ... on Recorded { position } ... on Refused { message } } }"""
    told = {
        "commandId": "6a4b1c7e-3c53-4f6d-9a5f-6d1f3c1c9e0c",
        "tin": "CN5555555555",
        "name": "Wharf",
        "roles": ["EXPORTER"],
    }
    headers = {"Authorization": f"Bearer {token}"}
    body = {"query": mutation, "variables": {"input": told}}
    answer = served.request("POST", "/graphql", json=body, headers=headers).json()
    position = answer["data"]["registerOperator"]["position"]

    import psycopg

    with psycopg.connect(served.database) as connection:
        [[actor]] = connection.execute(
            "select actor from ledger.event where position = %s", [position]
        ).fetchall()
    assert actor.startswith("officer:CN/") and len(actor) == len("officer:CN/") + 20
    assert "kim" not in actor
