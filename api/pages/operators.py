"""The page of an operator: its status, since when, earlier recorded states, and where it is
recognised."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access import policy
from api.access.policy import Action, Subject, SubjectRole
from api.graphql.context import Context
from api.languages.language import _
from api.pages import (
    disputes,
    forms,
    missing_consents,
    parameters,
    partner_readings,
    persons,
    proposals,
    status_history,
    timeline,
)
from api.pages.command_actions import actions_of
from api.pages.command_file import NOT_CORRECTABLE, may_give
from api.pages.command_places import address_of
from api.pages.errors import PageRoute
from api.pages.freshness import WAYS
from api.pages.labels import civil, moment, standing, territory
from api.pages.query import PageQuery, ask, context
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain import commands as c
from registry.domain.values import AdministrationCode, Tin

router = APIRouter(route_class=PageRoute)

ORDER = ("RECOGNISED", "UNKNOWN", "NOT_RECOGNISED")

STANDING = """\
query Operator($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    tin
    name
    localName
    roles
    standing
    standingAbroad
    administration { code name timeZone }
    authorisations {
      number type status statusAbroad suspendedParts since effectiveFrom validUntil flags
      programme { code name }
    }
    successor { tin name }
    position
  }
}"""

#: Fields that the public may not read; queried separately.
DETAILS = """\
query Details($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    address
    identifiers { scheme value issuer validFrom validTo verifiedBy }
    authorisations {
      number
      deadlines { what due rule met overdue }
      unknownDeadlines { what rule }
    }
    periods(first: 100) {
      authorisation status statusAbroad suspendedParts
      validFrom validTo recordedFrom recordedTo ground
    }
  }
}"""

RECOGNISED_IN = """\
query RecognisedIn($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    recognisedIn {
      in outcome validFrom validTo
      reasons { code message facts { name value item zone } }
      bases { agreement { code } assumed }
    }
  }
}"""

#: What the counts of the overview need: a question without the facts of each territory.
RECOGNISED_COUNTS = """\
query RecognisedCounts($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    recognisedIn { in outcome }
  }
}"""

HISTORY = """\
query History($tin: TIN!) {
  operator(tin: $tin) {
    history(first: 100) {
      edges {
        node {
          position type effective decided decidedBy legalGround
          recordedAt knownAt corrects payload imported
          signature { administration valid }
        }
      }
      pageInfo { hasNextPage }
    }
  }
}"""

RECOGNITION = """\
query Recognition($tin: TIN!, $in: AdministrationCode!, $asOf: AsOf) {
  recognition(tin: $tin, in: $in, asOf: $asOf) {
    tin in outcome legal operational
    reasons { code message facts { name value item zone } }
    bases {
      agreement { code title }
      authorisation since assumed
      identifierScheme identifier declarationBox benefits
    }
    validFrom validTo at knownAt position
  }
}"""


#: The parts of each tab, in order; each is a template in `operators/`. `all`: everything, to print.
TABS: dict[str, tuple[str, ...]] = {
    "overview": ("recognition", "timeline", "authorisations", "certificate"),
    "recognition": ("recognition", "groups"),
    "history": ("timeline", "periods", "proposals", "disputes", "looks", "events", "readers"),
    "numbers": ("numbers", "persons"),
    "proof": ("proof",),
    "all": (
        *("recognition", "timeline", "periods", "authorisations", "groups", "numbers", "persons"),
        *("certificate", "proposals", "disputes", "looks", "events", "readers", "proof"),
    ),
}
_NOT_ASKED = PageQuery("", {}, None, (), 200, datetime.min)


@router.get("/operators/{tin}")
async def operator(request: Request, tin: str) -> Response:
    """Shows an operator. An unknown and an invisible one give the same page. `?tab=history` shows
    one of the tabs, `?in=KR` its recognition there; a partner is shown that of its own
    territory."""
    try:
        wanted = Tin.parse(tin.upper()).text
    except ValueError as wrong:
        return page(
            request, "wrong.html", status=400, title=_("Not a TIN"), sentence=translated(str(wrong))
        )
    tab = parameters.one_of(request, "tab", TABS, "overview")
    clocks = await forms.clocks(request, Tin(wanted).country)
    standing = await ask(request, STANDING, tin=wanted, asOf=clocks.as_of)
    entry = _part(standing)
    if entry is None:
        return page(
            request,
            "operator_none.html",
            status=400 if standing.errors else 404,
            title=wanted,
            tin=wanted,
            asked=standing,
            clocks=clocks,
        )
    there, not_there = await _territory(request, Tin(wanted))
    values = await _parts(request, entry, clocks, TABS[tab])
    recognition = None
    if there and not not_there and "recognition" in TABS[tab]:
        abroad_clocks = await forms.clocks(request, there)  # in the time zone of the importing side
        variables = {"tin": wanted, "in": there, "asOf": abroad_clocks.as_of}
        recognition = await ask(request, RECOGNITION, **variables)
    return page(
        request,
        "operator.html",
        status=400 if not_there else clocks.status,
        title=entry["name"],
        operator=entry,
        asked=standing,
        clocks=clocks,
        zone=entry["administration"]["timeZone"],
        position=entry["position"],
        tab=tab,
        parts=TABS[tab],
        there=there,
        not_there=not_there,
        recognition=recognition,
        missing=missing_consents.of(
            await context(request), Tin(wanted), recognition.data["recognition"]
        )
        if recognition and recognition.data and recognition.data["recognition"]
        else None,
        actions=await actions_of(request, Tin(wanted)) if tab in ("overview", "all") else [],
        **values,
    )


async def _parts(
    request: Request, entry: dict[str, Any], clocks: forms.AsOfFields, parts: Sequence[str]
) -> dict[str, Any]:
    """Returns what the parts of the tab show. What no part needs is not asked."""
    tin, wanted = Tin(entry["tin"]), {"tin": entry["tin"], "asOf": clocks.as_of}

    async def asked(document: str, *needed: str, **variables: Any) -> PageQuery:
        return await ask(request, document, **variables) if {*needed} & {*parts} else _NOT_ASKED

    details = await asked(DETAILS, "timeline", "periods", "authorisations", "numbers", **wanted)
    document = RECOGNISED_IN if "groups" in parts else RECOGNISED_COUNTS
    abroad = await asked(document, "recognition", "groups", **wanted)
    history = await asked(HISTORY, "events", "proof", tin=tin.text)
    contacts = await asked(persons.CONTACTS, "persons", **wanted)
    own = _part(details) or {"periods": [], "authorisations": [], "identifiers": []}
    own_context = await context(request)
    now, zone = own_context.now, entry["administration"]["timeZone"]
    current = [p for p in own["periods"] if p["recordedTo"] is None]
    known = clocks.instant("knownAt", now)
    answers = (_part(abroad) or {"recognisedIn": []})["recognisedIn"]
    naming = "persons" in parts and await persons.may_name(request, tin)
    return {
        "consents_of": partial(_missing_of, own_context, tin),
        "details": details,
        "details_data": own,
        "believed": status_history.rows(current, _edges(history), zone, known),
        "before": [p for p in own["periods"] if p["recordedTo"] is not None],
        "deadlines": {a["number"]: a["deadlines"] for a in own["authorisations"]},
        "unknown_deadlines": {a["number"]: a["unknownDeadlines"] for a in own["authorisations"]},
        "abroad": abroad,
        "groups": _alike(answers) if "groups" in parts else [],
        "counts": _counts(answers),
        "history": history,
        "events": (_part(history) or {"history": None})["history"],
        "not_correctable": NOT_CORRECTABLE,
        "readers": await partner_readings.of_operator(request, _edges(history))
        if "readers" in parts
        else [],
        "ways": WAYS,
        "contacts": (_part(contacts) or {"contacts": []})["contacts"],
        "proposals": await proposals.of_operator(request, tin) if "proposals" in parts else None,
        "disputes": await disputes.of_operator(request, tin) if "disputes" in parts else None,
        "opening": await disputes.opening(request, tin) if "disputes" in parts else "",
        "correct": await _correction(request, tin) if "events" in parts else "",
        "looks": (await context(request)).may(Action.READ_READERS, policy.operator(tin)),
        "certifies": (await context(request)).may(Action.CERTIFY, policy.operator(tin)),
        "naming": persons.naming() if naming else None,
        "drawing": _drawing(entry, status_history.rows(current, (), zone, known), clocks, now)
        if "timeline" in parts
        else None,
        "hidden": {
            "sentences": _hidden(own_context.subject, details, abroad, history),
            "forbidden": details.forbidden or abroad.forbidden or history.forbidden,
        },
    }


def _missing_of(
    asked: Context, tin: Tin, answers: Sequence[dict[str, Any]]
) -> list[missing_consents.MissingConsent]:
    """Returns the consents that are missing by these answers, each once."""
    found = (missing_consents.of(asked, tin, answer) for answer in answers)
    return list(dict.fromkeys(missing for missing in found if missing))


def _hidden(subject: Subject, *asked: PageQuery) -> list[str]:
    """Returns what is kept back from the visitor, a sentence each, and why."""
    if subject.role is not SubjectRole.PUBLIC:
        return list(dict.fromkeys(sentence for each in asked for sentence in each.sentences))
    found = [sentence for each in asked if not each.forbidden for sentence in each.sentences]
    if any(each.forbidden for each in asked):
        found.append(
            _(
                "The public sees the status of operators that agreed to be published. Numbers, "
                "history and recognition abroad are shown to customs administrations, to the "
                "operator itself and to auditors"
            )
        )
    return list(dict.fromkeys(found))


async def _correction(request: Request, tin: Tin) -> str:
    """The address of the form that corrects a record of the operator; "" where the visitor may
    correct none."""
    asked = await context(request)
    return address_of(c.CorrectRecord, str(tin)) if may_give(asked, tin, c.CorrectRecord) else ""


def _counts(answers: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    """Returns how many territories give each answer."""
    found = Counter(answer["outcome"] for answer in answers)
    return [(outcome, found[outcome]) for outcome in ORDER if found[outcome]]


async def _territory(request: Request, tin: Tin) -> tuple[str, str]:
    """Returns the territory of the recognition question as it was typed, and the error. Where none
    was typed, that of the visitor, if the operator is another territory's."""
    typed = territory(request.query_params.get("in", ""))
    try:
        if typed:
            return AdministrationCode.parse(typed).text, ""
    except ValueError as wrong:
        return typed, translated(str(wrong))
    subject = (await context(request)).subject
    own = subject.administration.text if subject.administration else ""
    return ("" if own == tin.country or tin.country in subject.home else own), ""


def _part(asked: PageQuery) -> dict[str, Any] | None:
    """Returns the operator in the answer; None where there is none, or the subject may not see
    it."""
    found: dict[str, Any] | None = asked.data["operator"] if asked.data else None
    return found


def _edges(history: PageQuery) -> list[dict[str, Any]]:
    """Returns the events of the operator that the subject is shown."""
    listed = (_part(history) or {"history": None})["history"]
    return [edge["node"] for edge in listed["edges"]] if listed else []


def _alike(answers: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Groups territories that have the same outcome for the same reasons and agreements."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for answer in answers:
        reasons = tuple(reason["code"] for reason in answer["reasons"])
        bases = tuple(basis["agreement"]["code"] for basis in answer["bases"])
        groups[answer["outcome"], reasons, bases].append(answer)
    return sorted(groups.values(), key=lambda group: ORDER.index(group[0]["outcome"]))


def _drawing(
    entry: dict[str, Any],
    believed: Sequence[dict[str, Any]],
    clocks: forms.AsOfFields,
    now: datetime,
) -> timeline.Drawing | None:
    """Returns the timeline: one lane per authorisation, on valid time, as recorded at the page's
    transaction time."""
    zone = entry["administration"]["timeZone"]
    own = {a["number"]: f"{a['programme']['code']} {a['type']}" for a in entry["authorisations"]}
    lanes: dict[str, list[timeline.TimelineBar]] = {}
    # Before the grant an authorisation is named by its application's reference, CN-AEO/1.
    pending: dict[str, str] = {}
    for period in reversed(believed):
        name, sign = period["authorisation"], standing(period)
        if name not in lanes:
            programme = own.get(name, name).partition(" ")[0]
            earlier = pending.pop(f"{programme} {period['validFrom']}", None)
            lanes[name] = lanes.pop(earlier) if earlier else []
        if "/" in name:
            pending[f"{name.partition('/')[0]} {period['validTo']}"] = name
        since, until = civil(period["validFrom"], zone), civil(period["validTo"], zone)
        lanes[name].append(
            timeline.TimelineBar(
                moment(period["validFrom"]),
                moment(period["validTo"]) if period["validTo"] else None,
                sign.word,
                sign.letter,
                sign.tone,
                _(
                    "%(status)s from %(since)s to %(until)s",
                    status=sign.word,
                    since=since,
                    until=until,
                )
                if until
                else _("%(status)s from %(since)s, no end in sight", status=sign.word, since=since),
            )
        )
    named = [
        (f"{name} ({own[name]})" if name in own else name, found) for name, found in lanes.items()
    ]
    return timeline.draw(named, now, forms.marks(clocks, now))
