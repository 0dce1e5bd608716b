"""The doors: every way in which somebody may ask about an operator by its TIN or its number.

`ops/absence.py` measures whether an operator that is hidden from a subject and one that does not
exist are answered in the same time, and tests/api/access/test_absence.py whether they are answered
byte for byte alike.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

#: In a door: the TIN asked about and a number of it. XX is the territory of the subject.
TIN, NUMBER = "THE_TIN", "THE_NUMBER"


@dataclass(frozen=True)
class Door:
    """A request: a page's path, or a GraphQL document. `public`: asked without a token."""

    name: str
    path: str = "/graphql"
    document: str = ""
    public: bool = False

    def request(self, tin: str, number: str, territory: str) -> tuple[str, str, bytes]:
        """The method, the path and the body that ask about this operator."""

        def named(text: str) -> str:
            text = text.replace(TIN, tin).replace(NUMBER, number)
            return text.replace('"XX"', f'"{territory}"').replace("in=XX", f"in={territory}")

        if self.document:
            return "POST", self.path, json.dumps({"query": named(self.document)}).encode()
        return "GET", named(self.path), b""


SCALARS = "tin name localName standing standingAbroad source address roles"
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
    "node": "{ node(id: Operator:THE_TIN) { id } }",
    "command about it": "mutation { giveConsent(input: {"
    " commandId: 7b0e6f3e-6f0c-4f0a-9d5e-0f5f6f3e6f0c, tin: THE_TIN, publication: true })"
    " { __typename ... on Refused { code message } } }",
}
_PAGES = {
    "page": "/operators/THE_TIN",
    "page, public": "/operators/THE_TIN",
    "page with a territory": "/operators/THE_TIN?in=XX",
    "page of looks": "/operators/THE_TIN/looks",
    "search by TIN": "/search?q=THE_TIN",
    "search by number": "/search?q=THE_NUMBER",
    "search, public": "/search?q=THE_TIN",
}
#: Literals of the documents, which are written there without quotation marks.
_LITERAL = re.compile(
    r"(?<![\w:])(Operator:THE_TIN|THE_TIN|THE_NUMBER|XX|EORI_SCHEME|0702|2024-[\w:-]+"
    r"|7b0e6f3e-[\w-]+)"
)


def _quoted(document: str) -> str:
    quoted = _LITERAL.sub(lambda found: f'"{found[0]}"', document)
    named = quoted.replace("EORI_SCHEME", "EORI")
    return named.replace("SCALARS", SCALARS).replace("VERDICT", VERDICT)


DOORS = (
    *(
        Door(name, document=_quoted(document), public=name.endswith("public"))
        for name, document in _DOCUMENTS.items()
    ),
    *(Door(name, path=path, public=name.endswith("public")) for name, path in _PAGES.items()),
)

#: What differs between any two answers: numbers of requests, instants, signatures, tokens of forms.
_DIFFERENT = (
    re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"),
    re.compile(rb'"jwt":\s*"[^"]+"'),
    re.compile(rb'name="csrf" value="[^"]+"|nonce="[^"]+"|nonce-[\w+/=-]+'),
)
#: Headers that differ between any two answers.
PASSING = frozenset({"date", "aeo-request-id", "x-request-id", "set-cookie", "server-timing",
                     "ratelimit", "aeo-log-head", "traceparent"})  # fmt: skip


def plain(text: bytes, *names: str) -> bytes:
    """A body or a header without what differs between any two answers, and without these names of
    the operator that was asked about."""
    for name in sorted(names, key=len, reverse=True):  # a number may contain the TIN
        text = text.replace(name.encode(), b"?" * len(name))
    for pattern in _DIFFERENT:
        text = pattern.sub(lambda found: b"#" * len(found[0]), text)
    return text
