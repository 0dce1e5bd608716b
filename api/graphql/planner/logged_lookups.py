"""What the read log keeps of the fields that a planned statement answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from api.access.read_log import LoggedQuestion, consignment
from api.graphql.context import Context
from api.graphql.planner.answers import OutcomeReader, TerritoryOutcomeReader


class LoggedField(NamedTuple):
    """A field whose look-ups are written to the read log.

    `number`: the number of its BoundField. `of`: the parameter with the TINs.
    """

    number: int
    name: str
    of: str
    outcomes: OutcomeReader | None
    territory_outcomes: TerritoryOutcomeReader | None


class LoggedLookup(NamedTuple):
    """A look-up of one request, for the read log.

    `foreign`: by an administration, of an operator that is not its own; only such are logged.
    """

    of: LoggedField
    tins: list[str]
    bound: Mapping[str, Any]
    foreign: bool

    def record(self, context: Context, answer: bytes) -> None:
        """Writes the look-up to the read log. `answer`: the JSON text of the answer, empty where
        there was none."""
        if not self.foreign:
            return  # The answer is parsed only where a look-up is logged.
        outcomes, territory_outcomes = self.of.outcomes, self.of.territory_outcomes
        asked = self.bound.get("look") or (
            self._logged_question(self.bound["in"]) if outcomes else None
        )
        sent = outcomes.read(answer) if outcomes and answer else None
        context.looked(self.of.name, self.tins, asked, sent)
        outcomes_by_tin = (
            territory_outcomes.read(answer, self.tins) if territory_outcomes and answer else {}
        )
        for territory, by_tin in outcomes_by_tin.items():
            context.looked(
                "recognisedIn",
                list(by_tin),
                self._logged_question(territory),
                list(by_tin.values()),
            )

    def _logged_question(self, territory: str) -> LoggedQuestion:
        bound = self.bound
        return LoggedQuestion(territory, bound["at"], bound["known"], consignment(bound))


def logged_lookup(context: Context, logged: LoggedField, bound: Mapping[str, Any]) -> LoggedLookup:
    """The look-up of a field with the values of its parameters."""
    given = bound[logged.of]
    tins = [given] if isinstance(given, str) else given
    return LoggedLookup(logged, tins, bound, any(context.foreign(tins)))
