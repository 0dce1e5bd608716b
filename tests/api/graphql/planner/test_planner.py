"""One statement says what the resolvers say, to the letter, whoever asks and whatever is asked."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from graphql import (
    GraphQLObjectType,
    OperationDefinitionNode,
    ValuesOfCorrectTypeRule,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from prometheus_client import REGISTRY

from api.access.policy import PUBLIC, Subject, named
from api.graphql import declarations
from api.graphql.context import Context
from api.graphql.limits import CheckedDocument, read
from api.graphql.planner import batcher
from api.graphql.positions import MinPosition
from api.graphql.schema import core, schema
from api.graphql.sql_fields import Rows, Value, WordedField, place
from api.observability import counters
from ops.bench.questions import VERDICT
from tests.api.client import AUDITOR, CHINA, KOREA, Client
from tests.api.documents import SUBJECTS, Asking
from tests.api.region import FRUIT, OPEN, QUIET, SHUT, STEEL, region
from tests.chance import TIMES, Pairs

__all__ = ["region"]

DOCUMENTS, TOGETHER = 5_000 * TIMES, 40
NOWS = [
    datetime(2026, 11, 21, 12, tzinfo=UTC),
    datetime(2026, 3, 5, tzinfo=UTC),
    datetime(2019, 6, 1, tzinfo=UTC),
]


def test_what_is_planned_is_what_the_resolvers_say(region: Client) -> None:
    luck = random.Random(2026)
    subjects = {subject: _subject(region, subject) for subject in SUBJECTS}
    planned, declined, invalid, features = Counter[str](), 0, 0, Counter[str]()
    pairs, chosen = Pairs(), list[tuple[Asking, datetime]]()
    for n in range(DOCUMENTS):
        subject = luck.choices(list(SUBJECTS), (4, 3, 3, 3, 2, 2, 2, 1))[0]
        asking, now = Asking(subject, n), luck.choice(NOWS)
        if pairs.are_new((subject, *asking.features)):
            chosen.append((asking, now))
    for begin in range(0, len(chosen), TOGETHER):
        asked = []
        for n, (asking, now) in enumerate(chosen[begin : begin + TOGETHER]):
            least = MinPosition(1) if n % 3 == 0 else None  # changes no word of an answer
            context = region.service.context(subjects[asking.subject], least=least)
            context = replace(context, now=now)
            document = _read(asking.text, in_full=n % 10 == 0)
            if document.errors:
                invalid += 1  # a bad value as a literal; as a variable it is declined
            else:
                asked.append((asking, context, document))
        # All at once, so that they share statements as strangers do.
        texts = _run(region, [_planned(region, c, d, a.variables) for a, c, d in asked])
        answered = [
            (*item, text) for item, text in zip(asked, texts, strict=True) if text is not None
        ]
        declined += len(asked) - len(answered)
        results = _run(region, [_stock(c, d, a.variables) for a, c, d, _ in answered])
        for (asking, context, _, text), result in zip(answered, results, strict=True):
            assert not result.errors, (result.errors, asking)
            assert _plain(text) == json.dumps(result.data), (asking, context.now)
            planned[asking.subject] += 1
            features += asking.features
    assert planned.total() + declined + invalid == len(chosen)
    assert set(planned) == set(SUBJECTS)
    assert min(planned.values()) > 0.02 * len(chosen), planned
    assert invalid < 0.03 * len(chosen)
    assert declined < 0.3 * len(chosen), _declined()
    assert _declined().get("sql", 0) == 0, "a statement that fails is a mistake of the compiler"
    missing = {name for name in _covered() if features[name] < 10}
    assert not missing
    for feature in (
        "alias",
        "merged",
        "typename",
        "inline",
        "untyped",
        "named",
        "skip",
        "include",
        "switched by a variable",
        "variable",
        "default",
        "missing",
        "null",
        "asOf",
        "bad question",
    ):
        assert features[feature] > 20, feature
    print(f"{planned.total()} planned and equal: {dict(planned)}")
    print(f"{invalid} invalid, {declined} declined: {_declined()}")


def test_an_object_of_which_every_field_is_skipped_is_an_empty_object(region: Client) -> None:
    """Also where its text is made in Python: the facts of a reason beside its message."""
    document = read(
        core,
        f'{{ recognition(tin: "{SHUT}", in: "FR") {{ reasons {{ message'
        " facts { name @skip(if: true) } } bases { since @include(if: false) } } }",
    )
    context = region.service.context(_subject(region, AUDITOR))

    [text] = _run(region, [_planned(region, context, document, {})])
    [result] = _run(region, [_stock(context, document, {})])

    assert text is not None
    assert _plain(text) == json.dumps(result.data)
    assert {} in result.data["recognition"]["reasons"][0]["facts"]


def test_hidden_unknown_and_bad_are_answered_as_the_resolvers_answer(region: Client) -> None:
    """What is declined is worded by the stock executor: refusals, bad input, faults."""
    before = _declined()

    error = region.error(_recognition(QUIET, "JP"), KOREA)
    assert error["code"] == "FORBIDDEN"
    error = region.error(
        f'{{ operator(tin: "{FRUIT}") {{ periods(first: 0) {{ status }} }} }}', AUDITOR
    )
    assert error["code"] == "BAD_INPUT"
    assert _declined().get("refused", 0) - before.get("refused", 0) == 2


def test_two_subject_at_once_are_never_given_each_others_answers(region: Client) -> None:
    text = (
        "query ($tin: TIN!) { operator(tin: $tin) { tin periods { ground } recognisedIn { in } } }"
    )
    document = read(core, text)
    luck = random.Random(7)
    contexts = {s: region.service.context(_subject(region, s)) for s in (CHINA, KOREA)}
    alone: dict[tuple[str, str], bytes | None] = {
        (subject, tin): _run(region, [_planned(region, context, document, {"tin": tin})])[0]
        for subject, context in contexts.items()
        for tin in (FRUIT, QUIET, STEEL, OPEN)
    }
    assert len({alone[subject, FRUIT] for subject in contexts}) == 2
    for _ in range(100):
        mixed = [luck.choice(list(alone)) for _ in range(100)]  # 10,000 in all
        texts = _run(
            region,
            [_planned(region, contexts[s], document, {"tin": tin}) for s, tin in mixed],
        )
        assert texts == [alone[item] for item in mixed]


def test_those_who_arrive_together_share_a_statement(
    region: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(rows: Any) -> list[bytes]:
        sizes.append(len(rows))
        return parameters(rows)

    parameters = batcher.parameters
    monkeypatch.setattr(batcher, "parameters", counted)
    context = region.service.context(_subject(region, AUDITOR))
    document = read(core, "query ($tin: TIN!) { operator(tin: $tin) { tin } }")

    _run(region, [_planned(region, context, document, {"tin": FRUIT}) for _ in range(200)])

    assert sum(sizes) == 200
    assert len(sizes) <= 6
    assert max(sizes) == batcher.ROWS


def test_a_null_where_none_may_be_is_worded_by_the_executor_and_spoils_no_neighbour(
    region: Client,
) -> None:
    document = read(core, "query ($tin: TIN!) { operator(tin: $tin) { tin name } }")
    context = region.service.context(_subject(region, AUDITOR))
    with _nameless(region, STEEL):
        texts = _run(
            region,
            [_planned(region, context, document, {"tin": tin}) for tin in (FRUIT, STEEL, QUIET)],
        )
        body = region.post(f'{{ operator(tin: "{STEEL}") {{ tin name }} }}', AUDITOR).json()

    assert [text is None for text in texts] == [False, True, False]
    assert body["data"] == {"operator": None}
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL"


def test_every_look_is_kept_once_planned_or_not(region: Client) -> None:
    kept: list[Any] = []
    context = region.service.context(_subject(region, KOREA))
    context.read_log = _Kept(kept)  # type: ignore[assignment]
    for text in (
        f'{{ operator(tin: "{FRUIT}") {{ tin }} }}',
        f'{{ operatorsByTin(tins: ["{FRUIT}", "{QUIET}"]) {{ tin }} }}',
        _recognition(FRUIT, "KR"),
        f'{{ operator(tin: "{FRUIT}") {{ tin history {{ edges {{ cursor }} }} }} }}',
    ):
        document = read(core, text)
        operation = document.operation(None)
        assert operation
        _run(region, [region.service.executor.execute(context, document, operation, as_text=True)])

    assert [(look.operation, look.tins) for look in kept] == [
        ("operator", [FRUIT]),
        ("operatorsByTin", [FRUIT, QUIET]),
        ("recognition", [FRUIT]),
        ("operator", [FRUIT]),
    ]


def test_what_waits_for_the_database_too_long_is_told_so(region: Client, tmp_path: Path) -> None:
    question = f'{{ operator(tin: "{FRUIT}") {{ tin }} }}'
    with Client(region.database, tmp_path, deadline=1.0) as client:
        assert client.ask(question, AUDITOR)
        with psycopg.connect(region.database) as connection:
            connection.execute("lock table views.operator in access exclusive mode")
            response = client.post(question, AUDITOR)

        [error] = response.json()["errors"]
        assert (response.status_code, error["extensions"]["code"]) == (503, "DEADLINE")
        assert client.ask(question, AUDITOR)


HELD = (
    "o.held, o.held_programmes, o.held_types, o.held_statuses, o.held_abroad, o.held_roles,"
    " o.held_from, o.schemes, o.identifiers, o.consents, now(), now()"
)


def test_the_rule_becomes_part_of_the_statement(region: Client) -> None:
    """As a call it would be planned by itself, and compute what nobody asked for."""
    with psycopg.connect(region.database) as connection:
        plan = connection.execute(
            "explain verbose select v.outcome, w.outcome from views.operator o cross join lateral"
            f" rule.there(o.tin, o.administration, o.roles, 'KR', o.roles, o.roles, {HELD}) v"
            f" cross join lateral rule.everywhere(o.tin, o.administration, {HELD}) w"
        ).fetchall()

    called = ("there", "everywhere", "clauses", "members", "consent_laws", "in_interval", "met")
    assert not any(f"rule.{name}(" in line for name in called for (line,) in plan)


def test_the_share_of_planned_questions_is_in_the_metrics(region: Client) -> None:
    region.ask(f'{{ operator(tin: "{FRUIT}") {{ tin }} }}', AUDITOR)
    region.ask("{ viewer { role } }")

    text = region.request("GET", "/metrics").text

    assert "aeo_planned_total" in text
    assert 'aeo_declined_total{field="Query.viewer",reason="uncovered"}' in text


def test_the_metrics_name_the_field_for_which_a_question_was_not_planned(region: Client) -> None:
    """Fields and types of the schema alone: what a subject writes makes no label."""
    region.ask("{ __schema { queryType { name } } }")
    looked_up = f'{{ operator(tin: "{FRUIT}") {{ mine: periods(first: 5000) {{ status }} }} }}'
    region.post(looked_up, AUDITOR)
    region.post("query ($mine: TIN!) { operator(tin: $mine) { tin } }", AUDITOR)

    fields = {field for _, field in _declined_fields()}
    assert {"__schema", "periods"} <= fields
    assert not any("mine" in field or "5000" in field for field in fields)


def test_the_metrics_say_what_lay_ready(region: Client) -> None:
    question = f'{{ operator(tin: "{FRUIT}") {{ recognisedIn {{ {VERDICT} }} }} }}'
    for _ in range(3):
        region.ask(question, AUDITOR)

    text = region.request("GET", "/metrics").text

    assert 'aeo_documents_total{found="known"}' in text
    assert 'aeo_documents_total{found="new"}' in text
    assert 'aeo_verdicts_total{found="made"}' in text
    kept = re.search(r'aeo_verdicts_total{found="kept"} (\S+)', text)
    assert kept and float(kept[1]) > 0


# ------------------------------------------------------------------- helpers


class _Kept:
    def __init__(self, looks: list[Any]) -> None:
        self.keep = looks.append


def _recognition(tin: str, there: str) -> str:
    return f'{{ recognition(tin: "{tin}", in: "{there}") {{ outcome reasons {{ code }} }} }}'


@contextmanager
def _nameless(region: Client, tin: str) -> Iterator[None]:
    """In the row that says how it stands, and in those that say how it stood."""
    tables = ("operator", "particulars")
    with psycopg.connect(region.database, autocommit=True) as connection:
        for table in tables:
            connection.execute(f"alter table views.{table} alter name drop not null")
            connection.execute(f"create table {table}_names as select tin, name from views.{table}")
            connection.execute(f"update views.{table} set name = null where tin = %s", [tin])
        yield
        for table in tables:
            connection.execute(
                f"update views.{table} p set name = n.name from {table}_names n"
                " where p.tin = n.tin and p.name is null"
            )
            connection.execute(f"drop table {table}_names")
            connection.execute(f"alter table views.{table} alter name set not null")


def _subject(region: Client, subject: str) -> Subject:
    if subject == "public":
        return PUBLIC
    return region._runner.run(region.service.subjects.with_territories(named(subject)))


def _run(region: Client, questions: list[Any]) -> list[Any]:
    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*questions)

    return region._runner.run(all_at_once())


async def _planned(
    region: Client, context: Context, document: CheckedDocument, variables: dict[str, Any]
) -> bytes | None:
    planner = region.service.executor._planner
    assert planner is not None
    operation = _operation(document)
    given = document.examined(operation, variables)
    return await planner.answer(context, document, operation, given)


async def _stock(context: Context, document: CheckedDocument, variables: dict[str, Any]) -> Any:
    context = replace(context, _once={})
    return await schema.execute(
        None,
        variable_values=dict(document.examined(_operation(document), variables)),
        context_value=context,
        operation_name=None,
        operation_extensions={"document": document},
    )


def _read(text: str, *, in_full: bool) -> CheckedDocument:
    """Reading a document takes five times as long as answering it. The generator makes but one kind
    of mistake, a bad value said in the document; that it makes no other, every tenth shows."""
    node = declarations.with_parsed_batches(parse(text))
    bad = validate(core, node, [ValuesOfCorrectTypeRule])
    if in_full:
        assert bool(validate(core, node)) == bool(bad), (validate(core, node), text)
    operations = [
        definition
        for definition in node.definitions
        if isinstance(definition, OperationDefinitionNode)
    ]
    batches = {
        _name(operation): declarations.batch_variables(operation) for operation in operations
    }
    return CheckedDocument(node, tuple(bad), batches=batches)


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _operation(document: CheckedDocument) -> OperationDefinitionNode:
    operation = document.operation(None)
    assert operation
    return operation


def _plain(text: bytes) -> str:
    """The same JSON as Python writes it, in the order of the text; a key twice is a mistake."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)

    return json.dumps(json.loads(text, object_pairs_hook=once))


def _declined() -> dict[str, float]:
    told: dict[str, float] = {}
    for (reason, _), times in _declined_fields().items():
        told[reason] = told.get(reason, 0.0) + times
    return told


def _declined_fields() -> dict[tuple[str, str], float]:
    counters.add()
    return {
        (sample.labels["reason"], sample.labels["field"]): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "aeo_declined_total"
    }


def _covered() -> set[str]:
    """Every field that says where its value lies, and can be reached from what is planned."""
    found: set[str] = set()
    waiting = [core.query_type]
    while waiting:
        type = waiting.pop()
        assert isinstance(type, GraphQLObjectType)
        for name, defined in type.fields.items():
            own = defined.extensions["strawberry-definition"]
            where = place(own.metadata)
            leaf = is_leaf_type(get_named_type(defined.type))
            plain = where is None and leaf and not own.base_resolver
            if not (plain or isinstance(where, Rows | Value | WordedField)):
                continue
            if f"{type.name}.{name}" not in found:
                found.add(f"{type.name}.{name}")
                if not leaf:
                    waiting.append(get_named_type(defined.type))
    return found
