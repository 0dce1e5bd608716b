"""Makes the golden copies of each day, with the delta from the day before, and keeps the latest.

A copy of a day is as of midnight UTC. It lies in the home folder, from where the service gives it
to its partner. Whoever makes it, and whenever, it is the same byte for byte.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import structlog

from api.golden_copy.deltas import make_delta
from api.golden_copy.making import CopyOrder, make_copy
from api.golden_copy.manifest import COPY, BadCopy, Manifest, read_manifest
from api.golden_copy.signing import open_signer
from projections.history.golden_copy_reads import NoSuchPosition
from registry.domain.values import AdministrationCode

log = structlog.get_logger()

FOLDER = "golden-copies"
KEPT = 8  # copies of a partner, and deltas between them: a week's
POLL = 60.0  # seconds between two looks at the clock


def copies_of(home: Path, partner: AdministrationCode) -> Path:
    """The folder from which a partner downloads its copies and deltas."""
    return home / FOLDER / partner.text


def delta_name(earlier: str, later: str) -> str:
    """The name of the delta between two copies."""
    return f"{earlier}..{later}"


def manifests(folder: Path) -> dict[str, Manifest]:
    """The manifests of the copies in a folder by their names, in the order of time."""
    found: dict[str, Manifest] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or ".." in path.name:
            continue
        try:
            found[path.name] = read_manifest(path, COPY)[0]
        except BadCopy as error:
            log.warning("golden_copy.unreadable", why=str(error))
    return found


@dataclass(frozen=True)
class DailyCopies:
    """Makes the copies of these partners. `xml`: also as XML."""

    conninfo: str
    home: Path
    partners: Sequence[AdministrationCode]
    xml: bool = False

    def run(self, stop: threading.Event, poll: float = POLL) -> None:
        """Makes each day's copies soon after midnight UTC, until `stop` is set."""
        while not stop.is_set():
            for partner in self.partners:
                try:
                    self.make(partner, datetime.now(UTC))
                except (NoSuchPosition, psycopg.OperationalError, OSError) as error:
                    log.warning("golden_copy.later", partner=partner.text, why=str(error))
                except Exception:  # a fault with one partner's copy must not end the others'
                    log.exception("golden_copy.failed", partner=partner.text)
                if stop.is_set():
                    return
            stop.wait(poll)

    def make(self, partner: AdministrationCode, now: datetime) -> Path | None:
        """Makes the copy of the day that contains `now` (UTC), and its delta, unless they are
        there. Returns the copy that was made."""
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
        before = manifests(copies_of(self.home, partner))
        if any(manifest.moment.at >= midnight for manifest in before.values()):
            return None
        try:
            return self.add(CopyOrder(partner, at=midnight, xml=self.xml))
        except NoSuchPosition:
            if before:
                raise
            # The register is younger than the day: its first copy is of now.
            return self.add(CopyOrder(partner, xml=self.xml))

    def add(self, order: CopyOrder) -> Path:
        """Makes a copy and the delta from the one before, and removes the oldest. Returns the
        copy. Raises NoSuchPosition."""
        folder, signer = copies_of(self.home, order.partner), open_signer(self.home)
        before = manifests(folder)
        where, manifest = asyncio.run(
            make_copy(self.conninfo, order, lambda moment: folder / moment.name, signer)
        )
        log.info("golden_copy.made", partner=order.partner.text, copy=where.name)
        earlier = [n for n, m in before.items() if m.moment.epoch == manifest.moment.epoch]
        if earlier and earlier[-1] < where.name:
            name = delta_name(earlier[-1], where.name)
            make_delta(folder / earlier[-1], where, folder / name, signer)
        self._forget(folder)
        return where

    @staticmethod
    def _forget(folder: Path) -> None:
        """Removes the oldest copies, and the deltas that begin with them."""
        copies = list(manifests(folder))
        for name in copies[:-KEPT]:
            for delta in folder.glob(f"{name}..*"):
                shutil.rmtree(delta)
            shutil.rmtree(folder / name)
