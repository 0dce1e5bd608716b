"""The register that an assistant's questions go to: its GraphQL address, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver.exceptions import ToolError

from api.access.client_tokens import NoToken

if TYPE_CHECKING:
    import httpx

WAIT = 30.0  # seconds for an answer


class QuestionRefused(ToolError):
    """The register refused the question, or did not answer. The message says which, and why.

    It never stands for an answer: nothing follows from it about an operator.
    """


@dataclass(frozen=True)
class AssistantSource:
    """A register by its address. `token`: gives the access token of each request; None asks as the
    public. `purpose`: what the log of reads keeps as the purpose of each question."""

    url: str
    token: Callable[[], str] | None
    purpose: str

    async def ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Returns the data of the answer. Raises QuestionRefused."""
        import httpx

        headers = {"Purpose": self.purpose}
        try:
            if self.token is not None:
                headers["Authorization"] = f"Bearer {self.token()}"
            async with httpx.AsyncClient(timeout=WAIT, trust_env=False) as client:
                response = await client.post(
                    f"{self.url}/graphql",
                    json={"query": document, "variables": variables},
                    headers=headers,
                )
        except (httpx.HTTPError, httpx.InvalidURL, NoToken) as error:
            raise QuestionRefused(
                f"the register at {self.url} gave no answer ({type(error).__name__}: {error});"
                " this says nothing about the operator or the agreement"
            ) from error
        return _data(response)


def _data(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    errors = body.get("errors") if isinstance(body, dict) else None
    if errors:
        raise QuestionRefused("\n".join(map(_sentence, errors)))
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise QuestionRefused(
            f"the register answered with HTTP {response.status_code} and without data; this says"
            " nothing about the operator or the agreement"
        )
    data: dict[str, Any] = body["data"]
    return data


def _sentence(error: dict[str, Any]) -> str:
    code = error.get("extensions", {}).get("code")
    return f"{code}: {error.get('message')}" if code else str(error.get("message"))
