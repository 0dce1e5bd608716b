"""The GraphQL types, query and mutations of webhooks: addresses of partners that are told when
there are changes to read."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from api.access.policy import Action, Resource, SubjectRole, decide, name_of
from api.access.webhooks import WebhookStore
from api.graphql import positions
from api.graphql.context import Context, Info
from api.graphql.costs import costs
from api.graphql.errors import Forbidden, Refused, forbidden
from api.graphql.scalars import Position
from projections.reads.webhooks import DeadLetterRow, WebhookRow, dead_letters, second
from registry.domain.errors import BadValue, Refusal
from registry.domain.values import AdministrationCode

MOST_HOURS = 168  # for which two secrets are used
OWN_CONNECTION = 10_000  # microseconds: a connection of its own, and a few statements


@strawberry.enum
class WebhookSignature(Enum):
    """How the messages of a webhook are signed (Standard Webhooks)."""

    ED25519 = "ED25519"
    HMAC = "HMAC"


@strawberry.enum
class WebhookState(Enum):
    """Whether a webhook's messages arrive."""

    DELIVERING = "DELIVERING"
    RETRYING = "RETRYING"
    STOPPED = "STOPPED"


@strawberry.type
class WebhookDeadLetter:
    """A message that was not accepted for so long that it was given up. The changes that it pointed
    to stay in the feed."""

    message: strawberry.ID = strawberry.field(
        description="The id of the message (header `webhook-id`)."
    )
    epoch: str = strawberry.field(
        description="The epoch of the ledger to which `after` and `until` belong."
    )
    after: Position = strawberry.field(
        description="The message pointed to the changes after this position."
    )
    until: Position = strawberry.field(description="The position of the last of these changes.")
    failing_since: datetime = strawberry.field(description="When the first attempt failed.")
    given_up_at: datetime = strawberry.field(description="When the message was given up.")
    attempts: int = strawberry.field(description="How often the message was sent.")
    failure: str = strawberry.field(description="Why the last attempt failed, as a sentence.")

    @classmethod
    def of(cls, row: DeadLetterRow) -> WebhookDeadLetter:
        """The dead letter as a GraphQL object."""
        return cls(
            message=strawberry.ID(row.message),
            epoch=row.epoch,
            after=Position(row.after_position),
            until=Position(row.until_position),
            failing_since=row.failing_since,
            given_up_at=row.given_up_at,
            attempts=row.attempts,
            failure=row.failure,
        )


@strawberry.type
class Webhook:
    """A webhook: an address to which a signed message is posted when recognition answers for a
    territory have changed. The message has positions only; what changed is read with `changes`."""

    id: strawberry.ID = strawberry.field(description="The id of the webhook, a UUID.")
    url: str = strawberry.field(description="The address to which messages are posted.")
    for_: AdministrationCode = strawberry.field(
        name="for", description="The territory that recognises, by its code."
    )
    signature: WebhookSignature = strawberry.field(description="How its messages are signed.")
    public_key: str | None = strawberry.field(
        description="The public key with which its messages are checked, as `whpk_` and base64. "
        "Null for HMAC."
    )
    former_until: datetime | None = strawberry.field(
        description="Until when messages are signed with the key or secret before, too. Null: with "
        "one only."
    )
    registered_at: datetime = strawberry.field(description="When it was registered.")
    registered_by: str = strawberry.field(
        description="The subject of the token with which it was registered."
    )
    epoch: str | None = strawberry.field(
        description="The epoch of the ledger to which `position` belongs. Null: not begun yet."
    )
    position: Position | None = strawberry.field(
        description="Every change up to this position was told, or is in a dead letter. Null: not "
        "begun yet."
    )
    delivered_at: datetime | None = strawberry.field(
        description="When a message was accepted last. Null: never."
    )
    delivered: int = strawberry.field(description="How many messages were accepted.")
    attempts: int = strawberry.field(
        description="How many messages were sent, each attempt counted."
    )
    failures: int = strawberry.field(
        description="How many attempts of the present message failed. 0: the last one was accepted."
    )
    failing_since: datetime | None = strawberry.field(
        description="When the first attempt of the present message failed. Null: it did not."
    )
    failure: str | None = strawberry.field(
        description="Why the last attempt failed, as a sentence. Null: it did not."
    )
    next_attempt_at: datetime | None = strawberry.field(
        description="When the present message is sent again. Null: no message waits for that."
    )
    state: WebhookState = strawberry.field(description="Whether its messages arrive.")
    row: strawberry.Private[WebhookRow]

    @classmethod
    def of(cls, row: WebhookRow, webhook_store: WebhookStore) -> Webhook:
        """The webhook as a GraphQL object."""
        symmetric = row.signature == WebhookSignature.HMAC.value
        return cls(
            row=row,
            id=strawberry.ID(str(row.id)),
            url=row.url,
            for_=AdministrationCode(row.territory),
            signature=WebhookSignature(row.signature),
            public_key=None if symmetric else webhook_store.keys.public,
            former_until=_former_until(row, webhook_store),
            registered_at=row.registered_at,
            registered_by=row.subject,
            epoch=row.epoch,
            position=None if row.position is None else Position(row.position),
            delivered_at=row.delivered_at,
            delivered=row.delivered or 0,
            attempts=row.attempts or 0,
            failures=row.failures or 0,
            failing_since=row.failing_since,
            failure=row.failure,
            next_attempt_at=row.next_attempt_at,
            state=_state(row),
        )

    @strawberry.field
    def status(self) -> str:
        """The state as a sentence, for people."""
        return sentence(self.row)

    @costs(100, each=10)
    @strawberry.field
    async def dead_letters(self, info: Info) -> list[WebhookDeadLetter]:
        """The messages that were given up, the newest first; at most 100."""
        async with info.context.views.connection() as views:
            found = await dead_letters(views, [self.row.id])
        return [WebhookDeadLetter.of(row) for row in found]


def _former_until(row: WebhookRow, webhook_store: WebhookStore) -> datetime | None:
    ends = [row.former_until] if row.former_until else []
    if row.signature == WebhookSignature.ED25519.value:
        ends = [until for _, until in webhook_store.keys.former]
    now = datetime.now(UTC)
    return max((until for until in ends if until > now), default=None)


def _state(row: WebhookRow) -> WebhookState:
    if row.stopped and (row.replay_number or 0) <= (row.replayed or 0):
        return WebhookState.STOPPED
    return WebhookState.RETRYING if row.failures else WebhookState.DELIVERING


def sentence(row: WebhookRow) -> str:
    """The state of a webhook, as a sentence for its owner."""
    match _state(row):
        case WebhookState.STOPPED:
            return f"Nothing is sent any more: {row.stopped} `replayWebhook` begins again."
        case WebhookState.RETRYING:
            since = second(row.failing_since) if row.failing_since else "now"
            again = row.next_attempt_at and f" It is sent again at {second(row.next_attempt_at)}."
            return (
                f"A message about the changes up to position {row.until_position} has not been "
                f"accepted since {since}, in {row.failures} attempts. The last one failed: "
                f"{row.failure}{again or ''}"
            )
    if row.delivered_at is None:
        return "Nothing was sent yet: no answer has changed since it was registered."
    return (
        f"Everything was delivered up to position {row.position}; the last message was accepted at "
        f"{second(row.delivered_at)}."
    )


@strawberry.type
class WebhookReceipt:
    """The receipt of a command about a webhook."""

    webhook: Webhook | None = strawberry.field(
        description="The webhook as it is now. Null where the command removed it."
    )
    secret: str | None = strawberry.field(
        description="The secret with which messages are checked, as `whsec_` and base64. It is "
        "shown in this receipt only; the same command with the same `commandId` shows it again. "
        "Null for ED25519, and for commands that neither register a webhook nor replace its secret."
    )


WebhookOutcome = Annotated[
    WebhookReceipt | Refused,
    strawberry.union(
        "WebhookOutcome",
        description="The result of a command about a webhook: carried out, or refused with the "
        "reason.",
    ),
]


@strawberry.input
class RegisterWebhookInput:
    """The input of the mutation `registerWebhook`."""

    command_id: strawberry.ID
    for_: AdministrationCode = strawberry.field(
        name="for", description="The territory of whose recognition answers the webhook is told."
    )
    url: str = strawberry.field(
        description="The address to which messages are posted: https, on a host that the operator "
        "of the service has listed."
    )
    signature: WebhookSignature = strawberry.field(
        default=WebhookSignature.ED25519, description="How messages are signed."
    )


@strawberry.input
class RemoveWebhookInput:
    """The input of the mutation `removeWebhook`."""

    command_id: strawberry.ID
    webhook: strawberry.ID = strawberry.field(description="The id of the webhook.")


@strawberry.input
class ReplayWebhookInput:
    """The input of the mutation `replayWebhook`."""

    command_id: strawberry.ID
    webhook: strawberry.ID = strawberry.field(description="The id of the webhook.")
    after: Position = strawberry.field(
        description="The position after which changes are told again; 0: from the beginning."
    )
    epoch: str | None = strawberry.field(
        default=None,
        description="The epoch of the ledger to which `after` belongs. Null: the present one.",
    )


@strawberry.input
class RotateWebhookSecretInput:
    """The input of the mutation `rotateWebhookSecret`."""

    command_id: strawberry.ID
    webhook: strawberry.ID = strawberry.field(description="The id of the webhook.")
    hours: int = strawberry.field(
        default=24,
        description="For how many hours messages are signed with the secret before, too: 0 to 168.",
    )


FIELDS = ("commandId", "for", "url", "signature", "webhook", "after", "epoch", "hours")


@strawberry.type
class WebhookQuery:
    """The query for webhooks."""

    @costs(OWN_CONNECTION)
    @strawberry.field
    async def webhooks(self, info: Info) -> list[Webhook]:
        """The webhooks of the subject's administration, each with how far it is and why it fails,
        if it does. Customs administrations and auditors have webhooks; others get the error
        FORBIDDEN."""
        context = info.context
        if context.subject.role in (SubjectRole.PUBLIC, SubjectRole.COMPANY):
            raise forbidden(
                "%(subject)s may not read webhooks: customs administrations and auditors have them",
                subject=name_of(context.subject),
            )
        found = await _store(context).of(context.subject)
        return [Webhook.of(row, _store(context)) for row in found]


@strawberry.type
class WebhookMutation:
    """The mutations of webhooks."""

    @strawberry.mutation
    async def register_webhook(self, info: Info, input: RegisterWebhookInput) -> WebhookOutcome:
        """Registers an address that is told from now on when recognition answers for a territory
        have changed. The customs of that territory and auditors may register it."""
        context = info.context
        try:
            command_id = _uuid("commandId", input.command_id)
            about = Resource(territory=input.for_)
            verdict = decide(context.subject, Action.FOLLOW_CHANGES, about)
            if not verdict.allowed:
                raise Forbidden(verdict.reason)
            async with context.views.connection() as views:
                state = positions.State.read(await positions.state(views))
            row = await _store(context).register(
                command_id,
                context.subject,
                input.for_.text,
                input.url,
                input.signature.value,
                (state.epoch, state.position),
            )
        except Refusal as refusal:
            return Refused.of(refusal, FIELDS)
        webhook = Webhook.of(row, _store(context))
        symmetric = input.signature is WebhookSignature.HMAC
        secret = _store(context).keys.secret(row.id, row.generation) if symmetric else None
        return WebhookReceipt(webhook=webhook, secret=secret)

    @strawberry.mutation
    async def rotate_webhook_secret(
        self, info: Info, input: RotateWebhookSecretInput
    ) -> WebhookOutcome:
        """Replaces the secret of a webhook with an HMAC signature. The receipt shows the new one;
        for some hours messages have two signatures, so that none is refused meanwhile."""
        context = info.context
        try:
            command_id, webhook = _ids(input.command_id, input.webhook)
            if not 0 <= input.hours <= MOST_HOURS:
                raise BadValue(
                    "hours: found %(hours)s, wanted 0 to %(most_hours)s",
                    hours=input.hours,
                    most_hours=MOST_HOURS,
                )
            store = _store(context)
            row = await store.rotate(command_id, context.subject, webhook, input.hours)
        except Refusal as refusal:
            return Refused.of(refusal, FIELDS)
        secret = store.keys.secret(row.id, row.generation)
        return WebhookReceipt(webhook=Webhook.of(row, store), secret=secret)

    @strawberry.mutation
    async def remove_webhook(self, info: Info, input: RemoveWebhookInput) -> WebhookOutcome:
        """Removes a webhook of the subject's administration: nothing more is sent to it."""
        context = info.context
        try:
            command_id, webhook = _ids(input.command_id, input.webhook)
            await _store(context).remove(command_id, context.subject, webhook)
        except Refusal as refusal:
            return Refused.of(refusal, FIELDS)
        return WebhookReceipt(webhook=None, secret=None)

    @strawberry.mutation
    async def replay_webhook(self, info: Info, input: ReplayWebhookInput) -> WebhookOutcome:
        """Tells a webhook again of the changes after a position, for example after the receiver
        lost messages. A message that is being retried is dropped for it."""
        context = info.context
        try:
            command_id, webhook = _ids(input.command_id, input.webhook)
            epoch = await _epoch(context, input.epoch, input.after)
            row = await _store(context).replay(
                command_id, context.subject, webhook, epoch, input.after
            )
        except Refusal as refusal:
            return Refused.of(refusal, FIELDS)
        return WebhookReceipt(webhook=Webhook.of(row, _store(context)), secret=None)


async def _epoch(context: Context, epoch: str | None, after: int) -> str:
    """The present epoch. Raises BadValue for a position that it does not have, and Unanswered
    (EPOCH) for another epoch."""
    async with positions.of_epoch(context.views, epoch) as views:
        state = positions.State.read(await positions.state(views))
    if after > state.position:
        raise BadValue(
            "after: found %(after)s, and the register goes up to %(position)s",
            after=after,
            position=state.position,
        )
    return state.epoch


def _ids(command_id: str, webhook: str) -> tuple[UUID, UUID]:
    return _uuid("commandId", command_id), _uuid("webhook", webhook)


def _uuid(field: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadValue(
            "%(field)s: found %(text)s, wanted a UUID", field=field, text=repr(text[:80])
        ) from None


def _store(context: Context) -> WebhookStore:
    found = context.webhooks
    assert found is not None
    return found
