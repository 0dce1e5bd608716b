"""The register's own authorisation server: a client proves who it is with its key, and may be
stopped within a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from api.access.dpop_nonces import DpopNonces
from projections.engine.projector import Projector
from registry.domain import commands as c
from tests.api.client import ACME, AUDITOR, CHINA, KOREA, Client, small_world
from tests.issuer import b64url, proof

URL = "https://register.example"
TOKEN = f"{URL}/oauth/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VIEWER = "{ viewer { subject role administration } }"
KOREAN = "officer:KR"


class Partner:
    """A partner's program: its key, and how it gets a token and asks."""

    def __init__(self, client: Client, name: str, key: Any = None) -> None:
        self.client, self.name = client, name
        self.key = key or ECKey.generate_key("P-256")

    @property
    def public(self) -> dict[str, str]:
        found: dict[str, str] = self.key.as_dict(private=False)
        return found

    def assertion(
        self, header: dict[str, Any] | None = None, key: Any = None, **changed: Any
    ) -> str:
        now = int(time.time())
        claims = {
            "iss": self.name,
            "sub": self.name,
            "aud": URL,
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + 60,
        } | changed
        claims = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": "ES256", "kid": self.key.thumbprint()} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, claims, key or self.key, algorithms=[head["alg"]])

    def request(self, assertion: str | None = None, **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion or self.assertion(),
        } | more
        form = {name: value for name, value in form.items() if value is not None}
        return self.client.request("POST", "/oauth/token", data=form, headers=headers)

    def token(self, **more: Any) -> str:
        answer = self.request(**more)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def ask(self, token: str, scheme: str = "Bearer", **headers: str) -> httpx.Response:
        shown = {"Authorization": f"{scheme} {token}"} | headers
        return self.client.request("POST", "/graphql", json={"query": VIEWER}, headers=shown)


def project(client: Client) -> None:
    Projector(client.database).catch_up()


@pytest.fixture(scope="module")
def served(
    server: str, blank_register: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    import psycopg
    from psycopg.conninfo import make_conninfo

    name = "with_clients"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {blank_register} STRATEGY file_copy")
        database = make_conninfo(server, dbname=name)
        small_world(database)
        home: Path = tmp_path_factory.mktemp("home")
        told: dict[str, Any] = {
            "public_url": URL,
            "authorisation_server": True,
            "client_certificate_header": "Client-Cert",
        }
        with Client(database, home, **told) as client:
            yield client
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def registered(client: Client, key: Any = None, by: str = KOREAN) -> Partner:
    """A Korean client with a key, registered as Korea's officers do."""
    partner = Partner(client, f"kr-{uuid4().hex[:8]}", key)
    told = client.tell("registerClient", by, client=partner.name, name="KCS", actsFor=KOREA)
    assert told["__typename"] == "Recorded", told
    told = client.tell("addClientKey", by, client=partner.name, key=partner.public)
    assert told["__typename"] == "Recorded", told
    project(client)
    return partner


@pytest.fixture(scope="module")
def partner(served: Client) -> Partner:
    return registered(served)


def refused(answer: httpx.Response, status: int = 401) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"error", "error_description"}
    return str(body["error_description"])


# --------------------------------------------------------------------------- tokens


def test_a_client_gets_a_token_with_its_key_and_asks_with_that(partner: Partner) -> None:
    answer = partner.request()

    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    viewer = partner.ask(body["access_token"]).json()["data"]["viewer"]
    assert viewer == {"subject": KOREA, "role": "partner", "administration": "KR"}


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256"), "ES256"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
        (RSAKey.generate_key(2048), "PS256"),
    ],
    ids=["P-256", "Ed25519", "RSA"],
)
def test_each_kind_of_key_is_good(served: Client, key: Any, algorithm: str) -> None:
    partner = registered(served, key)

    token = partner.token(assertion=partner.assertion({"alg": algorithm}))

    assert partner.ask(token).status_code == 200


def test_a_token_is_bound_to_the_key_whose_proof_came_with_the_request(partner: Partner) -> None:
    key = ECKey.generate_key("P-256")
    answer = partner.request(headers={"DPoP": proof(key, htu=TOKEN)})
    assert answer.json()["token_type"] == "DPoP"
    token = answer.json()["access_token"]

    assert partner.ask(token, "DPoP", DPoP=proof(key, token, htu=f"{URL}/graphql")).is_success
    assert partner.ask(token).status_code == 401


def test_a_token_is_bound_to_the_certificate_that_came_with_the_request(partner: Partner) -> None:
    from tests.api.http.test_resource_server import CERTIFICATE, OTHER_CERTIFICATE, der

    token = partner.token(headers={"Client-Cert": der(CERTIFICATE)})

    assert partner.ask(token, **{"Client-Cert": der(CERTIFICATE)}).is_success
    assert partner.ask(token, **{"Client-Cert": der(OTHER_CERTIFICATE)}).status_code == 401
    assert partner.ask(token).status_code == 401


OTHER = ECKey.generate_key("P-256")
NOW = int(time.time())


def unsigned(partner: Partner) -> str:
    import json

    _, body, _ = partner.assertion().split(".")
    head = {"alg": "none", "kid": partner.key.thumbprint()}
    return f"{b64url(json.dumps(head).encode())}.{body}."


HOSTILE: dict[str, tuple[str, Callable[[Partner], str]]] = {
    "of another key": ("ASSERTION_SIGNATURE", lambda p: p.assertion(key=OTHER)),
    "of a key it does not have": (
        "ASSERTION_KEY",
        lambda p: p.assertion({"kid": OTHER.thumbprint()}, OTHER),
    ),
    "of a client that is not there": (
        "ASSERTION_KEY",
        lambda p: p.assertion(iss="nobody", sub="nobody"),
    ),
    "by another issuer": ("ASSERTION_CLIENT", lambda p: p.assertion(iss="somebody")),
    "for another server": ("ASSERTION_AUDIENCE", lambda p: p.assertion(aud="https://other")),
    "for the endpoint's address": ("ASSERTION_AUDIENCE", lambda p: p.assertion(aud=TOKEN)),
    "for several servers": (
        "ASSERTION_AUDIENCE",
        lambda p: p.assertion(aud=[URL, "https://other"]),
    ),
    "unsigned": ("ASSERTION_ALGORITHM", unsigned),
    "by HS256": (
        "ASSERTION_ALGORITHM",
        lambda p: p.assertion({"alg": "HS256"}, OctKey.generate_key(256)),
    ),
    "expired": ("ASSERTION_EXPIRED", lambda p: p.assertion(iat=NOW - 600, exp=NOW - 300)),
    "not yet valid": ("ASSERTION_NOT_YET_VALID", lambda p: p.assertion(nbf=NOW + 3600)),
    "valid for a day": ("ASSERTION_LIFETIME", lambda p: p.assertion(exp=NOW + 86400)),
    "without an end": ("ASSERTION_CLAIMS", lambda p: p.assertion(exp=None)),
    "without an id": ("ASSERTION_CLAIMS", lambda p: p.assertion(jti=None)),
    "without a subject": ("ASSERTION_MALFORMED", lambda p: p.assertion(sub=None)),
    "without a key id": ("ASSERTION_MALFORMED", lambda p: p.assertion({"kid": None})),
    "nonsense": ("ASSERTION_MALFORMED", lambda p: "nonsense"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_assertion_that_is_wrong_is_refused_with_its_code(partner: Partner, kind: str) -> None:
    wanted, made = HOSTILE[kind]

    assert refused(partner.request(made(partner))) == wanted


def test_an_assertion_is_used_once(partner: Partner) -> None:
    assertion = partner.assertion()
    assert partner.request(assertion).status_code == 200

    assert refused(partner.request(assertion)) == "ASSERTION_REPLAYED"


@pytest.mark.parametrize(
    ("changed", "status", "wanted"),
    [
        ({"grant_type": "password"}, 400, "GRANT_TYPE"),
        ({"grant_type": None}, 400, "GRANT_TYPE"),
        ({"resource": "https://other.example"}, 400, "RESOURCE"),
        ({"client_id": "another"}, 401, "ASSERTION_CLIENT"),
        ({"client_assertion_type": "saml"}, 401, "ASSERTION_MISSING"),
        ({"client_assertion": ""}, 401, "ASSERTION_MISSING"),
        ({"headers": {"DPoP": "nonsense"}}, 400, "DPOP_INVALID"),
        ({"headers": {"Client-Cert": "nonsense"}}, 400, "CERTIFICATE_MISMATCH"),
        ({"pad": "x" * 20_000}, 400, "FORM"),
    ],
)
def test_a_request_that_is_wrong_is_refused(
    partner: Partner, changed: dict[str, Any], status: int, wanted: str
) -> None:
    assert refused(partner.request(**changed), status) == wanted


def test_a_request_is_a_form(partner: Partner) -> None:
    answer = partner.client.request("POST", "/oauth/token", json={"grant_type": "x"})

    assert refused(answer, 400) == "FORM"


def test_a_token_of_ours_is_not_taken_when_it_is_changed(served: Client, partner: Partner) -> None:
    header, body, signature = partner.token().split(".")
    other = registered(served).token().split(".")

    assert partner.ask(f"{header}.{other[1]}.{signature}").status_code == 401
    assert partner.ask(f"{header}.{body}.").status_code == 401


# ----------------------------------------------------------------------- revocation


def until_refused(partner: Partner, token: str, seconds: float = 60.0) -> str:
    """The reason once the token is refused; within a minute it must be."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = partner.ask(token)
        if answer.status_code == 401:
            return str(answer.json()["errors"][0]["extensions"]["reason"])
        partner.client.pause(0.1)
    raise AssertionError("the token is still accepted after a minute")


def test_a_client_that_is_revoked_is_stopped_within_a_minute(served: Client) -> None:
    partner = registered(served)
    token = partner.token()
    assert partner.ask(token).status_code == 200

    told = served.tell("revokeClient", KOREAN, client=partner.name, reason="a leak")
    assert told["__typename"] == "Recorded"
    project(served)

    assert until_refused(partner, token) == "CLIENT_REVOKED"
    assert refused(partner.request()) == "CLIENT_REVOKED"
    told = served.tell(
        "addClientKey", KOREAN, client=partner.name, key=OTHER.as_dict(private=False)
    )
    assert (told["__typename"], told["code"]) == ("Refused", "WRONG_STATUS")


def test_a_key_that_is_retired_takes_its_tokens_with_it_and_no_others(served: Client) -> None:
    partner = registered(served)
    later = Partner(served, partner.name)
    served.tell("addClientKey", KOREAN, client=partner.name, key=later.public)
    project(served)
    by_first, by_later = partner.token(), later.token()

    told = served.tell(
        "retireClientKey", KOREAN, client=partner.name, keyId=partner.key.thumbprint()
    )
    assert told["__typename"] == "Recorded"
    project(served)

    assert until_refused(partner, by_first) == "CLIENT_REVOKED"
    assert refused(partner.request()) == "CLIENT_REVOKED"
    assert later.ask(by_later).status_code == 200
    assert later.request().status_code == 200


# ------------------------------------------------------------------- who may register


@pytest.mark.parametrize(
    ("by", "acts_for", "may"),
    [
        (KOREAN, KOREA, True),
        (KOREAN, "officer:KR", True),
        (KOREAN, "company:KR1234567890", True),
        (KOREAN, "partner:CN", False),
        (KOREAN, "auditor:*", False),
        (CHINA, KOREA, False),
        (KOREA, KOREA, False),
        (AUDITOR, "auditor:*", False),
        (None, KOREA, False),
    ],
)
def test_officers_register_clients_for_their_own_administration(
    served: Client, by: str | None, acts_for: str, may: bool
) -> None:
    told = served.tell(
        "registerClient", by, client=f"x-{uuid4().hex[:8]}", name="A client", actsFor=acts_for
    )

    assert told["__typename"] == ("Recorded" if may else "Refused"), told
    assert may or told["code"] == "FORBIDDEN"


def test_nobody_else_adds_keys_or_revokes(served: Client, partner: Partner) -> None:
    for mutation, more in (
        ("addClientKey", {"key": OTHER.as_dict(private=False)}),
        ("retireClientKey", {"keyId": partner.key.thumbprint()}),
        ("revokeClient", {}),
    ):
        for by in (CHINA, KOREA, AUDITOR, None):
            told = served.tell(mutation, by, client=partner.name, **more)
            assert (told["__typename"], told["code"]) == ("Refused", "FORBIDDEN")
    assert partner.request().status_code == 200


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (OTHER.as_dict(private=True), "key.d: this is the private part"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "key.kty: found 'oct'"),
        ({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}, "key.crv: found 'P-521'"),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "key: "),
        (OTHER.as_dict(private=False) | {"key_ops": "verify"}, "key.key_ops: "),
        ({"kty": "RSA", "n": b64url(b"\xff" * 128), "e": "AQAB"}, "key.n: wanted 2048 bits"),
        ({}, "key.kty: found ''"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused(
    served: Client, partner: Partner, key: dict[str, str], said: str
) -> None:
    told = served.tell("addClientKey", KOREAN, client=partner.name, key=key)

    assert (told["__typename"], told["code"]) == ("Refused", "BAD_VALUE")
    assert told["message"].startswith(said)


def test_a_client_of_nobody_is_refused(served: Client) -> None:
    for acts_for in ("king:KR", "partner:Korea", "company:KR", "partner"):
        told = served.tell("registerClient", KOREAN, client="odd", name="Odd", actsFor=acts_for)
        assert (told["__typename"], told["code"]) == ("Refused", "BAD_VALUE"), acts_for
    told = served.tell("revokeClient", KOREAN, client="nobody")
    assert told["code"] == "UNKNOWN_CLIENT"


def test_who_answers_for_clients_sees_them_and_nobody_else(
    served: Client, partner: Partner
) -> None:
    document = "{ clients { client actsFor administration revoked keys { keyId retired } } }"

    [mine] = [
        each for each in served.ask(document, KOREAN)["clients"] if each["client"] == partner.name
    ]
    assert mine == {
        "client": partner.name,
        "actsFor": KOREA,
        "administration": "KR",
        "revoked": None,
        "keys": [{"keyId": partner.key.thumbprint(), "retired": None}],
    }
    assert served.ask(document, CHINA)["clients"] == []
    assert mine in served.ask(document, AUDITOR)["clients"]
    for nobody in (KOREA, None):
        assert served.error(document, nobody)["code"] == "FORBIDDEN"


def test_the_events_of_clients_are_no_public_law(served: Client, partner: Partner) -> None:
    document = '{ events(filter: {types: ["client.registered"]}) { edges { node { type } } } }'

    assert served.ask(document, KOREAN)["events"]["edges"]
    assert served.ask(document, AUDITOR)["events"]["edges"]
    for other in (CHINA, KOREA, None):
        assert served.ask(document, other)["events"]["edges"] == []


def test_the_operator_of_the_register_registers_auditors_clients(served: Client) -> None:
    """By the command line: no subject of the API may."""
    partner = Partner(served, f"auditor-{uuid4().hex[:8]}")
    registry = served.service.registry
    told = c.RegisterClient(client=partner.name, name_="Auditors", acts_for=AUDITOR)
    registry.execute(told, "operator")
    registry.execute(c.AddClientKey(client=partner.name, key=partner.public), "operator")
    project(served)

    assert partner.ask(partner.token()).json()["data"]["viewer"]["role"] == "auditor"


# ------------------------------------------------------------------------- metadata


def test_a_client_finds_everything_from_a_401(served: Client) -> None:
    from api.access.key_sets import public_keys

    partner = Partner(served, "nobody")
    challenge = partner.ask("nonsense").headers["www-authenticate"]
    resource = challenge.partition('resource_metadata="')[2].partition('"')[0]
    [issuer] = served.request("GET", resource.removeprefix(URL)).json()["authorization_servers"]
    found = served.request("GET", "/.well-known/oauth-authorization-server").json()

    assert found["issuer"] == issuer == URL
    assert found["token_endpoint"] == TOKEN
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    keys = served.request("GET", found["jwks_uri"].removeprefix(URL)).json()
    assert len(public_keys(keys)) == 1
    assert all("d" not in key for key in keys["keys"])


def test_a_service_that_issues_none_says_so(counter: Client) -> None:
    for method, path in (
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/oauth/jwks"),
        ("POST", "/oauth/token"),
    ):
        assert counter.request(method, path).status_code == 404


def test_a_proof_needs_a_nonce_that_any_process_gave_out_lately(
    served: Client, partner: Partner
) -> None:
    """RFC 9449, sections 8 and 9: at the token endpoint and at the register, with one more try."""
    held = ECKey.generate_key("P-256")
    told: dict[str, Any] = {"public_url": URL, "authorisation_server": True, "dpop_nonce": True}
    with (
        Client(served.database, served.home, **told) as first,
        Client(served.database, served.home, **told) as second,
    ):
        here, there = (Partner(each, partner.name, partner.key) for each in (first, second))
        answer = here.request(headers={"DPoP": proof(held, htu=TOKEN)})
        assert (answer.status_code, answer.json()["error"]) == (400, "use_dpop_nonce")
        nonce = answer.headers["dpop-nonce"]
        shown = {"DPoP": proof(held, htu=TOKEN, nonce=nonce)}
        answer = there.request(headers=shown)
        assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP")
        token = answer.json()["access_token"]

        def asked(at: Partner, **claims: Any) -> httpx.Response:
            return at.ask(token, "DPoP", DPoP=proof(held, token, htu=f"{URL}/graphql", **claims))

        for forged in ({}, {"nonce": nonce[:-1]}, {"nonce": 7}, {"nonce": [nonce]}):
            answer = asked(here, **forged)
            assert answer.status_code == 401
            [error] = answer.json()["errors"]
            assert error["extensions"]["reason"] == "DPOP_NONCE"
            assert 'error="use_dpop_nonce"' in answer.headers["www-authenticate"]
            assert answer.headers["dpop-nonce"] == nonce
        good = asked(there, nonce=nonce)
        assert good.status_code == 200
        assert good.headers["dpop-nonce"] == nonce


def test_a_nonce_is_good_for_its_period_and_the_next() -> None:
    nonces, others = DpopNonces(b"one"), DpopNonces(b"another")
    given = nonces.current(3_000.0)

    assert [nonces.accepts(given, now) for now in (2_999.0, 3_000.0, 3_599.0, 3_600.0)] == [
        False,
        True,
        True,
        False,
    ]
    assert not others.accepts(given, 3_000.0)


def test_the_read_log_says_which_client_asked_and_who_may_know_it(
    served: Client, partner: Partner
) -> None:
    asked = "query ($tin: TIN!) { operator(tin: $tin) { name } }"
    looks = """query ($tin: TIN!) { operator(tin: $tin) {
        looks(first: 1) { edges { node { askedBy askedThrough } } } } }"""
    shown = {"Authorization": f"Bearer {partner.token()}"}
    served.post(asked, headers=shown, tin=ACME)

    def last(by: str) -> Any:
        edges = served.ask(looks, by, tin=ACME)["operator"]["looks"]["edges"]
        return edges[0]["node"] if edges else None

    for _ in range(200):
        if last(AUDITOR):
            break
        served.pause(0.05)
    for by in (CHINA, AUDITOR):
        assert last(by) == {"askedBy": KOREA, "askedThrough": partner.name}
    company = f"company:{ACME}"
    assert last(company) == {"askedBy": "REDACTED", "askedThrough": "REDACTED"}
