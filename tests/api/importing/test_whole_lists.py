"""Published lists as files: whom an office reads on a day, and whom no longer on another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.importing.files import BadFile, FileOptions
from api.importing.files.layouts import layout_of
from api.importing.files.reading import source_of
from api.importing.import_file import Report, import_lines
from tests.workbooks import workbook

GIVEN = (
    '{"command": "register_administration", "administration": "CN", "name": "GACC", '
    '"time_zone": "Asia/Shanghai"}\n'
    '{"command": "register_programme", "programme": "CN-AEO", "administration": "CN", '
    '"name": "AEO", "types": ["ACE", "CE"], "effective": "2008-01-01", "source": "a test"}\n'
)
HEAD = ["企业名称", "海关编码", "信用等级", "认定日期"]
FIRST = [
    ["哈尔滨进出口有限公司", "2301960001", "高级认证企业", "2021年3月1日"],
    ["上海贸易有限公司", "3101960002", "高级认证企业", None],
]


@pytest.fixture
def china(database: str, tmp_path: Path) -> str:
    file = tmp_path / "given.jsonl"
    file.write_text(GIVEN, "utf-8")
    import_lines(database, source_of(file, FileOptions()), actor="gacc")
    return database


def read_on(database: str, tmp_path: Path, day: str, *rows: list[Any], **how: Any) -> Report:
    file = workbook(tmp_path / f"list {day}.xlsx", {"名录": [["高级认证企业名录"], HEAD, *rows]})
    layout = layout_of("cn-list", tmp_path)
    source = source_of(file, FileOptions(), layout, {"read_on": day})
    return import_lines(database, source, actor="gacc", **how)


def topics(database: str) -> list[tuple[str, str]]:
    with psycopg.connect(database) as connection:
        return connection.execute(
            "select e.topic, coalesce(e.state::json ->> 'effective', '') from ledger.event e"
            " where e.topic like 'operator.%' order by e.position"
        ).fetchall()


def test_a_list_brings_in_operators_without_making_up_a_history(china: str, tmp_path: Path) -> None:
    report = read_on(china, tmp_path, "2026-05-01", *FIRST)

    assert report.bad == []
    assert (report.lines, report.recorded, report.events) == (2, 2, 4)
    assert {topic for topic, _ in topics(china)} == {"operator.registered", "operator.listed"}
    with psycopg.connect(china) as connection:
        [(earlier,)] = connection.execute(
            "select count(*) from ledger.event where known_at < recorded_at"
        )
    assert earlier == 0


def test_who_is_left_out_of_the_next_whole_list_has_left_it(china: str, tmp_path: Path) -> None:
    read_on(china, tmp_path, "2026-05-01", *FIRST)

    report = read_on(china, tmp_path, "2026-06-01", FIRST[0], whole_list=True)

    assert report.missing == ["CN3101960002 ACE"]
    assert topics(china)[-2:] == [
        ("operator.listed", "2026-06-01"),
        ("operator.unlisted", "2026-06-01"),
    ]
    again = read_on(china, tmp_path, "2026-06-01", FIRST[0], whole_list=True)
    assert (again.recorded, again.events, again.missing) == (0, 0, [])


def test_a_list_with_a_bad_line_ends_nothing(china: str, tmp_path: Path) -> None:
    read_on(china, tmp_path, "2026-05-01", *FIRST)
    torn = ["上海贸易有限公司", "31019600020000000000", "高级认证企业", None]

    report = read_on(china, tmp_path, "2026-06-01", FIRST[0], torn, whole_list=True, partial=True)

    assert (len(report.bad), report.missing) == (1, [])
    assert ("operator.unlisted", "2026-06-01") not in topics(china)


def test_a_line_that_is_refused_registers_nobody(china: str, tmp_path: Path) -> None:
    unknown = ["南京有限公司", "3201960003", "失信企业", None]

    report = read_on(china, tmp_path, "2026-05-01", FIRST[0], unknown, partial=True)

    assert [bad.line for bad in report.bad] == [4]
    assert [topic for topic, _ in topics(china)] == ["operator.registered", "operator.listed"]


def test_a_whole_list_is_of_one_list_and_one_day(china: str, tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    row = "CN2301960001,A,CN-AEO,ACE,cn-list,2026-05-0"
    file.write_text(f"tin,name,programme,type,list,read_on\n{row}1\n{row}2\n", "utf-8")
    source = source_of(file, FileOptions(command="list_operator"))
    given = {"command": "register_operator", "tin": "CN2301960001", "name": "A"}
    (tmp_path / "a.jsonl").write_text(str(given).replace("'", '"'), "utf-8")
    import_lines(china, source_of(tmp_path / "a.jsonl", FileOptions()), actor="gacc")

    with pytest.raises(BadFile, match="several lists"):
        import_lines(china, source, actor="gacc", whole_list=True)
