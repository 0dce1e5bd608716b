"""The XML message of a golden copy is valid by the schema of its profile, and says the same."""

from __future__ import annotations

import io
import random
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from api.golden_copy.files import OPERATORS, XML, lines_in, zstd
from api.golden_copy.xml import NAMESPACE
from projections.history.golden_copy import read_operator
from registry.paths import COPY_SCHEMA as SCHEMA
from tests.api.client import Client
from tests.api.golden_copy.copies import copy, happenings, happens, signed
from tests.api.region import operator, region

__all__ = ["region"]
NAMES = {"": NAMESPACE}


@pytest.fixture(scope="module")
def message(region: Client, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    chance = random.Random(21)
    named = operator("KR77777777", "Ünïcode <Ltd> & Co", "KR-AEO", "AA", "N7", "2026-05-04")
    happens(region, named)
    for _ in range(6):
        happens(region, happenings(chance))
    signed(region)
    folder = copy(region, tmp_path_factory.mktemp("copies") / "xml", xml=True)
    return zstd.decompress((folder / XML).read_bytes()).decode(), folder


def test_the_message_is_valid_by_its_schema(message: tuple[str, Path]) -> None:
    schema = xmlschema.XMLSchema11(SCHEMA)

    schema.validate(io.StringIO(message[0]))
    for old, new in (
        ("<ID>KR", "<ID>kr"),
        ("<StatusCode>VALID<", "<StatusCode><"),
        ("AEOMutualRecognitionParty>", "Operator>"),
        ("<CountryCode>KR</CountryCode>", ""),
    ):
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            schema.validate(io.StringIO(message[0].replace(old, new, 4)))


def test_the_message_says_what_the_records_say(message: tuple[str, Path]) -> None:
    text, folder = message
    parties = ElementTree.fromstring(text).findall("AEOMutualRecognitionParty", NAMES)
    records = [read_operator(line) for line in lines_in(folder / OPERATORS)]

    assert len(records) > 4
    assert [_told(party) for party in parties] == [
        (
            record.tin,
            record.name,
            record.address,
            [period.status.value for period in record.periods],
            [stretch.outcome for stretch in record.recognition],
            [i.value for i in record.identifiers],
        )
        for record in records
    ]
    assert any("&" in record.name and "<" in record.name for record in records)


def _told(party: ElementTree.Element) -> tuple[object, ...]:
    def each(path: str) -> list[str | None]:
        return [found.text for found in party.findall(path, NAMES)]

    return (
        party.findtext("ID", None, NAMES),
        party.findtext("Name", None, NAMES),
        party.findtext("Address/Line", None, NAMES),
        each("Authorisation/StatusCode"),
        each("Recognition/StatusCode"),
        each("AdditionalIdentification/ID"),
    )


def test_the_schema_says_that_it_is_a_profile_and_which_names_are_whose() -> None:
    text = SCHEMA.read_text(encoding="utf-8")

    assert "It is not a message" in text and "claims no conformity" in text
    assert NAMESPACE in text
