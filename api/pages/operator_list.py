"""The list of operators: filters, fifty a page, a file to keep, and for officers of their customs
boxes to tick, which lead to one decision about many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.access.policy import Action, Resource, SubjectRole
from api.graphql.context import Context
from api.languages.language import N_, _, joined
from api.pages import mass_decisions, parameters
from api.pages.command_drafts import sign_in_first
from api.pages.command_places import FOR_MANY, path_of
from api.pages.downloads import csv_file
from api.pages.errors import PageRoute, missing
from api.pages.labels import STATUS, territory
from api.pages.query import PageQuery, ask, context
from api.pages.render import HEADERS, page
from registry.domain.values import Role, Tin

router = APIRouter(route_class=PageRoute)

SIZE = 50  # operators of a page
MOST_ROWS = 2_000  # operators of a file
MOST_TICKED = mass_decisions.MOST

OPERATORS = """\
query Operators(
  $filter: OperatorFilter, $first: Int, $after: String, $order: OperatorOrder, $descending: Boolean
) {
  operators(
    filter: $filter, first: $first, after: $after, order: $order, descending: $descending
  ) {
    totalCount
    edges {
      node {
        tin name standing
        administration { code }
        authorisations { number type effectiveFrom validUntil programme { code } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
#: The columns of the file.
COLUMNS = ("tin", "name", "administration", "standing", "programmes", "types", "valid until")
#: The filters of the page, as in its address, and their names in GraphQL.
FILTERS = {
    "administration": "administration",
    "programme": "programme",
    "type": "type",
    "standing": "standing",
    "role": "role",
    "name": "nameContains",
    "until": "validUntilTo",
    "due": "dueBefore",
}


#: The orders of the list; a minus stands for the other end.
ORDERS = {
    "tin": N_("By TIN"),
    "-tin": N_("By TIN, the last first"),
    "name": N_("By name"),
    "-name": N_("By name, the last first"),
    "standing": N_("By status, the best first"),
    "-standing": N_("By status, the worst first"),
    "authorised": N_("By day of authorisation, the earliest first"),
    "-authorised": N_("By day of authorisation, the latest first"),
}


@dataclass(frozen=True)
class TickedOperators:
    """The operators that are chosen for a decision about many: `tins`, on whatever page of the list
    they are; `elsewhere`: those that are not on this one; `dropped`: how many more were ticked than
    one decision can be about."""

    tins: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    dropped: int = 0

    @classmethod
    def of(cls, request: Request, rows: list[str]) -> TickedOperators:
        """Those that the address names, with all of this page or without any where it says so.
        `rows`: the TINs of this page that the subject may decide about."""
        query = request.query_params
        named = query.getlist("tin")
        if query.get("ticked") == "all":
            named += rows
        elif query.get("ticked") == "none":
            named = []
        tins = tuple(dict.fromkeys(named))
        few = tins[:MOST_TICKED]
        elsewhere = tuple(tin for tin in few if tin not in rows)
        return cls(few, elsewhere, len(tins) - len(few))


@router.get("/operators")
async def operators(request: Request) -> Response:
    """Lists the operators that the subject may see, by the filters and in the chosen order; fifty a
    page. What is ticked goes along from page to page. `?format=csv`: all of them as a file."""
    asked = await context(request)
    if not asked.may(Action.LIST_OPERATORS, Resource()):
        return sign_in_first(request)
    query = request.query_params
    chosen = _chosen(request, asked)
    orders = _orders(asked, chosen["administration"])
    by = parameters.one_of(request, "by", dict(orders) or ("tin",), "tin")
    parameters.one_of(request, "ticked", ("all", "none"))
    _check_ticked(request)
    if parameters.one_of(request, "format", ("csv",)):
        parameters.absent(request, parameters.WHOLE_FILE, "after")
        return await _file(request, chosen, by)
    found = await _asked(request, chosen, SIZE, query.get("after"), by)
    connection = found.data["operators"] if found.data else None
    given = {name: value for name, value in chosen.items() if value}
    own = asked.subject.home if asked.subject.role is SubjectRole.OFFICER else frozenset()
    nodes = [edge["node"] for edge in connection["edges"]] if connection else []
    rows = [node["tin"] for node in nodes if node["administration"]["code"] in own]
    ticked = TickedOperators.of(request, rows) if own else TickedOperators()
    return page(
        request,
        "operator_list.html",
        status=403 if found.forbidden else 200 if found.data else 400,
        title=_("Operators"),
        asked=found,
        found=connection,
        chosen=chosen,
        given=urlencode(given if "administration" in given else given | {"administration": ""}),
        standings=list(STATUS)[:19],
        roles=[role.name for role in Role],
        own=own,
        many=mass_decisions.names(),
        ticked=ticked.tins,
        elsewhere=ticked.elsewhere,
        dropped=ticked.dropped,
        most=MOST_TICKED,
        orders=orders,
        by=by,
    )


def _check_ticked(request: Request) -> None:
    """Raises BadParameter for an operator of the address that is no TIN."""
    for text in request.query_params.getlist("tin"):
        try:
            Tin.parse(text)
        except ValueError as wrong:
            raise parameters.BadParameter(wrong) from None


def _orders(asked: Context, administration: str) -> list[tuple[str, str]]:
    """The orders of the list that the subject may choose, with their names; none for the operators
    of others. A minus stands for the other end."""
    subject = asked.subject
    if subject.role is not SubjectRole.AUDITOR and not (
        subject.role is SubjectRole.OFFICER and administration in subject.home
    ):
        return []
    return [(order, _(text)) for order, text in ORDERS.items()]


def _chosen(request: Request, asked: Context) -> dict[str, str]:
    """The filters as they were typed. An officer who types none is shown the operators of the own
    administration."""
    query = request.query_params
    chosen = {name: query.get(name, "").strip()[:200] for name in FILTERS}
    chosen["administration"] = territory(chosen["administration"])
    own = asked.subject.administration_of_officer
    if own is not None and "administration" not in query:
        chosen["administration"] = own.text
    return chosen


async def _asked(
    request: Request, chosen: dict[str, str], first: int, after: str | None, by: str = "tin"
) -> PageQuery:
    filter = {FILTERS[name]: value for name, value in chosen.items() if value}
    order = {"order": by.strip("-").upper(), "descending": by.startswith("-")}
    return await ask(request, OPERATORS, filter=filter, first=first, after=after, **order)


async def _file(request: Request, chosen: dict[str, str], by: str) -> Response:
    """The whole list as a file; the page that says so where it is too long."""
    nodes: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        found = await _asked(request, chosen, 100, after, by)
        if found.data is None:
            title, sentence = _("Operators"), joined("; ", found.sentences)
            return page(request, "wrong.html", status=400, title=title, sentence=sentence)
        connection = found.data["operators"]
        total = connection["totalCount"] or 0
        if total > MOST_ROWS:
            title = _("Too many for one file")
            sentence = _(
                "Found %(found)s operators, and a file has at most %(most)s. Choose fewer",
                found=total,
                most=MOST_ROWS,
            )
            return page(request, "wrong.html", status=400, title=title, sentence=sentence)
        nodes += [edge["node"] for edge in connection["edges"]]
        if not connection["pageInfo"]["hasNextPage"]:
            return csv_file("operators.csv", COLUMNS, map(_row, nodes))
        after = connection["pageInfo"]["endCursor"]


def _row(node: dict[str, Any]) -> list[str]:
    held = node["authorisations"]
    return [
        node["tin"],
        node["name"],
        node["administration"]["code"],
        node["standing"],
        *(
            " ".join(filter(None, values))
            for values in (
                [each["programme"]["code"] for each in held],
                [each["type"] for each in held],
                [each["validUntil"] for each in held],
            )
        ),
    ]


@router.get("/work/many")
async def many(request: Request) -> Response:
    """Leads from the boxes that were ticked to the form of the chosen decision about all of
    them."""
    query = request.query_params
    wanted = query.get("command", "")
    if wanted not in set(map(path_of, FOR_MANY)):
        return await missing(request, LookupError())
    tins = list(dict.fromkeys(query.getlist("tin")))
    if len(tins) > MOST_TICKED:
        sentence = _(
            "Found %(found)s operators, wanted 1 to %(most)s.", found=len(tins), most=MOST_TICKED
        ).rstrip(".")
        title = _("Decision about many")
        return page(request, "wrong.html", status=400, title=title, sentence=sentence)
    address = f"/work/{wanted}"
    typed = urlencode({"tins": "\n".join(tins)}) if tins else ""
    return RedirectResponse(f"{address}?{typed}" if typed else address, 303, HEADERS)
