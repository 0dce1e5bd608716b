"""Files in every dialect that an office writes: what is read is what was written, or is asked."""

from __future__ import annotations

# Names in other scripts look like others: that is what they are here for.
# ruff: noqa: RUF001
import csv
import io
import json
import random
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.importing.files import BadFile, FileOptions
from api.importing.files.layouts import Layout, layout_of
from api.importing.files.reading import Source, source_of
from api.importing.templates import template_of
from registry.domain import commands as c
from registry.domain.errors import BadValue
from tests.chance import TIMES
from tests.workbooks import workbook

FIELDS = ("tin", "name", "local_name", "roles", "effective")
HEADINGS = {
    "tin": ("tin", "TIN", "Tin "),
    "name": ("name", "NAME", "Name"),
    "local_name": ("local_name", "Local name", "localName", "LOCAL NAME"),
    "roles": ("roles", "Roles"),
    "effective": ("effective", "EFFECTIVE"),
}
#: Letters that each encoding has, as a name may be written in it.
LETTERS = {
    "utf-8": "aÉñŁжΩ例예あ",
    "utf-8-sig": "aÉñŁжΩ例예あ",
    "utf-16": "aÉñŁжΩ例예あ",
    "utf-16-le": "aÉñŁж",
    "gb18030": "a例海关兴Éж",
    "cp1251": "aпример",
    "cp1252": "aÉñüß",
    "cp1250": "aŁódźć",
    "cp1253": "aΩμέγα",
    "cp949": "a예시주식회사",
}
FOUND = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le")  # the others are told: no table proves them
STYLES = {
    "ymd": "{y}-{m:02}-{d:02}",
    "slashes": "{y}/{m}/{d}",
    "cn": "{y}年{m}月{d}日",
    "dmy": "{d:02}/{m:02}/{y}",
    "mdy": "{m}.{d}.{y}",
}
CHINESE = ("utf-8", "utf-8-sig", "utf-16", "gb18030")
PLAIN = "abc XYZ 09-.'&()"


@st.composite
def written(draw: st.DrawFn) -> dict[str, Any]:
    encoding = draw(st.sampled_from(sorted(LETTERS)))
    letters = st.text(LETTERS[encoding] + PLAIN + ',;\t"\n', min_size=1, max_size=12)
    names = letters.map(str.strip).filter(lambda text: text and not text.startswith(("#", "sep=")))
    rows = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "tin": st.from_regex(r"KR[0-9A-Z]{1,15}", fullmatch=True),
                    "name": names,
                    "local_name": st.none() | names,
                    "roles": st.lists(
                        st.sampled_from(["EXPORTER", "IMPORTER"]), max_size=2, unique=True
                    ),
                    "effective": st.none() | st.dates(date(1990, 1, 1), date(2030, 1, 1)),
                }
            ),
            max_size=6,
        )
    )
    return {
        "rows": rows,
        "encoding": encoding,
        "kind": draw(st.sampled_from([",", ";", "\t", "|", "sep", "xlsx", "jsonl"])),
        "order": draw(st.permutations(FIELDS)),
        "headings": {name: draw(st.sampled_from(words)) for name, words in HEADINGS.items()},
        "title": draw(st.booleans()),
        "blanks": draw(st.booleans()),
        "dates": draw(
            st.sampled_from(sorted(set(STYLES) - ({"cn"} if encoding not in CHINESE else set())))
        ),
        "layout": draw(st.booleans()),
        "trailing": draw(st.booleans()),
    }


@given(written())
@settings(max_examples=150 * TIMES, deadline=None)
def test_a_table_is_read_back_equal_in_every_dialect_encoding_and_layout(
    how: dict[str, Any],
) -> None:
    with TemporaryDirectory() as folder:
        source = source_of(*put(Path(folder), how))
        said = [words for _, words in source.lines()]

    assert said == [plainly(row) for row in how["rows"]]


def put(folder: Path, how: dict[str, Any]) -> tuple[Path, FileOptions, Layout | None]:
    """The file, what is told of it, and its layout."""
    told = FileOptions(
        command="register_operator",
        encoding=None if how["encoding"] in FOUND else how["encoding"],
        dates=how["dates"] if how["dates"] in ("dmy", "mdy") else None,
    )
    if how["kind"] == "jsonl":
        path = folder / "list.jsonl"
        rows = [{k: v for k, v in plainly(row).items() if k != "command"} for row in how["rows"]]
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        path.write_text(text, encoding=how["encoding"])
        return path, FileOptions(command=told.command, encoding=told.encoding), None
    layout = None
    headings = dict(how["headings"])
    if how["layout"]:
        headings = {name: f"Column of {name}" for name in FIELDS}
        layout = Layout(
            title="an office's own",
            command="register_operator",
            columns={heading: name for name, heading in headings.items()},
        )
    table: list[list[Any]] = [[headings[name] for name in how["order"]]]
    for row in how["rows"]:
        table.append([cell_of(row[name], how) for name in how["order"]])
        if how["blanks"]:
            table.append([""] * len(FIELDS))
    if how["title"]:
        table.insert(0, ["List of operators"])
    if how["trailing"] and how["kind"] != "xlsx":
        table = [[*row, ""] for row in table]
    if how["kind"] == "xlsx":
        path = workbook(folder / "list.xlsx", {"Notes": [["nothing here"]], "List": table})
        return path, FileOptions(command=told.command, dates=told.dates), layout
    path = folder / "list.csv"
    text = io.StringIO()
    separator = ";" if how["kind"] == "sep" else how["kind"]
    text.write(f"sep={separator}\r\n" if how["kind"] == "sep" else "")
    csv.writer(text, delimiter=separator).writerows(table)
    path.write_text(text.getvalue(), encoding=how["encoding"], newline="")
    return path, told, layout


def cell_of(value: Any, how: dict[str, Any]) -> Any:
    match value:
        case None:
            return ""
        case list():
            return "; ".join(value)
        case date() if how["kind"] == "xlsx":
            return value
        case date():
            return STYLES[how["dates"]].format(y=value.year, m=value.month, d=value.day)
    return value


def plainly(row: dict[str, Any]) -> dict[str, Any]:
    """The command that a row says, as JSON lines would have it."""
    said = {name: value for name, value in row.items() if value not in (None, [])}
    if "effective" in said:
        said["effective"] = said["effective"].isoformat()
    return {"command": "register_operator", **said}


# ------------------------------------------------------------------ encodings

OFFICES = {
    "gb18030": "哈尔滨进出口有限公司",
    "cp1251": "ООО Пример и партнёры",
    "cp1250": "Łódzka Spółka Przykładowa",
    "cp1253": "Παράδειγμα Εμπορική",
    "cp949": "예시 주식회사",
    "cp1252": "Société Générale d'Échanges",
    "cp1254": "Örnek Şirketi ve Işık Dış Ticaret",
    "utf-16": "例 Example",
}


@pytest.mark.parametrize("encoding", OFFICES)
def test_an_encoding_is_found_and_said_or_asked_for(encoding: str, tmp_path: Path) -> None:
    """Never a third: what would be read wrongly stays in the ledger for ever."""
    file = tmp_path / "list.csv"
    file.write_bytes(f"tin,name\nKR1,{OFFICES[encoding]}\n".encode(encoding))
    try:
        source = source_of(file, FileOptions(command="register_operator"))
    except BadFile as asked:
        assert "--encoding" in str(asked)
        source = source_of(file, FileOptions(command="register_operator", encoding=encoding))
    [(_, said)] = source.lines()
    assert isinstance(said, dict)
    assert said["name"] == OFFICES[encoding]
    assert "encoding" in source.dialect.description()


@pytest.mark.parametrize("encoding", ["gb18030", "cp1251", "utf-16"])
def test_what_has_one_plausible_reading_need_not_be_told(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(f"tin,name\nKR1,{OFFICES[encoding]}\n".encode(encoding))

    source = source_of(file, FileOptions(command="register_operator"))

    assert [said["name"] for _, said in source.lines() if isinstance(said, dict)] == [
        OFFICES[encoding]
    ]


def test_an_encoding_that_is_told_wrongly_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes("tin,name\nKR1,예시\n".encode("cp949"))

    with pytest.raises(BadFile, match="is not utf-8"):
        source_of(file, FileOptions(command="register_operator", encoding="utf-8"))


# ---------------------------------------------------------------- the header


def read(tmp_path: Path, text: str, **told: Any) -> Source:
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    return source_of(file, FileOptions(**{"command": "register_operator", **told}))


def test_one_fault_of_the_header_is_told_once_with_every_wrong_column(tmp_path: Path) -> None:
    with pytest.raises(BadFile) as told:
        read(tmp_path, "tin,nmae,colour,tin,,effective\n" + "KR1,a,b,c,d,\n" * 50)

    said = str(told.value)
    assert "'nmae' is no field (name, perhaps)" in said
    assert "'colour' is no field" in said
    assert "tin is named twice" in said
    assert "column 5 has no name" in said


def test_a_column_that_every_line_needs_is_missed_once(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="register_operator needs name"):
        read(tmp_path, "tin\n" + "KR1\n" * 50)


def test_a_short_row_is_a_bad_row_and_blank_cells_beyond_the_names_are_none(tmp_path: Path) -> None:
    lines = dict(read(tmp_path, "tin,name,address\nKR1,a\nKR2,b,c,,\nKR3,d,e,f\n,,\n").lines())

    assert [number for number, said in lines.items() if isinstance(said, BadValue)] == [2, 4]
    assert lines[3] == {"command": "register_operator", "tin": "KR2", "name": "b", "address": "c"}


# -------------------------------------------------------------------- dates


def test_the_order_of_day_and_month_is_asked_for_where_nothing_decides(tmp_path: Path) -> None:
    text = "tin,name,effective\nKR1,a,2026-02-01\nKR1,a,01/02/2026\nKR2,b,05.05.2026\n"

    with pytest.raises(BadFile, match=r"line 3: effective is 01/02/2026.*--dates"):
        read(tmp_path, text)
    assert days(read(tmp_path, text, dates="dmy")) == ["2026-02-01", "2026-02-01", "2026-05-05"]
    assert days(read(tmp_path, text, dates="mdy")) == ["2026-02-01", "2026-01-02", "2026-05-05"]


def days(source: Source) -> list[str]:
    return [said["effective"] for _, said in source.lines() if isinstance(said, dict)]


def test_one_date_with_a_thirteenth_day_decides_for_the_whole_file(tmp_path: Path) -> None:
    source = read(tmp_path, "tin,name,effective\nKR1,a,01/02/2026\nKR2,b,13/02/2026\n")

    assert days(source) == ["2026-02-01", "2026-02-13"]
    assert "day, month, year" in source.dialect.description()


def test_dates_in_both_orders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="some have the day first"):
        read(tmp_path, "tin,name,effective\nKR1,a,02/13/2026\nKR2,b,13/02/2026\n")


def test_a_workbook_gives_civil_dates_and_whole_numbers_or_says_what_is_lost(
    tmp_path: Path,
) -> None:
    file = workbook(
        tmp_path / "list.xlsx",
        {
            "Sheet 1": [
                ["tin", "scheme", "value", "valid_to"],
                ["KR1", "KR_BRN", 1234567890, date(2026, 3, 1)],
                ["KR1", "KR_BRN", 123456789012345678, None],
                ["KR1", "KR_BRN", date(2026, 3, 1), None],
                ["KR1", "KR_BRN", "1.23E+11", None],
            ]
        },
    )

    lines = [said for _, said in source_of(file, FileOptions(command="add_identifier")).lines()]

    assert lines[0] == {
        "command": "add_identifier",
        "tin": "KR1",
        "scheme": "KR_BRN",
        "value": "1234567890",
        "valid_to": "2026-03-01",
    }
    assert [type(said) for said in lines[1:]] == [BadValue] * 3
    assert "15 digits" in str(lines[1]) and "format the cell as text" in str(lines[2])


def test_a_number_is_never_taken_for_a_date(tmp_path: Path) -> None:
    file = workbook(
        tmp_path / "list.xlsx", {"A": [["tin", "name", "effective"], ["KR1", "a", 45000.5]]}
    )

    [(_, said)] = source_of(file, FileOptions(command="register_operator")).lines()

    assert isinstance(said, dict)
    with pytest.raises(BadValue, match="effective"):
        c.read(said)


def test_of_several_sheets_that_could_be_meant_one_must_be_named(tmp_path: Path) -> None:
    sheet = [["tin", "name"], ["KR1", "a"]]
    file = workbook(tmp_path / "list.xlsx", {"May": sheet, "June": [*sheet, ["KR2", "b"]]})

    with pytest.raises(BadFile, match="--sheet, one of May, June"):
        source_of(file, FileOptions(command="register_operator"))
    june = source_of(file, FileOptions(command="register_operator", sheet="June"))
    assert [number for number, _ in june.lines()] == [2, 3]


# ---------------------------------------------------------------- layouts


def test_a_layout_of_an_office_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(
        'title = "Our register"\ncommand = "add_identifier"\nscheme = "KR_BRN"\n'
        'administration = "KR"\ndates = "dmy"\n[columns]\n"Operator" = "tin"\n'
        '"Until" = "valid_to"\n"BRN" = "value"\n[constants]\nsource = "the office\'s register"\n',
        encoding="utf-8",
    )
    file = tmp_path / "list.csv"
    file.write_text("Our list\nOperator;BRN;Until;Remark\n1000000001;1;01.02.2026;x\n", "utf-8")

    source = source_of(file, FileOptions(), layout_of("ours.toml", tmp_path))

    assert list(source.lines()) == [
        (
            3,
            {
                "command": "add_identifier",
                "tin": "KR1000000001",
                "scheme": "KR_BRN",
                "value": "1",
                "valid_to": "2026-02-01",
                "source": "the office's register",
            },
        )
    ]
    assert "not used: Remark" in source.dialect.description()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("command = 'x'\n", "missing required field `title`"),
        ("title = 'x'\ncommand = 'conquer'\n", "'conquer' is no command"),
        ("title = 'x'\ncommand = 'give_consent'\n[columns]\nA = 'colour'\n", "no field colour"),
        ("title = 'x'\ncommand = 'give_consent'\ndates = 'soon'\n", "wanted ymd, dmy or mdy"),
        ("title = ", "is no layout"),
    ],
)
def test_a_layout_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")

    with pytest.raises(BadFile, match=said):
        layout_of("bad.toml", tmp_path)


@pytest.mark.parametrize("command", sorted(set(c.COMMANDS) - {"erase_person"}))
def test_an_empty_sheet_of_each_command_is_a_file_that_is_taken(
    command: str, tmp_path: Path
) -> None:
    file = tmp_path / "sheet.csv"
    file.write_text(template_of(command), encoding="utf-8", newline="")

    source = source_of(file, FileOptions(command=command))

    assert list(source.lines()) == []
    assert {field.encode_name for field in c.msgspec.structs.fields(c.COMMANDS[command])} >= set(
        source.fields
    )


@pytest.mark.parametrize("name", ["base64", "rot13", "no-such", "undefined"])
def test_an_encoding_that_is_none_of_text_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        read(tmp_path, "tin,name\nKR1,a\n", encoding=name)


@given(st.integers(0, 2**32), st.sampled_from(["cut", "torn", "noise"]))
@settings(max_examples=60 * TIMES, deadline=None)
def test_a_torn_file_is_read_or_refused_and_never_a_fault(seed: int, how: str) -> None:
    chance = random.Random(seed)
    with TemporaryDirectory() as folder:
        sheet = [["tin", "name"], ["KR1", "a"], ["KR2", "b"]]
        path = workbook(Path(folder, "list.xlsx"), {"A": sheet})
        content = bytearray(path.read_bytes())
        match how:
            case "cut":
                content = content[: chance.randrange(len(content))]
            case "torn":
                for _ in range(chance.randrange(1, 30)):
                    content[chance.randrange(len(content))] = chance.randrange(256)
            case "noise":
                path = path.with_suffix(chance.choice([".csv", ".jsonl", ".xlsx"]))
                content = bytearray(chance.randbytes(chance.randrange(300)))
        path.write_bytes(content)
        try:
            found = list(source_of(path, FileOptions(command="register_operator")).lines())
        except BadFile as refused:
            assert str(refused)
        else:
            assert all(isinstance(said, dict | BadValue) for _, said in found)


@pytest.mark.parametrize(
    "line", ['{"tin": "CN1", "tin": "CN2"}', '{"what": {"void": true, "void": false}, "a": "void"}']
)
def test_a_name_that_stands_twice_in_a_line_of_json_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "two.jsonl"
    file.write_text(f'{line}\n{{"tin": "CN1", "name": "tin"}}\n', encoding="utf-8")

    (_, twice), (_, once) = source_of(file, FileOptions(command="register_operator")).lines()

    assert isinstance(twice, BadValue) and "named twice" in str(twice)
    assert not isinstance(once, BadValue)


def test_an_empty_sheet_says_what_has_to_be_filled_in_and_what_it_means() -> None:
    rows = {
        row[0].strip("# "): row[1:]
        for row in csv.reader(template_of("list_operator").splitlines())
        if len(row) > 2 and row[0].startswith("# ")
    }
    assert all(len(row) == 3 for row in rows.values()), rows
    for command in ("suspend_authorisation", "revoke_authorisation", "extend_deadline"):
        assert "\n# reason,text,needed," in template_of(command).replace("\r", "")
    assert "\n# reason,text,may be left empty," in template_of("lift_suspension").replace("\r", "")
