"""The consent that is missing in a territory: who may give it, and whether one would help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from api.graphql.context import Context
from api.languages.language import _
from api.pages.command_file import may_give
from api.pages.command_places import address_of
from api.pages.labels import country
from registry.domain import commands as c
from registry.domain.values import Tin


@dataclass(frozen=True)
class MissingConsent:
    """A consent without which a territory is told nothing of an operator. `address`: the form that
    gives the consent, for a visitor who may; else "", and `sentence` says who may. `label`: of the
    button."""

    address: str
    label: str
    sentence: str


def of(asked: Context, tin: Tin, answer: dict[str, Any]) -> MissingConsent | None:
    """The consent that is missing by a recognition answer; None where none is."""
    for reason in answer.get("reasons", ()):
        if reason["code"] != "NO_CONSENT" or "facts" not in reason:
            continue
        facts = {fact["name"]: fact["value"] for fact in reason["facts"]}
        if "notFoundAdequate" in facts:
            # Where the law finds a partner not adequate, no consent opens the record to it.
            return MissingConsent("", "", _("No consent changes that."))
        return _missing(asked, tin, answer["in"], facts.get("consentLaw") == "general")
    return None


def _missing(asked: Context, tin: Tin, there: str, is_general: bool) -> MissingConsent:
    if not may_give(asked, tin, c.GiveConsent):
        return MissingConsent(
            "", "", _("The operator may give this consent, or its home customs on its behalf.")
        )
    given = {"general": "true"} if is_general else {"partner": there}
    address = f"{address_of(c.GiveConsent, str(tin))}?{urlencode(given)}"
    return MissingConsent(address, _label(there, is_general, asked.subject.tin is not None), "")


def _label(there: str, is_general: bool, is_own: bool) -> str:
    """Returns the words of the button. `is_own`: the visitor is the operator itself."""
    match is_general, is_own:
        case True, True:
            return _("Give the general consent")
        case True, False:
            return _("Record the general consent")
        case False, True:
            return _("Give consent for %(territory)s", territory=country(there))
    return _("Record the consent for %(territory)s", territory=country(there))
