"""The check of a consignment, and of a list: what an officer is answered, and what is refused."""

from __future__ import annotations

import csv
import html
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO, StringIO
from urllib.parse import urlencode

import httpx
import pytest

from api.access.tokens import issue
from api.pages.query import COOKIE
from tests.api.client import AUDITOR, Client
from tests.api.pages.test_pages import opened, read, text

SG, KR = "partner:SG", "partner:KR"
STEEL, FRUIT = "CN0000000012", "CN1234567890"


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(world, tmp_path_factory.mktemp("home")) as client:
        yield client


def asked(number: str, there: str = "KR", **more: str) -> str:
    return f"/check?{urlencode({'number': number, 'in': there} | more)}"


def band(page: httpx.Response) -> list[str]:
    """The outcome that the page answers, if any."""
    return re.findall(r'class="answer"><span.*?</span>([^<]+)</span>', page.text)


def sent(at: Client, path: str, by: str | None, **fields: str) -> httpx.Response:
    shown = {"cookie": f"{COOKIE}={issue(by, at.home)}"} if by else {}
    return at.send(path, fields, headers=shown)


def test_a_recognised_consignment_has_its_code_its_box_and_the_civil_day_of_its_law(
    at: Client,
) -> None:
    page = opened(at, asked(FRUIT, day="2026-03-05", time="08:30"), KR)

    assert band(page) == ["recognised"]
    said = text(page)
    assert "By the record of China on 2026-03-05, a civil day in Asia/Shanghai" in said
    assert "2026-03-05 at 08:30 in Asia/Seoul, which is 2026-03-04 23:30 UTC" in said
    assert "CN-KR-AEO" in said and "Write" in said and "Age of the data" in said


def test_the_civil_day_is_that_of_the_home_customs_and_not_of_the_one_who_asks(at: Client) -> None:
    """Half past midnight in Seoul is the day before in Beijing."""
    said = read(at, asked(FRUIT, day="2026-03-05", time="00:30"), KR)

    assert "By the record of China on 2026-03-04" in said


def test_the_three_outcomes_are_three_bands_and_unknown_says_what_to_do(at: Client) -> None:
    suspended = opened(at, asked(STEEL, "SG", day="2026-03-05"), AUDITOR)
    hidden = opened(at, asked("CN9999999999"), KR)

    assert band(suspended) == ["not recognised"]
    assert band(hidden) == ["unknown"]
    assert "What to do next" in hidden.text and "Unknown is not a no" in hidden.text
    assert "What to do next" not in suspended.text


def test_a_territory_is_preset_to_the_subject_s_own(at: Client) -> None:
    assert '<option value="KR" selected>' in opened(at, "/check", KR).text
    assert " selected" not in opened(at, "/check").text.replace('"territory" selected', "")


def test_a_number_of_another_kind_leads_to_its_operator(at: Client) -> None:
    document = """query ($tin: TIN!) { operator(tin: $tin) {
        authorisations { number } identifiers { scheme value } } }"""
    operator = at.ask(document, AUDITOR, tin="DESYNTHETIC0001")["operator"]
    mid = next(each["value"] for each in operator["identifiers"] if each["scheme"] == "MID")

    by_mid = text(opened(at, asked(mid, "US"), AUDITOR))
    by_certificate = read(at, asked(operator["authorisations"][0]["number"], "US"), AUDITOR)

    assert "DESYNTHETIC0001" in by_mid and "found by a MID" in by_mid
    assert "DESYNTHETIC0001" in by_certificate


def test_the_public_is_told_who_may_ask_and_sees_no_band(at: Client) -> None:
    page = opened(at, asked(FRUIT))

    assert page.status_code == 403
    assert band(page) == [] and "told to the customs of the territory" in text(page)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"number": ""}, "number"),
        ({"number": "x" * 65}, "number"),
        ({"number": "CN1\x00234"}, "number"),
        ({"number": "CN1\u202e234"}, "number"),
        ({"in": ""}, "in"),
        ({"in": "ZZ"}, "in"),
        ({"in": "XI"}, "in"),
        ({"in": "<script>"}, "in"),
        ({"day": "yesterday"}, "day"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "9999-12-31", "time": "23:59", "in": "US"}, "time"),
        ({"time": "14:03"}, "day"),
        ({"day": "2026-03-05", "time": "25:00"}, "time"),
        ({"day": "2026-03-05", "time": "14.30"}, "time"),  # ISO 8601 would take it for 14:00:00.3
        ({"day": "1899-12-30"}, "day"),
        ({"day": "2099-01-01"}, "day"),
        ({"day": "2026-03-05", "time": "14:03+09:00"}, "time"),
        ({"day": "2026-03-29", "time": "02:30", "in": "DE"}, "time"),
        ({"zone": "Mars"}, "zone"),
        ({"role": "KING"}, "role"),
        ({"direction": "UP"}, "direction"),
        ({"hs": "12345"}, "hs"),
        ({"hs": ".."}, "hs"),
        ({"crossing": "x" * 101}, "crossing"),
    ],
)
def test_what_cannot_be_read_is_named_at_its_field_and_nothing_is_lost(
    at: Client, fields: dict[str, str], wrong: str
) -> None:
    given = {"number": FRUIT, "in": "KR", "day": "2026-03-05", **fields}
    if fields.get("time") and "day" not in fields:
        del given["day"]
    page = opened(at, f"/check?{urlencode(given)}", AUDITOR)

    assert page.status_code == 400
    assert band(page) == []
    assert f'id="{wrong}-wrong"' in page.text
    assert "<script>" not in page.text
    for name, value in fields.items():
        if name != "in" and value.isprintable() and len(value) < 60:
            assert html.escape(value) in page.text, name


def test_a_fault_has_no_band(at: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.graphql.executor import Executor

    async def stalled(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(Executor, "answer", stalled)
    page = opened(at, asked(FRUIT), KR)

    assert page.status_code == 503 and band(page) == []
    assert "unknown" not in text(page).lower()


def test_a_reason_in_arabic_shows_no_mark_of_direction_as_text(at: Client) -> None:
    page = opened(at, f"/ar{asked(FRUIT, day='2026-03-05')}", KR)

    assert page.status_code == 200 and "U+20" not in page.text


# ---------------------------------------------------------------- receipts


def count(at: Client) -> int:
    import psycopg

    with psycopg.connect(at.database) as connection:
        row = connection.execute("select count(*) from access.receipt").fetchone()
    return int(row[0]) if row else 0


def test_a_form_that_is_sent_twice_issues_one_receipt(at: Client) -> None:
    page = opened(at, asked(FRUIT, hs="0808"), KR)
    [key] = re.findall(r'name="form" value="([^"]+)"', page.text)
    fields = {"number": FRUIT, "in": "KR", "hs": "0808", "form": key, "reference": "entry 42"}
    before = count(at)

    first = sent(at, "/check", KR, **fields)
    second = sent(at, "/check", KR, **fields)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    assert count(at) == before + 1
    receipt = read(at, first.headers["location"], KR)
    assert "entry 42" in receipt and "0808" in receipt and FRUIT in receipt
    # Another question, or somebody else, has a receipt of its own by the same form.
    other = sent(at, "/check", KR, **fields | {"hs": "0809"})
    auditor = sent(at, "/check", AUDITOR, **fields)
    assert len({each.headers["location"] for each in (first, other, auditor)}) == 3
    assert count(at) == before + 3


def test_no_receipt_is_issued_by_an_address_or_for_who_may_not_ask(at: Client) -> None:
    before = count(at)

    opened(at, asked(FRUIT), KR)
    refused = sent(at, "/check", None, number=FRUIT, **{"in": "KR"})
    foreign = at.request("POST", "/check", data={"number": FRUIT, "in": "KR"})

    assert (refused.status_code, foreign.status_code) == (403, 403)
    assert count(at) == before


# ------------------------------------------------------------------ lists


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))


def test_a_thousand_numbers_are_answered_at_once_and_the_bad_lines_are_named(at: Client) -> None:
    lines = ["number,territory,day"]
    lines += [f"CN{place:010d},KR,2026-03-05" for place in range(1, 996)]
    lines += [
        f"{FRUIT},KR,",
        "12,KR,",
        f"{STEEL},ZZ,",
        f"{STEEL},SG,5 March",
        f"{STEEL},SG,2026-03-05T14:03Z",
    ]
    typed = "\n".join(lines)

    table = sent(at, "/check/list", AUDITOR, list=typed)
    file = rows(sent(at, "/check/list", AUDITOR, list=typed, **{"as": "csv"}))

    assert table.status_code == 200
    assert table.text.count("<tr>") == 1 + 3 + 1 + 997
    assert "3 lines cannot be read" in text(table)
    assert len(file) == 1_000
    bad = {row["line"]: (row["field"], row["found"]) for row in file if row["field"]}
    assert bad == {"998": ("number", "12"), "999": ("territory", "ZZ"), "1000": ("day", "5 March")}
    good = {row["number"]: row for row in file if row["outcome"] == "RECOGNISED"}
    assert good[FRUIT]["agreement"] == "CN-KR-AEO"
    [steel] = [row for row in file if row["line"] == "1001"]
    assert (steel["outcome"], steel["at"]) == ("NOT_RECOGNISED", "2026-03-05T14:03:00.000000Z")


def test_northern_ireland_is_not_silently_answered_by_the_law_of_the_united_kingdom(
    at: Client,
) -> None:
    typed = f"{FRUIT},XI\n{FRUIT},UK\n{FRUIT},GB"

    northern, uk, britain = rows(sent(at, "/check/list", AUDITOR, list=typed, **{"as": "csv"}))

    assert (northern["outcome"], northern["field"]) == ("", "territory")
    assert "rules of its own" in northern["wanted"]
    assert uk["territory"] == "GB" and uk["outcome"] == britain["outcome"] != ""


def test_a_list_of_all_territories_is_answered_to_the_last_line(at: Client) -> None:
    codes = [each["code"] for each in at.ask("{ administrations { code } }")["administrations"]]
    assert len(codes) > 100
    typed = "\n".join(f"{FRUIT},{codes[place % len(codes)]}" for place in range(400))

    file = rows(sent(at, "/check/list", AUDITOR, list=typed, **{"as": "csv"}))

    assert len(file) == 400 and all(row["outcome"] for row in file)


def test_a_list_says_of_each_number_what_the_page_of_one_says(at: Client) -> None:
    file = rows(
        sent(at, "/check/list", KR, list=f"{FRUIT}\nCN9999999999", **{"in": "KR", "as": "csv"})
    )

    assert [row["outcome"] for row in file] == ["RECOGNISED", "UNKNOWN"]
    for row in file:
        [word] = band(opened(at, asked(row["number"]), KR))
        assert word == row["outcome"].lower()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "The list is empty"),
        ("number,territory,day", "The list is empty"),
        (f"number,colour\n{FRUIT},red", "The heading names the column 'colour', and wanted are"),
        ("\n".join([FRUIT] * 1_001), "The list has 1001 lines, and at most 1000 are answered"),
        ("CN\ufffd123", "not a text in UTF-8"),
        ("\x00", "not a text in UTF-8"),
        ('"' + "x" * 140_000, "Line"),
    ],
    ids=("nothing", "heading", "column", "too-many", "no-utf-8", "nul", "one-cell"),
)
def test_a_list_that_is_none_is_refused_in_words(at: Client, typed: str, sentence: str) -> None:
    page = sent(at, "/check/list", AUDITOR, list=typed, **{"in": "KR"})

    assert page.status_code == 400 and sentence in text(page)
    assert "UNKNOWN" not in page.text and band(page) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\x85"])
def test_lines_end_as_any_system_ends_them_and_an_open_quote_takes_no_other_line(
    at: Client, end: str
) -> None:
    lines = [f"{FRUIT}", f'"{STEEL}', f"{FRUIT};KR;2026-03-05", f"{FRUIT}\tKR", f'"{FRUIT}",KR']

    file = rows(sent(at, "/check/list", AUDITOR, list=end.join(lines),
                     **{"in": "KR", "as": "csv"}))  # fmt: skip

    assert [(row["line"], row["number"], row["field"]) for row in file] == [
        ("1", FRUIT, ""),
        ("2", "", "line"),
        ("3", FRUIT, ""),
        ("4", FRUIT, ""),
        ("5", FRUIT, ""),
    ]
    assert file[1]["found"] == f'"{STEEL}' and "quotation mark" in file[1]["wanted"]
    assert [row["outcome"] for row in file if not row["field"]] == ["RECOGNISED"] * 4


def test_a_heading_that_was_pasted_with_its_mark_of_byte_order_is_a_heading(at: Client) -> None:
    typed = f"\ufeffnumber;territory;day\r\n{FRUIT};KR;2026-03-05"

    [row] = rows(sent(at, "/check/list", AUDITOR, list=typed, **{"as": "csv"}))
    twice = sent(at, "/check/list", AUDITOR, list=f"number,number\n{FRUIT},{STEEL}")

    assert (row["number"], row["territory"], row["outcome"]) == (FRUIT, "KR", "RECOGNISED")
    assert twice.status_code == 400 and "names the column number twice" in text(twice)


def test_a_list_too_long_to_read_is_refused_and_not_cut(at: Client) -> None:
    page = sent(at, "/check/list", AUDITOR, list="CN0000000012\n" * 25_000)

    assert page.status_code == 413


def test_a_file_takes_the_place_of_what_was_typed_and_its_formulas_stay_texts(at: Client) -> None:
    from api.pages.forms import CSRF_COOKIE, CSRF_FIELD, masked

    token = "a-form-token-of-this-one-visitor"
    cookie = f"{COOKIE}={issue(AUDITOR, at.home)}; {CSRF_COOKIE}={token}"
    answer = at.request(
        "POST",
        "/check/list",
        data={CSRF_FIELD: masked(token), "list": "CN0000000001", "in": "KR", "as": "csv"},
        files={"file": ("list.csv", f"\ufeffnumber;day\r\n{FRUIT};2026-03-05\r\n=1+1;\r\n")},
        headers={"cookie": cookie},
    )

    assert answer.headers["content-type"].startswith("text/csv")
    assert [(row["number"], row["outcome"]) for row in rows(answer)] == [
        (FRUIT, "RECOGNISED"),
        ("'=1+1", ""),
    ]


def test_a_list_is_kept_as_receipts_once_and_each_is_checked_alone(at: Client) -> None:
    page = opened(at, "/check/list", AUDITOR)
    [key] = re.findall(r'name="form" value="([^"]+)"', page.text)
    lines = [f"{FRUIT},KR,2026-03-05", f"{STEEL},SG,", f"{FRUIT},KR,", f"{STEEL},KR,2026-03-05"]
    fields = {"list": "\n".join(lines), "form": key, "as": "receipts", "reference": "voyage 7"}
    before = count(at)

    first = sent(at, "/check/list", AUDITOR, **fields)
    again = sent(at, "/check/list", AUDITOR, **fields)

    assert (first.status_code, again.status_code) == (303, 303)
    kept = first.headers["location"]
    assert again.headers["location"] == kept and count(at) == before + 4
    shown = read(at, kept, AUDITOR)
    assert "voyage 7" in shown and shown.count("Open the receipt") == 4
    answer = opened(at, f"{kept}/receipts.zip", AUDITOR)
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        names = archive.namelist()
        table = list(csv.DictReader(StringIO(archive.read("receipts.csv").decode("utf-8-sig"))))
        texts = [archive.read(row["file"]).decode() for row in table]
    assert [*(row["file"] for row in table), "receipts.csv"] == names
    told = [(row["number"], row["territory"], row["at"][:10]) for row in table]
    assert told[:3] == [
        (FRUIT, "KR", "2026-03-05"),
        (FRUIT, "KR", told[1][2]),
        (STEEL, "KR", "2026-03-05"),
    ]
    for row, signed in zip(table, texts, strict=True):
        assert at.ask(f'{{ receipt(id: "{row["receipt"]}") {{ jwt }} }}', AUDITOR) == {
            "receipt": {"jwt": signed}
        }
        assert "altered" not in text(sent(at, "/verify", None, what=signed)).lower()
    # Others find none of it, and a bad line keeps none from the good ones.
    assert opened(at, kept, KR).status_code == 404
    assert opened(at, f"{kept}/receipts.zip", None).status_code == 404
    half = sent(
        at, "/check/list", KR, list=f"{FRUIT},KR,\n12,KR,\n{STEEL},SG,", **{"as": "receipts"}
    )
    assert half.status_code == 200 and "1 line cannot be read" in text(half)
    [place] = re.findall(r'href="(/check/list/[^"]+)"', half.text)
    assert read(at, place, KR).count("Open the receipt") == 1


def test_the_public_gets_no_answer_of_a_list(at: Client) -> None:
    file = rows(sent(at, "/check/list", None, list=FRUIT, **{"in": "KR", "as": "csv"}))

    assert [row["outcome"] for row in file] == [""]
    assert "may not ask" in file[0]["why"]
