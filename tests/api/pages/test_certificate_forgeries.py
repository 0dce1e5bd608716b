"""A certificate that was changed, or made by somebody else, is refused with the reason: by the
register, and by the program that needs no register."""

from __future__ import annotations

import copy
import json
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from api.access.tokens import key_in
from api.credentials.checking import (
    CredentialFinding,
    CredentialVerdict,
    Register,
    check_credential,
)
from api.graphql.positions import whole
from api.graphql.receipt_issuer import KEY
from ops.attacks import verifier
from tests.api.certified import certified, file, issued, office, suspend
from tests.api.client import Client
from tests.api.pages.test_certificates import checked

__all__ = ["office"]
ours = verifier()

#: What a changed certificate comes to. None of it is green.
REFUSED = {
    CredentialFinding.ALTERED,
    CredentialFinding.NO_CREDENTIAL,
    CredentialFinding.UNKNOWN_KEY,
    CredentialFinding.NOT_ISSUED,
}
Mutation = tuple[str, str]


@pytest.fixture(scope="module")
def genuine(office: Client, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, bytes]:
    """A credential, a folder with what a stranger downloads to check it offline, and the PDF."""
    tin = certified(office)
    _, id = issued(office, tin)
    text = file(office, tin, id, "credential.jwt").decode()
    folder = tmp_path_factory.mktemp("downloads")
    downloaded(office, text, folder)
    return text, folder, file(office, tin, id, "certificate.pdf")


def downloaded(at: Client, text: str, folder: Path) -> None:
    (folder / "did.json").write_bytes(at.request("GET", "/.well-known/did.json").content)
    (folder / "policy.txt").write_bytes(at.request("GET", "/log/policy").content)
    (folder / "lists").mkdir(exist_ok=True)
    for status in parts(text)[1]["credentialStatus"]:
        address = status["statusListCredential"].removeprefix("http://localhost")
        content = at.request("GET", address).content
        (folder / "lists" / status["statusPurpose"]).write_bytes(content)


def parts(text: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = text.split(".")
    return _read(header), _read(claims), signature


def _read(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=="))
    return found


def _written(content: Any) -> str:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def leaves(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value in a document."""
    items: Any = []
    if isinstance(content, dict):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    else:
        yield path
    for key, value in items:
        yield from leaves(value, (*path, key))


def changed(content: Any, path: tuple[Any, ...], how: str) -> Any:
    """The document with one value deleted, made another, or emptied."""
    found = copy.deepcopy(content)
    place = found
    for key in path[:-1]:
        place = place[key]
    if how == "deleted":
        del place[path[-1]]
    else:
        place[path[-1]] = f"{place[path[-1]]}x" if how == "another" else 0
    return found


def mutations(text: str, own: OKPKey) -> Iterator[Mutation]:
    """Changed certificates, each with what was done. `own`: the key of the register, which signs
    what the register never issued."""
    header, claims, signature = parts(text)
    head, body = text.split(".")[:2]
    for path in leaves(claims):
        for how in ("another", "deleted", "emptied"):
            yield f"{path} {how}", f"{head}.{_written(changed(claims, path, how))}.{signature}"
    for place in range(len(signature)):
        other = "A" if signature[place] != "A" else "B"
        said = f"{head}.{body}.{signature[:place]}{other}{signature[place + 1 :]}"
        yield f"letter {place} of the signature", said
    last = "AEIMQUYcgkosw048"  # of 64 bytes the last letter has two bits that nobody reads
    if signature[-1] in last:
        another = chr(ord(signature[-1]) + 1)
        yield "unread bits of the signature", f"{head}.{body}.{signature[:-1]}{another}"
    for name, value in (
        *(("alg", value) for value in ("none", "HS256", "ES256", "EdDSA", "ed25519", None)),
        *(("typ", value) for value in ("JWT", "vc+sd-jwt", "vc+ld+jwt", "aeo-pdf-seal+jws", None)),
        *(("kid", value) for value in ("did:web:localhost#another", "", None)),
        *(("crit", ["exp"]), ("jwk", own.as_dict(private=False)), ("x5c", ["x"]), ("jku", "x")),
    ):
        said = {**header, name: value}
        yield f"header {name} {value}", f"{_written(said)}.{body}.{signature}"
        yield f"header {name} {value}, no signature", f"{_written(said)}.{body}."
    stranger = OKPKey.generate_key("Ed25519")
    for kid in (header["kid"], "did:web:localhost#stranger"):
        yield f"signed by a stranger as {kid}", _signed({**header, "kid": kid}, claims, stranger)
    for name, value in (
        ("id", "urn:uuid:6f1c1e0e-9c5b-4c57-9d43-8d3f0a8f1f11"),
        ("validUntil", "2099-01-01T00:00:00Z"),
    ):
        yield f"{name} changed, and signed", _signed(header, {**claims, name: value}, own)
    for count in range(1, 40):
        yield f"{count} letters cut off", text[:-count]
    yield from (("a part too many", f"{text}.x"), ("a part too few", f"{head}.{body}"))
    yield from (("a space", text.replace(".", ". ", 1)), ("padding", f"{text}=="))


def _signed(header: dict[str, Any], claims: dict[str, Any], key: OKPKey) -> str:
    payload = json.dumps(claims, indent=1).encode()
    return jws.serialize_compact(header, payload, key, algorithms=["Ed25519"])


def test_more_than_300_changes_are_refused_with_the_reason(
    office: Client, genuine: tuple[str, Path, bytes]
) -> None:
    text, _, _ = genuine
    changes = dict(mutations(text, key_in(office.home / KEY)))
    assert len(changes) > 300 and text not in changes.values()

    verdicts = verdicts_of(office, [text, *changes.values()])

    assert verdicts.pop(0).finding is CredentialFinding.VALID
    for what, verdict in zip(changes, verdicts, strict=True):
        assert verdict.finding in REFUSED, (what, verdict.finding)
        assert verdict.finding.tone == "bad"
    assert {verdict.finding for verdict in verdicts} == REFUSED


def verdicts_of(at: Client, texts: list[str]) -> list[CredentialVerdict]:
    """As the service checks them, over one connection."""

    async def up_to_date(tin: str) -> bool:
        return False

    async def run() -> list[CredentialVerdict]:
        from datetime import UTC, datetime

        async with whole(at.service.views).connection() as connection:
            register = Register(
                connection, at.home, "http://localhost", None, datetime.now(UTC), up_to_date
            )
            return [await check_credential(register, text) for text in texts]

    return at._runner.run(run())


def offline(folder: Path, name: str, *more: str) -> int:
    lists = ("--lists", str(folder / "lists"), "--policy", str(folder / "policy.txt"))
    keys = ("--keys", str(folder / "did.json"))
    code: int = ours.main(["certificate", str(folder / name), *keys, *(more or lists)])
    return code


def test_the_program_that_stands_alone_refuses_the_same(
    office: Client, genuine: tuple[str, Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    text, folder, pdf = genuine
    (folder / "a.jwt").write_text(text)
    (folder / "a.pdf").write_bytes(pdf)
    assert offline(folder, "a.jwt") == offline(folder, "a.pdf") == 0
    assert offline(folder, "a.jwt", "--policy", str(folder / "policy.txt")) == 4  # no lists
    assert offline(folder, "a.jwt", "--lists", str(folder / "lists")) == 3  # no policy
    capsys.readouterr()

    for what, changed_text in mutations(text, key_in(office.home / KEY)):
        (folder / "b.jwt").write_text(changed_text)
        code = offline(folder, "b.jwt")
        told = capsys.readouterr().out
        if what.endswith("changed, and signed"):
            continue  # only the register knows that it never issued this
        if what == "('issuer', 'id') another":
            assert code == 3 and "of another register" in told
            continue
        assert code in (1, 2), (what, told)
        assert "FORGED" in told or "MALFORMED" in told
        assert len(told.splitlines()) >= 2, told  # the reason, and the verdict


def test_a_pdf_in_which_one_byte_is_another_is_never_green(
    office: Client, genuine: tuple[str, Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder, pdf = genuine
    chance = random.Random(14)
    for place in [*chance.sample(range(len(pdf)), 40), len(pdf) - 1, len(pdf) - 50]:
        other = bytearray(pdf)
        other[place] ^= 1 << chance.randrange(8)
        name, tone = checked(office, content=bytes(other))
        assert tone != "good", (place, name)
        assert tone == "bad" or place < 8, (place, name)
        (folder / "b.pdf").write_bytes(other)
        assert offline(folder, "b.pdf") in (1, 2), place
    assert "PDF was altered" in capsys.readouterr().out


def test_a_suspension_and_another_register_are_found_offline(
    office: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tin = certified(office)
    _, id = issued(office, tin)
    text = file(office, tin, id, "credential.jwt").decode()
    (tmp_path / "a.jwt").write_text(text)
    downloaded(office, text, tmp_path)
    assert offline(tmp_path, "a.jwt") == 0

    suspend(office, tin)
    downloaded(office, text, tmp_path)
    assert offline(tmp_path, "a.jwt") == 5
    assert "The authorisation is suspended." in capsys.readouterr().out
    document = (tmp_path / "did.json").read_text()
    (tmp_path / "did.json").write_text(document.replace("did:web:localhost", "did:web:other"))
    assert offline(tmp_path, "a.jwt") == 3
    assert "It is of another register, did:web:localhost" in capsys.readouterr().out
    listed = (tmp_path / "lists" / "suspension").read_text()
    (tmp_path / "did.json").write_text(document)
    (tmp_path / "lists" / "suspension").write_text(listed[:-4] + "AAAA")
    assert offline(tmp_path, "a.jwt") == 1
