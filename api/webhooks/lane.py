"""The lane of one webhook: what is to be told, the message under way, and when it is sent again.

One message is under way at a time. What changes meanwhile belongs to the next one, so a receiver
that was away for a day gets one message for the day. A message keeps its id and its body through
all attempts. After a time it becomes a dead letter, and the lane goes on with what follows.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from uuid import UUID, uuid5

from projections.reads.webhooks import DeadLetterRow, WebhookRow, second

TYPE = "recognition.changed"


@dataclass(frozen=True)
class RetryPolicy:
    """`first`: seconds before the second attempt; each further pause is twice as long, up to
    `most`. `give_up`: how long a message is tried."""

    first: float = 5.0
    most: float = 3_600.0
    give_up: timedelta = timedelta(hours=72)

    def pause(self, failures: int, asked: float = 0.0) -> timedelta:
        """The pause after so many failures: half of it is left to chance, so that many receivers
        that failed together are not all tried together. `asked`: the seconds that the receiver
        asks for."""
        whole = min(self.most, self.first * 2.0 ** min(failures - 1, 40))
        seconds = max(whole * random.uniform(0.5, 1.0), min(asked, self.most))
        return timedelta(seconds=seconds)


@dataclass(frozen=True)
class Message:
    """A message: there are changes after `after` and up to `until`. `at`: when it was made.
    `corrected`: they make answers different that the owner was given."""

    webhook: UUID
    territory: str
    epoch: str
    after: int
    until: int
    at: datetime
    corrected: bool = False

    @cached_property
    def id(self) -> str:
        """The same for the same positions, also after a restart of the sender."""
        return f"msg_{uuid5(self.webhook, f'{self.epoch}:{self.after}:{self.until}').hex}"

    @cached_property
    def body(self) -> bytes:
        """The body of the request: JSON, the same for each attempt."""
        data = {
            "for": self.territory,
            "epoch": self.epoch,
            "after": self.after,
            "until": self.until,
            "corrected": self.corrected,
        }
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return json.dumps({"type": TYPE, "timestamp": at, "data": data}).encode()


@dataclass
class Lane:
    """The state of one webhook in the sender. `position`: everything up to it was told. `known`:
    the position of the last change that is known."""

    row: WebhookRow
    epoch: str
    position: int
    known: int = 0
    #: Whether a change that no message tells yet makes answers different that the owner was given.
    corrected: bool = False
    replayed: int = 0
    message: Message | None = None
    failures: int = 0
    failing_since: datetime | None = None
    failure: str | None = None
    next_attempt_at: datetime | None = None
    attempts: int = 0
    delivered: int = 0
    delivered_at: datetime | None = None
    stopped: str | None = None
    #: Seconds that the last delivery took.
    took: float = 0.0
    dead: list[DeadLetterRow] = field(default_factory=list)
    dirty: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, row: WebhookRow) -> Lane:
        """The lane of a webhook, as the sender left it last."""
        assert row.epoch is not None and row.position is not None
        lane = cls(
            row,
            row.epoch,
            row.position,
            row.until_position or row.position,
            replayed=row.replayed or 0,
            failures=row.failures or 0,
            failing_since=row.failing_since,
            failure=row.failure,
            next_attempt_at=row.next_attempt_at,
            attempts=row.attempts or 0,
            delivered=row.delivered or 0,
            delivered_at=row.delivered_at,
            stopped=row.stopped,
        )
        if row.after_position is not None and row.until_position is not None and row.message_at:
            corrected = bool(row.corrected)
            place = row.after_position, row.until_position
            lane.message = lane._made(*place, row.message_at, corrected=corrected)
        return lane

    @property
    def slow(self) -> bool:
        """True for a receiver that fails or takes long: it must not delay the others."""
        return self.failures > 0 or self.took > 2.0

    def saw(self, position: int, *, corrected: bool = False) -> None:
        """Notes a change at a position. `corrected`: it makes answers different that the owner was
        given."""
        if position > self.known:
            self.known = position
            self.corrected = self.corrected or corrected
            self.wake.set()

    def due(self, now: datetime) -> Message | None:
        """The message to be sent now; None where there is none, or not yet."""
        if self.stopped is not None:
            return None
        if self.message is None and self.known > self.position:
            self.message = self._made(self.position, self.known, now, corrected=self.corrected)
            self.corrected = False
        if self.next_attempt_at is not None and now < self.next_attempt_at:
            return None
        return self.message

    def pause(self, now: datetime) -> float | None:
        """The seconds until something is due; None: until something happens."""
        if self.stopped is None and self.message and self.next_attempt_at:
            return max(0.0, (self.next_attempt_at - now).total_seconds())
        return None

    def accepted(self, message: Message, now: datetime) -> None:
        """Notes that the receiver accepted a message."""
        self.attempts += 1
        if self.message is not message:
            return  # It was replayed meanwhile.
        self.delivered, self.delivered_at = self.delivered + 1, now
        self._next(message)

    def refused(
        self,
        message: Message,
        why: str,
        now: datetime,
        policy: RetryPolicy,
        *,
        gone: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        """Notes a failed attempt: the next one, a dead letter, or the end."""
        self.attempts += 1
        if self.message is not message:
            return
        self.dirty = True
        self.failures += 1
        self.failing_since = self.failing_since or now
        self.failure = why
        if gone:
            self.stopped = f"the receiver answered 410 (gone) at {second(now)}."
            self.next_attempt_at = None
        elif now - self.failing_since >= policy.give_up:
            self.dead.append(
                DeadLetterRow(
                    self.row.id,
                    message.id,
                    message.epoch,
                    message.after,
                    message.until,
                    self.failing_since,
                    now,
                    self.failures,
                    why,
                )
            )
            self._next(message)
        else:
            self.next_attempt_at = now + policy.pause(self.failures, retry_after)

    def replay(self, epoch: str, after: int, number: int) -> None:
        """Goes back to a position, by the command with this number."""
        self.replayed = number
        self._restart(epoch, after)

    def adopt(self, epoch: str, common: int) -> None:
        """Goes on in another epoch of the ledger. `common`: the last position that both have."""
        self._restart(epoch, min(self.position, common))

    def _restart(self, epoch: str, position: int) -> None:
        self.epoch, self.position, self.known = epoch, position, position
        self.message, self.stopped, self.corrected = None, None, False
        self._calm()

    def _next(self, message: Message) -> None:
        self.position, self.message = max(self.position, message.until), None
        self._calm()

    def _calm(self) -> None:
        self.failures, self.failing_since, self.failure = 0, None, None
        self.next_attempt_at = None
        self.dirty = True
        self.wake.set()

    def _made(self, after: int, until: int, at: datetime, *, corrected: bool) -> Message:
        place = self.row.id, self.row.territory, self.epoch
        return Message(*place, after, until, at, corrected)
