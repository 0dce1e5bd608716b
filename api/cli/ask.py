"""Commands that query: recognition of an operator, and its history."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from api.cli.terminal import (
    HOME,
    REFUSED,
    USAGE,
    Home,
    Json,
    fail,
    print_json,
    print_table,
    read_knowledge,
    read_law,
    register,
    say,
    shown,
    word,
    zone_of,
)

SILENCE = 30.0  # seconds after which a database that does not answer is given up
At = Annotated[
    str | None,
    typer.Option(
        help="Valid time: an instant, or a civil day of the importing territory. Default: now."
    ),
]
KnownAt = Annotated[
    str | None,
    typer.Option(
        help="Transaction time: what was recorded by then. A day means its end; today means now."
    ),
]


def ask(
    tin: Annotated[str, typer.Argument(help="A TIN, or a code like AEOCN1234567890.")],
    in_: Annotated[str, typer.Option("--in", metavar="CODE", help="The importing territory.")],
    at: At = None,
    known_at: KnownAt = None,
    role: Annotated[
        str | None, typer.Option(help="The operator's role, as EXPORTER or CARRIER.")
    ] = None,
    direction: Annotated[str | None, typer.Option(help="IMPORT or EXPORT.")] = None,
    hs: Annotated[str | None, typer.Option(help="HS code of 2, 4 or 6 digits.")] = None,
    crossing: Annotated[str | None, typer.Option(help="The border crossing.")] = None,
    mode: Annotated[str | None, typer.Option(help="The mode of transport.")] = None,
    as_: Annotated[
        str,
        typer.Option(
            "--as", help="Answer as for officer:CN, partner:KR, company:TIN or auditor:*."
        ),
    ] = "auditor:*",
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Show whether an operator is recognised in a territory at a valid time, as known at a
    transaction time, and why.

    The exit code is 0 for every answer, also for UNKNOWN.
    """
    from api.access.policy import Action, decide, operator
    from api.graphql.deadlines import within
    from api.graphql.types.reasons import parties, recognition_reasons
    from projections.reads.administrations import administrations
    from projections.reads.recognition import facts, into, unchanged_interval
    from projections.reads.row_security import STATE, stated
    from registry.domain.recognition import Question, recognise, with_consent_reason
    from registry.domain.values import Direction, HsCode, Role

    now = datetime.now(UTC)
    wanted, territory = _tin(tin), _administration(in_)
    consignment = {
        "role": word(Role, role, "--role"),
        "direction": word(Direction, direction, "--direction"),
        "hs": word(HsCode, hs, "--hs"),
        "crossing": crossing,
        "mode": mode,
    }

    async def read(url: str, known: datetime) -> Any:
        from registry.ledger.connections import AsyncSession

        async with await AsyncSession.connect(url, autocommit=True) as connection:
            await connection.execute("set role aeo_reader")
            subject = await _may_ask(connection, as_, wanted, territory)
            scope = subject.visibility
            async with connection.transaction():
                await connection.execute(STATE, [stated(scope, now)])
                known_ = await facts(connection, scope, now, [wanted], territory, known)
            sides = parties(known_.of(wanted).links, known_.of(wanted).administration, territory)
            rows = await administrations(connection, sides)
            return subject, known_, {code: row.time_zone for code, row in rows.items()}

    with register(home, "aeo_reader") as url:
        zone = zone_of(url, territory.text)
        law, knowledge = read_law(at, zone, now), read_knowledge(known_at, zone, now)
        known = knowledge.at
        subject, found, zones = asyncio.run(within(SILENCE, read(url, known)))
    question = Question(territory, law.at, **consignment)
    of = into(found.of(wanted), territory)
    answer = recognise(of, question)
    all_of_it = decide(subject, Action.READ_IN_FULL, operator(wanted)).allowed
    if all_of_it:
        answer = with_consent_reason(answer, of)
    reasons = recognition_reasons(of, question, answer, zones, all_of_it=all_of_it)
    begins, ends = unchanged_interval(of, question)
    output = {
        "tin": wanted.text,
        "in": territory.text,
        "outcome": answer.outcome.value,
        "legal": answer.legal.value,
        "operational": answer.operational.value,
        "reasons": [reason.value for reason in answer.reasons],
        "why": [
            {
                "code": reason.code.value,
                "message": reason.message,
                "facts": [vars(f) for f in reason.facts],
            }
            for reason in reasons
        ],
        "at": question.at,
        "knownAt": known,
        "readings": {"at": law.sentence, "knownAt": knowledge.sentence},
        "validFrom": None if begins.year == 1 else begins,
        "validTo": ends,
        "position": found.position,
        "bases": [
            {
                "agreement": basis.agreement,
                "authorisation": basis.authorisation,
                "since": basis.since,
                "identifierScheme": basis.identifier_scheme,
                "identifier": basis.identifier,
                "declarationBox": basis.declaration_box,
                "benefits": list(basis.benefits),
                "assumed": basis.assumed,
            }
            for basis in answer.bases
        ],
    }
    if as_json:
        print_json(output)
        return
    print(f"{wanted} in {territory}: {answer.outcome} ({', '.join(map(str, answer.reasons))})")
    for reason in reasons:
        say(f"  {reason.message}")
    print(f"  in law {answer.legal}, in practice {answer.operational}")
    print(f"  at {shown(question.at)}, as known at {shown(known)}, position {found.position:,}")
    if at or known_at:
        say(f"  --at was read as {law.sentence}; --known-at as {knowledge.sentence}")
    print(f"  the answer is the same from {shown(begins)} to {shown(ends) or 'open'}")
    if answer.bases:
        print_table(
            None,
            ("Agreement", "Authorisation", "Since", "Known there by", "Declared in", "Assumed"),
            [
                (
                    basis.agreement,
                    basis.authorisation,
                    basis.since,
                    " ".join(filter(None, (basis.identifier_scheme, basis.identifier))),
                    basis.declaration_box,
                    basis.assumed,
                )
                for basis in answer.bases
            ],
        )


def history(
    tin: Annotated[str, typer.Argument(help="A TIN, or a code like AEOCN1234567890.")],
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Show the events of an operator, and its recorded statuses in valid time and transaction
    time."""
    from psycopg.rows import dict_row

    from registry.domain.operators.events import Operator
    from registry.ledger.connections import Session

    wanted = _tin(tin)
    with register(home) as url, Session.connect(url, row_factory=dict_row) as connection:
        connection.execute("set timezone = 'UTC'")
        events = connection.execute(
            'select position, topic as type, state::json as payload, recorded_at as "recordedAt",'
            ' known_at as "knownAt", actor from ledger.event where originator_id = %s'
            " order by originator_version",
            [Operator.create_id(wanted)],
        ).fetchall()
        if not events:
            fail(REFUSED, f"{wanted} is not in this register")
        operator = connection.execute(
            "select n.name, n.local_name, o.administration, o.time_zone, o.source, n.standing,"
            ' rule.abroad_then(o.tin, t.now, t.now, true) as "standingAbroad", n.successor'
            " from views.operator o, (select clock_timestamp() as now) t,"
            " rule.stood(o.tin, t.now, t.now) n where o.tin = %s",
            [wanted.text],
        ).fetchone()
        periods = connection.execute(
            "select coalesce(number, authorisation) as authorisation, type, status,"
            ' abroad as "statusAbroad", rule.suspended_parts(flags) as "suspendedParts",'
            ' valid_from as "validFrom", valid_to as "validTo",'
            ' recorded_from as "recordedFrom", recorded_to as "recordedTo", ground'
            " from views.status_period where tin = %s"
            " order by status_period.authorisation, valid_from, recorded_from",
            [wanted.text],
        ).fetchall()
    if as_json:
        print_json({"tin": wanted.text, "operator": operator, "events": events, "periods": periods})
        return
    if operator:
        names = " ".join(filter(None, (operator["name"], operator["local_name"])))
        stands, abroad = operator["standing"], operator["standingAbroad"]
        partly = f", {abroad} abroad" if abroad != stands else ""
        say(f"{wanted}  {names}  {stands}{partly}")
        merged = f", merged into {operator['successor']}" if operator["successor"] else ""
        source = f", {operator['source']}" if operator["source"] else ""
        say(f"home {operator['administration']}, {operator['time_zone']}{source}{merged}")
    print_table(
        "Events, in the order in which they were recorded",
        ("Position", "Event", "Effective", "Known at", "Recorded at", "Content"),
        [
            (
                event["position"],
                event["type"].removeprefix("operator.").replace("_", " "),
                event["payload"].get("effective"),
                event["knownAt"],
                event["recordedAt"] if event["recordedAt"] != event["knownAt"] else "the same",
                says(event["type"], event["payload"]),
            )
            for event in events
        ],
    )
    print_table(
        "Statuses: valid time, and the transaction time during which they were on record",
        ("Authorisation", "Status", "Valid from", "to", "Recorded from", "to", "Ground"),
        [
            (
                f"{period['authorisation']} ({period['type']})",
                _standing(period),
                period["validFrom"],
                period["validTo"] or "open",
                period["recordedFrom"],
                period["recordedTo"] or "still",
                period["ground"],
            )
            for period in periods
        ],
    )


def _standing(period: dict[str, Any]) -> str:
    """Returns the status, with the parts that are suspended separately, and the status abroad where
    it differs."""
    words = [period["status"]]
    if period["suspendedParts"]:
        words.append(f"part {' and '.join(period['suspendedParts'])} suspended")
    if period["statusAbroad"] != period["status"]:
        words.append(f"{period['statusAbroad']} abroad")
    return ", ".join(words)


def says(type: str, payload: dict[str, Any]) -> str:
    """Returns the content of an event, apart from its dates, on one line."""
    if type.startswith("operator.consent") and "partner" not in payload:
        scope = "to every partner found adequate" if payload.get("general") else "to publication"
        return f"{scope}, by {payload['proof']}" if "proof" in payload else scope
    left_out = {
        "class_version",
        "effective",
        "tin",
        "administration",
        "time_zone",
        "due",
        "decided_by",
        "source",
    }
    shown = {k: v for k, v in payload.items() if k not in left_out}
    if shown.get("decided") == payload.get("effective"):
        shown.pop("decided", None)
    return "; ".join(f"{k.replace('_', ' ')} {_short(v)}" for k, v in shown.items())


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    return shown(value)


async def _may_ask(connection: Any, subject_id: str, tin: Any, territory: Any) -> Any:
    """Returns the subject of that name, if it may ask this. Exits with 1 or 2."""
    from api.access.policy import Action, decide, named, operator
    from projections.reads.blocs import members_and_blocs
    from registry.domain.values import AdministrationCode

    try:
        subject = named(subject_id)
    except ValueError as error:
        fail(USAGE, f"--as: {error}")
    if subject.administration:
        members, blocs = await members_and_blocs(connection, subject.administration.text)
        own = frozenset({subject.administration, *map(AdministrationCode, members)})
        reach = own | frozenset(map(AdministrationCode, blocs))
        subject = replace(subject, own=own, reach=reach)
    verdict = decide(subject, Action.ASK_RECOGNITION, operator(tin, territory))
    if not verdict.allowed:
        fail(REFUSED, verdict.reason)
    return subject


def _tin(text: str) -> Any:
    from registry.domain.values import Tin

    return word(Tin, text, "TIN")


def _administration(text: str) -> Any:
    from registry.domain.values import AdministrationCode

    return word(AdministrationCode, text.strip().upper(), "--in")
