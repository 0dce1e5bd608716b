"""The address of a recorded command's last page, with what was measured, sealed for the browser
that sent the form: another address shows no figure that was not measured."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from fastapi import Request

from api.pages.forms import CSRF_COOKIE
from api.pages.query import context


@dataclass(frozen=True)
class CommandReceipt:
    """What became of a command. `version`: of the stream after it; 0: there was nothing to change.
    `milliseconds`: until the read models answered with it; None: they had not yet."""

    position: int
    version: int
    milliseconds: int | None

    @property
    def _text(self) -> str:
        late = "late" if self.milliseconds is None else str(self.milliseconds)
        return f"{self.position}.{self.version}.{late}"

    def sealed(self, request: Request, address: str) -> str:
        """Returns it as a text for the query string of this address."""
        return f"{self._text}.{_seal(request, address, self._text)}"


async def is_recorded(request: Request, command_id: str) -> bool:
    """Whether a command with this id (idempotency key) was recorded."""
    asked = await context(request)
    try:
        id = UUID(command_id)
    except ValueError:
        return False
    find = asked.registry.ledger.find_command
    return await asyncio.get_running_loop().run_in_executor(asked.writers, find, id) is not None


def opened(request: Request, address: str, text: str) -> CommandReceipt | None:
    """Returns the receipt of a recorded command from its signed text. None where the text was not
    signed for this browser and this address."""
    body, _, seal = text.rpartition(".")
    if not body or not hmac.compare_digest(_seal(request, address, body), seal):
        return None
    position, version, late = body.split(".")
    return CommandReceipt(int(position), int(version), None if late == "late" else int(late))


def _seal(request: Request, address: str, text: str) -> str:
    key = request.cookies.get(CSRF_COOKIE, "").encode("latin-1", "replace")
    return hmac.new(key or b"none", f"{address} {text}".encode(), sha256).hexdigest()[:32]
