"""An agreement on two days, side by side: its status, its sides, and its scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from api.languages.language import _, joined
from api.pages import forms
from api.pages.labels import country, day, phrase, sign, some_day
from api.pages.query import ask

STATE = """\
query AgreementOn($id: ID!, $asOf: AsOf) {
  agreement(id: $id, asOf: $asOf) {
    status
    sides { party certainFrom suspended }
    scopes {
      from to programmes types hs crossings assumed
      begins { earliest latest }
      ends { earliest latest }
    }
  }
}"""


@dataclass(frozen=True)
class ComparedRow:
    """A fact on the one and on the other day; "" where there is none."""

    what: str
    one: str
    other: str

    @property
    def differs(self) -> bool:
        """Whether the two days differ in it."""
        return self.one != self.other


@dataclass(frozen=True)
class ComparedDays:
    """The two days as they were typed, what is wrong with each, and the facts of both."""

    typed: tuple[str, str]
    wrong: tuple[str, str]
    rows: list[ComparedRow]


async def compared(request: Request, id: str) -> ComparedDays:
    """Returns the agreement on the days `?a=` and `?b=`; without rows until both can be read."""
    asked = request.query_params
    typed = (asked.get("a", "").strip(), asked.get("b", "").strip())
    known = asked.get("known-at", "")
    both = [await forms.of(request, text, known) for text in typed]
    wrong = (both[0].wrong["at"], both[1].wrong["at"])
    if not all(typed) or any(wrong):
        return ComparedDays(typed, wrong, [])
    facts = []
    for clocks in both:
        found = await ask(request, STATE, id=id, asOf=clocks.as_of)
        facts.append(_facts(found.data["agreement"]) if found.data else {})
    one, other = facts
    names = list(dict.fromkeys([*one, *other]))
    rows = [ComparedRow(name, one.get(name, ""), other.get(name, "")) for name in names]
    return ComparedDays(typed, wrong, rows)


def _facts(agreement: dict[str, Any] | None) -> dict[str, str]:
    """Returns the facts of an agreement on a day, by their names in the reader's language."""
    if agreement is None:
        return {}
    facts = {_("Status"): sign(agreement["status"]).word}
    for side in agreement["sides"]:
        since = _("since %(day)s", day=day(side["certainFrom"])) if side["certainFrom"] else ""
        state = sign("SUSPENDED").word if side["suspended"] else since or _("not certain")
        facts[_("In practice in %(territory)s", territory=country(side["party"]))] = state
    for scope in agreement["scopes"]:
        parties = {"operator_of": country(scope["from"]), "territory": country(scope["to"])}
        if scope["hs"] and not scope["programmes"]:
            name = _("Recognised: control results of %(operator_of)s in %(territory)s", **parties)
        else:
            name = _("Recognised: operators of %(operator_of)s in %(territory)s", **parties)
        facts[name] = joined("; ", [facts.get(name, ""), _scope(scope)])
    return facts


def _scope(scope: dict[str, Any]) -> str:
    """Returns what a scope covers, in one line."""
    types = _("every type") if scope["types"] == ["*"] else ", ".join(scope["types"])
    goods = f"HS {', '.join(scope['hs'])}" if scope["hs"] else ""
    begins = _("from %(day)s", day=some_day(scope["begins"])) if scope["begins"] else ""
    ends = _("until %(day)s", day=some_day(scope["ends"])) if scope["ends"] else ""
    assumed = phrase("assumed") if scope["assumed"] else ""
    parts = [*scope["programmes"], types, goods, *scope["crossings"], begins, ends, assumed]
    return joined(", ", parts)
