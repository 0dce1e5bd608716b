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

_FATAL = os.environ.get("AEO_FAILPOINT")
if _FATAL is not None and _FATAL not in NAMES:
    raise ValueError(f"AEO_FAILPOINT is {_FATAL!r}, and must be one of {', '.join(NAMES)}")


def reach(name: str) -> None:
    """The process has come to this place."""
    if name == _FATAL:
        os.kill(os.getpid(), signal.SIGKILL)
