"""The numbers by which partners know an operator."""

from __future__ import annotations

import csv
from importlib import import_module

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.domain.errors import OverrideNeeded, WrongForm
from registry.domain.identifiers import check, normal_form, schemes
from registry.paths import IDENTIFIER_SCHEMES
from tests.chance import TIMES


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
        ("LEI", "", "wanted 1 to 64 printable"),
        ("CTPAT_SVI", "x" * 65, "wanted 1 to 64 printable"),
        ("CTPAT_SVI", "a\nb", "wanted no control, invisible"),
        ("CTPAT_SVI", "a\u202eb", "wanted no control, invisible"),
        ("KR_BRN", "--", "wanted 1 to 64 printable"),
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


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("EORI", "8934842"),
        ("EORI", "ZZ123"),  # nobody's
        ("EORI", "KR1234567"),  # Korea's own number is a TIN
        ("AEOCN", "AEOCN123"),
        ("MX_RFC", "ABC12345"),
        ("KR_BRN", "123-45-6789"),
    ],
)
def test_a_wrong_form_asks_for_a_reason_because_authorities_do_issue_odd_numbers(
    scheme: str, value: str
) -> None:
    for nothing in (None, "", " "):
        with pytest.raises(WrongForm, match=f"not of the form of {scheme}.*say why in override"):
            check(scheme, value, nothing)
    assert check(scheme, value, override="letter of the authority of 2026-03-02") == value


#: Of each scheme a number that it takes and one that it does not; free texts take anything.
SAMPLES = {
    "EORI": ("DE1234567", "ZZ123"),
    "GB_EORI": ("XI123456789000", "GB12345"),
    "TIN": ("KR1234567", "K1234567"),
    "AEOCN": ("AEOCN110096A001", "AEOCN123"),
    "CN_REG": ("1100960001", "110096001"),
    "CN_USCC": ("91110000600037341L", "91110000600037341K"),
    "MID": ("KRSAMELE129SEO", "KR"),
    "US_IOR": ("12-345678900", "12-34567"),
    "CTPAT_SVI": ("a-free-text-0001", None),
    "JP_AEO": ("12345678901234", "123"),
    "JP_CN": ("5835678256246", "6835678256246"),
    "KR_AEO": ("KRAEO0001", None),
    "KR_BRN": ("116-82-00276", "116-82-0027"),
    "YFKS": ("X1", None),
    "OBIN": ("X1", None),
    "OBPC": ("X1", None),
    "SG_UEN": ("00192200M", "00192200X"),
    "HK_BR": ("12345678", "1234567"),
    "TW_UBN": ("00501503", "00501504"),
    "AU_ABN": ("83 914 571 673", "83914571674"),
    "NZ_NZBN": ("9429000000017", "9429000000018"),
    "BR_CNPJ": ("16.727.230/0001-97", "16.727.230/0001-98"),
    "IN_GSTIN": ("27AAPFU0939F1ZV", "27AAPFU0939F1ZW"),
    "CH_UID": ("CHE-100.155.212", "CHE-100.155.213"),
    "NO_ORGNR": ("988 077 917", "988077918"),
    "MX_RFC": ("GODE 561231 GR8", "GODE561331GR8"),
    "PE_RUC": ("20512333797", "20512333798"),
    "CO_NIT": ("213.123.432-1", "213.123.432-2"),
    "CL_RUT": ("12.531.909-2", "12.531.909-3"),
    "UY_RUT": ("21-100342-001-7", "21-100342-001-8"),
    "AR_CUIT": ("20-05536168-2", "20-05536168-3"),
    "IL_HP": ("516179157", "516179158"),
    "TR_VKN": ("4540536920", "4540536921"),
    "RU_INN": ("7707083893", "7707083894"),
    "BY_UNP": ("200988541", "200988542"),
    "TH_TIN": ("1-2345-45678-78-1", "1-2345-45678-78-9"),
    "CA_BN": ("12302 6635 RM0001", "123026636"),
    "LEI": ("5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R13"),
    "GLN": ("4006381333931", "4006381333932"),
    "KZ_BIN": ("123456789012", "12345678901"),
    "AE_TRN": ("123456789012345", "12345678901234"),
    "SA_VAT": ("312345678901233", "212345678901233"),
    "AU_SUPPLIER": ("X1", None),
    "NZ_SUPPLIER": ("X1", None),
    "IL_SUPPLIER": ("X1", None),
}


@pytest.mark.parametrize("scheme", sorted(schemes()))
def test_every_scheme_takes_what_is_of_it_in_any_writing_and_refuses_what_is_not(
    scheme: str,
) -> None:
    valid, invalid = SAMPLES[scheme]
    other = "".join(f" {text}" for text in valid.lower())
    wide = "".join(chr(ord(text) + 0xFEE0) if text.isalnum() else text for text in valid)
    for value in (valid, other, wide):
        assert check(scheme, value) == value.strip()
        assert normal_form(value, scheme) == normal_form(valid, scheme)
    if invalid is not None:
        with pytest.raises((WrongForm, OverrideNeeded)):
            check(scheme, invalid)


def test_a_spanish_letter_counts_in_a_mexican_number() -> None:
    """General rules of the RFC: the letters of a name are those of the Spanish alphabet, and &."""
    assert schemes()["MX_RFC"].form is not None
    for value in ("ÑAN\u0303561231GR8", "P&G560101AB1"):
        assert schemes()["MX_RFC"].form.fullmatch(normal_form(value, "MX_RFC"))
    assert normal_form("PEN\u0303A", "MX_RFC") != normal_form("PENA", "MX_RFC")


@example(None, "A\u00af")  # a blank with a macron, as NFKC has it
@example("KR_BRN", "A-\u0304")
@given(st.sampled_from([None, *schemes()]), st.text(max_size=8))
@settings(max_examples=100 * TIMES, deadline=None)
def test_the_normal_form_of_a_number_is_its_own(scheme: str | None, text: str) -> None:
    form = normal_form(text, scheme)
    assert normal_form(form, scheme) == form
    assert normal_form(f" {text} ", scheme) == form


def test_the_separators_of_one_scheme_count_in_another() -> None:
    assert normal_form("123-45-67890", "KR_BRN") == normal_form("1234567890", "KR_BRN")
    assert normal_form("123-45-67890") != normal_form("1234567890")
    assert normal_form("A\u2011 1") == "A-1"


def test_every_scheme_says_where_it_comes_from_and_can_be_checked() -> None:
    with IDENTIFIER_SCHEMES.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) == len(schemes())
    assert all(row["source"] for row in rows)
    for scheme in schemes().values():
        if scheme.checker:
            assert callable(import_module(f"stdnum.{scheme.checker}").is_valid)
