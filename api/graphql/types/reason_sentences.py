"""The sentences of reasons, each made from the code and the facts of a reason alone.

There is a sentence for every code and for any facts, also for none. The names of the facts are
those of api/graphql/types/reasons.py.

A machine is answered in English. The pages ask for the same sentences in the reader's language: a
sentence is a text of the catalogues (`say`) with the facts put into it. What may be missing makes
another text, and is never a part that is glued to one, because languages order their parts
differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from api.graphql.types.agreement_sentences import agreement_state, between_lists, in_force, stale
from api.graphql.types.control_sentences import about_controls
from api.graphql.types.fact_values import FactValues, Stated, joined
from api.languages.language import ENGLISH, N_, Language
from registry.domain.values import ReasonCode

#: The general sentence for each code, used where facts for a more precise one are missing.
IN_GENERAL: dict[ReasonCode, str] = {
    ReasonCode.IN_FORCE: N_("An agreement is in force and covers the authorisation."),
    ReasonCode.NO_AUTHORISATION: N_("No AEO authorisation was on record."),
    ReasonCode.NOT_YET_EFFECTIVE: N_("The authorisation is granted, and not yet in effect."),
    ReasonCode.AUTHORISATION_SUSPENDED: N_("The authorisation is suspended."),
    ReasonCode.AUTHORISATION_ENDED: N_("The authorisation has ended."),
    ReasonCode.NO_AGREEMENT: N_("No agreement on record links the two territories."),
    ReasonCode.AGREEMENT_NOT_IMPLEMENTED: N_("The agreement is not implemented."),
    ReasonCode.AGREEMENT_SUSPENDED: N_("The agreement is suspended."),
    ReasonCode.AGREEMENT_TERMINATED: N_("The agreement has ended."),
    ReasonCode.TYPE_OUT_OF_SCOPE: N_("No clause covers the type of the authorisation."),
    ReasonCode.ROLE_OUT_OF_SCOPE: N_("No clause covers the operator's role."),
    ReasonCode.DIRECTION_OUT_OF_SCOPE: N_("No clause covers this direction."),
    ReasonCode.GOODS_OUT_OF_SCOPE: N_("No clause covers these goods."),
    ReasonCode.CROSSING_OUT_OF_SCOPE: N_("No clause covers this crossing or mode."),
    ReasonCode.NO_INFORMATION: N_("The register has no information about this operator for you."),
    ReasonCode.NO_CONSENT: N_("The operator has given no consent to share with that territory."),
    ReasonCode.UNMATCHED_IDENTIFIER: N_(
        "No identifier is on record by which it could be found there."
    ),
    ReasonCode.STALE_DATA: N_("The last list is older than the agreement allows."),
    ReasonCode.DATE_UNCERTAIN: N_("No source says whether it was in force."),
    ReasonCode.SAME_ADMINISTRATION: N_("Both are in one customs territory."),
    ReasonCode.DECISION_AWAITED: N_(
        "The end that was set has passed, and the decision that ends it is not recorded yet."
    ),
}


def sentence(code: ReasonCode, facts: Iterable[Stated], language: Language = ENGLISH) -> str:
    """The sentence for a reason. It never raises and is never empty."""
    all_facts = list(facts)
    whole = FactValues([fact for fact in all_facts if fact.item == 0], language)
    items = [
        FactValues([fact for fact in all_facts if fact.item == number], language)
        for number in sorted({fact.item for fact in all_facts} - {0})
    ]
    text = (
        about_controls(code, whole, items) if whole.of("subject") else _worded(code, whole, items)
    )
    return text or language.gettext(IN_GENERAL[code])


def _worded(code: ReasonCode, whole: FactValues, items: list[FactValues]) -> str:
    """The sentence about recognition. Empty where facts are missing."""
    say, at = whole.say, whole.at
    names: dict[str, Any] = {"territory": whole.there, "home": whole.home, "day": at}
    match code:
        case ReasonCode.NO_INFORMATION if whole.of("recognisedUntil") and whole.of("territory"):
            return say(
                "The register has no information for you about this operator in %(territory)s; it"
                " was recognised there until %(until)s, when it withdrew its consent.",
                territory=whole.there,
                until=whole.day("recognisedUntil"),
            )
        case ReasonCode.NO_INFORMATION if whole.of("territory"):
            return say(
                "The register has no information for you about this operator in %(territory)s.",
                territory=whole.there,
            )
        case ReasonCode.SAME_ADMINISTRATION if whole.of("territory"):
            if whole.of("home") in ("", whole.of("territory")):
                return say("%(territory)s is the operator's own territory.", territory=whole.there)
            if at:
                return say(
                    "%(home)s and %(territory)s were one customs territory on %(day)s.", **names
                )
            return say("%(home)s and %(territory)s were one customs territory.", **names)
        case ReasonCode.NO_AGREEMENT if whole.of("territory"):
            if at:
                text = say(
                    "No agreement on record linked %(home)s to %(territory)s on %(day)s", **names
                )
            else:
                text = say("No agreement on record linked %(home)s to %(territory)s", **names)
            before = (
                say(
                    "%(agreement)s did until %(day)s",
                    agreement=each.agreement,
                    day=each.day("until"),
                )
                for each in items
            )
            return joined(say, [text, *before])
        case ReasonCode.NO_CONSENT if whole.of("territory"):
            return joined(say, [*_consent(whole), *(_asking(each) for each in items)])
        case ReasonCode.NO_AUTHORISATION if whole.of("operator"):
            return _no_authorisation(whole)
    return joined(say, (_item(code, whole, each) for each in items))


def _consent(whole: FactValues) -> Iterator[str]:
    """The clauses about the consent that is missing: which, since when, and whether the partner was
    found adequate by the programmes whose consent is general."""
    say, at = whole.say, whole.at
    names = {"operator": whole.operator, "territory": whole.there, "day": at}
    if whole.of("consentGiven"):
        yield say(
            "the general consent of %(operator)s reaches partners that were found adequate", **names
        )
    else:
        yield _consent_missing(whole)
    if whole.of("withdrawnOn"):
        yield say("it was withdrawn as of %(day)s", day=whole.day("withdrawnOn"))
    if whole.of("notFoundAdequate"):
        yield say(
            "the data protection of %(territory)s had not been found adequate",
            territory=whole.there,
        )


def _consent_missing(whole: FactValues) -> str:
    say, at = whole.say, whole.at
    names = {"operator": whole.operator, "territory": whole.there, "day": at}
    match whole.of("consentLaw") == "general", bool(at):
        case True, True:
            return say("%(operator)s had given no general consent on %(day)s", **names)
        case True, False:
            return say("%(operator)s had given no general consent", **names)
        case False, True:
            return say("%(operator)s had given no consent to %(territory)s on %(day)s", **names)
        case _:
            return say("%(operator)s had given no consent to %(territory)s", **names)


def _no_authorisation(whole: FactValues) -> str:
    names = {"operator": whole.of("operator"), "day": whole.at}
    if whole.at:
        return whole.say(
            N_("No AEO authorisation of %(operator)s was on record for %(day)s."), **names
        )
    return whole.say("No AEO authorisation of %(operator)s was on record.", **names)


def _item(code: ReasonCode, whole: FactValues, item: FactValues) -> str:
    say, at = whole.say, whole.at
    names: dict[str, Any] = {"agreement": item.agreement, "day": at, "territory": whole.there}
    match code:
        case ReasonCode.IN_FORCE:
            return in_force(whole, item)
        case ReasonCode.UNMATCHED_IDENTIFIER:
            return _unmatched(whole, item)
        case ReasonCode.STALE_DATA:
            return stale(whole, item)
        case ReasonCode.DATE_UNCERTAIN if item.of("standing"):
            return between_lists(whole, item)
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
            return say(
                "%(operator)s: authorised as %(own)s; the question is about %(asked)s",
                operator=whole.operator,
                own=item.terms("authorisedRole"),
                asked=item.terms("role"),
            )
        case ReasonCode.ROLE_OUT_OF_SCOPE:
            names |= {"covered": item.terms("coveredRole"), "asked": item.terms("role")}
            return say("%(agreement)s: covers %(covered)s; not %(asked)s", **names)
        case ReasonCode.DIRECTION_OUT_OF_SCOPE:
            names |= {"covered": item.terms("coveredDirection"), "asked": item.terms("direction")}
            return say(
                "%(agreement)s: covers only %(covered)s; the question is about %(asked)s", **names
            )
        case ReasonCode.GOODS_OUT_OF_SCOPE:
            names |= {"covered": item.list("coveredHs"), "asked": item.list("hs")}
            return say(
                "%(agreement)s: covers HS %(covered)s; the question is about HS %(asked)s", **names
            )
        case ReasonCode.CROSSING_OUT_OF_SCOPE:
            names |= {
                "covered": item.list("coveredCrossing", "coveredMode"),
                "asked": item.of("crossing") or item.list("mode"),
            }
            return say(
                "%(agreement)s: covers %(covered)s; the question is about %(asked)s", **names
            )
    return agreement_state(code, whole, item)


def _unmatched(whole: FactValues, item: FactValues) -> str:
    say, at = whole.say, whole.at
    names: dict[str, Any] = {
        "agreement": item.agreement,
        "day": at,
        "territory": whole.there,
        "scheme": item.of("identifierScheme") or say("an identifier"),
        "operator": whole.operator,
    }
    if at:
        return say(
            "%(agreement)s: %(territory)s finds operators by %(scheme)s, and none of"
            " %(operator)s is on record for %(day)s",
            **names,
        )
    return say(
        "%(agreement)s: %(territory)s finds operators by %(scheme)s, and none of"
        " %(operator)s is on record",
        **names,
    )


def _asking(item: FactValues) -> str:
    if item.of("programme"):
        return item.say(
            "%(agreement)s requires it by the law of %(programme)s",
            agreement=item.agreement,
            programme=item.list("programme"),
        )
    return item.say("%(agreement)s requires it", agreement=item.agreement)


#: The words of a status in a reason about it.
_STANDINGS = {
    "GRANTED": N_("granted but not yet in effect"),
    "DECISION_AWAITED": N_("past the end that was set, without the decision that ends it,"),
    "SUSPENDED": N_("suspended"),
    "EXPIRED": N_("expired"),
    "REVOKED": N_("revoked"),
    "ANNULLED": N_("annulled"),
    "SURRENDERED": N_("surrendered"),
    "SUPERSEDED": N_("superseded"),
}


def _standing(code: ReasonCode, whole: FactValues, item: FactValues) -> str:
    say, at = whole.say, whole.at
    standing = item.of("standing")
    if standing:
        word = say(_STANDINGS.get(standing) or standing.lower())
    else:
        word = say("ended") if code is ReasonCode.AUTHORISATION_ENDED else say("suspended")
    if item.of("part"):
        parts = ", ".join(part for part in item.all("part") if part != "abroad")
        if parts:
            word = say(
                "the part recognised abroad (%(parts)s) %(status)s", parts=parts, status=word
            )
        else:
            word = say("the part recognised abroad %(status)s", status=word)
    names: dict[str, Any] = {
        "authorisation": item.authorisation,
        "status": word,
        "since": item.day("since"),
        "day": at,
    }
    match bool(item.of("since")), bool(at):
        case True, True:
            return say(
                "%(authorisation)s: %(status)s since %(since)s and still on %(day)s", **names
            )
        case True, False:
            return say("%(authorisation)s: %(status)s since %(since)s", **names)
        case False, True:
            return say("%(authorisation)s: %(status)s from the first and still on %(day)s", **names)
    return say("%(authorisation)s: %(status)s from the first", **names)


def _type(item: FactValues) -> str:
    say = item.say
    if item.of("held") and not item.of("coveredType"):
        return say(
            "%(held)s: lacks the part that partners recognise, whatever a clause covers",
            held=item.list("held"),
        )
    if not item.of("coveredType"):
        code = item.of("to")
        return say(
            "%(agreement)s: no clause on record for %(start)s into %(end)s",
            agreement=item.agreement,
            start=item.start,
            end=item.territory(code) if code else say("the other"),
        )
    names: dict[str, Any] = {
        "agreement": item.agreement,
        "types": item.list("coveredType"),
        "held": item.list("held"),
    }
    if item.of("coveredProgramme"):
        return say(
            "%(agreement)s: covers %(types)s of %(programmes)s; the operator held %(held)s",
            programmes=item.list("coveredProgramme"),
            **names,
        )
    return say("%(agreement)s: covers %(types)s; the operator held %(held)s", **names)
