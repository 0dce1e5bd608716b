"""What agreements let a partner administration see of another's operators, at a past time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from registry.domain.agreements.links import LinkState
from registry.domain.bitemporal import ALWAYS
from registry.domain.consent import ConsentLaw
from registry.domain.recognition import RecognitionFacts, is_valid_at
from registry.domain.values import AdministrationCode


@dataclass(frozen=True)
class AgreementAccess:
    """What agreements let a subject see: whether consent is required, and to which administrations
    it may be given."""

    consent_required: bool
    consent_to: frozenset[AdministrationCode]
    consent_laws: frozenset[ConsentLaw]  # Without dates; of partners found adequate, the subject.


def agreement_access(
    law: RecognitionFacts, home: AdministrationCode, partner: AdministrationCode, at: datetime
) -> AgreementAccess | None:
    """What agreements, as believed in `law`, let a subject see at an instant of valid time (UTC);
    None: nothing."""

    def covers(party: AdministrationCode, code: AdministrationCode) -> bool:
        return party == code or any(
            m.bloc == party and m.member == code and is_valid_at(m, at) for m in law.members
        )

    links = [
        link
        for link in law.links
        if link.state in (LinkState.LIVE, LinkState.UNCERTAIN)
        and is_valid_at(link, at)
        and covers(link.clause.from_, home)
        and covers(link.clause.to, partner)
    ]
    if not links:
        return None
    # Consent to a bloc counts for the agreements of its members at that instant.
    parties = frozenset({partner, *(m.bloc for m in law.members if covers(m.bloc, partner))})
    return AgreementAccess(
        all(link.clause.consent_required for link in links),
        parties,
        frozenset(
            replace(row, valid_from=ALWAYS, valid_to=None)
            for row in law.consent_laws
            if is_valid_at(row, at) and (row.adequate is None or row.adequate in parties)
        ),
    )
