"""Clauses of reasons about agreements: in force, out of date, uncertain, and not in force."""

from __future__ import annotations

from typing import Any

from api.graphql.types.fact_values import FactValues
from registry.domain.values import ReasonCode


def in_force(whole: FactValues, item: FactValues) -> str:
    """Returns the clause about an agreement that is in force."""
    say, at = whole.say, whole.at
    names: dict[str, Any] = {
        "agreement": item.agreement,
        "home": whole.home,
        "territory": whole.there,
        "day": at,
        "authorisation": item.of("authorisation"),
        "rules": ", ".join(
            whole.language.pgettext(rule, rule.replace("_", " "))
            for rule in item.all("ruleUnknown")
        ),
    }
    match bool(at), bool(names["authorisation"]):
        case True, True:
            text = say(
                "%(agreement)s: in force from %(home)s into %(territory)s on %(day)s, and covers"
                " %(authorisation)s",
                **names,
            )
        case False, True:
            text = say(
                "%(agreement)s: in force from %(home)s into %(territory)s, and covers"
                " %(authorisation)s",
                **names,
            )
        case True, False:
            text = say(
                "%(agreement)s: in force from %(home)s into %(territory)s on %(day)s", **names
            )
        case _:
            text = say("%(agreement)s: in force from %(home)s into %(territory)s", **names)
    if not names["rules"]:
        return text
    return say(
        "%(sentence)s, decided although the rule on %(rules)s is unknown",
        sentence=text,
        rules=names["rules"],
    )


def stale(whole: FactValues, item: FactValues) -> str:
    """Returns the clause about a list that is older than the agreement allows, or than the source
    declared."""
    say, hours, list_day = whole.say, item.of("maxAgeHours"), item.day("listAsOf")
    names: dict[str, Any] = {
        "agreement": item.agreement,
        "home": whole.home,
        "list_day": list_day,
        "day": whole.at,
    }
    declared = item.of("declaredBy")
    if hours and declared:
        names["limit"] = say(
            "the %(hours)s hours within which %(territory)s declared to send",
            hours=hours,
            territory=item.territory(declared),
        )
    elif hours:
        names["limit"] = say("the %(hours)s hours that it allows", hours=hours)
    else:
        names["limit"] = say("it allows")
    match bool(list_day), bool(whole.at):
        case True, True:
            return say(
                "%(agreement)s: the last list of %(home)s is as of %(list_day)s, older on %(day)s"
                " than %(limit)s",
                **names,
            )
        case True, False:
            return say(
                "%(agreement)s: the last list of %(home)s is as of %(list_day)s, older than"
                " %(limit)s",
                **names,
            )
        case False, True:
            return say(
                "%(agreement)s: the last list of %(home)s is older on %(day)s than %(limit)s",
                **names,
            )
    return say("%(agreement)s: the last list of %(home)s is older than %(limit)s", **names)


def between_lists(whole: FactValues, item: FactValues) -> str:
    """Returns the clause about an authorisation between two readings of a list."""
    say = whole.say
    names: dict[str, Any] = {
        "authorisation": item.authorisation,
        "day": whole.at,
        "interval": interval(item),
    }
    if whole.at:
        return say(
            "%(authorisation)s: no published list says whether it was valid on %(day)s; by the days"
            " on which the lists were read it is open %(interval)s",
            **names,
        )
    return say(
        "%(authorisation)s: no published list says whether it was valid; by the days on which the"
        " lists were read it is open %(interval)s",
        **names,
    )


def agreement_state(code: ReasonCode, whole: FactValues, item: FactValues) -> str:
    """The phrase about the state of an agreement between the two sides."""
    say, at, since = whole.say, whole.at, item.day("since")
    sides = [whole.territory(side) for side in item.all("side")]
    names: dict[str, Any] = {
        "agreement": item.agreement,
        "party": whole.language.pair(sides) if sides else whole.there,
        "day": at,
        "since": since,
    }
    match code:
        case ReasonCode.AGREEMENT_NOT_IMPLEMENTED if at:
            return say("%(agreement)s: %(party)s had not implemented it on %(day)s", **names)
        case ReasonCode.AGREEMENT_NOT_IMPLEMENTED:
            return say("%(agreement)s: %(party)s had not implemented it", **names)
        case ReasonCode.AGREEMENT_SUSPENDED if since and at:
            return say(
                "%(agreement)s: %(party)s had suspended it since %(since)s, on %(day)s", **names
            )
        case ReasonCode.AGREEMENT_SUSPENDED if since:
            return say("%(agreement)s: %(party)s had suspended it since %(since)s", **names)
        case ReasonCode.AGREEMENT_SUSPENDED if at:
            return say("%(agreement)s: %(party)s had suspended it on %(day)s", **names)
        case ReasonCode.AGREEMENT_SUSPENDED:
            return say("%(agreement)s: %(party)s had suspended it", **names)
        case ReasonCode.AGREEMENT_TERMINATED if since and at:
            return say("%(agreement)s: ended on %(since)s, before %(day)s", **names)
        case ReasonCode.AGREEMENT_TERMINATED if since:
            return say("%(agreement)s: ended on %(since)s", **names)
        case ReasonCode.AGREEMENT_TERMINATED if at:
            return say("%(agreement)s: ended, before %(day)s", **names)
        case ReasonCode.AGREEMENT_TERMINATED:
            return say("%(agreement)s: ended", **names)
        case ReasonCode.DATE_UNCERTAIN:
            return _uncertain(whole, item, names)
    return ""


def _uncertain(whole: FactValues, item: FactValues, names: dict[str, Any]) -> str:
    names["interval"] = left_open(item)
    if whole.at:
        return whole.say(
            "%(agreement)s: no source says whether it was in force in %(party)s on %(day)s; the"
            " dates leave open %(interval)s",
            **names,
        )
    return whole.say(
        "%(agreement)s: no source says whether it was in force in %(party)s; the dates leave open"
        " %(interval)s",
        **names,
    )


def left_open(item: FactValues) -> str:
    """The phrase for the interval in which no source says whether something was in force."""
    if not item.day("since") and not item.day("until"):
        return item.say("all days")
    return interval(item)


def interval(item: FactValues) -> str:
    """Returns the interval from `since` to `until`, each of which may be missing."""
    say, since, until = item.say, item.day("since"), item.day("until")
    match bool(since), bool(until):
        case True, True:
            return say("%(since)s to %(until)s", since=since, until=until)
        case True, False:
            return say("%(since)s on", since=since)
        case False, True:
            return say("from the first to %(until)s", until=until)
    return say("from the first on")
