"""Files of operators and decisions, as a customs office would send them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.importing.files import BadFile, FileOptions
from api.importing.files.reading import source_of
from api.importing.import_file import import_file, import_lines
from registry.application.registry import Registry
from registry.domain import commands as c
from registry.ledger.database import environment

KR = [
    {
        "command": "register_administration",
        "administration": "KR",
        "name": "Korea Customs Service",
        "time_zone": "Asia/Seoul",
    },
    {
        "command": "register_programme",
        "programme": "KR-AEO",
        "administration": "KR",
        "name": "AEO",
        "types": ["A", "AA"],
    },
]
LIFE = [
    {"command": "register_operator", "name": "Example Ltd", "roles": ["EXPORTER"]},
    {"command": "lodge_application", "programme": "KR-AEO", "type": "AA"},
    {"command": "accept_application"},
    {"command": "start_examination"},
    {"command": "grant_authorisation", "number": "KRAA1", "legal_ground": "Customs Act"},
]


def given_lines(database: str, tmp_path: Path, *lines: dict[str, Any]) -> None:
    report = sent(database, written(tmp_path / "given.jsonl", *lines))
    assert report.bad == []


def written(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def sent(database: str, path: Path, **how: Any) -> Any:
    return import_file(database, path, actor="kcs-office-7", **how)


def of(tin: str, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"tin": tin, **line} for line in lines]


def recorded(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("select topic from ledger.event order by position")
        return [topic for (topic,) in rows]


@pytest.fixture
def korea(database: str, tmp_path: Path) -> str:
    given_lines(database, tmp_path, *KR)
    return database


def test_a_file_of_operators_and_their_decisions_is_recorded(korea: str, tmp_path: Path) -> None:
    report = sent(korea, written(tmp_path / "list.jsonl", *of("KR1000000001", *LIFE)))

    assert (report.lines, report.recorded, report.events, report.bad) == (5, 5, 5, [])
    assert recorded(korea)[2:] == [
        "operator.registered",
        "operator.lodged",
        "operator.accepted",
        "operator.examination_started",
        "operator.granted",
    ]


def test_a_line_that_grants_while_a_consultation_is_open_is_recorded_and_warned_of(
    korea: str, tmp_path: Path
) -> None:
    ask = {"command": "request_consultation", "asked": "KR"}
    lines = of("KR1234567", *LIFE[:4], ask, LIFE[4])

    report = sent(korea, written(tmp_path / "life.jsonl", *lines))

    assert (report.recorded, report.bad) == (6, [])
    [note] = report.notes
    assert note.line == 6 and note.why.startswith("warning: KRAA1 is granted while")


def test_one_bad_line_and_nothing_of_the_file_is_recorded(korea: str, tmp_path: Path) -> None:
    lines = [*of("KR1000000001", *LIFE), {"command": "lift_suspension", "tin": "KR1000000001"}]

    report = sent(korea, written(tmp_path / "list.jsonl", *lines))

    assert len(recorded(korea)) == 2
    [bad] = report.bad
    assert (bad.file, bad.line) == ("list.jsonl", 6)
    assert "KRAA1 is VALID" in bad.found


def test_with_partial_the_good_lines_of_a_bad_file_are_recorded(korea: str, tmp_path: Path) -> None:
    lines = of("KR1000000001", LIFE[0], {"command": "accept_application"}, LIFE[1])

    report = sent(korea, written(tmp_path / "list.jsonl", *lines), partial=True)

    assert [bad.line for bad in report.bad] == [2]
    assert recorded(korea)[2:] == ["operator.registered", "operator.lodged"]


def test_a_dry_run_finds_what_is_wrong_and_records_nothing(korea: str, tmp_path: Path) -> None:
    file = written(tmp_path / "list.jsonl", *of("KR1000000001", LIFE[0], LIFE[2]))

    report = sent(korea, file, dry_run=True, partial=True)

    assert [bad.line for bad in report.bad] == [2]
    assert len(recorded(korea)) == 2


def test_the_same_file_again_records_nothing_more(korea: str, tmp_path: Path) -> None:
    file = written(tmp_path / "list.jsonl", *of("KR1000000001", *LIFE))
    sent(korea, file)

    report = sent(korea, file)

    assert (report.recorded, report.repeated, report.bad) == (0, 5, [])
    assert len(recorded(korea)) == 7


def test_a_file_that_grew_records_what_is_new(korea: str, tmp_path: Path) -> None:
    sent(korea, written(tmp_path / "list.jsonl", *of("KR1000000001", *LIFE)))

    more = of("KR1000000001", *LIFE, {"command": "suspend_authorisation", "reason": "audit"})
    report = sent(korea, written(tmp_path / "list.jsonl", *more))

    assert (report.recorded, report.repeated) == (1, 5)
    assert recorded(korea)[-1] == "operator.suspended"


@pytest.mark.parametrize(
    ("line", "field", "found", "cure"),
    [
        ({"tin": "KR12345678901234567"}, "tin", "KR12345678901234567", "15"),
        ({"tin": "XX123"}, "tin", "XX", "a TIN"),
        ({"name": None}, "name", "null", "text"),
        ({"effective": "2026-13-01"}, "effective", "2026-13-01", "2026-03-01"),
        ({"known_at": "2026-03-01"}, "known_at", "2026-03-01", "its zone"),
        ({"roles": ["EXPORTR"]}, "roles", "EXPORTR", "IMPORTER, EXPORTER"),
        ({"colour": "red"}, "colour", "colour", "leave it out"),
        ({"command": "registre_operator"}, "command", "no command", "register_operator, perhaps"),
        ({"command": "hang_him"}, "command", "wanted one of accede_to", "one of these names"),
        ({"expected_version": "one"}, "expected_version", "one", "whole number"),
        ({"name": "a\0b"}, "name", "NUL", "text"),
        ({"known_at": "0001-01-01T00:00:00+09:00"}, "known_at", "years 1 to 9999", "an instant"),
        ({"tin": "FR123"}, None, "FR is not in this register", "register_administration first"),
    ],
)
def test_a_bad_line_is_named_with_its_field_and_its_cure(
    korea: str, tmp_path: Path, line: dict[str, Any], field: str | None, found: str, cure: str
) -> None:
    said = {"tin": "KR1000000001", **LIFE[0], **line}

    report = sent(korea, written(tmp_path / "list.jsonl", said))

    [bad] = report.bad
    assert (bad.line, bad.field) == (1, field)
    assert found in bad.found
    assert cure in bad.cure
    assert "Traceback" not in bad.found


def test_a_field_that_is_missing_is_asked_for(korea: str, tmp_path: Path) -> None:
    line = {"command": "grant_authorisation", "tin": "KR1000000001"}

    [bad] = sent(korea, written(tmp_path / "list.jsonl", line)).bad

    assert (bad.field, bad.cure) == ("number", "fill it in")


def test_what_is_not_json_is_a_bad_line_and_not_the_end(korea: str, tmp_path: Path) -> None:
    file = tmp_path / "list.jsonl"
    good = json.dumps(of("KR1000000001", LIFE[0])[0])
    file.write_text(f"{{nothing\n\n[1]\n{good}\n", encoding="utf-8")

    report = sent(korea, file)

    assert [bad.line for bad in report.bad] == [1, 3]
    assert report.lines == 3


def test_a_table_of_one_kind_of_command_is_read_from_csv(korea: str, tmp_path: Path) -> None:
    file = tmp_path / "operators.csv"
    file.write_text(
        "\ufefftin,name,local_name,roles,effective,legal_ground\n"
        'KR1000000001,"Example, Ltd",예시 주식회사,EXPORTER; IMPORTER,,\n'
        "KR1000000002,Other Ltd,,,2026-01-05,entry of the national list\n",
        encoding="utf-8",
    )

    report = sent(korea, file, command="register_operator")

    assert (report.recorded, report.bad) == (2, [])
    with psycopg.connect(korea) as connection:
        rows = connection.execute(
            "select state::json ->> 'name', state::json ->> 'roles', state::json ->> 'effective'"
            " from ledger.event where topic = 'operator.registered' order by position"
        ).fetchall()
    assert rows[0][:2] == ("Example, Ltd", '["EXPORTER","IMPORTER"]')
    assert rows[1][2] == "2026-01-05"


def test_csv_may_mix_commands_and_count_its_lines_as_an_editor_does(
    korea: str, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text(
        "command,tin,name,address,partner,publication,programme,type\n"
        'register_operator,KR1000000001,A firm,"Two\nlines",,,,\n'
        "give_consent,KR1000000001,,,,true,,\n"
        "give_consent,KR1000000001,,,,perhaps,,\n"
        "lodge_application,KR1000000001,,,,,KR-AEO,AAA\n",
        encoding="utf-8",
    )

    report = sent(korea, file)

    assert [(bad.line, bad.field) for bad in report.bad] == [(5, "publication"), (6, "type")]
    assert report.bad[0].cure == "true or false"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.csv", None, "cannot be read"),
        ("latin.csv", "tin,name\nKR1,Caf\xe9\n".encode("latin-1"), "is not UTF-8"),
        ("twice.csv", b"tin,tin\nKR1,KR2\n", "each column once"),
        ("silent.csv", b"tin,name\nKR1,Example\n", "no column `command`"),
        ("quote.csv", b'command,tin\nx,"KR\n', "is not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    korea: str, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(BadFile, match=said):
        sent(korea, tmp_path / name)


def test_what_an_office_knew_earlier_keeps_its_order(korea: str, tmp_path: Path) -> None:
    then = {"known_at": "2026-03-10T02:00:00Z", "effective": "2026-03-10"}
    before = {"known_at": "2026-03-09T02:00:00Z", "effective": "2026-03-09"}
    lines = [*of("KR1000000001", LIFE[0] | then, LIFE[1] | before)]

    [bad] = sent(korea, written(tmp_path / "list.jsonl", *lines)).bad

    assert bad.field == "known_at"
    assert "became known" in bad.found


def test_an_operator_may_be_merged_into_one_of_the_same_file(korea: str, tmp_path: Path) -> None:
    merge = {"command": "merge_into", "successor": "KR1000000002"}
    lines = of("KR1000000002", LIFE[0]) + of("KR1000000001", LIFE[0], merge)

    assert sent(korea, written(tmp_path / "list.jsonl", *lines)).bad == []


# ------------------------------------------------- a line is its file and its number


SUSPEND = {"command": "suspend_authorisation", "reason": "audit"}
LIFT = {"command": "lift_suspension"}


@pytest.fixture
def holder(korea: str, tmp_path: Path) -> str:
    """KR1000000001 holds an authorisation."""
    given_lines(korea, tmp_path, *of("KR1000000001", *LIFE))
    return korea


def counts(report: Any) -> tuple[int, int, int, int]:
    return report.recorded, report.repeated, report.unchanged, len(report.bad)


def test_the_same_suspension_twice_in_one_file_is_two(holder: str, tmp_path: Path) -> None:
    file = written(tmp_path / "list.jsonl", *of("KR1000000001", SUSPEND, LIFT, SUSPEND))

    report = sent(holder, file)

    assert counts(report) == (3, 0, 0, 0)
    assert recorded(holder)[-3:] == [
        "operator.suspended",
        "operator.suspension_lifted",
        "operator.suspended",
    ]
    assert counts(sent(holder, file)) == (0, 3, 0, 0)


def test_the_same_words_in_another_file_are_decided_anew(holder: str, tmp_path: Path) -> None:
    for name, line in (("monday", SUSPEND), ("tuesday", LIFT), ("wednesday", SUSPEND)):
        report = sent(holder, written(tmp_path / f"{name}.jsonl", *of("KR1000000001", line)))
        assert counts(report) == (1, 0, 0, 0), name

    assert recorded(holder)[-1] == "operator.suspended"


def test_the_same_file_under_another_batch_is_decided_anew(holder: str, tmp_path: Path) -> None:
    suspend = written(tmp_path / "suspend.jsonl", *of("KR1000000001", SUSPEND))
    lift = written(tmp_path / "lift.jsonl", *of("KR1000000001", LIFT))
    for file, batch in ((suspend, "week 1"), (lift, "week 2"), (suspend, "week 3")):
        assert counts(brought(holder, file, batch=batch)) == (1, 0, 0, 0), batch

    assert counts(brought(holder, suspend, batch="week 3")) == (0, 1, 0, 0)


def brought(database: str, path: Path, **how: Any) -> Any:
    return import_lines(database, source_of(path, FileOptions()), actor="kcs-office-7", **how)


def test_a_declared_batch_keeps_its_lines_as_they_were(holder: str, tmp_path: Path) -> None:
    file = written(tmp_path / "suspend.jsonl", *of("KR1000000001", SUSPEND))
    brought(holder, file, batch="week 1")

    other = written(tmp_path / "lift.jsonl", *of("KR1000000001", LIFT))
    [bad] = brought(holder, other, batch="week 1").bad

    assert "was recorded before, and said something else" in bad.found


def test_a_file_that_grows_day_by_day_goes_on_where_it_was(holder: str, tmp_path: Path) -> None:
    lines = of("KR1000000001", SUSPEND, LIFT, SUSPEND, LIFT)
    for day in range(1, 5):
        report = sent(holder, written(tmp_path / "all.jsonl", *lines[:day]))
        assert counts(report) == (1, day - 1, 0, 0), day


def test_a_line_that_changes_nothing_says_why(holder: str, tmp_path: Path) -> None:
    lines = of("KR1000000001", LIFE[0], SUSPEND, SUSPEND, {**LIFE[4]})

    report = sent(holder, written(tmp_path / "list.jsonl", *lines))

    assert report.bad == []
    assert report.recorded + report.repeated + report.unchanged == report.lines == 4
    assert [note.line for note in report.notes] == [1, 3, 4]
    assert "recorded before, as position" in report.notes[0].why
    assert "an earlier line of this file says the same" in report.notes[1].why


def test_what_no_line_said_before_and_changes_nothing_is_not_said_to_repeat_one(
    holder: str, tmp_path: Path
) -> None:
    sent(holder, written(tmp_path / "list.jsonl", *of("KR1000000001", SUSPEND)))
    same = {**SUSPEND, "decided_by": "KR"}  # the same decision in other words

    report = sent(holder, written(tmp_path / "other.jsonl", *of("KR1000000001", same)))

    assert counts(report) == (0, 0, 1, 0)
    assert [note.why for note in report.notes] == ["what it says stands already"]


def test_a_home_that_imported_a_file_by_the_old_ids_does_not_record_it_twice(
    holder: str, tmp_path: Path
) -> None:
    """Until release 1 a line was known by its content: the third line was lost."""
    lines = of("KR1000000001", SUSPEND, LIFT)
    with closing(Registry(environment(holder))) as registry:
        for line in lines:
            registry.execute(c.read(line), "kcs-office-7")
    before = len(recorded(holder))
    file = written(tmp_path / "list.jsonl", *lines, lines[0])

    report = sent(holder, file)

    assert (counts(report), len(recorded(holder))) == ((0, 3, 0, 0), before)
    assert "an earlier release" in report.notes[0].why and "--batch" in report.notes[0].why
    assert counts(sent(holder, written(tmp_path / "last.jsonl", lines[0])))[1] == 1
    assert counts(brought(holder, file, batch="again")) == (3, 0, 0, 0)


TINS = ("KR9000000001", "KR9000000002")
LINES = [
    *({"tin": tin, **line} for tin in TINS for line in (*LIFE, SUSPEND, LIFT)),
    {"tin": "KR9", "command": "conquer"},
    {"tin": "KR9000000001", "command": "suspend_authorisation"},
]


@given(st.lists(st.sampled_from(LINES), max_size=12), st.booleans(), st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_line_vanishes_whatever_the_file_says(
    korea: str, tmp_path: Path, lines: list[dict[str, Any]], partial: bool, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["list.jsonl", "other.jsonl"]))
    before = recorded(korea)
    file = written(tmp_path / name, *lines)

    report = sent(korea, file, partial=partial)

    outcomes = (report.recorded, report.repeated, report.unchanged, report.kept_back)
    assert sum(outcomes) + len(report.bad) == report.lines == len(lines)
    assert len(recorded(korea)) - len(before) == report.events == report.recorded
    again = sent(korea, file, partial=partial)
    if partial or not report.bad:
        assert again.repeated >= len(lines) - len(report.bad)
    if not report.bad:
        assert counts(again) == (0, len(lines), 0, 0)
