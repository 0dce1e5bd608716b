"""Token issuers as data: which issuers are accepted, for whom they may speak, and how the claims of
their tokens become a subject of the register.

The file (TOML or JSON, setting AEO_ISSUERS) is a list of tables `issuer`; see
ops/docs/operating.md. A rule of an issuer names claims and their values, and the subject that they
give; the first rule that fits counts. Whatever a rule says, the subject must belong to one of the
issuer's administrations.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from api.access.policy import Subject, SubjectRole, named
from api.access.token_reasons import InvalidToken, TokenReason
from api.settings import is_loopback
from registry.domain.values import AdministrationCode

#: Signature algorithms that an issuer may be allowed: asymmetric ones only.
ALGORITHMS = frozenset(
    [f"{kind}{bits}" for kind in ("ES", "PS", "RS") for bits in (256, 384, 512)]
    + ["Ed25519", "EdDSA"]
)
LONGEST_LIFE = 86_400  # seconds
_CLAIM = re.compile(r"\{([A-Za-z0-9_:./-]+)\}")


class BadIssuers(ValueError):
    """The file of issuers cannot be used. The message names the place and what was wanted."""


class SubjectRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which claims give which subject.

    `claims`: the value that each claim must have, or, where the claim is a list or a text of words
    (`scope`), must contain. `subject`: `partner:KR`; `{name}` stands for the value of a claim.
    `person`: the claim that names the person behind an access token, the same for every client;
    an access token without it names a program. Whoever signs in is a person: by this claim, or else
    by `sub`.
    """

    subject: str
    claims: dict[str, str] = {}
    person: str | None = None


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How people sign in at this issuer (OpenID Connect, authorisation code with PKCE).

    `client_id`: of this service at the issuer. `key_file`: its private key as a JWK, with which it
    authenticates (private_key_jwt). `secret_file`: a file with a shared secret, where the issuer
    offers nothing better. `name`: the issuer as the page names it. `acr`: the authentication
    context class that the issuer must confirm, where it names one.
    """

    client_id: str
    name: str
    key_file: str | None = None
    secret_file: str | None = None
    scope: str = "openid"
    acr: str | None = None


class IssuerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One issuer of tokens.

    `issuer`: the exact `iss`. `administrations`: the codes for which it may speak. `audience`: the
    `aud` of its tokens for this service; by default the service's public address. `jwks_uri`: where
    its keys are; by default its metadata say it. `auditors`: whether it may name auditors.
    `longest_life`: seconds. `require_binding`: whether a token must be bound to a certificate or a
    key.
    """

    issuer: str
    administrations: tuple[str, ...]
    rules: tuple[SubjectRule, ...]
    audience: str | None = None
    jwks_uri: str | None = None
    algorithms: tuple[str, ...] = ("ES256", "PS256", "Ed25519")
    longest_life: int = 3_600
    require_binding: bool = False
    auditors: bool = False
    sign_in: SignIn | None = None

    @property
    def codes(self) -> frozenset[AdministrationCode]:
        """The administrations for which it may speak."""
        return frozenset(map(AdministrationCode, self.administrations))

    def subject_of(self, claims: Mapping[str, Any]) -> Subject:
        """Returns the subject that the claims give, without its territories. Raises InvalidToken
        (TOKEN_SUBJECT)."""
        return self._subject(self._rule(claims), claims)

    def person_of(self, claims: Mapping[str, Any], default: str | None = None) -> str | None:
        """Returns the value of the claim that names the person; None where no claim does.
        `default`: the claim where the rule names none, of whoever must be a person. Raises
        InvalidToken (TOKEN_SUBJECT)."""
        name = self._rule(claims).person or default
        found = claims.get(name) if name else None
        if found is None and default is None:
            return None
        if not isinstance(found, str) or not 0 < len(found) <= 512:
            raise InvalidToken(
                f"claim {name}: found {found!r}, wanted the text that names the person",
                TokenReason.TOKEN_SUBJECT,
            )
        return found

    def _rule(self, claims: Mapping[str, Any]) -> SubjectRule:
        """The first rule that fits. Raises InvalidToken (TOKEN_SUBJECT)."""
        for rule in self.rules:
            if all(_holds(claims.get(name), value) for name, value in rule.claims.items()):
                return rule
        raise InvalidToken(
            f"no rule of {self.issuer} fits the claims {', '.join(sorted(claims))}",
            TokenReason.TOKEN_SUBJECT,
        )

    def _subject(self, rule: SubjectRule, claims: Mapping[str, Any]) -> Subject:
        def value(match: re.Match[str]) -> str:
            found = claims.get(match[1])
            if not isinstance(found, str):
                raise InvalidToken(
                    f"claim {match[1]}: found {found!r}, wanted the text for {rule.subject}",
                    TokenReason.TOKEN_SUBJECT,
                )
            return found

        text = _CLAIM.sub(value, rule.subject)
        try:
            subject = named(text)
        except ValueError as error:
            raise InvalidToken(str(error), TokenReason.TOKEN_SUBJECT) from None
        if not self.speaks_for(subject):
            raise InvalidToken(f"{self.issuer} may not speak for {text}", TokenReason.TOKEN_SUBJECT)
        return subject

    def speaks_for(self, subject: Subject) -> bool:
        """Whether the subject belongs to one of the issuer's administrations."""
        if subject.role is SubjectRole.AUDITOR:
            return self.auditors
        code = subject.administration
        if subject.tin is not None:
            code = AdministrationCode(subject.tin.country)
        return code is not None and code in self.codes


class IssuersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of issuers."""

    issuer: tuple[IssuerSettings, ...]


def _holds(found: Any, wanted: str) -> bool:
    if isinstance(found, str):
        return wanted == found or wanted in found.split(" ")
    if isinstance(found, list):
        return wanted in found
    if isinstance(found, bool):
        return wanted == str(found).lower()
    return found is not None and wanted == str(found)


def read_issuers(path: Path | None) -> tuple[IssuerSettings, ...]:
    """Reads the file of issuers; without a file there are none. Raises BadIssuers."""
    if path is None:
        return ()
    try:
        text = path.read_text(encoding="utf-8")
        plain = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadIssuers(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BadIssuers(f"{path}: wanted {path.suffix[1:] or 'toml'}; {error}") from None
    try:
        found = msgspec.convert(plain, IssuersFile, strict=True).issuer
    except msgspec.ValidationError as error:
        raise BadIssuers(f"{path}: {error}") from None
    names = [each.issuer for each in found]
    for number, each in enumerate(found):
        if why := _wrong(each) or (names.count(each.issuer) > 1 and "it is in the file twice"):
            raise BadIssuers(f"{path}: issuer {number + 1} ({each.issuer}): {why}")
    return found


def _wrong(issuer: IssuerSettings) -> str | None:
    """Returns what is wrong with an issuer, as a sentence; None where nothing is."""
    for name, url in (("issuer", issuer.issuer), ("jwks_uri", issuer.jwks_uri)):
        if url is not None and not is_safe_url(url):
            return f"{name}: found {url!r}, wanted https (http on a loopback address only)"
    if refused := set(issuer.algorithms) - ALGORITHMS or (not issuer.algorithms and {"none"}):
        return f"algorithms: found {', '.join(sorted(refused))}, wanted some of " + ", ".join(
            sorted(ALGORITHMS)
        )
    if not 0 < issuer.longest_life <= LONGEST_LIFE:
        return f"longest_life: found {issuer.longest_life}, wanted 1 to {LONGEST_LIFE} seconds"
    try:
        codes = {AdministrationCode.parse(each) for each in issuer.administrations}
        if not codes or len(codes) != len(issuer.administrations):
            return "administrations: wanted each once, and at least one"
    except ValueError as error:
        return f"administrations: {error}"
    for rule in issuer.rules:
        try:
            if not issuer.speaks_for(named(rule.subject)):
                return f"rules: {rule.subject} is of none of its administrations"
        except ValueError as error:
            if not _CLAIM.search(rule.subject):
                return f"rules: {error}"
    login = issuer.sign_in
    if login is not None and (login.key_file is None) == (login.secret_file is None):
        return "sign_in: wanted either key_file or secret_file"
    return None


def is_safe_url(url: str) -> bool:
    """Whether nobody on the way can change what is read from the address: https, or this
    machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_loopback(parts.hostname or "")
