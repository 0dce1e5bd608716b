"""Places at which a test may end a process as a power cut would: at once, and without a word.

`AEO_FAILPOINT=<name>` in the environment kills the process when it comes there. In production the
variable is not set, and a place costs one comparison.
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
    "signer.before_sign",
    "signer.after_sign",
    "signer.before_publish",
    "signer.after_publish",
)

_ACTIVE = os.environ.get("AEO_FAILPOINT")
if _ACTIVE is not None and _ACTIVE not in NAMES:
    raise ValueError(f"AEO_FAILPOINT is {_ACTIVE!r}, and must be one of {', '.join(NAMES)}")


def reach(name: str) -> None:
    """The process has come to this place."""
    if name == _ACTIVE:
        os.kill(os.getpid(), signal.SIGKILL)
