"""The seventeen questions that the register was built to answer, as anybody may ask them.

Each is asked live of what is loaded; nothing here knows the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
    has `$asOf`."""

    number: int
    title: str
    question: str
    point: str
    answer: str
    document: str
    askings: tuple[Asking, ...]
    clocks: bool = True


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
    registryCount difference explanation
  }
}"""

CONTROL = """\
query ControlResult(
  $from: AdministrationCode!, $to: AdministrationCode!,
  $crossing: String!, $hs: HSCode!, $asOf: AsOf
) {
  controlResult(from: $from, to: $to, crossing: $crossing, hs: $hs, asOf: $asOf) {
    outcome
    reasons { code message }
    clauses { from to hs crossings begins { earliest latest } assumed }
    agreement { code title status }
  }
}"""

RECOGNITION = """\
query Recognition($tin: TIN!, $in: AdministrationCode!, $asOf: AsOf) {
  recognition(tin: $tin, in: $in, asOf: $asOf) {
    tin in outcome legal operational
    reasons { code message }
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
    document owner text deadline met explanation source quotation note
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
        "How many partners did China have on 1 February 2018?",
        "With how many customs territories had China signed mutual recognition of authorised "
        "operators by 2018-02-01, each member of the European Union counted for itself?",
        "The published claim of that week is 35. The register counts for itself.",
        "partners",
        PARTNERS,
        (Asking("China", "2018-02-01", "", {"of": "CN"}),),
    ),
    Case(
        2,
        "The published ladder, beside the register's own count",
        "For every count of China's partners that was ever published: what did it say, what does "
        "the register count for the same day, and who explains the difference?",
        "A claim is stored as it was made; the register never bends its own count to fit it.",
        "claims",
        CLAIMS,
        (
            Asking("Territories", variables=_of_china("aeo_partner_territories_signed")),
            Asking("Economies", variables=_of_china("aeo_partner_economies_signed")),
            Asking("In force", variables=_of_china("aeo_partner_territories_implemented")),
        ),
        clocks=False,
    ),
    Case(
        3,
        "The minute in which the United Kingdom left the set",
        "Who were China's partners one minute before, and one minute after, the end of the "
        "transition at midnight in Brussels on the last day of 2020?",
        "Membership here means the customs territory, left eleven months after the Union itself.",
        "partners",
        PARTNERS,
        (
            Asking("22:59 UTC", "2020-12-31T22:59Z", "", {"of": "CN"}),
            Asking("23:00 UTC", "2020-12-31T23:00Z", "", {"of": "CN"}),
        ),
    ),
    Case(
        4,
        "Fruit inspected in China, at Suifenhe in 2014",
        "May Russian customs at Pogranichny rely on China's inspection of fruit (HS 07, 08) that "
        "crossed from Suifenhe on 2014-09-01?",
        "Control results are recognised by direction, crossing and goods, not by operator.",
        "control",
        CONTROL,
        (
            Asking("Vegetables, HS 07", "2014-09-01", "", _control("CN", "RU", SUIFENHE, "07")),
            Asking("Fruit, HS 08", "2014-09-01", "", _control("CN", "RU", SUIFENHE, "08")),
        ),
    ),
    Case(
        5,
        "Russian soya at Heihe, New Year 2015",
        "May Chinese customs at Heihe rely on Russia's inspection of soya (HS 1201) on 2015-01-01?",
        "Extended some time between August 2014 and June 2017: nobody's source says when.",
        "control",
        CONTROL,
        (Asking("Soya, HS 1201", "2015-01-01", "", _control("RU", "CN", HEIHE, "1201")),),
    ),
    Case(
        6,
        "The same soya in July 2017",
        "May Chinese customs at Heihe rely on Russia's inspection of soya (HS 1201) on 2017-07-01?",
        "By then it had been extended on any reading; which crossings it covers is assumed.",
        "control",
        CONTROL,
        (Asking("Soya, HS 1201", "2017-07-01", "", _control("RU", "CN", HEIHE, "1201")),),
    ),
    Case(
        7,
        "Timber, in the wrong direction",
        "May Russian customs at Blagoveshchensk rely on China's inspection of timber (HS 4407)?",
        "Timber is covered there, from Russia to China. A scope defaults to no.",
        "control",
        CONTROL,
        (Asking("Timber, HS 4407", "2017-07-01", "", _control("CN", "RU", HEIHE, "4407")),),
    ),
    Case(
        8,
        "Each side begins for itself: China and Australia",
        "Was a Chinese exporter recognised in Australia, and an Australian one in China, in June "
        "2018 and in January 2024?",
        "Signed in November 2017; each side put it into practice by its own date, years apart.",
        "recognition",
        RECOGNITION,
        (
            Asking("China's in Australia, 2018", "2018-06-01", "", _in("CN1234567890", "AU")),
            Asking("Australia's in China, 2018", "2018-06-01", "", _in("AUSYNTHETIC0001", "CN")),
            Asking("China's in Australia, 2024", "2024-01-01", "", _in("CN1234567890", "AU")),
            Asking("Australia's in China, 2024", "2024-01-01", "", _in("AUSYNTHETIC0001", "CN")),
        ),
    ),
    Case(
        9,
        "Nine days under the ASEAN arrangement",
        "Was a Singaporean operator recognised in Thailand on 10, and on 20 August 2024?",
        "Between two members an arrangement of many is live from the later of their own starts.",
        "recognition",
        RECOGNITION,
        (
            Asking("10 August 2024", "2024-08-10", "", _in("SGSYNTHETIC0001", "TH")),
            Asking("20 August 2024", "2024-08-20", "", _in("SGSYNTHETIC0001", "TH")),
        ),
    ),
    Case(
        10,
        "A Belarusian operator of the wrong type",
        "Is a Belarusian operator of type 2 recognised in China?",
        "The clause covers type 3 only. The second question asks for one of those.",
        "recognition",
        RECOGNITION,
        (
            Asking("Type 2", variables=_in("BYSYNTHETIC0002", "CN")),
            Asking("Type 3", variables=_in("BYSYNTHETIC0003", "CN")),
        ),
    ),
    Case(
        11,
        "Three arrangements cover one pair",
        "Is a Peruvian operator recognised in Colombia?",
        "Recognition is the union of all that covers the pair, and every basis is listed. Where "
        "no source gives the day on which any of them began, the answer says so.",
        "recognition",
        RECOGNITION,
        (Asking("Today", variables=_in("PESYNTHETIC0001", "CO")),),
    ),
    Case(
        12,
        "Suspended on the first, recorded on the tenth",
        "Was this Chinese exporter recognised in Singapore on 5 March 2026: as the register knew "
        "it on the 6th, and as it knew it on the 11th?",
        "Both answers were right when given. Law and knowledge have a clock each.",
        "recognition",
        RECOGNITION,
        (
            Asking("Known on 6 March", "2026-03-05", "2026-03-06", _in("CN0000000012", "SG")),
            Asking("Known on 11 March", "2026-03-05", "2026-03-11", _in("CN0000000012", "SG")),
        ),
    ),
    Case(
        13,
        "Annulled in May, back to January",
        "Was this French operator recognised in China in February 2026: as known in March, and as "
        "known in June?",
        "An annulment reaches back to the day of the grant; a revocation does not.",
        "recognition",
        RECOGNITION,
        (
            Asking("Known in March", "2026-02-16", "2026-03-16", _in("FRSYNTHETIC0002", "CN")),
            Asking("Known in June", "2026-02-16", "2026-06-15", _in("FRSYNTHETIC0002", "CN")),
        ),
    ),
    Case(
        14,
        "Renamed, then merged away",
        "What became of the operator CN0000000034?",
        "The old number still answers, with its successor; its history stays whole.",
        "operator",
        OPERATOR,
        (
            Asking("In 2020", "2020-01-01", "", {"tin": "CN0000000034"}),
            Asking("In 2022", "2022-01-01", "", {"tin": "CN0000000034"}),
            Asking("Today", variables={"tin": "CN0000000034"}),
        ),
    ),
    Case(
        15,
        "205 documents, 163 partners",
        "How does the published count of China's customs cooperation compare with what the "
        "register itself holds?",
        "A published number is a claim with a source. It stands beside the count, never in it.",
        "claims",
        CLAIMS,
        (
            Asking("Documents", variables=_of_china("cooperation_documents")),
            Asking("Partners", variables=_of_china("cooperation_partners")),
        ),
        clocks=False,
    ),
    Case(
        16,
        "Was the goal met?",
        "Two texts of the same month set a goal for the Belt and Road: one \u201cby 2020, with "
        "every state that is willing\u201d, one \u201cbefore 2020, with all\u201d. Were they met?",
        "Met, not met, or unknown: where no source says who was willing, nothing is guessed.",
        "targets",
        TARGETS,
        (Asking("As of today"),),
    ),
    Case(
        17,
        "Everything else that customs agree on",
        "Which agreements that are not about authorised operators does the register hold between "
        "China and Russia, by kind?",
        "Minutes of regional offices, assistance, data, single windows, rail: streams of the same "
        "register, found by party, kind, pillar and text.",
        "agreements",
        AGREEMENTS,
        (
            Asking("Minutes", variables=_with_russia("REGIONAL_MINUTES")),
            Asking("Assistance", variables=_with_russia("MUTUAL_ASSISTANCE")),
            Asking(
                "China, the enforcement pillar",
                variables={"filter": {"party": "CN", "pillar": "ENFORCEMENT_ASSISTANCE"}},
            ),
        ),
    ),
)
