"""The lists that partner administrations send, in their own languages and formats."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.importing.files import BadFile, FileOptions
from api.importing.files.layouts import layout_of
from api.importing.files.reading import source_of
from api.importing.import_file import import_lines
from api.importing.partner_import import PartnerReport, as_plain, import_partner_list
from projections.engine.projector import Projector
from registry.domain.values import AdministrationCode
from tests.workbooks import workbook

GIVEN = """\
{"command": "register_administration", "administration": "PE", "name": "SUNAT", \
"time_zone": "America/Lima"}
{"command": "register_administration", "administration": "KR", "name": "KCS", \
"time_zone": "Asia/Seoul"}
{"command": "register_administration", "administration": "CO", "name": "DIAN", \
"time_zone": "America/Bogota"}
{"command": "register_programme", "programme": "PE-OEA", "administration": "PE", "name": "OEA", \
"types": ["AEO"], "effective": "2005-06-23", "source": "a test"}
{"command": "register_programme", "programme": "KR-AEO", "administration": "KR", "name": "AEO", \
"types": ["A", "AA", "AAA"], "effective": "2009-01-01", "source": "a test"}
{"command": "register_operator", "tin": "PE20777777777", "name": "Otorgada S.A.", \
"address": "Lima"}
{"command": "lodge_application", "tin": "PE20777777777", "programme": "PE-OEA", "type": "AEO", \
"effective": "2024-01-10", "legal_ground": "a test"}
{"command": "accept_application", "tin": "PE20777777777", "effective": "2024-01-11", \
"legal_ground": "a test"}
{"command": "start_examination", "tin": "PE20777777777", "effective": "2024-01-12", \
"legal_ground": "a test"}
{"command": "grant_authorisation", "tin": "PE20777777777", "number": "G-1", \
"effective": "2024-02-01", "legal_ground": "a test"}
"""
HEAD = ["N°", "RUC", "Razón social", "Dirección", "Estado", "Fecha de certificación", "Nº"]
HEAD[6] = "Número de certificado"
NOVEMBER, DECEMBER = date(2025, 11, 1), date(2025, 12, 1)
GRANTED = ["20777777777", "Otorgada S.A.", "Lima", "Vigente", "01/02/2024", "G-1"]

Rows = Sequence[Sequence[Any]]


@pytest.fixture
def peru(database: str, tmp_path: Path) -> str:
    file = tmp_path / "given.jsonl"
    file.write_text(GIVEN, "utf-8")
    report = import_lines(database, source_of(file, FileOptions()), actor="a test")
    assert report.bad == []
    return database


def holders(count: int) -> list[list[Any]]:
    """So many operators, and the one that was granted here."""
    first = date(2022, 1, 13)
    rows = [
        [
            f"20{100000000 + n}",
            f"Exportadora {n} S.A.C.",
            f"Av. Arequipa {n}, Lima",
            "Vigente",
            (first + timedelta(days=n)).strftime("%d/%m/%Y"),
            f"PE-{n:04}",
        ]
        for n in range(count)
    ]
    return [*rows, GRANTED]


def table(path: Path, rows: Rows, *, head: Sequence[str] = HEAD, encoding: str = "utf-8") -> Path:
    """A table with semicolons; its rows get their running numbers."""
    with path.open("w", encoding=encoding, newline="") as file:
        sheet = csv.writer(file, delimiter=";")
        sheet.writerow(head)
        sheet.writerows([n, *row] for n, row in enumerate(rows, 1))
    return path


def sent(
    database: str,
    file: Path,
    as_of: date = NOVEMBER,
    *,
    code: str = "PE",
    layout: str = "partner-list",
    **how: Any,
) -> PartnerReport:
    source = source_of(file, FileOptions(), layout_of(layout, file.parent), {})
    office = AdministrationCode(code)
    return import_partner_list(database, source, office, as_of, actor="kim", **how)


def events(database: str) -> int:
    with psycopg.connect(database) as connection:
        [(count,)] = connection.execute("select count(*) from ledger.event")
    return int(count)


def standing(database: str, tin: str) -> str:
    Projector(database).catch_up()
    with psycopg.connect(database) as connection:
        [(status,)] = connection.execute(
            "select held_statuses[1] from views.operator where tin = %s", [tin]
        )
    return str(status)


def faults(report: PartnerReport) -> list[tuple[int, str | None, str]]:
    return [(bad.line, bad.field, bad.found) for bad in report.bad]


def test_a_first_list_brings_in_operators_and_says_when_it_came(peru: str, tmp_path: Path) -> None:
    rows = holders(3)
    rows[1][3] = "Suspendido"

    report = sent(peru, table(tmp_path / "november.csv", rows))

    assert report.counts == {"new": 2, "suspended": 1, "unchanged": 1}
    assert (report.recorded, report.bad, report.suspicious) == (True, [], [])
    assert standing(peru, "PE20100000000") == "VALID"
    assert standing(peru, "PE20100000001") == "SUSPENDED"
    with psycopg.connect(peru) as connection:
        [(as_of,)] = connection.execute("select as_of from views.list_received")
    assert as_of.isoformat() == "2025-11-01T05:00:00+00:00"  # midnight in Lima


def test_the_same_file_again_records_nothing(peru: str, tmp_path: Path) -> None:
    file = table(tmp_path / "november.csv", holders(3))
    sent(peru, file)
    before = events(peru)

    again = sent(peru, file)

    assert (again.known, again.recorded, events(peru)) == (True, False, before)


def test_the_same_words_in_another_format_record_nothing(peru: str, tmp_path: Path) -> None:
    rows = holders(3)
    sent(peru, table(tmp_path / "november.csv", rows))
    before = events(peru)
    numbered = [[n, *row] for n, row in enumerate(rows, 1)]

    again = sent(peru, workbook(tmp_path / "november.xlsx", {"OEA": [["Lista"], HEAD, *numbered]}))

    assert (again.counts, again.bad) == ({"unchanged": 4}, [])
    assert (again.events, events(peru)) == (0, before)


def test_the_next_list_shows_what_changed_before_it_is_recorded(peru: str, tmp_path: Path) -> None:
    rows = holders(60)
    rows[7][3] = "Suspendido"
    sent(peru, table(tmp_path / "november.csv", rows))
    rows[0][3], rows[1][1], rows[2][3], rows[7][3] = (
        "Suspendido",
        "Otra S.A.",
        "Revocado",
        "Vigente",
    )
    del rows[3]
    rows.append(["20999999999", "Nueva S.A.", "Lima", "Vigente", "13/11/2025", "PE-N"])
    file, before = table(tmp_path / "december.csv", rows), events(peru)

    seen = sent(peru, file, DECEMBER, dry_run=True)

    assert {change.kind.value: change.words for change in seen.changes} == {
        "suspended": "suspended from 2025-12-01",
        "changed": "name becomes Otra S.A.",
        "ended": "no longer named; named on 2025-11-01",
        "released": "its suspension is over",
        "new": "not in the register so far",
    }
    assert seen.counts["ended"] == 2
    assert (seen.recorded, events(peru)) == (False, before)
    assert as_plain(seen)["counts"] == seen.counts

    assert sent(peru, file, DECEMBER).recorded
    assert standing(peru, "PE20100000000") == "SUSPENDED"
    assert standing(peru, "PE20100000007") == "VALID"
    assert standing(peru, "PE20100000002") == "REVOKED"
    assert standing(peru, "PE20100000003") == "DELISTED"


def test_a_list_that_ends_more_than_a_twentieth_waits_for_confirmation(
    peru: str, tmp_path: Path
) -> None:
    rows = holders(39)
    sent(peru, table(tmp_path / "november.csv", rows))
    file, before = table(tmp_path / "december.csv", rows[3:]), events(peru)

    waiting = sent(peru, file, DECEMBER)

    assert waiting.suspicious == ["3 of 40 authorisations would end at once, more than 5%"]
    assert (waiting.recorded, events(peru)) == (False, before)
    assert sent(peru, file, DECEMBER, confirm=True).recorded
    assert standing(peru, "PE20100000000") == "DELISTED"


def test_a_list_that_ends_a_twentieth_is_recorded(peru: str, tmp_path: Path) -> None:
    rows = holders(39)
    sent(peru, table(tmp_path / "november.csv", rows))

    report = sent(peru, table(tmp_path / "december.csv", rows[2:]), DECEMBER)

    assert (report.counts["ended"], report.suspicious, report.recorded) == (2, [], True)


def test_a_list_without_whom_the_administration_granted_itself_ends_nothing(
    peru: str, tmp_path: Path
) -> None:
    report = sent(peru, table(tmp_path / "november.csv", holders(3)[:-1]))

    [change] = [change for change in report.changes if change.kind.value == "disputed"]
    assert (change.tin.text, change.commands) == ("PE20777777777", ())
    assert standing(peru, "PE20777777777") == "VALID"


FAULTS: list[tuple[str, Any, list[tuple[int, str | None, str]]]] = [
    (
        "a row that stands there twice",
        lambda rows: rows.insert(2, rows[0]),
        [(4, "tin", "PE20100000000 stands on line 2 already")],
    ),
    (
        "a day in the future",
        lambda rows: rows[0].__setitem__(4, "13/12/2025"),
        [(2, "since", "found 2025-12-13, after 2025-11-01, the day of the list")],
    ),
    (
        "one operator of another administration",
        lambda rows: rows[1].__setitem__(0, "CO900123456"),
        [(3, "tin", "found CO900123456, which is not of PE")],
    ),
    (
        "a standing that nobody knows",
        lambda rows: rows[0].__setitem__(3, "quizás"),
        [(2, "standing", "found 'quizás'")],
    ),
    ("no name", lambda rows: rows[0].__setitem__(1, ""), [(2, "name", "found nothing")]),
]


@pytest.mark.parametrize(("fault", "spoil", "found"), FAULTS, ids=[each[0] for each in FAULTS])
def test_a_bad_row_is_named_and_nothing_is_recorded(
    peru: str, tmp_path: Path, fault: str, spoil: Any, found: list[Any]
) -> None:
    rows, before = holders(4), events(peru)
    spoil(rows)

    report = sent(peru, table(tmp_path / "november.csv", rows))

    assert faults(report) == found
    assert all(bad.cure for bad in report.bad)
    assert (report.recorded, events(peru)) == (False, before)


def test_rows_that_vanished_show_by_the_running_number_and_the_total(
    peru: str, tmp_path: Path
) -> None:
    numbered = [[n, *row] for n, row in enumerate(holders(6), 1)]
    del numbered[3]
    total = ["Total", "", "", "", "", "", "7"]

    report = sent(peru, workbook(tmp_path / "a.xlsx", {"OEA": [HEAD, *numbered, total]}))

    assert faults(report) == [
        (5, "row", "found 5 after 3"),
        (8, "row", "a total of 7 below 6 rows"),
    ]


def test_a_whole_list_of_another_administration_is_one_fault(peru: str, tmp_path: Path) -> None:
    rows = [["CO" + row[0], *row[1:]] for row in holders(5)]

    report = sent(peru, table(tmp_path / "november.csv", rows))

    assert faults(report) == [(0, "tin", "6 of 6 operators are not of PE (6 CO)")]
    assert "--administration CO" in report.bad[0].cure


def test_a_list_of_tomorrow_or_older_than_the_last_is_refused(peru: str, tmp_path: Path) -> None:
    file = table(tmp_path / "november.csv", holders(3))
    tomorrow = date.today() + timedelta(days=2)  # also where the day has begun already

    assert [bad.field for bad in sent(peru, file, tomorrow).bad] == ["as_of"]
    assert sent(peru, file, DECEMBER).recorded
    assert faults(sent(peru, file, NOVEMBER)) == [
        (0, "as_of", "found 2025-11-01, and a list as of 2025-12-01 came in before")
    ]


def test_a_list_with_another_header_is_refused_as_a_whole(peru: str, tmp_path: Path) -> None:
    head = ["N°", "Identificador interno", *HEAD[2:]]

    with pytest.raises(BadFile, match=r"needs tin, .* a --layout that extends partner-list"):
        sent(peru, table(tmp_path / "november.csv", holders(3), head=head))


def test_a_list_in_an_encoding_that_can_be_several_is_refused(peru: str, tmp_path: Path) -> None:
    file = tmp_path / "november.csv"
    file.write_bytes(b"RUC;Raz\xf3n social\n20100000000;\xd1o\xf1o \xe9\xe9\xe9\xe9 \xff\xfe\n")

    with pytest.raises(BadFile, match=r"say (which by )?--encoding"):
        sent(peru, file)


def test_a_list_without_a_row_is_refused(peru: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="has no row"):
        sent(peru, table(tmp_path / "november.csv", []))


def test_korea_sends_a_workbook_with_grades_and_a_change_of_grade_ends_nothing(
    peru: str, tmp_path: Path
) -> None:
    head = ["연번", "업체명", "사업자등록번호", "공인등급", "상태", "공인일자"]
    first = [1, "한국무역 주식회사", "1234567890", "A", "유효", date(2023, 5, 15)]
    second = [2, "부산물류 주식회사", "1234567891", "AA", "정지", date(2023, 5, 15)]
    november = workbook(tmp_path / "11.xlsx", {"AEO": [["AEO 공인업체"], head, first, second]})

    assert sent(peru, november, code="KR").counts == {"new": 1, "suspended": 1}

    better = [*first[:3], "AAA", *first[4:]]
    december = workbook(tmp_path / "12.xlsx", {"AEO": [head, better, second]})
    report = sent(peru, december, DECEMBER, code="KR")

    assert report.counts == {"changed": 1, "named again": 1}
    assert [change.words for change in report.changes] == ["type A becomes AAA"]
    assert (report.suspicious, report.recorded) == ([], True)


def test_an_offices_own_layout_extends_the_built_in_one(peru: str, tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(
        'title = "ours"\nextends = "partner-list"\ncommand = "partner_row"\n'
        '[columns]\n"Identificador interno" = "tin"\n[values.standing]\n"OK" = "VALID"\n',
        "utf-8",
    )
    rows = [[*row[:3], "OK", *row[4:]] for row in holders(2)]
    head = ["N°", "Identificador interno", *HEAD[2:]]

    report = sent(peru, table(tmp_path / "a.csv", rows, head=head), layout="ours.toml")

    assert (report.bad, report.counts["new"]) == ([], 2)


def test_a_layout_that_extends_none_is_refused(peru: str, tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('title = "ours"\nextends = "them"\n', "utf-8")

    with pytest.raises(BadFile, match="extends: found 'them'"):
        sent(peru, table(tmp_path / "a.csv", holders(1)), layout="ours.toml")


def test_a_programme_is_named_where_there_are_none_or_several(peru: str, tmp_path: Path) -> None:
    file = table(tmp_path / "a.csv", holders(1))

    with pytest.raises(BadFile, match="CO has 0 programmes"):
        sent(peru, file, code="CO")
    with pytest.raises(BadFile, match="KR-AEO is no programme of PE"):
        sent(peru, file, programme="KR-AEO")
