"""The receipts of a list that was answered: they are issued once for each form that was shown, and
kept at an address of their own, as a page and as one file.

Each receipt is whole: it can be handed on and checked without the others.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.languages.language import _
from api.pages.downloads import MARK, csv_line, headers_of
from api.pages.errors import PageRoute
from api.pages.query import PageQuery, ask, context
from api.pages.receipts import claims
from api.pages.render import page

router = APIRouter(route_class=PageRoute)

PAGE = 100  # receipts, the most of one query
QUERY = """\
query ReceiptsOfList($list: ID!, $after: String) {
  receipts(request: $list, first: 100, after: $after) {
    edges { node { id issuedAt jwt } }
    pageInfo { hasNextPage endCursor }
  }
}"""
COLUMNS = ("file", "number", "territory", "at", "known_at", "outcome", "position", "receipt")


def list_id(actor: str, typed: Mapping[str, str], text: str) -> UUID:
    """The id of a list in its receipts: the same when somebody sends the same form again. Of a form
    without a key: a new one."""
    names = ("in", "day", "reference")
    whole = {"actor": actor, "form": typed.get("form") or str(uuid4()), "list": text}
    whole |= {name: typed.get(name, "") for name in names}
    return uuid5(NAMESPACE_URL, f"aeo:check-list?{urlencode(whole)}")


def first_id(list_: UUID, territory: str) -> UUID:
    """The id of the first receipt of a list in a territory, from which the others follow."""
    return uuid5(list_, territory)


@router.get("/check/list/{id}")
async def receipts(request: Request, id: str) -> Response:
    """Shows the receipts of a list. A list of others and an unknown one give the same page."""
    wanted = _uuid(id)
    if wanted is None:
        return _none(request, 400)
    found = await ask(request, QUERY, list=wanted, after=request.query_params.get("after"))
    listed = found.data["receipts"] if found.data else None
    if listed is not None and not listed["edges"]:
        return _none(request, 404)
    return page(
        request,
        "check_list_receipts.html",
        status=200 if listed else 400,
        title=_("Receipts of a list"),
        id=wanted,
        found=found,
        receipts=[claims(each["jwt"]) | {"id": each["id"]} for each in _nodes(found)],
        next_page=listed["pageInfo"]["endCursor"]
        if listed and listed["pageInfo"]["hasNextPage"]
        else None,
    )


@router.get("/check/list/{id}/receipts.zip")
async def download(request: Request, id: str) -> Response:
    """Gives the receipts of a list as one file of type ZIP: each receipt, and a table of them."""
    wanted = _uuid(id)
    issued: list[dict[str, Any]] = []
    after: str | None = None
    while wanted:
        found = await ask(request, QUERY, list=wanted, after=after)
        issued += _nodes(found)
        if not found.data or not found.data["receipts"]["pageInfo"]["hasNextPage"]:
            break
        after = found.data["receipts"]["pageInfo"]["endCursor"]
    if not issued:
        return _none(request, 404)
    body = await asyncio.to_thread(_zipped, issued)
    headers = headers_of(f"receipts-{wanted}.zip")
    return Response(body, headers=headers, media_type="application/zip")


def _nodes(found: PageQuery) -> list[dict[str, Any]]:
    edges = found.data["receipts"]["edges"] if found.data else ()
    return [edge["node"] for edge in edges]


def _zipped(issued: Sequence[Mapping[str, Any]]) -> bytes:
    """The file: the same for the same receipts."""
    content = io.BytesIO()
    table = [csv_line(COLUMNS)]
    when = datetime.fromisoformat(issued[0]["issuedAt"]).timetuple()[:6]
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, each in enumerate(issued, 1):
            subject = claims(each["jwt"])["credentialSubject"]
            asked, answer = subject["question"], subject["answer"]
            name = f"{number:04}-{asked['tin']}-{asked['in']}.jwt"
            archive.writestr(_entry(name, when), each["jwt"])
            clocks = asked["at"], asked["knownAt"]
            row = name, asked["tin"], asked["in"], *clocks, answer["outcome"]
            table.append(csv_line((*row, subject["position"], each["id"])))
        archive.writestr(_entry("receipts.csv", when), MARK + b"".join(table))
    return content.getvalue()


def _entry(name: str, when: tuple[int, ...]) -> zipfile.ZipInfo:
    year, month, day, hour, minute, second = when
    entry = zipfile.ZipInfo(name, (year, month, day, hour, minute, second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _none(request: Request, status: int) -> Response:
    title = _("No such list")
    sentence = _("No receipts are kept of a list with this id, or they are not yours to read")
    return page(request, "wrong.html", status=status, title=title, sentence=sentence)


def _uuid(id: str) -> str | None:
    try:
        return str(UUID(id))
    except ValueError:
        return None


async def are_issued(request: Request, list_: UUID, territories: Sequence[str]) -> bool:
    """Whether the receipts of a list were issued before, in each of these territories."""
    await context(request)
    for start in range(0, len(territories), 10):  # roots of a query
        some = territories[start : start + 10]
        roots = " ".join(
            f'r{place}: receipt(id: "{first_id(list_, code)}") {{ id }}'
            for place, code in enumerate(some)
        )
        found = await ask(request, f"query IssuedBefore {{ {roots} }}")
        if not found.data or not all(found.data.values()):
            return False
    return bool(territories)
