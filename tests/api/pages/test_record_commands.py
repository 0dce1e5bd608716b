"""Decisions on pages about agreements, programmes, documents and administrations."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import uuid4

import pytest

from projections.engine.projector import Projector
from registry.domain.agreements.events import Agreement
from tests.api.client import AUDITOR, CHINA, Client, record
from tests.api.graphql.types.test_corrected_answers import kept
from tests.api.pages.test_commands import checked, hidden, holder, opened, recorded, send, text

SUSPEND = "/agreements/CN-KR-AEO/suspend-agreement"
KOREAN = "officer:KR"


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The service on the loaded record, with the projector beside it."""
    stop = threading.Event()
    follower = threading.Thread(target=Projector(world).run, args=(stop, 0.05))
    follower.start()
    try:
        with Client(world, tmp_path_factory.mktemp("home")) as client:
            yield client
    finally:
        stop.set()
        follower.join()


def events(at: Client, agreement: str) -> list[str]:
    stored = at.service.registry.events.get(Agreement.create_id(agreement))
    return [type(event).__name__ for event in stored]


def status(at: Client, code: str) -> str:
    document = "query ($id: ID!) { agreement(id: $id) { sides { party suspended } } }"
    sides = at.ask(document, CHINA, id=code)["agreement"]["sides"]
    return ",".join(side["party"] for side in sides if side["suspended"])


def test_a_side_suspends_an_agreement_step_by_step_and_once(at: Client) -> None:
    agreement = opened(at, "/agreements/CN-KR-AEO", KOREAN)
    assert f'href="{SUSPEND}"' in agreement.text
    assert f'href="{SUSPEND}"' not in opened(at, "/agreements/CN-KR-AEO", "partner:KR").text

    check = checked(at, SUSPEND, KOREAN, side="KR", legal_ground="a note", source="a notice")
    assert "territory no longer recognises China by this agreement from" in text(check)
    assert re.search(r"\d+ operators? recognised there today", text(check))
    assert status(at, "CN-KR-AEO") == ""  # a preview records nothing

    typed = hidden(check)
    sent = [send(at, SUSPEND, KOREAN, **typed, step="record") for _ in range(2)]  # double click
    assert [answer.status_code for answer in sent] == [303, 303]
    done = opened(at, sent[0].headers["location"], KOREAN)
    assert "Recorded." in text(done) and "Visible to partners" in text(done)
    assert events(at, "CN-KR-AEO").count("Suspended") == 1
    assert status(at, "CN-KR-AEO") == "KR"
    # Its state goes on: now the side can resume, and cannot suspend again.
    page = opened(at, "/agreements/CN-KR-AEO", KOREAN).text
    assert "/resume-agreement" in page and f'href="{SUSPEND}"' not in page
    # Another officer had the form open, and is told what was recorded meanwhile.
    old = typed | {"command_id": str(uuid4()), "note": "mine"}
    late = send(at, SUSPEND, KOREAN, **old, step="record")
    assert late.status_code == 400 and "The file changed after you opened this form." in text(late)
    assert "suspended, " in text(late) and ">mine</textarea>" in late.text
    assert "by you, in another window" in text(late)
    # The other side learns which administration it was.
    theirs = old | {"command_id": str(uuid4()), "side": "CN"}
    late = send(at, SUSPEND, CHINA, **theirs, step="record")
    assert late.status_code == 400 and "by South Korea" in text(late)


def recognised(at: Client, there: str) -> int:
    """How many operators of China are recognised in a territory."""
    document = """query ($in: AdministrationCode!) {
      operators(filter: {administration: CN, recognisedIn: $in}, first: 1) { totalCount } }"""
    return int(at.ask(document, AUDITOR, **{"in": there})["operators"]["totalCount"])


def test_what_a_suspension_changes_is_counted_before_and_is_so_afterwards(at: Client) -> None:
    """The operators that lose recognition, the divergences that arise, and the answers given."""
    back = date.today() - timedelta(days=20)
    path, singapore = "/agreements/CN-SG-AEO/suspend-agreement", "officer:SG"
    document = """{ operators(first: 1, filter: {administration: CN, recognisedIn: SG}) {
      edges { node { tin } } } }"""
    [edge] = at.ask(document, AUDITOR)["operators"]["edges"]
    question = "query ($t: TIN!) { recognition(tin: $t, in: SG) { outcome } }"
    at.post(question, "partner:SG", {"Purpose": "declaration 9"}, t=edge["node"]["tin"])
    kept(at, 1)

    check = checked(at, path, singapore, side="SG", effective=f"{back}", legal_ground="a law")
    lost = re.search(r"(\d+) operators? loses? recognition", text(check))
    arising = re.search(r"(\d+) answers? of days gone by becomes? (?:a )?divergence", text(check))
    assert lost and arising and "1 answer was really given to customs" in text(check)
    before = recognised(at, "SG")
    assert before == int(lost[1]) > 1

    done = send(at, path, singapore, **hidden(check), step="record")
    opened(at, done.headers["location"], singapore)
    assert recognised(at, "SG") == 0
    query = """query ($from: DateTime!) {
      divergences(in: SG, from: $from, to: "2100-01-01T00:00:00Z", first: 100) {
        edges { node { because { type effective } } } } }"""
    found = at.ask(query, AUDITOR, **{"from": f"{back - timedelta(2)}T00:00:00Z"})
    causes = [each["node"]["because"] for each in found["divergences"]["edges"]]
    of_this = [each for each in causes if each["effective"] == f"{back}"]
    assert {each["type"] for each in of_this} == {"agreement.suspended"}
    assert len(of_this) == int(arising[1]) > 1

    refused = checked(at, path, CHINA, side="CN", effective=f"{back}")
    assert refused.status_code == 400
    [beside] = re.findall(r'id="f-legal_ground-wrong">(.*?)</p>', refused.text)
    assert "needs its legal ground" in html.unescape(beside) and f"{back}" in refused.text


def test_what_a_law_of_consent_and_a_member_of_a_bloc_change_is_counted(at: Client) -> None:
    rule = {"rule": "sharing_consent", "value": "per partner", "source": "Order 999"}
    tomorrow = date.today() + timedelta(days=2)
    path = "/programmes/CN-AEO/set-rule"

    check = text(checked(at, path, **rule, effective=f"{tomorrow}"))

    lost = set(map(int, re.findall(r"(\d+) operators? loses? recognition", check)))
    assert recognised(at, "AU") in lost and "It reaches back" not in check
    assert f"from {tomorrow}" in check
    none = text(checked(at, path, rule="bar_years", value="4", unit="years", source="Order 998"))
    assert "No operator is answered otherwise in any territory." in none

    leaving = {"member": "DE", "sense": "CUSTOMS_TERRITORY", "source": "a treaty"}
    left = text(checked(at, "/countries/EU/leave-bloc", "officer:EU", **leaving))
    assert re.search(r"Germany, in \d+ territories from .*?\d+ operators? loses? recognition", left)


def test_an_agreement_is_terminated_only_by_its_name(at: Client) -> None:
    path = "/agreements/CN-NZ-AEO/terminate-agreement"
    check = checked(at, path, CHINA, source="a notice")
    assert "Type CN-NZ-AEO to confirm" in text(check)

    wrong = send(at, path, CHINA, **hidden(check), step="record", confirm="CN")

    assert wrong.status_code == 400 and "this cannot be taken back" in text(wrong)
    assert "Terminated" not in events(at, "CN-NZ-AEO")


def test_a_new_agreement_gets_its_sides_scope_and_texts_from_forms(at: Client) -> None:
    path = "/countries/CN/propose-agreement"
    assert path in opened(at, "/agreements").text and path in opened(at, "/countries/CN").text

    new = {"kind": "AEO_MUTUAL_RECOGNITION", "title": "With a neighbour", "parties": "CN, MN"}
    made = recorded(at, path, id="CN-MN-TRY", titles="zh: \u8bd5\u9a8c", source="a notice", **new)

    assert "Recorded." in text(made)
    own = "/agreements/CN-MN-TRY"
    page = opened(at, own)
    assert page.status_code == 200 and "\u8bd5\u9a8c" in page.text
    clause = {"from": "MN", "to": "CN", "types": "AEO", "hs": "0808 1201", "roles.EXPORTER": "yes"}
    assert "Recorded." in text(recorded(at, f"{own}/set-scope", source="a notice", **clause))
    begin = {"side": "CN", "source": "a notice"}
    check = checked(at, f"{own}/implement-agreement", **begin)
    assert "recognises Mongolia by this agreement from" in text(check)
    again = checked(at, path, id="CN-MN-TRY", source="a notice", **new)
    assert again.status_code == 400 and ">With a neighbour</textarea>" in again.text


def test_a_programme_gets_a_rule_and_the_preview_says_before_and_then(at: Client) -> None:
    path = "/programmes/CN-AEO/set-rule"
    assert path in opened(at, "/programmes/CN-AEO").text

    check = checked(at, path, rule="bar_years", value="3", unit="years", source="Order 999")
    assert "3 years" in text(check) and "valid authorisation" in text(check)
    wrong = checked(at, path, rule="bar_yaers", value="3", source="Order 999")
    assert wrong.status_code == 400 and "bar_years?" in text(wrong)
    assert "Recorded." in text(
        recorded(at, path, rule="bar_years", value="3", unit="years", source="Order 999")
    )
    assert opened(at, path, KOREAN).status_code == 403


def test_an_administration_wants_two_persons_for_agreements_and_its_forms_confirm(
    at: Client,
) -> None:
    path = "/countries/AU/require-second-person"
    anna, bo = "officer:AU/anna", "officer:AU/bo"
    names = {"commands.suspend_agreement": "yes", "commands.set_rule": "yes"}
    check = checked(at, path, anna, **names, legal_ground="an order")
    assert "Needs a second person" in text(check) and "suspend agreement" in text(check)
    assert "Recorded." in text(recorded(at, path, anna, **names, legal_ground="an order"))

    # The form begins with the rule of today, so that nothing is dropped by leaving it out.
    again = opened(at, path, anna).text
    ticked = re.findall(r'name="commands.(\w+)" value="yes" checked', again)
    assert ticked == ["set_rule", "suspend_agreement"]

    suspend = "/agreements/CN-AU-AEO/suspend-agreement"
    check = checked(at, suspend, anna, side="AU", legal_ground="a note")
    assert "By the rules of AU a second person confirms it" in text(check)
    assert "Proposed." in text(recorded(at, suspend, anna, side="AU", legal_ground="a note"))

    of_administration = "/countries/AU/confirm-administration-proposal"
    assert of_administration in opened(at, "/countries/AU", bo).text
    assert of_administration not in opened(at, "/countries/AU", anna).text
    [confirm] = re.findall(r'href="(/proposals/AU/[0-9a-f-]{36}/confirm)"',
                           opened(at, "/proposals", bo).text)  # fmt: skip
    check = checked(at, confirm, bo)
    assert "no longer recognises China by this agreement" in text(check)
    assert "Recorded." in text(recorded(at, confirm, bo))
    assert status(at, "CN-AU-AEO") == "AU"


def test_a_program_gets_a_key_and_loses_it(at: Client) -> None:
    own = "/countries/CN"
    made = recorded(at, f"{own}/register-client", client="desk", name="Desk", acts_for="officer:CN")
    assert "Recorded." in text(made)
    bad = checked(at, f"{own}/add-client-key", client="desk", key="{no json")
    assert bad.status_code == 400 and "{no json" in html.unescape(bad.text)
    key = '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
    assert "Recorded." in text(recorded(at, f"{own}/add-client-key", client="desk", key=key))
    form = opened(at, f"{own}/retire-client-key").text
    assert "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" in form  # RFC 8037, A.3
    check = checked(at, f"{own}/revoke-client", client="desk")
    assert hidden(check)["expected_version"] == "2" and "Type CN to confirm" in text(check)
    # Another administration cannot name it.
    other = checked(at, "/countries/KR/revoke-client", KOREAN, client="desk")
    assert other.status_code in (400, 403) and "Recorded." not in text(other)


def test_a_document_gets_a_goal(at: Client) -> None:
    record(
        at.service.registry,
        [
            {
                "command": "publish_document",
                "document": "CN-PLAN",
                "title": "A plan",
                "parties": ["CN"],
                "source": "a notice",
            }
        ],
    )
    path = "/documents/CN-PLAN/set-target"

    done = recorded(at, path, target="partners", text="Ten partners", states="CN KR", source="p. 2")

    assert "Recorded." in text(done)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/agreements/NO-SUCH/suspend-agreement", 404),
        ("/programmes/NO-SUCH/set-rule", 403),
        ("/countries/zz9/add-key", 403),
        ("/countries/KR/add-key", 403),
        ("/agreements/CN-KR-AEO/suspend-authorisation", 404),
        ("/operators/CN1234567890/suspend-agreement", 404),
        ("/countries/CN/register-administration", 409),
    ],
)
def test_what_is_not_there_or_not_ones_own_has_no_form(at: Client, path: str, code: int) -> None:
    assert opened(at, path).status_code in (code, 404)
    assert opened(at, path, None).status_code in (403, 404)


@pytest.mark.parametrize(
    "path",
    ["/operators/CN1234567890/looks", "/agreements/CN-KR-AEO", "/work/suspend-authorisation"],
)
def test_an_address_answers_its_own_methods(at: Client, path: str) -> None:
    answer = at.request("PUT", path)

    assert answer.status_code == 405
    posts = path.startswith("/work")
    assert answer.headers["allow"] == ("GET, HEAD, POST" if posts else "GET, HEAD")


# ----------------------------------------------------------------------- the list of operators


def test_an_officer_ticks_operators_in_the_list_and_decides_about_them_at_once(at: Client) -> None:
    tins = [holder(at), holder(at)]

    page = opened(at, "/operators?name=Holder&ticked=all")
    assert [f'value="{tin}" checked' in page.text for tin in tins] == [True, True]
    assert 'type="checkbox"' not in opened(at, "/operators?name=Holder", KOREAN).text
    query = "&".join(f"tin={tin}" for tin in tins)
    led = opened(at, f"/work/many?command=suspend-authorisation&{query}")
    assert led.status_code == 303
    form = opened(at, led.headers["location"])
    assert all(tin in form.text for tin in tins)
    check = send(
        at, "/work/suspend-authorisation", **hidden(form), tins="\n".join(tins), reason="x"
    )
    assert "2 of 2 operators would be decided" in text(check)
    assert opened(at, f"/work/many?command=set-rule&{query}").status_code == 404
    too_many = "&".join(f"tin=CN{number}" for number in range(201))
    refused = opened(at, f"/work/many?command=suspend-authorisation&{too_many}")
    assert refused.status_code == 400 and "Found 201 operators, wanted 1 to 200" in text(refused)


def test_what_is_ticked_on_one_page_goes_along_to_the_next(at: Client) -> None:
    mine, other = holder(at), holder(at)

    page = opened(at, f"/operators?name=nobody+of+it&tin={mine}&tin={other}").text
    assert "2 chosen" in page and "2 of them on other pages" in page
    assert f'type="hidden" name="tin" value="{mine}"' in page
    refused = opened(at, f"/operators?name=nobody+of+it&tin={mine}&tin=<b>")  # no tick is dropped
    assert refused.status_code == 400 and "<b>" not in refused.text
    assert "&lt;b&gt;" in refused.text.replace("&#39;", "")
    page = opened(at, f"/operators?name=Holder&tin={mine}").text
    assert f'value="{mine}" checked' in page and f'value="{other}" checked' not in page
    assert f'type="hidden" name="tin" value="{mine}"' not in page  # its box is on this page
    none = opened(at, f"/operators?name=Holder&tin={mine}&ticked=none").text
    assert "0 chosen" in none and f'value="{mine}" checked' not in none
    many = "&".join(f"tin=CN99{number:05}" for number in range(203))
    full = text(opened(at, f"/operators?{many}"))
    assert "200 chosen" in full and "At most 200 are decided at once: 3 more" in full


def test_an_officer_ticks_the_own_operators_that_a_search_finds(at: Client) -> None:
    tin, _ = holder(at), holder(at)

    found = opened(at, "/search?q=Holder").text
    assert f'name="tin" value="{tin}"' in found and 'action="/work/many"' in found
    assert 'action="/work/many"' not in opened(at, "/search?q=Holder", KOREAN).text


def test_the_service_orders_the_whole_list_and_a_head_turns_it_round(at: Client) -> None:
    first, last = holder(at), holder(at)

    up = opened(at, "/operators?name=Holder&by=name").text
    down = opened(at, "/operators?name=Holder&by=tin&by=-name").text  # the head, after the field
    assert 'aria-sort="ascending"' in up and 'aria-sort="descending"' in down
    assert up.index(f'href="/operators/{first}"') < up.index(f'href="/operators/{last}"')
    assert down.index(f'href="/operators/{first}"') > down.index(f'href="/operators/{last}"')
    for name in ("tin", "name", "standing", "authorised"):
        assert opened(at, f"/operators?by=-{name}").status_code == 200
        assert f'name="by" value="{name}"' in opened(at, "/operators?by=-" + name).text
    foreign = opened(at, "/operators?administration=CN&by=standing", KOREAN)
    assert '<select id="by"' not in foreign.text and '<button class="sort"' not in foreign.text


def test_the_list_of_operators_is_filtered_and_kept_as_a_file(at: Client) -> None:
    tin = holder(at)

    home = opened(at, "/operators")  # an officer's own, if nothing is typed
    assert home.status_code == 200 and 'value="CN"' in home.text
    file = opened(at, "/operators?name=Holder&standing=VALID&format=csv")
    assert file.headers["content-type"].startswith("text/csv")
    lines = file.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("tin,name,administration,standing")
    assert any(line.startswith(f"{tin},Holder,CN,VALID,CN-AEO,ACE") for line in lines)
    assert opened(at, "/operators?standing=NO&name=Holder").status_code == 400
    assert "No operator that you may see" in text(opened(at, "/operators?name=nobody+of+it"))
    public = opened(at, "/operators", None)
    assert public.status_code == 403 and tin not in public.text
