"""Metrics of a service with several processes: the folder in which prometheus_client combines them.

`prometheus_client` reads the folder's name from the environment when it is imported, so this module
must not import anything that imports it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

#: The environment variable with the folder's name; set it before prometheus_client is imported.
SUMS = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_counts() -> Iterator[None]:
    """Provides a folder for the metrics of all processes of the service while it runs."""
    folder = tempfile.mkdtemp(prefix="aeo-sums-")
    os.environ[SUMS] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
