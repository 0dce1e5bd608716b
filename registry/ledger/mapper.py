"""Serialisation of events: typed JSON with permanent names.

The stored text of an event holds its own fields in their declared order and nothing else. Actor,
times, stream and version are columns beside it. A field whose value and default are both None is
omitted.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache, cached_property
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

#: Timestamp of an event that was read before the ledger recorded it.
NOT_RECORDED = datetime.min.replace(tzinfo=UTC)

_encode = msgspec.json.Encoder(enc_hook=encode_value).encode


class UnknownTopic(LookupError):
    """The topic of a stored event is not known. Unlike the library's mapper, this one imports no
    class by its name."""


class NotStorable(TypeError):
    """The event cannot be read back after serialisation (no round trip). It is refused before it is
    recorded."""


class EventMapper(Mapper[UUID]):
    """Maps domain events to stored events and back, for the given aggregates only.

    Every event class nested in an aggregate that has its own TOPIC is known. A class may have
    `class_version` and static methods `upcast_v1_v2(state)`, ..., which change the JSON object of
    an older version in place. The version is stored from 2 on.

    An event that is read has `timestamp = recorded_at`, by the clock of the ledger.
    """

    def __init__(self, aggregates: Iterable[type]) -> None:
        super().__init__(JSONTranscoder())  # required by the library, and not used
        self._by_topic: dict[str, EventCodec] = {}
        self._by_class: dict[type, EventCodec] = {}
        for aggregate in aggregates:
            for event_class in _events_of(aggregate):
                codec = _codec(event_class, aggregate)
                if codec.topic in self._by_topic:
                    raise ValueError(f"Two events are called {codec.topic}.")
                self._by_topic[codec.topic] = self._by_class[event_class] = codec

    @property
    def topics(self) -> tuple[str, ...]:
        """All stored event names, sorted."""
        return tuple(sorted(self._by_topic))

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Serialises an event. Raises UnknownTopic, and NotStorable for a value that does not
        survive the round trip."""
        codec = self._by_class.get(type(domain_event))
        if codec is None:
            raise UnknownTopic(f"{type(domain_event).__qualname__} is not among the known events")
        # Bypasses the constructor of the frozen dataclass, which is slow.
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
        """Deserialises an event. Raises UnknownTopic, and MapperDeserialisationError if the text is
        not a valid event of its topic."""
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
        """Like `to_domain_event`, from column values, for callers that read millions of events."""
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
        # Bypasses the constructor, as the library's mapper does; the text was validated.
        event: DomainEventProtocol[UUID] = object.__new__(codec.event_class)
        object.__setattr__(event, "__dict__", fields)
        return event


@cache
def _codec(event_class: type, aggregate: type) -> EventCodec:
    """Every mapper uses the same codecs: making those of the register takes 30 ms."""
    return EventCodec(event_class, aggregate)


class EventCodec:
    """Codec of one event class: a strict msgspec structure of its own fields, built once."""

    def __init__(self, event_class: type, aggregate: type) -> None:
        self.event_class = event_class
        self.topic: str = event_class.__dict__["TOPIC"]
        self.version: int = getattr(event_class, "class_version", 1)
        hints = typing.get_type_hints(event_class, include_extras=True)
        own = [f for f in dataclasses.fields(event_class) if f.name not in ENVELOPE]
        # A default other than None is always stored, because changing the default must not change
        # the past.
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
        # Prefix of a text of the current version.
        self._current = _encode(self._version)[:-1] + b"," if self._version else b"{"
        # A created event must name its aggregate class. The topic implies it, so it is not stored.
        self._always: dict[str, Any] = (
            {"originator_topic": get_topic(aggregate)}
            if issubclass(event_class, CanInitAggregate)
            else {}
        )

    # The next two are needed for writing only; most processes only read.

    @cached_property
    def _exact(self) -> Callable[[Values], bool] | None:
        return exact_types_test(self._fields)

    @cached_property
    def _written(self) -> type[msgspec.Struct]:
        """A structure of the same fields that omits None values, whatever their place and
        default."""
        names = [*self._version, *self._fields]
        return msgspec.defstruct(
            self.topic, [(name, Any, None) for name in names], omit_defaults=True, gc=False
        )

    def write(self, event: dict[str, Any]) -> bytes:
        """Serialises the fields of an event. Raises NotStorable."""
        values = self._values(event)
        text = _encode(self._written(*self._version.values(), *values))
        if self._exact is None or not self._exact(values):
            try:
                self._decode(text)  # what cannot be read back must never be recorded
            except (msgspec.MsgspecError, ValueError) as error:
                raise NotStorable(f"{self.topic} cannot be recorded: {error}") from error
        if b"\\u0000" in text:  # PostgreSQL could not read the state as JSON
            raise NotStorable(f"{self.topic} cannot be recorded: it has a NUL character")
        return text

    def read(self, text: bytes | str) -> dict[str, Any]:
        """Deserialises the fields of an event, and upcasts a text of an older version. Raises
        msgspec.MsgspecError, ValueError, LookupError."""
        if not self._version:
            read = self._decode(text)  # the event class has one version only
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
        nested_class
        for nested_class in nested
        if isinstance(nested_class, type)
        and issubclass(nested_class, CanMutateAggregate)
        and "TOPIC" in vars(nested_class)
    ]
