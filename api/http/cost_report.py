"""The cost of a query, reported in the answer when the request has the header `Aeo-Cost: true`.

The answer then has `extensions.cost`: `requested`, the work of the query in microseconds by
`api/graphql/costs.py`, or null where no operation was read; `maximum`, the most that is done for
one query; and `newDocuments`, the state of the rate limit in the process that answered: how many
documents not seen before the subject may still send, how many at most, and how many are added each
second.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any

import orjson

from api.graphql.executor import GraphQLResponse
from api.graphql.limits import COST
from api.http.rate_limit import RateLimiter

HEADER = b"aeo-cost"


class CostReport:
    """The cost report of one request. `requested` is filled in by the reader of the document."""

    def __init__(self, rate_limiter: RateLimiter) -> None:
        self._rate_limiter = rate_limiter
        self.requested: int | None = None

    def added_to(self, answer: GraphQLResponse, subject: str) -> GraphQLResponse:
        """Returns the same answer with `extensions.cost`. In an answer that is JSON text it is
        inserted before the last brace."""
        extensions = {"cost": self._cost(subject)}
        if answer.text is None:
            return replace(answer, body=answer.body | {"extensions": extensions})
        ending = b',"extensions":' + orjson.dumps(extensions) + b"}"
        return replace(answer, text=answer.text[:-1] + ending)

    def _cost(self, subject: str) -> dict[str, Any]:
        rate_limiter = self._rate_limiter
        return {
            "requested": self.requested,
            "maximum": COST,
            "newDocuments": {
                "remaining": rate_limiter.left(subject, monotonic()),
                "maximum": rate_limiter.most,
                "restoredPerSecond": rate_limiter.rate,
            },
        }


def wanted(headers: dict[bytes, bytes], rate_limiter: RateLimiter) -> CostReport | None:
    """Returns the report to fill in; None for a request that does not ask for one."""
    header = headers.get(HEADER)
    return CostReport(rate_limiter) if header and header.strip().lower() == b"true" else None
