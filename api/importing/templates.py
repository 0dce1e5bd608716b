"""Templates: an empty sheet for one command, with explanations above the column names.

A template is CSV in UTF-8 with a byte order mark, which every spreadsheet opens. The rows with
explanations begin with `#` and are skipped when the sheet is read.
"""

from __future__ import annotations

import csv
import io

import msgspec

from api.graphql.field_descriptions import BY_NAME as SCHEMA
from api.importing.files.cells import kinds
from api.importing.lines import wanted
from registry.domain import commands as c

#: Fields that a template leaves out.
NOT_ASKED = ("command_id", "expected_version", "signature")
MEANINGS = {
    "effective": "the civil day, in the authority's zone, from which it counts in law; left "
    "empty, the day that the programme's rules say, else the authority's today",
    "decided": "the civil day on which the authority decided it",
    "legal_ground": "the law or the decision on which it rests; needed where it reaches back",
    "decided_by": "the administration that decided it; left empty, the operator's own",
    "known_at": "when the authority's own register recorded it, where that was earlier than now",
    "source": "where it is published or was seen",
    "tin": "the operator",
    "authorisation": "its number; needed only where the operator has several",
    "override": "why a number is taken though its check digit is wrong",
    "reason": "the reason in words",
    "shared": "why a number that another operator holds is given to this one, too",
    "until": "the first day on which it is over",
    "valid_until": "the last civil day of the term; left empty, the term of the programme's rules",
    "acts_for": "whom the program acts for, as partner:KR",
    "channel": "how the data comes: FEED, LIST or PEER",
    "hours": "the greatest time between two readings, in hours; left empty, nothing is declared",
    "key_id": "the thumbprint of the key",
    "dispute": "the id of the dispute, as the operator's page shows it",
    "territory": "where the operator is not recognised, by its code",
    "statement": "what is wrong, in words",
    "receipt": "the id of the receipt that is meant",
    "answer": "what the home customs answers, in words",
    "proposal": "the id of the proposal, as the operator's page shows it",
    "position": "the position of the event, as aeo history shows it",
    "part": "the part that is meant, as C or S of an AEOF; left empty, the whole",
}
#: Meanings of the fields of `list_operator`, for a published list that was read on one day.
OF_LISTS = {
    "programme": "the code of the programme, as EU-AEO",
    "type": "the type of the authorisation, in a word of the programme, as AEOF",
    "list": "a name for the published list; the same name at every reading of it",
    "read_on": "the day on which the list was read",
    "number": "the number of the authorisation, where the list gives one",
    "since": "the day from which it counts, where the list gives one",
    "name": "the operator's name, as the list writes it",
    "absent": "true where the list no longer names the operator",
}
#: Meanings of a field that differ in one command.
OF_COMMAND = {
    ("correct_record", "what"): "fields of that event, each with its right value, or void: true",
    ("record_end", "what"): "what ended: term or suspension",
}


def template_of(command: str) -> str:
    """Returns the template of a command. Raises LookupError, with a sentence."""
    kind = c.COMMANDS.get(command)
    if kind is None or kind is c.ErasePerson:
        known = ", ".join(sorted(set(c.COMMANDS) - {"erase_person"}))
        raise LookupError(f"{command!r} is no command of files; one of {known}")
    meanings = MEANINGS | OF_LISTS if kind is c.ListOperator else MEANINGS
    asks_why = kind in (c.SuspendAuthorisation, c.RevokeAuthorisation, c.ExtendDeadline)
    fields = [
        field_info
        for field_info in msgspec.structs.fields(kind)
        if field_info.encode_name not in NOT_ASKED
    ]
    fields.sort(
        key=lambda field_info: (
            not field_info.required,
            field_info.name in c.Command.__struct_fields__,
        )
    )
    hints = kinds(kind)
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\r\n")
    sheet.writerow([f"# {command}: fill in the rows under the names of the columns"])
    for field in fields:
        name = field.encode_name
        needed = field.required or (asks_why and name == "reason")
        need = "needed" if needed else "may be left empty"
        meaning = OF_COMMAND.get((command, name)) or meanings.get(name) or _of_schema(name)
        sheet.writerow([f"# {name}", wanted(hints[name]), need, meaning])
    sheet.writerow([field_info.encode_name for field_info in fields])
    return f"\ufeff{text.getvalue()}"


def _of_schema(name: str) -> str:
    """Returns the schema's description of a field, adapted to a sheet, in which there is no
    null."""
    sentences = SCHEMA[_camel(name)].split(". ")
    words = ". ".join(
        sentence for sentence in sentences if not sentence.startswith("Null: ")
    ).rstrip(".")
    return words[0].lower() + words[1:] if words[1].islower() or words[1] == " " else words


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
