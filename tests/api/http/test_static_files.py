"""Files that pages load: kept for ever under the hash of their content, asked again by name."""

from __future__ import annotations

import re

import pytest

from api.http.static_files import address, content, names
from registry.paths import STATIC
from tests.api.client import Client

NAMES = sorted(names())
PAGES = ["/", "/audit", "/tour", "/countries", "/nowhere", "/graphql"]


def test_every_file_of_the_folder_is_served() -> None:
    files = [file for file in STATIC.rglob("*") if file.is_file() and file.name != "SHA256SUMS"]

    assert len(files) == len(NAMES) >= 10


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_had_by_both_names(counter: Client, name: str) -> None:
    hashed = counter.request("GET", address(name))
    plain = counter.request("GET", f"/static/{name}")

    assert hashed.content == plain.content == content(name)
    assert hashed.headers["content-type"] == plain.headers["content-type"]
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["cache-control"] == "public, no-cache"
    assert hashed.headers["x-content-type-options"] == "nosniff"
    for answer in (hashed, plain):
        again = counter.request(
            "GET", str(answer.url), headers={"if-none-match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == answer.headers["cache-control"]


@pytest.mark.parametrize(
    "name",
    [
        "style.000000000000.css",
        "style.3f0c.css",
        "none.3f0c91ab52d4.css",
        "none.css",
        "",
        "vendor",
        "../app.py",
        "%2e%2e/app.py",
        "vendor/../../app.py",
        "style.css%00",
    ],
)
def test_what_is_no_file_and_a_hash_that_is_another_s_are_not_found(
    counter: Client, name: str
) -> None:
    answer = counter.request("GET", f"/static/{name}")

    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


def test_an_old_copy_is_not_the_present_file(counter: Client) -> None:
    answer = counter.request("GET", "/static/style.css", headers={"if-none-match": '"0", W/"1"'})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_its_files_by_the_names_that_are_kept(counter: Client, path: str) -> None:
    page = counter.request("GET", path, headers={"accept": "text/html"}).text
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)

    assert loaded
    for file in loaded:
        answer = counter.request("GET", file)
        assert answer.status_code == 200
        assert answer.headers["cache-control"].endswith("immutable"), file


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name.endswith(".js") and "/" not in name]
)
def test_a_script_imports_by_the_names_that_are_kept(counter: Client, name: str) -> None:
    text = content(name).decode()

    for file in re.findall(r'"(/static/[^"]+)"', text):
        answer = counter.request("GET", file)
        assert answer.headers["cache-control"].endswith("immutable"), file
    assert '"/static/verify.js"' not in text


def test_nothing_is_changed_under_static(counter: Client) -> None:
    answer = counter.request("POST", "/static/style.css")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
