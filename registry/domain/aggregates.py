"""The list of all aggregates, whose events the ledger contains.

A program that only reads the ledger needs this list, and nothing of the decisions.
"""

from __future__ import annotations

from uuid import UUID

from eventsourcing.domain import BaseAggregate

from registry.domain.administrations import Administration
from registry.domain.agreements.events import Agreement
from registry.domain.clients import Client
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.publications import Claim, Document

AGGREGATES: tuple[type[BaseAggregate[UUID]], ...] = (
    Operator,
    Agreement,
    Administration,
    Programme,
    Claim,
    Document,
    Client,
)
