"""Commands about a followed register that was stopped because its history changed."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from api.cli.peers import token_of
from api.cli.terminal import EXIT_CODES, HOME, REFUSED, Actor, Home, fail, register

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
