"""Commands about the background processes: their state, and resuming a stopped read model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.terminal import (
    HOME,
    REFUSED,
    USAGE,
    Home,
    Json,
    fail,
    home_of,
    print_json,
    print_table,
    register,
)

if TYPE_CHECKING:
    from projections.reads.freshness import IncomingData


def status(home: Home = HOME, as_json: Json = False) -> None:
    """Show who leads each background process, the positions of read models, log and checks, and
    what is stopped.

    Ends with 1 when a read model is stopped, no projector runs, or the background check found
    something that it could not correct.
    """
    from api.access.webhooks import LEADER_LOCK as WEBHOOKS
    from api.end_recorder import LEADER_LOCK as CLERK
    from api.log.signer import LEADER_LOCK as SIGNER
    from api.peers.store import leader_lock
    from projections.checking.background_check import LEADER_LOCK as CHECKER
    from projections.checking.status import status as read
    from projections.engine.projector import LEADER_LOCK as FOLLOWER
    from projections.reads.freshness import incoming_now
    from projections.transparency.integrator import LEADER_LOCK as LOG
    from registry.ledger.connections import Session

    locks = {"follow": FOLLOWER, "log": LOG, "sign": SIGNER, "clerk": CLERK, "checker": CHECKER}
    locks["webhooks"] = WEBHOOKS
    with register(home, migrates=False) as url, Session.connect(url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        partners = incoming_now(connection)
        peers = {each.peer for each in partners if each.peer} | _configured(url, home)
        found = read(
            connection, locks | {f"follow-peer {p}": leader_lock(p) for p in sorted(peers)}
        )
    if as_json:
        print_json(_plain(found) | {"partners": _plain_partners(partners)})
    else:
        _show(found)
        _show_partners(partners)
    wrong = [
        f"{place.projection} is stopped: remove the cause, then ./aeo resume {place.projection}"
        for place in found.stopped
    ]
    wrong += [
        f"no projector runs: ./aeo {worker.name}"
        for worker in found.missing
        if worker.name == "follow"
    ]
    wrong += sorted(
        {
            f"the peer {partner.peer} is followed no further: {partner.why};"
            f" both heads are in {partner.evidence}"
            for partner in partners
            if partner.stopped_at
        }
    )
    if still := found.checked.unmended + found.checked.of_ledger:
        wrong.append(
            f"{still:,} finding{'' if still == 1 else 's'} of the background check"
            f" {'is' if still == 1 else 'are'} open:"
            " select * from checks.finding where mended_at is null"
        )
    if wrong:
        fail(REFUSED, "; ".join(wrong))


def _configured(url: str, home: str) -> set[str]:
    """Returns the names of the registers that `aeo up` is to follow."""
    from api.peers.followed_peers import BadPeers, read_followed_peers
    from api.settings import Settings

    try:
        settings = Settings(database=url, home=home_of(home))
        return {peer.name for peer in read_followed_peers(settings.followed_peers)}
    except BadPeers as error:
        fail(USAGE, f"AEO_FOLLOWED_PEERS={error}")


def new_epoch(
    why: Annotated[str, typer.Option(help="What happened to the database, for later readers.")],
    home: Home = HOME,
) -> None:
    """Begin a new epoch of the ledger after it was restored from a backup, before it is used again.

    Positions, cursors and receipts that name an earlier epoch are then refused with a reason. No
    recorded event is changed.
    """
    from registry.ledger.connections import Session
    from registry.ledger.epochs import begin, current

    with register(home, "aeo_writer") as url:
        with Session.connect(url) as connection:
            before = current(connection)
        new = begin(url, before.id, why)
    print(f"epoch {new.id} after position {new.after_position:,}; before: {before.id}")


def resume(
    projection: Annotated[
        str | None, typer.Argument(help="The read model; without it, all that are stopped.")
    ] = None,
    home: Home = HOME,
) -> None:
    """Let a stopped read model try its event again, after the cause was removed."""
    from projections.checking.status import resume as go_on
    from projections.checking.status import status as read
    from projections.models.catalogue import BY_NAME
    from registry.ledger.connections import Session

    if projection is not None and projection not in BY_NAME:
        fail(USAGE, f"projection: found {projection!r}, wanted one of {', '.join(BY_NAME)}")
    with register(home, migrates=False) as url:
        with Session.connect(url, autocommit=True) as connection:
            standing = [place.projection for place in read(connection, {}).stopped]
        chosen = [name for name in standing if projection in (None, name)]
        for name in chosen:
            go_on(url, name)
            print(f"{name} resumes")
    if not chosen:
        print(f"{projection} is not stopped" if projection else "no read model is stopped")


def _show(found: Any) -> None:
    print_table(
        None,
        ["process", "leader", "since"],
        [
            [
                worker.name,
                f"server process {worker.pid}" if worker.pid else "nobody",
                _at(worker.since),
            ]
            for worker in found.workers
        ],
    )
    print_table(
        None,
        ["read model", "position", "behind", "state", "since"],
        [
            [
                place.projection,
                f"{place.position:,}",
                f"{found.recorded - place.position:,}",
                f"stopped at {place.stopped_at:,}: {place.why}" if place.stopped_at else "running",
                _at(place.since),
            ]
            for place in found.positions
        ],
    )
    epoch = found.epoch
    print(
        f"epoch {epoch.id} since {_at(epoch.begun_at)}, after position {epoch.after_position:,}: "
        f"{epoch.why}"
    )
    print(f"recorded {found.recorded:,}; in the log {found.logged:,}; signed {found.signed:,}")
    checked = found.checked
    last = f", the last at {_at(checked.last_found_at)}" if checked.last_found_at else ""
    print(
        f"last complete check: {_at(checked.whole_at) or 'not yet'}; this pass"
        f" {checked.progress:.0%}; findings {checked.findings:,}{last}; open:"
        f" {checked.unmended:,} of read models, {checked.of_ledger:,} of the ledger"
    )


def _show_partners(partners: list[IncomingData]) -> None:
    """Prints how old the data of each administration is that comes from elsewhere."""
    if partners:
        columns = ["data of", "from", "complete as of", "limit", "state"]
        rows = [
            [
                each.administration,
                f"peer {each.peer}" if each.peer else "lists",
                _at(each.known_as_of) or "nothing yet",
                f"{each.limit_hours} h" if each.limit_hours else "none",
                _state_of(each),
            ]
            for each in partners
        ]
        print_table(None, columns, rows)


def _state_of(partner: IncomingData) -> str:
    if partner.stopped_at:
        return f"stopped: {partner.why}"
    if partner.why:
        return f"waiting: {partner.why}"
    return "stale" if partner.stale else "fresh"


def _plain_partners(partners: list[IncomingData]) -> list[dict[str, Any]]:
    return [
        {
            "administration": each.administration,
            "peer": each.peer,
            "asOf": _at(each.known_as_of) or None,
            "limitHours": each.limit_hours,
            "stale": each.stale,
            "position": each.position,
            "stoppedAt": _at(each.stopped_at) or None,
            "why": each.why,
            "evidence": each.evidence,
        }
        for each in partners
    ]


def _at(instant: Any) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z") if instant else ""


def _plain(found: Any) -> dict[str, Any]:
    return {
        "epoch": {
            "id": found.epoch.id,
            "since": _at(found.epoch.begun_at),
            "afterPosition": found.epoch.after_position,
            "why": found.epoch.why,
        },
        "recorded": found.recorded,
        "logged": found.logged,
        "signed": found.signed,
        "readModels": [
            {
                "name": place.projection,
                "position": place.position,
                "behind": found.recorded - place.position,
                "stoppedAt": place.stopped_at,
                "why": place.why,
                "since": _at(place.since) or None,
            }
            for place in found.positions
        ],
        "checked": {
            "wholeAt": _at(found.checked.whole_at) or None,
            "progress": found.checked.progress,
            "streams": found.checked.streams,
            "findings": found.checked.findings,
            "lastFoundAt": _at(found.checked.last_found_at) or None,
            "unmended": found.checked.unmended,
            "ofLedger": found.checked.of_ledger,
        },
        "workers": [
            {"name": worker.name, "pid": worker.pid, "since": _at(worker.since) or None}
            for worker in found.workers
        ],
    }
