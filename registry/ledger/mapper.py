"""How events are written into the ledger, and read back: plain typed JSON, names for ever.

The text of an event holds its own fields in their declared order and nothing else. Who, when,
which stream and which version are columns beside it. Fields that are None, where None is the
default, are left out.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cached_property
from operator import itemgetter
from typing import Any, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import (
    CanInitAggregate,
    CanMutateAggregate,
    DomainEventProtocol,
)
from eventsourcing.persistence import (
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
)
from eventsourcing.utils import get_topic

from registry.domain.values import decode_value, encode_value
from registry.ledger.roundtrip import Values, exact_types_test, values

ENVELOPE = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp"})

#: The timestamp of an event read back before the ledger gave it one.
NOT_RECORDED = datetime.min.replace(tzinfo=UTC)

_encode = msgspec.json.Encoder(enc_hook=encode_value).encode


class UnknownTopic(LookupError):
    """An event is none of those the register knows. Nothing is imported to find out."""


class NotStorable(TypeError):
    """An event could be written, and not read back: it is refused before it is recorded."""


class EventMapper(Mapper[UUID]):
    """Writes and reads the events of the given aggregates, and no others.

    Every event class nested in an aggregate that has a TOPIC of its own is known. A class may
    carry `class_version` and static methods `upcast_v1_v2(state)`, ... that change the older
    text's plain JSON object in place; the version is written only from 2 on.

    Reading an event gives it `timestamp = recorded_at`, the ledger's clock.
    """

    def __init__(self, aggregates: Iterable[type]) -> None:
        super().__init__(JSONTranscoder())  # the library wants one; nothing goes through it
        self._by_topic: dict[str, EventCodec] = {}
        self._by_class: dict[type, EventCodec] = {}
        for aggregate in aggregates:
            for event_class in _events_of(aggregate):
                codec = EventCodec(event_class, aggregate)
                if codec.topic in self._by_topic:
                    raise ValueError(f"Two events are called {codec.topic}.")
                self._by_topic[codec.topic] = self._by_class[event_class] = codec

    @property
    def topics(self) -> tuple[str, ...]:
        """All stored names, sorted."""
        return tuple(sorted(self._by_topic))

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Raises UnknownTopic, and NotStorable for a field that would not come back."""
        codec = self._by_class.get(type(domain_event))
        if codec is None:
            raise UnknownTopic(f"{type(domain_event).__qualname__} is not among the known events")
        # A frozen dataclass is slow to call.
        stored = object.__new__(StoredEvent)
        columns = {
            "originator_id": domain_event.originator_id,
            "originator_version": domain_event.originator_version,
            "topic": codec.topic,
            "state": codec.write(vars(domain_event)),
        }
        object.__setattr__(stored, "__dict__", columns)
        return stored

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Raises UnknownTopic, and MapperDeserialisationError for text that is not this event."""
        return self.event(
            stored_event.topic,
            stored_event.state,
            cast(UUID, stored_event.originator_id),
            stored_event.originator_version,
            getattr(stored_event, "recorded_at", NOT_RECORDED),
        )

    def event(
        self, topic: str, state: bytes | str, stream: UUID, version: int, recorded_at: datetime
    ) -> DomainEventProtocol[UUID]:
        """The same from the columns, for who reads millions of them."""
        codec = self._by_topic.get(topic)
        if codec is None:
            raise UnknownTopic(f"{topic!r} is not among the known events")
        try:
            fields = codec.read(state)
        except (msgspec.MsgspecError, ValueError, LookupError) as error:
            raise MapperDeserialisationError(
                f"Version {version} of stream {stream} is not a readable {topic}: {error}"
            ) from error
        fields["originator_id"] = stream
        fields["originator_version"] = version
        fields["timestamp"] = recorded_at
        # Like the library's mapper: the text was checked.
        event: DomainEventProtocol[UUID] = object.__new__(codec.event_class)
        object.__setattr__(event, "__dict__", fields)
        return event


class EventCodec:
    """How one event class is written: a strict structure of its own fields, made once."""

    def __init__(self, event_class: type, aggregate: type) -> None:
        self.event_class = event_class
        self.topic: str = event_class.__dict__["TOPIC"]
        self.version: int = getattr(event_class, "class_version", 1)
        hints = typing.get_type_hints(event_class, include_extras=True)
        own = [f for f in dataclasses.fields(event_class) if f.name not in ENVELOPE]
        # A default other than None is always written: changing it must not change the past.
        members: list[Any] = [
            (f.name, hints[f.name], None) if f.default is None else (f.name, hints[f.name])
            for f in own
        ]
        self._fields = {f.name: hints[f.name] for f in own}
        self._values = values(list(self._fields), itemgetter)
        self._version = {"class_version": self.version} if self.version > 1 else {}
        if self._version:
            members.insert(0, ("class_version", int))
        self.shape: type[msgspec.Struct] = msgspec.defstruct(
            event_class.__name__,
            members,
            kw_only=True,
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decode = msgspec.json.Decoder(self.shape, dec_hook=decode_value).decode
        # How a text of this version begins.
        self._current = _encode(self._version)[:-1] + b"," if self._version else b"{"
        # A created event must name its aggregate, which its topic does already.
        self._always: dict[str, Any] = (
            {"originator_topic": get_topic(aggregate)}
            if issubclass(event_class, CanInitAggregate)
            else {}
        )

    # These two are for who writes; most only read.

    @cached_property
    def _exact(self) -> Callable[[Values], bool] | None:
        return exact_types_test(self._fields)

    @cached_property
    def _written(self) -> type[msgspec.Struct]:
        """The same fields, each left out where it is None, whatever its place and its default."""
        names = [*self._version, *self._fields]
        return msgspec.defstruct(
            self.topic, [(name, Any, None) for name in names], omit_defaults=True, gc=False
        )

    def write(self, event: dict[str, Any]) -> bytes:
        values = self._values(event)
        text = _encode(self._written(*self._version.values(), *values))
        if self._exact is None or not self._exact(values):
            try:
                self._decode(text)  # what cannot be read back must never be recorded
            except (msgspec.MsgspecError, ValueError) as error:
                raise NotStorable(f"{self.topic} cannot be recorded: {error}") from error
        if b"\\u0000" in text:  # SQL could not read the state as JSON
            raise NotStorable(f"{self.topic} cannot be recorded: it has a NUL character")
        return text

    def read(self, text: bytes | str) -> dict[str, Any]:
        if not self._version:
            read = self._decode(text)  # of the only version there is
        elif text[: len(self._current)] in (self._current, self._current.decode()):
            read = self._decode(text)
        else:
            read = self._upcast(msgspec.json.decode(text, type=dict[str, Any]))
        fields = msgspec.structs.asdict(read)
        if self._always:
            fields.update(self._always)
        if self._version:
            del fields["class_version"]
        return fields

    def _upcast(self, state: dict[str, Any]) -> msgspec.Struct:
        version = state.get("class_version", 1)
        if version > self.version:
            raise ValueError(f"it is version {version}, and this program knows {self.version}")
        for older in range(version, self.version):
            upcast: Callable[[dict[str, Any]], None] = getattr(
                self.event_class, f"upcast_v{older}_v{older + 1}"
            )
            upcast(state)
        state["class_version"] = self.version
        return msgspec.convert(state, self.shape, dec_hook=decode_value)


def _events_of(aggregate: type) -> list[type]:
    nested = dict.fromkeys(getattr(aggregate, name) for name in dir(aggregate) if name[0] != "_")
    return [
        item
        for item in nested
        if isinstance(item, type) and issubclass(item, CanMutateAggregate) and "TOPIC" in vars(item)
    ]
