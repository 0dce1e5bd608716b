"""A company has a certificate made, shows it to others, and whoever has it checks it."""

from __future__ import annotations

import io
import re
import unicodedata
import zlib
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pypdf
import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageFont
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.credentials import sealed_pdf
from api.credentials.keys import renew
from api.credentials.sealed_pdf import FONTS
from api.http import projection_lag
from api.pages.bilingual import is_covered
from projections.engine.projector import Projector
from registry.domain import commands
from tests.api.certified import (
    KOREA,
    certified,
    cookie,
    file,
    finding,
    form,
    issued,
    office,
    read_finding,
    suspend,
)
from tests.api.client import Client
from tests.api.graphql.types.test_receipts import asked
from tests.api.pages.test_in_browser import COMPLAINTS, TOO_FAINT
from tests.api.pages.test_pages import read
from tests.api.pages.test_pages import text as text_of
from tests.api.region import record
from tests.api.served import served

__all__ = ["office"]
#: A question about a day on which there was no authorisation.
OF_2001 = """query ($tin: TIN!) { recognition(tin: $tin, in: "CN", receipt: true,
  asOf: {at: "2001-01-01T00:00:00Z"}) { receipt { jwt } } }"""


@pytest.fixture(scope="module")
def pottery(office: Client) -> tuple[str, str, str]:
    """An operator with a certificate that stays good: its TIN, the code, and the id."""
    tin = certified(office)
    return tin, *issued(office, tin)


def checked(
    at: Client, text: str = "", content: bytes = b"", name: str = "a.pdf"
) -> tuple[str, str]:
    """What the form of a stranger comes to."""
    upload = {"files": {"file": (name, content)}} if content else {}
    answer = at.send("/verify", {"what": text}, **upload)
    if answer.status_code == 303:
        answer = at.request("GET", answer.headers["location"])
    return read_finding(answer.text)


CERTIFICATE = """query ($tin: TIN!) { operator(tin: $tin) { certificate {
  id code authorisation status issuedAt validUntil } } }"""


def by_query(at: Client, tin: str, by: str) -> Any:
    """The certificate that GraphQL tells of, without its instants, which are in order."""
    told = at.ask(CERTIFICATE, by, tin=tin)["operator"]["certificate"]
    if told:
        assert told.pop("issuedAt") < told.pop("validUntil")
    return told


def test_a_certificate_is_green_until_its_operator_is_suspended(office: Client) -> None:
    tin = certified(office)
    code, id = issued(office, tin)
    pdf = file(office, tin, id, "certificate.pdf")
    before = office.request("GET", f"/verify/{code}/state").json()

    assert finding(office, f"/verify/{code}") == ("valid", "good") == checked(office, content=pdf)
    told = by_query(office, tin, f"company:{tin}")
    assert told == {"id": id, "code": code, "authorisation": "KR-AEO/1", "status": "VALID"}
    suspend(office, tin)
    assert by_query(office, tin, KOREA) == told | {"status": "SUSPENDED"}
    assert finding(office, f"/verify/{code}") == ("suspended", "bad")
    assert checked(office, content=pdf) == ("suspended", "bad")
    assert office.request("GET", f"/verify/{code}/state").json()["state"] != before["state"]
    page = read(office, f"/verify/{code}")
    assert re.search(r"As of now, [^U]+UTC: S suspended", page)
    assert re.search(r"As of then, when it was issued, [^U]+UTC: V valid", page)


def test_an_authorisation_that_is_not_valid_has_no_certificate(office: Client) -> None:
    tin = certified(office)
    suspend(office, tin)

    page = form(office, tin, f"company:{tin}", action="issue", authorisation="KR-AEO/1")

    assert "No certificate was made: the authorisation is not valid now" in page
    assert "/verify/" not in re.sub(r'href="/[^"]*/?verify"', "", page)


def test_what_has_ended_and_what_was_withdrawn_are_red_each_in_its_own_words(
    office: Client,
) -> None:
    tin = certified(office)
    code, _ = issued(office, tin)
    day = f"{datetime.now(UTC).date() - timedelta(1)}"
    said = {"command": "revoke_authorisation", "tin": tin, "reason": "fraud", "effective": day}
    record(office.database, {**said, "legal_ground": "Art. 5"})
    assert finding(office, f"/verify/{code}") == ("ended", "bad")
    assert by_query(office, tin, KOREA)["status"] == "ENDED"

    other = certified(office)
    code, id = issued(office, other)
    assert by_query(office, other, KOREA)["status"] == "VALID"
    by = f"company:{other}"
    page = office.request("GET", f"/operators/{other}/certificate", headers=cookie(office, by))
    [step] = re.findall(r"<summary>Withdraw this.*?</details>", page.text, re.DOTALL)
    assert "cannot be undone" in step and "<button" in step  # so not by one press
    form(office, other, by, action="withdraw", credential=id)
    assert by_query(office, other, KOREA) is None
    assert finding(office, f"/verify/{code}") == ("withdrawn", "bad")


def test_an_expired_certificate_is_amber_though_the_authorisation_is_valid(office: Client) -> None:
    tin = certified(office)
    code, id = issued(office, tin)
    pdf = file(office, tin, id, "certificate.pdf")
    with psycopg.connect(office.database, autocommit=True) as connection:
        connection.execute(
            "update access.credential set issued_at = now() - interval '31 days',"
            " valid_until = now() - interval '1 day' where code = %s",
            [code],
        )

    assert finding(office, f"/verify/{code}") == ("expired", "warn")
    assert checked(office, content=pdf) == ("expired", "warn")


def test_only_the_operator_and_its_home_customs_have_it_made(
    office: Client, pottery: tuple[str, str, str]
) -> None:
    tin, _, id = pottery
    for by in ("company:KR77999999", "officer:CN", "partner:KR", "auditor:*"):
        page = office.request("GET", f"/operators/{tin}/certificate", headers=cookie(office, by))
        assert page.status_code == 403, by
        path = f"/operators/{tin}/certificate/{id}/credential.jwt"
        assert office.request("GET", path, headers=cookie(office, by)).status_code == 403
        sent = office.send(
            f"/operators/{tin}/certificate",
            {"action": "withdraw", "credential": id},
            headers=cookie(office, by),
        )
        assert sent.status_code == 403
        told = office.post(CERTIFICATE, by, tin=tin).json()
        refused = [error["extensions"]["code"] for error in told.get("errors", ())]
        assert told["data"] == {"operator": None} or refused == ["FORBIDDEN"], (by, told)

    code, _ = issued(office, certified(office), KOREA)
    assert finding(office, f"/verify/{code}") == ("valid", "good")


def test_a_form_that_is_sent_twice_makes_one_certificate(office: Client) -> None:
    tin = certified(office)
    said = {
        "action": "issue",
        "authorisation": "KR-AEO/1",
        "command_id": "6f1c1e0e-9c5b-4c57-9d43-8d3f0a8f1f11",
    }
    for _ in range(2):
        page = form(office, tin, f"company:{tin}", **said)

    assert len(set(re.findall(r'href="/verify/([0-9A-Z]{20})"', page))) == 1
    other = office.send(
        f"/operators/{tin}/certificate",
        said | {"authorisation": "KR-AEO/2"},
        headers=cookie(office, f"company:{tin}"),
    )
    assert other.status_code == 400 and "was used for another authorisation" in other.text


def test_the_pdf_is_one_page_with_a_code_that_leads_to_the_check(
    office: Client, pottery: tuple[str, str, str]
) -> None:
    """The QR code is read from the picture of the page, at the resolution of a poor telephone."""
    tin, code, id = pottery
    for language in ("", "/zh-Hans", "/ar", "/ru", "/fr", "/es"):
        pdf = file(office, tin, id, "certificate.pdf", language)
        document = pypdfium2.PdfDocument(pdf)
        assert len(document) == 1
        width, height = document[0].get_size()
        assert (round(width), round(height)) == (595, 842)  # A4 in points
        picture = document[0].render(scale=1.2).to_pil()
        [found] = zxingcpp.read_barcodes(picture)
        assert found.text == f"http://localhost/verify/{code}"
        text = document[0].get_textpage().get_text_bounded()
        assert tin in text and "Certificate of authorisation" in text
        assert text.count("Customs of KR") == 1  # its English name, in the English line
        document.close()
    assert finding(office, f"/verify/{code}") == ("valid", "good")


def test_a_name_is_printed_within_the_page_or_the_page_says_that_it_is_not(office: Client) -> None:
    for name, is_printed in (("W" * 140, True), ("Boats \N{SHIP} Ltd", False)):
        tin = certified(office, name)
        _, id = issued(office, tin)
        document = pypdfium2.PdfDocument(file(office, tin, id, "certificate.pdf"))
        assert len(document) == 1
        page = document[0].get_textpage()
        text = page.get_text_bounded()
        width, _height = document[0].get_size()
        assert max(page.get_charbox(at)[2] for at in range(page.count_chars())) < width
        assert (text.count("W") >= 140) is is_printed
        assert ("cannot be printed here" in " ".join(text.split())) is not is_printed
        document.close()


def test_the_fonts_are_those_that_were_listed() -> None:
    listed = dict(
        reversed(line.split("  ")) for line in (FONTS / "SHA256SUMS").read_text().splitlines()
    )

    assert {
        file.name: sha256(file.read_bytes()).hexdigest() for file in FONTS.glob("*.[ot]tf")
    } == (listed)
    assert len(list(FONTS.glob("*.LICENSE"))) == len(listed)


def test_the_fonts_have_every_character_that_is_printed() -> None:
    """A name with another character is left out of the certificate, and never printed as boxes."""
    fonts = [ImageFont.truetype(file, 12) for file in sorted(FONTS.glob("*.[ot]tf"))]
    absent = [bytes(font.getmask("\N{MUSICAL SYMBOL G CLEF}")) for font in fonts]
    scripts = [
        letter
        for letter in map(chr, range(0x370, 0x2000))
        if is_covered(letter) and not unicodedata.category(letter).startswith(("M", "C", "Z"))
    ]
    characters = [chr(code) for code in range(0x4E00, 0xD7A4, 7) if is_covered(chr(code))]

    missing = [
        letter
        for letter in characters
        + [each for each in scripts if ord(each) >= 0x530 and each < "\u1e00"]
        if all(
            bytes(font.getmask(letter)) == nothing
            for font, nothing in zip(fonts, absent, strict=True)
        )
    ]

    assert missing == [] and len(characters) > 1000 and is_covered("한빛무역 東京税関 ไทย दिल्ली")


def test_the_pdf_is_the_same_each_time_and_carries_the_credential(
    office: Client, pottery: tuple[str, str, str]
) -> None:
    tin, _, id = pottery
    one, other = (file(office, tin, id, "certificate.pdf") for _ in range(2))

    assert sha256(one).digest() == sha256(other).digest()
    attached = pypdf.PdfReader(io.BytesIO(one)).attachments
    assert attached["credential.jwt"] == [file(office, tin, id, "credential.jwt")]
    assert attached["event.tlog-proof"][0].startswith(b"c2sp.org/tlog-proof@v1\n")


def test_a_picture_of_the_code_is_read(office: Client, pottery: tuple[str, str, str]) -> None:
    tin, _, id = pottery
    document = pypdfium2.PdfDocument(file(office, tin, id, "certificate.pdf"))
    shot = io.BytesIO()
    document[0].render(scale=1.5).to_pil().rotate(7, expand=True, fillcolor="white").save(
        shot, "JPEG", quality=60
    )
    document.close()
    blank = io.BytesIO()
    Image.new("RGB", (300, 300), "white").save(blank, "PNG")

    assert checked(office, content=shot.getvalue(), name="a.jpg") == ("valid", "good")
    assert checked(office, content=blank.getvalue(), name="a.png") == ("no QR code", "warn")


def test_what_is_presented_is_never_green_unless_it_is_ours_and_whole(
    office: Client, pottery: tuple[str, str, str]
) -> None:
    tin, code, id = pottery
    pdf, jwt = (file(office, tin, id, name) for name in ("certificate.pdf", "credential.jwt"))
    text = jwt.decode()
    writer = pypdf.PdfWriter()
    writer.add_blank_page(595, 842)
    stranger = io.BytesIO()
    writer.write(stranger)
    again = io.BytesIO()
    pypdf.PdfWriter(clone_from=io.BytesIO(pdf)).write(again)  # what an editor of PDF files does
    assert pdf.count(b"/MediaBox") == 1
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf))
    writer.encrypt("a password", algorithm="RC4-128")
    locked = io.BytesIO()
    writer.write(locked)
    unsealed = pdf[: pdf.rindex(b"%aeo-seal")]

    for content, expected in (
        (pdf, ("valid", "good")),
        (jwt, ("valid", "good")),
        (stranger.getvalue(), ("PDF not ours", "bad")),
        (again.getvalue(), ("PDF altered", "bad")),
        (pdf.replace(b"/MediaBox", b"/CropBox "), ("PDF altered", "bad")),
        (pdf + b"\n", ("PDF altered", "bad")),
        (unsealed, ("PDF altered", "bad")),
        (pdf.replace(b"%PDF-", b"%PDX-"), ("other file", "warn")),
        (b"\xff" * 50, ("other file", "warn")),
        (b"PK\x03\x04" + pdf, ("other file", "warn")),  # packed, and not compressed
        (b"\xef\xbb\xbf" + jwt, ("valid", "good")),
        (text.encode("utf-16"), ("valid", "good")),
        (locked.getvalue(), ("PDF locked", "warn")),
        (b"%PDF-1.7 " + b"x" * 3_100_000, ("too large", "warn")),
        (b"%PDF-1.7 " + b"x" * 3_300_000, ("too large", "warn")),
    ):
        assert checked(office, content=content) == expected
    for typed, expected in (
        (text, ("valid", "good")),
        (f"  {code[:5]}-{code[5:10].lower()} {code[10:]} ", ("valid", "good")),
        (f"http://localhost/fr/verify/{code}?x=1", ("valid", "good")),
        (f"https://elsewhere.example/verify/{code}", ("other register", "warn")),
        ("0" * 20, ("unknown code", "bad")),
        ("hello", ("not understood", "warn")),
        ("a.b.c", ("no credential", "bad")),
        ("http://localhost/countries", ("not understood", "warn")),
    ):
        assert checked(office, typed) == expected, typed
    assert office.send("/verify", {}).status_code == 400


def test_a_small_file_is_not_unpacked_to_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = b"stream\n" + zlib.compress(bytes(1_000_000)) + b"\nendstream\n"
    unpack, unpacked = sealed_pdf._unpacked, [0]

    def counted(raw: bytes) -> bytes:
        inside = unpack(raw)
        unpacked[0] += len(inside)
        return inside

    monkeypatch.setattr(sealed_pdf, "_unpacked", counted)

    assert sealed_pdf.read_pdf(b"%PDF-1.7\n" + stream * 1_900).carried is None
    assert unpacked[0] <= sealed_pdf.LARGEST_UNPACKED + sealed_pdf.LARGEST_STREAM


def test_what_the_register_states_otherwise_now_is_amber(office: Client) -> None:
    for change in (
        {"command": "change_type", "type": "A"},
        {"command": "amend_particulars", "name": "Another"},
    ):
        tin = certified(office)
        code, _ = issued(office, tin)
        assert finding(office, f"/verify/{code}") == ("valid", "good")
        record(office.database, {"tin": tin, "legal_ground": "Art. 4", **change})
        assert finding(office, f"/verify/{code}") == ("outdated", "warn"), change


def test_what_is_recorded_and_not_shown_yet_is_never_green(
    office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    tin = certified(office)
    code, _ = issued(office, tin)
    receipt = asked(office, "partner:CN", tin)["receipt"]["jwt"]
    by = cookie(office, "partner:CN")
    behind = "This page is behind."
    suspension = {"command": "suspend_authorisation", "tin": tin, "reason": "late books"}
    office.service.registry.execute(
        commands.read(suspension | {"legal_ground": "Art. 4"}), "a test"
    )

    # The projector has not seen it: the file of this operator is known to be behind at once.
    assert finding(office, f"/verify/{code}") == ("behind", "warn")
    refused = form(office, tin, f"company:{tin}", action="issue", authorisation="KR-AEO/1")
    assert "something was recorded that does not show here yet" in refused
    assert behind not in read(office, "/countries/KR")
    # After some seconds every page says so.
    monkeypatch.setattr(projection_lag, "TOLERATED", 0.0)
    monkeypatch.setattr(projection_lag, "FRESH", 0.0)
    assert behind in read(office, "/countries/KR")
    page = office.send("/verify", {"what": receipt}, headers=by).text
    assert read_finding(page) == ("receipt genuine", "warn") and behind in page
    Projector(office.database).catch_up()
    assert finding(office, f"/verify/{code}") == ("suspended", "bad")
    assert behind not in read(office, "/countries/KR")


def test_a_certificate_of_another_register_is_sent_there(
    office: Client, pottery: tuple[str, str, str]
) -> None:
    """Its key is unknown here, and the register that it names is not this one."""
    from joserfc import jws
    from joserfc.jwk import OKPKey

    tin, _, id = pottery
    body = urlsafe_b64decode(file(office, tin, id, "credential.jwt").split(b".")[1] + b"==")
    key = OKPKey.generate_key("Ed25519")
    header = {"alg": "Ed25519", "typ": "vc+jwt", "kid": "did:web:customs.example#k"}

    def signed(payload: bytes) -> str:
        return jws.serialize_compact(header, payload, key, algorithms=["Ed25519"])

    other = body.replace(b"did:web:localhost", b"did:web:customs.example")
    assert checked(office, signed(other)) == ("other register", "warn")
    assert "https://customs.example/verify" in office.send("/verify", {"what": signed(other)}).text
    assert checked(office, signed(body)) == ("unknown key", "bad")
    for nowhere in (b"%5B", b"x%3A99999", b"a%2Fb%3Fc", b"%0Aevil.example", b"u%40evil.example"):
        strange = body.replace(b"did:web:localhost", b"did:web:" + nowhere)
        page = office.send("/verify", {"what": signed(strange)})
        assert read_finding(page.text) == ("other register", "warn")
        assert 'href="http' not in page.text.partition("<main")[2].partition("</main>")[0]


def test_a_key_that_was_replaced_still_proves_what_it_signed(office: Client) -> None:
    tin = certified(office)
    code, id = issued(office, tin)
    pdf = file(office, tin, id, "certificate.pdf")
    earlier = office.request("GET", "/.well-known/did.json").json()["assertionMethod"]

    renew(office.home)

    now = office.request("GET", "/.well-known/did.json").json()["assertionMethod"]
    assert now[1:] == earlier and len(set(now)) == len(earlier) + 1
    assert finding(office, f"/verify/{code}") == ("valid", "good") == checked(office, content=pdf)
    fresh, _ = issued(office, certified(office))
    assert finding(office, f"/verify/{fresh}") == ("valid", "good")


def test_a_link_shows_the_certificate_until_it_ends_and_counts_who_looks(office: Client) -> None:
    tin = certified(office)
    _, id = issued(office, tin)
    owner = f"company:{tin}"
    by = cookie(office, owner)
    links = []
    for days in ("1", "30"):
        page = form(office, tin, owner, action="share", credential=id, days=days)
        [link] = re.findall(r'href="http://localhost(/verify/[A-Za-z0-9_-]{43})"', page)
        links.append(link)
    kept, ended = links

    for _ in range(2):
        assert finding(office, kept) == ("valid", "good")
    pdf = office.request("GET", f"{kept}/certificate.pdf")
    assert pdf.headers["content-type"] == "application/pdf" and checked(
        office, content=pdf.content
    ) == ("valid", "good")

    page = office.request("GET", f"/operators/{tin}/certificate", headers=by).text
    assert kept not in page  # it is shown once
    assert re.findall(r"<td>(\d+) <span[^>]*>last", page) == ["2"]
    newest = re.findall(r'name="share" value="([0-9a-f-]{36})"', page)[0]
    form(office, tin, owner, action="revoke", credential=id, share=newest)
    assert finding(office, ended) == ("link ended", "warn")
    assert office.request("GET", f"{ended}/certificate.pdf").status_code == 404
    with psycopg.connect(office.database, autocommit=True) as connection:
        connection.execute("update access.credential_share set expires_at = now()")
    assert finding(office, kept) == ("link ended", "warn")
    wrong = form(office, tin, owner, action="share", credential=id, days="400")
    assert "Choose for how long" in wrong


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "9" * 40, "\N{SUPERSCRIPT TWO}"])
def test_a_status_list_that_is_not_there_is_refused_in_words(office: Client, number: str) -> None:
    answer = office.request("GET", f"/status-lists/{number}/revocation")

    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/plain")
    assert "There is no such status list" in answer.text


def test_the_status_lists_say_it_without_a_neighbour_being_known(office: Client) -> None:
    tin, other = certified(office), certified(office)
    claims: list[dict[str, Any]] = []
    for each in (tin, other):
        _, id = issued(office, each)
        claims.append(_claims(file(office, each, id, "credential.jwt").decode()))
    suspend(office, tin)

    bits = []
    for one in claims:
        for status in one["credentialStatus"]:
            path = status["statusListCredential"].removeprefix("http://localhost")
            answer = office.request("GET", path)
            assert answer.headers["content-type"] == "application/vc+jwt"
            listed = _claims(answer.text)["credentialSubject"]
            assert listed["statusPurpose"] == status["statusPurpose"]
            bits.append(_bit(listed["encodedList"], int(status["statusListIndex"])))

    assert bits == [False, True, False, False]
    assert office.request("GET", "/status-lists/2/suspension").status_code == 404
    assert office.request("GET", "/status-lists/1/anything").status_code == 404


def test_a_receipt_is_red_once_it_would_be_answered_otherwise(office: Client) -> None:
    tin = certified(office)
    receipt = asked(office, "partner:CN", tin)["receipt"]
    text, by = receipt["jwt"], cookie(office, "partner:CN")

    def presented(what: str, **more: Any) -> tuple[str, str]:
        return read_finding(office.send("/verify", {"what": what}, **more).text)

    assert presented(text) == ("receipt genuine", "warn")  # the public is not told of today
    assert presented(text, headers=by) == ("receipt stands", "good")
    assert presented(receipt["id"], headers=by) == ("receipt stands", "good")
    assert presented(receipt["id"]) == ("receipt not shown", "warn")
    shown = text_of(office.send("/verify", {"what": text}))
    assert f"recognised {tin} in China" in shown  # of which operator, and where
    assert presented(text[:-6] + "AAAAAA") == ("receipt altered", "bad")
    path = f"/receipts/{receipt['id']}/receipt.pdf"  # it names the signed head of the log
    pdf = office.request("GET", path, headers=by).content
    assert presented("", files={"file": ("receipt.pdf", pdf)}) == ("receipt genuine", "warn")
    # The answer about a day before there was an authorisation is not changed by that of today.
    past = office.ask(OF_2001, "partner:CN", tin=tin)["recognition"]["receipt"]
    assert presented(past["jwt"], headers=by) == ("receipt genuine", "warn")
    suspend(office, tin)
    assert presented(text, headers=by) == ("receipt changed", "bad")


def test_a_suspension_turns_an_open_page_red(
    office: Client, pottery: tuple[str, str, str], browser: Browser
) -> None:
    """In a real browser, on the smallest telephone; without scripts when the page is loaded
    again. The client asks in a thread of its own: the browser has the loop of this one."""
    with ThreadPoolExecutor(1) as aside:
        tin = aside.submit(certified, office).result()
        code, _ = aside.submit(issued, office, tin).result()
    with served(office.database, office.home) as address:
        small = browser.new_context(viewport={"width": 320, "height": 640})
        page = small.new_page()
        page.clock.install()
        page.goto(f"{address}/verify/{code}")
        answer = page.locator("#answer")
        expect(answer).to_have_attribute("data-finding", "valid")
        page.get_by_role("button", name="Check the signature in this browser").click()
        expect(page.locator("#browser-verdict")).to_contain_text("The register signed this")
        page.evaluate("document.getElementById('credential').textContent += 'A'")
        page.get_by_role("button", name="Check the signature in this browser").click()
        expect(page.locator("#browser-verdict")).to_contain_text("The credential is not proved")

        live = page.locator("#live")
        page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
        _passes(page, 3)
        expect(live).to_contain_text("Up to date")
        _is_amber_while_the_register_is_silent(small, page)

        suspend(office, tin)
        page.clock.run_for(1_100)  # it asks one second after the last answer, and turns red
        expect(answer).to_have_attribute("data-finding", "suspended", timeout=60_000)
        assert "bad" in (answer.get_attribute("class") or "")

        for path in ("/verify", f"/verify/{code}", f"/verify/{pottery[1]}", "/verify/" + "0" * 20):
            page.goto(address + path)
            assert page.evaluate(COMPLAINTS) + page.evaluate(TOO_FAINT) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        for language in ("ar", "ru", "zh-Hans", "fr", "es"):
            page.goto(f"{address}/{language}/verify/{code}")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 320, (language, width)
        small.close()
        plain = browser.new_context(java_script_enabled=False)
        page = plain.new_page()
        page.goto(f"{address}/verify/{code}")
        expect(page.locator("#answer")).to_have_attribute("data-finding", "suspended")
        page.get_by_label("Code, link, credential or receipt").fill(pottery[1])
        page.get_by_role("button", name="Check", exact=True).click()
        expect(page.locator("#answer")).to_have_attribute("data-finding", "valid")
        plain.close()


def _is_amber_while_the_register_is_silent(small: BrowserContext, page: Page) -> None:
    answer, live = page.locator("#answer"), page.locator("#live")
    before = int(live.get_attribute("data-asked") or "")
    small.set_offline(True)
    for seconds in (1, 1, 2):  # it waits longer each time that it is not answered
        _passes(page, seconds)
    assert live.get_attribute("data-asked") == f"{before + 3}"
    expect(live).to_contain_text("The register cannot be reached now")
    expect(answer).to_have_attribute("data-finding", "valid")
    expect(answer).to_have_class("notice warn")  # it was valid, and nobody knows whether it is
    small.set_offline(False)
    _passes(page, 4)
    expect(live).to_contain_text("Up to date")
    expect(answer).to_have_class("notice good")
    # A register that takes the question and does not answer is no register that answers.
    page.route("**/state", lambda _route: None)
    page.clock.run_for(5_100)
    expect(answer).to_have_class("notice warn")
    page.unroute("**/state")
    page.reload()
    expect(answer).to_have_class("notice good")


def _passes(page: Page, seconds: int) -> None:
    """So many seconds of the page's clock pass, and what it asks then is answered, or fails."""
    page.clock.run_for(seconds * 1_000 + 100)
    expect(page.locator("#live")).to_have_attribute("data-live", "waiting", timeout=60_000)


def _claims(jwt: str) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads(urlsafe_b64decode(jwt.split(".")[1] + "=="))
    return found


def _bit(encoded: str, place: int) -> bool:
    import gzip

    assert encoded[0] == "u"
    raw = gzip.decompress(urlsafe_b64decode(encoded[1:] + "=="))
    assert len(raw) == 131_072 // 8
    return bool(raw[place // 8] >> (7 - place % 8) & 1)
