"""The file of issuers: what it may say, and what each mistake in it is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api.access.issuers import BadIssuers, IssuerSettings, SubjectRule, read_issuers
from api.access.token_reasons import InvalidToken
from api.settings import Settings

TOML = """
[[issuer]]
issuer = "https://id.customs.example"
administrations = ["KR"]
algorithms = ["ES256"]

[[issuer.rules]]
subject = "partner:KR"
claims = { groups = "aeo", active = "true" }

[[issuer.rules]]
subject = "company:{tin}"
claims = { scope = "own-record" }
"""
GOOD: dict[str, Any] = {
    "issuer": "https://id.customs.example",
    "administrations": ["KR"],
    "rules": [{"subject": "partner:KR"}],
}


def test_a_file_in_toml_says_who_is_who(tmp_path: Path) -> None:
    (path := tmp_path / "issuers.toml").write_text(TOML)

    [issuer] = read_issuers(path)

    assert issuer.subject_of({"groups": ["x", "aeo"], "active": True}).id == "partner:KR"
    company = issuer.subject_of({"scope": "openid own-record", "tin": "KR1234567890"})
    assert company.id == "company:KR1234567890"
    for claims in (
        {"groups": ["aeo"], "active": False},
        {"groups": "aeox", "active": True},
        {"scope": "own-record", "tin": "CN1234567890"},  # not of its administration
        {"scope": "own-record"},
        {"scope": "own-record", "tin": ["KR1234567890"]},
        {},
    ):
        with pytest.raises(InvalidToken) as error:
            issuer.subject_of(claims)
        assert error.value.code == "TOKEN_SUBJECT"


def test_auditors_are_named_only_by_who_may() -> None:
    rules = (SubjectRule("auditor:*", {"role": "auditor"}),)
    told = IssuerSettings("https://id.example", ("KR",), rules)
    with pytest.raises(InvalidToken):
        told.subject_of({"role": "auditor"})

    may = IssuerSettings("https://id.example", ("KR",), rules, auditors=True)
    assert may.subject_of({"role": "auditor"}).id == "auditor:*"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuer": "http://id.customs.example"}, "issuer: found 'http://id.customs.example'"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri: found"),
        ({"algorithms": ["none"]}, "algorithms: found none"),
        ({"algorithms": ["HS256"]}, "algorithms: found HS256"),
        ({"algorithms": []}, "algorithms: found none"),
        ({"longest_life": 0}, "longest_life: found 0"),
        ({"longest_life": 10**6}, "longest_life"),
        ({"administrations": ["Korea"]}, "administrations"),
        ({"administrations": ["KR", "KR"]}, "wanted each once"),
        ({"rules": [{"subject": "king:KR"}]}, "rules"),
        ({"rules": [{"subject": "partner:CN"}]}, "of none of its administrations"),
        ({"rules": [{"subject": "auditor:*"}]}, "of none of its administrations"),
        ({"audiences": ["x"]}, "unknown field `audiences`"),
        ({"rules": "all"}, "Expected `array`"),
        ({"sign_in": {"client_id": "x", "name": "y"}}, "key_file or secret_file"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"issuer": [GOOD]}))
    assert read_issuers(path)

    path.write_text(json.dumps({"issuer": [GOOD | changed]}))
    with pytest.raises(BadIssuers) as error:
        read_issuers(path)
    assert said in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadIssuers, match="No such file"):
        read_issuers(tmp_path / "none.toml")
    (path := tmp_path / "broken.toml").write_text("[[issuer]")
    with pytest.raises(BadIssuers, match="wanted toml"):
        read_issuers(path)
    twice = tmp_path / "twice.json"
    twice.write_text(json.dumps({"issuer": [GOOD, GOOD]}))
    with pytest.raises(BadIssuers, match="in the file twice"):
        read_issuers(twice)


@pytest.mark.parametrize(
    "url", ["register.example", "http://register.example", "https://register.example/x", "https://"]
)
def test_the_public_address_is_one_of_https_without_a_path(url: str) -> None:
    with pytest.raises(ValidationError, match="public_url"):
        Settings(database="x", public_url=url)

    assert Settings(database="x", public_url="https://register.example").public_url
    assert Settings(database="x", public_url="http://127.0.0.1:8420").public_url


def test_issuers_need_the_public_address() -> None:
    with pytest.raises(ValidationError, match="which tokens name as their audience"):
        Settings(database="x", issuers=Path("issuers.toml"))
