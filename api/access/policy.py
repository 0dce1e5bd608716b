"""The access policy: which subject may do what, as one pure decision.

Whether an operator is *visible* to a subject is decided in SQL (projections/reads/visibility.py),
because it depends on the agreements and consents of the day. This module decides the rest: what a
subject may ask, what it may read of a visible operator, and which commands it may give.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from projections.reads.visibility import VisibilityScope
from registry.domain import commands as c
from registry.domain.signatures import OF_OPERATORS
from registry.domain.values import AdministrationCode, Tin

Codes = frozenset[AdministrationCode]


class SubjectRole(Enum):
    """The five roles of subjects."""

    PUBLIC = "public"  # no token: the status of operators that consented to publication
    PARTNER = "partner"  # the customs of another territory
    OFFICER = (
        "officer"  # the home customs; for operators of other territories, the same as a partner
    )
    COMPANY = "company"  # one operator, for its own data
    AUDITOR = "auditor"  # reads everything except personal data, and changes nothing


class Action(Enum):
    """What a subject wants to do. The value completes the sentence "... may not"."""

    ASK_RECOGNITION = "ask whether an operator is recognised"
    LIST_OPERATORS = "list operators"
    FOLLOW_CHANGES = "follow what changes in the recognised set"
    TAKE_COPY = "take this golden copy"
    READ_LOOKS = "read what was answered, and to whom"
    READ_GROUND = "read why the home customs decided"
    READ_IN_FULL = "read applications, deadlines, reassessments and what consent is wanting"
    READ_NOTES = "read what customs administrations wrote to each other"
    READ_EVENTS = "read an operator's events"
    READ_CLIENTS = "read which programs have access"
    READ_PERSONS = "read who an operator's contacts are"
    RECORD = "change the register"


@dataclass(frozen=True)
class Subject:
    """The authenticated subject of a request. `id`: its name in the token, such as officer:CN or
    company:<TIN>. `agent`: who acts for it, a client or a person, as an opaque id; empty for a demo
    identity.

    `own`: the administration and, of a bloc, its members of today. `reach`: those, and the blocs
    that it belongs to today.
    """

    role: SubjectRole
    id: str = "public"
    administration: AdministrationCode | None = None
    tin: Tin | None = None
    own: Codes = field(default=frozenset())
    reach: Codes = field(default=frozenset())
    agent: str = ""

    @property
    def actor(self) -> str:
        """The opaque id that is recorded with a command, and by which rate limits count: the
        subject, and who acts for it."""
        return f"{self.id}/{self.agent}" if self.agent else self.id

    def __hash__(self) -> int:
        """Hashes the id only, because a subject is hashed several times for an answer."""
        return hash(self.id)

    @cached_property
    def home(self) -> frozenset[str]:
        """`own` as texts."""
        return frozenset(code.text for code in self.own)

    @property
    def visibility(self) -> VisibilityScope:
        """The subject as the parameters of the visibility SQL."""
        return VisibilityScope(
            self.role.value,
            self.administration.text if self.administration else None,
            self.tin.text if self.tin else None,
            tuple(sorted(code.text for code in self.own))
            if self.role is SubjectRole.OFFICER
            else (),
        )


PUBLIC = Subject(SubjectRole.PUBLIC)


def named(subject: str) -> Subject:
    """Returns the subject that an id names, without its territories.

    Raises ValueError unless the id is officer:CN, partner:KR, auditor:* or company:<TIN>.
    """
    role, _, whose = subject.partition(":")
    match role:
        case "officer" | "partner":
            return Subject(
                SubjectRole(role), subject, administration=AdministrationCode.parse(whose)
            )
        case "company":
            return Subject(SubjectRole.COMPANY, subject, tin=Tin.parse(whose))
        case "auditor" if whose == "*":
            return Subject(SubjectRole.AUDITOR, subject)
    raise ValueError(
        f"{subject!r} is nobody: wanted officer:CN, partner:KR, auditor:* or company:<TIN>"
    )


@dataclass(frozen=True)
class Resource:
    """The object of an action. Only the fields that matter to the action need be given.

    `home`: the administrations that it belongs to: an operator's, a programme's, the parties of an
    agreement. `territory`: where recognition is asked. `tin`: the operator. `command`: the command
    to be given.
    """

    home: Codes = frozenset()
    tin: Tin | None = None
    territory: AdministrationCode | None = None
    command: type[c.Command] | None = None


class AccessDecision(NamedTuple):
    """Whether an action is allowed, and the reason where it is not."""

    allowed: bool
    reason: str


YES = AccessDecision(True, "")

#: Commands that a company may give for itself; all others about it are its customs' to decide.
OWN_COMMANDS = frozenset(OF_OPERATORS)


def operator(tin: Tin, territory: AdministrationCode | None = None) -> Resource:
    """Returns the resource of an operator in a territory. Its home follows from the TIN."""
    return Resource(frozenset({AdministrationCode(tin.country)}), tin, territory)


def decide(subject: Subject, action: Action, about: Resource) -> AccessDecision:
    """Decides whether a subject may do this. Pure. A refusal names the subject and those who
    may."""
    role = subject.role
    at_home = role is SubjectRole.OFFICER and bool(about.home & subject.own)
    itself = role is SubjectRole.COMPANY and about.tin is not None and about.tin == subject.tin
    for_own_territory = (
        role in (SubjectRole.PARTNER, SubjectRole.OFFICER) and about.territory in subject.reach
    )
    auditor = role is SubjectRole.AUDITOR
    match action:
        case Action.ASK_RECOGNITION:
            allowed = auditor or at_home or itself or for_own_territory
            who = "the customs of that territory, the home customs, the operator and auditors"
        case Action.LIST_OPERATORS:
            allowed = role is not SubjectRole.PUBLIC
            who = "those who identify themselves; the public asks by exact TIN or number"
        case Action.FOLLOW_CHANGES:
            allowed = auditor or for_own_territory
            who = "the customs of that territory and auditors"
        case Action.TAKE_COPY:  # of a bloc, what its members may see is another copy
            own = about.territory is not None and about.territory == subject.administration
            allowed = auditor or (for_own_territory and own)
            who = "the customs whose copy it is and auditors"
        case Action.READ_LOOKS:  # which of them: projections/history/answered.py
            allowed = role in (
                SubjectRole.AUDITOR,
                SubjectRole.OFFICER,
                SubjectRole.PARTNER,
            )
            who = "the customs that asked, the home customs and auditors"
        case Action.READ_GROUND | Action.READ_IN_FULL | Action.READ_EVENTS:
            allowed = auditor or at_home or itself
            who = "the home customs, the operator and auditors"
        case Action.READ_NOTES:
            allowed = auditor or at_home
            who = "the home customs and auditors"
        case Action.READ_CLIENTS:
            allowed = auditor or at_home
            who = "officers, of their own administration's, and auditors"
        case Action.READ_PERSONS:  # auditors are content with pseudonyms
            allowed = at_home or itself
            who = "the home customs and the operator"
        case Action.RECORD:
            allowed = at_home or (itself and about.command in OWN_COMMANDS)
            who = "" if allowed else _who_records(about)
    if allowed:
        return YES
    who_asks = "the public" if subject.id == "public" else subject.id
    return AccessDecision(False, f"{who_asks} may not {action.value}: {who} may")


def _who_records(about: Resource) -> str:
    officers = ", ".join(sorted(code.text for code in about.home)) or "no administration"
    company = about.tin if about.command in OWN_COMMANDS else None
    return f"officers of {officers}" + (f" and {company} itself" if company else "")
