"""The audit page: the answer for any as-of pair, the events behind it, and the log's proofs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access.policy import SubjectRole
from api.languages.language import _
from api.pages import bitemporal_chart, forms, parameters
from api.pages.errors import PageRoute
from api.pages.labels import moment, territory
from api.pages.operators import RECOGNITION
from api.pages.query import PageQuery, ask, context
from api.pages.record_texts import plain_title
from api.pages.render import page
from api.pages.sentences import translated
from registry.domain.decisions import civil_day_of
from registry.domain.sentences import Sentence
from registry.domain.values import AdministrationCode, Tin

router = APIRouter(route_class=PageRoute)

SCRIPTS = ("audit.js", "verify_all.js", "verify.js")
EXAMPLES = ("CN0000000012", "CN1234567890", "CN-KR-AEO", "AAMRA")

EVENTS = """\
    history(first: 100) {
      edges {
        node {
          position type effective decidedBy legalGround recordedAt knownAt corrects payload
          imported signature { administration valid }
          proof { leafIndex treeSize }
          commitment { salt eventBytes }
        }
      }
      pageInfo { hasNextPage }
    }"""

OPERATOR = """\
query Then($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin) { tin name administration { code name timeZone } position }
  then: operator(tin: $tin, asOf: $asOf) {
    standing standingAbroad
    authorisations { number type status suspendedParts since programme { code } }
  }
}"""

HISTORY = f"""\
query History($tin: TIN!) {{
  operator(tin: $tin) {{
    periods(first: 100) {{
      authorisation status suspendedParts validFrom validTo recordedFrom recordedTo
    }}
{EVENTS}
  }}
}}"""

AGREEMENT = f"""\
query Then($id: ID!, $asOf: AsOf) {{
  agreement(id: $id) {{
    code title titles parties {{ code }} position
{EVENTS}
  }}
  then: agreement(id: $id, asOf: $asOf) {{
    status
    sides {{
      party implementedFrom implemented {{ earliest latest }} certainFrom suspended
    }}
  }}
}}"""

HEADS = """\
query Heads {
  log { checkpoints(first: 10) { size rootHash } }
}"""

LOG = """\
query Log {
  log {
    origin size verifierKeys checkpoint
    checkpoints(first: 10) { size rootHash signedAt }
    witnesses { name verifierKey size cosignedAt }
  }
}"""


#: Why an agreement is not audited in a territory.
OF_NO_TERRITORY = Sentence("an agreement is audited as a whole, and not in one territory")


class Slider(NamedTuple):
    """A slider for one axis of the as-of pair, in ordinals of days, with ticks on days with
    events."""

    first: int
    last: int
    value: int
    ticks: list[int]

    @property
    def day(self) -> str:
        """The civil day at which the slider stands, as YYYY-MM-DD."""
        return date.fromordinal(self.value).isoformat()


@router.get("/log")
async def log(request: Request) -> Response:
    """The page of the log: its last checkpoints, its witnesses, and how to verify it
    independently."""
    asked = await ask(request, LOG)
    found = asked.data["log"] if asked.data else None
    lines = found["checkpoint"].rpartition("\n\n")[2].count("\n") if found else 0
    return page(
        request,
        "log.html",
        title=_("Integrity record"),
        scripts=SCRIPTS[1:],
        asked=asked,
        heads=_heads(asked.data),
        log=found,
        signatures=lines,
        address=str(request.base_url).rstrip("/"),
    )


@router.get("/audit")
async def audit(request: Request) -> Response:
    """Shows the audit of `?of=CN0000000012&in=SG&at=...&known-at=...`; `turn-at` and `turn-known`
    are the sliders."""
    wanted = request.query_params.get("of", "").strip()[:100]
    if {"turn-at", "turn-known"} & request.query_params.keys():
        return RedirectResponse(_turned(request, wanted), 303)
    clocks = await forms.clocks(request, _home(wanted))
    frame: dict[str, Any] = {
        "title": _("Audit"),
        "clocks": clocks,
        "of": wanted,
        "there": "",
        "examples": EXAMPLES,
        "record": None,
        "asked": None,
        "sliders": (),
        "events": None,
        "recognition": None,
        "heads": [],
        "reads_bundles": (await context(request)).subject.role is SubjectRole.AUDITOR,
    }
    if not wanted:
        return page(request, "audit.html", **frame)
    found = await _agreement(request, wanted, clocks) or await _operator(request, wanted, clocks)
    if not found:
        return page(request, "audit.html", status=404, **frame)
    item, rows, now = found["record"], found["rows"], found["asked"].now
    frame |= found | {
        "title": _("Audit of %(title)s", title=item["name"]),
        "position": item["position"],
    }
    frame |= {
        "events": [_placed(row["node"], clocks, now, item["zone"]) for row in rows],
        "sliders": _sliders([row["node"] for row in rows], clocks, now),
        "opened": any(row["node"]["commitment"] for row in rows),
        "drawing": bitemporal_chart.draw(found["periods"], clocks, now),
        "heads": _heads((await ask(request, HEADS)).data),
    }
    return page(
        request,
        "audit.html",
        status=400 if found.get("not_there") else clocks.status,
        scripts=SCRIPTS,
        **frame,
    )


async def _agreement(request: Request, id: str, clocks: forms.AsOfFields) -> dict[str, Any] | None:
    typed = id if ":" in id else id.upper()
    asked = await ask(request, AGREEMENT, id=typed, asOf=clocks.as_of)
    own = asked.data["agreement"] if asked.data else None
    if own is None:
        return None
    parameters.absent(request, OF_NO_TERRITORY, "in")
    entry = {
        "name": own["code"],
        "title": plain_title(own),
        "address": f"/agreements/{own['code']}",
        "kind": "agreement",
        "zone": None,
        "position": own["position"],
    }
    return {
        "record": entry,
        "asked": asked,
        "then": asked.data["then"] if asked.data else None,
        "periods": [],
        "answer": asked,
        **_rows(own["history"]),
    }


async def _operator(
    request: Request, typed: str, clocks: forms.AsOfFields
) -> dict[str, Any] | None:
    try:
        tin = Tin.parse(typed.upper()).text
    except ValueError:
        return None
    asked = await ask(request, OPERATOR, tin=tin, asOf=clocks.as_of)
    own = asked.data["operator"] if asked.data else None
    if own is None:
        return None
    answer = await ask(request, HISTORY, tin=tin)
    history: dict[str, Any] = (answer.data and answer.data["operator"]) or {}
    entry = {
        "name": own["tin"],
        "title": own["name"],
        "address": f"/operators/{own['tin']}",
        "kind": "operator",
        "zone": own["administration"]["timeZone"],
        "position": own["position"],
    }
    return {
        "record": entry,
        "asked": asked,
        "then": asked.data["then"] if asked.data else None,
        "periods": history.get("periods") or [],
        "answer": answer,
        **_rows(history.get("history")),
        **await _recognition(request, tin),
    }


async def _recognition(request: Request, tin: str) -> dict[str, Any]:
    typed = territory(request.query_params.get("in", "")[:20])
    found: PageQuery | None = None
    wrong = ""
    try:
        if typed:
            there = AdministrationCode.parse(typed).text
            clocks = await forms.clocks(request, there)  # in the time zone of the importing side
            variables = {"tin": tin, "in": there, "asOf": clocks.as_of}
            found = await ask(request, RECOGNITION, **variables)
    except ValueError as error:
        wrong = translated(str(error))
    return {"there": typed, "not_there": wrong, "recognition": found}


def _heads(data: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Returns the last signed heads of the log, for the script that checks them; empty before the
    first."""
    log = (data or {}).get("log")
    found = log["checkpoints"] if log else []
    return [{"size": each["size"], "root": each["rootHash"]} for each in found]


def _rows(history: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "rows": history["edges"] if history else [],
        "more": bool(history and history["pageInfo"]["hasNextPage"]),
    }


def _placed(
    event: dict[str, Any], clocks: forms.AsOfFields, now: datetime, zone: str | None
) -> dict[str, Any]:
    """Returns the event, with its meaning at the page's as-of pair."""
    law, belief = clocks.instant("at", now), clocks.instant("knownAt", now)
    day = civil_day_of(law, zone or "UTC").isoformat()
    counts = False
    if moment(event["knownAt"]) > belief:
        meant = _("not yet known")
    elif event["effective"] and event["effective"] > day:
        meant = _("known, counts later")
    else:
        meant, counts = _("counts"), True
    return event | {"meant": meant, "counts": counts}


def _sliders(
    events: list[dict[str, Any]], clocks: forms.AsOfFields, now: datetime
) -> tuple[Slider, ...]:
    """Returns the sliders, from before the first event to today, or to the day asked for."""
    law = [date.fromisoformat(event["effective"]) for event in events if event["effective"]]
    belief = [moment(event["knownAt"]).date() for event in events]
    return tuple(
        _slider(days, clocks.instant(name, now).date(), now.date())
        for days, name in ((law or belief, "at"), (belief, "knownAt"))
        if days
    )


def _slider(days: list[date], value: date, today: date) -> Slider:
    air = timedelta(days=30)
    first, last = min([*days, value]) - air, max([*days, value, today])
    ticks = sorted({day.toordinal() for day in days})
    return Slider(first.toordinal(), last.toordinal(), value.toordinal(), ticks)


def _home(wanted: str) -> str | None:
    """Returns the home administration of the audited operator; None for an agreement, which has
    several."""
    try:
        return Tin.parse(wanted.upper()).country
    except ValueError:
        return None


def _turned(request: Request, of: str) -> str:
    """Returns the address that the fields would have given. A slider at its end, today, means
    now."""
    asked = request.query_params
    given = {"of": of, "in": asked.get("in", "").strip()}
    today = datetime.now(UTC).date()
    for slider, name in (("turn-at", "at"), ("turn-known", "known-at")):
        if not asked.get(slider, "").strip():
            continue
        number = parameters.whole_number(request, slider, 1, today.toordinal() + 36_600, 1)
        day = date.fromordinal(number)
        given[name] = "" if day == today else day.isoformat()
    return "/audit?" + urlencode({name: text for name, text in given.items() if text})
