"""Receipts: a signed answer for its holder, who is told when a later record changes that answer."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from ops.attacks import verifier
from tests.api.client import AUDITOR, Client
from tests.api.graphql.types.test_corrected_answers import NEW, small, suspended
from tests.api.region import OPEN, record, region

__all__ = ["region", "small"]

CHINA = "partner:CN"
ASK = """query ($tin: TIN!, $in: AdministrationCode!, $receipt: Boolean!, $asOf: AsOf) {
  recognition(tin: $tin, in: $in, receipt: $receipt, asOf: $asOf) {
    outcome reasons { code } receipt { id issuedAt jwt } } }"""
BY_ID = "query ($id: ID!) { receipt(id: $id) { id jwt } }"
MINE = """query ($first: Int, $after: String) { myDivergences(first: $first, after: $after) {
  edges { node { receipt { id } tin in answered correct since because { type knownAt } } }
  pageInfo { hasNextPage endCursor } } }"""


def asked(at: Client, by: str = CHINA, tin: str = NEW, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = at.ask(ASK, by, tin=tin, **{"in": "CN", "receipt": True} | more)[
        "recognition"
    ]
    return found


def divergences(at: Client, by: str = CHINA, **paging: Any) -> list[dict[str, Any]]:
    return [edge["node"] for edge in at.ask(MINE, by, **paging)["myDivergences"]["edges"]]


def keys(at: Client) -> dict[str, Any]:
    found: dict[str, Any] = at.request("GET", "/log/receipt-keys").json()
    return found


def test_a_receipt_says_what_was_asked_and_answered_and_its_key_is_public(small: Client) -> None:
    answer = small.post(
        ASK, CHINA, {"Purpose": "declaration 42"}, tin=NEW, **{"in": "CN", "receipt": True}
    ).json()["data"]["recognition"]

    receipt = answer["receipt"]
    token = jwt.decode(receipt["jwt"], KeySet.import_key_set(keys(small)), algorithms=["Ed25519"])
    said = token.claims["credentialSubject"]
    assert token.header["typ"] == "vc+jwt"
    assert token.claims["id"] == f"urn:uuid:{receipt['id']}"
    assert (said["question"]["tin"], said["question"]["in"]) == (NEW, "CN")
    assert said["answer"]["outcome"] == answer["outcome"] == "RECOGNISED"
    assert [reason["code"] for reason in said["answer"]["reasons"]] == [
        reason["code"] for reason in answer["reasons"]
    ]
    assert (said["askedBy"], said["purpose"]) == (CHINA, "declaration 42")
    assert int(said["position"]) == small.last_position()


def test_an_answer_without_a_receipt_has_none(small: Client) -> None:
    assert asked(small, receipt=False)["receipt"] is None


def test_each_answer_of_many_has_its_own_receipt_under_one_signature(
    small: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = """query ($tins: [TIN!]!) { recognitions(tins: $tins, in: "CN", receipt: true) {
      tin outcome receipt { id jwt } } }"""
    tins = [NEW, "CN0000000009", NEW]

    found = small.ask(ask, AUDITOR, tins=tins)["recognitions"]

    assert [answer["tin"] for answer in found] == tins
    assert len({answer["receipt"]["id"] for answer in found}) == 3
    for answer in found:
        kept = small.ask(BY_ID, AUDITOR, id=answer["receipt"]["id"])["receipt"]
        assert kept["jwt"] == answer["receipt"]["jwt"]

    place = tmp_path / "keys.json"
    place.write_text(json.dumps(keys(small)))
    parts = [answer["receipt"]["jwt"].split("~") for answer in found]
    assert len({signed for signed, _, _ in parts}) == 1
    for number, (signed, leaf, path) in enumerate(parts):
        # The log of this test was never signed, and the verifier says so.
        assert verified("~".join((signed, leaf, path)), place) == 4
        told = capsys.readouterr().out
        assert f"{tins[number]} in CN" in told and found[number]["receipt"]["id"] in told
        other = parts[number - 1]
        [changed] = _changed(0, lambda own: own["answer"].update(outcome="UNKNOWN_TOO"))([leaf])
        assert verified("~".join((signed, changed, path)), place) == 1
        assert verified("~".join((signed, other[1], path)), place) == 1
        assert verified("~".join((signed, leaf, other[2])), place) in (1, 2)
        assert verified("~".join((signed, leaf, path[:-43])), place) == 2
        assert verified(signed, place) == 2  # without an answer
    for tail in (f"A~{parts[0][2]}", f"{parts[0][1]}~0.A", f"{parts[0][1]}~0.A==", "~~", ""):
        page = small.send("/verify", {"what": f"{parts[0][0]}~{tail}"})
        assert page.status_code in (200, 400) and "altered" in page.text.lower()


def test_each_declaration_of_a_batch_has_the_receipt_of_its_own_question(small: Client) -> None:
    ask = """query ($questions: [RecognitionQuestion!]!) {
      recognitionsOf(in: "CN", questions: $questions, receipt: true) {
        key recognition { at outcome receipt { id jwt } } refused { code } } }"""
    questions = [
        {"key": "a", "tin": NEW},
        {"key": "b", "tin": "12"},
        {"key": "c", "tin": NEW, "at": "2026-01-01T00:00:00Z", "consignment": {"hs": "0808"}},
        {"key": "d", "tin": NEW},
    ]

    found = small.ask(ask, CHINA, questions=questions)["recognitionsOf"]

    assert [each["recognition"] is None for each in found] == [False, True, False, False]
    own = [each["recognition"] for each in found if each["recognition"]]
    claims = [json.loads(_decoded(each["receipt"]["jwt"].split("~")[1])) for each in own]
    assert [said["question"]["at"] for said in claims] == [each["at"] for each in own]
    assert [said["question"]["consignment"] for said in claims] == [None, {"hs": "0808"}, None]
    # They are found by the request that they state, in the order of its questions, page by page.
    signed = own[0]["receipt"]["jwt"].split("~")[0]
    request = json.loads(_decoded(signed.split(".")[1]))["credentialSubject"]["request"]
    of = """query ($request: ID!, $after: String) { receipts(request: $request, first: 2,
      after: $after) { edges { node { id jwt } } pageInfo { hasNextPage endCursor } } }"""
    page = small.ask(of, CHINA, request=request)["receipts"]
    after = page["pageInfo"]["endCursor"]
    rest = small.ask(of, CHINA, request=request, after=after)["receipts"]
    assert page["pageInfo"]["hasNextPage"] and not rest["pageInfo"]["hasNextPage"]
    listed = [edge["node"] for edge in page["edges"] + rest["edges"]]
    assert listed == [each["receipt"] for each in own]
    assert small.ask(of, "partner:KR", request=request)["receipts"]["edges"] == []
    assert small.error(of, CHINA, request="42")["code"] == "BAD_INPUT"


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_whoever_asks_about_nobody_is_given_no_receipt(small: Client) -> None:
    ask = 'query { recognitions(tins: [], in: "CN", receipt: true) { receipt { id } } }'

    assert small.ask(ask, AUDITOR)["recognitions"] == []


def test_an_interval_of_many_answers_is_that_of_one(small: Client) -> None:
    ask = """query ($tins: [TIN!]!) { recognitions(tins: $tins, in: "CN", receipt: true) {
      validFrom validTo } }"""
    alone = """query ($tin: TIN!) { recognition(tin: $tin, in: "CN") { validFrom validTo } }"""
    tins = [f"CN000000000{digit}" for digit in range(10)] + [NEW]
    assert small.ask(ask, AUDITOR, tins=tins)["recognitions"] == [
        small.ask(alone, AUDITOR, tin=tin)["recognition"] for tin in tins
    ]


@pytest.mark.parametrize(
    ("by", "may"),
    [
        (CHINA, True),
        ("officer:CN", True),
        (AUDITOR, True),
        ("partner:KR", False),
        (f"company:{NEW}", False),
        (None, False),
    ],
)
def test_a_receipt_is_kept_for_whoever_asked(small: Client, by: str | None, may: bool) -> None:
    receipt = asked(small)["receipt"]

    found = small.ask(BY_ID, by, id=receipt["id"])["receipt"]

    assert found == ({"id": receipt["id"], "jwt": receipt["jwt"]} if may else None)


def test_an_id_that_is_none_is_refused_and_an_unknown_one_finds_nothing(small: Client) -> None:
    assert small.ask(BY_ID, CHINA, id=str(uuid4()))["receipt"] is None
    assert small.error(BY_ID, CHINA, id="42")["code"] == "BAD_INPUT"


def test_a_holder_is_told_that_a_later_record_changes_the_answer(small: Client) -> None:
    receipt = asked(small)["receipt"]
    asked(small, receipt=False)
    assert divergences(small) == []

    suspended(small)

    [told] = divergences(small)
    assert told["receipt"] == {"id": receipt["id"]}
    assert (told["tin"], told["in"]) == (NEW, "CN")
    assert (told["answered"], told["correct"]) == ("RECOGNISED", "NOT_RECOGNISED")
    assert told["because"]["type"] == "operator.suspended"
    assert told["since"] == told["because"]["knownAt"]
    assert divergences(small, "partner:KR") == []


def test_after_a_withdrawal_a_holder_is_told_that_and_nothing_that_came_later(
    region: Client,
) -> None:
    old = asked(region, tin=OPEN, **{"asOf": {"at": "2026-01-01T00:00:00Z"}})
    new = asked(region, tin=OPEN)
    assert (old["outcome"], new["outcome"]) == ("RECOGNISED", "RECOGNISED")

    # Each would change an answer: the first the one of today, the second both.
    record(region.database, {"command": "withdraw_consent", "tin": OPEN, "partner": "CN"})
    back = {"effective": "2025-06-02", "decided": "2025-06-02", "legal_ground": "Art. 16"}
    record(
        region.database,
        {"command": "suspend_authorisation", "tin": OPEN, "reason": "a secret", **back},
    )

    told = divergences(region)
    assert [each["receipt"]["id"] for each in told] == [new["receipt"]["id"]]
    assert (told[0]["answered"], told[0]["correct"]) == ("RECOGNISED", "UNKNOWN")
    assert told[0]["because"]["type"] == "operator.consent_withdrawn"
    assert "suspended" not in json.dumps(told) and "secret" not in json.dumps(told)
    assert asked(region, tin=OPEN)["outcome"] == told[0]["correct"]
    # Who is shown it again is told all of it.
    record(region.database, {"command": "give_consent", "tin": OPEN, "partner": "CN"})
    assert [each["correct"] for each in divergences(region)] == ["NOT_RECOGNISED"] * 2
    assert "operator.suspended" in json.dumps(divergences(region))


def test_pages_of_divergences_join_without_a_gap(small: Client) -> None:
    ids = [asked(small)["receipt"]["id"] for _ in range(3)]
    suspended(small)

    first = small.ask(MINE, CHINA, first=2)["myDivergences"]
    rest = divergences(small, first=2, after=first["pageInfo"]["endCursor"])

    assert first["pageInfo"]["hasNextPage"]
    assert [edge["node"]["receipt"]["id"] for edge in first["edges"]] == ids[:2]
    assert [told["receipt"]["id"] for told in rest] == ids[2:]


def test_the_public_has_no_receipts(small: Client) -> None:
    assert small.error(MINE, None)["code"] == "FORBIDDEN"


# -------------------------------------------------------------- the verifier

Mutation = Callable[[list[str]], list[str]]


def _changed(part: int, change: Callable[[dict[str, Any]], object]) -> Mutation:
    def mutated(parts: list[str]) -> list[str]:
        text = urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4))
        said = json.loads(text)
        change(said)
        parts[part] = urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
        return parts

    return mutated


def _subject(change: Callable[[dict[str, Any]], object]) -> Mutation:
    return _changed(1, lambda said: change(said["credentialSubject"]))


def _signed_by_another(parts: list[str]) -> list[str]:
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    claims = json.loads(urlsafe_b64decode(padded))
    header = {"alg": "Ed25519", "typ": "vc+jwt"}
    key = OKPKey.generate_key("Ed25519")
    return jwt.encode(header, claims, key, algorithms=["Ed25519"]).split(".")


MUTATIONS: dict[str, tuple[Mutation, int]] = {
    "the outcome": (_subject(lambda claims: claims["answer"].update(outcome="NOT_RECOGNISED")), 1),
    "the operator": (_subject(lambda claims: claims["question"].update(tin="CN0000000009")), 1),
    "the territory": (_subject(lambda claims: claims["question"].update({"in": "SG"})), 1),
    "the day": (_subject(lambda claims: claims["question"].update(at="2020-01-01T00:00:00Z")), 1),
    "who asked": (_subject(lambda claims: claims.update(askedBy="partner:SG")), 1),
    "the position": (_subject(lambda claims: claims.update(position="1")), 1),
    "the issuer": (_changed(1, lambda claims: claims.update(issuer="urn:aeo:register:other")), 1),
    "the id": (_changed(1, lambda claims: claims.update(id=f"urn:uuid:{uuid4()}")), 1),
    "no signature wanted": (_changed(0, lambda claims: claims.update(alg="none")), 2),
    "another algorithm": (_changed(0, lambda claims: claims.update(alg="HS256")), 2),
    "another type": (_changed(0, lambda claims: claims.update(typ="JWT")), 2),
    "an unknown extension": (_changed(0, lambda claims: claims.update(crit=["b64"])), 2),
    "another key's name": (_changed(0, lambda claims: claims.update(kid="nobody")), 1),
    "another key": (_signed_by_another, 1),
    "a cut signature": (lambda parts: [*parts[:2], parts[2][:40]], 1),
    "no signature": (lambda parts: [*parts[:2], ""], 2),
    "two parts": (lambda parts: parts[:2], 2),
    "a missing answer": (_subject(lambda claims: claims.pop("answer")), 1),
}


@pytest.fixture
def receipt(small: Client, tmp_path: Path) -> tuple[str, Path]:
    place = tmp_path / "keys.json"
    place.write_text(json.dumps(keys(small)))
    return str(asked(small)["receipt"]["jwt"]), place


def verified(token: str, keys: Path | None) -> int:
    file = (keys or Path("receipt")).with_name("receipt.jwt")
    file.write_text(token)
    named = ["--keys", str(keys)] if keys else []
    code: int = verifier().main(["receipt", str(file), *named])
    return code


def test_every_mutation_of_a_receipt_is_found_without_the_register(
    receipt: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    token, place = receipt
    # The log of this test was never signed, and the verifier says so.
    assert verified(token, place) == 4
    told = capsys.readouterr().out
    assert f"{NEW} in CN" in told and "RECOGNISED" in told and CHINA in told

    for what, (mutation, code) in MUTATIONS.items():
        assert verified(".".join(mutation(token.split("."))), place) == code, what
