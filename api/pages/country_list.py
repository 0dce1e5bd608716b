"""The list of customs territories: filters, the number of partners of each, and a map, which are
all of one day. Needs no script; the filters are in the address."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import N_, _, current
from api.pages import forms, parameters, world_map
from api.pages.downloads import csv_file, json_file
from api.pages.errors import PageRoute
from api.pages.labels import closeness, territory
from api.pages.labels import country as name_of
from api.pages.query import PageQuery, ask
from api.pages.render import page

router = APIRouter(route_class=PageRoute)

SIZE = 40  # territories of a page
#: The style class of an agreement by its status, the stronger first; of others nothing is drawn.
CLASSES = {
    "IN_FORCE": "force",
    "PILOT": "signed",
    "SIGNED": "signed",
    "SUSPENDED": "signed",
    "TERMINATED": "ended",
}
SORTS = {"name": N_("name"), "partners": N_("most partners"), "programmes": N_("programmes")}
PROGRAMMES = {"yes": N_("with a programme"), "no": N_("without a programme")}
STATES = {
    "force": N_("in force"),
    "signed": N_("signed, pilot or suspended"),
    "ended": N_("terminated"),
    "none": N_("none"),
}
#: The files of the list, by their form.
FILES = {"csv": N_("Table as CSV"), "json": N_("Table as JSON")}
COLUMNS = ("code", "name", "partners", "programmes", "members", "status_on", "recorded_by")
FILTERS = ("name", "bloc", "programme", "with", "state", "sort")

#: The order without being asked, which no address names.
BY_NAME = ("sort", "name")

COUNTRIES = """\
query Countries($asOf: AsOf, $after: String) {
  administrations(asOf: $asOf) {
    code
    name
    members { code }
    programmes { code types }
  }
  agreements(
    filter: { kind: AEO_MUTUAL_RECOGNITION }, asOf: $asOf, first: 100, after: $after
  ) {
    edges { node { code status parties { code } } }
    pageInfo { hasNextPage endCursor }
  }
}"""


@dataclass
class ListedTerritory:
    """A territory of the list. `partners`: those with an agreement signed or later; `states`: the
    style class of the strongest agreement with each territory."""

    code: str
    name: str
    called: str
    members: list[str]
    programmes: list[str]
    states: dict[str, str] = field(default_factory=dict)

    @property
    def partners(self) -> int:
        """The number of its partners, the members of a bloc counted each for itself."""
        return sum(state in ("force", "signed") for state in self.states.values())


@router.get("/countries")
async def countries(request: Request) -> Response:
    """Lists the customs territories by the filters, forty a page, and draws them on a map."""
    clocks = await forms.clocks(request)
    asked, agreements = await _asked(request, clocks)
    listed = _listed(asked.data["administrations"], agreements) if asked.data else []
    chosen = {name: request.query_params.get(name, "").strip()[:200] for name in FILTERS}
    chosen["with"], chosen["bloc"] = territory(chosen["with"]), territory(chosen["bloc"])
    for name, terms in (("sort", SORTS), ("programme", PROGRAMMES), ("state", STATES)):
        chosen[name] = parameters.one_of(request, name, terms, "name" if name == "sort" else "")
    for name in ("with", "bloc"):
        parameters.territory_of(request, name)
    by_code = {each.code: each for each in listed}
    selected = _selected(listed, by_code, chosen)
    given = {name: value for name, value in chosen.items() if value and (name, value) != BY_NAME}
    dates = {name: text for name, text in (("at", clocks.law), ("known-at", clocks.belief)) if text}
    form = parameters.one_of(request, "format", ("csv", "json"))
    if form:
        parameters.absent(request, parameters.WHOLE_FILE, "from")
    instants = [clocks.instant(name, asked.now) for name in ("at", "knownAt")]
    at, known = (each.isoformat(timespec="seconds").replace("+00:00", "Z") for each in instants)
    if form and asked.data and clocks.status == 200:
        return _file(form, selected, at, known)
    start = parameters.whole_number(request, "from", 0, max(len(selected) - 1, 0), 0)
    return page(
        request,
        "countries.html",
        status=clocks.status if asked.data else 400,
        title=_("Customs territories"),
        asked=asked,
        clocks=clocks,
        chosen=chosen,
        given=given,
        part=lambda number: f"/countries?{urlencode(given | dates | {'from': max(number, 0)})}",
        unknown=bool(chosen["with"]) and chosen["with"] not in by_code,
        selected=selected,
        found=selected[start : start + SIZE],
        start=start,
        size=SIZE,
        cited=f"{request.url.netloc}/countries?"
        f"{urlencode(given | {'at': at, 'known-at': known}, safe=':')}",
        instants=(at, known),
        files=[
            (_(text), f"/countries?{urlencode(given | dates | {'format': name})}")
            for name, text in FILES.items()
        ],
        state_words=_state_words(selected, chosen["with"]),
        bloc_terms=[(each.code, each.called) for each in listed if each.members],
        territory_terms=[
            (each.code, each.called)
            for each in sorted(listed, key=lambda each: current.get().alphabetical(each.called))
        ],
        programme_terms=[(term, _(text)) for term, text in PROGRAMMES.items()],
        state_terms=[(term, _(text)) for term, text in STATES.items()],
        sort_terms=[(term, _(text)) for term, text in SORTS.items()],
        map=world_map.draw(_drawn(selected, by_code, chosen["with"])),
    )


def _file(form: str, selected: list[ListedTerritory], at: str, known: str) -> Response:
    """All territories that meet the filters as a file of this form, with both instants."""
    if form == "csv":
        rows = ([each.code, each.name, each.partners, *map(" ".join, (each.programmes,
                 each.members)), at, known] for each in selected)  # fmt: skip
        return csv_file("countries.csv", COLUMNS, rows)
    found = [
        {
            "code": each.code,
            "name": each.name,
            "partners": each.partners,
            "programmes": each.programmes,
            "members": each.members,
            "agreements": {code: state for code, state in sorted(each.states.items()) if state},
        }
        for each in selected
    ]
    return json_file("countries.json", {"at": at, "knownAt": known, "administrations": found})


async def _asked(
    request: Request, clocks: forms.AsOfFields
) -> tuple[PageQuery, list[dict[str, Any]]]:
    """Returns the first answer, and the agreements of all of them."""
    first = found = await ask(request, COUNTRIES, asOf=clocks.as_of)
    nodes: list[dict[str, Any]] = []
    while found.data is not None:
        nodes += [edge["node"] for edge in found.data["agreements"]["edges"]]
        more = found.data["agreements"]["pageInfo"]
        if not more["hasNextPage"]:
            break
        found = await ask(request, COUNTRIES, asOf=clocks.as_of, after=more["endCursor"])
    return (first if found.data is not None else found), nodes


def _listed(
    administrations: list[dict[str, Any]], agreements: list[dict[str, Any]]
) -> list[ListedTerritory]:
    """Returns the territories, each with its partners and the strongest state of the agreements
    with each partner: in force, then signed (also pilot and suspended), then terminated."""
    members = {each["code"]: [m["code"] for m in each["members"]] for each in administrations}
    states: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for agreement in agreements:
        if state := CLASSES.get(agreement["status"]):
            for one, other in combinations([p["code"] for p in agreement["parties"]], 2):
                ones, others = _themselves(one, members), _themselves(other, members)
                for a in {one, *ones}:
                    for b in others:
                        states[a][b].append(state)
                for b in {other, *others}:
                    for a in ones:
                        states[b][a].append(state)
    return [
        ListedTerritory(
            each["code"],
            each["name"],
            name_of(each["code"]),
            members[each["code"]],
            [programme["code"] for programme in each["programmes"]],
            {
                other: world_map.strongest(found)
                for other, found in states[each["code"]].items()
                if other != each["code"]
            },
        )
        for each in administrations
    ]


def _themselves(code: str, members: dict[str, list[str]]) -> list[str]:
    """Returns the territories of a party: of a bloc its members."""
    return members.get(code) or [code]


def _selected(
    listed: list[ListedTerritory], by_code: dict[str, ListedTerritory], chosen: dict[str, str]
) -> list[ListedTerritory]:
    """Returns the territories that meet the filters, in the order that was chosen."""
    words, bloc = chosen["name"], by_code.get(chosen["bloc"])
    found = [
        each
        for each in listed
        if (not words or closeness(each.code, each.name, words) is not None)
        and (bloc is None or each.code in bloc.members)
        and (chosen["programme"] not in PROGRAMMES or _has_programme(each, chosen["programme"]))
        and (
            not chosen["with"]
            or chosen["state"] not in STATES
            or state_with(each, chosen["with"]) == chosen["state"]
        )
    ]
    key = current.get().alphabetical
    orders: dict[str, Any] = {
        "name": lambda each: (not each.members, key(each.called)),
        "partners": lambda each: (-each.partners, key(each.called)),
        "programmes": lambda each: (-len(each.programmes), key(each.called)),
    }
    return sorted(found, key=orders[chosen["sort"]])


def _has_programme(each: ListedTerritory, wanted: str) -> bool:
    return bool(each.programmes) == (wanted == "yes")


def state_with(each: ListedTerritory, code: str) -> str:
    """Returns the state of a territory with another: a key of STATES, or "self"."""
    return "self" if each.code == code else each.states.get(code, "none")


def _state_words(selected: list[ListedTerritory], of: str) -> dict[str, str]:
    """Returns the state of each territory with another one, in words."""
    words = {term: _(text) for term, text in STATES.items()} | {"self": _("this territory")}
    return {each.code: words[state_with(each, of)] for each in selected}


def _drawn(
    selected: list[ListedTerritory], by_code: dict[str, ListedTerritory], of: str
) -> dict[str, str]:
    """Returns the style classes on the map: by the agreements with the territory that was chosen,
    else by all agreements of each; only of territories that meet the filters."""
    if not of:
        return {
            each.code: world_map.strongest(set(each.states.values()) - {""}) for each in selected
        }
    own = by_code[of].members if of in by_code else []
    found = {each.code: state_with(each, of) for each in selected}
    drawn = {code: state for code, state in found.items() if state != "none"}
    return drawn | dict.fromkeys([of, *own], "self")
