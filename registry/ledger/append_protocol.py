"""Wire protocol of `ledger.append`: sends batches of encoded requests as prepared statements and
reads the outcomes."""

from __future__ import annotations

import select
from collections.abc import Sequence
from datetime import datetime, timedelta
from struct import Struct
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from registry.ledger.append_encoding import EPOCH, NULL, EncodedRequest
from registry.ledger.types import Outcome, outcome_from_row

T = TypeVar("T")

#: Names of the prepared statements: for any batch; for a batch with signatures or held numbers; for
#: requests of one event each; for one request of one event.
ANY_BATCH, WITH_SIDE_TABLES, ONE_EVENT_EACH, ONE_COMMAND = b"any", b"beside", b"each", b"one"
FUNCTIONS = ("append", "append", "append_each", "append_one")
REGISTER_FUNCTIONS = tuple(f"ledger.{name}" for name in FUNCTIONS)
#: PostgreSQL type OIDs of the function's parameters (arrays), and of their elements.
UUIDS, BYTEAS, TEXTS, INTEGERS, BIGINTS, INSTANTS = 2951, 1001, 1009, 1007, 1016, 1185
ELEMENTS = {UUIDS: 2950, BYTEAS: 17, TEXTS: 25, INTEGERS: 23, BIGINTS: 20, INSTANTS: 1184}
PARAMETERS = (
    UUIDS,
    BYTEAS,
    TEXTS,
    INTEGERS,
    UUIDS,
    BIGINTS,
    TEXTS,
    TEXTS,
    INSTANTS,
    TEXTS,
    TEXTS,
)
SIGNATURE_PARAMETERS = (UUIDS, TEXTS, TEXTS, TEXTS, BYTEAS)
HELD_NUMBER_PARAMETERS = (UUIDS, TEXTS, TEXTS, TEXTS)
COUNTS_INDEX = 3  # index of the parameter that is omitted if every request has one event
# dimensions, has nulls, element type, number of elements, first index
_array = Struct(">iiiii").pack
_integer = Struct(">i").unpack
_bigint = Struct(">q").unpack


def arrays(batch: Sequence[EncodedRequest]) -> list[bytes]:
    """Returns the parameters of `ledger.append`, in the binary form that `array_recv` reads."""
    sizes = [len(batch)] * 4 + [sum([request.events for request in batch])] * 7
    return _columns(PARAMETERS, sizes, [request.columns for request in batch])


def _columns(
    kinds: Sequence[int], sizes: Sequence[int], rows: Sequence[tuple[bytes, ...]]
) -> list[bytes]:
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return [
        (_array(1, 1, ELEMENTS[kind], size, 1) if size else _array(0, 0, ELEMENTS[kind], 0, 0)[:12])
        + b"".join(column)
        for kind, size, column in zip(kinds, sizes, columns, strict=True)
    ]


# ------------------------------------------------------------------ statements


def prepare(
    connection: psycopg.Connection[Any],
    functions: Sequence[str] = REGISTER_FUNCTIONS,
    until: float | None = None,
) -> None:
    """Prepares the statements on a connection. `functions`: the names of the ledger's `FUNCTIONS`,
    quoted for SQL.

    Waits until `until` at the latest (seconds of the monotonic clock). Raises psycopg.Error.
    """
    # The columns are named instead of *: a later release of the function may return more.
    text = "select number, status, first_position, events, recorded_at, refusal from"
    each = _without_counts(PARAMETERS)
    of_one = [ELEMENTS[kind] for kind in each]
    takes = (PARAMETERS, PARAMETERS + SIGNATURE_PARAMETERS + HELD_NUMBER_PARAMETERS, each, of_one)
    for name, function, kinds in zip(
        (ANY_BATCH, WITH_SIDE_TABLES, ONE_EVENT_EACH, ONE_COMMAND), functions, takes, strict=True
    ):
        numbers = ", ".join(f"${n}" for n in range(1, len(kinds) + 1))
        pgconn = connection.pgconn
        pgconn.send_prepare(name, f"{text} {function}({numbers})".encode(), kinds)
        _flush(pgconn, until)
        made = _last_result(pgconn, until)
        if made.status != ExecStatus.COMMAND_OK:
            raise _error_of(made)


def send(
    connection: psycopg.Connection[Any], batch: Sequence[EncodedRequest], until: float | None = None
) -> None:
    """Sends a batch and does not wait for its commit. Raises psycopg.Error.

    Waits for the server to accept the data until `until` at the latest (seconds of the monotonic
    clock).
    """
    pgconn = connection.pgconn
    name, parameters = _statement(batch)
    pgconn.send_query_prepared(name, parameters, [1] * len(parameters), result_format=1)
    _flush(pgconn, until)


def _flush(pgconn: PGconn, until: float | None) -> None:
    while pgconn.flush():  # the socket buffer is full: read as well, or both sides may block
        _wait(pgconn, select.POLLIN | select.POLLOUT, until)


def _statement(batch: Sequence[EncodedRequest]) -> tuple[bytes, Sequence[bytes | None]]:
    signed = [request.signature for request in batch if request.signature is not None]
    held_numbers = [request.held_numbers for request in batch if request.held_numbers is not None]
    if signed or held_numbers:
        side_tables = _columns(
            SIGNATURE_PARAMETERS, [len(signed)] * len(SIGNATURE_PARAMETERS), signed
        )
        side_tables += _columns(
            HELD_NUMBER_PARAMETERS, [len(held_numbers)] * len(HELD_NUMBER_PARAMETERS), held_numbers
        )
        return WITH_SIDE_TABLES, arrays(batch) + side_tables
    if not all([request.events == 1 for request in batch]):
        return ANY_BATCH, arrays(batch)
    if len(batch) > 1:
        return ONE_EVENT_EACH, _without_counts(arrays(batch))
    # An element of an array is its length (4 bytes) and then the value.
    return ONE_COMMAND, [
        None if element == NULL else element[4:] for element in _without_counts(batch[0].columns)
    ]


def _without_counts(columns: Sequence[T]) -> list[T]:
    return [*columns[:COUNTS_INDEX], *columns[COUNTS_INDEX + 1 :]]


def receive(
    connection: psycopg.Connection[Any], batch: Sequence[EncodedRequest], until: float | None = None
) -> list[Outcome]:
    """Waits for the reply and returns the outcome of each request of the batch that was sent.
    Raises psycopg.Error.

    Other threads run while it waits. Waits until `until` at the latest (seconds of the monotonic
    clock).
    """
    answer = _last_result(connection.pgconn, until)
    if answer.status != ExecStatus.TUPLES_OK:
        raise _error_of(answer)
    return _outcomes(batch, answer)


def _last_result(pgconn: PGconn, until: float | None) -> PGresult:
    """Returns the last result of the statement that was sent. Raises psycopg.OperationalError."""
    answer = None
    while True:
        while pgconn.is_busy():
            _wait(pgconn, select.POLLIN, until)
        result = pgconn.get_result()
        if result is None:
            break
        answer = result
    if answer is None:
        raise psycopg.OperationalError("the server has closed the connection")
    return answer


def _wait(pgconn: PGconn, events: int, until: float | None = None) -> None:
    waiting = select.poll()
    waiting.register(pgconn.socket, events)
    if until is None:
        ready = waiting.poll()
    else:
        ready = waiting.poll(max(0.0, until - monotonic()) * 1000)
        if not ready:
            raise psycopg.OperationalError("the server did not answer in time")
    if ready[0][1] != select.POLLOUT:
        pgconn.consume_input()


def _error_of(result: PGresult) -> psycopg.Error:
    state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    message = (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message).decode()
    try:
        return psycopg.errors.lookup(state)(message)
    except KeyError:  # a broken connection: libpq reports it without an SQLSTATE
        return psycopg.OperationalError(message.strip())


def _outcomes(batch: Sequence[EncodedRequest], answer: PGresult) -> list[Outcome]:
    """Reads the outcomes of a batch. Row 0 of the result is the batch itself, with its first
    position; a request has a row of its own only if it was not simply recorded."""
    rows = {_integer(_value(answer, row, 0))[0]: row for row in range(answer.ntuples)}
    next, recorded_at = 0, EPOCH  # for a single request, its own row may be the only one
    if 0 in rows:
        [next], recorded_at = _bigint(_value(answer, 0, 2)), _read(_value(answer, 0, 4))
    outcomes: list[Outcome] = []
    for number, request in enumerate(batch, 1):
        command, row = request.command, rows.get(number)
        if row is None:
            command.positions = list(range(next, next + request.events))
            command.recorded_at = recorded_at
            command.repeated = False
            next += request.events
            outcomes.append(command.positions)
            continue
        first, events, at, why = (answer.get_value(row, column) for column in (2, 3, 4, 5))
        values = (
            _integer(_value(answer, row, 1))[0],
            _bigint(first)[0] if first else None,
            _integer(events)[0] if events else None,
            _read(at) if at else None,
            why.decode() if why else None,
        )
        outcomes.append(outcome_from_row(command, request.events, values))
    return outcomes


def _value(answer: PGresult, row: int, column: int) -> bytes:
    value = answer.get_value(row, column)
    assert value is not None
    return value


def _read(instant: bytes) -> datetime:
    [microseconds] = _bigint(instant)
    return EPOCH + timedelta(microseconds=microseconds)
