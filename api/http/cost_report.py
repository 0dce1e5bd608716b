"""The cost of a query, reported in the answer when the request has the header `Aeo-Cost: true`.

The answer then has `extensions.cost`: `requested`, the work of the query in microseconds by
`api/graphql/costs.py`, or null where no operation was read; `maximum`, the most that is done for
one query; and `quota`, what is left of the client's quota of this minute: requests and work, and
the seconds until the next minute.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from api.access.quotas import QuotaAccount, seconds_left
from api.graphql.executor import GraphQLResponse
from api.graphql.limits import COST

HEADER = b"aeo-cost"


class CostReport:
    """The cost report of one request. `requested` is filled in by the reader of the document."""

    def __init__(self, account: QuotaAccount) -> None:
        self._account = account
        self.requested: int | None = None

    def added_to(self, answer: GraphQLResponse) -> GraphQLResponse:
        """Returns the same answer with `extensions.cost`. In an answer that is JSON text it is
        inserted before the last brace."""
        extensions = {"cost": self._cost()}
        if answer.text is None:
            return replace(answer, body=answer.body | {"extensions": extensions})
        ending = b',"extensions":' + orjson.dumps(extensions) + b"}"
        return replace(answer, text=answer.text[:-1] + ending)

    def _cost(self) -> dict[str, Any]:
        account, quota = self._account, self._account.quota
        return {
            "requested": self.requested,
            "maximum": COST,
            "quota": {
                "requests": _left(quota.requests, account.requests),
                "work": _left(quota.work, account.work),
                "restoredAfterSeconds": seconds_left(account.quotas.clock()),
            },
        }


def _left(quota: int, used: int) -> dict[str, int]:
    return {"remaining": max(0, quota - used), "maximum": quota}


def wanted(headers: dict[bytes, bytes], account: QuotaAccount) -> CostReport | None:
    """Returns the report to fill in; None for a request that does not ask for one."""
    header = headers.get(HEADER)
    return CostReport(account) if header and header.strip().lower() == b"true" else None
