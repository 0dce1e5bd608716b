"""Imports of a complete published list: operators that are no longer on it.

An operator that the register knows from that list, and that the file does not name with the same
type, is no longer listed on the day of reading. One `list_operator` with `absent` is recorded for
each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from api.importing.files import BadFile
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.domain.operators.events import Operator
from registry.domain.values import HELD
from registry.ledger.connections import Session


class CompleteList:
    """The lines of such a file: all of one list, read on one day."""

    def __init__(self) -> None:
        self._reading: tuple[str, str, date] | None = None
        self._named: set[tuple[str, str]] = set()

    def add(self, command: c.Command) -> None:
        """Adds a line. Raises BadFile for a line that is not of the same reading of the same
        list."""
        if not isinstance(command, c.ListOperator) or command.absent:
            raise BadFile("--whole-list: each line must be a list_operator, of an operator named")
        reading = (command.programme, command.list_, command.read_on)
        if self._reading not in (None, reading):
            raise BadFile("--whole-list: the lines are of several lists, programmes or days")
        self._reading = reading
        self._named.add((command.tin.text, command.type))

    def missing(self, registry: Registry, conninfo: str) -> Iterator[c.ListOperator]:
        """Yields a command for each operator that the register knows from this list and the file
        does not name.

        Raises BadFile for a file without a line, because it does not say which list it is.
        """
        if self._reading is None:
            raise BadFile("--whole-list: no line says which list this is")
        programme, name, read_on = self._reading
        for stream in _listed(conninfo, name):
            operator: Operator = registry.repository.get(stream)  # only operators are listed
            for authorisation in operator.authorisations.values():
                known = (authorisation.programme, authorisation.list) == (
                    programme,
                    name,
                ) and authorisation.status in HELD
                if (
                    known
                    and (operator.tin.text, authorisation.type) not in self._named
                    and (authorisation.latest < read_on and operator.successor is None)
                ):
                    yield c.ListOperator(
                        tin=operator.tin,
                        programme=programme,
                        type=authorisation.type,
                        list_=name,
                        read_on=read_on,
                        absent=True,
                    )


def _listed(conninfo: str, name: str) -> list[UUID]:
    """Returns the streams that have an event of this list."""
    with Session.connect(conninfo) as connection:
        rows = connection.execute(
            "select distinct originator_id from ledger.event"
            " where topic = %s and state::json ->> 'list' = %s order by originator_id",
            [Operator.Listed.TOPIC, name],
        )
        return [stream for (stream,) in rows]
