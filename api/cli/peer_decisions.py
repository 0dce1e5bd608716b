"""Commands about a followed register that was stopped because its history changed."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from api.cli.peers import token_of
from api.cli.terminal import (
    EXIT_CODES,
    HOME,
    REFUSED,
    Actor,
    Home,
    Json,
    complain,
    fail,
    print_json,
    print_table,
    register,
)

app = typer.Typer(
    help="Decide about a followed register that was stopped: both heads are in the data folder.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The peer, as `status` names it.")]


def _in_words(why: str) -> str:
    if not any(map(str.isalnum, why)):
        raise typer.BadParameter(f"found {why!r}, wanted words")
    return why


Why = Annotated[
    str, typer.Option(help="What was found out, for later readers.", callback=_in_words)
]


@app.command(epilog=EXIT_CODES)
def accept(
    name: Name,
    why: Why,
    actor: Actor,
    token_file: Annotated[
        str | None, typer.Option(help="A file with the token. Or AEO_PEER_TOKEN.")
    ] = None,
    client: Annotated[
        str | None, typer.Option(metavar="FILE", help="What `aeo client new` wrote there.")
    ] = None,
    home: Home = HOME,
) -> None:
    """Accept the history that a stopped peer shows now, and go on from its beginning.

    That is possible where it has every event that was taken from it before, as it was. Where an
    event is another one, or missing, nothing is changed: the peer restores its history, or is
    forgotten. The decision is recorded with both heads.
    """
    from api.peers.decisions import accept_history
    from api.peers.peer_log import PeerContradicts
    from api.peers.store import PeerStore, connect
    from api.peers.transport import PeerClient

    token = token_of(token_file, client)
    with (
        register(home, "aeo_writer") as conninfo,
        connect(conninfo) as connection,
        closing(PeerStore(connection, conninfo, name)) as store,
    ):
        row = store.row()
        if row is None:
            fail(REFUSED, f"{name}: no register of this name is followed here")
        try:
            found = accept_history(connection, store, PeerClient(row.url, token), actor, why)
        except PeerContradicts as error:
            fail(REFUSED, f"{name} is not accepted: {error}")
    for sentence in found.different[:20]:
        print(sentence)
    if found.different:
        words = f"{len(found.different):,} differences from what was recorded here"
        fail(REFUSED, f"{name} is not accepted: {words}")
    hidden = f"; {found.hidden:,} operators are not shown (any more)" if found.hidden else ""
    print(f"{name} is accepted: {found.same:,} events are the same{hidden}; it is followed again")


@app.command(epilog=EXIT_CODES)
def law(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The peer; without it, all of them.")
    ] = None,
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Show where a followed register and this one hold another law: programmes, agreements, and
    administrations with the members of blocs.

    What a peer's own administrations decide is recorded here by itself. What is of all sides of an
    agreement together, or of another side, is only compared. Ends with 1 where something differs.
    """
    from dataclasses import asdict

    from projections.reads.peer_law import law_differences_now
    from registry.ledger.connections import Session

    options = "-c role=aeo_auditor"
    with register(home, "aeo_auditor") as url, Session.connect(url, options=options) as connection:
        peers = law_differences_now(connection, name)
    if name is not None and not peers:
        fail(REFUSED, f"{name}: no register of this name is followed here")
    found = [each for peer in peers for each in peer.differences]
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        rows = [
            [
                each.peer,
                each.act.code,
                each.act.side or "all sides",
                each.act.topic,
                each.here.content if each.here else "not recorded",
                each.there.content if each.there else "not recorded",
                each.act.refused or "",
            ]
            for each in found
        ]
        print_table(None, ["peer", "of", "whose", "what", "here", "there", "why"], rows)
    for peer in peers:
        if not peer.compared:
            complain(f"{peer.name} does not send its law, so nothing is compared")
    if found:
        fail(REFUSED, f"{len(found):,} acts of law differ")


@app.command(epilog=EXIT_CODES)
def forget(name: Name, why: Why, actor: Actor, home: Home = HOME) -> None:
    """Forget a stopped peer: it is followed no more, and its operators stay as they were known.

    From then on this register records what becomes of them, by commands and partners' lists. The
    same peer cannot be followed again. The decision is recorded with the last head.
    """
    from api.peers.decisions import forget_peer
    from api.peers.store import PeerStore, connect

    with (
        register(home, "aeo_writer") as conninfo,
        connect(conninfo) as connection,
        closing(PeerStore(connection, conninfo, name)) as store,
    ):
        codes = forget_peer(connection, store, actor, why)
    print(f"{name} is forgotten: operators of {', '.join(codes)} are recorded here from now on")
