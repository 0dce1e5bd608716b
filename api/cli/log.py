"""The log's two processes: one takes in what is recorded, the other signs what was taken in."""

from __future__ import annotations

from api.cli.run import WithParent, until_told
from api.cli.terminal import HOME, REFUSED, Home, fail, home_of


def log(home: Home = HOME, with_parent: WithParent = False) -> None:
    """The log alone: takes every event that is recorded into the public tree. One at a time."""
    with until_told(home, with_parent, "aeo_projector") as (url, stop):
        from projections.transparency.integrator import Integrator

        Integrator(url).run(stop)


def sign(home: Home = HOME, with_parent: WithParent = False) -> None:
    """The signer alone: signs the log's heads and has them witnessed. Refuses to go back.

    Its key, its memory of the last head and the policy (witnesses.txt) are in the home folder.
    """
    with until_told(home, with_parent, "aeo_signer") as (url, stop):
        import structlog

        from api.log.signer import HeadSigner
        from projections.transparency.verify_log import NotToBeSigned
        from registry.transparency.witness_policy import BadPolicy

        try:
            HeadSigner(url, home_of(home)).run(stop)
        except (NotToBeSigned, BadPolicy) as error:
            structlog.get_logger().error("log.not_signed", why=str(error))
            if not with_parent:
                fail(REFUSED, f"the log is not signed any more: {error}")
            stop.wait()  # the service goes on: it is asked, and proves no less than before
