"""Sentences of reasons about the results of controls."""

from __future__ import annotations

from typing import Any

from api.graphql.types.agreement_sentences import agreement_state, left_open
from api.graphql.types.fact_values import FactValues, joined
from registry.domain.values import ReasonCode


def about_controls(code: ReasonCode, whole: FactValues, items: list[FactValues]) -> str:
    """The sentence about control results."""
    say, at = whole.say, whole.at
    names: dict[str, Any] = {
        "agreement": whole.list("agreement"),
        "start": whole.start,
        "end": whole.there,
        "hs": whole.list("hs"),
        "crossing": whole.of("crossing") or say("that crossing"),
        "day": at,
    }
    match code:
        case ReasonCode.NO_AGREEMENT:
            return say(
                "No agreement on the results of controls is on record from %(start)s into %(end)s.",
                **names,
            )
        case ReasonCode.IN_FORCE if at:
            return say(
                "%(agreement)s: controls of HS %(hs)s at %(crossing)s were recognised from"
                " %(start)s into %(end)s on %(day)s.",
                **names,
            )
        case ReasonCode.IN_FORCE:
            return say(
                "%(agreement)s: controls of HS %(hs)s at %(crossing)s were recognised from"
                " %(start)s into %(end)s.",
                **names,
            )
        case ReasonCode.DIRECTION_OUT_OF_SCOPE:
            return say(
                "%(agreement)s: covers HS %(hs)s only in the other direction, not from %(start)s"
                " into %(end)s.",
                **names,
            )
        case ReasonCode.GOODS_OUT_OF_SCOPE:
            return say(
                "%(agreement)s: covers no goods of HS %(hs)s from %(start)s into %(end)s.", **names
            )
        case ReasonCode.CROSSING_OUT_OF_SCOPE:
            return say(
                "%(agreement)s: does not cover HS %(hs)s at %(crossing)s from %(start)s into"
                " %(end)s.",
                **names,
            )
        case ReasonCode.DATE_UNCERTAIN if items:
            return joined(say, (_perhaps_covered(whole, each, names) for each in items))
    text = joined(say, (agreement_state(code, whole, each) for each in items))
    if text:
        return text
    return _not_covered(code, whole, names)


def _perhaps_covered(whole: FactValues, item: FactValues, names: dict[str, Any]) -> str:
    own = names | {"agreement": item.agreement, "interval": left_open(item)}
    if whole.at:
        return whole.say(
            "%(agreement)s: no source says whether it covered HS %(hs)s at %(crossing)s from"
            " %(start)s into %(end)s on %(day)s; the dates leave open %(interval)s",
            **own,
        )
    return whole.say(
        "%(agreement)s: no source says whether it covered HS %(hs)s at %(crossing)s from"
        " %(start)s into %(end)s; the dates leave open %(interval)s",
        **own,
    )


def _not_covered(code: ReasonCode, whole: FactValues, names: dict[str, Any]) -> str:
    say = whole.say
    match code is ReasonCode.AGREEMENT_TERMINATED, bool(whole.at):
        case True, True:
            return say(
                "%(agreement)s: no longer covered HS %(hs)s at %(crossing)s from %(start)s into"
                " %(end)s on %(day)s.",
                **names,
            )
        case True, False:
            return say(
                "%(agreement)s: no longer covered HS %(hs)s at %(crossing)s from %(start)s into"
                " %(end)s.",
                **names,
            )
        case False, True:
            return say(
                "%(agreement)s: not yet covered HS %(hs)s at %(crossing)s from %(start)s into"
                " %(end)s on %(day)s.",
                **names,
            )
    return say(
        "%(agreement)s: not yet covered HS %(hs)s at %(crossing)s from %(start)s into %(end)s.",
        **names,
    )
