"""Commands that run until stopped: everything on one machine, or one process of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from api.cli.terminal import (
    HOME,
    REFUSED,
    USAGE,
    Home,
    fail,
    home_of,
    home_words,
    progress,
    register,
)

Port = Annotated[int, typer.Option(min=1, max=65_535, help="The TCP port to listen on.")]
#: Set by `up` for its child processes: they read the conninfo from their standard input, and end
#: when `up` ends.
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]


def up(
    port: Port = 8420,
    home: Home = HOME,
    operators: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="The number of synthetic operators to load.")
    ] = 10_000,
) -> None:
    """Run everything on one machine: database, demo data, read models, service. Ctrl-C stops it.

    A second start finds the data of the first. After a crash or `kill -9`, start it again: no
    acknowledged command is lost.
    """
    from api.local.processes import HelperDied
    from api.local.up import PortTaken
    from api.local.up import up as run

    host = os.environ.get("AEO_HOST", "127.0.0.1")
    require_settings(home_of(home), host, demo=True)
    more = home_words(home)
    try:
        run(
            home_of(home),
            port,
            operators,
            progress,
            lambda line: print(line, flush=True),
            host,
            more,
        )
    except PortTaken as error:
        fail(USAGE, str(error))
    except HelperDied as error:
        fail(REFUSED, str(error))


def serve(
    port: Port = 8420,
    home: Home = HOME,
    host: Annotated[
        str, typer.Option(envvar="AEO_HOST", help="The address to listen on.")
    ] = "127.0.0.1",
    workers: Annotated[
        int,
        typer.Option(min=0, max=64, envvar="AEO_WORKERS", help="Processes; 0: one per core."),
    ] = 0,
    with_parent: WithParent = False,
    demo: Annotated[bool, typer.Option("--demo", hidden=True)] = False,
) -> None:
    """Run the service: GraphQL, pages and health, on an existing database.

    It accepts the tokens of the issuers that the settings name; without one only the public is
    answered. Demo identities are offered by `up` only.
    """
    from api.local.processes import HelperDied, from_parent
    from api.local.server import ServiceAddress, serve_on

    if demo and not with_parent:
        fail(USAGE, "--demo: demo identities are offered by `aeo up` alone")
    place = ServiceAddress(home_of(home), host, port, demo)
    require_settings(place.home, host, demo=demo)
    try:
        if with_parent:
            serve_on(from_parent, place, workers)
            return
        from api.access.authentication import authenticator
        from api.http.security_contact import absent
        from api.settings import Settings
        from registry.ledger.privileges import SERVICE_ROLES

        with register(home, *SERVICE_ROLES, makes=True) as url:
            settings = Settings(database=url, home=place.home, host=host)
            print(f"serve: it accepts {authenticator(settings).accepts}", flush=True)
            if why := absent(settings, datetime.now(UTC)):
                print(f"serve: {why}", flush=True)
            serve_on(lambda: url, place, workers)
    except HelperDied as error:
        fail(REFUSED, str(error))


#: Variables that are no settings of the service, and are set wherever its launcher is used.
_OTHERS = {"AEO_VENV", "AEO_CWD", "AEO_HOME", "AEO_WORKERS", "AEO_PG_BIN"}


def require_settings(home: Path, host: str, *, demo: bool) -> None:
    """Exits with 2 and a sentence where a setting of the service cannot be, before anything is
    started that would say so in its own log, and be started again."""
    if host == "127.0.0.1" and not any(
        name.startswith("AEO_") and name not in _OTHERS for name in os.environ
    ):
        return  # nothing is said from outside, and reading that takes a while
    from pydantic import ValidationError

    from api.access.issuers import BadIssuers, read_issuers
    from api.peers.followed_peers import BadPeers, read_followed_peers
    from api.settings import Settings

    try:
        settings = Settings(database="", home=home, host=host, demo=demo)
        read_issuers(settings.issuers)
        read_followed_peers(settings.followed_peers)
    except BadIssuers as error:
        fail(USAGE, f"AEO_ISSUERS={error}")
    except BadPeers as error:
        fail(USAGE, f"AEO_FOLLOWED_PEERS={error}")
    except ValidationError as error:
        found = []
        for each in error.errors():
            names = ".".join(map(str, each["loc"]))
            message = each["msg"].removeprefix("Value error, ")
            found.append(f"AEO_{names.upper()}={each['input']}: {message}" if names else message)
        fail(USAGE, "; ".join(found))


def follow(home: Home = HOME, with_parent: WithParent = False) -> None:
    """Run the projector: it updates the read models with every recorded event. One at a time."""
    with until_signal(home, with_parent, "aeo_projector") as (url, stop):
        from projections.engine.projector import Projector

        Projector(url).run(stop)


def clerk(home: Home = HOME, with_parent: WithParent = False) -> None:
    """Run the end recorder: it records terms and suspensions that ended by law, within a minute.
    One at a time.

    No answer depends on it: an end that is known in advance takes effect without its record. The
    records appear in the history, the feed and the log.

    It also makes each day's golden copies, for the partners that AEO_GOLDEN_COPIES names.
    """
    with until_signal(home, with_parent, "aeo_reader", "aeo_writer") as (url, stop):
        from api.end_recorder import EndRecorder
        from api.golden_copy.service import in_background

        with in_background(url, home_of(home), stop):
            EndRecorder(url).run(stop)


def checker(
    home: Home = HOME,
    hours: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=8_760,
            envvar="AEO_CHECK_HOURS",
            help="Hours in which a pass over everything is to be completed.",
        ),
    ] = 24.0,
    share: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=1.0,
            envvar="AEO_CHECK_SHARE",
            help="The largest share of one core to use when the pass would be late.",
        ),
    ] = 0.25,
    with_parent: WithParent = False,
) -> None:
    """Run the background check: it derives the read models again, slowly, and compares. One at a
    time.

    A row that was changed by something other than the projector is recorded as a finding, logged,
    and corrected from its stream. `./aeo status` and `/readyz` show the progress and the findings.
    """
    with until_signal(home, with_parent, "aeo_projector") as (url, stop):
        from projections.checking.background_check import BackgroundCheck

        os.nice(10)  # lower priority than the processes that answer
        BackgroundCheck(url, hours=hours, share=share).run(stop)


def webhooks(
    home: Home = HOME,
    with_parent: WithParent = False,
    demo: Annotated[bool, typer.Option("--demo", hidden=True)] = False,
) -> None:
    """Run the sender of webhooks: it tells partners that there are changes to read. One at a time.

    A receiver that fails is tried again for three days; nobody else is delayed. What a message
    pointed to stays in the feed. `AEO_WEBHOOK_HOSTS` lists the hosts that messages may be sent to.
    """
    if demo and not with_parent:
        fail(USAGE, "--demo: this machine itself is told by `aeo up` alone")
    place = home_of(home)
    require_settings(place, "127.0.0.1", demo=demo)
    with until_signal(home, with_parent, "aeo_reader", "aeo_auditor", "aeo_writer") as (url, stop):
        from api.settings import Settings
        from api.webhooks.sender import WebhookSender

        settings = Settings(database=url, home=place, host="127.0.0.1", demo=demo)
        WebhookSender(settings).run(stop)


def rotate_webhook_key(
    hours: Annotated[
        int,
        typer.Option(min=0, max=168, help="For how long messages are signed with both keys."),
    ] = 72,
    home: Home = HOME,
) -> None:
    """Replace the key that signs the messages of webhooks (Ed25519), and print the new public key.

    The running sender takes it at once. Secrets of HMAC are replaced by their owners, with the
    mutation `rotateWebhookSecret`.
    """
    from datetime import UTC, datetime, timedelta

    from api.access.webhook_keys import FILE, rotate_key

    place = home_of(home)
    if not (place / FILE).exists():
        fail(USAGE, f"{place / FILE}: there is none, so nothing was signed yet")
    until = datetime.now(UTC) + timedelta(hours=hours)
    print(f"key      {rotate_key(place, until).public}")
    print(f"former   signs, too, until {until.isoformat(timespec='seconds')}")


@contextmanager
def until_signal(
    home: str, with_parent: bool, *roles: str
) -> Iterator[tuple[str, threading.Event]]:
    """Yields the conninfo and an event that Ctrl-C or SIGTERM sets, for a background process.

    The signals are handled before anything that takes time is imported. `roles`: the roles that the
    process needs.
    """
    from api.local.processes import from_parent, stopped_by_signal

    stop = threading.Event()
    stopped_by_signal(stop, alone=not with_parent)
    from api.observability.logging import to_json_lines

    to_json_lines()
    with nullcontext(from_parent()) if with_parent else register(home, *roles) as url:
        yield url, stop
