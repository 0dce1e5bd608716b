"""The sentences about goals and published counts, each made from the code and the facts of a reason
alone. The names of the facts are those of api/graphql/types/publication_reasons.py.

A machine is answered in English, with codes of administrations; the pages ask for names. What may
be missing makes another text, because languages order their parts differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from api.graphql.types.fact_values import FactValues, Stated
from api.languages.language import ENGLISH, N_, Language, ReaderText
from registry.domain.targets import TargetReasonCode

#: The facts of a goal that are lists of states.
STATES = ("notSigned", "uncertain", "willingnessUnknown")
#: The words of what was counted.
COUNTED = {
    "territories": N_("territories"),
    "economies": N_("economies"),
    "documents": N_("documents"),
    "partners": N_("partners"),
}


#: The name of an administration in a sentence, from its code.
NameOf = Callable[[str], str]
#: Returns a text of the catalogues in a language.
Say = Callable[..., str]


def target_sentence(
    code: TargetReasonCode,
    facts: Iterable[Stated],
    language: Language = ENGLISH,
    name_of: NameOf = str,
    *,
    lists: bool = True,
) -> str:
    """The sentence of the reason why a goal counts as met, not met or unknown. Without `lists` the
    states are not named."""
    whole = FactValues([fact for fact in facts if lists or fact.name not in STATES], language)
    say = whole.say
    names: dict[str, Any] = {
        "signed": whole.of("signedStates"),
        "states": whole.of("states"),
        "by": whole.day("by"),
        "deadline": whole.day("deadline"),
        "missing": _names(whole, "notSigned", name_of),
        "unclear": _names(whole, "uncertain", name_of),
        "silent": _names(whole, "willingnessUnknown", name_of),
    }
    doubtful = bool(whole.of("uncertain"))
    match code:
        case TargetReasonCode.NO_STATES:
            return say(
                "The text names no states that could be counted: whether it was met nobody can say."
            )
        case TargetReasonCode.NO_DEADLINE:
            return say("The text sets no day by which it was to be reached.")
        case TargetReasonCode.DEADLINE_AHEAD:
            return say(
                "%(signed)s of %(states)s states had signed by %(by)s; the deadline, %(deadline)s,"
                " is still ahead.",
                **names,
            )
        case TargetReasonCode.EVERY_SIGNED:
            return say(
                "%(signed)s of %(states)s states had signed by %(by)s: all of them.", **names
            )
        case TargetReasonCode.EVERY_WILLING_SIGNED:
            return say(
                "%(signed)s of %(states)s states had signed by %(by)s: all of them, and so all who"
                " were willing.",
                **names,
            )
        case TargetReasonCode.NOT_SIGNED:
            counted = say(
                "%(signed)s of %(states)s states had signed by %(by)s, and the text says all.",
                **names,
            )
            return _sentences(say, [counted, *_missing(say, names, doubtful=doubtful)])
        case TargetReasonCode.WILLING_NOT_SIGNED:
            counted = _counted(say, names, doubtful=False)
            return _sentences(say, [counted, *_willing(say, names, doubtful=doubtful)])
        case TargetReasonCode.DATES_UNCERTAIN:
            return _counted(say, names, doubtful=doubtful)
    counted = _counted(say, names, doubtful=doubtful)
    if not names["silent"]:
        return counted
    silence = say("Whether these were willing no source says: %(silent)s.", **names)
    return _sentences(say, [counted, silence])


def _counted(say: Say, names: dict[str, Any], *, doubtful: bool) -> str:
    if doubtful:
        return say(
            "%(signed)s of %(states)s states had signed by %(by)s; whether before or after that"
            " day no source says of %(unclear)s.",
            **names,
        )
    return say("%(signed)s of %(states)s states had signed by %(by)s.", **names)


def _missing(say: Say, names: dict[str, Any], *, doubtful: bool) -> Iterator[str]:
    if names["missing"] and doubtful:
        yield say(
            "No signature by then is on record of %(missing)s; whether before or after that day"
            " no source says of %(unclear)s.",
            **names,
        )
    elif names["missing"]:
        yield say("No signature by then is on record of %(missing)s.", **names)


def _willing(say: Say, names: dict[str, Any], *, doubtful: bool) -> Iterator[str]:
    if names["missing"] and doubtful:
        yield say(
            "Known to be willing, and without a signature by then on record: %(missing)s;"
            " whether before or after that day no source says of %(unclear)s.",
            **names,
        )
    elif names["missing"]:
        yield say(
            "Known to be willing, and without a signature by then on record: %(missing)s.", **names
        )


def _sentences(say: Say, found: Sequence[str]) -> str:
    """Sentences one after the other, as the language puts them."""
    first, *rest = found
    for each in rest:
        first = say("%(first)s %(next)s", first=ReaderText(first), next=ReaderText(each))
    return first


def _names(whole: FactValues, name: str, name_of: NameOf) -> str:
    return ", ".join(map(name_of, whole.all(name)))


def claim_sentence(
    facts: Iterable[Stated], language: Language = ENGLISH, name_of: NameOf = str
) -> str:
    """The sentences that compare a published count with the register's own."""
    all_facts = list(facts)
    whole = FactValues([fact for fact in all_facts if fact.item == 0], language)
    items = [
        FactValues([fact for fact in all_facts if fact.item == number], language)
        for number in sorted({fact.item for fact in all_facts} - {0})
    ]
    return _sentences(whole.say, list(_compared(whole, items, name_of)))


def _compared(whole: FactValues, items: Sequence[FactValues], name_of: NameOf) -> Iterator[str]:
    say = whole.say
    parties = [
        f"{name_of(each.of('party'))} ({each.of('members')})"
        if each.of("members")
        else name_of(each.of("party"))
        for each in items
        if each.of("party")
    ]
    names: dict[str, Any] = {
        "claimed": whole.of("claimed"),
        "counted": whole.of("counted"),
        "what": say(COUNTED[whole.of("countOf")]),
        "day": whole.day("asOf"),
        "parties": ", ".join(parties),
    }
    if parties:
        yield say(
            "Claimed %(claimed)s, on record %(counted)s %(what)s on %(day)s: %(parties)s.", **names
        )
    else:
        yield say("Claimed %(claimed)s, on record %(counted)s %(what)s on %(day)s.", **names)
    perhaps = [_perhaps(each, name_of) for each in items if each.of("uncertainParty")]
    if perhaps:
        yield say(
            "Not counted, because no source says whether it was by then: %(parties)s.",
            parties=ReaderText(", ".join(perhaps)),
        )
    difference = int(whole.of("claimed")) - int(whole.of("counted"))
    unknown = difference - len(perhaps)
    if difference == 0:
        yield say("The two agree.")
    elif difference < 0:
        yield say("The register has %(number)s more than the claim.", number=str(-difference))
    elif unknown > 0:
        yield say(
            "At least %(number)s of those claimed are unknown to the register.", number=str(unknown)
        )


def _perhaps(item: FactValues, name_of: NameOf) -> str:
    party = name_of(item.of("uncertainParty"))
    if item.of("latest"):
        return item.say(
            "%(party)s between %(first)s and %(last)s",
            party=party,
            first=item.day("earliest"),
            last=item.day("latest"),
        )
    return item.say("%(party)s after %(day)s, if at all", party=party, day=item.day("earliest"))
