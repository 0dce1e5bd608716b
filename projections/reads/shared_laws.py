"""The facts of the rule from JSON text, with those of the law decoded once for many answers.

The operators of a home share the law towards a territory, and it seldom changes. So its text is
decoded once, and what the rule says under it, interval by interval, is worked out once
(projections/reads/unchanged_intervals.py), for as long as a process runs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from projections.reads.unchanged_intervals import UnchangedIntervals
from registry.domain.agreements.links import Link
from registry.domain.consent import Consented, ConsentLaw
from registry.domain.operators.timeline import Identified, Period
from registry.domain.recognition import Member, RecognitionFacts
from registry.domain.values import AdministrationCode, Tin, decode_value

MOST = 256  # laws that are kept; then all are forgotten
_NONE = msgspec.Raw(b"[]")


class _Law(msgspec.Struct, frozen=True):
    links: list[Link]
    members: list[Member]
    consent_laws: list[ConsentLaw]


class _Facts(msgspec.Struct):
    """The fields of RecognitionFacts; those of the law are not decoded."""

    tin: Tin | None
    administration: AdministrationCode | None = None
    periods: list[Period] = []
    identifiers: list[Identified] = []
    consents: list[Consented] = []
    links: msgspec.Raw = _NONE
    members: msgspec.Raw = _NONE
    consent_laws: msgspec.Raw = _NONE
    list_as_of: datetime | None = None
    list_cadence: int | None = None
    withdrawn: datetime | None = None


_facts = msgspec.json.Decoder(_Facts, dec_hook=decode_value).decode
_law = msgspec.json.Decoder(_Law, dec_hook=decode_value).decode


class SharedLaws:
    """The laws of one process. `intervals`: those of answers from these facts."""

    def __init__(self) -> None:
        self.intervals = UnchangedIntervals()
        self._laws: dict[bytes, _Law] = {}

    def facts(self, text: bytes | msgspec.Raw) -> RecognitionFacts:
        """The facts of a JSON object with the fields of RecognitionFacts."""
        found = _facts(text)
        parts: tuple[Any, ...] = found.links, found.members, found.consent_laws
        key = b'{"links":%b,"members":%b,"consent_laws":%b}' % tuple(map(bytes, parts))
        law = self._laws.get(key)
        if law is None:
            if len(self._laws) >= MOST:
                self._laws, self.intervals = {}, UnchangedIntervals()
            law = self._laws[key] = _law(key)
        return RecognitionFacts(
            found.tin,
            found.administration,
            found.periods,
            found.identifiers,
            found.consents,
            law.links,
            law.members,
            law.consent_laws,
            found.list_as_of,
            found.list_cadence,
            found.withdrawn,
        )
