"""What a question cost, told to whoever asks for it with the header `Aeo-Cost: true`.

The answer then has `extensions.cost`: `requested`, the work that the question asked for, in
microseconds by `api/graphql/costs.py`, null where no operation was read; `maximum`, the most that
is done for one question; and `newDocuments`, how many documents never seen before this asker may
still show to the process that answered, how many at most, and how many are added each second.
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
    """Of one request. `requested` is filled in by whoever reads the document."""

    def __init__(self, allowance: RateLimiter) -> None:
        self._allowance = allowance
        self.requested: int | None = None

    def added_to(self, answer: GraphQLResponse, asker: str) -> GraphQLResponse:
        """The same answer with `extensions.cost`; where it is text, put before its last brace."""
        extensions = {"cost": self._cost(asker)}
        if answer.text is None:
            return replace(answer, body=answer.body | {"extensions": extensions})
        said = b',"extensions":' + orjson.dumps(extensions) + b"}"
        return replace(answer, text=answer.text[:-1] + said)

    def _cost(self, asker: str) -> dict[str, Any]:
        allowance = self._allowance
        return {
            "requested": self.requested,
            "maximum": COST,
            "newDocuments": {
                "remaining": allowance.left(asker, monotonic()),
                "maximum": allowance.most,
                "restoredPerSecond": allowance.rate,
            },
        }


def wanted(headers: dict[bytes, bytes], allowance: RateLimiter) -> CostReport | None:
    """None for a request that does not ask for it."""
    said = headers.get(HEADER)
    return CostReport(allowance) if said and said.strip().lower() == b"true" else None
