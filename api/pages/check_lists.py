"""The page `/check/list`: up to a thousand numbers at once, answered as a table or as a file.

The good lines of a list are asked about together, in one set-based question for each territory; a
bad line is named and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import N_, _
from api.pages import forms, reasons
from api.pages.check import territories
from api.pages.check_list_lines import MOST, ListLine, UnreadableList, read
from api.pages.downloads import csv_file
from api.pages.errors import PageRoute
from api.pages.labels import territory
from api.pages.query import ask, context
from api.pages.render import page
from registry.domain import instants

router = APIRouter(route_class=PageRoute)

OUTCOMES = ("RECOGNISED", "NOT_RECOGNISED", "UNKNOWN")
#: The fields of a line, with their texts.
FIELD_NAMES = {
    "number": N_("Number"),
    "territory": N_("Territory"),
    "day": N_("Day"),
    "line": N_("Line"),
}
#: Territories that are asked about in one query: the limit of its roots is 10.
AT_ONCE = 10
_SELECTION = """{
    key
    recognition {
      outcome legal operational at knownAt position
      reasons { code message facts { name value item zone } }
      bases { agreement { code } identifierScheme identifier declarationBox }
    }
    refused { code message }
  }"""
FILE_COLUMNS = (
    *("line", "number", "territory", "day", "outcome", "legal", "operational", "reasons", "why"),
    *("agreement", "scheme", "code", "box", "at", "known_at", "position"),
    *("field", "found", "wanted"),
)


@dataclass(frozen=True)
class AnsweredLine:
    """A line with its answer: `recognition` as GraphQL gives it, or the sentence of a refusal; both
    empty for a line that cannot be read."""

    line: ListLine
    recognition: dict[str, Any] | None = None
    refused: str = ""

    @property
    def outcome(self) -> str:
        """The outcome; "" where there is no answer."""
        return str(self.recognition["outcome"]) if self.recognition else ""


@router.get("/check/list")
async def form(request: Request) -> Response:
    """Shows the form."""
    subject = (await context(request)).subject
    own = subject.administration.text if subject.administration else ""
    return await _shown(request, {"in": request.query_params.get("in", own)})


@router.post("/check/list")
async def answer(request: Request) -> Response:
    """Answers the list: as a page, or as a file of type CSV."""
    typed = await forms.sent(request)
    (await context(request)).purpose = "check"
    zones = await territories(request)
    file = await forms.uploaded(request)
    text = file.content.decode("utf-8-sig", "replace") or typed.get("list", "")
    code = territory(typed.get("in", ""))
    try:
        if file.too_large:
            most = forms.UPLOADS[request.url.path]
            raise UnreadableList(
                _(
                    "The list has more than %(most)s bytes. Nothing was asked. Send it in parts.",
                    most=most,
                )
            )
        lines = read(text, code, typed.get("day", ""), zones)
    except UnreadableList as refused:
        return await _shown(request, typed | {"list": text}, wrong=str(refused))
    answered = await _answered(request, lines)
    if typed.get("as") == "csv":
        return _file(answered)
    return await _shown(request, typed | {"list": text}, answered=answered)


async def _answered(request: Request, lines: Sequence[ListLine]) -> list[AnsweredLine]:
    """The lines with their answers, in their order."""
    wanted = sorted({line.territory for line in lines if line.is_good})
    found: dict[int, AnsweredLine] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        good = {
            code: [each for each in lines if each.is_good and each.territory == code]
            for code in some
        }
        variables: dict[str, Any] = {}
        for place, code in enumerate(some):
            variables |= {f"t{place}": code, f"q{place}": [_question(each) for each in good[code]]}
        asked = await ask(request, _document(len(some)), **variables)
        for place, code in enumerate(some):
            answers = asked.data[f"a{place}"] if asked.data else [None] * len(good[code])
            for line, each in zip(good[code], answers, strict=True):
                found[line.place] = _of(line, each, asked.sentences)
    return [found.get(line.place, AnsweredLine(line)) for line in lines]


def _of(line: ListLine, answer: dict[str, Any] | None, sentences: Sequence[str]) -> AnsweredLine:
    if answer is None:
        return AnsweredLine(line, refused="; ".join(sentences))
    refused = answer["refused"]
    return AnsweredLine(line, answer["recognition"], refused["message"] if refused else "")


def _question(line: ListLine) -> dict[str, str]:
    asked = {"key": str(line.place), "tin": line.tin}
    return asked | ({"at": line.at.isoformat().replace("+00:00", "Z")} if line.at else {})


def _document(many: int) -> str:
    """The query for so many territories."""
    places = range(many)
    variables = ", ".join(
        f"$t{place}: AdministrationCode!, $q{place}: [RecognitionQuestion!]!" for place in places
    )
    roots = "\n".join(
        f"  a{place}: recognitionsOf(in: $t{place}, questions: $q{place}) {_SELECTION}"
        for place in places
    )
    return f"query CheckList({variables}) {{\n{roots}\n}}"


async def _shown(
    request: Request,
    typed: Mapping[str, str],
    *,
    answered: Sequence[AnsweredLine] = (),
    wrong: str = "",
) -> Response:
    bad = [each.line for each in answered if not each.line.is_good]
    return page(
        request,
        "check_list.html",
        status=400 if wrong else 200,
        title=_("Check a list"),
        typed={name: typed.get(name, "") for name in ("list", "in", "day")},
        zones=await territories(request),
        answered=[each for each in answered if each.line.is_good],
        counted=[(term, sum(each.outcome == term for each in answered)) for term in OUTCOMES],
        bad=bad,
        wrong=wrong,
        most=MOST,
        link=_link,
        field_names={name: _(text) for name, text in FIELD_NAMES.items()},
    )


def _link(line: ListLine) -> str:
    """The address of the page that answers this line alone."""
    asked = {"number": line.number, "in": line.territory}
    if line.day and instants.is_day(line.day):
        asked["day"] = line.day
    elif line.at:
        day, time = line.at.isoformat(timespec="seconds")[:19].split("T")
        asked |= {"day": day, "time": time, "zone": "utc"}
    return f"/check?{urlencode(asked)}"


def _file(answered: Sequence[AnsweredLine]) -> Response:
    """The answers as a file."""
    return csv_file("checked.csv", FILE_COLUMNS, (list(_row(each)) for each in answered))


def _row(each: AnsweredLine) -> Iterator[object]:
    line, found = each.line, each.recognition
    yield from (line.place, line.number, line.territory, line.day)
    if found is None:
        yield from ("", "", "", "", each.refused, *[""] * 7, line.field, line.found, line.wanted)
        return
    yield from (found["outcome"], found["legal"], found["operational"])
    yield " ".join(reason["code"] for reason in found["reasons"])
    yield " ".join(str(reasons.sentence(reason)) for reason in found["reasons"])
    basis = next(iter(found["bases"]), None)
    if basis is None:
        yield from ("", "", "", "")
    else:
        yield basis["agreement"]["code"]
        yield from (
            basis[name] or "" for name in ("identifierScheme", "identifier", "declarationBox")
        )
    yield from (found["at"], found["knownAt"], found["position"], "", "", "")
