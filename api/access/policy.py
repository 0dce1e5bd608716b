"""The access policy: which subject may do what, as one pure decision.

Whether an operator is *visible* to a subject is decided in SQL (projections/reads/visibility.py),
because it depends on the agreements and consents of the day. This module decides the rest, by the
table in api/access/permissions.py: what a subject may ask, what it may read of a visible operator,
and which commands it may give.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cache, cached_property
from typing import NamedTuple

from api.access.permissions import PERMISSIONS, Relation
from api.access.permissions import Action as Action
from projections.reads.visibility import VisibilityScope
from registry.domain import commands as c
from registry.domain.sentences import Listing, Sentence
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


@dataclass(frozen=True)
class Subject:
    """The authenticated subject of a request. `id`: its name in the token, such as officer:CN or
    company:<TIN>. `agent`: who acts for it, a client or a person, as an opaque id; empty for a demo
    identity. `person`: the person behind the request as an opaque id, the same in every client of
    an issuer; None: a program alone.

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
    person: str | None = None

    @property
    def actor(self) -> str:
        """The opaque id that is recorded with a command, and by which rate limits count: the
        subject, and who acts for it."""
        return f"{self.id}/{self.agent}" if self.agent else self.id

    @property
    def administration_of_officer(self) -> AdministrationCode | None:
        """The administration whose officer it is; None for everybody else."""
        return self.administration if self.role is SubjectRole.OFFICER else None

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
    """Returns the subject that an id names, without its territories. Its id is the normal form, so
    that each subject has one: company:AEOCN1234567890 is company:CN1234567890.

    Raises ValueError unless the id is officer:CN, partner:KR, auditor:* or company:<TIN>.
    """
    role, _, whose = subject.partition(":")
    match role:
        case "officer" | "partner":
            code = AdministrationCode.parse(whose)
            return Subject(SubjectRole(role), f"{role}:{code}", administration=code)
        case "company":
            tin = Tin.parse(whose)
            return Subject(SubjectRole.COMPANY, f"{role}:{tin}", tin=tin)
        case "auditor" if whose == "*":
            return Subject(SubjectRole.AUDITOR, subject)
    raise ValueError(
        Sentence(
            "%(found)s is nobody: wanted officer:CN, partner:KR, auditor:* or company:<TIN>",
            found=repr(subject),
        )
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

_CUSTOMS = (SubjectRole.PARTNER, SubjectRole.OFFICER)

#: Commands that a company may give for itself; all others about it are its customs' to decide.
#: A proposal it withdraws only if the same person made it (api/graphql/types/proposals.py).
OWN_COMMANDS = frozenset({*OF_OPERATORS, c.WithdrawProposal})
#: Commands that a customs administration may give about the operators of another one.
DISPUTE_COMMANDS = frozenset({c.OpenDispute, c.WithdrawDispute})
#: The commands to which a relation is limited.
LIMITED_TO = {Relation.OPERATOR: OWN_COMMANDS, Relation.CUSTOMS: DISPUTE_COMMANDS}


def operator(tin: Tin, territory: AdministrationCode | None = None) -> Resource:
    """Returns the resource of an operator in a territory. Its home follows from the TIN."""
    return Resource(frozenset({AdministrationCode(tin.country)}), tin, territory)


def is_foreign_customs(subject: Subject, tin: Tin) -> bool:
    """Returns whether the subject is of a customs administration that is not the operator's home
    administration. Such a subject may read neither the versions nor the events of the operator."""
    is_home = has(subject, Relation.HOME_CUSTOMS, operator(tin))
    return subject.role in _CUSTOMS and not is_home


def has(subject: Subject, relation: Relation, about: Resource) -> bool:
    """Whether a subject has this relation to a resource. Pure."""
    role = subject.role
    match relation:
        case Relation.TERRITORY_CUSTOMS:
            return role in _CUSTOMS and about.territory in subject.reach
        case Relation.COPY_HOLDER:  # of a bloc, what its members may see is another copy
            own = about.territory is not None and about.territory == subject.administration
            return role in _CUSTOMS and own
        case Relation.CUSTOMS:
            return role in _CUSTOMS
        case Relation.HOME_CUSTOMS:
            return role is SubjectRole.OFFICER and bool(about.home & subject.own)
        case Relation.OPERATOR:
            return about.tin is not None and about.tin == subject.tin
        case Relation.AUDITOR:
            return role is SubjectRole.AUDITOR
        case Relation.IDENTIFIED:
            return role is not SubjectRole.PUBLIC


def decide(subject: Subject, action: Action, about: Resource) -> AccessDecision:
    """Decides by the table of permissions whether a subject may do this. Pure. A refusal names the
    subject and those who may."""
    permission = PERMISSIONS[action]
    for relation in permission.relations:
        limit = LIMITED_TO.get(relation) if action is Action.RECORD else None
        if has(subject, relation, about) and (limit is None or about.command in limit):
            return YES
    return AccessDecision(
        False,
        Sentence(
            "%(subject)s may not %(action)s: %(who)s may",
            subject=name_of(subject),
            action=Sentence(action.value),
            who=_who_records(about) if action is Action.RECORD else _who(action),
        ),
    )


def name_of(subject: Subject) -> str:
    """Returns the name of a subject in a sentence: its id, or "the public"."""
    return Sentence("the public") if subject.id == PUBLIC.id else subject.id


@cache
def _who(action: Action) -> str:
    """Returns the subjects who may, as a list in a sentence."""
    permission = PERMISSIONS[action]
    *others, last = [Sentence(relation.value) for relation in permission.relations]
    listed: str = last
    if others:
        listed = Sentence("%(others)s and %(last)s", others=Listing(others, ", "), last=last)
    if not permission.instead:
        return listed
    return Sentence("%(who)s; %(instead)s", who=listed, instead=Sentence(permission.instead))


def _who_records(about: Resource) -> str:
    codes = Listing(sorted(code.text for code in about.home), ", ")
    officers = Sentence("officers of %(codes)s", codes=codes or Sentence("no administration"))
    if about.tin and about.command in OWN_COMMANDS:
        officers = Sentence("%(who)s and %(tin)s itself", who=officers, tin=about.tin)
    if about.command in DISPUTE_COMMANDS:
        return Sentence("%(who)s, and other customs administrations", who=officers)
    return officers
