"""One operator's life, through all roles: the steps that the tour shows of the demonstration."""

from __future__ import annotations

from dataclasses import dataclass

from api.languages.language import N_

#: The operator whose life it is: a synthetic one of China.
OPERATOR = "CN0000000012"
OFFICER, PARTNER, AUDITOR = "officer:CN", "partner:SG", "auditor:*"
COMPANY, STRANGER = f"company:{OPERATOR}", ""
#: Who each of them is, as texts of the catalogues.
WHO = {
    OFFICER: N_("an officer of Chinese customs"),
    PARTNER: N_("customs of Singapore, a partner"),
    AUDITOR: N_("an auditor"),
    COMPANY: N_("the company itself"),
    STRANGER: N_("anybody, without signing in"),
}


@dataclass(frozen=True)
class LifeStep:
    """A step: its title, the identity to take ("" for the public), the page to open, and what is
    to be seen there. Titles and texts are texts of the catalogues."""

    title: str
    subject: str
    address: str
    see: str


def _operator(rest: str) -> str:
    return f"/operators/{OPERATOR}{rest}"


LIFE = (
    LifeStep(
        N_("It applies"),
        OFFICER,
        _operator("?at=2019-01-08&known-at=2019-01-08"),
        N_("The home officer sees an application that is lodged, and not yet accepted."),
    ),
    LifeStep(
        N_("It is examined"),
        OFFICER,
        _operator("?at=2019-01-15&known-at=2019-01-15"),
        N_("Under examination. No partner is shown an application."),
    ),
    LifeStep(
        N_("It is granted the status"),
        OFFICER,
        _operator("?tab=history&at=2019-03-20&known-at=2019-03-20"),
        N_("Valid since 18 March 2019: the certificate number, and every event so far."),
    ),
    LifeStep(
        N_("It is recognised abroad"),
        PARTNER,
        f"/check?number={OPERATOR}&in=SG&day=2026-02-02",
        N_(
            "Customs of Singapore asks about a consignment: recognised, by which agreement, and"
            " what stands in the declaration."
        ),
    ),
    LifeStep(
        N_("It is suspended"),
        OFFICER,
        _operator("?at=2026-03-11"),
        N_(
            "Suspended with effect from 1 March 2026, recorded on 10 March. Below are the decisions"
            " that its file allows now."
        ),
    ),
    LifeStep(
        N_("The past is corrected"),
        AUDITOR,
        f"/audit?of={OPERATOR}&in=SG&at=2026-03-05&known-at=2026-03-06",
        N_(
            "Two clocks: of 5 March, as known on 6 March, the answer was recognised; as known now"
            " it is not. Both stay on record."
        ),
    ),
    LifeStep(
        N_("Many are decided at once"),
        OFFICER,
        f"/work/lift-suspension?tins={OPERATOR}",
        N_(
            "One form for up to 200 operators. The preview says what changes for each; nothing is"
            " recorded before you confirm it."
        ),
    ),
    LifeStep(
        N_("It withdraws a consent"),
        COMPANY,
        _operator("/withdraw-consent"),
        N_(
            "The company itself decides which partner may see it. The check of its form says which"
            " territories it loses."
        ),
    ),
    LifeStep(
        N_("It has a certificate"),
        COMPANY,
        _operator("/certificate"),
        N_(
            "A PDF with a QR code and a signed credential. Of a suspended authorisation none is"
            " made: lift the suspension first."
        ),
    ),
    LifeStep(
        N_("A stranger verifies it"),
        STRANGER,
        "/verify",
        N_(
            "Give it the PDF, a photograph of the code, or the link: green, amber or red, as of now"
            " and as of then. Suspend the operator again, and the open page turns red."
        ),
    ),
    LifeStep(
        N_("It is audited"),
        AUDITOR,
        _operator("/looks"),
        N_(
            "Who asked about it, when and for what purpose. Its events are proved on the audit"
            " page."
        ),
    ),
)
