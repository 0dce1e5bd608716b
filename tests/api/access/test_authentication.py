"""Demo identities are offered by `up` alone; without an issuer only the public is answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType

import pytest
from starlette.convertors import CONVERTOR_TYPES

from api import pages
from api.access.tokens import issue
from api.pages.forms import CSRF_COOKIE
from api.pages.query import COOKIE
from tests.api.client import ACME, AUDITOR, CHINA, Client


@pytest.fixture(scope="module")
def served(counter: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The same register, as `aeo serve` serves it."""
    with Client(counter.database, counter.home, demo=False) as client:
        yield client


def test_nobody_becomes_an_officer_at_the_port_of_serve(served: Client) -> None:
    for method in ("GET", "POST"):
        form = {"subject": AUDITOR} if method == "POST" else None
        answer = served.request(method, "/as", data=form)
        assert answer.status_code in (404, 405)
        assert "set-cookie" not in answer.headers


def test_a_demo_token_is_refused_where_there_is_no_issuer(served: Client) -> None:
    answer = served.post("{ viewer { role } }", AUDITOR)

    assert answer.status_code == 401
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "has no issuer of tokens" in error["message"]


def test_the_public_is_answered_where_there_is_no_issuer(served: Client) -> None:
    assert served.ask("{ viewer { role } }")["viewer"]["role"] == "public"


def test_a_cookie_of_a_demo_identity_is_refused_and_taken_away(served: Client) -> None:
    shown = {"cookie": f"{COOKIE}={issue(CHINA, served.home)}"}

    answer = served.request("GET", f"/operators/{ACME}", headers=shown)

    assert answer.status_code == 401
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]


def test_no_page_of_serve_offers_an_identity(served: Client) -> None:
    for path in ("/", "/tour", "/audit", "/divergences?in=SG", f"/operators/{ACME}"):
        page = served.request("GET", path).text
        assert "/as" not in re.findall(r'(?:href|action)="([^"?]*)', page)
        assert "Local mode" not in page


@pytest.mark.parametrize(("demo", "said"), [(False, "no token"), (True, "demo identities")])
def test_readiness_says_which_tokens_are_accepted(
    counter: Client, served: Client, demo: bool, said: str
) -> None:
    answer = (counter if demo else served).request("GET", "/readyz")

    assert said in answer.json()["accepts"]


# ---------------------------------------------------------------------- forms


def posts() -> list[str]:
    """The address of every form, of whichever page."""
    modules = [var for var in vars(pages).values() if isinstance(var, ModuleType)]
    routers = {id(module.router): module.router for module in modules if hasattr(module, "router")}
    return sorted(
        route.path
        for router in routers.values()
        for route in router.routes
        if "POST" in (route.methods or ())
    )


def _command(found: re.Match[str]) -> str:
    """The name of a command that the address of a form takes."""
    return CONVERTOR_TYPES[found[1]].regex.partition("|")[0]


def test_every_form_wants_the_token_of_the_visitor_s_own_page(counter: Client) -> None:
    assert "/as" in posts() and len(posts()) >= 3
    for path in posts():
        address = re.sub(r"\{tin[^}]*\}", ACME, path)
        address = re.sub(r"\{command:(\w+)\}", _command, address)
        address = re.sub(r"\{[^}]*\}", "5f0c1c9e-0c53-4f6d-9a5f-6d1f3c1c9e0c", address)
        for cookie, said in (("", ""), ("", "guess"), ("theirs", "guess"), ("theirs", "")):
            headers = {"cookie": f"{CSRF_COOKIE}={cookie}"} if cookie else {}
            form = {"subject": AUDITOR, "csrf": said}
            answer = counter.request("POST", address, data=form, headers=headers)
            assert answer.status_code == 403, path
            assert "not sent from a page of this site" in answer.text


def test_a_page_with_a_form_gives_the_token_that_its_form_repeats(counter: Client) -> None:
    counter.http.cookies.clear()
    page = counter.request("GET", "/as")
    cookie = re.search(rf"{CSRF_COOKIE}=([^;]+)", page.headers["set-cookie"])
    assert cookie is not None
    shown = re.findall(r'name="csrf" value="([^"]+)"', page.text)
    assert shown
    for said in shown:
        form = {"subject": AUDITOR, "next": "/tour", "csrf": said}
        answer = counter.request("POST", "/as", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/tour")
    counter.http.cookies.clear()


def test_no_two_pages_show_the_same_token_and_none_shows_the_cookie(counter: Client) -> None:
    """Else whoever sees how well a page is compressed guesses the token letter by letter."""
    token = "a-form-token-of-this-one-visitor"
    headers = {"cookie": f"{CSRF_COOKIE}={token}"}

    texts = [counter.request("GET", "/as", headers=headers).text for _ in range(2)]

    one, other = (set(re.findall(r'name="csrf" value="([^"]+)"', text)) for text in texts)
    assert one and not one & other
    assert token not in "".join(texts)


@pytest.mark.parametrize("said", ["a-form-token-of-this-one-visitor", "0", "zz", "00", "é" * 8])
def test_a_token_that_is_not_masked_is_none(counter: Client, said: str) -> None:
    headers = {"cookie": f"{CSRF_COOKIE}=a-form-token-of-this-one-visitor"}

    answer = counter.request("POST", "/as", data={"csrf": said}, headers=headers)

    assert answer.status_code == 403
