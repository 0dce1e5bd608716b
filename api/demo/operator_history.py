"""The history of one synthetic operator, as its authority's own register would have recorded it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from api.demo.operator_names import ADJECTIVES, LOCAL, ROLES, TRADES
from registry.application.bulk_import import History
from registry.domain import commands as c
from registry.domain.consent import GENERAL, TO_ALL_ADEQUATE, TO_THE_PUBLIC
from registry.domain.decisions import Decision, start_of_day
from registry.domain.errors import AlreadyRecorded, Refusal
from registry.domain.operators import application_decisions as app
from registry.domain.operators import authorisation_decisions as auth
from registry.domain.operators import (
    consent_decisions,
    end_decisions,
    particulars_decisions,
    revocation_decisions,
    suspension_decisions,
)
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.trigger import create_aggregate
from registry.domain.values import AdministrationCode, Tin

if TYPE_CHECKING:
    from api.demo.population import Population

#: Nothing synthetic happens later, so that a number has the same history whenever it is loaded.
LAST_DAY = date(2026, 10, 31)
SOURCE = "synthetic"
ACTOR = "generator"
DAY = timedelta(days=1)

#: Partners to which operators may consent, for programmes that require consent.
PARTNERS = {
    "EU": ("US", "JP", "CN", "CH"),
    "GB": ("EU", "US", "JP", "CN"),
    "US": ("EU", "JP", "KR", "MX"),
}
LAW = {
    "EU": "UCC (Regulation 952/2013)",
    "GB": "Taxation (Cross-border Trade) Act 2018",
    "CN": "GACC order on enterprise credit",
    "US": "SAFE Port Act 2006",
    "KR": "Customs Act of Korea, Art. 255-2",
    "JP": "Customs Act of Japan",
}


@dataclass(frozen=True)
class DemoPlace:
    """A programme, the countries where it authorises operators with their time zones, and its legal
    ground."""

    programme: Programme
    homes: tuple[tuple[AdministrationCode, str], ...]
    opened: date
    law: str  # the legal ground of its decisions


class Beginning(NamedTuple):
    """The fixed facts of a history, and the random generator for the rest. `fate`: the outcome."""

    tin: Tin
    home: AdministrationCode
    zone: str
    day: date
    fate: str
    random: Callable[[], float]


class OperatorHistory:
    """The history of one synthetic operator. `day`: the current day of the simulation."""

    def __init__(self, population: Population, number: int) -> None:
        self.population, self.number = population, number
        self.place = population.place(number)
        beginning = population.beginning(number)
        self.tin, self.home, self.zone, self.day, self.fate, self.random = beginning
        self.known: list[datetime] = []  # the transaction time of each event
        self.refused: list[str] = []
        self.ended = False
        by = replace(self.decision(self.day, None, self.day), source=SOURCE)
        content = {
            "tin": self.tin,
            "administration": self.home,
            "time_zone": self.zone,
            "name": self.name(),
            "local_name": LOCAL[self.home.text].format(number) if self.home.text in LOCAL else None,
            "address": f"{1 + number % 97} Example Street, {self.home}",
            "roles": self.one_of(ROLES),
            **by.envelope(),
        }
        id = Operator.create_id(self.tin)
        self.operator = create_aggregate(Operator, Operator.Registered, id, content)
        self.written(self.day)

    def lead(self) -> None:
        """Simulates the whole history."""
        self.identify()
        if self.random() < 0.04 and (origin := self.population.elder(self.number, self.day)):
            self.do(particulars_decisions.split_from, c.SplitFrom(tin=self.tin, origin=origin))
        self.wait(5, 90)
        if self.apply() and self.fate != "pending":
            self.consent()
            self.hold()
        if self.fate == "revoked" and self.random() < 0.2:
            barred = self.operator.barred.get(self.place.programme.programme)
            self.day = max(self.day, barred or self.day)
            self.wait(10, 300)
            self.fate, self.ended = "valid", False
            if self.apply():
                self.hold()

    def identify(self) -> None:
        """Adds the identifiers that operators of that administration usually have."""
        home, number = self.home.text, self.number
        found = {
            "CN": [("AEOCN", f"AEO{self.tin}")],
            "KR": [("KR_AEO", f"{self.tin}")],
            "JP": [("JP_AEO", f"{self.tin}")],
            "GB": [("EORI", f"{self.tin}")],
            # Importers make these, not customs: one for each way to write the name.
            "US": [("MID", f"US{w}{number}SYN") for w in "ABCD"[: 1 + int(self.random() * 4)]],
        }.get(home)
        if found is None and self.place.programme.administration.text == "EU":
            found = [("EORI", f"{self.tin}")]
        for scheme, value in found or ():
            add = c.AddIdentifier(tin=self.tin, scheme=scheme, value=value, issuer=self.home)
            self.do(particulars_decisions.add_identifier, add)

    def consent(self) -> None:
        """Gives consent to some of the partners, and in some cases to publication."""
        eager = self.random()
        partners = PARTNERS.get(self.place.programme.administration.text, ())
        wanted = [partner for partner in partners if self.random() < 0.35 + 0.6 * eager]
        law = self.place.programme.rules_on(self.day).rule("sharing_consent")
        if law.value == GENERAL and wanted:
            give = c.GiveConsent(tin=self.tin, general=True, proof=f"questionnaire of {self.tin}")
            self.do(consent_decisions.give_consent, give)
            wanted = []
        for partner in wanted:
            give = c.GiveConsent(tin=self.tin, partner=AdministrationCode(partner))
            self.do(consent_decisions.give_consent, give)
        if self.random() < 0.6:
            self.do(consent_decisions.give_consent, c.GiveConsent(tin=self.tin, publication=True))

    def apply(self) -> bool:
        """Simulates an application up to the grant. Returns False where it is not granted."""
        tin, programme = self.tin, self.place.programme
        type = self.one_of(programme.types_on(self.day))
        self.do(app.lodge, c.LodgeApplication(tin=tin, programme=programme.programme, type=type))
        self.wait(3, 28)
        if self.fate == "not accepted":
            self.do(app.reject, c.RejectApplication(tin=tin, reason="records too short"))
            return False
        self.do(app.accept, c.AcceptApplication(tin=tin))
        self.wait(5, 40)
        self.do(app.start_examination, c.StartExamination(tin=tin))
        if self.fate == "pending":
            return False
        if self.random() < 0.1:
            self.consult()
        rules = programme.rules_on(self.day)
        awaited = any(getattr(event, "due", ()) for event in self.operator.history)
        if self.random() < 0.06 and awaited and rules.number("decision_extension_days"):
            extend = c.ExtendDeadline(tin=tin, reason="further checks of the premises")
            self.do(app.extend_deadline, extend)
        self.wait(20, 70)
        if self.fate == "withdrawn":
            self.do(app.withdraw, c.WithdrawApplication(tin=tin, reason="at its own request"))
            return False
        if self.fate == "refused":
            self.do(app.refuse, c.RefuseApplication(tin=tin, reason="solvency not shown"))
            return False
        if type not in programme.types_on(self.day + 30 * DAY):
            return False
        again = "-2" if len(self.operator.authorisations) > 1 else ""
        number = f"{self.home}{type}9{self.number:07d}{again}"
        grant = c.GrantAuthorisation(tin=tin, number=number, type=type)
        # The programme's rules give the day of effect, so only the day of decision is given.
        self.do(app.grant, grant, by_rule=True)
        return bool(self.operator.held()) and not self.ended

    def history(self) -> History:
        """Returns the events so far, with their recording instants and command id."""
        return History(self.operator, self.known, self.population.command_id(self.number), ACTOR)

    def correction(self, before: int) -> History | None:
        """Returns the correction of a mistake in this history, for a few operators; None for the
        others.

        `before`: the position before the first event.
        """
        granted = next((e for e in self.operator.history if isinstance(e, Operator.Granted)), None)
        if self.fate != "valid" or not self.population.may_err(self.number) or granted is None:
            return None
        version = granted.originator_version
        right = granted.effective + 3 * DAY
        self.day, self.ended = self.last, False
        self.wait(20, 200)
        if self.day > LAST_DAY:
            return None
        correct = c.CorrectRecord(
            tin=self.tin,
            position=before + version,
            what={"effective": right.isoformat()},
            why="the day of effect was miscounted",
        )
        by = Decision(
            self.day, decided_by=self.home, legal_ground=self.place.law, programme=self.programme
        )
        particulars_decisions.correct(self.operator, correct, by, version)
        self.written(self.day)
        id = self.population.command_id(self.number, "correction")
        return History(self.operator, self.known[-1:], id, ACTOR)

    def consult(self) -> None:
        """Simulates a consultation of another authority (UCC Delegated Act, Art. 31)."""
        asked = self.one_of(self.place.homes)[0]
        self.do(app.request_consultation, c.RequestConsultation(tin=self.tin, asked=asked))
        self.wait(5, 30)
        reply = c.RecordConsultationReply(tin=self.tin, asked=asked, reply="no objection")
        self.do(app.record_consultation_reply, reply)

    def hold(self) -> None:
        """Simulates the years as an authorised operator, until the end that `fate` has for it."""
        self.wait(30, 200)
        years = 1 + int(self.random() * 6)
        while not self.ended:
            if self.fate != "valid" and years <= 0:
                return self.end()
            self.year()
            years -= 1
        return None

    def year(self) -> None:
        """Simulates one year: mostly without an event."""
        tin, chance = self.tin, self.random()
        mine = self.operator.held()[0]
        year_start = self.day
        if mine.valid_until and mine.valid_until - self.day < timedelta(days=400):
            if self.fate == "expired":
                self.day = mine.valid_until + DAY
                self.do(end_decisions.expire, c.ExpireAuthorisation(tin=tin, reason="not renewed"))
                self.ended = True
                return
            self.day = max(self.day, mine.valid_until - 40 * DAY)
            self.do(auth.renew, c.RenewAuthorisation(tin=tin))
        elif chance < 0.14:
            self.do(auth.open_reassessment, c.OpenReassessment(tin=tin, reason="periodic review"))
            self.wait(20, 150)
            mending = self.random() < 0.1
            close = c.CloseReassessment(tin=tin, outcome="confirmed", remediation=mending)
            self.do(auth.close_reassessment, close)
        elif chance < 0.17:
            self.suspend(until=self.day + 90 * DAY)
            self.wait(10, 80)
            self.do(
                suspension_decisions.lift_suspension, c.LiftSuspension(tin=tin, reason="remedied")
            )
        elif chance < 0.24:
            moved = f"{1 + int(self.random() * 200)} Specimen Road, {self.home}"
            self.do(particulars_decisions.amend, c.AmendParticulars(tin=tin, address=moved))
        elif chance < 0.25:
            self.do(particulars_decisions.amend, c.AmendParticulars(tin=tin, name_=self.name()))
        elif chance < 0.27:
            roles = self.one_of(ROLES)
            self.do(auth.amend_roles, c.AmendRoles(tin=tin, roles=roles))
        elif chance < 0.29:
            type = self.one_of(self.place.programme.types_on(self.day))
            self.do(auth.change_type, c.ChangeType(tin=tin, type=type))
        elif chance < 0.30 and self.operator.consents:
            scope = min(self.operator.consents)
            take = c.WithdrawConsent(
                tin=tin,
                partner=AdministrationCode(scope) if scope.isalpha() else None,
                general=scope == TO_ALL_ADEQUATE,
                publication=scope == TO_THE_PUBLIC,
                proof=f"letter of {tin}" if scope == TO_ALL_ADEQUATE else None,
            )
            self.do(consent_decisions.withdraw_consent, take)
        self.day = max(self.day + 20 * DAY, year_start + 365 * DAY)

    def suspend(self, until: date | None = None) -> None:
        """Suspends the authorisation, or its security part alone where the type has two parts.
        `until`: the scheduled end, None for an open one."""
        rules = self.place.programme.rules_on(self.day)
        parts = rules.parts(self.operator.held()[0].type)
        part = "S" if "S" in parts and len(parts) > 1 and self.random() < 0.5 else None
        why = "criteria in doubt"
        suspension = c.SuspendAuthorisation(tin=self.tin, part=part, until=until, reason=why)
        self.do(suspension_decisions.suspend, suspension)

    def renew_until(self, day: date) -> None:
        """Renews each term before its last day, up to `day`."""
        last = None
        while not self.ended and (end := self.operator.held()[0].valid_until) and end < day:
            if end == last:
                break  # the programme's rules of that day did not allow it
            last, self.day = end, max(self.day, end - 40 * DAY)
            self.do(auth.renew, c.RenewAuthorisation(tin=self.tin))
        self.day = max(self.day, day)

    def end(self) -> None:
        """Leads the operator to the end that its fate prescribes."""
        tin = self.tin
        match self.fate:
            case "suspended":
                self.renew_until(LAST_DAY - timedelta(days=int(80 * self.random())))
                self.suspend()
            case "revoked":
                if self.random() < 0.5:
                    self.suspend()
                    self.wait(20, 80)
                self.do(
                    revocation_decisions.revoke,
                    c.RevokeAuthorisation(tin=tin, reason="serious infringement"),
                )
            case "annulled":
                # An annulment is effective from the day of effect; the decision derives it.
                annul = c.AnnulAuthorisation(tin=tin, reason="granted on false information")
                self.do(revocation_decisions.annul, annul, by_rule=True)
            case "surrendered" | "expired":  # in some programmes authorisations do not expire
                give_up = c.SurrenderAuthorisation(tin=tin, reason="no more customs business")
                self.do(revocation_decisions.surrender, give_up)
            case "merged":
                if successor := self.population.elder(self.number, self.day):
                    merge = c.MergeInto(tin=tin, successor=successor, reason="merged")
                    self.do(particulars_decisions.merge_into, merge)
        self.ended = True

    def do(self, decide: Any, command: Any, by_rule: bool = False) -> None:
        """Decides a command on `day` and records it on that day or later; after LAST_DAY not at
        all."""
        if self.ended:
            return
        late = self.random()
        recorded = self.day
        if late > 0.85:  # most decisions are recorded on the same day, some a few days later
            recorded += timedelta(days=1 + int(5 * self.random()))
            if late > 0.98:
                recorded += timedelta(days=int(120 * self.random()))
        recorded = max(recorded, self.last)
        if recorded > LAST_DAY:
            self.ended = True
            return
        by = self.decision(recorded, None if by_rule else self.day, self.day)
        try:
            decide(self.operator, command, by)
        except AlreadyRecorded:  # the random new roles or type are the old ones
            return
        except Refusal as refusal:  # the rules of that day apply to synthetic histories, too
            self.refused.append(f"{type(command).__name__} on {self.day}: {refusal}")
            return
        if len(self.operator.pending_events) > len(self.known):
            self.written(recorded)

    def decision(self, today: date, effective: date | None, decided: date) -> Decision:
        """Returns the frame of a decision of the home administration."""
        # Positional arguments take half as long as keywords.
        return Decision(today, effective, decided, self.home, self.place.law, None, self.programme)

    def written(self, day: date) -> None:
        """Sets the recording instant of the last event: in the office hours of that civil day in
        the home time zone, and after the event before."""
        seconds, known = 32_400 + int(28_800 * self.random()), self.known
        at = start_of_day(day, self.zone) + timedelta(0, seconds)
        if known and at <= known[-1]:
            at = known[-1] + timedelta(0, 1)
        known.append(at)
        self.last = day

    def programme(self, code: str) -> Programme:
        """Returns the operator's programme, whatever the code: it has only one."""
        return self.place.programme

    def wait(self, least: int, most: int) -> None:
        """Moves the current day forward by at least `least` and fewer than `most` days."""
        self.day += timedelta(least + int((most - least) * self.random()))

    def one_of(self, things: Sequence[Any]) -> Any:
        """Returns one of these, drawn at random."""
        return things[int(self.random() * len(things))]

    def name(self) -> str:
        """Returns a name that shows that the operator is synthetic."""
        return f"Synthetic {self.one_of(ADJECTIVES)} {self.one_of(TRADES)} {self.number} Ltd"
