"""The page `/check/list`: up to a thousand numbers at once, answered as a table, as a file, or with
a receipt for each answer.

The good lines of a list are asked about together, in one set-based question for each territory; a
bad line is named and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.languages.language import N_, _, joined
from api.pages import forms, parameters, reasons
from api.pages.check_list_lines import MOST, ListLine, UnreadableList, read
from api.pages.check_list_receipts import are_issued, first_id, list_id
from api.pages.command_drafts import drafted
from api.pages.downloads import csv_file
from api.pages.errors import PageRoute
from api.pages.labels import territory
from api.pages.query import ask, context
from api.pages.render import HEADERS, page
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
#: Territories that are asked about in one query: it has at most 500 tokens (api/graphql/limits.py).
AT_ONCE = 6
#: Lines of one query: each query has a deadline of its own.
LINES_AT_ONCE = 250
_SELECTION = """{
    key
    recognition {
      outcome legal operational at knownAt position
      reasons { code message facts { name value item zone } }
      bases { agreement { code } identifierScheme identifier declarationBox }RECEIPT
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

    @property
    def receipt(self) -> str:
        """The id of the receipt; "" where there is none."""
        issued = self.recognition.get("receipt") if self.recognition else None
        return str(issued["id"]) if issued else ""


@router.get("/check/list")
async def form(request: Request) -> Response:
    """Shows the form."""
    subject = (await context(request)).subject
    own = subject.administration.text if subject.administration else ""
    typed = await drafted(request)
    there = parameters.territory_of(request, "in") or own
    return await _shown(request, {"in": there} | typed)


@router.post("/check/list")
async def answer(request: Request) -> Response:
    """Answers the list: as a page, as a file of type CSV, or with receipts."""
    typed = await forms.sent(request)
    own = await context(request)
    reference = typed.get("reference", "")[:200]
    own.purpose = reference if reference and reference.isprintable() else "check"
    zones = await forms.zones(request)
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
    if typed.get("as") == "receipts":
        return await _with_receipts(request, typed | {"list": text}, lines)
    answered = await _answered(request, lines)
    if typed.get("as") == "csv":
        return _file(answered)
    return await _shown(request, typed | {"list": text}, answered=answered)


async def _with_receipts(
    request: Request, typed: Mapping[str, str], lines: Sequence[ListLine]
) -> Response:
    """Issues a receipt for each answer. Shows the receipts, or the table again where a line has
    none."""
    own = await context(request)
    own.receipt_request = list_ = list_id(own.subject.actor, typed, typed["list"])
    if await are_issued(request, list_, _territories(lines)):
        return RedirectResponse(f"/check/list/{list_}", 303, HEADERS)
    answered = await _answered(request, lines, list_)
    if all(each.receipt for each in answered):
        return RedirectResponse(f"/check/list/{list_}", 303, HEADERS)
    receipts = str(list_) if any(each.receipt for each in answered) else ""
    return await _shown(request, typed, answered=answered, receipts=receipts)


def _territories(lines: Sequence[ListLine]) -> list[str]:
    return sorted({line.territory for line in lines if line.is_good})


async def _answered(
    request: Request, lines: Sequence[ListLine], list_: UUID | None = None
) -> list[AnsweredLine]:
    """The lines with their answers, in their order. `list_`: with receipts, of a list of this
    id."""
    found: dict[int, AnsweredLine] = {}
    for some in _batches(lines, whole=list_ is not None):
        if list_:
            (await context(request)).receipt_id = first_id(list_, some[0][0].territory)
        variables: dict[str, Any] = {}
        for place, good in enumerate(some):
            variables |= {f"t{place}": good[0].territory, f"q{place}": [*map(_question, good)]}
        asked = await ask(request, _document(len(some), receipts=bool(list_)), **variables)
        for place, good in enumerate(some):
            answers = asked.data[f"a{place}"] if asked.data else [None] * len(good)
            for line, each in zip(good, answers, strict=True):
                found[line.place] = _of(line, each, asked.sentences)
    return [found.get(line.place, AnsweredLine(line)) for line in lines]


def _batches(lines: Sequence[ListLine], *, whole: bool) -> Iterator[list[list[ListLine]]]:
    """Returns the batches in which the valid lines are asked: for each GraphQL query, its lines by
    territory. `whole`: all lines of a territory in one query of their own, because the ids of
    receipts follow from the first one of a query."""
    batch: list[list[ListLine]] = []
    for code in _territories(lines):
        good = [each for each in lines if each.is_good and each.territory == code]
        step = len(good) if whole else LINES_AT_ONCE
        for start in range(0, len(good), step):
            some = good[start : start + step]
            many = len(some) + sum(map(len, batch))
            if batch and (whole or len(batch) == AT_ONCE or many > LINES_AT_ONCE):
                yield batch
                batch = []
            batch.append(some)
    if batch:
        yield batch


def _of(line: ListLine, answer: dict[str, Any] | None, sentences: Sequence[str]) -> AnsweredLine:
    if answer is None:
        return AnsweredLine(line, refused=joined("; ", sentences))
    refused = answer["refused"]
    return AnsweredLine(line, answer["recognition"], refused["message"] if refused else "")


def _question(line: ListLine) -> dict[str, str]:
    asked = {"key": str(line.place), "tin": line.tin}
    return asked | ({"at": line.at.isoformat().replace("+00:00", "Z")} if line.at else {})


def _document(many: int, *, receipts: bool) -> str:
    """The query for so many territories."""
    places = range(many)
    variables = ", ".join(
        f"$t{place}: AdministrationCode!, $q{place}: [RecognitionQuestion!]!" for place in places
    )
    selection = _SELECTION.replace("RECEIPT", " receipt { id }" if receipts else "")
    wanted = ", receipt: true" if receipts else ""
    roots = "\n".join(
        f"  a{place}: recognitionsOf(in: $t{place}, questions: $q{place}{wanted}) {selection}"
        for place in places
    )
    return f"query CheckList({variables}) {{\n{roots}\n}}"


async def _shown(
    request: Request,
    typed: Mapping[str, str],
    *,
    answered: Sequence[AnsweredLine] = (),
    wrong: str = "",
    receipts: str = "",
) -> Response:
    bad = [each.line for each in answered if not each.line.is_good]
    return page(
        request,
        "check_list.html",
        status=400 if wrong else 200,
        title=_("Check a list"),
        typed={name: typed.get(name, "") for name in ("list", "in", "day", "reference")},
        zones=await forms.zones(request),
        answered=[each for each in answered if each.line.is_good],
        counted=[(term, sum(each.outcome == term for each in answered)) for term in OUTCOMES],
        bad=bad,
        wrong=wrong,
        most=MOST,
        link=_link,
        receipts=receipts,
        key=str(uuid4()),
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
