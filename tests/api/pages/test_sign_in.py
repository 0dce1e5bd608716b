"""People sign in at their administration's issuer, and stay so until the session is ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from api.pages.query import SESSION
from api.pages.sign_in import ATTEMPT
from tests.api.client import ACME, Client
from tests.issuer import RESOURCE, SECRET, FakeIssuer, issuers_file, issuing

SECRETS = {"secret_file": "", "client_id": "register", "name": "Customs of China"}
OFFICER = "an officer of the customs of China"


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with issuing() as each:
        yield each


@pytest.fixture(scope="module")
def served(
    counter: Client, issuer: FakeIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("issuers")
    (folder / "secret").write_text(f"{SECRET}\n")
    sign_in = SECRETS | {"secret_file": str(folder / "secret")}
    told: dict[str, Any] = {
        "demo": False,
        "public_url": RESOURCE,
        "issuers": issuers_file(folder, issuer.settings(sign_in=sign_in)),
    }
    with Client(counter.database, counter.home, **told) as client:
        yield client


class Browser:
    """Keeps cookies as a browser does on a site with TLS."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}
        self.set: dict[str, str] = {}

    def get(self, path: str, **params: str) -> httpx.Response:
        return self._kept(
            self.client.request("GET", path, params=params or None, headers=self._shown())
        )

    def send(self, path: str, **form: str) -> httpx.Response:
        return self._kept(self.client.send(path, form, headers=self._shown()))

    def _shown(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        self.client.http.cookies.clear()
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.set[name] = line
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

    def begin(self) -> str:
        """The address to which the browser is sent."""
        answer = self.get("/sign-in/start", issuer="0", next=f"/operators/{ACME}")
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def sign_in(self, issuer: FakeIssuer, **changed: Any) -> httpx.Response:
        return self.get("/sign-in/callback", **issuer.authorise(self.begin(), **changed))

    def who(self) -> str:
        """As whom the pages answer."""
        found = re.search(r"You ask as <strong>([^<]+)", self.get("/countries").text)
        return found[1] if found else "public"


def test_an_officer_signs_in_and_the_pages_answer_as_to_one(
    served: Client, issuer: FakeIssuer
) -> None:
    browser = Browser(served)
    assert browser.who() == "public"

    answer = browser.sign_in(issuer)

    assert answer.status_code == 200 and "officer:CN" in answer.text
    assert f'content="0; url=/operators/{ACME}"' in answer.text
    assert browser.who() == OFFICER
    assert ATTEMPT not in browser.cookies


def test_the_cookies_are_this_host_s_alone(served: Client, issuer: FakeIssuer) -> None:
    browser = Browser(served)
    browser.sign_in(issuer)

    for name, same_site in ((SESSION, "strict"), (ATTEMPT, "lax")):
        line = browser.set[name].lower()
        assert name.startswith("__Host-")
        assert "secure" in line and "httponly" in line and "path=/" in line
        assert f"samesite={same_site}" in line and "domain=" not in line


def test_a_session_that_is_ended_is_ended_wherever_it_is_used(
    served: Client, issuer: FakeIssuer
) -> None:
    browser, thief = Browser(served), Browser(served)
    browser.sign_in(issuer)
    thief.cookies = dict(browser.cookies)
    assert thief.who() == OFFICER

    answer = browser.send("/sign-out")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.who() == "public"
    answer = thief.get("/countries")
    assert answer.status_code == 401 and "has lapsed" in answer.text
    assert SESSION not in thief.cookies


def test_a_person_ends_all_own_sessions_at_once_and_nobody_else_s(
    served: Client, issuer: FakeIssuer
) -> None:
    desk, phone, colleague = Browser(served), Browser(served), Browser(served)
    desk.sign_in(issuer)
    phone.sign_in(issuer)
    colleague.sign_in(issuer, sub="somebody.else@customs.example")

    desk.send("/sign-out", everywhere="yes")

    served.pause(2.5)  # longer than a subject is cached
    assert phone.get("/countries").status_code == 401
    assert colleague.who() == OFFICER


def test_a_session_ends_by_itself(served: Client, issuer: FakeIssuer) -> None:
    import psycopg

    browser = Browser(served)
    browser.sign_in(issuer, sub="late@customs.example")
    with psycopg.connect(served.database, autocommit=True) as connection:
        connection.execute(
            "update access.session set expires = clock_timestamp()"
            " where begun = (select max(begun) from access.session)"
        )

    assert browser.get("/countries").status_code == 401


def test_the_database_holds_neither_the_cookie_nor_the_person(
    served: Client, issuer: FakeIssuer
) -> None:
    import psycopg

    browser = Browser(served)
    browser.sign_in(issuer)

    with psycopg.connect(served.database) as connection:
        rows = str(connection.execute("select * from access.session").fetchall())
    assert browser.cookies[SESSION] not in rows
    assert "li.wei" not in rows and "officer:CN" in rows


LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
PERSON = "li.wei@customs.example"


def sign_out_at(
    client: Client, issuer: FakeIssuer, header: dict[str, Any] | None = None, **changed: Any
) -> httpx.Response:
    """The issuer says that somebody has signed out there; valid, but for what is changed."""
    claims: dict[str, Any] = {"aud": "register", "sub": PERSON, "events": {LOGOUT: {}}}
    claims |= {"jti": "logout-1", "client_id": None, "country": None, "scope": None} | changed
    key = claims.pop("key", None)
    token = issuer.token(key, {"typ": "logout+jwt"} | (header or {}), **claims)
    return client.request("POST", "/sign-in/back-channel-logout", data={"logout_token": token})


def test_an_issuer_ends_a_persons_sessions_in_every_process_at_once(
    served: Client, issuer: FakeIssuer
) -> None:
    told = served.app.state.settings.model_dump(exclude={"database", "home"})
    with Client(served.database, served.home, **told) as another:
        desk, colleague = Browser(served), Browser(served)
        desk.sign_in(issuer)
        colleague.sign_in(issuer, sub="somebody.else@customs.example", sid="colleague")
        elsewhere = Browser(another)
        elsewhere.cookies = dict(desk.cookies)
        assert elsewhere.who() == OFFICER
        before = another.service.subjects._cached.copy()
        assert any(token.startswith("session:") for token in before)

        assert sign_out_at(served, issuer).status_code == 200

        # It is forgotten there before it would be read anew.
        for _ in range(200):
            if not any(token.startswith("session:") for token in another.service.subjects._cached):
                break
            another.pause(0.02)
        for browser in (desk, elsewhere):
            assert browser.get("/countries").status_code == 401
        assert colleague.who() == OFFICER
        assert sign_out_at(served, issuer, sub=None, sid="colleague").status_code == 200
        assert colleague.get("/countries").status_code == 401


def test_a_logout_token_that_comes_again_ends_no_later_session(
    served: Client, issuer: FakeIssuer
) -> None:
    browser = Browser(served)
    browser.sign_in(issuer)

    assert (
        sign_out_at(served, issuer, iat=int(time()) - 500, exp=int(time()) + 500).status_code == 200
    )

    assert browser.who() == OFFICER


OTHER = ECKey.generate_key("P-256")
NOW = int(time())
HOSTILE: dict[str, tuple[str, dict[str, Any]]] = {
    "of another issuer": ("TOKEN_ISSUER", {"iss": "https://elsewhere.example"}),
    "for another client": ("TOKEN_AUDIENCE", {"aud": "another"}),
    "for several": ("TOKEN_AUDIENCE", {"aud": ["register", "another"]}),
    "of another attempt": ("NONCE", {"nonce": "another"}),
    "of no attempt": ("NONCE", {"nonce": None}),
    "of another key": ("TOKEN_SIGNATURE", {"key": OTHER}),
    "of an unknown key": ("TOKEN_KEY", {"key": OTHER, "header": {"kid": "two"}}),
    "expired": ("TOKEN_EXPIRED", {"iat": NOW - 900, "exp": NOW - 600}),
    "of tomorrow": ("TOKEN_NOT_YET_VALID", {"iat": NOW + 86400, "exp": NOW + 86500}),
    "of nobody": ("TOKEN_CLAIMS", {"sub": None}),
    "of no role": ("TOKEN_SUBJECT", {"scope": "visitor"}),
    "of another administration": ("TOKEN_SUBJECT", {"country": "US"}),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_identity_token_that_is_wrong_signs_nobody_in(
    served: Client, issuer: FakeIssuer, kind: str
) -> None:
    wanted, changed = HOSTILE[kind]
    browser = Browser(served)

    answer = browser.sign_in(issuer, **changed)

    assert answer.status_code == 401 and f"({wanted}, request " in answer.text
    assert SESSION not in browser.cookies and browser.who() == "public"


ANSWERS: dict[str, tuple[str, Callable[[dict[str, str]], dict[str, str]]]] = {
    "another state": ("STATE", lambda said: said | {"state": "another"}),
    "no state": ("STATE", lambda said: {"code": said["code"]}),
    "another issuer": ("ISSUER", lambda said: said | {"iss": "https://elsewhere.example"}),
    "a refusal": ("REFUSED", lambda said: {"state": said["state"], "error": "access_denied"}),
    "another code": ("CODE", lambda said: said | {"code": "guess"}),
    "no code": ("CODE", lambda said: {"state": said["state"]}),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_not_to_this_attempt_signs_nobody_in(
    served: Client, issuer: FakeIssuer, kind: str
) -> None:
    wanted, changed = ANSWERS[kind]
    browser = Browser(served)

    answer = browser.get("/sign-in/callback", **changed(issuer.authorise(browser.begin())))

    assert answer.status_code == 401 and f"({wanted}, request " in answer.text
    assert SESSION not in browser.cookies


def test_a_code_brought_to_another_browser_signs_nobody_in(
    served: Client, issuer: FakeIssuer
) -> None:
    """Neither without an attempt of its own, nor with one: the verifier is another."""
    said = issuer.authorise(Browser(served).begin())
    victim = Browser(served)
    assert "(ATTEMPT, request " in victim.get("/sign-in/callback", **said).text
    victim.begin()
    assert "(STATE, request " in victim.get("/sign-in/callback", **said).text
    own = re.search(r"state=([^&]+)", victim.begin())
    assert own is not None
    answer = victim.get("/sign-in/callback", **said | {"state": own[1]})
    assert "(CODE, request " in answer.text
    assert SESSION not in victim.cookies


def test_an_answer_is_good_once(served: Client, issuer: FakeIssuer) -> None:
    browser = Browser(served)
    said = issuer.authorise(browser.begin())
    attempt = browser.cookies[ATTEMPT]
    assert browser.get("/sign-in/callback", **said).status_code == 200

    again = Browser(served)
    again.cookies[ATTEMPT] = attempt
    assert "(CODE, request " in again.get("/sign-in/callback", **said).text


@pytest.mark.parametrize("cookie", ["", "nonsense", "e30=", "gICA"])
def test_a_cookie_that_holds_no_attempt_is_none(served: Client, cookie: str) -> None:
    browser = Browser(served)
    browser.cookies[ATTEMPT] = cookie

    assert "(ATTEMPT, request " in browser.get("/sign-in/callback", code="x", state="y").text


def test_nobody_is_sent_to_another_site_afterwards(served: Client, issuer: FakeIssuer) -> None:
    for address in ("https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example"):
        browser = Browser(served)
        answer = browser.get("/sign-in/start", issuer="0", next=address)
        said = issuer.authorise(answer.headers["location"])
        page = browser.get("/sign-in/callback", **said).text
        assert "elsewhere" not in page and 'content="0; url=/"' in page


def test_a_session_is_no_token_of_the_api(served: Client, issuer: FakeIssuer) -> None:
    browser = Browser(served)
    browser.sign_in(issuer)
    value = browser.cookies[SESSION]

    for token in (value, f"session:{value}"):
        answer = served.request(
            "POST",
            "/graphql",
            json={"query": "{ viewer { role } }"},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 401
    answer = served.request(
        "POST",
        "/graphql",
        json={"query": "{ viewer { role } }"},
        headers={"cookie": f"{SESSION}={value}"},
    )
    assert answer.json()["data"]["viewer"]["role"] == "public"


def test_without_an_issuer_there_is_nowhere_to_sign_in(counter: Client) -> None:
    for path in ("/sign-in", "/sign-in/start"):
        assert counter.request("GET", path).status_code == 404
    assert 'href="/sign-in' not in counter.request("GET", "/countries").text


LOGOUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "of another issuer": ("TOKEN_ISSUER", {"iss": "https://elsewhere.example"}),
    "for another client": ("TOKEN_AUDIENCE", {"aud": "another"}),
    "of another key": ("TOKEN_SIGNATURE", {"key": OTHER}),
    "expired": ("TOKEN_EXPIRED", {"iat": NOW - 900, "exp": NOW - 600}),
    "that is an identity token": ("TOKEN_CLAIMS", {"events": None}),
    "of another event": ("TOKEN_CLAIMS", {"events": {"https://other.example": {}}}),
    "with a nonce": ("TOKEN_CLAIMS", {"nonce": "one"}),
    "of nobody": ("TOKEN_CLAIMS", {"sub": None}),
    "of another type": ("TOKEN_TYPE", {"header": {"typ": "at+jwt"}}),
    "without an id": ("TOKEN_CLAIMS", {"jti": None}),
}


@pytest.mark.parametrize("kind", LOGOUTS)
def test_a_logout_token_that_is_wrong_signs_nobody_out(
    served: Client, issuer: FakeIssuer, kind: str
) -> None:
    wanted, changed = LOGOUTS[kind]
    browser = Browser(served)
    browser.sign_in(issuer)

    answer = sign_out_at(served, issuer, **changed)

    assert answer.status_code == 400, answer.text
    assert answer.json() == {"error": "invalid_request", "error_description": wanted}
    assert answer.headers["cache-control"] == "no-store"
    assert browser.who() == OFFICER


@pytest.mark.parametrize("form", [{}, {"logout_token": "nonsense"}, {"logout_token": "x" * 20_000}])
def test_what_is_no_logout_token_is_refused(served: Client, form: dict[str, str]) -> None:
    answer = served.request("POST", "/sign-in/back-channel-logout", data=form)

    assert answer.status_code == 400
