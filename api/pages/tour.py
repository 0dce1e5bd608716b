"""The tour: one operator's life through all roles, and the seventeen acceptance questions in words,
with adjustable as-of pairs and live answers."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages import forms, parameters, tour_life
from api.pages.acceptance_cases import CASES, Asking, Case
from api.pages.errors import PageRoute
from api.pages.query import PageQuery, ask
from api.pages.render import page
from api.pages.site import LANGUAGE

router = APIRouter(route_class=PageRoute)


@router.get("/tour")
async def tour(request: Request) -> Response:
    """Shows the life of an operator, step by step, and the list of the acceptance cases."""
    return page(
        request,
        "tour.html",
        title=_("The tour"),
        cases=CASES,
        life=tour_life.LIFE,
        operator=tour_life.OPERATOR,
        who=tour_life.WHO,
        tag=request.scope.get(LANGUAGE),
    )


@router.get("/tour/{number}")
async def case(request: Request, number: str) -> Response:
    """Shows a question as specified; `?ask=2&at=...&known-at=...` asks its second query for another
    as-of pair."""
    found = next((case for case in CASES if str(case.number) == number), None)
    if found is None:
        return page(
            request,
            "wrong.html",
            status=404,
            title=_("No such stop"),
            sentence=_(
                "The tour has the stops 1 to %(last)s; %(number)s is none of them.",
                last=len(CASES),
                number=repr(number[:20]),
            ),
        )
    chosen = _chosen(request, found)
    clocks = forms.AsOfFields()
    if chosen:
        clocks = await forms.clocks(request, _authority(chosen))
    if chosen:
        askings = (
            [] if clocks.status != 200 else [replace(chosen, at=clocks.at, known=clocks.known)]
        )
    else:
        askings = list(found.askings)
    typed = clocks if chosen else await _typed(request, found.askings[0])
    answers = [(asking, await _put(request, found, asking)) for asking in askings]
    return page(
        request,
        "case.html",
        status=clocks.status,
        title=_(found.title),
        case=found,
        answers=answers,
        refused=_refused(answers),
        who=_(tour_life.WHO[found.subject]),
        chosen=chosen,
        clocks=typed,
        before=found.number - 1,
        after=found.number + 1 if found.number < len(CASES) else 0,
        left=_left(answers) if found.answer == "partners" else set(),
    )


def _chosen(request: Request, case: Case) -> Asking | None:
    named = {str(n): asking for n, asking in enumerate(case.askings, 1)}
    return named.get(parameters.one_of(request, "ask", named))


async def _typed(request: Request, asking: Asking) -> forms.AsOfFields:
    return await forms.of(request, asking.at, asking.known, _authority(asking))


def _authority(asking: Asking) -> str | None:
    """Returns the administration whose time zone applies: of a pair the importing one, of an
    operator its home."""
    asked = {name: str(value) for name, value in asking.variables.items()}
    named = (asked[name] for name in ("in", "to", "of", "subject", "tin") if name in asked)
    return next((text[:2] for text in named if text[:2].isupper()), None)


async def _put(request: Request, case: Case, asking: Asking) -> PageQuery:
    variables = dict(asking.variables)
    if case.clocks:
        variables["asOf"] = (await _typed(request, asking)).as_of or None
    return await ask(request, case.document, **variables)


def _refused(answers: list[tuple[Asking, PageQuery]]) -> PageQuery | None:
    """The first answer that was refused to whoever asks."""
    return next((asked for _, asked in answers if asked.forbidden), None)


def _left(answers: list[tuple[Asking, PageQuery]]) -> set[str]:
    """Returns the territories that are in the first answer and not in the last."""
    sets = [
        {partner["administration"]["code"] for partner in asked.data["partners"]}
        for _, asked in answers
        if asked.data
    ]
    return sets[0] - sets[-1] if len(sets) > 1 else set()
