"""The twenty questions that people bring to the pages, and ten further ones, each as a journey:
`python -m ops.journeys`.

They are those of officers, auditors, policy readers and companies. A journey begins at the home
page, at an entry of the menu, or at the visitor's own page, once the visitor is signed in. It has
at most three steps: a field that is typed, or a link or a button that is pressed; `Enter` in a
field sends its form. tests/api/pages/test_journeys.py walks each in a browser.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from api.pages import command_places
from ops.reference.markdown import table

#: The test that walks a journey, for the number of its question.
TEST = "tests/api/pages/test_journeys.py::test_a_question_is_answered_in_three_steps[{:02}]"


@dataclass(frozen=True)
class Typed:
    """A field that is typed or chosen. `enter`: its form is sent by `Enter`."""

    field: str
    text: str
    enter: bool = False

    def __str__(self) -> str:
        return f"type “{self.text}” into “{self.field}”{' and Enter' if self.enter else ''}"


@dataclass(frozen=True)
class Pressed:
    """A link, or with `button` a button, that is pressed."""

    name: str
    button: bool = False

    def __str__(self) -> str:
        return f"press “{self.name}”"


Step = Typed | Pressed


@dataclass(frozen=True)
class Journey:
    """A question and how it is answered. `subject`: who asks, "" for the public; `person`: in
    words; `start`: the address of the page where it begins; `page`: the page of the answer, as
    the registry of pages has it; `shows`: what the answer says."""

    number: int
    question: str
    person: str
    subject: str
    start: str
    steps: tuple[Step, ...]
    page: str
    shows: tuple[str, ...]

    @property
    def test(self) -> str:
        """The name of its test."""
        return TEST.format(self.number)


KOREA, AMERICA, CHINA = "partner:KR", "partner:US", "officer:CN"
AUDITOR, COMPANY, PUBLIC = "auditor:*", "company:DESYNTHETIC0001", ""
OPERATOR, NUMBER = "/operators/{tin}", "Number of the operator"
SEARCH = "AEO or trader number (TIN), country, agreement, goods or other words"
STEEL, FRUIT = "CN0000000012", "CN1234567890"

JOURNEYS = (
    Journey(
        1,
        "Is this operator recognised here today?",
        "an officer of Korean customs",
        KOREA,
        "/check",
        (Typed(NUMBER, FRUIT, enter=True),),
        "/check",
        ("recognised", "CN-KR-AEO", "Age of the data"),
    ),
    Journey(
        2,
        "Was it recognised when the declaration was lodged, on a day at 14:03?",
        "an officer of Korean customs",
        KOREA,
        "/check",
        (Typed(NUMBER, FRUIT), Typed("Day", "2026-03-05"), Typed("Time", "14:03", enter=True)),
        "/check",
        ("recognised", "2026-03-05 at 14:03 in Asia/Seoul"),
    ),
    Journey(
        3,
        "The shipper quotes a MID: which authorised operator is that?",
        "an officer of customs of the United States",
        AMERICA,
        "/check",
        (Typed(NUMBER, "DESYN1BER", enter=True),),
        "/check",
        ("DESYNTHETIC0001", "found by a MID"),
    ),
    Journey(
        4,
        "Does the agreement with Belarus cover a firm of the second type?",
        "anyone",
        PUBLIC,
        "/",
        (Typed(SEARCH, "CN-BY-AEO", enter=True), Pressed("Scope")),
        "/agreements/{id}",
        ("TYPE3", "what it does not name is not covered"),
    ),
    Journey(
        5,
        "Is our copy of a partner's list fresh enough?",
        "an officer of Chinese customs",
        CHINA,
        "/countries",
        (Pressed("How fresh the data of each partner is"),),
        "/freshness",
        ("What comes in", "What goes out"),
    ),
    Journey(
        6,
        "What has changed at a partner since a position?",
        "an officer of Korean customs",
        KOREA,
        "/audit",
        (
            Pressed("Events"),
            Typed("Administration", "CN", enter=True),
        ),
        "/events",
        ("the newest first", "Counts from"),
    ),
    Journey(
        7,
        "May soya at Heihe be taken without being inspected again?",
        "anyone",
        PUBLIC,
        "/",
        (
            Pressed("control results"),
            Typed("Border crossing", "Heihe-Blagoveshchensk"),
            Typed("Goods (HS code)", "1201", enter=True),
        ),
        "/control-results",
        ("Goods inspected in", "What the answer rests on", "Other direction"),
    ),
    Journey(
        8,
        "The goods left before the agreement ended, and arrive after: does it still cover them?",
        "an officer of Korean customs",
        KOREA,
        "/",
        (Typed(SEARCH, "CN-KR-AEO", enter=True), Pressed("Scope")),
        "/agreements/{id}",
        ("Goods on their way when it ends", "the day on which the declaration counts"),
    ),
    Journey(
        9,
        "What did we believe on one day about the status on another?",
        "an auditor",
        AUDITOR,
        "/",
        (
            Typed(SEARCH, STEEL, enter=True),
            Typed("Status on", "2026-03-05"),
            Typed("As recorded by", "2026-03-06", enter=True),
        ),
        OPERATOR,
        ("valid", "as known at 2026-03-06"),
    ),
    Journey(
        10,
        "Which answers would differ, had today's record been known then?",
        "an auditor",
        AUDITOR,
        "/audit",
        (
            Pressed("Answers that were put right"),
            Typed("The territory that asked", "SG", enter=True),
        ),
        "/divergences",
        ("What would have been answered", STEEL, "not recognised"),
    ),
    Journey(
        11,
        "A suspension was recorded late: who was told yes in between?",
        "an auditor",
        AUDITOR,
        "/audit",
        (
            Pressed("Answers that were put right"),
            Typed("The territory that asked", "KR", enter=True),
        ),
        "/divergences",
        ("What was answered", "CN0000000035", "declaration 77"),
    ),
    Journey(
        12,
        "Show the chain of events of this certificate, and prove that nothing is missing.",
        "an auditor",
        AUDITOR,
        "/",
        (
            Typed(SEARCH, STEEL, enter=True),
            Pressed("Proof"),
            Pressed("Audit it: change both dates, and check each event against the log"),
        ),
        "/audit",
        ("By which events", "Each is a leaf of the log"),
    ),
    Journey(
        13,
        "Who looked at this operator, and why?",
        "an auditor",
        AUDITOR,
        "/",
        (
            Typed(SEARCH, "CN0000000035", enter=True),
            Pressed("History"),
            Pressed(
                "Each question that other customs asked about it, with its purpose and what was"
                " answered"
            ),
        ),
        "/operators/{tin}/looks",
        ("South Korea", "declaration 77"),
    ),
    Journey(
        14,
        "Which authorisations have passed a legal deadline?",
        "an auditor",
        AUDITOR,
        "/audit",
        (Pressed("Deadlines"), Typed("Month", "2026-03", enter=True)),
        "/deadlines",
        ("Deadlines of", "missed"),
    ),
    Journey(
        15,
        "An authorisation was annulled back to its beginning: which answers are void?",
        "an auditor",
        AUDITOR,
        "/audit",
        (
            Pressed("Answers that were put right"),
            Typed("The territory that asked", "US", enter=True),
        ),
        "/divergences",
        ("FRSYNTHETIC0002",),
    ),
    Journey(
        16,
        "The press counts 58 territories and the register another number: which differ?",
        "a policy reader",
        PUBLIC,
        "/",
        (Typed(SEARCH, "CN", enter=True), Pressed("Promises")),
        "/countries/{code}",
        ("Claimed", "Difference"),
    ),
    Journey(
        17,
        "Was trade between the European Union and the United Kingdom covered on both sides of"
        " midnight at the end of 2020?",
        "a policy reader",
        PUBLIC,
        "/",
        (Typed(SEARCH, "UK", enter=True), Pressed("Partners")),
        "/countries/{code}",
        ("The bloc it belongs to", "2021-01-01"),
    ),
    Journey(
        18,
        "Where are we recognised now, on what basis, and what does our customer write where?",
        "a company",
        COMPANY,
        "/company",
        (),
        "/company",
        ("Where the company is recognised", "What your customer writes", "Japan"),
    ),
    Journey(
        19,
        "We merged, were renamed, or moved: from when does each partner know?",
        "an officer of Chinese customs",
        CHINA,
        "/",
        (Typed(SEARCH, "CN0000000034", enter=True), Pressed("History")),
        OPERATOR,
        ("From when partners know", "CN0000000035"),
    ),
    Journey(
        20,
        "A namesake has our number, or two records look like us: how do we say so?",
        "a company",
        COMPANY,
        "/company",
        (Pressed("Open a dispute"),),
        command_places.OPERATOR.form,
        ("Open dispute", "What is wrong"),
    ),
)

#: Further questions of the same people.
FURTHER = (
    Journey(
        21,
        "How many agreements did China have at the end of 2012?",
        "a policy reader",
        PUBLIC,
        "/network",
        (Typed("Territory", "CN", enter=True), Pressed("2012")),
        "/network",
        ("At the end of 2012", "CN-SG-AEO"),
    ),
    Journey(
        22,
        "Which promises of mutual recognition were missed, and with whom?",
        "a policy reader",
        PUBLIC,
        "/",
        (Pressed("promises"),),
        "/promises",
        ("not met", "Missing"),
    ),
    Journey(
        23,
        "The certificate that I was shown has this code: does the register know it?",
        "a buyer abroad",
        PUBLIC,
        "/",
        (
            Pressed("I was shown a certificate"),
            Typed("Code, link, credential or receipt", "ABCDEFGHJKMNPQRSTUVW"),
            Pressed("Check", button=True),
        ),
        "/verify",
        ("nothing was checked",),
    ),
    Journey(
        24,
        "Which rules does China's programme have, and since when?",
        "anyone",
        PUBLIC,
        "/",
        (Typed(SEARCH, "CN-AEO", enter=True),),
        "/programmes/{code}",
        ("Rules",),
    ),
    Journey(
        25,
        "Is a number on record for two operators?",
        "an auditor",
        AUDITOR,
        "/audit",
        (Pressed("Numbers that two administrations hold"),),
        "/audit/numbers",
        ("Numbers that two administrations hold",),
    ),
    Journey(
        26,
        "Which answers that we were given would be different now?",
        "an officer of Korean customs",
        KOREA,
        "/work",
        (Pressed("Answers that would be different now"),),
        "/work",
        ("CN0000000035",),
    ),
    Journey(
        27,
        "What must our office decide, and until when?",
        "an officer of Chinese customs",
        CHINA,
        "/work",
        (),
        "/work",
        ("Overdue", "CN0000000012"),
    ),
    Journey(
        28,
        "Who asked about us, and why?",
        "a company",
        COMPANY,
        "/company",
        (Pressed("Everyone who asked"),),
        "/operators/{tin}/looks",
        ("DESYNTHETIC0001",),
    ),
    Journey(
        29,
        "What can we show to a customer who doubts us?",
        "a company",
        COMPANY,
        "/company",
        (Pressed("Certificate for a customer"),),
        "/operators/{tin}/certificate",
        ("A certificate shows to anybody",),
    ),
    Journey(
        30,
        "Are these thirty shippers of a manifest recognised here?",
        "an officer of Korean customs",
        KOREA,
        "/check",
        (Pressed("Check a list of up to 1,000 numbers"),),
        "/check/list",
        ("Numbers",),
    ),
)


def rows() -> list[tuple[str, ...]]:
    """The rows of the table: number, question, who, steps, page and test."""
    return [
        (
            str(each.number),
            each.question,
            each.person,
            f"from `{each.start}`: " + ("; ".join(map(str, each.steps)) or "nothing to do"),
            f"`{each.page}`",
            f"`[{each.number:02}]`",
        )
        for each in (*JOURNEYS, *FURTHER)
    ]


def shown() -> str:
    """The table as Markdown."""
    return table(("", "Question", "Who", "Steps after signing in", "Page", "Test"), rows())


if __name__ == "__main__":
    sys.stdout.write(shown())
