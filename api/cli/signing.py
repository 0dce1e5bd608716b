"""The log's two processes: one takes in what is recorded, the other signs what was taken in."""

from __future__ import annotations

import threading

from api.cli.running import WithParent
from api.cli.terminal import HOME, REFUSED, Home, fail, home_of, register


def log(home: Home = HOME, with_parent: WithParent = False) -> None:
    """The log alone: takes every event that is recorded into the public tree. One at a time."""
    from api.helpers import from_parent, stopped_by_signal

    stop = threading.Event()
    stopped_by_signal(stop)
    from api.logs import to_json_lines
    from projections.log import Integrator

    to_json_lines()
    if with_parent:
        Integrator(from_parent()).run(stop)
        return
    with register(home) as url:
        Integrator(url).run(stop)


def sign(home: Home = HOME, with_parent: WithParent = False) -> None:
    """The signer alone: signs the log's heads and has them witnessed. Refuses to go back.

    Its key, its memory of the last head and the policy (witnesses.txt) are in the home folder.
    """
    from api.helpers import from_parent, stopped_by_signal

    stop = threading.Event()
    stopped_by_signal(stop)
    import structlog

    from api.logs import to_json_lines
    from api.signer import HeadSigner
    from projections.recount import NotToBeSigned
    from registry.policies import BadPolicy

    to_json_lines()
    try:
        if with_parent:
            HeadSigner(from_parent(), home_of(home)).run(stop)
            return
        with register(home) as url:
            HeadSigner(url, home_of(home)).run(stop)
    except (NotToBeSigned, BadPolicy) as error:
        structlog.get_logger().error("log.not_signed", why=str(error))
        if not with_parent:
            fail(REFUSED, f"the log is not signed any more: {error}")
        stop.wait()  # the service goes on: it can still be asked, and proves no less than before
