"""Finds the operators that a number of any kind can mean: a TIN, the number of a certificate, or an
identifier of a national or another scheme, such as a MID.

Only operators that the subject may see are found. A TIN is looked for first, then a certificate,
then the identifiers of the schemes whose form the number has.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi import Request

from api.pages.check_questions import tin_of
from api.pages.query import ask
from registry.domain.identifiers import normal_form, schemes

BY_TIN = """\
query CheckedTin($tin: TIN!) {
  operator(tin: $tin) { tin name }
}"""

BY_CERTIFICATE = """\
query CheckedCertificate($number: String!) {
  operatorsByCertificate(number: $number) { tin name }
}"""

#: Schemes that are looked for in one query: the limit of its roots is 10.
AT_ONCE = 8
MOST = 10  # operators of one identifier that are shown


class NumberHolder(NamedTuple):
    """An operator that a number can mean. `kind`: TIN, CERTIFICATE, or the identifier scheme."""

    tin: str
    name: str
    kind: str


async def holders(request: Request, number: str) -> list[NumberHolder]:
    """Returns the operators with this number. A TIN that no operator has is returned as it is: the
    register says of it what it says of any operator that the subject may not see."""
    tin = tin_of(number)
    if tin and (found := _of((await ask(request, BY_TIN, tin=tin)).data, "TIN")):
        return found
    if len(normal_form(number)) >= 3:
        certificates = await ask(request, BY_CERTIFICATE, number=number)
        if found := _of(certificates.data, "CERTIFICATE"):
            return found
    if found := await identified(request, number):
        return found
    return [NumberHolder(tin, "", "TIN")] if tin else []


async def identified(request: Request, number: str) -> list[NumberHolder]:
    """Returns the operators with this identifier, of each scheme that the number can be of, once
    each; none where the subject may not list operators."""
    matching = [
        scheme.code
        for scheme in schemes().values()
        if scheme.form is None or scheme.form.fullmatch(normal_form(number, scheme.code))
    ]
    found: dict[str, NumberHolder] = {}
    for start in range(0, len(matching), AT_ONCE):
        some = matching[start : start + AT_ONCE]
        variables = {f"s{place}": code for place, code in enumerate(some)}
        asked = await ask(request, _document(len(some)), number=number, **variables)
        if asked.data is None:  # the subject may not list operators
            return []
        for place, code in enumerate(some):
            edges = asked.data[f"i{place}"]["edges"]
            for holder in _of({"found": [edge["node"] for edge in edges]}, code):
                found.setdefault(holder.tin, holder)
    return list(found.values())


def _document(many: int) -> str:
    """The query for so many schemes."""
    variables = "".join(f", $s{place}: String!" for place in range(many))
    roots = "\n".join(
        f"  i{place}: operators(first: {MOST}, filter: {{ identifier: {{ scheme: $s{place}, "
        "value: $number } }) { edges { node { tin name } } }"
        for place in range(many)
    )
    return f"query CheckedIdentifier($number: String!{variables}) {{\n{roots}\n}}"


def _of(data: dict[str, Any] | None, kind: str) -> list[NumberHolder]:
    """The operators of an answer, which is one or a list."""
    found = next(iter(data.values())) if data else None
    many = found if isinstance(found, list) else [found] if found else []
    return [NumberHolder(each["tin"], each["name"], kind) for each in many]
