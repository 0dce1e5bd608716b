"""Metrics of a service of several processes: the folder in which their counts are added up.

`prometheus_client` reads the name of the folder from the environment when it is imported, so that
this module imports nothing that imports it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

#: The environment variable that names the folder; set before anything counts.
SUMS = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_counts() -> Iterator[None]:
    """A folder for the counts of all processes of the service, as long as it runs."""
    folder = tempfile.mkdtemp(prefix="aeo-sums-")
    os.environ[SUMS] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
