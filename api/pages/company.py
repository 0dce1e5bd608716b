"""The page of a company about itself: where it is recognised, what its customer writes in the
declaration there, why it is not recognised elsewhere, and what it can do about that.

The home customs and auditors see the page of an operator by `?of=`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from babel.languages import get_official_languages
from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access import policy
from api.access.policy import Action, SubjectRole
from api.graphql.context import Context
from api.languages import catalogues
from api.languages.language import N_, Language, _, current, joined
from api.pages import disputes, missing_consents
from api.pages.command_actions import CommandLink
from api.pages.command_file import may_give
from api.pages.command_names import GRAVE, title_of
from api.pages.command_places import address_of
from api.pages.errors import PageRoute
from api.pages.labels import country, moment
from api.pages.operators import ORDER
from api.pages.query import ask, context
from api.pages.record_texts import in_language
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain import commands as c
from registry.domain.decisions import civil_day_of
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

COMPANY = """\
query Company($tin: TIN!) {
  operator(tin: $tin) {
    tin name localName standing standingAbroad position
    administration { code timeZone }
    authorisations {
      number
      deadlines { what due met overdue }
    }
    recognisedIn {
      in outcome legal operational validFrom
      reasons { code message facts { name value item zone } }
      bases {
        agreement { code } since assumed
        identifierScheme identifier declarationBox
      }
    }
    looks(first: 5) { edges { node { at administration purpose } } }
  }
}"""

#: What the customer of a company reads, in the customer's language.
SENTENCE = N_(
    "Please write %(number)s (%(scheme)s) in the import declaration, so that our status as an"
    " authorised economic operator is recognised: %(company)s."
)
SENTENCE_WITH_BOX = N_(
    "Please write %(number)s (%(scheme)s) in the import declaration, in this place: %(box)s. Our"
    " status as an authorised economic operator is then recognised: %(company)s."
)
#: The commands that a company gives about its own consents.
OWN_COMMANDS: tuple[type[c.OperatorCommand], ...] = (c.GiveConsent, c.WithdrawConsent)


@dataclass(frozen=True)
class CustomerSentence:
    """What to send to a customer. `language`: the tag of the language that it is in."""

    language: str
    direction: str
    language_name: str
    text: str


@dataclass(frozen=True)
class CompanyRecognition:
    """The answer of a territory. `answer`: as GraphQL gives it; `since`: the civil day in the home
    time zone from which it holds, or None; `codes`: the bases that differ in what is written in the
    declaration; `consent`: the address of the form that gives the missing consent, or ""."""

    answer: dict[str, Any]
    since: str | None
    codes: list[dict[str, Any]]
    sentences: list[CustomerSentence]
    consent: missing_consents.MissingConsent | None


@router.get("/company")
async def company(request: Request) -> Response:
    """Shows a company its own page. Others are told for whom the page is; nobody learns whether an
    operator exists that they may not read in full."""
    asked = await context(request)
    typed = request.query_params.get("of", "").strip()
    try:
        tin = Tin.parse(typed.upper()) if typed else asked.subject.tin
    except ValueError as wrong:
        return _for_whom(request, asked, 400, translated(str(wrong)))
    if tin is None:
        return _for_whom(request, asked, 403 if asked.subject.role in _WITHOUT else 200)
    if not asked.may(Action.READ_IN_FULL, policy.operator(tin)):
        return _for_whom(request, asked, 403, _("This is not the page of your company."))
    found = await ask(request, COMPANY, tin=tin.text)
    operator = (found.data or {}).get("operator")
    if operator is None:
        sentence = joined("; ", found.sentences) or _("No operator with this TIN is on record.")
        return _for_whom(request, asked, 400 if found.errors else 404, sentence)
    return page(
        request,
        "company.html",
        title=operator["name"],
        operator=operator,
        asked=found,
        own=asked.subject.tin == tin,
        zone=operator["administration"]["timeZone"],
        position=operator["position"],
        rows=_rows(asked, tin, operator),
        counts=_counts(operator["recognisedIn"]),
        deadlines=list(_deadlines(operator)),
        commands=[
            CommandLink(title_of(kind), address_of(kind, str(tin)), kind in GRAVE)
            for kind in OWN_COMMANDS
            if may_give(asked, tin, kind)
        ],
        disputes=await disputes.of_operator(request, tin),
        opening=await disputes.opening(request, tin),
        certifies=asked.may(Action.CERTIFY, policy.operator(tin)),
    )


#: Those who can see the page of no company.
_WITHOUT = (SubjectRole.PUBLIC, SubjectRole.PARTNER)


def _for_whom(request: Request, asked: Context, status: int, wrong: str = "") -> Response:
    """Says for whom the page is, and leads the visitor to their own place."""
    role = asked.subject.role
    places = {
        SubjectRole.COMPANY: [("/company", N_("Your company"))],
        SubjectRole.PARTNER: [("/work", N_("Your work")), ("/check", N_("Check"))],
        SubjectRole.OFFICER: [("/work", N_("Your work"))],
        SubjectRole.AUDITOR: [("/work", N_("Your work")), ("/audit", N_("Audit"))],
    }.get(role, [("/", N_("Search")), ("/verify", N_("Check a certificate"))])
    return page(
        request,
        "company_none.html",
        status=status,
        title=_("Your company"),
        role=role.value,
        wrong=wrong,
        of=request.query_params.get("of", ""),
        places=[(address, current.get().gettext(name)) for address, name in places],
    )


def _counts(answers: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """How many territories give each outcome."""
    outcomes = [answer["outcome"] for answer in answers]
    return [(outcome, outcomes.count(outcome)) for outcome in ORDER if outcome in outcomes]


def _deadlines(operator: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The deadlines that are open or were missed, with their authorisation."""
    for authorisation in operator["authorisations"]:
        for deadline in authorisation["deadlines"]:
            if deadline["met"] is not True:
                yield {"number": authorisation["number"], **deadline}


def _rows(asked: Context, tin: Tin, operator: dict[str, Any]) -> list[CompanyRecognition]:
    """The territories, recognised ones first, and by name."""
    alphabetical = current.get().alphabetical
    answers = sorted(
        operator["recognisedIn"],
        key=lambda answer: (ORDER.index(answer["outcome"]), alphabetical(country(answer["in"]))),
    )
    return [_row(asked, answer, tin, operator) for answer in answers]


def _row(
    asked: Context, answer: dict[str, Any], tin: Tin, operator: dict[str, Any]
) -> CompanyRecognition:
    codes = list(
        {
            (basis["identifierScheme"], basis["identifier"], basis["declarationBox"]): basis
            for basis in answer["bases"]
            if basis["identifierScheme"] or basis["declarationBox"]
        }.values()
    )
    language = language_of_customers(answer["in"])
    since = min((basis["since"] for basis in answer["bases"]), default=answer["validFrom"])
    zone = operator["administration"]["timeZone"]
    return CompanyRecognition(
        answer,
        civil_day_of(moment(since), zone).isoformat() if since else None,
        codes,
        [_sentence(language, code, operator["name"]) for code in codes if code["identifier"]],
        missing_consents.of(asked, tin, answer),
    )


def language_of_customers(code: str) -> Language:
    """The language in which customers in a territory are written to: its first official language
    (CLDR) that has a catalogue, otherwise English."""
    for official in get_official_languages(code, de_facto=True):
        # A tag may name the script: zh in CLDR is in simplified characters.
        wanted = {"zh": "zh-Hans"}.get(official, official.replace("_", "-"))
        if wanted in catalogues.tags():
            return catalogues.language(wanted)
    return catalogues.language(catalogues.tags()[0])


def _sentence(language: Language, code: dict[str, Any], company: str) -> CustomerSentence:
    values = {
        "number": code["identifier"],
        "scheme": code["identifierScheme"],
        "company": company,
    }
    if code["declarationBox"]:
        box = in_language(code["declarationBox"], language)
        text = language.gettext(SENTENCE_WITH_BOX, box=box, **values)
    else:
        text = language.gettext(SENTENCE, **values)
    return CustomerSentence(language.tag, language.direction, catalogues.name(language.tag), text)
