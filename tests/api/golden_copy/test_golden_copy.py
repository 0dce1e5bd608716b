"""A partner keeps a golden copy: the same bytes whenever it is made, and by deltas from day to
day."""

from __future__ import annotations

import csv
import io
import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from api.golden_copy.deltas import CHANGES, LATER, fold, make_delta, require_copy
from api.golden_copy.files import OPERATORS, lines_in, zstd
from api.golden_copy.manifest import COPY, DELTA, BadCopy, read_manifest
from api.golden_copy.signing import open_signer
from projections.history.golden_copy_reads import NoSuchPosition
from registry.domain.values import AdministrationCode
from registry.transparency.signed_notes import read_checkpoint, read_note
from tests.api.client import Client
from tests.api.golden_copy.copies import contents, copy, duplicate, happenings, happens, signed
from tests.api.region import OPEN, QUIET, SHUT, STEEL, region
from tests.keeping_log import heads

__all__ = ["region"]


@pytest.fixture(scope="module")
def first(region: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    signed(region)
    return copy(region, tmp_path_factory.mktemp("copies") / "first", xml=True)


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with zstd.open(folder / f"{name}.csv.zst", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_copy_has_what_an_arrangement_exchanges_and_nobody_else(first: Path) -> None:
    rows = {row["tin"]: row for row in table(first, "operators")}

    assert sorted(rows) == [OPEN, STEEL]
    assert SHUT not in rows  # it never consented
    assert QUIET not in rows  # a Chinese one: this is China's copy of the others
    steel = rows[STEEL]
    assert steel["name"] == "Synthetic Steel" and steel["roles"] == "EXPORTER"
    assert (steel["standing"], steel["outcome"]) == ("SUSPENDED", "NOT_RECOGNISED")
    assert steel["reasons"] == "AUTHORISATION_SUSPENDED"
    assert steel["authorised_on"] == "2019-01-07" and steel["number"] == "KRAEO2222"
    assert steel["outcome_from"] == "2026-02-28T15:00:00Z"  # a Korean first of March
    assert [
        (row["status"], row["valid_from"][:10], row["valid_to"][:10])
        for row in table(first, "statuses")
        if row["tin"] == STEEL
    ] == [("VALID", "2019-01-06", "2026-02-28"), ("SUSPENDED", "2026-02-28", "")]
    [basis] = [row for row in table(first, "bases") if row["tin"] == STEEL]
    assert basis["declaration_box"] == "consignor code" and basis["agreement"] == "CN-KR-AEO"
    assert not any("criminal" in line.decode() for line in lines_in(first / OPERATORS))


def test_the_manifest_says_what_it_is_of_and_has_a_signed_head(first: Path, region: Client) -> None:
    manifest = require_copy(first, [open_signer(region.home).key])

    assert manifest.partner == "CN" and manifest.moment.position == region.last_position()
    assert manifest.moment.at == manifest.moment.known_at
    assert manifest.files[OPERATORS].rows == 2
    note = read_note(manifest.checkpoint or "")
    assert read_checkpoint(note.text).size == manifest.moment.position
    assert note.text in heads(region.database)[manifest.moment.position]


def test_the_same_position_gives_the_same_files(
    first: Path, region: Client, tmp_path: Path
) -> None:
    position = read_manifest(first, COPY)[0].moment.position
    again = copy(region, tmp_path / "again", position=position, xml=True)

    assert contents(again) == contents(first)


def test_a_copy_is_of_an_instant_that_has_passed(
    region: Client, first: Path, tmp_path: Path
) -> None:
    position, now = read_manifest(first, COPY)[0].moment.position, datetime.now(UTC)
    later = copy(region, tmp_path / "later", at=now)

    assert read_manifest(later, COPY)[0].moment.position == position
    assert read_manifest(later, COPY)[0].moment.at == now
    assert (later / OPERATORS).read_bytes() == (first / OPERATORS).read_bytes()
    for order in ({"position": position + 1}, {"at": now.replace(year=1990)}):
        with pytest.raises(NoSuchPosition, match="wanted one from 1 to"):
            copy(region, tmp_path / "none", **order)
    with pytest.raises(NoSuchPosition, match="wanted an instant that has passed"):
        copy(region, tmp_path / "none", at=now.replace(year=now.year + 1))


def test_pandas_duckdb_and_pyarrow_open_it_and_agree(first: Path) -> None:
    import duckdb  # here, so that only the process that runs this test loads them
    import pandas

    rows = table(first, "operators")
    frame = pandas.read_parquet(first / "operators.parquet")
    database = duckdb.connect()
    from_csv = database.execute(
        f"select tin, outcome from read_csv('{first}/operators.csv.zst', all_varchar=true)"
        " order by tin"
    ).fetchall()
    from_parquet = database.execute(
        f"select o.tin, o.outcome, count(*) from '{first}/operators.parquet' o"
        f" join '{first}/statuses.parquet' s using (tin) group by all order by o.tin"
    ).fetchall()

    assert list(frame["tin"]) == [row["tin"] for row in rows]
    assert list(frame["outcome_from"].dt.tz_convert("UTC"))[1] == pandas.Timestamp(
        "2026-02-28T15:00:00Z"
    )
    assert from_csv == [(row["tin"], row["outcome"]) for row in rows]
    assert [row[:2] for row in from_parquet] == from_csv
    assert pq.read_table(first / "recognition.parquet").num_rows == len(table(first, "recognition"))


def test_deltas_folded_onto_a_copy_give_the_later_copy_byte_for_byte(
    region: Client, first: Path, tmp_path: Path
) -> None:
    chance, signer = random.Random(13), open_signer(region.home)
    copies, deltas, recorded = [first], [], 0
    for number in range(8):
        recorded += happens(region, happenings(chance))
        signed(region)
        copies.append(copy(region, tmp_path / f"copy {number}", xml=True))
        deltas.append(tmp_path / f"delta {number}")
        make_delta(copies[-2], copies[-1], deltas[-1], signer)
    across = tmp_path / "across"
    make_delta(copies[0], copies[-1], across, signer)

    assert recorded > 10 and sum(map(_rows, deltas)) > 5
    assert 0 < _rows(across) <= sum(map(_rows, deltas))
    for number, (before, delta, after) in enumerate(zip(copies, deltas, copies[1:], strict=False)):
        fold(before, [delta], tmp_path / f"fold {number}", [signer.key])
        assert contents(tmp_path / f"fold {number}") == contents(after)
    fold(first, deltas, tmp_path / "all", [signer.key])
    fold(first, [across], tmp_path / "at once", [signer.key])
    assert contents(tmp_path / "all") == contents(tmp_path / "at once") == contents(copies[-1])


def _rows(delta: Path) -> int:
    return read_manifest(delta, DELTA)[0].files[CHANGES].rows or 0


@pytest.fixture(scope="module")
def two(
    region: Client, first: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Path]]:
    """A copy, and the two deltas that follow it."""
    room, signer, chance = (
        tmp_path_factory.mktemp("two"),
        open_signer(region.home),
        random.Random(7),
    )
    copies, deltas = [copy(region, room / "copy")], []
    for number in range(2):
        while not happens(region, happenings(chance)):
            pass
        signed(region)
        copies.append(copy(region, room / f"copy {number}"))
        deltas.append(room / f"delta {number}")
        make_delta(copies[-2], copies[-1], deltas[-1], signer)
    return copies[0], deltas


def test_each_file_with_one_byte_changed_or_missing_is_named_and_nothing_is_written(
    region: Client, two: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    start, (delta, _) = two
    key = open_signer(region.home).key
    for of in (start, delta):
        for name in contents(of):
            for number, harm in enumerate((_change_a_byte, Path.unlink)):
                hurt = duplicate(of, tmp_path / f"{of.name} {name} {number}")
                harm(hurt / name)
                pair = (hurt, delta) if of is start else (start, hurt)
                with pytest.raises(BadCopy) as refusal:
                    fold(pair[0], [pair[1]], tmp_path / "out", [key])
                assert name in refusal.value.file or "note" in refusal.value.file
                assert not (tmp_path / "out").exists()


def _change_a_byte(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def test_deltas_in_the_wrong_order_are_refused_with_the_file(
    region: Client, two: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    start, deltas = two
    key = open_signer(region.home).key
    for order in (deltas[::-1], deltas[1:], [deltas[0], deltas[0]]):
        with pytest.raises(BadCopy, match="wrong order") as refusal:
            fold(start, order, tmp_path / "out", [key])
        assert refusal.value.file in map(str, deltas)
        assert not (tmp_path / "out").exists()


def test_a_copy_that_another_key_signed_is_refused(
    two: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    with pytest.raises(BadCopy, match="No pinned key signed it"):
        require_copy(two[0], [open_signer(tmp_path).key])


def test_a_copy_for_nobody_in_particular_is_empty_and_still_a_copy(
    region: Client, tmp_path: Path
) -> None:
    signed(region)
    alone = copy(region, tmp_path / "JP", partner=AdministrationCode("JP"))

    assert table(alone, "operators") == []
    assert pq.read_table(alone / "operators.parquet").num_rows == 0
    assert io.BytesIO(contents(alone)["manifest.json"]).read(1) == b"{"
    assert (alone / "manifest.note").exists() and LATER not in contents(alone)
