"""Commands of the transparency log: the integrator and the signer."""

from __future__ import annotations

from api.cli.run import WithParent, until_signal
from api.cli.terminal import HOME, REFUSED, Home, fail, home_of


def log(home: Home = HOME, with_parent: WithParent = False) -> None:
    """Run the log integrator: it adds every recorded event to the public Merkle tree. One at a
    time."""
    with until_signal(home, with_parent, "aeo_projector") as (url, stop):
        from projections.transparency.integrator import Integrator

        Integrator(url).run(stop)


def sign(home: Home = HOME, with_parent: WithParent = False) -> None:
    """Run the signer: it signs the log's checkpoints and has them cosigned by the witnesses.

    It refuses to sign anything that contradicts an earlier checkpoint. Its key, its last checkpoint
    and its policy (witnesses.txt) are in the data folder.
    """
    with until_signal(home, with_parent, "aeo_signer") as (url, stop):
        import structlog

        from api.log.signer import HeadSigner
        from projections.transparency.verify_log import InconsistentLog
        from registry.transparency.witness_policy import BadPolicy

        try:
            HeadSigner(url, home_of(home)).run(stop)
        except (InconsistentLog, BadPolicy) as error:
            structlog.get_logger().error("log.not_signed", why=str(error))
            if not with_parent:
                fail(REFUSED, f"the log is not signed any more: {error}")
            stop.wait()  # `aeo up` keeps running: the checkpoints signed so far are still served
