"""The tables of a golden copy, as CSV (RFC 4180, UTF-8) and Parquet.

They are derived from the records, so that whoever folds a delta gets the same bytes. Instants are
in UTC; NULL, or an empty field, is an interval without a limit. CSV joins the values of a list with
`;`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.json as arrow_json
from pyarrow import parquet

GROUP = 10  # so often rows are added for one row group: each takes memory until the file is closed

_TEXT, _INSTANT, _DAY = pa.string(), pa.timestamp("us", "UTC"), pa.date32()
_TEXTS = pa.list_(_TEXT)


def _struct(names: str, **others: pa.DataType) -> pa.DataType:
    return pa.struct([(name, others.get(name, _TEXT)) for name in names.split()])


_BASIS = _struct(
    "agreement ordinal authorisation since identifier_scheme identifier declaration_box benefits"
    " assumed",
    ordinal=pa.int32(),
    benefits=_TEXTS,
    assumed=pa.bool_(),
)
#: The records as Arrow reads them. Instants and days are texts until their column is made.
_RECORD = pa.schema(
    [
        *((name, _TEXT) for name in ("tin", "administration", "name", "local_name", "address")),
        ("roles", _TEXTS),
        *((name, _TEXT) for name in ("source", "standing", "standing_abroad")),
        (
            "authorisation",
            _struct("number programme type status since authorised_on valid_until"),
        ),
        (
            "periods",
            pa.list_(
                _struct(
                    "authorisation programme type status abroad valid_from valid_to number roles"
                    " effective_from valid_until flags",
                    roles=_TEXTS,
                    flags=_TEXTS,
                )
            ),
        ),
        ("identifiers", pa.list_(_struct("scheme value issuer verified_by valid_from valid_to"))),
        (
            "recognition",
            pa.list_(
                _struct(
                    "valid_from valid_to outcome legal operational reasons bases",
                    reasons=_TEXTS,
                    bases=pa.list_(_BASIS),
                )
            ),
        ),
    ]
)

_GIVEN = pa.schema([("at", _INSTANT), ("separator", _TEXT)])

#: The columns of each table: name and type. The names of the tables are those of the files.
COLUMNS: dict[str, tuple[tuple[str, pa.DataType], ...]] = {
    "operators": (
        ("tin", _TEXT),
        ("administration", _TEXT),
        ("name", _TEXT),
        ("local_name", _TEXT),
        ("address", _TEXT),
        ("roles", _TEXTS),
        ("standing", _TEXT),
        ("standing_abroad", _TEXT),
        ("standing_since", _INSTANT),
        ("number", _TEXT),
        ("programme", _TEXT),
        ("type", _TEXT),
        ("authorised_on", _DAY),
        ("valid_until", _DAY),
        ("outcome", _TEXT),
        ("legal", _TEXT),
        ("operational", _TEXT),
        ("reasons", _TEXTS),
        ("outcome_from", _INSTANT),
        ("outcome_until", _INSTANT),
        ("source", _TEXT),
    ),
    "statuses": (
        ("tin", _TEXT),
        ("authorisation", _TEXT),
        ("number", _TEXT),
        ("programme", _TEXT),
        ("type", _TEXT),
        ("roles", _TEXTS),
        ("status", _TEXT),
        ("status_abroad", _TEXT),
        ("flags", _TEXTS),
        ("authorised_on", _DAY),
        ("valid_until", _DAY),
        ("valid_from", _INSTANT),
        ("valid_to", _INSTANT),
    ),
    "identifiers": (
        ("tin", _TEXT),
        ("scheme", _TEXT),
        ("value", _TEXT),
        ("issuer", _TEXT),
        ("verified_by", _TEXT),
        ("valid_from", _INSTANT),
        ("valid_to", _INSTANT),
    ),
    "recognition": (
        ("tin", _TEXT),
        ("valid_from", _INSTANT),
        ("valid_to", _INSTANT),
        ("outcome", _TEXT),
        ("legal", _TEXT),
        ("operational", _TEXT),
        ("reasons", _TEXTS),
    ),
    "bases": (
        ("tin", _TEXT),
        ("valid_from", _INSTANT),
        ("valid_to", _INSTANT),
        ("agreement", _TEXT),
        ("clause", pa.int32()),
        ("authorisation", _TEXT),
        ("since", _INSTANT),
        ("identifier_scheme", _TEXT),
        ("identifier", _TEXT),
        ("declaration_box", _TEXT),
        ("benefits", _TEXTS),
        ("assumed", pa.bool_()),
    ),
}
#: Columns whose values are of one operator each: a dictionary of them takes memory for nothing.
_OWN = frozenset(
    (
        *("tin", "name", "local_name", "address", "number", "authorisation", "value"),
        *("identifier", "valid_from", "valid_to", "since", "standing_since"),
        *("outcome_from", "outcome_until"),
    )
)
#: Columns whose name in a record is another one.
_NAMES = {"status_abroad": "abroad", "clause": "ordinal"}


class Tables:
    """Writes the tables of one copy into a folder."""

    def __init__(self, folder: Path, at: datetime, name: Callable[[str], str]) -> None:
        """`at`: the instant of valid time of which the table `operators` states the outcome, in
        UTC. `name`: the name of a file, from what it is called in a copy."""
        # One thread and an allocator that gives memory back: a copy is made in constant memory.
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        pa.set_memory_pool(pa.system_memory_pool())
        # pa.scalar would import pandas where that is installed.
        given = _read(orjson.dumps({"at": at.isoformat(), "separator": ";"}), _GIVEN)
        self._at, self._separator = (given[name].chunk(0)[0] for name in given.column_names)
        self._group: list[dict[str, Any]] = []
        self._writers: list[tuple[str, parquet.ParquetWriter, arrow_csv.CSVWriter, Any]] = []
        self.rows = dict.fromkeys(COLUMNS, 0)
        options = arrow_csv.WriteOptions(quoting_style="needed")
        for table, columns in COLUMNS.items():
            rows = parquet.ParquetWriter(
                folder / name(f"{table}.parquet"),
                pa.schema(columns),
                compression="zstd",
                use_dictionary=_repeating(columns),
                write_statistics=["tin"],
            )
            out = pa.CompressedOutputStream(str(folder / name(f"{table}.csv.zst")), "zstd")
            plain = pa.schema([(column, _plain(kind)) for column, kind in columns])
            lines = arrow_csv.CSVWriter(out, plain, write_options=options)
            self._writers.append((table, rows, lines, out))

    def add(self, lines: bytes) -> None:
        """Adds records, each a line of JSON."""
        made = _columns(lines, self._at)
        typed: dict[str, Any] = {}
        for table, _, text, _ in self._writers:
            found = typed[table] = _typed(table, made[table])
            self.rows[table] += found.num_rows
            text.write_batch(self._csv(table, made[table], found))
        self._group.append(typed)
        if len(self._group) >= GROUP:
            self._write_group()

    def _write_group(self) -> None:
        group, self._group = self._group, []
        for table, rows, _, _ in self._writers if group else ():
            rows.write_table(pa.Table.from_batches([typed[table] for typed in group]))

    def _csv(self, table: str, found: dict[str, Any], typed: Any) -> Any:
        """The columns of a table as CSV has them: instants are the texts of the records."""
        columns = []
        for number, (name, kind) in enumerate(COLUMNS[table]):
            if kind == _TEXTS:
                columns.append(pc.binary_join(typed.column(number), self._separator))
            else:
                columns.append(_column(found, name) if kind == _INSTANT else typed.column(number))
        return pa.RecordBatch.from_arrays(columns, names=[name for name, _ in COLUMNS[table]])

    def close(self) -> None:
        """Finishes the files."""
        self._write_group()
        for _, rows, lines, out in self._writers:
            rows.close()
            lines.close()
            out.close()


def _read(text: bytes, schema: pa.Schema) -> Any:
    options = arrow_json.ParseOptions(
        explicit_schema=schema, unexpected_field_behavior="ignore", newlines_in_values=False
    )
    reading = arrow_json.ReadOptions(block_size=len(text) + 1, use_threads=False)
    return arrow_json.read_json(pa.BufferReader(text), reading, options).combine_chunks()


def _columns(text: bytes, at: Any) -> dict[str, Any]:
    found = _read(text, _RECORD)
    records = {name: _one(found[name]) for name in found.column_names}
    tins = records["tin"]
    periods, of_period = _flat(records["periods"])
    identifiers, of_identifier = _flat(records["identifiers"])
    stretches, of_stretch = _flat(records["recognition"])
    bases, of_basis = _flat(stretches["bases"])
    current = _current(stretches, at)
    held = _fields(records["authorisation"])
    statuses = {**periods, "authorised_on": periods["effective_from"], "tin": tins.take(of_period)}
    stretches["tin"] = tins.take(of_stretch)
    of_time = {name: stretches[name].take(of_basis) for name in ("tin", "valid_from", "valid_to")}
    return {
        "operators": {
            **held,
            **records,
            "standing_since": held["since"],
            **{name: stretches[name].filter(current) for name in _OF_OUTCOME},
            "outcome_from": stretches["valid_from"].filter(current),
            "outcome_until": stretches["valid_to"].filter(current),
        },
        "statuses": statuses,
        "identifiers": {**identifiers, "tin": tins.take(of_identifier)},
        "recognition": stretches,
        "bases": {**bases, **of_time},
    }


_OF_OUTCOME = ("outcome", "legal", "operational", "reasons")


def _current(stretches: dict[str, Any], at: Any) -> Any:
    """Which stretches contain the instant: one of each operator."""
    begins, ends = stretches["valid_from"].cast(_INSTANT), stretches["valid_to"].cast(_INSTANT)
    has_begun = pc.or_kleene(pc.is_null(begins), pc.less_equal(begins, at))
    return pc.and_(has_begun, pc.or_kleene(pc.is_null(ends), pc.greater(ends, at)))


def _one(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _flat(lists: Any) -> tuple[dict[str, Any], Any]:
    """The fields of the structs in a column of lists, and for each the row that it is of."""
    return _fields(pc.list_flatten(lists)), pc.list_parent_indices(lists)


def _fields(structs: Any) -> dict[str, Any]:
    return {field.name: pc.struct_field(structs, field.name) for field in structs.type}


def _column(found: dict[str, Any], name: str) -> Any:
    return found[name if name in found else _NAMES[name]]


def _typed(table: str, found: dict[str, Any]) -> Any:
    """The columns of a table with their types."""
    columns = []
    for name, kind in COLUMNS[table]:
        column = _column(found, name)
        columns.append(column if column.type == kind else column.cast(kind))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(COLUMNS[table]))


def _repeating(columns: Sequence[tuple[str, pa.DataType]]) -> list[str]:
    """The columns of a table in which the same values come again and again, as Parquet names
    them."""
    return [
        f"{name}.list.element" if kind == _TEXTS else name
        for name, kind in columns
        if name not in _OWN
    ]


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of a column in CSV."""
    return _TEXT if kind in (_TEXTS, _INSTANT) else kind
