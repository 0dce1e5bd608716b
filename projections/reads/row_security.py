"""Row-level security: for whom a transaction reads the tables with operators' data.

PostgreSQL lets the role aeo_reader see the rows of the subject that the transaction states, and
none where it states nobody (ops/migrations/0355_row_level_security.sql). That is the second lock:
every statement about operators restricts its rows itself (projections/reads/visibility.py), and a
statement that forgets to gets no more. The setting ends with its transaction, so a session that is
shared with others, as behind a pooler, keeps nothing of it. Decision 0255.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from psycopg.sql import SQL, Composed, Literal

from projections.reads.visibility import VisibilityScope

#: The service itself, which sees every row. Only at the places of SERVICE_READS.
SERVICE = VisibilityScope("service")

#: Where the service reads as itself, and how it decides afterwards what the subject is shown: the
#: module and the function, and a sentence. A use of SERVICE that is not named here fails a test,
#: and so does an entry without one.
SERVICE_READS: Mapping[str, str] = {
    "api/graphql/types/changes.py ChangeQuery.changes": (
        "The feed of changes: an operator that is hidden now may have been shown before, and "
        "its end is told. projections/history/visibility_history.py decides over past "
        "beliefs."
    ),
    "api/graphql/change_stream.py ChangeStream.__init__": (
        "Subscriptions: the same feed, made once for all subscribers with the same rights."
    ),
    "api/graphql/types/divergences.py _page": (
        "Divergences: past beliefs of operators that the subject may see now; the statement "
        "that finds them restricts them to these."
    ),
    "api/graphql/types/divergences.py is_cause_of_divergence": (
        "Whether an event is the cause of a divergence, for an operator that was found "
        "visible before."
    ),
    "api/graphql/types/corrected_answers.py _page": (
        "Corrected answers: past beliefs of the operators that the subject may see now, "
        "chosen before they are compared."
    ),
    "api/graphql/types/corrected_answers.py _corrected": (
        "Whether an event corrected an answer, for an operator that was found visible before."
    ),
    "api/graphql/types/corrected_answers.py corrected_by_change": (
        "The answers that a change corrected; nothing where the subject may not see the "
        "operator now."
    ),
    "api/graphql/types/receipts.py _divergent": (
        "Receipts whose answer has changed: its holder is told what became of an answer that it "
        "was given, also where the operator is hidden by now; an answer UNKNOWN counts only "
        "where the subject may see the operator now."
    ),
    "api/webhooks/sender.py WebhookSender._are_corrected": (
        "Whether a webhook is told of corrected answers: they are of operators whose change the "
        "feed tells its owner, and of answers that its own administration was given."
    ),
    "api/graphql/types/administrations.py AdministrationType.operator_count": (
        "The number of operators of an administration, those hidden from the subject included: "
        "a number alone, of those with an authorisation granted for whom is no officer of it."
    ),
    "api/graphql/types/programmes.py ProgrammeType.operator_count": (
        "The number of operators with a valid authorisation of a programme, those hidden from "
        "the subject included: a number alone."
    ),
    "api/pages/unseen_changes.py unseen": (
        "The list of changes not yet seen: the same feed, of the subject's own territory."
    ),
    "api/pages/work_divergences.py _found": (
        "The list of answers that would be different now: past beliefs of the operators that the "
        "subject may see now, chosen before they are compared."
    ),
    "api/pages/certificates.py reading": (
        "Certificates: the home customs and the operator have them made, and whoever has the code "
        "or a link is told the state of that authorisation alone."
    ),
    "api/http/credentials.py status_list_credential.read": (
        "The status lists of certificates: a bit for each, in a place drawn at random."
    ),
    "api/end_recorder.py EndRecorder.round": (
        "Ends by law: the service records them itself and shows them to nobody."
    ),
}

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
