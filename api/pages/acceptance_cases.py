"""The seventeen questions that the register was built to answer, as anybody may ask them.

Each is asked live of what is loaded; nothing here knows the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from api.languages.language import N_


@dataclass(frozen=True)
class Asking:
    """One query of a question: its label and variables, and its as-of pair as one would type it."""

    label: str
    at: str = ""
    known: str = ""
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One question. `answer`: the template that shows the answer; `clocks`: whether the document
    has `$asOf`; `subject`: who asks it on the tour, "" for the public; `sees`: what that subject is
    answered, for a reader who is not it."""

    number: int
    title: str
    question: str
    point: str
    answer: str
    document: str
    askings: tuple[Asking, ...]
    clocks: bool = True
    subject: str = ""
    sees: str = ""


PARTNERS = """\
query Partners($of: AdministrationCode!, $asOf: AsOf) {
  partners(of: $of, status: SIGNED_OR_LATER, asOf: $asOf) {
    administration { code name }
    recognises
    recognisedBy
    agreements { code status }
  }
}"""

CLAIMS = """\
query Claims($subject: AdministrationCode!, $measure: String) {
  claims(subject: $subject, measure: $measure) {
    measure value asOf source
    registryCount difference
    reason { code message facts { name value item zone } }
  }
}"""

CONTROL = """\
query ControlResult(
  $from: AdministrationCode!, $to: AdministrationCode!,
  $crossing: String!, $hs: HSCode!, $asOf: AsOf
) {
  controlResult(from: $from, to: $to, crossing: $crossing, hs: $hs, asOf: $asOf) {
    outcome
    reasons { code message facts { name value item zone } }
    clauses { from to hs crossings begins { earliest latest } assumed }
    agreement { code title status }
  }
}"""

RECOGNITION = """\
query Recognition($tin: TIN!, $in: AdministrationCode!, $asOf: AsOf) {
  recognition(tin: $tin, in: $in, asOf: $asOf) {
    tin in outcome legal operational
    reasons { code message facts { name value item zone } }
    bases {
      agreement { code title }
      authorisation since assumed
      identifierScheme identifier declarationBox benefits
    }
    validFrom validTo at knownAt position
  }
}"""

OPERATOR = """\
query Operator($tin: TIN!, $asOf: AsOf) {
  operator(tin: $tin, asOf: $asOf) {
    tin name localName standing standingAbroad
    successor { tin name standing }
    authorisations { number type status since programme { code } }
  }
}"""

TARGETS = """\
query Targets($asOf: AsOf) {
  targets(asOf: $asOf) {
    document owner text deadline met source quotation note
    reason { code message facts { name value item zone } }
  }
}"""

AGREEMENTS = """\
query Agreements($filter: AgreementFilter, $asOf: AsOf) {
  agreements(filter: $filter, asOf: $asOf, first: 50) {
    totalCount
    edges { node { code title titles kind status parties { code } pillars } }
  }
}"""

SUIFENHE, HEIHE = "Suifenhe-Pogranichny", "Heihe-Blagoveshchensk"


def _in(tin: str, territory: str) -> dict[str, Any]:
    return {"tin": tin, "in": territory}


def _of_china(measure: str) -> dict[str, Any]:
    return {"subject": "CN", "measure": measure}


def _with_russia(kind: str) -> dict[str, Any]:
    return {"filter": {"between": ["CN", "RU"], "kind": kind}}


def _control(from_: str, to: str, crossing: str, hs: str) -> dict[str, Any]:
    return {"from": from_, "to": to, "crossing": crossing, "hs": hs}


CASES = (
    Case(
        1,
        N_("How many partners did China have on 1 February 2018?"),
        N_(
            "With how many customs territories had China signed mutual recognition of authorised "
            "operators by 2018-02-01, each member of the European Union counted for itself?"
        ),
        N_("The published claim of that week is 35. The register counts for itself."),
        "partners",
        PARTNERS,
        (Asking(N_("China"), "2018-02-01", "", {"of": "CN"}),),
    ),
    Case(
        2,
        N_("The published ladder, beside the register's own count"),
        N_(
            "For every count of China's partners that was ever published: what did it say, what "
            "does the register count for the same day, and who explains the difference?"
        ),
        N_("A claim is stored as it was made; the register never bends its own count to fit it."),
        "claims",
        CLAIMS,
        (
            Asking(N_("Territories"), variables=_of_china("aeo_partner_territories_signed")),
            Asking(N_("Economies"), variables=_of_china("aeo_partner_economies_signed")),
            Asking(N_("In force"), variables=_of_china("aeo_partner_territories_implemented")),
        ),
        clocks=False,
    ),
    Case(
        3,
        N_("The minute in which the United Kingdom left the set"),
        N_(
            "Who were China's partners one minute before, and one minute after, the end of the "
            "transition at midnight in Brussels on the last day of 2020?"
        ),
        N_(
            "Membership here means the customs territory, left eleven months after the Union "
            "itself."
        ),
        "partners",
        PARTNERS,
        (
            Asking(N_("22:59 UTC"), "2020-12-31T22:59Z", "", {"of": "CN"}),
            Asking(N_("23:00 UTC"), "2020-12-31T23:00Z", "", {"of": "CN"}),
        ),
    ),
    Case(
        4,
        N_("Fruit inspected in China, at Suifenhe in 2014"),
        N_(
            "May Russian customs at Pogranichny rely on China's inspection of fruit (HS 07, 08) "
            "that crossed from Suifenhe on 2014-09-01?"
        ),
        N_("Control results are recognised by direction, crossing and goods, not by operator."),
        "control",
        CONTROL,
        (
            Asking(N_("Vegetables, HS 07"), "2014-09-01", "", _control("CN", "RU", SUIFENHE, "07")),
            Asking(N_("Fruit, HS 08"), "2014-09-01", "", _control("CN", "RU", SUIFENHE, "08")),
        ),
    ),
    Case(
        5,
        N_("Russian soya at Heihe, New Year 2015"),
        N_(
            "May Chinese customs at Heihe rely on Russia's inspection of soya (HS 1201) on "
            "2015-01-01?"
        ),
        N_("Extended some time between August 2014 and June 2017: nobody's source says when."),
        "control",
        CONTROL,
        (Asking(N_("Soya, HS 1201"), "2015-01-01", "", _control("RU", "CN", HEIHE, "1201")),),
    ),
    Case(
        6,
        N_("The same soya in July 2017"),
        N_(
            "May Chinese customs at Heihe rely on Russia's inspection of soya (HS 1201) on "
            "2017-07-01?"
        ),
        N_("By then it had been extended on any reading; which crossings it covers is assumed."),
        "control",
        CONTROL,
        (Asking(N_("Soya, HS 1201"), "2017-07-01", "", _control("RU", "CN", HEIHE, "1201")),),
    ),
    Case(
        7,
        N_("Timber, in the wrong direction"),
        N_(
            "May Russian customs at Blagoveshchensk rely on China's inspection of timber (HS 4407)?"
        ),
        N_("Timber is covered there, from Russia to China. A scope defaults to no."),
        "control",
        CONTROL,
        (Asking(N_("Timber, HS 4407"), "2017-07-01", "", _control("CN", "RU", HEIHE, "4407")),),
    ),
    Case(
        8,
        N_("Each side begins for itself: China and Australia"),
        N_(
            "Was a Chinese exporter recognised in Australia, and an Australian one in China, in "
            "June 2018 and in January 2024?"
        ),
        N_("Signed in November 2017; each side put it into practice by its own date, years apart."),
        "recognition",
        RECOGNITION,
        (
            Asking(N_("China's in Australia, 2018"), "2018-06-01", "", _in("CN1234567890", "AU")),
            Asking(
                N_("Australia's in China, 2018"), "2018-06-01", "", _in("AUSYNTHETIC0001", "CN")
            ),
            Asking(N_("China's in Australia, 2024"), "2024-01-01", "", _in("CN1234567890", "AU")),
            Asking(
                N_("Australia's in China, 2024"), "2024-01-01", "", _in("AUSYNTHETIC0001", "CN")
            ),
        ),
        subject="officer:CN",
        sees=N_(
            "In June 2018 China's is recognised in Australia and Australia's is not in China; in "
            "January 2024 both are recognised."
        ),
    ),
    Case(
        9,
        N_("Nine days under the ASEAN arrangement"),
        N_("Was a Singaporean operator recognised in Thailand on 10, and on 20 August 2024?"),
        N_(
            "Between two members an arrangement of many is live from the later of their own starts."
        ),
        "recognition",
        RECOGNITION,
        (
            Asking(N_("10 August 2024"), "2024-08-10", "", _in("SGSYNTHETIC0001", "TH")),
            Asking(N_("20 August 2024"), "2024-08-20", "", _in("SGSYNTHETIC0001", "TH")),
        ),
        subject="auditor:*",
        sees=N_("Not recognised on 10 August 2024, recognised on 20 August."),
    ),
    Case(
        10,
        N_("A Belarusian operator of the wrong type"),
        N_("Is a Belarusian operator of type 2 recognised in China?"),
        N_("The clause covers type 3 only. The second question asks for one of those."),
        "recognition",
        RECOGNITION,
        (
            Asking(N_("Type 2"), variables=_in("BYSYNTHETIC0002", "CN")),
            Asking(N_("Type 3"), variables=_in("BYSYNTHETIC0003", "CN")),
        ),
        subject="officer:CN",
        sees=N_("The one of type 2 is not recognised, the one of type 3 is."),
    ),
    Case(
        11,
        N_("Three arrangements cover one pair"),
        N_("Is a Peruvian operator recognised in Colombia?"),
        N_(
            "Recognition is the union of all that covers the pair, and every basis is listed. "
            "Where no source gives the day on which any of them began, the answer says so."
        ),
        "recognition",
        RECOGNITION,
        (Asking(N_("Today"), variables=_in("PESYNTHETIC0001", "CO")),),
        subject="auditor:*",
        sees=N_("Unknown: no source gives the day on which any of the three began."),
    ),
    Case(
        12,
        N_("Suspended on the first, recorded on the tenth"),
        N_(
            "Was this Chinese exporter recognised in Singapore on 5 March 2026: as the register "
            "knew it on the 6th, and as it knew it on the 11th?"
        ),
        N_("Both answers were right when given. Law and knowledge have a clock each."),
        "recognition",
        RECOGNITION,
        (
            Asking(N_("Known on 6 March"), "2026-03-05", "2026-03-06", _in("CN0000000012", "SG")),
            Asking(N_("Known on 11 March"), "2026-03-05", "2026-03-11", _in("CN0000000012", "SG")),
        ),
        subject="partner:SG",
        sees=N_("As known on 6 March: recognised. As known on 11 March: not recognised."),
    ),
    Case(
        13,
        N_("Annulled in May, back to January"),
        N_(
            "Was this French operator recognised in China in February 2026: as known in March, and "
            "as known in June?"
        ),
        N_("An annulment reaches back to the day of the grant; a revocation does not."),
        "recognition",
        RECOGNITION,
        (
            Asking(N_("Known in March"), "2026-02-16", "2026-03-16", _in("FRSYNTHETIC0002", "CN")),
            Asking(N_("Known in June"), "2026-02-16", "2026-06-15", _in("FRSYNTHETIC0002", "CN")),
        ),
        subject="officer:CN",
        sees=N_("As known in March: recognised. As known in June: not recognised."),
    ),
    Case(
        14,
        N_("Renamed, then merged away"),
        N_("What became of the operator CN0000000034?"),
        N_("The old number still answers, with its successor; its history stays whole."),
        "operator",
        OPERATOR,
        (
            Asking(N_("In 2020"), "2020-01-01", "", {"tin": "CN0000000034"}),
            Asking(N_("In 2022"), "2022-01-01", "", {"tin": "CN0000000034"}),
            Asking(N_("Today"), variables={"tin": "CN0000000034"}),
        ),
    ),
    Case(
        15,
        N_("205 documents, 163 partners"),
        N_(
            "How does the published count of China's customs cooperation compare with what the "
            "register itself holds?"
        ),
        N_("A published number is a claim with a source. It stands beside the count, never in it."),
        "claims",
        CLAIMS,
        (
            Asking(N_("Documents"), variables=_of_china("cooperation_documents")),
            Asking(N_("Partners"), variables=_of_china("cooperation_partners")),
        ),
        clocks=False,
    ),
    Case(
        16,
        N_("Was the goal met?"),
        N_(
            "Two texts of the same month set a goal for the Belt and Road: one \u201cby 2020, with "
            "every state that is willing\u201d, one \u201cbefore 2020, with all\u201d. Were they "
            "met?"
        ),
        N_("Met, not met, or unknown: where no source says who was willing, nothing is guessed."),
        "targets",
        TARGETS,
        (Asking(N_("As of today")),),
    ),
    Case(
        17,
        N_("Everything else that customs agree on"),
        N_(
            "Which agreements that are not about authorised operators does the register hold "
            "between China and Russia, by kind?"
        ),
        N_(
            "Minutes of regional offices, assistance, data, single windows, rail: streams of the "
            "same register, found by party, kind, pillar and text."
        ),
        "agreements",
        AGREEMENTS,
        (
            Asking(N_("Minutes"), variables=_with_russia("REGIONAL_MINUTES")),
            Asking(N_("Assistance"), variables=_with_russia("MUTUAL_ASSISTANCE")),
            Asking(
                N_("China, the enforcement pillar"),
                variables={"filter": {"party": "CN", "pillar": "ENFORCEMENT_ASSISTANCE"}},
            ),
        ),
    ),
)
