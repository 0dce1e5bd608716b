"""The page `/control-results`: may the importing side rely on the inspection that the exporting
side made of these goods at this crossing? Everybody may ask. The question is in the address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages import catalogues
from api.languages.language import N_, _
from api.pages import check_questions, forms, parameters
from api.pages.check_questions import AskedInstant, ConsignmentForm
from api.pages.errors import PageRoute
from api.pages.labels import territory
from api.pages.query import PageQuery, ask
from api.pages.render import page
from registry.domain.texts import folded
from registry.domain.values import AdministrationCode, HsCode

router = APIRouter(route_class=PageRoute)

CONTROL_RESULT = """\
query ControlResult(
  $from: AdministrationCode!, $to: AdministrationCode!,
  $crossing: String!, $hs: HSCode!, $asOf: AsOf
) {
  controlResult(from: $from, to: $to, crossing: $crossing, hs: $hs, asOf: $asOf) {
    outcome
    reasons { code message facts { name value item zone } }
    clauses { from to hs crossings begins { earliest latest } ends { earliest latest } assumed }
    agreement { code title titles status names }
    position
  }
}"""

#: What agreements on control results cover, from which the suggestions are made.
COVERED = """\
query CoveredControls {
  agreements(filter: { kind: CONTROL_RESULTS }, first: 100) {
    edges {
      node {
        code title titles status names
        scopes { from to hs crossings begins { earliest latest } ends { earliest latest } assumed }
      }
    }
  }
}"""

FIELDS = ("from", "to", "crossing", "hs", "day", "time", "zone")
ZONES = {
    "to": N_("of the importing side"),
    "from": N_("of the exporting side"),
    "utc": N_("UTC"),
}
MOST_CHARACTERS = 100  # of a crossing
#: Words for goods that agreements name, by the code of the Harmonised System.
GOODS = {
    "07": N_("vegetables"),
    "08": N_("fruit"),
    "1005": N_("maize"),
    "1201": N_("soya beans"),
    "2201": N_("mineral water and soda water"),
    "2202": N_("sweetened or flavoured water"),
    "2203": N_("malt beer"),
    "3923": N_("packing of plastics"),
    "4407": N_("sawn timber"),
    "4819": N_("packing of paper"),
    "6305": N_("sacks and bags of textiles"),
}


@router.get("/control-results")
async def control_results(request: Request) -> Response:
    """Shows the form, and the answer where goods and a crossing are asked about."""
    zones = await forms.zones(request)
    covered = await ask(request, COVERED)
    agreements = (
        [each["node"] for each in covered.data["agreements"]["edges"]] if covered.data else []
    )
    pairs = _pairs(agreements)
    for side in ("from", "to"):
        parameters.territory_of(request, side)
    form, read_as = _read(request.query_params, zones, pairs)
    asked, at = None, AskedInstant(None, "UTC", "")
    if _asks(form, request.query_params):
        zone = form.typed[form.typed["zone"]] if form.typed["zone"] in ("to", "from") else ""
        at = check_questions.instant_of(form, zones.get(zone, "UTC"))
        if not form.wrong:
            values = {name: form.typed[name] for name in ("from", "to", "crossing", "hs")}
            asked = await ask(request, CONTROL_RESULT, **values, asOf=at.as_of)
    answer = (asked.data or {}).get("controlResult") if asked else None
    return page(
        request,
        "control_results.html",
        status=_status(form, asked),
        title=_("Control results"),
        form=form,
        at=at,
        asked=asked,
        answer=answer,
        position=answer["position"] if answer else None,
        read_as=read_as,
        open_dates=_open(answer),
        zones=zones,
        zone_terms=[(name, _(text)) for name, text in ZONES.items()],
        pairs=pairs,
        agreements=[each for each in agreements if each["scopes"]],
        crossings=_crossings(agreements),
        goods_list=_goods(agreements),
        words=GOODS,
        link=_link,
        turned=_link(form, **{"from": form.typed["to"], "to": form.typed["from"]}),
    )


def _read(
    given: Mapping[str, str], zones: Mapping[str, str], pairs: list[tuple[str, str]]
) -> tuple[ConsignmentForm, str]:
    """Reads the form. The second value: how goods that were written in words were read."""
    typed = {name: " ".join(given.get(name, "").split()) for name in FIELDS}
    typed["number"] = ""
    typed["from"], typed["to"] = territory(typed["from"]), territory(typed["to"])
    if not any(name in given for name in ("from", "to")) and pairs:
        typed["from"], typed["to"] = pairs[0]
    typed["zone"] = typed["zone"] or next(iter(ZONES))
    code, read_as = _goods_meant(typed["hs"])
    typed["hs"] = code
    form = ConsignmentForm(typed)
    if _asks(form, given):
        form.wrong.update(_errors(typed, zones))
    return form, read_as


def _asks(form: ConsignmentForm, given: Mapping[str, str]) -> bool:
    """Whether the form was sent. A link that fills in the goods alone leaves the rest to write."""
    asked = any(form.typed[name] for name in ("crossing", "hs", "day", "time"))
    return asked and any(name in given for name in ("crossing", "day", "time"))


def _goods_meant(text: str) -> tuple[str, str]:
    """The code of goods that were written as a code or in words of one of the languages, and the
    words where words were read. Words that mean several goods, or none, stay as they are."""
    plain = text.replace(".", "").replace(" ", "")
    if not text or HsCode.FORM.fullmatch(plain):
        return plain, ""
    wanted = folded(text)
    found = {
        code
        for code, words in GOODS.items()
        for tag in catalogues.tags()
        if wanted in folded(catalogues.language(tag).gettext(words))
    }
    return (found.pop(), text) if len(found) == 1 else (text, "")


def _errors(typed: Mapping[str, str], zones: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in ("from", "to"):
        if not AdministrationCode.FORM.fullmatch(typed[name]) or typed[name] not in zones:
            yield name, _("Choose a territory of the list.")
    if typed["from"] == typed["to"]:
        yield "to", _("Choose two different territories.")
    if not typed["crossing"]:
        yield "crossing", _("Write the border crossing.")
    elif not typed["crossing"].isprintable():
        yield "crossing", _("Found characters that cannot be seen. Type the text anew.")
    elif len(typed["crossing"]) > MOST_CHARACTERS:
        yield (
            "crossing",
            _(
                "Found %(length)s characters, wanted at most %(most)s.",
                length=len(typed["crossing"]),
                most=MOST_CHARACTERS,
            ),
        )
    if not HsCode.FORM.fullmatch(typed["hs"]):
        yield (
            "hs",
            _(
                "Found %(found)s, wanted 2, 4 or 6 digits, or words for goods of the list.",
                found=repr(typed["hs"][:40]),
            ),
        )
    if typed["time"] and not typed["day"]:
        yield "day", _("Write the day of this time, too.")
    if typed["zone"] not in ZONES:
        yield (
            "zone",
            _("Found %(found)s, wanted one of the list.", found=repr(typed["zone"][:40])),
        )


def _status(form: ConsignmentForm, asked: PageQuery | None) -> int:
    if form.wrong or (asked is not None and not asked.data):
        return 400
    return 200


def _open(answer: dict[str, Any] | None) -> list[dict[str, str]]:
    """The days between which an unknown answer is left open: `since` and `until`, the first day on
    which it is certain again; either may be missing."""
    found: list[dict[str, str]] = []
    for reason in (answer or {}).get("reasons", ()):
        if reason["code"] == "DATE_UNCERTAIN":
            items: dict[int, dict[str, str]] = {}
            for fact in reason["facts"]:
                if fact["name"] in ("since", "until") and fact["zone"]:
                    items.setdefault(fact["item"], {})[fact["name"]] = fact["value"]
            found += [each for each in items.values() if each not in found]
    return found


def _pairs(agreements: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The directions that agreements cover, each once."""
    found = ((scope["from"], scope["to"]) for each in agreements for scope in each["scopes"])
    return sorted(set(found))


def _crossings(agreements: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """The crossings that agreements name, each with each original name after its language."""
    return sorted(
        {
            (crossing, language, words.get(crossing, ""))
            for each in agreements
            for scope in each["scopes"]
            for crossing in scope["crossings"]
            for language, words in (each["names"] or {"": {}}).items()
        }
    )


def _goods(agreements: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The goods that agreements name, each with words for it."""
    codes = {code for each in agreements for scope in each["scopes"] for code in scope["hs"]}
    return [(code, _(GOODS[code]) if code in GOODS else "") for code in sorted(codes)]


def _link(form: ConsignmentForm, **changed: str) -> str:
    """The address of the same question with other values."""
    typed = {name: form.typed[name] for name in FIELDS if form.typed[name]}
    return f"/control-results?{urlencode(typed | changed)}"
