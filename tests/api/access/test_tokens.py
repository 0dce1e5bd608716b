"""Tokens of the local mode: short, signed with a key that nobody else can read, and checked."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from threading import Thread
from time import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from api.access import tokens
from api.access.tokens import InvalidToken, issue, verify


def signed(home: Path, **changed: Any) -> str:
    """A token as `issue` would make it, but for what is changed. None leaves a claim out; a
    timedelta is counted from now, whenever the test is run."""
    now = int(time())
    claims = {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": "auditor:*",
        "iat": now,
        "nbf": now,
        "exp": now + 60,
    } | changed
    for name, value in claims.items():
        if isinstance(value, timedelta):
            claims[name] = now + int(value.total_seconds())
    claims = {name: value for name, value in claims.items() if value is not None}
    key = tokens._key(home)
    return jwt.encode({"alg": "Ed25519"}, claims, key, algorithms=["Ed25519"])


def test_a_token_says_who_asks(tmp_path: Path) -> None:
    subject = verify(issue("officer:CN", tmp_path), tmp_path)

    assert (subject.id, str(subject.administration)) == ("officer:CN", "CN")


def test_the_key_is_the_owners_alone(tmp_path: Path) -> None:
    issue("auditor:*", tmp_path)

    [key] = tmp_path.iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_two_processes_that_begin_together_agree_on_one_key(tmp_path: Path) -> None:
    made: list[str] = []
    together = [Thread(target=lambda: made.append(issue("auditor:*", tmp_path))) for _ in range(8)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()

    assert [verify(token, tmp_path).id for token in made] == ["auditor:*"] * 8


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": timedelta(minutes=-1), "iat": timedelta(minutes=-2), "nbf": timedelta(minutes=-2)},
        {"nbf": timedelta(minutes=10)},
        {"exp": timedelta(hours=8)},
        {"aud": "another service"},
        {"iss": "somebody else"},
        {"sub": "king:*"},
        {"sub": None},
        {"exp": None},
        {"iat": None},
        {"exp": "tomorrow"},
    ],
)
def test_a_token_that_says_something_wrong_is_refused(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    assert verify(signed(tmp_path), tmp_path)

    with pytest.raises(InvalidToken):
        verify(signed(tmp_path, **changed), tmp_path)


def test_a_token_of_another_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidToken, match="signature"):
        verify(issue("auditor:*", tmp_path / "theirs"), tmp_path / "ours")


def test_the_algorithm_is_ours_to_say(tmp_path: Path) -> None:
    claims = {"iss": tokens.ISSUER, "aud": tokens.AUDIENCE, "sub": "auditor:*"}
    by_secret = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("s" * 32))
    key = OKPKey.import_key(tokens._key(tmp_path).as_dict(private=True))
    head, body, _ = jwt.encode({"alg": "Ed25519"}, claims, key, algorithms=["Ed25519"]).split(".")

    for token in (by_secret, f"{head}.{body}.", f"eyJhbGciOiJub25lIn0.{body}."):
        with pytest.raises(InvalidToken):
            verify(token, tmp_path)


@pytest.mark.parametrize("seconds", [0, -1, 3601])
def test_no_token_lives_longer_than_an_hour(tmp_path: Path, seconds: int) -> None:
    with pytest.raises(ValueError, match="1 to 3600 seconds"):
        issue("auditor:*", tmp_path, seconds)


def test_nobody_gets_no_token(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'king:CN' is nobody"):
        issue("king:CN", tmp_path)


@pytest.mark.parametrize(
    "person", [" anna", "anna ", "an  na", "anna\u200b", "an\u00a0na", "\uff41nna"]
)
def test_a_person_has_one_name(tmp_path: Path, person: str) -> None:
    with pytest.raises(ValueError, match="person: found"):
        issue(f"officer:CN/{person}", tmp_path)
    with pytest.raises(InvalidToken, match="person: found"):
        verify(signed(tmp_path, sub="officer:CN", person=person), tmp_path)


@pytest.mark.parametrize("subject", ["officer:CN ", " officer:CN", "officer: CN", "auditor:* "])
def test_a_subject_with_a_space_is_nobody(tmp_path: Path, subject: str) -> None:
    with pytest.raises(ValueError):
        issue(subject, tmp_path)
    with pytest.raises(InvalidToken):
        verify(signed(tmp_path, sub=subject), tmp_path)


def test_a_company_is_one_subject_by_whichever_code_it_is_called(tmp_path: Path) -> None:
    found = verify(signed(tmp_path, sub="company:AEOCN1234567890"), tmp_path)

    assert found == verify(issue("company:CN1234567890", tmp_path), tmp_path)
    assert found.id == "company:CN1234567890"
