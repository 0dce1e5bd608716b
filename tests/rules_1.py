"""What the release of rules 1 recorded, derived and exported, kept as it left that release.

Its program is not in this tree. `bundles/rules-1.zip` is its export of a small register: all
programmes, twenty agreements, forty operators. `bundles/rules-1-histories.jsonl.gz` has made-up
streams, one a line, with the rows that its own projections derived of each.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg

from registry.transparency.leaves import COLUMNS
from tests import bundled
from tests.paths import BUNDLES

BUNDLE = BUNDLES / "rules-1.zip"
DERIVED = ("periods", "stages", "sides")


def histories() -> Iterator[dict[str, Any]]:
    """`events`: (position, known, version, topic, fields); `periods`, or `stages` and `sides`."""
    with gzip.open(BUNDLES / "rules-1-histories.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def lines(name: str) -> list[dict[str, Any]]:
    with ZipFile(BUNDLE) as bundle:
        return [json.loads(line) for line in bundle.read(name).splitlines()]


def record(conninfo: str) -> None:
    """The ledger of that release, in a register in which nothing has happened yet."""
    events = sorted(lines("events.jsonl"), key=lambda entry: entry["position"])
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        cursor.executemany(
            f"insert into ledger.event ({COLUMNS}) values ({', '.join(['%s'] * 11)})",
            [
                (
                    event["position"],
                    event["stream"],
                    event["version"],
                    event["topic"],
                    event["state"],
                    instant(event["recorded"]),
                    instant(event["known"]),
                    event["command"],
                    event["actor"],
                    event["decided_by"],
                    event["legal_ground"],
                )
                for event in events
            ],
        )


def instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def as_exported_then(bundle: Path) -> None:
    """This bundle of that ledger, as the release of rules 1 would have exported it."""
    then = {line["stream"]: line for line in lines("expected-state.jsonl")}
    files = {
        name: text for name, text in bundled.read(bundle).items() if not name.startswith("zones/")
    }
    for n, written in enumerate(files["expected-state.jsonl"]):
        item = json.loads(written)
        item |= {name: then[item["stream"]][name] for name in DERIVED if name in item}
        files["expected-state.jsonl"][n] = bundled.line(item)
    manifest = json.loads(b"".join(files["manifest.json"]))
    del manifest["rules"], manifest["time_zones"]
    files["manifest.json"] = [bundled.line(manifest)]
    bundled.write(files, bundle)
