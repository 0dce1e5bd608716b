"""How long an access token takes to be checked, beside libraries that decode one.

    python -m ops.bench.tokens [--rounds 5]

In turns, in one process, on the same token (ES256, RFC 9068): the register from its cache, bound to
nothing, to a certificate and to a key (a proof of possession, without the row that records its
use); the register without its cache; joserfc and PyJWT, each decoding the same token with the
claims that they check. Prints microseconds of processor time a token, the median of the rounds;
other work of the machine does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from api.access.access_tokens import AccessTokenVerifier, Issuer
from api.access.certificates import thumbprint
from api.access.dpop import access_token_hash, check_proof
from api.access.issuers import IssuerSettings, SubjectRule
from api.access.key_sets import PublicKey

ISSUER, AUDIENCE = "https://id.example", "https://register.example"
URL = f"{AUDIENCE}/graphql"
KEY, PROVED = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")


class Keys:
    """The key of the issuer, which was read already."""

    async def key(self, kid: str | None) -> PublicKey:
        return KEY


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.tokens", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    settings = IssuerSettings(ISSUER, ("KR",), (SubjectRule("partner:KR"),))
    header = _certificate()
    tokens = {
        "bearer": _token(),
        "certificate": _token(cnf={"x5t#S256": thumbprint(header)}),
        "key": _token(cnf={"jkt": PROVED.thumbprint()}),
    }
    verifier = AccessTokenVerifier([Issuer(settings, Keys(), AUDIENCE)])
    loop = asyncio.new_event_loop()
    for token in tokens.values():
        loop.run_until_complete(verifier.verify(token))

    def with_certificate() -> None:
        found = verifier.cached(tokens["certificate"])
        assert found and found.binding and found.binding.certificate == thumbprint(header)

    shown = _proof(tokens["key"])

    def with_proof() -> None:
        found = verifier.cached(tokens["key"])
        proof = check_proof(shown, "POST", URL, time.time(), tokens["key"])
        assert found and found.binding and found.binding.key == proof.key

    contenders: dict[str, Callable[[], object]] = {
        "register, from its cache": lambda: verifier.cached(tokens["bearer"]),
        "register, from its cache, certificate": with_certificate,
        "register, from its cache, proof of possession": with_proof,
        "register, without its cache": lambda: _run(verifier._verify(tokens["bearer"])),
        "joserfc, decode and claims": _joserfc(tokens["bearer"]),
    }
    try:
        contenders["PyJWT, decode"] = _pyjwt(tokens["bearer"])
    except ImportError:
        print("PyJWT is not installed here, and was not measured (pip install pyjwt)")
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, once in contenders.items():
            measured[name].append(_microseconds(once))
    for name, found in measured.items():
        print(f"{median(found):9.1f} us  {name}")


def _microseconds(once: Callable[[], object]) -> float:
    """How long one call takes: as many calls as fit into a fifth of a second."""
    once()
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < 0.2:
        for _ in range(20):
            once()
        count += 20
    return spent / count * 1e6


def _run(coroutine: object) -> None:
    """Runs a coroutine that waits for nothing, without an event loop."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return
    raise AssertionError("it waits")


def _token(**more: object) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kr", "client_id": "kr", "jti": uuid4().hex}
    times = {"iat": now, "nbf": now, "exp": now + 600}
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "one"}
    return jwt.encode(header, claims | times | more, KEY, algorithms=["ES256"])


def _proof(token: str) -> str:
    claims = {"jti": uuid4().hex, "htm": "POST", "htu": URL, "iat": int(time.time())}
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": PROVED.as_dict(private=False)}
    claims["ath"] = access_token_hash(token)
    return jwt.encode(header, claims, PROVED, algorithms=["ES256"])


def _certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kr")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return f":{b64encode(made.sign(key, SHA256()).public_bytes(Encoding.DER)).decode()}:"


def _joserfc(token: str) -> Callable[[], object]:
    wanted = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": AUDIENCE}
    )
    return lambda: wanted.validate(jwt.decode(token, KEY, algorithms=["ES256"]).claims)


def _pyjwt(token: str) -> Callable[[], object]:
    import jwt as pyjwt

    public = KEY.raw_value.public_key()
    return lambda: pyjwt.decode(
        token, public, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER
    )


if __name__ == "__main__":
    main()
