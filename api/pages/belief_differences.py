"""The differences between two beliefs about an operator, each in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from api.languages.language import _, current
from api.pages.forms import AsOfFields
from api.pages.labels import civil, country, day, outcome, phrase, sign, standing


@dataclass(frozen=True)
class Belief:
    """What was said as recorded by one date. `known`: None where nothing was known of it."""

    clocks: AsOfFields
    known: dict[str, Any] | None
    details: dict[str, Any] | None

    @property
    def label(self) -> str:
        """The date of recording as it was typed; "" for now."""
        return self.clocks.belief


@dataclass(frozen=True)
class BeliefDifference:
    """One difference: of what, and what each of the two beliefs says, in the reader's language."""

    what: str
    before: str
    after: str


def differences(before: Belief, after: Belief, zone: str) -> list[BeliefDifference]:
    """Returns what the two say differently. `zone`: the time zone of the home customs."""
    first, second = before.known, after.known
    found = [
        BeliefDifference(_("Status"), _status(first, "standing"), _status(second, "standing")),
        BeliefDifference(
            _("Status abroad"),
            _status(first, "standingAbroad"),
            _status(second, "standingAbroad"),
        ),
        *_authorisations(first, second, zone),
        *_texts(first, second, (("name", _("Name")), ("localName", _("Local name")))),
        BeliefDifference(_("Roles"), _roles(first), _roles(second)),
    ]
    if before.details and after.details:
        found += _texts(before.details, after.details, (("address", _("Address")),))
        found.append(
            BeliefDifference(
                _("Numbers"), _identifiers(before.details), _identifiers(after.details)
            )
        )
        found += _recognised(before.details, after.details)
    return [each for each in found if each.before != each.after]


def _status(found: dict[str, Any] | None, name: str) -> str:
    return sign(found[name]).word if found else _("not on record")


def _roles(found: dict[str, Any] | None) -> str:
    roles = found["roles"] if found else None
    return current.get().list([phrase(role) for role in roles or ()])


def _texts(
    first: dict[str, Any] | None, second: dict[str, Any] | None, names: Iterable[tuple[str, str]]
) -> list[BeliefDifference]:
    return [
        BeliefDifference(label, str((first or {}).get(name) or ""),
                         str((second or {}).get(name) or ""))
        for name, label in names
    ]  # fmt: skip


def _identifiers(found: dict[str, Any]) -> str:
    numbers = [f"{each['scheme']} {each['value']}" for each in found["identifiers"] or ()]
    return current.get().list(sorted(numbers))


def _authorisations(
    first: dict[str, Any] | None, second: dict[str, Any] | None, zone: str
) -> Iterable[BeliefDifference]:
    both = [
        {each["number"]: each for each in (found["authorisations"] if found else ())}
        for found in (first, second)
    ]
    for number in sorted({*both[0], *both[1]}):
        before, after = (_authorisation(each.get(number), zone) for each in both)
        yield BeliefDifference(_("Authorisation %(number)s", number=number), before, after)


def _authorisation(found: dict[str, Any] | None, zone: str) -> str:
    if found is None:
        return _("not on record")
    status = standing(found).word
    text = _("%(status)s since %(day)s", status=status, day=civil(found["since"], zone))
    if found["validUntil"]:
        text = _("%(text)s, valid until %(day)s", text=text, day=day(found["validUntil"]))
    return text


def _recognised(first: dict[str, Any], second: dict[str, Any]) -> Iterable[BeliefDifference]:
    """The territories whose answer differs, together where both answers are the same."""
    then, now = (
        {each["in"]: each["outcome"] for each in found["recognisedIn"] or ()}
        for found in (first, second)
    )
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for code in sorted({*then, *now}):
        pair = then.get(code, ""), now.get(code, "")
        if pair[0] != pair[1]:
            groups[pair].append(code)
    for (before, after), codes in sorted(groups.items()):
        where = current.get().list([country(code) for code in codes])
        yield BeliefDifference(
            _("Recognition in %(territories)s", territories=where),
            _outcome(before),
            _outcome(after),
        )


def _outcome(term: str) -> str:
    return outcome(term).word if term else _("not on record")
