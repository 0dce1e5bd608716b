"""The lists: what a subject may ask in which no operator is named, and what leads to no operator.

A list never names an operator that is hidden from the subject. What a subject addresses by a TIN, a
number, a name or an id is in `ops/doors.py`. tests/api/access/test_doors.py holds that each field,
argument, page and route of the service is in one of the two, or in a table here with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from ops.doors import Door

_PAST = 'from: "2015-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z"'
_DOCUMENTS = {
    "operators": "{ operators(first: 100) { totalCount edges { node { tin name } } } }",
    "operators recognised": '{ operators(first: 100, filter: { recognisedIn: "XX" })'
    " { totalCount edges { node { tin name } } } }",
    "operators of a class": '{ operators(first: 100, filter: { programme: "EU-AEO",'
    ' type: "AEOS" }) { totalCount edges { node { tin name } } } }',
    "events": "{ events(first: 100) { edges { node { id stream payload } } } }",
    "changes": '{ changes(for: "XX", after: 0, first: 100, details: true) { changes { tin'
    " operator { name } reasons { code message } } } }",
    "divergences": f'{{ divergences(in: "XX", {_PAST}) {{ edges {{ node {{ tin }} }} }} }}',
    "corrected answers": f'{{ correctedAnswers(in: "XX", {_PAST}) {{ edges {{ node {{ tin }} }} }}'
    " }",
    "own receipts that diverge": "{ myDivergences { edges { node { tin receipt { jwt }"
    " because { payload } } } } }",
    "deadlines": "{ deadlines(first: 100) { edges { node { tin name } } } }",
    "proposals": "{ proposals { edges { node { tin } } } }",
    "disputes": "{ disputes { edges { node { tin } } } }",
    "proposals of an administration": "{ administrationProposals { edges { cursor } } }",
    "webhooks": "{ webhooks { id url } }",
    "clients": "{ clients { client actsFor } }",
    "viewer": "{ viewer { subject operator company { tin name } } }",
    "administrations": "{ administrations { code operatorCount } }",
}
_PAGES = {
    "page of divergences": "/divergences?in=XX&from=2015-01-01&to=2027-01-01",
    "page of events": "/events",
    "events as a file": "/events?format=jsonl",
    "page of deadlines": "/deadlines?month=2021-03",
    "deadlines as a file": "/deadlines?month=2021-03&format=csv",
    "page of own receipts": "/receipts",
    "page of numbers with two holders": "/audit/numbers",
    "page of proposals": "/proposals",
    "page of webhooks": "/webhooks",
    "page of an own company": "/company",
    "page of work": "/work",
    "page of operators": "/operators?administration=",
    "file of operators": "/operators?administration=&format=csv",
    "page of many decisions": "/work/suspend-authorisation",
    "page of a territory": "/countries/XX",
    "page of a programme": "/programmes/EU-AEO",
    "page of an agreement": "/agreements/CN-EU-AEO",
    "page of freshness": "/freshness",
    "index of golden copies": "/golden-copy/XX",
    "changes for a golden copy": "/golden-copy/XX/changes?after=0&epoch=THE_EPOCH"
    "&since=2026-01-01T00:00:00Z",
    "events for a peer": "/peer/events?after=0",
    "streams for a peer": "/peer/streams",
}

LISTS = (
    *(Door(name, document=document) for name, document in _DOCUMENTS.items()),
    *(Door(name, path=path) for name, path in _PAGES.items()),
)

#: Fields of Query and Subscription in no door and no list, and why.
NO_OPERATOR: Mapping[str, str] = {
    "recognitionChanged": "the feed `changes` as a subscription: test_absence.py reads it as a"
    " stream",
    "agreement": "public law",
    "agreements": "public law",
    "partners": "public law",
    "administration": "public law",
    "programme": "public law",
    "programmes": "public law",
    "claims": "published figures",
    "countSteps": "public law, counted",
    "targets": "published plans",
    "documents": "published documents",
    "controlResult": "an agreement on results of controls: it is about goods and crossings",
    "log": "the head of the log: hashes",
    "schemaVersion": "of the program",
}

#: Arguments by which text, a TIN or an id is given, that name no operator, and why.
NAMES_NONE: Mapping[str, str] = {
    "recognition.consignment.crossing": "a border crossing",
    "recognition.consignment.mode": "a mode of transport",
    "recognitionsOf.questions.consignment.crossing": "a border crossing",
    "recognitionsOf.questions.consignment.mode": "a mode of transport",
    "events.filter.agreement": "an agreement",
    "events.filter.types": "types of events",
    "deadlines.filter.what": "a step of an authorisation",
    "changes.epoch": "an epoch of the ledger",
}
#: Arguments of every list that say where its page begins. A cursor is made of what was shown.
CURSORS = frozenset({"after", "before"})

#: Fields of the inputs of commands that name no operator by a TIN and yet may lead to one, and why
#: they do not.
SUBJECTS: Mapping[str, str] = {
    "actsFor": "a client acts for a company that need not be in the register, so nothing is looked"
    " up",
}

CODE = "100 random bits, which the operator itself gives away with its certificate"
FORM = "a form; how many operators a decision concerns is asked by the lists `operators`"
#: Addresses of pages that are in no door and no list, and why.
NO_OPERATOR_PAGES: Mapping[str, str] = {
    "/work/seen": "a form; it marks the subject's own list",
    "/": "a form",
    "/about": "of the program",
    "/accessibility": "of the program",
    "/check/list": "a form; each line is asked as at /check",
    "/components": "documentation",
    "/control-results": "an agreement on results of controls: it is about goods and crossings",
    "/proposals/{code}/{proposal}/{command:proposal_command}": "what is proposed there concerns no"
    " operator",
    "/help": "documentation",
    "/privacy": "documentation",
    "/network": "public law",
    "/verify": "a form",
    "/work/many": "a redirection to a form",
    "/verify/{code}": CODE,
    "/verify/{code}/state": CODE,
    "/verify/{code}/{file}": CODE,
    "/tour": "questions of the demonstration, asked like any others",
    "/tour/{number}": "questions of the demonstration, asked like any others",
    "/countries": "public law",
    "/agreements": "public law",
    "/documents": "published documents",
    "/documents/{id}": "published documents",
    "/promises": "published documents",
    "/agreements/{id}/{command:agreement_command}": FORM,
    "/countries/{code}/{command:administration_command}": FORM,
    "/documents/{id}/{command:document_command}": FORM,
    "/programmes/{code}/{command:programme_command}": FORM,
    "/log": "the head of the log: hashes",
    "/developers": "documentation",
    "/docs": "documentation",
    "/docs/{name:path}": "documentation",
    "/access": "documentation",
    "/sitemap": "the addresses of pages",
    "/sign-in": "the issuers",
    "/sign-in/start": "a redirection to an issuer",
    "/sign-in/callback": "a redirection from an issuer",
    "/sign-out": "a form",
    "/as": "identities of the demonstration",
}

#: Plain routes that are in no door and no list, and why.
NO_OPERATOR_ROUTES: Mapping[str, str] = {
    "/graphql": "its fields are in the tables above",
    "/favicon.ico": "of the program",
    "/opensearch.xml": "of the program",
    "/robots.txt": "of the program",
    "/healthz": "of the process",
    "/readyz": "of the process",
    "/metrics": "sums",
    "/schema.graphql": "of the program",
    "/openapi.json": "of the program",
    "/.well-known/security.txt": "contacts",
    "/.well-known/oauth-protected-resource": "the issuers",
    "/.well-known/oauth-authorization-server": "of the program",
    "/oauth/jwks": "keys",
    "/oauth/token": "clients",
    "/sign-in/back-channel-logout": "sessions",
    "/log/checkpoint": "hashes and signatures",
    "/log/keys": "keys",
    "/log/receipt-keys": "keys",
    "/log/policy": "keys of witnesses",
    "/log/tile/{name:any}": "hashes, of commitments with a secret of their own",
    "/aeo-verify": "a program",
    "/.well-known/did.json": "keys",
    "/status-lists/{number}/{purpose}": "bits at places drawn by lot",
    "/golden-copy/keys": "keys",
    "/golden-copy/{partner}/{copy}/{file}": "files made for this partner: tests/api/golden_copy",
    "/peer/report": "what another register says it found in this one",
    "/static": "files of the program",
}
