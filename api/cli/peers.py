"""`aeo follow-peer`: takes the events of another register into this one, after they are proven."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from api.cli.run import WithParent, until_signal
from api.cli.terminal import HOME, REFUSED, USAGE, Home, complain, fail, home_of, named, register

if TYPE_CHECKING:
    from api.peers.follower import PeerFollower
    from api.peers.transport import PeerClient

PAUSE = 5.0  # seconds between two looks whether a follower of `up` may begin, or go on


def follow_peer(
    url: Annotated[str, typer.Argument(help="The address of the other register.")],
    administrations: Annotated[
        str,
        typer.Option(metavar="CODES", help="Those for which it is authoritative: KR, or KR,JP."),
    ],
    name: Annotated[
        str | None, typer.Option(help="A name for it here; otherwise its host.")
    ] = None,
    log_key: Annotated[
        str | None,
        typer.Option(metavar="VKEY", help="The verifier key of its log, from another source."),
    ] = None,
    token_file: Annotated[
        str | None,
        typer.Option(help="A file with the token; read anew each time. Or AEO_PEER_TOKEN."),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="What `aeo client new` wrote there: tokens are got with its key, and renewed.",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Take what there is, and end.")] = False,
    home: Home = HOME,
    with_parent: WithParent = False,
) -> None:
    """Follow another register: its operators are recorded here as it records them. Ctrl-C ends it.

    Every head of its log must be signed by its key and continue the head before; every event must
    be in that log, as it was sent. From then on this register refuses commands about operators of
    those administrations. It may be killed at any instant, and goes on from where it was.

    Where the history of the peer was changed, it is followed no further: both heads are kept in
    the data folder, `./aeo status` says so, the peer is told, and the exit code is 1.
    """
    from api.peers.followed_peers import NAME

    codes = _codes(administrations)
    called = name or urlsplit(url).hostname or ""
    if not NAME.fullmatch(called):
        fail(USAGE, f"--name: found {called!r}, wanted letters, digits, . _ and -")
    token, place = token_of(token_file, client), home_of(home)

    def follower(conninfo: str) -> PeerFollower:
        return _follower(conninfo, place, url, called, codes, log_key, token)

    if once:
        with register(home, "aeo_writer") as conninfo:
            why = follower(conninfo).catch_up()
    else:
        with until_signal(home, with_parent, "aeo_writer") as (conninfo, stop):
            if with_parent:
                _keep_following(partial(follower, conninfo), stop)
                return
            why = follower(conninfo).run(stop)
    if why:
        fail(REFUSED, f"{called} is followed no further: {why}")


def _keep_following(follower: Callable[[], PeerFollower], stop: Event) -> None:
    """Follows for `aeo up`: waits where the peer cannot be followed yet, and, where its history was
    changed, until somebody has decided about that (`aeo peer accept`)."""
    import structlog

    from api.peers.store import NotToBeFollowed
    from api.peers.transport import PeerAway, PeerDeclined

    log, last = structlog.get_logger("peers"), ""
    while not stop.is_set():
        try:
            why = follower().run(stop) or ""
        except (PeerAway, PeerDeclined, NotToBeFollowed) as error:
            why = str(error)
        if why and why != last:
            log.warning("peers.not_followed", why=why)
            last = why
        stop.wait(PAUSE)


def _follower(
    conninfo: str,
    home: Path,
    url: str,
    name: str,
    codes: list[str],
    log_key: str | None,
    token: Callable[[], str],
) -> PeerFollower:
    from api.peers.follower import PeerFollower
    from api.peers.transport import PeerClient
    from registry.transparency.signed_notes import BadNote, read_key

    try:
        client = PeerClient(url, token)
        key = log_key or _remembered(conninfo, name) or _first_key(client, name)
        read_key(key)
    except BadNote as error:
        fail(USAGE, f"--log-key: {error}")
    except ValueError as error:
        fail(USAGE, f"URL: {error}")
    return PeerFollower(conninfo, home, client, name=name, url=url, administrations=codes, key=key)


def _remembered(conninfo: str, name: str) -> str | None:
    from api.peers.store import PeerStore, connect

    with connect(conninfo) as connection, closing(PeerStore(connection, conninfo, name)) as store:
        row = store.row()
    return row.log_key if row else None


def _first_key(client: PeerClient, name: str) -> str:
    """Returns the first key that the peer itself names: trusted on first use."""
    from api.peers.transport import PeerAway

    keys = client.keys()
    if not keys:
        raise PeerAway(f"{name}: its log has no key yet")
    complain(
        f"{name}: its log has the key {keys[0]}, which is kept from now on; compare it with what"
        " the peer published elsewhere, or give --log-key"
    )
    return keys[0]


def _codes(text: str) -> list[str]:
    from registry.domain.values import AdministrationCode

    try:
        codes = [AdministrationCode.parse(code.strip()).text for code in text.split(",")]
    except ValueError as error:
        fail(USAGE, f"--administrations: {error}")
    return sorted(set(codes))


def token_of(file: str | None, client: str | None) -> Callable[[], str]:
    """Returns what gives the token for a peer: with a key, from a file, or from the environment."""
    if client is not None:
        from api.access.renewed_tokens import RenewedToken

        if file is not None:
            fail(USAGE, "--client: found --token-file, too; wanted one of them")
        return RenewedToken(named(client))
    if file is None and "AEO_PEER_TOKEN" not in os.environ:
        fail(
            USAGE, "give --client, --token-file, or AEO_PEER_TOKEN: the peer answers partners only"
        )

    def read() -> str:
        if file is None:
            return os.environ["AEO_PEER_TOKEN"].strip()
        try:
            return named(file).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            fail(USAGE, f"--token-file: {error}")

    return read
