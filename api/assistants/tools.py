"""The tools of an assistant: each asks the register one question, and none records anything.

Arguments are passed on as they are; the register reads and refuses them. An instant has a zone
(ISO 8601); without one the question is about now. A refusal is the tool's error, with its code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import Field

from api.assistants import documents
from api.assistants.source import AssistantSource

MOST = 100  # operators of one question: an assistant reads them all

Tin = Annotated[str, Field(description="The TIN of the operator, or a code like AEOCN1234567890.")]
Territory = Annotated[
    str, Field(description="ISO 3166-1 code of a territory, or the code of a bloc: KR, GB, EU.")
]
At = Annotated[
    str | None,
    Field(
        description="Valid time: the law of this instant is asked for, ISO 8601 with a zone."
        " Default: now."
    ),
]
KnownAt = Annotated[
    str | None,
    Field(
        description="Transaction time: only what the register knew by this instant counts,"
        " ISO 8601 with a zone. Default: now."
    ),
]
After = Annotated[str | None, Field(description="The `endCursor` of the previous page.")]
First = Annotated[int, Field(description="The number of entries, from 1 to 100.")]
Answer = dict[str, Any]


def _as_of(at: str | None, known_at: str | None) -> dict[str, str | None]:
    return {"at": at, "knownAt": known_at}


class Tools:
    """The tools of the Model Context Protocol. Each method is one tool, has its name, and sends one
    query to the register."""

    def __init__(self, source: AssistantSource) -> None:
        self._ask = source.ask

    async def recognition(
        self,
        tin: Tin,
        territory: Territory,
        at: At = None,
        known_at: KnownAt = None,
        role: Annotated[str | None, Field(description="EXPORTER, IMPORTER, CARRIER, ...")] = None,
        direction: Annotated[str | None, Field(description="IMPORT or EXPORT.")] = None,
        hs: Annotated[str | None, Field(description="HS code of 2, 4 or 6 digits.")] = None,
        crossing: Annotated[str | None, Field(description="The border crossing.")] = None,
    ) -> Answer:
        """Whether an operator is recognised in a territory at an instant, as known at an instant,
        and why: RECOGNISED, NOT_RECOGNISED or UNKNOWN, with reasons, the agreements that it rests
        on, and the code and box for the declaration. UNKNOWN is an answer of its own and never
        means "no"."""
        consignment = {"role": role, "direction": direction, "hs": hs, "crossing": crossing}
        return await self._ask(
            documents.RECOGNITION,
            {
                "tin": tin,
                "in": territory,
                "asOf": _as_of(at, known_at),
                "consignment": consignment if any(consignment.values()) else None,
            },
        )

    async def recognitions(
        self,
        tins: Annotated[list[str], Field(description="TINs.", min_length=1, max_length=MOST)],
        territory: Territory,
        at: At = None,
        known_at: KnownAt = None,
    ) -> Answer:
        """The answers of `recognition` for up to 100 operators, in the order of the TINs."""
        return await self._ask(
            documents.RECOGNITIONS,
            {"tins": tins, "in": territory, "asOf": _as_of(at, known_at)},
        )

    async def operator(self, tin: Tin, at: At = None, known_at: KnownAt = None) -> Answer:
        """An operator's names, roles, standing and authorisations. Null where it is unknown or may
        not be shown; the two have the same answer."""
        return await self._ask(documents.OPERATOR, {"tin": tin, "asOf": _as_of(at, known_at)})

    async def operators_by_certificate(
        self,
        number: Annotated[str, Field(description="The number of an authorisation.")],
        at: At = None,
        known_at: KnownAt = None,
    ) -> Answer:
        """The operators whose authorisation has this number, at most ten."""
        return await self._ask(
            documents.CERTIFICATE, {"number": number, "asOf": _as_of(at, known_at)}
        )

    async def operator_history(self, tin: Tin, first: First = 50, after: After = None) -> Answer:
        """All recorded events of an operator, in the order of recording. For its home customs, the
        operator itself and auditors."""
        return await self._ask(documents.HISTORY, {"tin": tin, "first": first, "after": after})

    async def agreement(
        self,
        code: Annotated[str, Field(description="The code of the agreement: CN-KR-AEO.")],
        at: At = None,
        known_at: KnownAt = None,
    ) -> Answer:
        """One agreement: its parties, what each side has put into force and when, its dates with
        their sources (an interval where no source states the day), and its clauses of scope."""
        return await self._ask(documents.AGREEMENT, {"id": code, "asOf": _as_of(at, known_at)})

    async def agreements(
        self,
        party: Annotated[str | None, Field(description="A party, by its code.")] = None,
        between: Annotated[
            list[str] | None, Field(description="Two or more codes that are all parties.")
        ] = None,
        kind: Annotated[str | None, Field(description="AEO_MUTUAL_RECOGNITION, ...")] = None,
        contains: Annotated[str | None, Field(description="Words of titles and names.")] = None,
        at: At = None,
        known_at: KnownAt = None,
        first: First = 50,
        after: After = None,
    ) -> Answer:
        """The agreements that meet all the given conditions, in the order of their codes."""
        conditions = {"party": party, "between": between, "kind": kind, "contains": contains}
        return await self._ask(
            documents.AGREEMENTS,
            {
                "filter": {name: value for name, value in conditions.items() if value},
                "asOf": _as_of(at, known_at),
                "first": first,
                "after": after,
            },
        )

    async def partners(
        self, territory: Territory, at: At = None, known_at: KnownAt = None
    ) -> Answer:
        """The administrations with which one has an agreement of mutual recognition, and whose
        operators each recognises."""
        return await self._ask(documents.PARTNERS, {"of": territory, "asOf": _as_of(at, known_at)})

    async def control_result(
        self,
        from_territory: Territory,
        to_territory: Territory,
        crossing: Annotated[str, Field(description="A crossing: Suifenhe-Pogranichny.")],
        hs: Annotated[str, Field(description="HS code of 2, 4 or 6 digits.")],
        at: At = None,
        known_at: KnownAt = None,
    ) -> Answer:
        """Whether the result of a customs control in one territory is recognised in another, for
        these goods at this crossing."""
        return await self._ask(
            documents.CONTROL_RESULT,
            {
                "from": from_territory,
                "to": to_territory,
                "crossing": crossing,
                "hs": hs,
                "asOf": _as_of(at, known_at),
            },
        )

    async def administration(
        self, territory: Territory, at: At = None, known_at: KnownAt = None
    ) -> Answer:
        """A customs administration: its name, time zone, programmes, and members if it is a
        bloc."""
        return await self._ask(
            documents.ADMINISTRATION, {"code": territory, "asOf": _as_of(at, known_at)}
        )

    async def programme(
        self,
        code: Annotated[str, Field(description="The code of the programme: CN-AEO.")],
        at: At = None,
        known_at: KnownAt = None,
    ) -> Answer:
        """An AEO programme: its names, types of authorisation, source."""
        return await self._ask(documents.PROGRAMME, {"code": code, "asOf": _as_of(at, known_at)})

    async def targets(
        self,
        owner: Annotated[str | None, Field(description="Whose goals, by its code.")] = None,
        at: At = None,
        known_at: KnownAt = None,
    ) -> Answer:
        """Published goals: the original sentence, deadline, and whether it is met, not met, or
        cannot be known."""
        return await self._ask(documents.TARGETS, {"owner": owner, "asOf": _as_of(at, known_at)})

    async def claims(
        self,
        subject: Annotated[str | None, Field(description="Of whom, by its code.")] = None,
    ) -> Answer:
        """Published numbers (of partners, of documents) beside the register's own count."""
        return await self._ask(documents.CLAIMS, {"subject": subject})

    async def documents(
        self,
        party: Annotated[str | None, Field(description="A party, by its code.")] = None,
        contains: Annotated[
            str | None, Field(description="Words that must all occur, in any order.")
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Answer:
        """Documents that the register's record rests on, with their sources."""
        return await self._ask(
            documents.DOCUMENTS,
            {"party": party, "contains": contains, "first": first, "after": after},
        )

    async def changes(
        self,
        territory: Territory,
        after: Annotated[int, Field(description="The position up to which changes are known.")],
        first: First = 100,
    ) -> Answer:
        """What changed in the recognition of operators in a territory, after a position."""
        return await self._ask(
            documents.CHANGES, {"for": territory, "after": after, "first": first}
        )

    async def log(self) -> Answer:
        """The integrity record: the latest checkpoint that the register signed, and its keys."""
        return await self._ask(documents.LOG, {})

    async def who_am_i(self) -> Answer:
        """The subject that these tools ask as, and what it may ask."""
        return await self._ask(documents.VIEWER, {})

    def all(self) -> list[Callable[..., Awaitable[Answer]]]:
        """Every tool, in the order in which it is shown."""
        return [
            self.recognition,
            self.recognitions,
            self.operator,
            self.operators_by_certificate,
            self.operator_history,
            self.agreement,
            self.agreements,
            self.partners,
            self.control_result,
            self.administration,
            self.programme,
            self.targets,
            self.claims,
            self.documents,
            self.changes,
            self.log,
            self.who_am_i,
        ]
