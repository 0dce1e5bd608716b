"""The page `/check`: may this consignment have the benefit? One answer, why, and what to declare.

The question is in the address, so that it can be sent to somebody else. A receipt is issued by POST
only, and once for each form that was shown, however often it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.graphql import retry as again
from api.graphql.as_of import AHEAD, EARLIEST
from api.http.service import Service
from api.languages.language import N_, _
from api.pages import check_numbers, check_questions, forms
from api.pages.check_questions import AskedInstant, ConsignmentForm
from api.pages.command_drafts import drafted
from api.pages.errors import PageRoute
from api.pages.freshness import in_words
from api.pages.labels import day, moment
from api.pages.query import PageQuery, ask, context
from api.pages.receipts import RECEIPT
from api.pages.render import HEADERS, page
from projections.reads import freshness as reads
from projections.reads.freshness import IncomingData
from registry.domain.decisions import civil_day_of
from registry.domain.values import Tin

router = APIRouter(route_class=PageRoute)

_ANSWER = """tin in outcome legal operational
    reasons { code message facts { name value item zone } }
    bases {
      agreement { code title titles }
      authorisation since assumed
      identifierScheme identifier declarationBox benefits
    }
    validFrom validTo at knownAt position"""

CHECK = f"""\
query Check(
  $tin: TIN!, $in: AdministrationCode!, $asOf: AsOf, $consignment: ConsignmentInput
) {{
  recognition(tin: $tin, in: $in, asOf: $asOf, consignment: $consignment) {{
    {_ANSWER}
  }}
  operator(tin: $tin, asOf: $asOf) {{ tin name localName }}
}}"""

ISSUE = """\
query CheckReceipt(
  $tin: TIN!, $in: AdministrationCode!, $asOf: AsOf, $consignment: ConsignmentInput
) {
  recognition(tin: $tin, in: $in, asOf: $asOf, consignment: $consignment, receipt: true) {
    outcome
    receipt { id }
  }
}"""

#: What to do next where the register does not know, by the reason of the answer.
NEXT = {
    "NO_INFORMATION": N_(
        "Compare the number with the declaration, letter by letter. If it is right, ask the "
        "operator whether it has agreed to be known in this territory, or ask its home customs."
    ),
    "NO_CONSENT": N_(
        "The operator must agree that this territory is told of it. Its home customs records that."
    ),
    "DATE_UNCERTAIN": N_(
        "The sources leave this day open. Ask for another day, or ask the home customs in writing "
        "and keep the reply with the declaration."
    ),
    "DECISION_AWAITED": N_(
        "The home customs has a decision to take. Ask there, or ask here again when it is recorded."
    ),
    "STALE_DATA": N_(
        "The data of the home customs is too old here. Ask here again after the next transmission; "
        "the page of freshness shows when the last one came."
    ),
}
NEXT_OF_OTHERS = N_(
    "Ask the home customs of the operator, and keep the reply with the declaration."
)


@router.get("/check")
async def check(request: Request) -> Response:
    """Shows the form, and the answer where a number is asked about."""
    return await _shown(request, await drafted(request) or request.query_params)


@router.post("/check")
async def keep(request: Request) -> Response:
    """Issues a receipt for the question, and shows that receipt."""
    typed = await forms.sent(request)
    zones = await forms.zones(request)
    form = check_questions.read(typed)
    at = await _instant(form, zones)
    reference, key = typed.get("reference", ""), typed.get("form", "")
    tin = check_questions.tin_of(form.typed["number"])
    if form.wrong or tin is None or not reference.isprintable():
        return await _shown(request, typed)
    own = await context(request)
    own.purpose = reference[:200] or "check"
    question = {"tin": tin, **form.link, "reference": reference}
    own.receipt_id = _receipt_id(own.subject.actor, key, question)
    earlier = await ask(request, RECEIPT, id=str(own.receipt_id))
    if not (earlier.data or {}).get("receipt"):
        asked = await ask(request, ISSUE, **_variables(tin, form, at))
        if not asked.data:
            return await _shown(request, typed)
    return RedirectResponse(f"/receipts/{own.receipt_id}", 303, HEADERS)


def _receipt_id(actor: str, key: str, question: Mapping[str, str]) -> UUID:
    """The id of the receipt of a form that was shown to somebody: the same when the form is sent
    again. Of a form without a key: a new one."""
    whole = urlencode({"actor": actor, "form": key or str(uuid4()), **question})
    return uuid5(NAMESPACE_URL, f"aeo:check?{whole}")


async def _shown(request: Request, given: Mapping[str, str]) -> Response:
    subject = (await context(request)).subject
    own = subject.administration.text if subject.administration else ""
    zones = await forms.zones(request)
    form = check_questions.read(given, own)
    asked = holders = home = None
    at = AskedInstant(None, "UTC", "")
    if form.asks and form.territory not in zones:
        form.wrong.setdefault("in", _("Choose the territory in which the goods are declared."))
    if form.asks:
        (await context(request)).purpose = "check"
        if not form.wrong:
            holders = await check_numbers.holders(request, form.typed["number"])
        one = holders[0].tin if holders and len(holders) == 1 else None
        at = await _instant(form, zones, one)
        _within_the_record(form, at, (await context(request)).now)
        if form.wrong:
            holders = None
        elif one:
            home = Tin(one).country
            asked = await ask(request, CHECK, **_variables(one, form, at))
    answer = (asked.data or {}).get("recognition") if asked else None
    return page(
        request,
        "check.html",
        status=_status(form, asked),
        title=_("Check"),
        form=form,
        at=at,
        asked=asked,
        answer=answer,
        instants=(answer["at"], answer["knownAt"]) if answer else None,
        position=answer["position"] if answer else None,
        operator=(asked.data or {}).get("operator") if asked else None,
        holders=holders,
        zones=zones,
        law=_law(answer, home, zones),
        next_steps=_next(answer),
        choices=check_questions,
        link=_link,
        key=str(uuid4()),
        age=await _age(request, home if answer else None),
        in_words=in_words,
    )


def _status(form: ConsignmentForm, asked: PageQuery | None) -> int:
    if form.wrong:
        return 400
    if asked is None or asked.data:
        return 200
    return 403 if asked.forbidden else 400


async def _instant(
    form: ConsignmentForm, zones: Mapping[str, str], holder: str | None = None
) -> AskedInstant:
    """The instant of the question, in the time zone that was chosen. `holder`: the TIN of the
    operator with the number that was typed, where that is no TIN."""
    tin = check_questions.tin_of(form.typed["number"]) or holder
    code = form.territory
    if form.typed["zone"] == "home" and tin:
        code = Tin(tin).country
    zone = "UTC" if form.typed["zone"] == "utc" else zones.get(code, "UTC")
    return check_questions.instant_of(form, zone)


def _within_the_record(form: ConsignmentForm, at: AskedInstant, now: datetime) -> None:
    """Adds a day of which nothing can be asked to the errors of the form."""
    if at.at is not None and not EARLIEST <= at.at <= now + AHEAD:
        found = repr(form.typed["day"][:40])
        form.wrong["day"] = _(
            "Found %(found)s, wanted a day from 1900 to ten years ahead.", found=found
        )


def _variables(tin: str, form: ConsignmentForm, at: AskedInstant) -> dict[str, Any]:
    consignment = form.consignment
    return {"tin": tin, "in": form.territory, "asOf": at.as_of, "consignment": consignment}


def _law(
    answer: dict[str, Any] | None, home: str | None, zones: Mapping[str, str]
) -> dict[str, str] | None:
    """By whose law and of which civil day there the answer is."""
    if answer is None or home is None:
        return None
    zone = zones.get(home, "UTC")
    civil = civil_day_of(moment(answer["at"]), zone)
    return {"home": home, "zone": zone, "day": day(civil.isoformat())}


def _next(answer: dict[str, Any] | None) -> list[str]:
    """What to do next where the outcome is UNKNOWN."""
    if answer is None or answer["outcome"] != "UNKNOWN":
        return []
    codes = [reason["code"] for reason in answer["reasons"]]
    texts = [NEXT[code] for code in codes if code in NEXT] or [NEXT_OF_OTHERS]
    return [_(text) for text in texts]


def _link(form: ConsignmentForm, **changed: str) -> str:
    """The address of the same question with other values."""
    return f"/check?{urlencode(form.link | changed)}"


async def _age(request: Request, home: str | None) -> IncomingData | None:
    """How old the data of the home customs is here. None where it keeps its record here itself."""
    if home is None:
        return None
    service: Service = request.app.state.service
    found = await again.read(service.views, reads.incoming)
    return next((each for each in found if each.administration == home), None)
