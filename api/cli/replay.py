"""Commands that go back: replay of events, read models as of a moment, comparison of two
moments."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from api.cli.ask import says
from api.cli.terminal import (
    HOME,
    REFUSED,
    USAGE,
    Home,
    Json,
    fail,
    instant,
    plain,
    position,
    print_json,
    print_table,
    progress,
    register,
    shown,
    word,
)
from registry.domain.instants import TOLERANCE

if TYPE_CHECKING:
    from projections.history.diff import AnswerDifference, Moment


def replay(
    type: Annotated[
        list[str] | None, typer.Option(help="A type of event, as operator.granted; repeatable.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="The id of a stream.")] = None,
    tin: Annotated[str | None, typer.Option(help="The operator of that TIN.")] = None,
    agreement: Annotated[str | None, typer.Option(help="The agreement of that code.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="The first position, or a transaction time.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="The last position, or a transaction time.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Valid time of the read models: an instant, a day, or now.")
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option(help="Transaction time of the read models: an instant, a day, or now."),
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Only these read models, as in operators,agreements.")
    ] = None,
    drop: Annotated[
        bool,
        typer.Option("--drop", help="Remove the schemas of these moments; without them, all."),
    ] = False,
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Print the events as JSON lines, each with its position, filtered.

    With --at or --known-at: rebuild the read models as of that valid time and transaction time,
    from the events that were known by then. They stay in a schema of their own: the ordinary
    tables, and beside each a view NAME_at of the rows that were valid at --at.
    """
    filters = (type, stream, tin, agreement, from_, until)
    if at or known_at or models or drop:
        if any(filters):
            fail(USAGE, "a moment has all its events: say filters, or --at and --known-at")
        _moment(home, at, known_at, models, drop, as_json)
    else:
        _events(home, *filters)


def _moment(
    home: str, at: str | None, known_at: str | None, models: str | None, drop: bool, as_json: bool
) -> None:

    from projections.engine.fold_workers import FoldFailed
    from projections.history import replay_at as moments
    from projections.models.catalogue import BY_NAME
    from registry.ledger.connections import Session

    now = datetime.now(UTC)
    day, known = _instant(at, now), _known(known_at, now)
    names = list(dict.fromkeys(models.split(","))) if models else list(BY_NAME)
    for name in names:
        if name not in BY_NAME:
            fail(USAGE, f"--models: {name!r} is none of {', '.join(BY_NAME)}")
    schema = moments.schema_of(day, known)
    with register(home, "aeo_owner", "aeo_projector") as url:
        if drop:
            with Session.connect(url, autocommit=True) as connection:
                gone = moments.drop(connection, day if at else None, known if known_at else None)
            print_json({"dropped": gone}) if as_json else print(
                "\n".join(gone) or "nothing to remove"
            )
            return
        head = position(url, "now")
        with progress("the read models of that moment") as bar:
            try:
                chosen = [BY_NAME[name] for name in names]
                tables_then = moments.replay(
                    url, day, known, chosen, lambda done, _: bar(done, head)
                )
            except FoldFailed as error:
                fail(REFUSED, str(error))
    if as_json:
        tables = [asdict(table) for table in tables_then]
        print_json({"schema": schema, "at": day, "knownAt": known, "tables": tables})
        return
    print_table(
        None,
        ("Table", "Rows", "Held then", "SHA-256 of its rows"),
        [(table.name, f"{table.rows:,}", f"{table.held:,}", table.digest) for table in tables_then],
    )
    print(f"schema {schema}: what held at {shown(day)}, as known at {shown(known)}")


def _events(
    home: str,
    type: list[str] | None,
    stream: str | None,
    tin: str | None,
    agreement: str | None,
    from_: str | None,
    until: str | None,
) -> None:
    import orjson
    from psycopg.sql import SQL

    from api.graphql.errors import Unanswered
    from api.graphql.global_ids import key_of
    from registry.domain.agreements.events import Agreement
    from registry.domain.operators.events import Operator
    from registry.domain.values import Tin
    from registry.ledger.connections import Session

    where, values = [SQL("true")], dict[str, Any]()
    streams = [_uuid(stream)] if stream else []
    streams += [Operator.create_id(word(Tin, tin, "TIN"))] if tin else []
    try:
        code = agreement and key_of("Agreement", agreement, "--agreement")
    except Unanswered as error:
        fail(USAGE, error.message)
    streams += [Agreement.create_id(code)] if code else []
    if streams:
        where.append(SQL("originator_id = any(%(streams)s)"))
        values["streams"] = streams
    if type:
        _known_types(type)
        where.append(SQL("topic = any(%(types)s)"))
        values["types"] = type
    for name, text, place, moment in (
        ("from", from_, SQL("position >= %(from)s"), SQL("recorded_at >= %(from)s")),
        ("until", until, SQL("position <= %(until)s"), SQL("recorded_at <= %(until)s")),
    ):
        if text:
            where.append(place if text.isdecimal() else moment)
            values[name] = int(text) if text.isdecimal() else instant(text)
    statement = SQL(
        "select position, originator_id, originator_version, topic, recorded_at, known_at,"
        " command_id, actor, decided_by, legal_ground, state from ledger.event where {}"
        " order by position"
    ).format(SQL(" and ").join(where))
    write = sys.stdout.buffer.write
    with register(home) as url, Session.connect(url) as connection:
        connection.execute("set timezone = 'UTC'")
        with connection.cursor("replay") as cursor:
            cursor.itersize = 5_000
            for row in cursor.execute(statement, values):
                line = {
                    "position": row[0],
                    "stream": str(row[1]),
                    "version": row[2],
                    "type": row[3],
                    "recordedAt": plain(row[4]),
                    "knownAt": plain(row[5]),
                    "commandId": str(row[6]),
                    "actor": row[7],
                    "decidedBy": row[8],
                    "legalGround": row[9],
                    "payload": orjson.Fragment(row[10]),
                }
                write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


def diff(
    one: Annotated[
        str, typer.Argument(metavar="A", help="AT or AT@KNOWN: an instant, a day or now.")
    ],
    other: Annotated[str, typer.Argument(metavar="B", help="The other moment, in the same form.")],
    operator: Annotated[str | None, typer.Option(metavar="TIN", help="Only this operator.")] = None,
    in_: Annotated[
        str | None, typer.Option("--in", metavar="CODE", help="Only this importing territory.")
    ] = None,
    first: Annotated[
        int, typer.Option(min=1, max=10_000, help="The number of operators to list.")
    ] = 100,
    after: Annotated[str, typer.Option(metavar="TIN", help="Only operators after this TIN.")] = "",
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """List the operators with different answers at moments A and B, and the events in between.

    Ends with 0 when all answers are the same, and with 1 when some differ.
    """
    from psycopg import IsolationLevel
    from psycopg.rows import dict_row

    from projections.history.diff import Moment, MomentDiff
    from registry.domain.values import AdministrationCode, Tin
    from registry.ledger.connections import Session

    now = datetime.now(UTC)
    moments = [Moment(*_instants(text, now)) for text in (one, other)]
    tin: Tin | None = word(Tin, operator, "--operator")
    territory: AdministrationCode | None = word(AdministrationCode, in_, "--in")
    with register(home) as url, Session.connect(url) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute("set timezone = 'UTC'")
        with progress("operators") as bar:
            found = MomentDiff(connection, *moments).differences(
                territory=territory.text if territory else None,
                tin=tin.text if tin else None,
                after=after,
                progress=bar,
            )
            shown_now = list(islice(found, first + 1))
        more, shown_now = len(shown_now) > first, shown_now[:first]
        events = (
            connection.cursor(row_factory=dict_row)
            .execute(
                "select position, topic as type, state::json as payload, known_at, recorded_at"
                " from ledger.event where position = any(%s) order by position",
                [
                    sorted(
                        {
                            place
                            for answer_difference in shown_now
                            for place in answer_difference.event_positions
                        }
                    )
                ],
            )
            .fetchall()
        )
    if as_json:
        print_json(_differences(moments, shown_now, events, more))
    else:
        _print_differences(shown_now, events, more)
    if shown_now:
        raise typer.Exit(REFUSED)


def _instants(text: str, now: datetime) -> tuple[datetime, datetime]:
    at, _, known = text.partition("@")
    return _instant(at, now), _known(known or None, now)


def _differences(
    moments: list[Moment], found: list[AnswerDifference], events: list[dict[str, Any]], more: bool
) -> dict[str, Any]:
    return {
        "a": {"at": moments[0].at, "knownAt": moments[0].known},
        "b": {"at": moments[1].at, "knownAt": moments[1].known},
        "differences": [
            {
                "tin": answer_difference.tin,
                "administration": answer_difference.administration,
                "standing": {
                    "a": answer_difference.standing[0],
                    "b": answer_difference.standing[1],
                },
                "recognition": [
                    {"in": answer.territory, "a": answer.one, "b": answer.other}
                    for answer in answer_difference.answers
                ],
                "because": sorted(answer_difference.event_positions),
            }
            for answer_difference in found
        ],
        "events": [
            {
                "position": event["position"],
                "type": event["type"],
                "effective": event["payload"].get("effective"),
                "knownAt": event["known_at"],
                "recordedAt": event["recorded_at"],
                "says": says(event["type"], event["payload"]),
            }
            for event in events
        ],
        "next": found[-1].tin if more else None,
    }


def _print_differences(
    found: list[AnswerDifference], events: list[dict[str, Any]], more: bool
) -> None:
    if not found:
        print("both moments answer alike")
        return
    print_table(
        "Who would be answered otherwise",
        ("Operator", "Standing", "Recognition", "Because of positions"),
        [
            (
                answer_difference.tin,
                _change(*(standing or "not registered" for standing in answer_difference.standing)),
                "; ".join(_answers(answer_difference)),
                ", ".join(map(str, sorted(answer_difference.event_positions))),
            )
            for answer_difference in found
        ],
    )
    print_table(
        "What happened in between",
        ("Position", "What", "Counts from", "Known at", "Recorded at", "Says"),
        [
            (
                event["position"],
                event["type"].replace(".", " ").replace("_", " "),
                event["payload"].get("effective"),
                event["known_at"],
                event["recorded_at"] if event["recorded_at"] != event["known_at"] else "the same",
                says(event["type"], event["payload"]),
            )
            for event in events
        ],
    )
    rest = f"; more with --after {found[-1].tin}" if more else ""
    print(f"{len(found):,} operator{'s' * (len(found) != 1)}{rest}")


def _answers(answer_difference: AnswerDifference) -> list[str]:
    """Groups territories with the same answer."""
    alike: dict[tuple[str, str], list[str]] = {}
    for answer in answer_difference.answers:
        alike.setdefault((answer.one, answer.other), []).append(answer.territory)
    return [f"{_change(*pair)} in {', '.join(there)}" for pair, there in alike.items()]


def _change(one: str, other: str) -> str:
    return f"{one}, as before" if one == other else f"{one} -> {other}"


def _known_types(types: list[str]) -> None:
    """Exits with 2 for an unknown event type, so that an empty result never means a typing
    error."""
    from difflib import get_close_matches

    from registry.domain.aggregates import AGGREGATES
    from registry.ledger.mapper import EventMapper

    topics = EventMapper(AGGREGATES).topics
    for name in types:
        if name not in topics:
            near = get_close_matches(name, topics)
            there = f"; there is {', '.join(near)}" if near else ""
            fail(USAGE, f"--type: no event is called {name!r}{there}")


def _instant(text: str | None, now: datetime) -> datetime:
    return now if text in (None, "now") else instant(text) or now


def _known(text: str | None, now: datetime) -> datetime:
    known = _instant(text, now)
    if known > now + TOLERANCE:
        fail(USAGE, f"{shown(known)} is in the future, and nobody knows that yet")
    return min(known, now)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        fail(USAGE, f"--stream: {text!r} is not the id of a stream (a UUID)")
