"""The quick ways of writing are held to the library's, and to reading again, on every event."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.domain import BaseAggregate

from registry.domain.operators.events import Operator
from registry.domain.trigger import create_aggregate
from registry.domain.values import AdministrationCode, Role, Tin
from registry.ledger.mapper import ENVELOPE, EventMapper, NotStorable
from tests.registry.ledger.test_stored_events import AGGREGATE, CLASSES, MAPPER, full

NEVER_TRIGGERED = {"operator.registered", "operator.authorisation", "operator.consent"}
KINDS = sorted({name for name in CLASSES if name.startswith("operator.")} - NEVER_TRIGGERED)
NOW = datetime(2026, 3, 10)
#: What a careless decision might put where something else belongs.
ODD: list[Any] = [
    None,
    "",
    "word",
    7,
    2**70,
    True,
    1.5,
    b"x",
    date(2026, 1, 1),
    NOW,
    Role.IMPORTER,
    Tin("CN1"),
    AdministrationCode("CN"),
    (),
    (Role.IMPORTER,),
    ["x"],
    ("x",),
    {"a": "b"},
    {"a": 1},
    uuid4(),
    type("Word", (str,), {})("of its own kind"),
]


def operator() -> Operator:
    said = {
        "tin": Tin("CN1"),
        "administration": AdministrationCode("CN"),
        "time_zone": "UTC",
        "name": "Acme",
        "effective": date(2026, 1, 1),
    }
    return create_aggregate(Operator, Operator.Registered, Operator.create_id(Tin("CN1")), said)


def told(operator: Operator) -> list[tuple[type, list[tuple[str, Any]]]]:
    """All that its events say, in the order of their fields; they began at two instants."""
    events = [(type(e), vars(e) | {"timestamp": None}) for e in operator.pending_events]
    return [(kind, list(said.items())) for kind, said in events]


@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize("topic", KINDS)
def test_an_event_happens_as_the_library_would_have_it(topic: str, spare: bool) -> None:
    kind = CLASSES[topic]
    fields = {f.name: f for f in dataclasses.fields(kind) if f.name not in ENVELOPE}
    said = {name: var for name, var in vars(full(topic)).items() if name in fields}
    if "what" in said:
        said["what"] = {"effective": "2026-01-02"}
    if spare:  # only what must be said
        said = {n: item for n, item in said.items() if fields[n].default is dataclasses.MISSING}
    ours, library = operator(), operator()
    lodged = {"authorisation": said.get("authorisation", "X/1"), "programme": "X", "type": "AEO"}
    for each in (ours, library):
        BaseAggregate.trigger_event(each, Operator.Lodged, **lodged, effective=date(2026, 1, 1))

    ours.trigger_event(kind, **said)
    BaseAggregate.trigger_event(library, kind, **said)

    assert told(ours) == told(library)
    assert (ours.version, ours.history[-1]) == (library.version, ours.pending_events[-1])
    assert ours.modified_on == ours.pending_events[-1].timestamp


@pytest.mark.parametrize(
    "said",
    [
        {"effective": date(2026, 1, 1)},
        {"effective": date(2026, 1, 1), "partner": None, "colour": "red"},
        {"partner": None},
    ],
)
def test_too_much_or_too_little_is_refused_as_before(said: dict[str, Any]) -> None:
    ours, library = operator(), operator()
    kind = Operator.ConsentGiven if "effective" not in said or len(said) > 1 else Operator.Merged

    with pytest.raises(TypeError) as wanted:
        BaseAggregate.trigger_event(library, kind, **said)
    with pytest.raises(TypeError) as found:
        ours.trigger_event(kind, **said)

    assert str(found.value) == str(wanted.value)
    assert ours.version == 1


def test_an_operator_begins_as_the_library_would_have_it() -> None:
    said: dict[str, Any] = {
        "tin": Tin("CN1"),
        "administration": AdministrationCode("CN"),
        "time_zone": "UTC",
        "name": "Acme",
        "roles": (Role.IMPORTER,),
        "effective": date(2026, 1, 1),
    }
    id = Operator.create_id(Tin("CN1"))
    library = Operator._create(Operator.Registered, **said)
    ours = create_aggregate(Operator, Operator.Registered, id, said)

    assert told(ours) == told(library)
    since = {"_created_on": None, "_modified_on": None, "_pending_events": None}
    assert vars(ours) | since == vars(library) | since
    with pytest.raises(TypeError, match="colour"):
        create_aggregate(Operator, Operator.Registered, id, said | {"colour": "red"})
    with pytest.raises(TypeError, match="cannot begin"):
        create_aggregate(Operator, Operator.Registered, id, {"tin": Tin("CN1")})


@pytest.mark.parametrize("topic", sorted(CLASSES))
def test_what_is_not_read_again_could_have_been(topic: str) -> None:
    """Any field, anything in it: where the types alone are trusted, reading agrees."""
    careful = EventMapper([])  # the same forms, with nobody's types trusted
    careful._by_class = {CLASSES[topic]: _careful(topic)}
    fields = [f.name for f in dataclasses.fields(CLASSES[topic]) if f.name not in ENVELOPE]
    for name in fields:
        for odd in ODD:
            event = full(topic)
            object.__setattr__(event, name, odd)
            assert _written(MAPPER, event) == _written(careful, event), (name, odd)


def _careful(topic: str) -> Any:
    form = type(MAPPER._by_class[CLASSES[topic]])(
        CLASSES[topic], AGGREGATE[topic.partition(".")[0]]
    )
    form._exact = None
    return form


def _written(mapper: EventMapper, event: Any) -> bytes | str:
    try:
        return mapper.to_stored_event(event).state
    except (NotStorable, TypeError, OverflowError) as refused:
        return str(refused)
