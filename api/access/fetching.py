"""HTTP requests to token issuers: JSON in, JSON out, within a time and a size, without redirects.

Everything is awaited, so an issuer that does not answer delays no other request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

PATIENCE = 3.0  # seconds for a whole exchange
LARGEST = 262_144  # bytes of a response


class FetchFailed(Exception):
    """The issuer did not answer, or not with a JSON object. `body`: what it said with an error
    status."""

    def __init__(self, why: str, body: dict[str, Any] | None = None) -> None:
        super().__init__(why)
        self.body = body or {}


class IssuerClient:
    """An HTTP client for one service process. Connections are made when they are needed."""

    def __init__(self) -> None:
        self._client: Any = None

    async def get(self, url: str) -> dict[str, Any]:
        """Returns the JSON object at an address. Raises FetchFailed."""
        return await self._exchange("GET", url)

    async def post(self, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Sends a form and returns the JSON object of the answer. Raises FetchFailed."""
        return await self._exchange("POST", url, form)

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _exchange(
        self, method: str, url: str, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        import httpx

        if self._client is None:
            # Neither a proxy nor a certificate bundle is taken from the environment's variables.
            self._client = httpx.AsyncClient(
                timeout=PATIENCE, trust_env=False, headers={"Accept": "application/json"}
            )
        try:
            async with (
                asyncio.timeout(PATIENCE),
                self._client.stream(method, url, data=form) as answer,
            ):
                text = b""
                async for part in answer.aiter_bytes():
                    text += part
                    if len(text) > LARGEST:
                        raise FetchFailed(f"{url}: the answer is longer than {LARGEST} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise FetchFailed(f"{url}: {type(error).__name__} {error}") from None
        try:
            found = orjson.loads(text)
        except ValueError:
            found = None
        if answer.status_code != 200 or not isinstance(found, dict):
            why = f"{url}: status {answer.status_code}, wanted 200 with a JSON object"
            raise FetchFailed(why, found if isinstance(found, dict) else None)
        return found
