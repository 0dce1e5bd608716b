"""The numbers by which partners know an operator."""

from __future__ import annotations

import csv
from importlib import import_module

import pytest

from registry.errors import OverrideNeeded, WrongForm
from registry.identifiers import SCHEMES, check, schemes


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("EORI", "DE8934842"),
        ("GB_EORI", "GB123456789000"),
        ("AEOCN", "AEOCN1234567890"),
        ("CN_REG", "1234567890"),
        ("CN_USCC", "91110000600037341L"),
        ("JP_CN", "5835678256246"),
        ("LEI", "5493001KJTIIGC8Y1R12"),
        ("AU_ABN", "83914571673"),
        ("CTPAT_SVI", "a-free-text-0001"),
        ("MID", "KRSAMELE129SEO"),
    ],
)
def test_a_number_of_its_form_with_its_check_digit_is_taken(scheme: str, value: str) -> None:
    assert check(scheme, f" {value} ") == value


@pytest.mark.parametrize(
    ("scheme", "value", "why"),
    [
        ("EORI", "8934842", "not of the form of EORI"),
        ("AEOCN", "AEOCN123", "not of the form of AEOCN"),
        ("LEI", "", "wanted 1 to 64 printable"),
        ("CTPAT_SVI", "x" * 65, "wanted 1 to 64 printable"),
        ("CTPAT_SVI", "a\nb", "wanted 1 to 64 printable"),
        ("PASSPORT", "1", "scheme: found 'PASSPORT'"),
    ],
)
def test_a_number_that_cannot_be_of_its_scheme_is_refused_override_or_not(
    scheme: str, value: str, why: str
) -> None:
    for override in (None, "the authority says so"):
        with pytest.raises(WrongForm, match=why):
            check(scheme, value, override)


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("CN_USCC", "91110000600037341K"),
        ("JP_CN", "6835678256246"),
        ("LEI", "5493001KJTIIGC8Y1R13"),
        ("AU_ABN", "83914571674"),
    ],
)
def test_a_failed_check_digit_asks_for_a_reason(scheme: str, value: str) -> None:
    with pytest.raises(OverrideNeeded, match=f"the check digit of {scheme} '{value}' fails"):
        check(scheme, value)

    assert check(scheme, value, override="so issued by the authority") == value


def test_every_scheme_says_where_it_comes_from_and_can_be_checked() -> None:
    with SCHEMES.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) == len(schemes())
    assert all(row["source"] for row in rows)
    for scheme in schemes().values():
        if scheme.checker:
            assert callable(import_module(f"stdnum.{scheme.checker}").is_valid)
