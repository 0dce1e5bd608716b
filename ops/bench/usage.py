"""What processes use of the processor and of the memory (Linux; 0 elsewhere). Nothing is imported
here, so that a process of which the memory is measured stays as small as in production."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def processor_seconds(pids: Sequence[int]) -> float:
    """Returns the processor time (seconds, user and system) that these processes have used since
    they started. A process that has ended counts nothing."""
    used = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


def peak_memory() -> int:
    """The most megabytes that this process has held in memory so far, without the memory of the
    process that started it."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    [line] = [line for line in text.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) // 1024
