"""Names have one normal form, whatever the script; what nobody can see is not written."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.cli.terminal import json_text, printable
from projections.persons import particulars
from registry.domain import commands as c
from registry.domain import texts
from registry.domain.errors import BadValue
from registry.domain.texts import folded

#: Two ways to write one name, in as many scripts as there are traps.
ALIKE = {
    "Cyrillic": ("Пример", "ПРИМЕР"),
    "Russian io": ("Королёв", "КОРОЛЕВ"),
    "Cyrillic short i, composed": ("Чайка", unicodedata.normalize("NFD", "чайка")),
    "Greek final sigma": ("Ολυμπιακός", "ΟΛΥΜΠΙΑΚΟΣ"),
    "Greek capitals have no accent": ("Αθήνα", "ΑΘΗΝΑ"),
    "French": ("École", "ÉCOLE"),
    "French capitals without accent": ("École", "ECOLE"),
    "Vietnamese": ("Việt Nam", "VIỆT NAM"),
    "Vietnamese, decomposed": ("Việt Nam", unicodedata.normalize("NFD", "việt nam")),
    "Turkish dotted I": ("İstanbul", "istanbul"),
    "Turkish dotless i": ("Isparta", "\u0131sparta"),
    "German sharp s": ("Straße", "STRASSE"),
    "German umlaut": ("Müller", unicodedata.normalize("NFD", "MÜLLER")),
    "Polish": ("Łódź", "ŁÓDŹ"),
    "French oe": ("Œuvre", "OEUVRE"),
    "Danish ae": ("Ærø", "AERO"),
    "Spanish": ("Compañía", "COMPAÑÍA"),
    "Armenian": ("Երևան", "ԵՐԵՒԱՆ"),
    "Georgian": ("თბილისი", "ᲗᲑᲘᲚᲘᲡᲘ"),
    "full width": ("\uff21\uff23\uff2d\uff25\u3000\uff11\uff12", "acme 12"),
    "half width kana": ("ｶﾌﾞｼｷ", "カブシキ"),
    "a ligature": ("ﬁrma", "FIRMA"),
    "Hangul, decomposed": ("한국", unicodedata.normalize("NFD", "한국")),
    "Persian joiner": ("می‌خواهم", "میخواهم"),
    "a variation selector": ("辻󠄀", "辻"),
    "a zero-width space of an old record": ("Ac\u200bme", "acme"),
    "an override of an old record": ("Ac\u202eme", "acme"),
    "blanks": ("  Acme\u00a0 Ltd ", "acme ltd"),
    "dashes": ("A\u2011B\u2013C\u2212D", "a-b-c-d"),
}


@pytest.mark.parametrize("name", ALIKE)
def test_two_ways_to_write_one_name_have_one_normal_form(name: str) -> None:
    one, other = ALIKE[name]
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Чайка", "Чаика"), ("Acme", "Acne"), ("中国", "中國"), ("か", "が"), ("a", "a a")],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text(max_size=12))
@example("ΐ\u0345")
@example("\u0130\u0307")
def test_the_normal_form_of_a_normal_form_is_itself_and_letter_case_makes_no_difference(
    text: str,
) -> None:
    form = folded(text)
    assert folded(form) == form
    assert folded(unicodedata.normalize("NFD", text)) == form
    assert folded(unicodedata.normalize("NFC", text)) == form
    assert folded(text.casefold()) == form


def test_every_character_has_the_normal_form_of_its_other_cases() -> None:
    for letter in map(chr, range(sys.maxunicode + 1)):
        cases = {letter.upper(), letter.lower(), letter.title(), letter.casefold()}
        if cases != {letter}:
            assert {folded(case) for case in cases} == {folded(letter)}


# ------------------------------------------------------------------------------ what is refused

HIDDEN = {
    "a zero-width space": "\u200b",
    "a right-to-left override": "\u202e",
    "an isolate": "\u2067",
    "a right-to-left mark": "\u200f",
    "a byte order mark": "\ufeff",
    "a soft hyphen": "\u00ad",
    "an escape": "\x1b",
    "a control of 8 bits": "\x9b",
    "a bell": "\x07",
    "a NUL": "\0",
    "a Hangul filler": "\u3164",
    "a blank Braille cell": "\u2800",
    "a tag": "\U000e0041",
    "half a surrogate": "\ud800",
    "a noncharacter": "\uffff",
}
LINES = {"a line feed": "\n", "a tab": "\t", "a line separator": "\u2028"}
#: Each field of each command that takes a text, with whether it may have several lines.
FIELDS = [
    (name, field, field in texts.PROSE)
    for name, kind in c.COMMANDS.items()
    for field in kind.__struct_encode_fields__
]


@pytest.mark.parametrize("what", HIDDEN | LINES)
def test_no_text_of_any_command_has_what_nobody_can_see(what: str) -> None:
    sign = (HIDDEN | LINES)[what]
    for name, field, prose in FIELDS:
        for value in (f"a{sign}b", [f"a{sign}b"], {"de": f"a{sign}b"}, {"de": {f"a{sign}b": "x"}}):
            line = {"command": name, field: value}
            if what in LINES and prose:
                texts.check_fields(line)
                continue
            with pytest.raises(BadValue, match=rf"{field}.*U\+{ord(sign):04X} at character 2"):
                c.read(line)


def test_a_name_of_which_nothing_can_be_seen_is_refused() -> None:
    for name in ("\u200c\u200d", "\u200b", "\u3164", "\ufe0f"):
        with pytest.raises(BadValue, match="name: found"):
            c.read({"command": "register_operator", "tin": "CN1234567890", "name": name})


#: Signs that only stand over others, or that nobody sees; and what is no letter and no digit.
NOTHING = ["\u0345", "\u0301\u0301", " \u0308 ", "\u20dd", "\u0903", "\ufe0f\u200d", "\u0600"]
NO_WORD = ["-", "...", "\u3000", "  ", "\u2605", "\u00b7\u00b7", "\U0001f34e"]


@pytest.mark.parametrize("text", NOTHING)
def test_no_text_of_any_command_is_made_of_what_nobody_can_see(text: str) -> None:
    for name, field, _ in FIELDS:
        for value in (text, [text], {"de": text}, {"de": {text: "x"}}):
            with pytest.raises(BadValue, match=f"{field}.*found"):
                c.read({"command": name, field: value})


@pytest.mark.parametrize("text", NO_WORD)
def test_what_a_thing_is_called_has_a_letter_or_a_digit(text: str) -> None:
    for name, field, _ in FIELDS:
        if field in texts.CALLED | texts.SAID_IN_WORDS:
            for value in (text, [text], {"de": text}, {"de": {"x": text}}):
                with pytest.raises(BadValue, match=f"{field}.*found"):
                    c.read({"command": name, field: value})
    texts.check_fields({"unit": "%", "reply": "\u2713", "condition": ""})


def test_the_names_of_every_command_are_among_what_a_thing_is_called() -> None:
    named = {field for _, field, _ in FIELDS if "name" in field or "title" in field}
    assert named <= texts.CALLED


@pytest.mark.parametrize("text", [*NOTHING, *NO_WORD, "\u202e", ""])
def test_a_person_is_not_called_by_what_nobody_can_read(text: str) -> None:
    with pytest.raises(BadValue, match="particulars: wanted"):
        particulars({"name": text})
    with pytest.raises(BadValue, match="particulars: wanted") as refusal:
        particulars({"name": "A. Person", "email": "a\u202eb"})
    assert "202E" not in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["می‌خواهم", "නිෂ්පාදන ශ්‍රී", "辻󠄀本", "مثال شركة", "דוגמה", "Ça", "中国 Пример", "👷 Acme"]
)
def test_what_is_written_in_any_script_is_taken(name: str) -> None:
    texts.check("name", name)
    assert texts.shown(name) == name


# -------------------------------------------------------------------------------- what is shown


@given(st.text(st.sampled_from([*HIDDEN.values(), *LINES.values(), "a", "ч", "\u200c", "中"])))
def test_a_page_and_a_terminal_show_nothing_hidden_and_json_says_the_same(text: str) -> None:
    for each_text in (texts.shown(text), printable(text), json_text(text)):
        assert not any(sign in each_text for sign in HIDDEN.values())
    assert not any(sign in printable(text) for sign in LINES.values())
    assert json.loads(json_text(text)) == text


@pytest.mark.parametrize("field", sorted(texts.SAID_IN_WORDS))
def test_blanks_are_no_ground_and_no_reason(field: str) -> None:
    for blanks in (" ", "\u3000", "\n \t", "\u00a0"):
        with pytest.raises(BadValue, match=f"{field}: found blanks alone"):
            texts.check_fields({field: blanks})
    texts.check_fields({field: " Article 9 "})


def test_a_command_whose_ground_is_blank_is_refused() -> None:
    line = {"command": "grant_authorisation", "tin": "CN1234567890", "number": "N1"}
    with pytest.raises(BadValue, match="legal_ground: found blanks alone"):
        c.read(line | {"legal_ground": "  "})
