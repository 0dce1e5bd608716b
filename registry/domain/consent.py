"""The law of consent: whether an operator's data may be shared with a partner.

The law of a programme has one of three forms, each from a day on and with its source, as the rule
`sharing_consent`: consent to each partner (`per partner`, earlier written `required`), one general
consent for every partner whose data protection was found adequate (`general`), or none (state
NONE). The partners found adequate are rules of the programme, too: `adequate.<CODE>`. An agreement
may require consent where the law does not. All instants are in UTC; intervals are half open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from registry.domain.values import AdministrationCode

#: The values of `sharing_consent`. REQUIRED is the earlier word for PER_PARTNER.
PER_PARTNER, GENERAL, REQUIRED = "per partner", "general", "required"
CONSENT_LAWS = (PER_PARTNER, GENERAL, REQUIRED)
#: The prefix of the rules that name a partner found adequate, and their value.
OF_ADEQUACY, ADEQUATE = "adequate.", "adequate"
#: The value of `consent_proof`: consents and withdrawals name the document that proves them.
WRITTEN = "written"
#: The scopes of consents that are no administration, in tables and sets.
TO_THE_PUBLIC, TO_ALL_ADEQUATE = "*", "+"


class Consented(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """A consent over a valid-time interval.

    `general`: to every partner found adequate. Otherwise `partner` is None for consent to
    publication.
    """

    partner: AdministrationCode | None
    valid_from: datetime
    valid_to: datetime | None = None
    general: bool = False

    @property
    def scope(self) -> str:
        """The scope as one text: see `scope_of`."""
        return scope_of(self.partner, self.general)


def scope_of(partner: AdministrationCode | None, general: bool) -> str:
    """The scope of a consent as one text: an administration's code, or the mark of the public or of
    all partners found adequate."""
    if general:
        return TO_ALL_ADEQUATE
    return partner.text if partner else TO_THE_PUBLIC


@dataclass(frozen=True)
class ConsentLaw:
    """A valid-time interval of a programme's law of consent.

    The law requires consent: a general one if `general`, else one to each partner. With `adequate`
    it says instead that this partner, or bloc, was found adequate.
    """

    programme: str
    valid_from: datetime
    valid_to: datetime | None = None
    general: bool = False
    adequate: AdministrationCode | None = None


def requiring(laws: Iterable[ConsentLaw]) -> frozenset[str]:
    """The programmes whose law requires consent, by the laws of one instant."""
    return frozenset(law.programme for law in laws if law.adequate is None)


def is_consented(
    programmes: Collection[str],
    consents: Iterable[Consented],
    laws: Collection[ConsentLaw],
    parties: Collection[AdministrationCode],
) -> bool:
    """Whether an operator's consent reaches a partner, by the consents and laws of one instant.

    `programmes`: those of its authorisations. `parties`: the partner and its blocs of that instant;
    consent to a bloc reaches its members. Where the law of a programme is general, only the general
    consent counts, and only if the partner was found adequate for each such programme; where
    another one requires consent to each partner, that is needed, too. Without a law of its own an
    operator may have given either.
    """
    given = list(consents)
    general = {law.programme for law in laws if law.general}.intersection(programmes)
    each = requiring(laws).intersection(programmes) - general
    to_partner = any(c.partner in parties for c in given if c.partner is not None)
    if not general and (to_partner or each):
        return to_partner
    found: dict[str, bool] = {law.programme: False for law in laws if law.general}
    for law in laws:
        if law.adequate in parties and law.programme in found:
            found[law.programme] = True
    adequate = all(found[code] for code in general) if general else any(found.values())
    return adequate and any(c.general for c in given) and (to_partner or not each)
