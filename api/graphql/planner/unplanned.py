"""The fields of the GraphQL schema that the planner does not answer, each with the reason.

A document that selects one of these fields is answered by the stock executor, field by field,
through the resolvers. The metric `aeo_declined_total{reason="uncovered"}` counts such documents
with the name of the field.

To add a field, either say where its value lies in SQL (api.graphql.sql_fields) or add it here with
a reason. tests/api/graphql/planner/test_coverage.py fails for a field that has neither, and for an
entry here of a field that is planned. A field of a type that is reached only through a field of
this list, or only through a mutation, needs no entry: the same reason holds for it. A key with
three parts, `Operator.recognisedIn.validFrom`, is a field that is planned elsewhere, but not below
the field named first.
"""

from __future__ import annotations

from collections.abc import Mapping

_PAGES = (
    "A list in pages: filters, ordering and cursors decide which SELECT is run,"
    " so its resolver builds the SELECT for each request."
)
_RELATED = (
    "A related list: a data loader already reads it with one SELECT for all objects of an answer,"
    " and the documents in which speed matters (ops/bench/questions.py) do not select it."
)
_COUNT = "A count over many operators: the count itself takes far longer than the executor."
_REFERENCE = (
    "Reference data (administrations, programmes, agreements, publications): few rows, asked"
    " seldom, and not in the documents in which speed matters (ops/bench/questions.py)."
)
_HISTORY = "Computed in Python from the history of the read models: no single SELECT gives it."
_CERTIFICATE = (
    "The answer depends on how many operators hold the number: an error names several holders,"
    " and the read log records each operator that was found."
)
_INTERVALS = (
    "The valid-time interval of a verdict is computed in Python from the facts of one territory;"
    " it is planned below `recognition`, not for all territories at once."
)

UNPLANNED: Mapping[str, str] = {
    "Query.operatorByCertificate": _CERTIFICATE,
    "Query.operatorsByCertificate": _CERTIFICATE,
    "Query.operators": _PAGES,
    "Query.controlResult": "Computed in Python from the clauses of the agreements in force.",
    "Query.agreements": _PAGES,
    "Query.partners": _REFERENCE,
    "Query.administration": _REFERENCE,
    "Query.administrations": _REFERENCE,
    "Query.programme": _REFERENCE,
    "Query.programmes": _REFERENCE,
    "Query.claims": _REFERENCE,
    "Query.countSteps": _REFERENCE,
    "Query.targets": _REFERENCE,
    "Query.documents": _PAGES,
    "Query.clients": _REFERENCE,
    "Query.proposals": _PAGES,
    "Query.administrationProposals": _PAGES,
    "Query.disputes": _PAGES,
    "Query.changes": _HISTORY,
    "Query.divergences": _HISTORY,
    "Query.correctedAnswers": _HISTORY,
    "Query.receipt": "One row of the receipts, read with the rights of the auditing connection.",
    "Query.receipts": "Rows of the receipts, read with the rights of the auditing connection.",
    "Query.myDivergences": _HISTORY,
    "Recognition.receipt": "A receipt is signed, and stored before the answer is given: "
    "receipt_answers answers such a question without the executor.",
    "Query.events": _PAGES,
    "Query.deadlines": _PAGES,
    "Query.log": "The signed checkpoint and the proofs come from the log's signer, not from SQL.",
    "Query.viewer": "What the authenticated subject may do: known in Python without any SELECT.",
    "Query.schemaVersion": "A constant of the process.",
    "Query.webhooks": "The webhooks of one administration: few rows, outside the read models.",
    "Query.node": "The type of the object, and so its SELECT, is known only from the given id.",
    "Operator.history": _PAGES,
    "Operator.recognisedIn.validFrom": _INTERVALS,
    "Operator.recognisedIn.validTo": _INTERVALS,
    "Operator.looks": _PAGES,
    "Operator.proposals": "The proposed command is in the event, and not in the read models.",
    "Operator.disputes": "Who reads which of them depends on who opened each, and it is read"
    " seldom.",
    "Operator.certificate": "Credentials are no read model: they are written by the service.",
    "Operator.contacts": "Personal data, which is encrypted in the database, is decrypted in"
    " Python.",
    "Agreement.parties": _RELATED,
    "Agreement.sides": _RELATED,
    "Agreement.dates": _RELATED,
    "Agreement.scopes": _RELATED,
    "Agreement.history": _PAGES,
    "Administration.members": _RELATED,
    "Administration.memberships": _RELATED,
    "Administration.programmes": _RELATED,
    "Administration.operatorCount": _COUNT,
    "StatusPeriod.event": "The event is decoded from the event store by Python, not by SQL.",
    "Programme.rules": "Rules without a row are added in Python as unknown.",
    "Programme.allRules": _RELATED,
    "Programme.operatorCount": _COUNT,
}
