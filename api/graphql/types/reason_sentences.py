"""The English sentences of reasons, each made from the code and the facts of a reason alone.

There is a sentence for every code and for any facts, also for none. The names of the facts are
those of api/graphql/types/reasons.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from babel import Locale

from registry.domain.values import ReasonCode

#: The general sentence for each code, used where facts for a more precise one are missing.
IN_GENERAL: dict[ReasonCode, str] = {
    ReasonCode.IN_FORCE: "An agreement is in force and covers the authorisation.",
    ReasonCode.NO_AUTHORISATION: "No AEO authorisation was on record.",
    ReasonCode.NOT_YET_EFFECTIVE: "The authorisation is granted, and not yet in effect.",
    ReasonCode.AUTHORISATION_SUSPENDED: "The authorisation is suspended.",
    ReasonCode.AUTHORISATION_ENDED: "The authorisation has ended.",
    ReasonCode.NO_AGREEMENT: "No agreement on record links the two territories.",
    ReasonCode.AGREEMENT_NOT_IMPLEMENTED: "The agreement is not implemented.",
    ReasonCode.AGREEMENT_SUSPENDED: "The agreement is suspended.",
    ReasonCode.AGREEMENT_TERMINATED: "The agreement has ended.",
    ReasonCode.TYPE_OUT_OF_SCOPE: "No clause covers the type of the authorisation.",
    ReasonCode.ROLE_OUT_OF_SCOPE: "No clause covers the operator's role.",
    ReasonCode.DIRECTION_OUT_OF_SCOPE: "No clause covers this direction.",
    ReasonCode.GOODS_OUT_OF_SCOPE: "No clause covers these goods.",
    ReasonCode.CROSSING_OUT_OF_SCOPE: "No clause covers this crossing or mode.",
    ReasonCode.NO_INFORMATION: "The register has no information about this operator for you.",
    ReasonCode.NO_CONSENT: "The operator has given no consent to share with that territory.",
    ReasonCode.UNMATCHED_IDENTIFIER: "No identifier is on record by which it could be found there.",
    ReasonCode.STALE_DATA: "The last list is older than the agreement allows.",
    ReasonCode.DATE_UNCERTAIN: "No source says whether it was in force.",
    ReasonCode.SAME_ADMINISTRATION: "Both are in one customs territory.",
    ReasonCode.DECISION_AWAITED: "The end that was set has passed, and the decision that ends it "
    "is not recorded yet.",
}


class Stated(Protocol):
    """A fact of a reason (api.graphql.types.reasons.Fact)."""

    name: str
    value: str
    item: int
    zone: str | None


def sentence(code: ReasonCode, facts: Iterable[Stated]) -> str:
    """The sentence for a reason. It never raises and is never empty."""
    all_facts = list(facts)
    whole = _FactValues([fact for fact in all_facts if fact.item == 0])
    items = [
        _FactValues([fact for fact in all_facts if fact.item == number])
        for number in sorted({fact.item for fact in all_facts} - {0})
    ]
    text = _controls(code, whole, items) if whole.of("subject") else _worded(code, whole, items)
    return text or IN_GENERAL.get(code) or f"{code}."


@lru_cache(maxsize=1_024)
def territory(code: str) -> str:
    """The English name of a territory (CLDR), or its code where CLDR has no name."""
    return str(Locale("en").territories.get(code, code))


@lru_cache(maxsize=4_096)
def moment(text: str) -> str:
    """An instant as text: YYYY-MM-DD where it is midnight in UTC, else to the minute."""
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    day = at.date().isoformat()
    if (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0):
        return day
    return f"{day} {at:%H:%M} UTC"


class _FactValues:
    """The facts of one group (`Fact.item`) by name. A missing fact is replaced by a general
    phrase."""

    def __init__(self, facts: Sequence[Stated]) -> None:
        self._facts = facts

    def all(self, name: str) -> list[str]:
        return [fact.value for fact in self._facts if fact.name == name]

    def of(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def list(self, *names: str) -> str:
        return ", ".join(value for name in names for value in self.all(name)) or "none"

    def day(self, name: str) -> str:
        """A civil day unchanged; an instant as `moment` writes it; empty where the fact is
        missing."""
        fact = next((fact for fact in self._facts if fact.name == name), None)
        if fact is None:
            return ""
        return fact.value if fact.zone else moment(fact.value)

    def place(self, name: str, otherwise: str) -> str:
        return territory(self.of(name)) if self.of(name) else otherwise

    @property
    def on(self) -> str:
        return f" on {self.day('at')}" if self.of("at") else ""

    @property
    def there(self) -> str:
        return self.place("territory", "that territory")

    @property
    def home(self) -> str:
        return self.place("home", "its home")

    @property
    def operator(self) -> str:
        return self.of("operator") or "the operator"

    @property
    def agreement(self) -> str:
        return self.of("agreement") or "The agreement"


def _worded(code: ReasonCode, whole: _FactValues, items: list[_FactValues]) -> str:
    """The sentence about recognition. Empty where facts are missing."""
    match code:
        case ReasonCode.NO_INFORMATION if whole.of("territory"):
            text = f"The register has no information for you about this operator in {whole.there}"
            if not whole.of("recognisedUntil"):
                return f"{text}."
            until = whole.day("recognisedUntil")
            return f"{text}; it was recognised there until {until}, when it withdrew its consent."
        case ReasonCode.SAME_ADMINISTRATION if whole.of("territory"):
            if whole.of("home") in ("", whole.of("territory")):
                return f"{whole.there} is the operator's own territory."
            return f"{whole.home} and {whole.there} were one customs territory{whole.on}."
        case ReasonCode.NO_AGREEMENT if whole.of("territory"):
            text = f"No agreement on record linked {whole.home} to {whole.there}{whole.on}"
            before = _joined(f"{each.agreement} did until {each.day('until')}" for each in items)
            return f"{text}; {before}" if before else f"{text}."
        case ReasonCode.NO_CONSENT if whole.of("territory"):
            text = f"{whole.operator} had given no {_consent(whole)}{whole.on}"
            asking = _joined(_asking(each) for each in items)
            return f"{text}; {asking}" if asking else f"{text}."
        case ReasonCode.NO_AUTHORISATION if whole.of("operator"):
            at = f" for {whole.day('at')}" if whole.of("at") else ""
            return f"No AEO authorisation of {whole.operator} was on record{at}."
    return _joined(_item(code, whole, each) for each in items)


def _whose(item: _FactValues) -> str:
    """Who limits the age of data: the source by its cadence, or the agreement."""
    declared = item.of("declaredBy")
    return f"within which {territory(declared)} declared to send" if declared else "that it allows"


def _consent(whole: _FactValues) -> str:
    """The consent that is missing, since when it is, and whether the partner was found adequate."""
    general = whole.of("consentLaw") == "general"
    text = "general consent" if general else f"consent to {whole.there}"
    if whole.of("withdrawnOn"):
        text = f"{text} (it was withdrawn as of {whole.day('withdrawnOn')})"
    if whole.of("notFoundAdequate"):
        text = f"{text} that reaches {whole.there}, which had not been found adequate,"
    return text


def _item(code: ReasonCode, whole: _FactValues, item: _FactValues) -> str:
    on = whole.on
    match code:
        case ReasonCode.IN_FORCE:
            covers = f", and covers {item.of('authorisation')}" if item.of("authorisation") else ""
            missing = ", ".join(rule.replace("_", " ") for rule in item.all("ruleUnknown"))
            doubt = f", decided although the rule on {missing} is unknown" if missing else ""
            way = f"from {whole.home} into {whole.there}"
            return f"{item.agreement}: in force {way}{on}{covers}{doubt}"
        case ReasonCode.UNMATCHED_IDENTIFIER:
            scheme = item.of("identifierScheme") or "an identifier"
            at = f" for {whole.day('at')}" if whole.of("at") else ""
            return (
                f"{item.agreement}: {whole.there} finds operators by {scheme}, and none of"
                f" {whole.operator} is on record{at}"
            )
        case ReasonCode.STALE_DATA:
            as_of = (
                f" is as of {item.day('listAsOf')}, older" if item.of("listAsOf") else " is older"
            )
            hours = item.of("maxAgeHours")
            return (
                f"{item.agreement}: the last list of {whole.home}{as_of}{on} than "
                f"{f'the {hours} hours {_whose(item)}' if hours else 'it allows'}"
            )
        case ReasonCode.DATE_UNCERTAIN if item.of("standing"):
            until = f" to {item.day('until')}" if item.of("until") else " on"
            left = f"{item.day('since') or 'from the first'}{until}"
            return (
                f"{item.of('authorisation') or 'The authorisation'}: no published list says whether"
                f" it was valid{on}; by the days on which the lists were read it is open {left}"
            )
        case (
            ReasonCode.AUTHORISATION_SUSPENDED
            | ReasonCode.AUTHORISATION_ENDED
            | ReasonCode.NOT_YET_EFFECTIVE
            | ReasonCode.DECISION_AWAITED
        ):
            return _standing(code, whole, item)
        case ReasonCode.TYPE_OUT_OF_SCOPE:
            return _type(item)
        case ReasonCode.ROLE_OUT_OF_SCOPE if item.of("authorisedRole"):
            own, asked = item.list("authorisedRole"), item.list("role")
            return f"{whole.operator}: authorised as {own}; the question is about {asked}"
        case ReasonCode.ROLE_OUT_OF_SCOPE:
            return f"{item.agreement}: covers {item.list('coveredRole')}; not {item.list('role')}"
        case ReasonCode.DIRECTION_OUT_OF_SCOPE:
            alone, asked = item.list("coveredDirection"), item.list("direction")
            return f"{item.agreement}: covers only {alone}; the question is about {asked}"
        case ReasonCode.GOODS_OUT_OF_SCOPE:
            return (
                f"{item.agreement}: covers HS {item.list('coveredHs')}; the question is about HS"
                f" {item.list('hs')}"
            )
        case ReasonCode.CROSSING_OUT_OF_SCOPE:
            covered = item.list("coveredCrossing", "coveredMode")
            return (
                f"{item.agreement}: covers {covered}; the question is about "
                f"{item.of('crossing') or item.list('mode')}"
            )
    return _state(code, whole, item)


def _asking(item: _FactValues) -> str:
    law = f" by the law of {item.list('programme')}" if item.of("programme") else ""
    return f"{item.agreement} requires it{law}"


_WORDS = {
    "GRANTED": "granted but not yet in effect",
    "DECISION_AWAITED": "past the end that was set, without the decision that ends it,",
}


def _standing(code: ReasonCode, whole: _FactValues, item: _FactValues) -> str:
    plain = "ended" if code is ReasonCode.AUTHORISATION_ENDED else "suspended"
    standing = item.of("standing")
    word = _WORDS.get(standing) or standing.lower() or plain
    if item.of("part"):
        parts = [part for part in item.all("part") if part != "abroad"]
        named = f" ({', '.join(parts)})" if parts else ""
        word = f"the part recognised abroad{named} {word}"
    since = f"since {item.day('since')}" if item.of("since") else "from the first"
    so = f" and still{whole.on}" if whole.on else ""
    return f"{item.of('authorisation') or 'The authorisation'}: {word} {since}{so}"


def _type(item: _FactValues) -> str:
    if item.of("held") and not item.of("coveredType"):
        lacks = "lacks the part that partners recognise, whatever a clause covers"
        return f"{item.list('held')}: {lacks}"
    if not item.of("coveredType"):
        way = f"{item.place('from', 'one side')} into {item.place('to', 'the other')}"
        return f"{item.agreement}: no clause on record for {way}"
    only = item.list("coveredType")
    if item.of("coveredProgramme"):
        only += f" of {item.list('coveredProgramme')}"
    return f"{item.agreement}: covers {only}; the operator held {item.list('held')}"


def _state(code: ReasonCode, whole: _FactValues, item: _FactValues) -> str:
    """The phrase about the state of an agreement between the two sides."""
    on, since = whole.on, item.day("since")
    who = " and ".join(map(territory, item.all("side"))) or whole.there
    match code:
        case ReasonCode.AGREEMENT_NOT_IMPLEMENTED:
            return f"{item.agreement}: {who} had not implemented it{on}"
        case ReasonCode.AGREEMENT_SUSPENDED:
            then = f",{on}" if since and on else on
            since_words = f" since {since}" if since else ""
            return f"{item.agreement}: {who} had suspended it{since_words}{then}"
        case ReasonCode.AGREEMENT_TERMINATED:
            before = f", before {whole.day('at')}" if whole.of("at") else ""
            return f"{item.agreement}: ended{f' on {since}' if since else ''}{before}"
        case ReasonCode.DATE_UNCERTAIN:
            return (
                f"{item.agreement}: no source says whether it was in force in {who}{on};"
                f" the dates leave open {_left_open(item)}"
            )
    return ""


def _left_open(item: _FactValues) -> str:
    """The phrase for the interval in which no source says whether something was in force."""
    since, until = item.day("since"), item.day("until")
    if not since and not until:
        return "all days"
    return f"{since or 'from the first'} {f'to {until}' if until else 'on'}"


def _controls(code: ReasonCode, whole: _FactValues, items: list[_FactValues]) -> str:
    """The sentence about control results."""
    way = f"from {whole.place('from', 'one side')} into {whole.there}"
    hs, crossing = f"HS {whole.list('hs')}", whole.of("crossing") or "that crossing"
    names = whole.list("agreement")
    match code:
        case ReasonCode.NO_AGREEMENT:
            return f"No agreement on the results of controls is on record {way}."
        case ReasonCode.IN_FORCE:
            return f"{names}: controls of {hs} at {crossing} were recognised {way}{whole.on}."
        case ReasonCode.DIRECTION_OUT_OF_SCOPE:
            return f"{names}: covers {hs} only in the other direction, not {way}."
        case ReasonCode.GOODS_OUT_OF_SCOPE:
            return f"{names}: covers no goods of {hs} {way}."
        case ReasonCode.CROSSING_OUT_OF_SCOPE:
            return f"{names}: does not cover {hs} at {crossing} {way}."
        case ReasonCode.DATE_UNCERTAIN if items:
            covered = f"no source says whether it covered {hs} at {crossing} {way}{whole.on}"
            return _joined(
                f"{each.agreement}: {covered}; the dates leave open {_left_open(each)}"
                for each in items
            )
    text = _joined(_state(code, whole, each) for each in items)
    terminated = code is ReasonCode.AGREEMENT_TERMINATED
    goods = f"{hs} at {crossing}"
    return text or (
        f"{names}: {'no longer' if terminated else 'not yet'} covered {goods} {way}{whole.on}."
    )


def _joined(sentences: Iterable[str]) -> str:
    """The phrases as one sentence, in order, without repetition. Empty where there is none."""
    found = dict.fromkeys(each for each in sentences if each)
    return "; ".join(found) + "." if found else ""
