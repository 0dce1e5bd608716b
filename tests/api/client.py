"""Somebody at the counter: asks in GraphQL over HTTP, in process, and reads what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx

from api.access.tokens import issue
from api.app import create_app
from api.http.service import Service
from api.pages.forms import CSRF_COOKIE, CSRF_FIELD, masked
from api.settings import Settings
from projections.engine.projector import Projector
from registry.application.registry import Registry
from registry.domain import commands
from registry.ledger.database import environment

KOREA = "partner:KR"
CHINA = "officer:CN"
AUDITOR = "auditor:*"
ACME = "CN1234567890"

OUTCOME = """{
  __typename
  ... on Recorded { stream version position events { position type payload }
    warnings { code message } }
  ... on Proposed { proposal programme expires position }
  ... on Refused { code message path }
}"""

WORLD: list[dict[str, Any]] = [
    *(
        {
            "command": "register_administration",
            "administration": code,
            "name": f"Customs of {code}",
            "time_zone": zone,
            "bloc": code == "EU",
        }
        for code, zone in (
            ("CN", "Asia/Shanghai"),
            ("KR", "Asia/Seoul"),
            ("AU", "Australia/Sydney"),
            ("EU", "Europe/Brussels"),
            ("DE", "Europe/Berlin"),
        )
    ),
    {
        "command": "join_bloc",
        "administration": "EU",
        "member": "DE",
        "effective": "1958-01-01",
        "source": "Treaty of Rome",
    },
    {
        "command": "register_programme",
        "programme": "CN-AEO",
        "administration": "CN",
        "name": "Enterprise credit",
        "types": ["ADVANCED", "GENERAL"],
        "effective": "2008-04-01",
        "source": "Order 170",
    },
    {
        "command": "propose_agreement",
        "id": "CN-KR-AEO",
        "kind": "AEO_MUTUAL_RECOGNITION",
        "title": "China and Korea",
        "parties": ["CN", "KR"],
        "effective": "2013-01-01",
        "source": "a notice",
    },
    {"command": "register_operator", "tin": ACME, "name": "Acme", "roles": ["EXPORTER"]},
]


def record(registry: Registry, lines: Iterable[dict[str, Any]]) -> None:
    for line in lines:
        registry.execute(commands.read(line), "test")


def small_world(database: str) -> None:
    registry = Registry(environment(database))
    record(registry, WORLD)
    registry.close()
    Projector(database).catch_up()


class Client:
    """Keeps one event loop for all its requests, as a server does."""

    def __init__(self, database: str, home: Path, **settings: Any) -> None:
        self.database, self.home = database, home
        # A test asks more things than a subject does, as identities that `up` alone offers, and
        # on a machine that is busy with others no answer of it is late, nor a refusal held back.
        said = {
            "demo": True,
            "deadline": 30.0,
            "refusal_delay": 0.0,
            **settings,
        }
        self.app = create_app(Settings(database=database, home=home, **said))
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        async def start() -> httpx.AsyncClient:
            await self._stack.enter_async_context(self.app.router.lifespan_context(self.app))
            transport = httpx.ASGITransport(self.app)
            http = httpx.AsyncClient(transport=transport, base_url="http://localhost")
            return await self._stack.enter_async_context(http)

        self.http = self._runner.run(start())
        return self

    def __exit__(self, *exception: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    @property
    def service(self) -> Service:
        found: Service = self.app.state.service
        return found

    def pause(self, seconds: float) -> None:
        """What the service does by itself goes on meanwhile."""
        self._runner.run(asyncio.sleep(seconds))

    def until_told(self, subscribers: int) -> None:
        """Waits until so many subscribers are told what changes from now on."""
        for _ in range(600):
            if self.service.changes.open == subscribers:
                return
            self.pause(0.05)
        raise AssertionError(f"{self.service.changes.open} subscribers, wanted {subscribers}")

    def request(self, method: str, path: str, **said: Any) -> httpx.Response:
        return self._runner.run(self.http.request(method, path, **said))

    def send(self, path: str, data: dict[str, str], **said: Any) -> httpx.Response:
        """A form of the site's own, sent as a browser sends it: with the visitor's form token."""
        token = "a-form-token-of-this-one-visitor"
        headers = dict(said.pop("headers", {}))
        cookies = [headers.pop("cookie", headers.pop("Cookie", "")), f"{CSRF_COOKIE}={token}"]
        headers["cookie"] = "; ".join(filter(None, cookies))
        form = data | {CSRF_FIELD: masked(token)}
        return self.request("POST", path, data=form, headers=headers, **said)

    def post(
        self,
        document: str,
        by: str | None = None,
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> httpx.Response:
        """The whole response. `by`: a token's subject; without one it is the public."""
        shown = {"Authorization": f"Bearer {issue(by, self.home)}"} if by else {}
        body = {"query": document, "variables": variables}
        return self.request("POST", "/graphql", json=body, headers=shown | (headers or {}))

    def ask(self, document: str, by: str | None = None, **variables: Any) -> dict[str, Any]:
        """The data of an answer that has no error."""
        body = self.post(document, by, **variables).json()
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    def error(self, document: str, by: str | None = None, **variables: Any) -> dict[str, Any]:
        """The one error of an answer."""
        [error] = self.post(document, by, **variables).json()["errors"]
        assert error["extensions"].pop("requestId")  # tests/api/http/test_exchanges.py
        return {"message": error["message"], **error["extensions"]}

    def tell(self, mutation: str, by: str | None, **input: Any) -> dict[str, Any]:
        """Give a command; its outcome. A command id is made where none is given."""
        kind = next(input_ for input_ in self.app_inputs() if input_[0] == mutation)[1]
        document = f"mutation ($input: {kind}!) {{ {mutation}(input: $input) {OUTCOME} }}"
        said = {"commandId": str(uuid4()), **input}
        outcome: dict[str, Any] = self.ask(document, by, input=said)[mutation]
        return outcome

    @staticmethod
    def app_inputs() -> list[tuple[str, str]]:
        from api.graphql.schema import core

        fields = core.mutation_type.fields if core.mutation_type else {}
        return [
            (name, str(field.args["input"].type).rstrip("!"))
            for name, field in fields.items()
            if "input" in field.args
        ]

    def last_position(self) -> int:
        return self.service.registry.recorder.max_notification_id() or 0
