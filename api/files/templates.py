"""An empty sheet for one command, with its columns explained above their names.

It is CSV in UTF-8 with a byte order mark, as every spreadsheet opens it. The rows that explain
begin with `#`, and are passed over when the sheet is read.
"""

from __future__ import annotations

import csv
import io

import msgspec

from api.files.cells import kinds
from api.lines import wanted
from registry import commands as c

#: Fields that a person filling in a sheet has no use for.
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
}


def template_of(command: str) -> str:
    """Raises LookupError, with a sentence."""
    kind = c.COMMANDS.get(command)
    if kind is None or kind is c.ErasePerson:
        known = ", ".join(sorted(set(c.COMMANDS) - {"erase_person"}))
        raise LookupError(f"{command!r} is no command of files; one of {known}")
    fields = [it for it in msgspec.structs.fields(kind) if it.encode_name not in NOT_ASKED]
    fields.sort(key=lambda it: (not it.required, it.name in c.Command.__struct_fields__))
    hints = kinds(kind)
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\r\n")
    sheet.writerow([f"# {command}: fill in the rows under the names of the columns"])
    for it in fields:
        name = it.encode_name
        need = "needed" if it.required else "may be left empty"
        words = [f"# {name}", wanted(hints[name]), need, MEANINGS.get(name, "")]
        sheet.writerow(words if words[-1] else words[:-1])
    sheet.writerow([it.encode_name for it in fields])
    return f"\ufeff{text.getvalue()}"
