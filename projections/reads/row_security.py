"""Row-level security: for whom a transaction reads the tables with operators' data.

PostgreSQL lets the role aeo_reader see the rows of the subject that the transaction states, and
none where it states nobody (ops/migrations/0355_row_level_security.sql). That is the second lock:
every statement about operators restricts its rows itself (projections/reads/visibility.py), and a
statement that forgets to gets no more. The setting ends with its transaction, so a session that is
shared with others, as behind a pooler, keeps nothing of it. Decision 0255.
"""

from __future__ import annotations

from datetime import datetime

from psycopg.sql import SQL, Composed, Literal

from projections.reads.visibility import VisibilityScope

#: The service itself, which sees every row. Only for what it decides afterwards, or counts:
#: the feed of changes and its subscriptions, divergences and corrected answers (decided by
#: projections/history/visibility_history.py over past beliefs, of operators that may be hidden
#: now), the number of operators of an administration or programme, and ends by law.
SERVICE = VisibilityScope("service")


#: SQL: states the subject until the end of the transaction. Its parameter: `stated`.
STATE = "select access.stand_for(%s)"


def stated(scope: VisibilityScope, now: datetime) -> str:
    """The value of the setting. `now`: the instant of the request."""
    return f"{scope.stated}{now.isoformat()}"


def begin(scope: VisibilityScope, now: datetime) -> Composed:
    """SQL: begins a transaction that reads for this subject. For a connection with autocommit, as
    one message without parameters."""
    return SQL("begin; select access.stand_for({})").format(Literal(stated(scope, now)))


def in_statement(parameter: str) -> str:
    """SQL: a FROM item that states the subject for its own statement, by a parameter that is the
    value of the setting. It is computed before the first row of the statement is."""
    return f"(select access.stand_for({parameter}) offset 0) as stated"
