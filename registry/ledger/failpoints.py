"""Failpoints: named places at which a test can kill the process, as a power failure would.

`AEO_FAILPOINT=<name>` in the environment kills the process when it reaches that place. In
production the variable is not set, and a failpoint costs one comparison.
"""

from __future__ import annotations

import os
import signal
from typing import Final

NAMES: Final = (
    "checker.after_mend",
    "checker.before_place",
    "integrator.before_commit",
    "integrator.after_commit",
    "peers.before_position",
    "peers.after_position",
    "peers.before_law_position",
    "peers.after_law_position",
    "peers.before_law_recorded",
    "signer.before_sign",
    "signer.after_sign",
    "signer.before_publish",
    "signer.after_publish",
)

_ACTIVE = os.environ.get("AEO_FAILPOINT")
if _ACTIVE is not None and _ACTIVE not in NAMES:
    raise ValueError(f"AEO_FAILPOINT is {_ACTIVE!r}, and must be one of {', '.join(NAMES)}")


def reach(name: str) -> None:
    """Kills the process if this failpoint is active."""
    if name == _ACTIVE:
        os.kill(os.getpid(), signal.SIGKILL)
