"""A customs administration: its time zone, the members of a bloc, its lists and its keys."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import UUID

from eventsourcing.domain import AggregateCreated, BaseAggregate

from registry.domain.decisions import DatedFact, Decision, civil_day_of
from registry.domain.errors import BadValue, GroundNeeded, NotAMember, WrongDates
from registry.domain.proposed import ProposedDecision
from registry.domain.repeated_commands import difference, refuse_unless_identical
from registry.domain.second_person import SecondPersonRule
from registry.domain.sentences import Sentence
from registry.domain.stream_ids import stream_id
from registry.domain.values import AdministrationCode, DataChannel, Sense

#: The longest cadence: ten years.
MOST_HOURS = 87_660


class Administration(BaseAggregate[UUID]):
    """A customs administration or a bloc of several (event-sourced aggregate)."""

    TOPIC = "administration"

    class Event(DatedFact):
        """The base of every event of an administration."""

    class Registered(Event, AggregateCreated):
        """The administration is entered into the register."""

        TOPIC = "administration.registered"
        administration: AdministrationCode
        name: str
        time_zone: str
        bloc: bool = False

    class MemberJoined(Event):
        """A member joined the bloc."""

        TOPIC = "administration.member_joined"
        member: AdministrationCode
        sense: Sense

        def apply(self, bloc: Administration) -> None:
            """Adds the member from the effective day."""
            bloc.members[self.member, self.sense] = self.effective
            bloc.latest_events[self.member, self.sense] = self

    class MemberLeft(Event):
        """A member left the bloc."""

        TOPIC = "administration.member_left"
        member: AdministrationCode
        sense: Sense

        def apply(self, bloc: Administration) -> None:
            """Removes the member, and keeps both days of the ended membership."""
            if since := bloc.members.pop((self.member, self.sense), None):
                bloc.joined[self.member, self.sense] = since
            bloc.left[self.member, self.sense] = self.effective
            bloc.latest_events[self.member, self.sense] = self

    class ListReceived(Event):
        """A list of operators arrived from the administration, valid as of the instant `as_of`."""

        TOPIC = "administration.list_received"
        as_of: datetime

        def apply(self, administration: Administration) -> None:
            """Sets the instant as of which the last list was published."""
            administration.list_as_of = self.as_of
            administration.latest_events["list"] = self

    class CadenceDeclared(Event):
        """The source of the administration's data declares how often it sends.

        New data comes at least every `hours` hours; older data is stale. None: it declares nothing
        any longer.
        """

        TOPIC = "administration.cadence_declared"
        channel: DataChannel
        hours: int | None = None

        def apply(self, administration: Administration) -> None:
            """Sets the cadence; the last one declared is in force."""
            administration.cadence_hours = self.hours
            administration.latest_events["cadence"] = self

    class KeyAdded(Event):
        """A signing key of the administration is valid from the instant of recording."""

        TOPIC = "administration.key_added"
        key: str
        since: datetime  # commands with an earlier transaction time need no signature

        def apply(self, administration: Administration) -> None:
            """Adds the key. From the first key on, decisions must be signed."""
            administration.keys.append(self.key)
            administration.latest_events[self.key] = self
            administration.keyed_since = administration.keyed_since or self.since

    class KeyRetired(Event):
        """A signing key is no longer valid."""

        TOPIC = "administration.key_retired"
        key: str

        def apply(self, administration: Administration) -> None:
            """Removes the key. Without any key left, decisions need no signature."""
            administration.keys.remove(self.key)
            administration.latest_events[self.key] = self
            administration.retired_keys.append(self.key)
            if not administration.keys:
                administration.keyed_since = None

    class SecondPersonRequired(Event):
        """These commands of the administration's officers need a second person from this day on
        (four eyes).

        `proposal_days`: for how many days a proposal can be confirmed.
        """

        TOPIC = "administration.second_person_required"
        commands: tuple[str, ...]
        proposal_days: int

        def apply(self, administration: Administration) -> None:
            """Adds the rule; of two of one day, the later recorded one applies."""
            rule = SecondPersonRule(self.effective, frozenset(self.commands), self.proposal_days)
            administration.second_person.append(rule)
            administration.latest_events["second_person", self.effective] = self

    class DecisionProposed(Event):
        """One person wants a decision that needs a second person by the administration's rule, and
        that is about no operator. Nothing is decided.

        `administration`: the administration itself, whose rule wants the second person.
        `command`: the whole command as data, with the names of an import file; `proposal`: its id.
        `proposer`: the person, as an opaque id. `expires`: the last civil day, in the
        administration's time zone, on which it can be confirmed.
        """

        TOPIC = "administration.decision_proposed"
        administration: AdministrationCode
        proposal: UUID
        command: dict[str, Any]
        proposer: str
        expires: date | None = None

        def apply(self, administration: Administration) -> None:
            """Adds the proposal."""
            administration.proposals[self.proposal] = ProposedDecision(self)

    class ProposalEvent(Event):
        """The base of events that close a proposal. The class itself is never stored."""

        TOPIC = "administration.proposal"  # the library requires one; never stored
        proposal: UUID

        def apply(self, administration: Administration) -> None:
            """Closes the proposal."""
            if proposed := administration.proposals.get(self.proposal):
                proposed.closed = self

    class ProposalConfirmed(ProposalEvent):
        """A second person confirms a proposal. The event of the decision itself follows it, in the
        same transaction and in the stream that the decision is about. `proposer`, `confirmer`: the
        two persons, as opaque ids."""

        TOPIC = "administration.proposal_confirmed"
        proposer: str
        confirmer: str

    class ProposalRejected(ProposalEvent):
        """A second person rejects a proposal. `rejecter`: the person, as an opaque id."""

        TOPIC = "administration.proposal_rejected"
        rejecter: str
        reason: str

    class ProposalWithdrawn(ProposalEvent):
        """Whoever made a proposal withdraws it."""

        TOPIC = "administration.proposal_withdrawn"
        proposer: str
        reason: str | None = None

    def __init__(
        self,
        administration: AdministrationCode,
        name: str,
        time_zone: str,
        effective: date,
        bloc: bool = False,
        decided: date | None = None,
        decided_by: AdministrationCode | None = None,
        legal_ground: str | None = None,
        source: str | None = None,
    ) -> None:
        self.code, self.name, self.time_zone, self.bloc = administration, name, time_zone, bloc
        self.members: dict[tuple[AdministrationCode, Sense], date] = {}  # the day of joining
        self.left: dict[tuple[AdministrationCode, Sense], date] = {}  # the last day of leaving
        # The day of joining of former members.
        self.joined: dict[tuple[AdministrationCode, Sense], date] = {}
        self.latest_events: dict[
            object, Administration.Event
        ] = {}  # the latest event on each subject
        self.list_as_of: datetime | None = None
        self.cadence_hours: int | None = None
        self.keys: list[str] = []  # the keys that can sign now
        self.retired_keys: list[str] = []
        self.keyed_since: datetime | None = None
        self.second_person: list[SecondPersonRule] = []
        self.proposals: dict[UUID, ProposedDecision] = {}
        #: What a confirmation decided in another stream, until both are recorded together.
        self.decided_with: BaseAggregate[UUID] | None = None

    @staticmethod
    @lru_cache(maxsize=1_024)  # every command refers to some
    def create_id(administration: AdministrationCode) -> UUID:
        """The stream id (UUIDv5), derived from the code."""
        return stream_id(f"administration/{administration}")

    def join(self, by: Decision, member: AdministrationCode, sense: Sense) -> None:
        """Records that a member joins the bloc. Raises AlreadyRecorded, NotAMember, WrongDates."""
        if not self.bloc:
            raise NotAMember(
                "%(code)s is one administration, not a bloc: nobody joins it", code=self.code
            )
        if member == self.code:
            raise NotAMember("%(member)s cannot be a member of itself", member=member)
        facts, since = by.envelope(), self.members.get((member, sense))
        if since and facts["effective"] >= since:
            about = Sentence(
                "that %(member)s joined the %(sense)s of %(code)s",
                member=member,
                sense=sense,
                code=self.code,
            )
            return self._refuse_unless_recorded((member, sense), by, about)
        left = self.left.get((member, sense))
        if left and facts["effective"] < left:
            raise WrongDates(
                "effective: %(effective)s is before %(left)s, when it left",
                effective=facts["effective"],
                left=left,
            )
        self.trigger_event(self.MemberJoined, member=member, sense=sense, **facts)

    def leave(self, by: Decision, member: AdministrationCode, sense: Sense) -> None:
        """Records that a member leaves the bloc, also from an earlier day than recorded.

        Raises AlreadyRecorded, NotAMember, WrongDates.
        """
        membership = (member, sense)
        if membership not in self.members and membership not in self.left:
            raise NotAMember(
                "%(member)s is not in the %(sense)s of %(code)s and cannot leave it",
                member=member,
                sense=sense,
                code=self.code,
            )
        facts, left = by.envelope(), self.left.get(membership)
        if membership not in self.members and left and facts["effective"] >= left:
            return self._refuse_unless_recorded(
                membership,
                by,
                Sentence(
                    "that %(member)s left the %(sense)s of %(code)s",
                    member=member,
                    sense=sense,
                    code=self.code,
                ),
            )
        since = self.members[membership] if membership in self.members else self.joined[membership]
        if facts["effective"] < since:
            raise WrongDates(
                "effective: %(effective)s is before %(since)s, when it joined",
                effective=facts["effective"],
                since=since,
            )
        self.trigger_event(self.MemberLeft, member=member, sense=sense, **facts)

    def decide_again(self, event: Membership, today: date) -> None:
        """Decides what the bloc's own register recorded on its civil day `today`, for the reasons
        of a command. The aggregate is not to be used afterwards. Raises a Refusal."""
        by = Decision(
            today,
            event.effective,
            decided=event.decided,
            decided_by=event.decided_by,
            legal_ground=event.legal_ground,
            source=event.source,
        )
        decide = self.join if isinstance(event, self.MemberJoined) else self.leave
        decide(by, event.member, event.sense)

    def receive_list(self, by: Decision, as_of: datetime) -> None:
        """Records that a list arrived. Raises AlreadyRecorded, BadValue, WrongDates."""
        if as_of.tzinfo is None:
            raise BadValue("asOf: found %(as_of)s, wanted an instant with a zone", as_of=as_of)
        if not 1900 <= as_of.year <= 2200:  # the first and last dates have no civil day
            raise WrongDates(
                "asOf: found %(as_of)s, wanted an instant from 1900 to 2200", as_of=as_of
            )
        if civil_day_of(as_of, self.time_zone) > by.today:
            raise WrongDates(
                "asOf: %(as_of)s is after %(today)s, the day on which it came in",
                as_of=as_of,
                today=by.today,
            )
        if self.list_as_of and as_of < self.list_as_of:
            raise WrongDates(
                "asOf: found %(as_of)s, and a later list of %(code)s, as of "
                "%(list_as_of)s, came in before: an earlier one says nothing new",
                as_of=as_of,
                code=self.code,
                list_as_of=self.list_as_of,
            )
        if as_of == self.list_as_of:
            return self._refuse_unless_recorded(
                "list",
                by,
                Sentence("the list of %(code)s as of %(as_of)s", code=self.code, as_of=as_of),
            )
        self.trigger_event(self.ListReceived, as_of=as_of, **by.envelope())

    def declare_cadence(self, by: Decision, channel: DataChannel, hours: int | None) -> None:
        """Records how often the source of its data sends, unless it is recorded already.

        Raises AlreadyRecorded, BadValue, GroundNeeded.
        """
        if hours is not None and not 1 <= hours <= MOST_HOURS:
            raise BadValue(
                "hours: found %(hours)s, wanted 1 to %(most_hours)s",
                hours=hours,
                most_hours=f"{MOST_HOURS:,}",
            )
        if not (by.legal_ground or by.source):
            raise GroundNeeded(
                "source: found nothing; that %(code)s sends every so many hours is "
                "declared in an agreement or by itself: name it",
                code=self.code,
            )
        if hours is None and self.cadence_hours is None and "cadence" not in self.latest_events:
            raise BadValue(
                "hours: found nothing, and %(code)s declared no cadence to end", code=self.code
            )
        facts, last = by.envelope(), self.latest_events.get("cadence")
        content = {"channel": channel, "hours": hours}
        if last and difference(last, by, None, content) is None:
            return
        self.trigger_event(self.CadenceDeclared, **content, **facts)

    def _refuse_unless_recorded(self, about: object, by: Decision, words: str) -> None:
        """Returns if the latest event on the subject is identical. Raises AlreadyRecorded."""
        cure = Sentence("it is recorded once")
        refuse_unless_identical([self.latest_events[about]], by, words, cure)


#: Who joined a bloc, or left it.
Membership: TypeAlias = Administration.MemberJoined | Administration.MemberLeft
