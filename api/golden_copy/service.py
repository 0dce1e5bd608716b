"""The golden copies of each day as a task of the clerk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.settings import Settings


@contextmanager
def in_background(conninfo: str, home: Path, stop: threading.Event) -> Iterator[None]:
    """Makes the copies of the partners that the settings name, in a thread, until `stop` is set.

    Where they name none, nothing is started or imported.
    """
    settings = Settings(database=conninfo, home=home)
    partners = settings.golden_copy_partners
    if not partners:
        yield
        return
    from api.golden_copy.daily import DailyCopies

    copies = DailyCopies(conninfo, home, partners, settings.golden_copies_xml)
    thread = threading.Thread(target=copies.run, args=[stop], name="golden copies")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
