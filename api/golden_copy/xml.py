"""The records of a golden copy as one XML message: AEO master data in a profile of this register.

The profile uses names of the WCO Data Model where they are known, and is no message of the WCO. Its
schema, `aeo-master-data.xsd`, says which names are whose.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from api.golden_copy.manifest import CopyMoment
from projections.history.golden_copy import CopiedBasis, CopiedOperator, read_operator, shown

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NAMESPACE = "urn:aeo-registry:profile:aeo-master-data:1"

_Value = str | bool | date | datetime | None


class XmlWriter:
    """Writes one message into a compressed file."""

    def __init__(self, path: Path, partner: str, moment: CopyMoment) -> None:
        self._file = zstd.ZstdFile(path, "wb", level=3)
        head = _element(
            "MetaData",
            _text("ProfileID", NAMESPACE),
            _text("AgencyAssignedCustomizationCode", "AEO-MASTER-DATA"),
            _text("AgencyAssignedCustomizationVersionCode", "1"),
            _text("FunctionalReferenceID", moment.name),
            _text("IssueDateTime", moment.at),
            _text("RecipientCountryCode", partner),
            _text("RegisterEpochID", moment.epoch),
            _text("RegisterPositionNumeric", str(moment.position)),
            _text("RegisterKnownDateTime", moment.known_at),
        )
        self._file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<AEOMasterData xmlns="{NAMESPACE}">\n{head}\n'.encode()
        )

    def add(self, lines: Sequence[bytes]) -> None:
        """Adds records, each a line of JSON."""
        self._file.write("".join(f"{_party(read_operator(line))}\n" for line in lines).encode())

    def close(self) -> None:
        """Finishes the message."""
        self._file.write(b"</AEOMasterData>\n")
        self._file.close()


def _party(operator: CopiedOperator) -> str:
    return _element(
        "AEOMutualRecognitionParty",
        _text("ID", operator.tin),
        _text("Name", operator.name),
        _text("LocalName", operator.local_name),
        *(_text("RoleCode", role.value) for role in operator.roles),
        _text("CountryCode", operator.administration),
        _element("Address", _text("Line", operator.address)) if operator.address else "",
        _text("StatusCode", operator.standing_abroad),
        *_details(operator),
    )


def _details(operator: CopiedOperator) -> Iterator[str]:
    for identifier in operator.identifiers:
        yield _element(
            "AdditionalIdentification",
            _text("ID", identifier.value),
            _text("TypeCode", identifier.scheme),
            _text("IssuingCountryCode", identifier.issuer.text if identifier.issuer else None),
            *_interval(identifier.valid_from, identifier.valid_to),
        )
    for period in operator.periods:
        yield _element(
            "Authorisation",
            _text("ID", period.number or period.authorisation),
            _text("ProgrammeCode", period.programme),
            _text("TypeCode", period.type),
            *(_text("RoleCode", role.value) for role in period.roles),
            _text("StatusCode", period.status.value),
            _text("StatusAbroadCode", period.abroad.value),
            _text("AuthorisationDate", period.effective_from),
            _text("ValidUntilDate", period.valid_until),
            *_interval(period.valid_from, period.valid_to),
        )
    for stretch in operator.recognition:
        yield _element(
            "Recognition",
            _text("StatusCode", stretch.outcome),
            _text("LegalStatusCode", stretch.legal),
            _text("OperationalStatusCode", stretch.operational),
            *(_text("ReasonCode", reason) for reason in stretch.reasons),
            *_interval(stretch.valid_from, stretch.valid_to),
            *(_basis(basis) for basis in stretch.bases),
        )


def _basis(basis: CopiedBasis) -> str:
    return _element(
        "Basis",
        _text("AgreementID", basis.agreement),
        _text("AuthorisationID", basis.authorisation),
        _text("EffectiveDateTime", basis.since),
        _text("IdentificationTypeCode", basis.identifier_scheme),
        _text("IdentificationID", basis.identifier),
        _text("DeclarationBox", basis.declaration_box),
        *(_text("Benefit", benefit) for benefit in basis.benefits),
        _text("AssumedIndicator", basis.assumed),
    )


def _interval(begins: datetime | None, ends: datetime | None) -> tuple[str, str]:
    return (
        _text("EffectiveDateTime", shown(begins)),
        _text("ExpirationDateTime", shown(ends)),
    )


def _element(name: str, *content: str) -> str:
    return f"<{name}>{''.join(content)}</{name}>"


def _text(name: str, value: _Value) -> str:
    """An element with a text; nothing where there is no value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"<{name}>{'true' if value else 'false'}</{name}>"
    if isinstance(value, datetime):
        return f"<{name}>{value.isoformat().replace('+00:00', 'Z')}</{name}>"
    if isinstance(value, date):
        return f"<{name}>{value.isoformat()}</{name}>"
    return f"<{name}>{escape(value)}</{name}>"
