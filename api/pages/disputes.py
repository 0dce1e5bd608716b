"""Disputes on pages: on the page of an operator and of a company, and in the list of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from api.access import policy
from api.access.policy import Action
from api.pages.command_file import may_give
from api.pages.command_names import title_of
from api.pages.command_places import address_of
from api.pages.query import ask, context
from registry.domain import commands as c
from registry.domain.values import Tin

_FIELDS = """\
dispute tin openedBy inItsName isOwn kind statement event receipt territory state openedAt
      answerDue overdue answer answeredAt closedAt reason"""
OF_OPERATOR = f"""\
query DisputesOf($tin: TIN!) {{
  operator(tin: $tin) {{
    disputes(first: 50) {{
      {_FIELDS}
    }}
  }}
}}"""
OPEN = f"""\
query OpenDisputes {{
  disputes(first: 50) {{
    edges {{ node {{
      {_FIELDS}
    }} }}
    pageInfo {{ hasNextPage }}
  }}
}}"""


@dataclass(frozen=True)
class ShownDispute:
    """A dispute as GraphQL gives it, and what the subject can do about it: titles and addresses."""

    node: dict[str, Any]
    steps: list[tuple[str, str]]


async def of_operator(request: Request, tin: Tin) -> list[ShownDispute] | None:
    """Returns the disputes about an operator that the visitor may read; None where it may read
    none."""
    asked = await context(request)
    if not asked.may(Action.READ_DISPUTES, policy.operator(tin)):
        return None
    found = await ask(request, OF_OPERATOR, tin=tin.text)
    nodes = ((found.data or {}).get("operator") or {"disputes": []})["disputes"]
    return [ShownDispute(node, await steps(request, node)) for node in nodes]


async def steps(request: Request, node: dict[str, Any]) -> list[tuple[str, str]]:
    """What the visitor can do about a dispute: the titles and addresses of the forms."""
    if node["state"] != "OPEN":
        return []
    asked, tin = await context(request), Tin(node["tin"])
    kinds: list[type[c.OperatorCommand]] = [c.AnswerDispute, c.CloseDispute]
    if node["isOwn"]:
        kinds = [c.WithdrawDispute, *kinds]
    return [
        (title_of(kind), f"{address_of(kind, str(tin))}?dispute={node['dispute']}")
        for kind in kinds
        if may_give(asked, tin, kind)
    ]


async def opening(request: Request, tin: Tin) -> str:
    """The address of the form that opens a dispute about an operator; "" where the visitor may open
    none."""
    asked = await context(request)
    return address_of(c.OpenDispute, str(tin)) if may_give(asked, tin, c.OpenDispute) else ""
