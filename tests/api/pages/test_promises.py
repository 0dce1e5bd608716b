"""The page of promises: what each goal says, how far it came, and the file to keep."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterator
from io import StringIO

import pytest

from tests.api.client import Client
from tests.api.pages.test_pages import opened, read


@pytest.fixture(scope="module")
def at(world: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Client(world, tmp_path_factory.mktemp("home")) as client:
        yield client


def goal(page: str, name: str) -> str:
    """The part of the page about one goal."""
    return re.split("</article>", page.split(f'id="{name}"')[1])[0]


def test_a_goal_has_its_own_sentence_its_count_and_those_that_are_missing(at: Client) -> None:
    page = opened(at, "/promises").text
    missed = goal(page, "SEED-000-PRESS-2018-aeo-before-2020-all")

    assert "not met" in missed and ">16 of 55</strong>" in missed
    assert "Missing: no signature by then is on record: 36" in missed
    assert '<a href="/countries/JO">Jordan</a>' in missed
    # Serbia signed after the deadline: the agreement is named with its day.
    assert re.search(r"Serbia</a> <span[^>]*>\(<a [^>]*>CN-RS-AEO</a>, 2021-02-04\)", missed)
    quoted = goal(page, "GACC-NEWS-2019-04-22-negotiations-by-2020-willing")
    assert "力争于2020年底前完成" in quoted.split("<blockquote")[1].split("</blockquote>")[0]


def test_a_goal_is_judged_as_of_a_day_and_as_it_was_recorded_by_then(at: Client) -> None:
    before = read(at, "/promises?at=2018-06-01&known-at=2026-11-29")
    assert "0 met, 0 not met" in before and "is still ahead" in before

    unheard = read(at, "/promises?known-at=2017-01-01")
    assert "No goal was on record by then." in unheard


def test_the_address_to_cite_gives_the_same_answer_again(at: Client) -> None:
    page = opened(at, "/promises").text
    cited = html.unescape(re.findall(r"localhost[^<\s]*(/promises\?at=[^<]+)", page)[0])
    again = opened(at, cited).text

    articles = [re.findall(r"<article.*?</article>", each, re.S) for each in (page, again)]
    links = [re.sub(r'href="[^"]*"', "", "".join(each)) for each in articles]
    assert links[0] == links[1] and "known-at=" in cited


def test_the_file_has_a_row_for_each_state_of_each_goal(at: Client) -> None:
    file = opened(at, "/promises?of=CN&format=goals.csv")
    rows = list(csv.DictReader(StringIO(file.content.decode("utf-8-sig"))))

    assert file.headers["content-disposition"] == 'attachment; filename="goals.csv"'
    states = {row["state"] for row in rows if row["goal"] == "aeo-before-2020-all"}
    assert len(states) == 55
    serbia = [r for r in rows if (r["goal"], r["state"]) == ("aeo-before-2020-all", "RS")]
    assert [(r["standing"], r["agreement"], r["signed_earliest"]) for r in serbia] == [
        ("NOT_SIGNED", "CN-RS-AEO", "2021-02-04")
    ]


def test_a_goal_is_explained_in_the_readers_language_with_names(at: Client) -> None:
    said = html.unescape(opened(at, "/fr/documents/SEED-000-PRESS-2018").text)

    assert "16 États sur 55 avaient signé au 31 décembre 2019, et le texte dit tous." in said
    assert "Jordanie" in said and "No signature by then" not in said
