"""An id names the type, the key and, where `asOf` was given, both instants, and is answered by
`node` as it was where it was given out."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from api.graphql.global_ids import TYPES, GlobalId, key_of
from api.graphql.schema import core
from projections.reads.bitemporal_sql import AsOf
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.region import FRUIT, OLD, OPEN, QUIET, STEEL, region
from tests.chance import TIMES

__all__ = ["region"]


SUBJECTS = (AUDITOR, CHINA, KOREA, "partner:DE", f"company:{FRUIT}", None)
KEYS = {
    "Operator": "tin",
    "Agreement": "code",
    "Administration": "code",
    "Programme": "code",
    "Document": "code",
    "Event": "position",
}
INSTANTS = (
    "2020-01-01T00:00:00.000000Z",
    "2026-02-28T15:00:00.000000Z",
    "2026-03-05T00:00:00.000000Z",
    "2026-03-05T00:00:00.000001Z",
    "2026-03-11T00:00:00.000000Z",
)


def _leaves(name: str) -> str:
    """Every plain field of a type, for whoever may see the object at all."""
    kind = core.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    fields = [
        n
        for n, f in kind.fields.items()
        if is_leaf_type(get_named_type(f.type)) and n != "operatorCount"
    ]
    return f"__typename {' '.join(fields)}"


FRAGMENTS = " ".join(f"fragment {name} on {name} {{ {_leaves(name)} }}" for name in TYPES)
ADMINISTRATION = "{ ...Administration members { ...Administration } programmes { ...Programme } }"
AGREEMENT = "{ ...Agreement parties { ...Administration } }"
OPERATOR = f"""{{ ...Operator administration {ADMINISTRATION} successor {{ ...Operator }}
    authorisations {{ number programme {{ ...Programme }} }} }}"""
BASES = "bases { agreement { id } authorisation since }"
#: Wherever an object with an id can be reached from, as of two instants.
AS_OF = (
    f"operator(tin: $tin, asOf: $asOf) {OPERATOR}",
    f"operatorsByTin(tins: [$tin], asOf: $asOf) {OPERATOR}",
    f"operators(asOf: $asOf, first: 9) {{ edges {{ node {OPERATOR} }} }}",
    f"operator(tin: $tin, asOf: $asOf) {{ recognisedIn {{ bases {{ agreement {AGREEMENT} }} }} }}",
    f'recognition(tin: $tin, in: "KR", asOf: $asOf) {{ bases {{ agreement {AGREEMENT} }} }}',
    f'agreement(id: "CN-KR-AEO", asOf: $asOf) {AGREEMENT}',
    f"agreements(asOf: $asOf, first: 9) {{ edges {{ node {AGREEMENT} }} }}",
    f'partners(of: "CN", asOf: $asOf) {{ administration {ADMINISTRATION} agreements {AGREEMENT} }}',
    f'administration(code: "EU", asOf: $asOf) {ADMINISTRATION}',
    f"administrations(asOf: $asOf) {ADMINISTRATION}",
    'programme(code: "CN-AEO", asOf: $asOf) { ...Programme }',
    'programmes(contains: "programme", asOf: $asOf) { ...Programme }',
    'controlResult(from: "CN", to: "RU", crossing: "Heihe", hs: "0702", asOf: $asOf)'
    f" {{ agreement {AGREEMENT} }}",
)
LIVE = (
    "documents { edges { node { ...Document agreements { ...Agreement } } } }",
    "events(first: 100) { edges { node { ...Event } } }",
    'agreement(id: "CN-KR-AEO") { history { edges { node { ...Event } } } }',
    "operator(tin: $tin) { periods { event { ...Event } } }",
    "operator(tin: $tin) { history { edges { node { ...Event } } } }",
)
#: Selections whose text lies ready (projections/reads/planner_selects.py).
READY = (
    'recognition(tin: $tin, in: "KR", asOf: $asOf)'
    f" {{ tin in outcome legal operational reasons {{ code }} {BASES} }}",
    'recognitions(tins: [$tin], in: "KR", asOf: $asOf)'
    f" {{ tin in outcome legal operational reasons {{ code }} {BASES} }}",
    "operator(tin: $tin, asOf: $asOf) { recognisedIn"
    f" {{ in outcome legal operational reasons {{ code }} {BASES} }} }}",
)


def _asked(field: str) -> str:
    used = [name for name in TYPES if f"...{name}" in field]
    fragments = FRAGMENTS.split("fragment ")
    needed = " ".join(
        f"fragment {fragment}" for fragment in fragments if fragment and fragment.split()[0] in used
    )
    as_of = ", $asOf: AsOf" if "$asOf" in field else ""
    tin = "$tin: TIN!" if "$tin" in field else ""
    declared = ", ".join(filter(None, (tin, as_of.removeprefix(", "))))
    return f"query{f' ({declared})' if declared else ''} {{ {field} }} {needed}"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in an answer that has an id, with its type."""
    if isinstance(value, dict):
        if "id" in value and "__typename" in value:
            yield value
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)


def _answered(
    region: Client, field: str, by: str | None, tin: str = FRUIT, as_of: Any = None
) -> list[dict[str, Any]]:
    """What is answered, whatever else is refused."""
    variables = {"tin": tin, "asOf": as_of} if "$tin" in field else {"asOf": as_of}
    body = region.post(_asked(field), by, **variables).json()
    assert "data" in body, body
    return list(_objects(body["data"]))


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """Without the objects below, which are answered by themselves."""
    leaves = _leaves(entry["__typename"]).split()
    return {name: said for name, said in entry.items() if name in leaves}


def test_every_type_with_an_id_is_a_node_and_every_node_has_a_key() -> None:
    """A cache keeps by its id whatever has one; an id of two things would mix them up."""
    with_id = {
        name
        for name, kind in core.type_map.items()
        if isinstance(kind, GraphQLObjectType) and "id" in kind.fields
    }
    # An epoch's own id is unique wherever it stands, and what it says of itself never changes. The
    # ids of receipts, webhooks and certificates are UUIDs of their holder's, and no question takes
    # them as nodes.
    assert with_id - {"Epoch", "Receipt", "Webhook", "Certificate"} == set(TYPES) == set(KEYS)
    for name in TYPES:
        kind = core.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        assert [interface.name for interface in kind.interfaces] == ["Node"]
        assert str(kind.fields["id"].type) == "ID!"
        assert isinstance(kind.fields[KEYS[name]].type, GraphQLNonNull)


@pytest.mark.parametrize("field", AS_OF)
def test_ids_are_equal_where_type_key_and_asked_instants_are_and_nowhere_else(
    region: Client, field: str
) -> None:
    luck = random.Random(field)
    pairs: list[Any] = [(None, None), *((a, k) for a in INSTANTS for k in INSTANTS)]
    named: dict[str, tuple[Any, ...]] = {}
    ids: dict[tuple[Any, ...], str] = {}
    for at, known in [pairs[0], *luck.sample(pairs[1:], 6)]:
        as_of = {"at": at, "knownAt": known} if at else None
        for tin in (FRUIT, OLD):
            found = _answered(region, field, AUDITOR, tin, as_of)
            for entry in found:
                what = entry["__typename"], entry[KEYS[entry["__typename"]]], at, known
                assert named.setdefault(entry["id"], what) == what
                assert ids.setdefault(what, entry["id"]) == entry["id"]
    assert len({what[2:] for what in ids}) > 3


def test_one_instant_that_was_asked_for_stands_beside_the_other_which_was_now(
    region: Client,
) -> None:
    live = region.ask(f'{{ operator(tin: "{FRUIT}") {{ id }} }}', AUDITOR)["operator"]["id"]
    for said in ({"at": INSTANTS[0]}, {"knownAt": INSTANTS[0]}):
        [entry] = _answered(
            region, "operator(tin: $tin, asOf: $asOf) { ...Operator }", AUDITOR, FRUIT, said
        )
        assert entry["id"] != live
        assert INSTANTS[0] in entry["id"]
    for nothing in ({}, {"at": None}, {"at": None, "knownAt": None}):
        [entry] = _answered(
            region, "operator(tin: $tin, asOf: $asOf) { ...Operator }", AUDITOR, FRUIT, nothing
        )
        assert entry["id"] == live


@pytest.mark.parametrize("field", READY)
@pytest.mark.parametrize("tin", [FRUIT, STEEL])
def test_what_lies_ready_has_the_ids_that_are_selected_with_more(
    region: Client, field: str, tin: str
) -> None:
    for as_of in (None, {"at": INSTANTS[2], "knownAt": INSTANTS[4]}, {"at": INSTANTS[0]}):
        text = f"query ($tin: TIN!, $asOf: AsOf) {{ {field} }}"
        told = [
            region.ask(asked, AUDITOR, tin=tin, asOf=as_of)
            for asked in (text, text.replace("agreement { id }", "agreement { code id }"))
        ]
        ids = [sorted(_all(answer, "id")) for answer in told]
        if as_of and "knownAt" not in as_of:  # each is of its own now
            ids = [[text.rpartition(":")[2] for text in found] for found in ids]
        assert ids[0] == ids[1]
        assert ids[0] or tin == STEEL


@pytest.mark.parametrize("fields", [BASES, "bases { agreement { code id parties { id } } }"])
def test_each_declaration_of_a_batch_has_the_ids_of_the_same_question_alone(
    region: Client, fields: str
) -> None:
    batch = (
        "query ($questions: [RecognitionQuestion!]!, $known: DateTime) {"
        ' recognitionsOf(questions: $questions, in: "KR", knownAt: $known)'
        f" {{ recognition {{ {fields} }} }} }}"
    )
    alone = f"""query ($tin: TIN!, $asOf: AsOf) {{
        recognition(tin: $tin, in: "KR", asOf: $asOf) {{ {fields} }} }}"""
    for known in (None, *INSTANTS[2:]):
        ats = [None, *INSTANTS] if known is None else list(INSTANTS)
        asked = [{"key": str(at), "tin": FRUIT} | ({"at": at} if at else {}) for at in ats]
        told = region.ask(batch, AUDITOR, questions=asked, known=known)["recognitionsOf"]
        for at, each in zip(ats, told, strict=True):
            as_of = {"at": at, "knownAt": known}
            one = region.ask(alone, AUDITOR, tin=FRUIT, asOf=as_of)["recognition"]
            found = [sorted(_all(item, "id")) for item in (each["recognition"], one)]
            assert found[0]
            if at and not known:  # each is of its own now
                found = [[re.sub(",[^:]*:[^:]*:[^:]*:", ":", id_) for id_ in ids] for ids in found]
            assert found[0] == found[1], as_of


def _all(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (item for key, item in value.items() if key == name)
        for each in value.values():
            yield from _all(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _all(each, name)


@pytest.mark.parametrize("by", SUBJECTS, ids=str)
def test_a_node_is_what_the_question_said_that_gave_its_id_out(
    region: Client, by: str | None
) -> None:
    """For each kind of subject, live and as of two instants, and with one of them left out."""
    given: dict[str, dict[str, Any]] = {}
    for as_of in (None, {"at": INSTANTS[2], "knownAt": INSTANTS[4]}, {"at": INSTANTS[0]}):
        for tin in (FRUIT, OLD, OPEN, QUIET):
            for field in AS_OF if as_of else (*AS_OF, *LIVE):
                if "$tin" not in field and tin != FRUIT:
                    continue
                for entry in _answered(region, field, by, tin, as_of):
                    given.setdefault(entry["id"], _plain(entry))
    assert {each_entry["__typename"] for each_entry in given.values()} == set(TYPES)
    luck = random.Random(str(by))
    for id in luck.sample(sorted(given), min(len(given), 80 * TIMES)):
        name = given[id]["__typename"]
        told = f"... on {name} {{ {_leaves(name)} }}"
        said = region.ask(f"query ($id: ID!) {{ node(id: $id) {{ id {told} }} }}", by, id=id)
        assert said["node"] == given[id], id


def test_a_basis_of_the_delta_feed_is_a_node_however_far_ahead_it_begins(region: Client) -> None:
    feed = region.ask(
        """query { changes(for: "KR", after: 0, details: true) { changes { course { from
            bases { agreement { __typename id code title status position } } } } } }""",
        KOREA,
    )["changes"]["changes"]
    found = list(_objects(feed))
    assert found
    ids = {entry["id"]: entry for entry in found}
    far = re.sub("@[^,]*,", f"@2099{INSTANTS[0][4:]},", found[0]["id"])
    node = (
        "query ($id: ID!) { node(id: $id) { __typename id"
        " ... on Agreement { code title status position } } }"
    )
    for id, said in ids.items():
        assert region.ask(node, KOREA, id=id)["node"] == said
    assert region.ask(node, KOREA, id=far)["node"]["id"] == far


def test_whoever_may_not_see_it_is_told_what_is_told_of_the_unknown(region: Client) -> None:
    node = "query ($id: ID!) { node(id: $id) { __typename id } }"
    ids = [
        entry["id"]
        for entry in _answered(region, AS_OF[2], AUDITOR)
        if entry["__typename"] == "Operator"
    ]
    for by in SUBJECTS:
        for id in ids:
            tin = id.removeprefix("Operator:")
            seen = region.ask("query ($t: TIN!) { operator(tin: $t) { id } }", by, t=tin)
            shown = region.ask(node, by, id=id)["node"]
            assert (shown and shown["id"]) == (seen["operator"] and seen["operator"]["id"])
    for unknown in (
        "Operator:CN9999999999",
        "Agreement:CN-XX-AEO",
        "Administration:ZZ",
        "Programme:ZZ-AEO",
        "Document:NONE",
        "Event:999999.0",
        f"Agreement@{INSTANTS[0]},{INSTANTS[0]}:CN-XX-AEO",
    ):
        assert region.ask(node, AUDITOR, id=unknown) == {"node": None}


def test_an_operators_events_are_no_nodes_for_those_who_may_not_read_them(region: Client) -> None:
    events = _answered(region, LIVE[-1], AUDITOR)
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert events
    for by, may in (
        (AUDITOR, True),
        (CHINA, True),
        (f"company:{FRUIT}", True),
        ("partner:JP", False),
        (None, False),
    ):
        for event in events:
            assert (region.ask(node, by, id=event["id"])["node"] is not None) == may
    # Of another history: the same place, and another event.
    place = events[0]["id"].partition(".")[0]
    assert region.ask(node, AUDITOR, id=f"{place}.1") == {"node": None}


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("", "not an id that this register gave out"),
        ("CN1234567890", "not an id that this register gave out"),
        ("CN-KR-AEO", "not an id that this register gave out"),
        ("T3BlcmF0b3I6Q04xMjM0NTY3ODkw", "not an id that this register gave out"),
        ("operator:CN1234567890", "not an id that this register gave out"),
        ("Recognition:CN1234567890", "not an id that this register gave out"),
        ("Operator:", "not an id that this register gave out"),
        ("Operator:CN 1", "not an id that this register gave out"),
        ("Operator:CN1\n", "not an id that this register gave out"),
        ("Operator@2020-01-01T00:00:00Z,2020-01-01T00:00:00Z:CN1", "not an id that this register"),
        ("Operator@2020-01-01T00:00:00.000000Z:CN1", "not an id that this register gave out"),
        ("Operator@2020-02-30T00:00:00.000000Z,2020-01-01T00:00:00.000000Z:CN1", "not an instant"),
        ("Operator@1820-01-01T00:00:00.000000Z,2020-01-01T00:00:00.000000Z:CN1", "no answer of"),
        ("Operator@9999-12-31T23:59:59.000000Z,2020-01-01T00:00:00.000000Z:CN1", "no answer of"),
        ("Operator@2020-01-01T00:00:00.000000Z,2090-01-01T00:00:00.000000Z:CN1", "no answer of"),
        ("Operator:cn1234567890", "'cn1234567890'"),
        ("Event:1", "the key of no event"),
        ("Event:99999999999999999999.1", "the key of no event"),
        ("Event@2020-01-01T00:00:00.000000Z,2020-01-01T00:00:00.000000Z:1.1", "has instants"),
    ],
)
def test_what_is_no_id_is_refused_in_words(region: Client, id: str, words: str) -> None:
    error = region.error("query ($id: ID!) { node(id: $id) { id } }", AUDITOR, id=id)

    assert error["code"] == "BAD_INPUT"
    assert error["message"].startswith("id: ")
    assert words in error["message"]


INSTANT = st.datetimes(timezones=st.just(UTC))


@given(
    st.sampled_from(sorted(TYPES)),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", fullmatch=True),
    st.none() | st.tuples(INSTANT, INSTANT),
)
@settings(max_examples=100 * TIMES, deadline=None)
def test_an_id_is_read_as_it_was_written_to_the_microsecond(
    kind: str, key: str, instants: tuple[datetime, datetime] | None
) -> None:
    as_of = AsOf(*instants, asked=True) if instants else AsOf(datetime.now(UTC), datetime.now(UTC))
    if instants and not TYPES[kind]:
        return
    id = as_of.id_of(kind, key)

    assert GlobalId.parse(id, "id") == GlobalId(kind, key, as_of if instants else None)
    assert key_of(kind, id, "id") == key_of(kind, key, "id") == key
