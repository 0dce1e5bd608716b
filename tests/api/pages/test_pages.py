"""The pages, of the loaded record: what they say, to whom, and that the service says the same."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.access.policy import named
from api.access.tokens import issue
from api.pages import labels
from api.pages.acceptance_cases import CASES
from api.pages.identity import IDENTITIES
from api.pages.query import COOKIE
from api.pages.tour_life import LIFE, WHO
from tests.api.client import ACME, AUDITOR, Client

SUSPENDED, ANNULLED, HIDDEN = "CN0000000012", "FRSYNTHETIC0002", "NLSYNTHETIC0001"
#: What each step of the tour's life of an operator shows.
LIFE_SHOWS = (
    ["application lodged"],
    ["under examination"],
    ["V valid", "2019-03-18", "AEOCN0000000012"],
    ["recognised", "CN-SG-AEO"],
    ["suspended", "2026-03-01", "Decide"],
    ["In law on 2026-03-05", "recognised"],
    [SUSPENDED, "Lift"],
    ["Withdraw consent"],
    ["Certificates"],
    ["Check a certificate"],
    ["Who asked about"],
)


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("home")
    with Client(world, home) as client:
        yield client


def opened(at: Client, path: str, by: str | None = None) -> httpx.Response:
    shown = {"cookie": f"{COOKIE}={issue(by, at.home)}"} if by else {}
    return at.request("GET", path, headers=shown)


def read(at: Client, path: str, by: str | None = None) -> str:
    """The text of a page that answers, as one line."""
    answer = opened(at, path, by)
    assert answer.status_code == 200, (path, answer.status_code)
    return text(answer)


def text(answer: httpx.Response) -> str:
    inline = re.sub(r"</?bdi\b[^>]*>", "", answer.text)  # stands inside words and marks
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", inline)).split())


def outcomes(answer: httpx.Response) -> list[str]:
    return re.findall(r'class="outcome [^>]*>.*?</span>([^<]+)</span>', answer.text)


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        (
            "/",
            [
                "Find an operator, a country or an agreement",
                "I decide about a consignment",
                "seventeen questions",
            ],
        ),
        ("/tour", [case.title for case in CASES]),
        ("/as", ["local mode", "officer:CN", "partner:KR", "auditor:*"]),
        ("/operators/CN1234567890", ["Synthetic Fruit Exporter Ltd (CN)", "V valid", "2018-05-28"]),
        ("/agreements", ["found", "AAMRA"]),
        ("/agreements?party=CN&kind=CONTROL_RESULTS", ["CN-RU-CONTROL"]),
        (
            "/agreements/CN-AU-AEO?tab=all",
            ["2017-11, the day is not known", "2023-12-14", "assumed"],
        ),
        ("/agreements/CN-AU-AEO?at=2017-10-01", ["in law at 2017-10-01"]),
        (
            "/agreements/AAMRA?tab=all",
            ["implemented by Thailand", "2024-08-19", "Singapore in Brunei"],
        ),
        ("/countries", ["a bloc of 27", "CN-AEO"]),
        ("/countries/CN?at=2018-02-01&tab=all", ["35 territories", "published figures"]),
        ("/countries/EU?tab=partners", ["Croatia", "customs territory", "2013-07-01"]),
        ("/countries/GB?tab=partners", ["The bloc it belongs to", "2020-02-01", "2021-01-01"]),
        ("/programmes/EU-AEO", ["10 working days", "Art. 29", "applies"]),
        ("/access", ["Read an operator's events", "standingAbroad", "unknownDeadlines"]),
        ("/documents", ["Press record of 2 February 2018", "not met"]),
        ("/documents/ACTION-PLAN-2018-2020", ["Belt and Road", "unknown", "by 2020-12-31"]),
        # A global id, as an answer gave it out, is taken where a code is.
        ("/documents/Document:ACTION-PLAN-2018-2020", ["Belt and Road", "unknown"]),
        ("/agreements/Agreement:AAMRA", ["implemented by Thailand"]),
        ("/programmes/Programme:EU-AEO", ["10 working days"]),
        ("/audit?of=Agreement:AAMRA", ["AAMRA"]),
    ],
)
def test_each_page_says_its_facts(at: Client, path: str, facts: list[str]) -> None:
    page = read(at, path)

    assert [fact for fact in facts if fact not in page] == []
    assert "Local mode: demo identities" in page


def test_a_clause_says_law_and_practice_each_with_its_source(at: Client) -> None:
    page = read(at, "/agreements/CN-KR-AEO?tab=scope")

    assert "in law from 2013-06-01" in page and "Law: ajunews.com" in page
    assert "In practice: China, 2014-04-01 (ajunews.com" in page
    assert "In practice: South Korea, 2014-04-01 assumed (ajunews.com" in page


def test_the_pages_are_this_house_s_alone(at: Client) -> None:
    answer = opened(at, "/operators/CN1234567890")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<style|style=|<script(?! src=)|\son\w+=|https?://", answer.text)


# ------------------------------------------------------------------ the tour


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (4, ["recognised", "recognised"]),
        (5, ["unknown"]),
        (6, ["recognised"]),
        (7, ["not recognised"]),
        (8, ["recognised", "not recognised", "recognised", "recognised"]),
        (9, ["not recognised", "recognised"]),
        (10, ["not recognised", "recognised"]),
        (11, ["unknown"]),
        (12, ["recognised", "not recognised"]),
        (13, ["recognised", "not recognised"]),
    ],
)
def test_the_tour_gives_the_answers(at: Client, number: int, expected: list[str]) -> None:
    assert outcomes(opened(at, f"/tour/{number}", AUDITOR)) == expected


def test_the_life_of_an_operator_is_shown_step_by_step_as_the_one_who_works_there(
    at: Client,
) -> None:
    tour = opened(at, "/fr/tour").text
    for step, facts in zip(LIFE, LIFE_SHOWS, strict=True):
        assert f'name="next" value="/fr{html.escape(step.address)}"' in tour
        assert f'name="subject" value="{step.subject}"' in tour
        page = read(at, step.address, step.subject or None)
        assert [fact for fact in facts if fact not in page] == [], step.title
    assert {step.subject for step in LIFE} <= {subject for subject, _ in IDENTITIES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number:02}")
def test_every_stop_asks_in_words_and_in_graphql(at: Client, case: Any) -> None:
    page = read(at, f"/tour/{case.number}", AUDITOR)

    assert case.question in page
    assert " ".join(case.document.split()) in page
    assert "may not" not in page
    assert ("As recorded by" in page) is case.clocks


def test_the_united_kingdom_is_what_the_set_lost(at: Client) -> None:
    page = read(at, "/tour/3")

    assert "the set lost: United Kingdom GB" in page


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/search?q=uk", "/countries/GB?searched=uk"),
        ("/search?q=EL", "/countries/GR?searched=EL"),
        ("/search?q=cn", "/countries/CN"),
        ("/countries/uk?at=2018-02-01", "/countries/GB?at=2018-02-01"),
        ("/countries/el", "/countries/GR"),
        ("/countries/XI", "/countries/GB"),
        ("/countries/cn", "/countries/CN"),
    ],
)
def test_a_territory_is_found_by_every_code_that_is_in_use_for_it(
    at: Client, path: str, there: str
) -> None:
    answer = opened(at, path)
    assert (answer.status_code in (303, 307), answer.headers["location"]) == (True, there)


def test_either_clock_can_be_turned(at: Client) -> None:
    turned = opened(at, "/tour/12?ask=2&at=2026-03-05&known-at=2026-03-10T01:59Z", AUDITOR)

    assert outcomes(turned) == ["recognised"]  # one minute before it was recorded


def test_whoever_may_not_ask_is_told_who_may(at: Client) -> None:
    page = read(at, "/tour/12")

    assert "public may not ask whether an operator is recognised" in page
    assert "Sign in as an auditor" in page


def test_a_stranger_is_shown_at_each_stop_who_walks_it_and_what_it_sees(at: Client) -> None:
    for case in CASES:
        page = opened(at, f"/tour/{case.number}")
        assert f"This stop is walked as: {WHO[case.subject]}." in text(page), case.number
        refused = "Not shown to the public." in page.text
        assert refused is bool(case.subject), case.number
        if not refused:
            continue
        assert case.sees in text(page)
        assert f'<button name="subject" value="{case.subject}">' in page.text
        # One click later it is answered, as whoever walks it, as the auditor is.
        walked = opened(at, f"/tour/{case.number}", case.subject)
        assert outcomes(walked) == outcomes(opened(at, f"/tour/{case.number}", AUDITOR))
        assert outcomes(walked) and "may not" not in text(walked), case.number
    assert {case.subject for case in CASES} - {""} <= {subject for subject, _ in IDENTITIES}


# ------------------------------------------------- the same story as the service

STORY = """query ($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    name standing administration { timeZone }
    periods(first: 100) { status suspendedParts validFrom validTo recordedTo }
    history(first: 100) { edges { node { position type effective } } }
    recognisedIn { in outcome }
  }
}"""


@pytest.mark.parametrize("tin", [SUSPENDED, ANNULLED, "CN0000000034", "DESYNTHETIC0001"])
@pytest.mark.parametrize("known", [None, "2026-03-06"])
def test_a_person_and_a_machine_are_told_the_same(at: Client, tin: str, known: str | None) -> None:
    as_of = {"knownAt": f"{known}T12:00:00Z"} if known else {}
    told = at.ask(STORY, AUDITOR, tin=tin, asOf=as_of)["operator"]

    on = f"&known-at={known}" if known else ""
    answer = opened(at, f"/operators/{tin}?tab=all{on}", AUDITOR)

    page = text(answer)
    zone = told["administration"]["timeZone"]
    believed = [p for p in told["periods"] if p["recordedTo"] is None]
    for period in believed:
        sign = labels.standing(period)
        since, until = (
            labels.civil(period["validFrom"], zone),
            labels.civil(period["validTo"], zone),
        )
        drawn = f"{sign.word} from {since}" + (f" to {until}" if until else ", no end in sight")
        assert drawn in page, drawn  # in the picture
        assert re.search(rf"{re.escape(sign.word)} \S+ {since} {until}", page)  # and in the table
    assert answer.text.count('<rect class="bar') == len(believed)
    for edge in told["history"]["edges"]:
        event = edge["node"]
        position = f"{event['position']:,}".replace(",", " ")
        assert f"{position} {labels.event_name(event['type'])}" in page
    for recognition in told["recognisedIn"]:
        assert labels.country(recognition["in"]) in page


def test_a_country_counts_its_partners_as_the_service_does(at: Client) -> None:
    document = 'query ($asOf: AsOf) { partners(of: "KR", asOf: $asOf) { administration { code } } }'
    told = at.ask(document, asOf={"at": "2020-01-01T12:00:00Z"})["partners"]

    answer = opened(at, "/countries/KR?at=2020-01-01&tab=partners")

    matrix = answer.text.split('class="matrix"')[1].split("</table>")[0]
    rows = re.findall(r'<th scope="row"><a href="/countries/([A-Z]{2})\?at=2020-01-01"', matrix)
    assert sorted(rows) == sorted(partner["administration"]["code"] for partner in told)


def test_what_sources_say_differently_is_shown_as_such(at: Client) -> None:
    page = read(at, "/agreements/CN-ZA-AEO?tab=sources")

    assert "sources differ" in page


# ------------------------------------------------------------- who sees what


def test_hidden_and_unknown_operators_are_one_page(at: Client) -> None:
    hidden, unknown = (opened(at, f"/operators/{tin}") for tin in (HIDDEN, "NLSYNTHETIC9999"))

    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.text.replace(HIDDEN, "X") == unknown.text.replace("NLSYNTHETIC9999", "X")
    assert "NLSYNTHETIC0001" in read(at, f"/operators/{HIDDEN}", AUDITOR)


def test_a_hidden_operator_is_not_found_by_its_certificate(at: Client) -> None:
    number = at.ask(
        "query ($t: TIN!) { operator(tin: $t) { authorisations { number } } }", AUDITOR, t=HIDDEN
    )["operator"]["authorisations"][0]["number"]

    found = opened(at, f"/search?q={number}", AUDITOR)
    hidden = opened(at, f"/search?q={number}")

    assert found.headers["location"] == f"/operators/{HIDDEN}"
    assert hidden.status_code == 200 and "Nothing in the register answers" in text(hidden)


def test_the_public_sees_a_standing_and_no_grounds(at: Client) -> None:
    page = read(at, f"/operators/{SUSPENDED}")

    assert "suspended" in page and "You are shown a part of this record" in page
    assert "criminal" not in page and "imported" not in page


def test_a_partner_is_not_shown_the_ground(at: Client) -> None:
    page = read(at, f"/operators/{SUSPENDED}?tab=all", "partner:JP")

    assert "2026-03-01" in page and "kept back" in page and "criminal" not in page
    assert "REDACTED" not in page


def test_each_interval_of_a_status_says_what_began_it(at: Client) -> None:
    """Neighbours of one status are told apart by their events, or are one row."""
    full = read(at, f"/operators/{ACME}?tab=history", AUDITOR)
    part = read(at, f"/operators/{ACME}?tab=history", "partner:KR")

    for begun in ("2023-05-19 reassessment closed", "2023-04-10 2023-05-19 reassessment opened"):
        assert begun in full
    assert part.count(f"valid AEO{ACME} 2018-05-28") == part.count(f"valid AEO{ACME}") == 1
    # No line of the picture is drawn over its words.
    page = opened(at, f"/operators/{ACME}?tab=history", AUDITOR).text
    picture = page.partition('class="picture"')[2].partition("</svg>")[0]
    assert picture.rindex('<line class="mark') < picture.index('class="lane-text"')


def test_what_is_kept_back_is_said_in_words(at: Client) -> None:
    page = read(at, f"/operators/{ACME}")

    assert "recognition abroad are shown to customs administrations" in page
    assert "recognisedIn:" not in page


def test_the_home_customs_see_both_instants_where_they_differ(at: Client) -> None:
    page = read(at, f"/operators/{SUSPENDED}?tab=all", "officer:CN")

    assert re.search(r"2026-03-10 02:00 UTC imported 20\d\d-\d\d-\d\d \d\d:\d\d", page)
    assert "criminal" in page


# -------------------------------------------------------------- asking as


def test_an_identity_is_a_cookie_that_only_pages_read(at: Client) -> None:
    form = {"subject": AUDITOR, "next": "/tour/12"}

    answer = at.send("/as", form)

    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/tour/12")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Max-Age=3600"))
    at.http.cookies.clear()
    shown = {"cookie": cookie.partition(";")[0]}
    assert "ask as an auditor" in text(at.request("GET", "/tour", headers=shown))
    asked = at.request("POST", "/graphql", json={"query": "{ viewer { role } }"}, headers=shown)
    assert asked.json()["data"]["viewer"]["role"] == "public"


@pytest.mark.parametrize("next", ["https://elsewhere.example/", "//elsewhere.example", "/\\else"])
def test_an_identity_never_leads_out_of_the_house(at: Client, next: str) -> None:
    answer = at.send("/as", {"subject": "", "next": next})

    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("subject", "site", "status"),
    [("officer:US", "same-origin", 400), (AUDITOR, "cross-site", 403)],
)
def test_an_identity_that_is_not_offered_is_not_had(
    at: Client, subject: str, site: str, status: int
) -> None:
    answer = at.send("/as", {"subject": subject}, headers={"sec-fetch-site": site})

    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


def test_a_lapsed_identity_is_said_and_not_taken_for_the_public(at: Client) -> None:
    answer = at.request("GET", "/operators/CN1234567890", headers={"cookie": f"{COOKIE}=stale"})

    assert answer.status_code == 401
    assert "Your identity has lapsed" in text(answer)
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]


def test_a_program_reads_a_page_with_the_token_that_it_sends_to_graphql(at: Client) -> None:
    """The header is what counts where a cookie is sent, too; a bad one is refused in any language,
    at every address, and not answered as the public."""
    auditor = {"authorization": f"Bearer {issue(AUDITOR, at.home)}"}
    cookie = {"cookie": f"{COOKIE}={issue('partner:KR', at.home)}"}

    for headers in (auditor, auditor | cookie, auditor | {"cookie": f"{COOKIE}=stale"}):
        page = at.request("GET", f"/fr/operators/{SUSPENDED}?tab=history", headers=headers)
        assert "criminal" in page.text and "auditor:*" in page.text
        assert '"requests";r=' in page.headers["ratelimit"]
    assert at.service.quotas.of_subject(named(AUDITOR)).requests >= 3
    for path in ("/", f"/fr/operators/{SUSPENDED}", "/receipts", "/no/such/page"):
        for header in ("Bearer stale", "Basic YTpi", "Bearer", ""):
            refused = at.request("GET", path, headers=cookie | {"authorization": header})
            assert refused.status_code == 401, (path, header)
            [error] = refused.json()["errors"]
            assert error["extensions"]["code"] == "UNAUTHENTICATED"
            assert refused.headers["www-authenticate"].startswith("Bearer error=")
            assert "set-cookie" not in refused.headers
    shown = at.request("GET", "/", headers={"authorization": "Bearer x", "accept": "text/html"})
    assert (shown.status_code, "UNAUTHENTICATED" in text(shown)) == (401, True)


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/nowhere", 404, "There is no such page"),
        ("/tour/18", 404, "The tour has the stops 1 to 17"),
        ("/operators/12", 400, "is not a TIN"),
        ("/countries/QQ", 404, "is not a customs territory"),
        ("/countries/AQ", 404, "knows no customs administration AQ"),
        ("/agreements/NO-SUCH", 404, "holds no agreement 'NO-SUCH'"),
        ("/agreements/Document:AAMRA", 404, "wanted Agreement"),
        ("/documents/Agreement:AAMRA", 404, "holds no document"),
        ("/programmes/NO-SUCH", 404, "holds no programme"),
        ("/documents/NO-SUCH", 404, "holds no document"),
        ("/countries/CN?at=yesterday", 400, "'yesterday' is neither a date nor an instant"),
        ("/countries/CN?at=2018-02-30", 400, "'2018-02-30' is neither a date nor an instant"),
        ("/countries/CN?at=2018-02-30", 400, "there is no such day in the calendar"),
        ("/countries/CN?known-at=2999-01-01", 400, "is in the future"),
        (
            "/countries?sort=size",
            400,
            "sort: found 'size', wanted one of name, partners,",
        ),
        ("/countries?from=999", 400, "from: found '999', wanted a whole number from 0 to"),
        ("/countries?programme=maybe", 400, "programme: found 'maybe', wanted one of yes, no"),
        ("/events?format=exe", 400, "format: found 'exe', wanted one of csv, jsonl, signed"),
        ("/events?before=zzz&format=csv", 400, "before: 'zzz' is not a cursor of events"),
        ("/network?format=gif", 400, "format: found 'gif', wanted one of map.svg, graph.svg"),
        ("/network?year=1066", 400, "year: found '1066', wanted a whole number from"),
        ("/promises?format=pdf", 400, "format: found 'pdf', wanted one of goals.csv"),
        ("/agreements?kind=TREATY", 400, "TREATY"),
        ("/agreements?after=junk", 400, "is not a cursor of agreements"),
        ("/operators/CN1234567890?in=Mars", 400, "'MARS' is not an administration"),
    ],
)
def test_each_bad_question_has_its_answer(
    at: Client, path: str, status: int, sentence: str
) -> None:
    answer = opened(at, path)

    assert answer.status_code == status
    assert sentence in text(answer)
    assert "Traceback" not in answer.text


def test_the_list_of_territories_holds_what_its_filters_say(at: Client) -> None:
    def listed(query: str) -> list[str]:
        rows = opened(at, f"/countries?{query}").text.partition("<tbody")[2].partition("</tbody")[0]
        return re.findall(r'<a href="/countries/([A-Z]{2})"', rows)

    assert listed("name=korea") == ["KR"]
    assert {"DE", "FR"} <= set(listed("bloc=EU")) and "CN" not in listed("bloc=EU")
    assert listed("with=CN&state=force&name=korea") == ["KR"]
    assert listed("with=CN&state=none&name=korea") == []
    assert "CN" in listed("programme=yes&name=china")
    assert "CN" not in listed("programme=no&name=china")
    assert sorted(listed("bloc=EU&sort=partners")) == sorted(listed("bloc=EU"))


@pytest.mark.parametrize("path", ["/agreements?party=CN", "/countries?bloc=EU"])
def test_a_list_is_taken_along_as_a_file_and_cited_with_both_instants(
    at: Client, path: str
) -> None:
    page = opened(at, f"{path}&at=2018-02-01")
    cited = re.findall(r'class="code">[^/<]+(/[^<]+)<', page.text.partition('id="cite"')[2])[0]
    csv_rows = opened(at, f"{path}&format=csv").content.decode("utf-8-sig").splitlines()
    data = opened(at, f"{path}&format=json").json()
    [rows] = [each for each in data.values() if isinstance(each, list)]

    assert "at=2018-02-01T" in cited and "known-at=" in cited
    assert opened(at, html.unescape(cited)).status_code == 200
    assert csv_rows[0].endswith("status_on,recorded_by") and len(csv_rows) == len(rows) + 1
    assert [line.split(",")[0] for line in csv_rows[1:]] == [row["code"] for row in rows]


def test_agreements_are_ordered_by_every_column_and_turned_round(at: Client) -> None:
    def ordered(by: str) -> list[dict[str, Any]]:
        found = opened(at, f"/agreements?party=CN&by={by}&format=json").json()
        return list(found["agreements"])

    for column in ("code", "kind", "parties", "status", "signed"):
        up, down = ordered(column), ordered(f"-{column}")
        assert up == down[::-1] and len(up) > 3
        head = opened(at, f"/agreements?party=CN&by={column}").text
        assert 'aria-sort="ascending"' in head and f"by=-{column}" in head
    assert [row["kind"] for row in ordered("kind")] == sorted(
        row["kind"] for row in ordered("code")
    )
    assert "wanted one of code, kind" in text(opened(at, "/agreements?by=size"))


def test_an_unknown_parameter_is_refused_in_the_reader_s_language(at: Client) -> None:
    page = text(opened(at, "/fr/events?format=exe"))

    assert "cannot be answered" not in page and "wanted one of" not in page
    assert "attendu l\u2019un de" in page


def test_digits_of_any_script_are_read_as_digits(at: Client) -> None:
    day = "\u0662\u0660\u0661\u0668-\u0660\u0662-\u0660\u0661"
    answer, same = opened(at, f"/countries/CN?at={day}"), opened(at, "/countries/CN?at=2018-02-01")

    assert answer.status_code == 200 and "2018-02-01 in Asia/Shanghai" in text(answer)
    assert re.findall('value="2018-02-01"', answer.text) == re.findall(
        'value="2018-02-01"', same.text
    )


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("cn 1234567890", "/operators/CN1234567890"),
        ("AEOCN1234567890", "/operators/CN1234567890"),
        ("KRAEO0001", "/operators/KRSYNTHETIC0001"),
        ("kr", "/countries/KR"),
        ("", "/"),
    ],
)
def test_search_leads_to_what_is_meant(at: Client, typed: str, address: str) -> None:
    assert opened(at, f"/search?q={typed}").headers["location"] == address


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Singapore", "/countries/SG"),
        ("green corridor", "/agreements/CN-RU-GREEN"),
        ("监管结果互认", "/agreements/CN-RU-CONTROL"),
        ("action plan", "/documents/ACTION-PLAN-2018-2020"),
    ],
)
def test_search_finds_by_words(at: Client, typed: str, found: str) -> None:
    assert f'href="{found}"' in opened(at, f"/search?q={typed}").text


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("绿色通道", "/agreements/CN-KZ-GREEN"),
        ("单一窗口", "/agreements/CN-SINGLE-WINDOW"),
        ("绥芬河", "/agreements/CN-RU-CONTROL"),
        ("大豆", "/agreements/CN-RU-CONTROL"),
        ("soya", "/agreements/CN-RU-CONTROL"),
        ("Heihe", "/agreements/CN-RU-CONTROL"),
        ("HS 1201", "/agreements/CN-RU-CONTROL"),
        ("中国", "/countries/CN"),
        ("韩国", "/countries/KR"),
        ("Corée", "/countries/KR"),
        ("Great Britain", "/countries/GB"),
        ("Order 282", "/programmes/CN-AEO"),
        ("一带一路", "/documents/ACTION-PLAN-2018-2020"),
        ("全覆盖", "/documents/ACTION-PLAN-2018-2020"),
        ("冰上丝绸之路", "/agreements/CN-PRIMORYE"),
        ("伏尔加", "/agreements/CN-RU-DIRECTORATES"),
        ("третьего", "/programmes/AM-AEO"),
        ("жираф", ""),
    ],
)
def test_search_finds_what_people_type_in_their_own_language(
    at: Client, typed: str, found: str
) -> None:
    answer = opened(at, f"/search?q={quote(typed)}")

    assert answer.status_code == 200
    assert f'href="{found}"' in answer.text if found else "Nothing in the register" in answer.text


def test_a_document_shows_its_own_words_apart_from_the_note(at: Client) -> None:
    page = opened(at, "/documents/ACTION-PLAN-2018-2020").text

    assert '<p class="small" lang="zh-Hans" dir="auto">推进“一带一路”沿线大通关合作行动计划' in page
    assert re.search(r'<blockquote lang="zh-Hans">.*17条具体措施', page)
    assert "Note of this record" in page and "实现与沿线贸易量大" in page


def test_an_agreement_shows_its_crossings_as_their_own_side_writes_them(at: Client) -> None:
    page = opened(at, "/agreements/CN-RU-CONTROL?tab=scope").text

    assert "中俄海关特定商品监管结果互认" in page
    assert re.search(r'Heihe-Blagoveshchensk <bdi class="muted" lang="zh-Hans">黑河', page)
