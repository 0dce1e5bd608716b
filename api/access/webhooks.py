"""Registers, removes and replays webhooks. Each command is kept, with who gave it and when."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from api.access.policy import Subject, SubjectRole
from api.access.webhook_addresses import AddressPolicy, AddressRefused
from api.access.webhook_keys import WebhookKeys, webhook_keys
from projections.reads.webhooks import WebhookRow, webhooks
from registry.domain.errors import AlreadyRegistered, BadValue, OtherCommand, Refusal
from registry.ledger.connections import AsyncSession
from registry.ledger.database import connection_parameters

#: Notification channel: a webhook was registered, removed, or is to be replayed.
CHANNEL = "webhooks_changed"
#: "AEOP" in ASCII, for post. Advisory lock: one sender per database (api/webhooks/sender.py).
LEADER_LOCK = 0x41454F50


class UnknownWebhook(Refusal):
    """The subject's administration has no webhook with this id."""


class AddressNotAllowed(Refusal):
    """No message is posted to this address. The message says why."""


class TooManyWebhooks(Refusal):
    """The administration has as many webhooks as it may have."""


def owner_of(subject: Subject) -> str:
    """Whose webhooks a subject registers and sees: its administration's; an auditor's its own."""
    if subject.role in (SubjectRole.PARTNER, SubjectRole.OFFICER) and subject.administration:
        return subject.administration.text
    return subject.id


#: An epoch of the ledger, and a position in it.
State = tuple[str, int]


class WebhookStore:
    """The webhooks of this database. `of_one`: how many one owner may have."""

    def __init__(self, conninfo: str, home: Path, addresses: AddressPolicy, of_one: int) -> None:
        self._conninfo, self._home = conninfo, home
        self._addresses, self._of_one = addresses, of_one

    @property
    def keys(self) -> WebhookKeys:
        """The keys that sign messages."""
        return webhook_keys(self._home)

    async def register(
        self,
        command_id: UUID,
        subject: Subject,
        territory: str,
        url: str,
        signature: str,
        state: State,
    ) -> WebhookRow:
        """Registers a webhook; its id is that of the command. `state`: from where on it is told.
        Raises Refusal."""
        code = subject.administration.text if subject.administration else None
        try:
            self._addresses.destination(url, code)
        except AddressRefused as error:
            raise AddressNotAllowed("url: %(error)s", error=error) from None
        fields = {"territory": territory, "url": url, "signature": signature}
        owner = owner_of(subject)
        async with self._command(command_id, subject, "register", command_id, fields) as connection:
            if connection:
                await self._room_for(connection, owner, territory, url)
                await connection.execute(
                    "insert into access.webhook (id, owner, subject, role, administration,"
                    " territory, url, signature, registered_at)"
                    " values (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())",
                    [command_id, owner, subject.actor, subject.role.value, code, *fields.values()],
                )
                await connection.execute(
                    "insert into access.webhook_state (webhook, epoch, position, replayed,"
                    " attempts, delivered, failures) values (%s, %s, %s, 0, 0, 0, 0)",
                    [command_id, *state],
                )
        return await self._read(owner, command_id)

    async def remove(self, command_id: UUID, subject: Subject, webhook: UUID) -> None:
        """Removes a webhook: nothing more is sent. Raises Refusal."""
        async with self._command(command_id, subject, "remove", webhook, {}) as connection:
            if connection:
                await self._change(
                    connection, webhook, subject, "removed_at = clock_timestamp()", {}
                )

    async def replay(
        self, command_id: UUID, subject: Subject, webhook: UUID, epoch: str, after: int
    ) -> WebhookRow:
        """Sends again what follows a position, also to a webhook that was stopped. Raises
        Refusal."""
        fields = {"epoch": epoch, "after": after}
        async with self._command(command_id, subject, "replay", webhook, fields) as connection:
            if connection:
                change = (
                    "replay_epoch = %(epoch)s, replay_after = %(after)s, replay_number ="
                    " (select max(number) from access.webhook_command where webhook = %(id)s)"
                )
                await self._change(connection, webhook, subject, change, fields)
        return await self._read(owner_of(subject), webhook)

    async def rotate(
        self, command_id: UUID, subject: Subject, webhook: UUID, hours: int
    ) -> WebhookRow:
        """Replaces the secret of a webhook with a symmetric signature. `hours`: for which messages
        are signed with the one before, too. Raises Refusal."""
        owner = owner_of(subject)
        found = await self._read(owner, webhook, wanted=True)
        if found.signature != "HMAC":
            raise BadValue(
                "webhook: it is signed with the key of the service (ED25519), which has no secret:"
                " the operator of the service replaces that key"
            )
        fields = {"hours": hours}
        async with self._command(command_id, subject, "rotate", webhook, fields) as connection:
            if connection:
                change = (
                    "generation = generation + 1,"
                    " former_until = clock_timestamp() + %(hours)s * interval '1 hour'"
                )
                await self._change(connection, webhook, subject, change, fields)
        return await self._read(owner, webhook)

    async def of(self, subject: Subject) -> list[WebhookRow]:
        """The webhooks of a subject's administration."""
        async with self._connection("aeo_reader") as connection:
            return await webhooks(connection, owner_of(subject))

    async def _read(self, owner: str, id: UUID, *, wanted: bool = False) -> WebhookRow:
        async with self._connection("aeo_reader") as connection:
            found = await webhooks(connection, owner, id)
        if not found and wanted:
            raise UnknownWebhook(
                "webhook: found %(id)s, wanted one of %(owner)s", id=id, owner=owner
            )
        if not found:
            raise UnknownWebhook("webhook: found %(id)s, which was removed", id=id)
        return found[0]

    async def _room_for(
        self, connection: AsyncConnection[Any], owner: str, territory: str, url: str
    ) -> None:
        found = await (
            await connection.execute(
                "select count(*), count(*) filter (where url = %s and territory = %s)"
                " from access.webhook where owner = %s and removed_at is null",
                [url, territory, owner],
            )
        ).fetchone()
        assert found is not None
        if found[1]:
            raise AlreadyRegistered(
                "url: %(owner)s has a webhook for %(territory)s at this address",
                owner=owner,
                territory=territory,
            )
        if found[0] >= self._of_one:
            raise TooManyWebhooks(
                "%(owner)s has %(found)s webhooks, and may have no more",
                owner=owner,
                found=found[0],
            )

    @staticmethod
    async def _change(
        connection: AsyncConnection[Any],
        webhook: UUID,
        subject: Subject,
        change: str,
        fields: Mapping[str, Any],
    ) -> None:
        parameters = {**fields, "id": webhook, "owner": owner_of(subject)}
        done = await connection.execute(
            f"update access.webhook set {change}"
            " where id = %(id)s and owner = %(owner)s and removed_at is null".encode(),
            parameters,
        )
        if not done.rowcount:
            raise UnknownWebhook(
                "webhook: found %(webhook)s, wanted one of %(subject)s",
                webhook=webhook,
                subject=owner_of(subject),
            )

    @asynccontextmanager
    async def _command(
        self,
        command_id: UUID,
        subject: Subject,
        kind: str,
        webhook: UUID,
        fields: Mapping[str, Any],
    ) -> AsyncIterator[AsyncConnection[Any] | None]:
        """A transaction in which a command is carried out; None where it was already, with this
        id. Raises OtherCommand where the id was used for another one."""
        async with self._connection("aeo_writer") as connection, connection.transaction():
            done = await connection.execute(
                "insert into access.webhook_command (command_id, subject, kind, webhook, input)"
                " values (%s, %s, %s, %s, %s) on conflict (command_id) do nothing",
                [command_id, subject.actor, kind, webhook, Jsonb(fields)],
            )
            if done.rowcount:
                yield connection
                await connection.execute("select pg_notify(%s, %s)", [CHANNEL, str(webhook)])
                return
            row = await (
                await connection.execute(
                    "select subject, kind, webhook, input from access.webhook_command"
                    " where command_id = %s",
                    [command_id],
                )
            ).fetchone()
            if row != (subject.actor, kind, webhook, fields):
                raise OtherCommand(
                    "command_id: %(command_id)s was used for another command", command_id=command_id
                )
            yield None

    @asynccontextmanager
    async def _connection(self, role: str) -> AsyncIterator[AsyncConnection[Any]]:
        parameters = connection_parameters(
            self._conninfo, {"role": role, "timezone": "UTC"}, autocommit=True, connect_timeout=5
        )
        connection = await AsyncSession.connect(**parameters)
        async with connection:
            yield connection
