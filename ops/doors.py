"""The doors: every way in which somebody may ask about an operator: by its TIN, its number, its
name, its stream, or the id of a receipt; by a question, a command or a page.

`ops/absence.py` measures whether an operator that is hidden from a subject and one that does not
exist are answered in the same time, and tests/api/access/test_absence.py whether they are answered
byte for byte alike. `ops/lists.py` has the ways in which nobody is named, and the rest of the
service, which leads to no operator; tests/api/access/test_doors.py holds that nothing is left out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, quote_plus

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    get_named_type,
)

from api.graphql.schema import core
from registry.domain.operators.events import Operator
from registry.domain.values import Tin


@dataclass(frozen=True)
class AskedAbout:
    """The operator that a door asks about, and the subject's own things that it needs.

    `receipt`: the id of a receipt about the operator that another subject holds; `own_receipt`: of
    one that the subject holds. `territory`: of the subject. `own_tin`: an operator of the subject's
    own administration. `event`: the global id of an event of the operator. `epoch`: of the ledger.
    """

    tin: str
    number: str
    name: str
    territory: str
    receipt: str = "00000000-0000-4000-8000-000000000000"
    own_receipt: str = "00000000-0000-4000-8000-000000000000"
    own_tin: str = "CN1234567890"
    event: str = "Event:999999999.1"
    epoch: str = "000000000000"

    def in_place(self, text: str) -> str:
        """A path or a body with the values in place of what stands for them."""
        values = {
            "THE_STREAM": str(Operator.create_id(Tin(self.tin))),
            "THE_TIN": self.tin,
            "THE_NUMBER": self.number,
            "THE_NAME": self.name,
            "THE_RECEIPT": self.receipt,
            "OWN_RECEIPT": self.own_receipt,
            "THE_EVENT": self.event,
            "THE_EPOCH": self.epoch,
            "OWN_TIN": self.own_tin,
            '"XX"': f'"{self.territory}"',
            '\\"XX\\"': f'\\"{self.territory}\\"',
            "in=XX": f"in={self.territory}",
            "/XX": f"/{self.territory}",
        }
        for word, value in values.items():
            text = text.replace(word, value)
        return text

    @property
    def names(self) -> tuple[str, ...]:
        """What names the operator in an answer."""
        stream = str(Operator.create_id(Tin(self.tin)))
        written = {self.name, quote(self.name), quote_plus(self.name), quote(quote(self.name))}
        return self.tin, self.number, *sorted(written), stream


@dataclass(frozen=True)
class Door:
    """A request: a page's path, or a GraphQL document with its variables as JSON. `public`: asked
    without a token. `sent`: the body of a POST to a plain route or of a form."""

    name: str
    path: str = "/graphql"
    document: str = ""
    variables: str = ""
    sent: str = ""
    public: bool = False

    def request(self, asked: AskedAbout) -> tuple[str, str, bytes]:
        """The method, the path and the body that ask about this operator."""
        path = replace(asked, name=quote(asked.name)).in_place(self.path)
        if self.sent:
            return "POST", path, asked.in_place(self.sent).encode()
        if not self.document:
            return "GET", path, b""
        body = {"query": asked.in_place(self.document)}
        if self.variables:
            body["variables"] = json.loads(asked.in_place(self.variables))
        return "POST", path, json.dumps(body).encode()


SCALARS = "tin name localName standing standingAbroad source address roles"
REFUSED = "__typename ... on Refused { code message path }"
VERDICT = "in outcome legal operational reasons { code message } bases { since }"

#: By name, the documents; SCALARS and VERDICT stand for the selections above.
_DOCUMENTS = {
    "operator": "{ operator(tin: THE_TIN) { SCALARS } }",
    "operator, public": "{ operator(tin: THE_TIN) { tin name standing } }",
    "operator with its periods and verdicts": "{ operator(tin: THE_TIN) { SCALARS"
    " periods(first: 5) { status validFrom } authorisations { number } identifiers { value }"
    " recognisedIn { VERDICT } } }",
    "operator then": "{ operator(tin: THE_TIN, asOf: { at: 2024-03-01T00:00:00Z,"
    " knownAt: 2024-06-01T00:00:00Z }) { SCALARS } }",
    "operator, not planned": "{ operator(tin: THE_TIN) { tin history(first: 3) { edges"
    " { cursor } } } }",
    "operator with its looks": "{ operator(tin: THE_TIN)"
    " { looks(first: 3) { edges { cursor } } } }",
    "operator with its contacts": "{ operator(tin: THE_TIN) { contacts { __typename } } }",
    "operator with its certificate": "{ operator(tin: THE_TIN) { certificate { code } } }",
    "operators by TIN": "{ operatorsByTin(tins: [THE_TIN]) { SCALARS } }",
    "list by identifier": "{ operators(first: 5, filter: { identifier: { scheme: EORI_SCHEME,"
    " value: THE_NUMBER } }) { totalCount edges { cursor } } }",
    "by certificate": "{ operatorByCertificate(number: THE_NUMBER) { SCALARS } }",
    "by certificate, all": "{ operatorsByCertificate(number: THE_NUMBER) { tin } }",
    "by certificate, public": "{ operatorByCertificate(number: THE_NUMBER) { tin } }",
    "recognition": "{ recognition(tin: THE_TIN, in: XX) { tin VERDICT } }",
    "recognition with its interval": "{ recognition(tin: THE_TIN, in: XX) { tin VERDICT"
    " validFrom validTo } }",
    "recognition of a consignment": "{ recognition(tin: THE_TIN, in: XX,"
    " consignment: { direction: IMPORT, hs: 0702 }) { tin VERDICT } }",
    "recognition with a receipt": "{ recognition(tin: THE_TIN, in: XX, receipt: true)"
    " { tin outcome receipt { jwt } } }",
    "recognitions": "{ recognitions(tins: [THE_TIN], in: XX) { tin VERDICT } }",
    "recognitions of declarations": "{ recognitionsOf(in: XX, questions: [{ key: 0702,"
    " tin: THE_TIN }]) { key recognition { tin VERDICT } } }",
    "recognitions of declarations, with receipts": "{ recognitionsOf(in: XX, receipt: true,"
    " questions: [{ key: 0702, tin: THE_TIN }]) { recognition { tin VERDICT receipt { jwt } } } }",
    "node": "{ node(id: Operator:THE_TIN) { id } }",
    "node, then": "{ node(id: Operator@2024-03-01T00:00:00.000000Z,2024-06-01T00:00:00.000000Z:"
    "THE_TIN) { id } }",
    "node of an event": "{ node(id: THE_EVENT) { id } }",
    "list by name": "{ operators(first: 5, filter: { nameContains: THE_NAME }) { totalCount edges"
    " { cursor } } }",
    "list by name, recognised": "{ operators(first: 5, filter: { nameContains: THE_NAME,"
    " recognisedIn: XX }) { totalCount edges { cursor } } }",
    "list by name, then": "{ operators(first: 5, filter: { nameContains: THE_NAME },"
    " asOf: { at: 2024-03-01T00:00:00Z, knownAt: 2024-06-01T00:00:00Z }) { edges { cursor } } }",
    "recognition then, with a receipt": "{ recognition(tin: THE_TIN, in: XX,"
    " asOf: { at: 2024-03-01T00:00:00Z }, receipt: true) { tin outcome receipt { jwt } } }",
    "receipt of another": "{ receipt(id: THE_RECEIPT) { id issuedAt jwt } }",
    "receipt of another, by its request": "{ receipts(request: THE_RECEIPT, first: 3) { edges"
    " { node { id jwt } } } }",
    "receipt of its own": "{ receipt(id: OWN_RECEIPT) { issuedAt jwt } }",
    "events by TIN": "{ events(first: 3, filter: { tin: THE_TIN }) { edges { cursor } } }",
    "events by stream": "{ events(first: 3, filter: { stream: THE_STREAM }) { edges { cursor } } }",
    "events by global id": "{ events(first: 3, filter: { stream: Operator:THE_TIN }) { edges"
    " { cursor } } }",
    "merger of an own operator into it": "mutation { mergeInto(input: { commandId:"
    " 7b0e6f3e-6f0c-4f0a-9d5e-0f5f6f3e6f0c, tin: OWN_TIN, successor: THE_TIN }) { REFUSED } }",
    "division of it into an own operator": "mutation { splitFrom(input: { commandId:"
    " 7b0e6f3e-6f0c-4f0a-9d5e-0f5f6f3e6f0c, tin: OWN_TIN, origin: THE_TIN }) { REFUSED } }",
}
_PAGES = {
    "page": "/operators/THE_TIN",
    "page, public": "/operators/THE_TIN",
    "page with a territory": "/operators/THE_TIN?in=XX",
    "two records of it compared": "/operators/THE_TIN/beliefs?from=2024-03-01&to=2024-06-01",
    "page of looks": "/operators/THE_TIN/looks",
    "history as a file": "/operators/THE_TIN/history.json",
    "search by TIN": "/search?q=THE_TIN",
    "search by number": "/search?q=THE_NUMBER",
    "search, public": "/search?q=THE_TIN",
    "search by name": "/search?q=THE_NAME",
    "search by name, public": "/search?q=THE_NAME",
    "page in a language": "/fr/operators/THE_TIN",
    "page of a person": "/operators/THE_TIN/persons/nobody",
    "check of a consignment": "/check?number=THE_TIN&in=XX",
    "suggestions by TIN": "/search/suggest?q=THE_TIN",
    "suggestions by number": "/search/suggest?q=THE_NUMBER",
    "suggestions by name": "/search/suggest?q=THE_NAME",
    "suggestions, public": "/search/suggest?q=THE_TIN",
    "page of a command": "/operators/THE_TIN/suspend-authorisation",
    "form of a dispute": "/operators/THE_TIN/open-dispute",
    "page of certificates": "/operators/THE_TIN/certificate",
    "page of a file of a certificate": "/operators/THE_TIN/certificate/THE_STREAM/x.pdf",
    "page of a receipt of another": "/receipts/THE_RECEIPT",
    "page of a receipt, public": "/receipts/THE_RECEIPT",
    "page of a receipt of its own": "/receipts/OWN_RECEIPT",
    "receipt of another as a PDF": "/receipts/THE_RECEIPT/receipt.pdf",
    "page of the receipts of a list of another": "/check/list/THE_RECEIPT",
    "page of a file of the receipts of a list": "/check/list/THE_RECEIPT/receipts.zip",
    "audit": "/audit?of=THE_TIN",
    "audit in a territory, then": "/audit?of=THE_TIN&in=XX&at=2024-03-01",
    "page of the audit bundle of it": "/audit/bundle?operator=THE_TIN",
    "audit, public": "/audit?of=THE_TIN",
    "events of it on their page": "/events?operator=THE_TIN",
    "events of it as a file": "/events?operator=THE_TIN&format=csv",
    "events of its stream for a peer": "/peer/events?stream=THE_STREAM&after=0",
}
#: Forms of pages, and bodies of plain routes.
_SENT = {
    "person of it named by a form": ("/operators/THE_TIN/persons", "name=A&role=CUSTOMS"),
    "person of it erased by a form": ("/operators/THE_TIN/persons/nobody", "ground=a+law"),
    "certificate of it by a form": ("/operators/THE_TIN/certificate", "action=issue"),
    "looks of an edge": (
        "/golden-copy/XX/looks",
        '[{"id": "THE_STREAM", "at": "2024-03-01T00:00:00Z", "tin": "THE_TIN", "territory": "XX",'
        ' "law_at": "2024-03-01T00:00:00Z", "known_at": "2024-03-01T00:00:00Z",'
        ' "outcome": "UNKNOWN", "position": 1}]',
    ),
}
#: Literals of the documents, which are written there without quotation marks.
_LITERAL = re.compile(
    r"(?<![\w:])(Operator@[\w:.,-]+:THE_TIN|Operator:THE_TIN|THE_EVENT|THE_TIN|THE_NUMBER"
    r"|THE_NAME|THE_STREAM|THE_RECEIPT|OWN_RECEIPT|OWN_TIN|XX|EORI_SCHEME|0702|2024-[\w:-]+"
    r"|7b0e6f3e-[\w-]+)"
)


def _quoted(document: str) -> str:
    quoted = _LITERAL.sub(lambda found: f'"{found[0]}"', document)
    named = quoted.replace("EORI_SCHEME", "EORI").replace("REFUSED", REFUSED)
    return named.replace("SCALARS", SCALARS).replace("VERDICT", VERDICT)


#: The values of required fields of commands: by name, else by type.
_VALUES: dict[str, Any] = {
    "commandId": "7b0e6f3e-6f0c-4f0a-9d5e-0f5f6f3e6f0c",
    "dispute": "7b0e6f3e-6f0c-4f0a-9d5e-0f5f6f3e6f0c",
    "proposal": "7b0e6f3e-6f0c-4f0a-9d5e-0f5f6f3e6f0c",
    "person": "7b0e6f3e-6f0c-4f0a-9d5e-0f5f6f3e6f0c",
    "commitment": "00" * 32,
    "scheme": "EORI",
    "successor": "OWN_TIN",
    "origin": "OWN_TIN",
    "position": 1,
    "roles": ["EXPORTER"],
    "particulars": {},
    "asked": "KR",
    "Date": "2026-01-05",
    "TIN": "THE_TIN",
    "JSON": {"name": "x"},
    "Boolean": True,
    "Int": 1,
    "Position": 1,
}


def commands() -> tuple[Door, ...]:
    """A door for each command that names an operator, made of the schema."""
    mutation = core.mutation_type
    assert mutation is not None
    return tuple(
        _command(name, field)
        for name, field in mutation.fields.items()
        if any("TIN" in types_below(argument.type) for argument in field.args.values())
    )


def types_below(kind: Any, found: set[str] | None = None) -> set[str]:
    """The names of a type and of all types that its fields lead to."""
    found = set() if found is None else found
    named = get_named_type(kind)
    if named.name not in found:
        found.add(named.name)
        for field in getattr(named, "fields", {}).values():
            types_below(field.type, found)
        for member in getattr(named, "types", ()):
            types_below(member, found)
    return found


def _command(name: str, field: GraphQLField) -> Door:
    given = {argument: _value(argument, of.type) for argument, of in field.args.items()}
    declared = ", ".join(f"${argument}: {of.type}" for argument, of in field.args.items())
    used = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    document = f"mutation({declared}) {{ {name}({used}) {{ {REFUSED} }} }}"
    return Door(f"command {name}", document=document, variables=json.dumps(given))


def _value(name: str, kind: Any) -> Any:
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        required = {n: f for n, f in named.fields.items() if isinstance(f.type, GraphQLNonNull)}
        return {n: _value(n, f.type) for n, f in required.items()}
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    return _VALUES.get(name, _VALUES.get(named.name, "a text"))


DOORS = (
    *(
        Door(name, document=_quoted(document), public=name.endswith("public"))
        for name, document in _DOCUMENTS.items()
    ),
    *(Door(name, path=path, public=name.endswith("public")) for name, path in _PAGES.items()),
    *(Door(name, path=path, sent=sent) for name, (path, sent) in _SENT.items()),
    *commands(),
)

#: What differs between any two answers: numbers of requests, instants, signatures, tokens of forms.
_DIFFERENT = (
    re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"),
    re.compile(rb'"jwt":\s*"[^"]+"|[\w-]{30,}\.[\w-]{30,}\.[\w-]{30,}(~[\w~-]+)?'),
    re.compile(rb'name="csrf" value="[^"]+"|nonce="[^"]+"|nonce-[\w+/=-]+'),
)
#: Headers that differ between any two answers; the length is compared by the body, since an instant
#: of a full minute is written shorter.
PASSING = frozenset({"date", "content-length",
                     "aeo-request-id", "x-request-id", "set-cookie", "server-timing",
                     "ratelimit", "aeo-log-head", "traceparent"})  # fmt: skip


def plain(text: bytes, *names: str) -> bytes:
    """A body or a header without what differs between any two answers, and without these names of
    the operator that was asked about."""
    for name in sorted(names, key=len, reverse=True):  # a number may contain the TIN
        text = text.replace(name.encode(), b"?" * len(name))
    for pattern in _DIFFERENT:
        text = pattern.sub(b"#", text)
    return text
