"""Read model of clients: the programs that get access tokens, and their public keys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from projections.models.read_model import (
    AggregateRows,
    BigInt,
    Events,
    ReadModel,
    Rows,
    Table,
    TableRow,
)
from projections.models.tables import optional
from registry.domain.clients import Client


class StoredClient(TableRow):
    """A row of views.client."""

    client: str
    id: UUID
    administration: str | None
    acts_for: str
    name: str
    revoked: datetime | None
    reason: str | None
    recorded_from: datetime
    position: BigInt


class StoredClientKey(TableRow):
    """A row of views.client_key: a public key of a client, in use or retired."""

    client: str
    key_id: str
    key: str
    recorded_from: datetime
    retired: datetime | None
    position: BigInt


def rows(events: Events) -> Rows:
    """Returns the rows of a client and its keys, from its whole stream. A pure function of the
    events."""
    first, last = events[0], events[-1]
    client = first.event.client
    revoked = next((each for each in events if isinstance(each.event, Client.Revoked)), None)
    retired = {
        each.event.key_id: each.known_at
        for each in events
        if isinstance(each.event, Client.KeyRetired)
    }
    return {
        "client": [
            StoredClient(
                client=client,
                id=first.event.originator_id,
                administration=optional(first.event.administration),
                acts_for=first.event.acts_for,
                name=first.event.name,
                revoked=revoked.known_at if revoked else None,
                reason=revoked.event.reason if revoked else None,
                recorded_from=first.known_at,
                position=last.position,
            )
        ],
        "client_key": [
            StoredClientKey(
                client=client,
                key_id=each.event.key_id,
                key=msgspec.json.encode(each.event.key, order="sorted").decode(),
                recorded_from=each.known_at,
                retired=retired.get(each.event.key_id),
                position=each.position,
            )
            for each in events
            if isinstance(each.event, Client.KeyAdded)
        ],
    }


CLIENTS = ReadModel(
    "clients",
    (
        AggregateRows(
            noun="client",
            key_field="client",
            tables=(
                Table(
                    "client",
                    StoredClient,
                    key="client",
                    valid="t.revoked is null or t.revoked > {at}",
                ),
                Table(
                    "client_key",
                    StoredClientKey,
                    key="client",
                    valid="t.retired is null or t.retired > {at}",
                ),
            ),
            rows=rows,
        ),
    ),
)
