"""One synthetic life: an operator's past as its authority's own register would have kept it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from registry.application.bulk_import import History
from registry.domain import commands as c
from registry.domain.decisions import Decision, begins
from registry.domain.errors import AlreadyRecorded, Refusal
from registry.domain.operators import application_decisions as app
from registry.domain.operators import authorisation_decisions as auth
from registry.domain.operators import end_decisions, particulars_decisions
from registry.domain.operators.events import Operator
from registry.domain.programmes import Programme
from registry.domain.trigger import create_aggregate
from registry.domain.values import AdministrationCode, Role, Tin

if TYPE_CHECKING:
    from api.demo.population import Population

#: Nothing synthetic happens later, so that the same number lives the same life in every year.
LAST_DAY = date(2026, 10, 31)
SOURCE = "synthetic"
ACTOR = "generator"
DAY = timedelta(days=1)

#: To whom operators of a programme that asks for consent are asked to give it.
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
ADJECTIVES = (
    "Amber",
    "Boreal",
    "Cobalt",
    "Delta",
    "Eastern",
    "Fair",
    "Granite",
    "Harbour",
    "Inland",
    "Jade",
    "Keystone",
    "Lantern",
    "Meridian",
    "Northern",
    "Orchard",
    "Pioneer",
    "Quiet",
    "River",
    "Silver",
    "Tidal",
    "United",
    "Valley",
    "Western",
    "Zenith",
)
TRADES = (
    "Bearings",
    "Ceramics",
    "Chemicals",
    "Components",
    "Electronics",
    "Fasteners",
    "Foods",
    "Forwarding",
    "Freight",
    "Fruit",
    "Furniture",
    "Glass",
    "Instruments",
    "Logistics",
    "Machines",
    "Motors",
    "Optics",
    "Paper",
    "Pharma",
    "Plastics",
    "Shipping",
    "Steel",
    "Textiles",
    "Timber",
    "Tools",
    "Toys",
    "Trading",
    "Warehousing",
)
#: "Imaginary trader number so-and-so", in its own script.
LOCAL = {"CN": "虚构贸易{}号有限公司", "JP": "架空貿易{}号株式会社", "KR": "가상무역{}호 주식회사"}
ROLES = (
    (Role.IMPORTER, Role.EXPORTER),
    (Role.EXPORTER, Role.MANUFACTURER),
    (Role.EXPORTER,),
    (Role.IMPORTER,),
    (Role.FREIGHT_FORWARDER,),
    (Role.CUSTOMS_BROKER,),
    (Role.CARRIER,),
    (Role.WAREHOUSE_KEEPER,),
    (Role.TERMINAL_OPERATOR,),
    (Role.EXPRESS_CARRIER,),
)


@dataclass(frozen=True)
class DemoPlace:
    """Where lives are lived: one programme, the countries it authorises in, and their zones."""

    programme: Programme
    homes: tuple[tuple[AdministrationCode, str], ...]
    opened: date
    law: str  # on which ground it decides


class Beginning(NamedTuple):
    """What is sure of a life from the start, and the chances that make the rest of it."""

    tin: Tin
    home: AdministrationCode
    zone: str
    day: date
    fate: str
    random: Callable[[], float]


class OperatorHistory:
    """One operator's past, as its authority's own register would have kept it."""

    def __init__(self, population: Population, number: int) -> None:
        self.population, self.number = population, number
        self.place = population.place(number)
        begun = population.beginning(number)
        self.tin, self.home, self.zone, self.day, self.fate, self.random = begun
        self.known: list[datetime] = []  # one instant an event
        self.refused: list[str] = []
        self.ended = False
        by = replace(self.decision(self.day, None, self.day), source=SOURCE)
        said = {
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
        self.operator = create_aggregate(Operator, Operator.Registered, id, said)
        self.written(self.day)

    # --------------------------------------------------------------- the life

    def lead(self) -> None:
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
        home, number = self.home.text, self.number
        found = {
            "CN": [("AEOCN", f"AEO{self.tin}")],
            "KR": [("KR_AEO", f"{self.tin}")],
            "JP": [("JP_AEO", f"{self.tin}")],
            "GB": [("EORI", f"{self.tin}")],
            # Made by importers and not by customs: as many as there are ways to write the name.
            "US": [("MID", f"US{w}{number}SYN") for w in "ABCD"[: 1 + int(self.random() * 4)]],
        }.get(home)
        if found is None and self.place.programme.administration.text == "EU":
            found = [("EORI", f"{self.tin}")]
        for scheme, value in found or ():
            add = c.AddIdentifier(tin=self.tin, scheme=scheme, value=value, issuer=self.home)
            self.do(particulars_decisions.add_identifier, add)

    def consent(self) -> None:
        eager = self.random()
        for partner in PARTNERS.get(self.place.programme.administration.text, ()):
            if self.random() < 0.35 + 0.6 * eager:
                give = c.GiveConsent(tin=self.tin, partner=AdministrationCode(partner))
                self.do(particulars_decisions.give_consent, give)
        if self.random() < 0.6:
            self.do(
                particulars_decisions.give_consent, c.GiveConsent(tin=self.tin, publication=True)
            )

    def apply(self) -> bool:
        """From the application to the grant. False where it came to nothing, or to nothing yet."""
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
        awaited = any(getattr(event, "due", ()) for event in self.operator.past)
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
        # The day of effect is the programme's to say, so the day given is that of the decision.
        self.do(app.grant, grant, by_rule=True)
        return bool(self.operator.held()) and not self.ended

    def history(self) -> History:
        return History(self.operator, self.known, self.population.command_id(self.number), ACTOR)

    def correction(self, before: int) -> History | None:
        """Of a few, a slip put right later. `before`: the position in front of the first event."""
        granted = next((e for e in self.operator.past if isinstance(e, Operator.Granted)), None)
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
        """Another authority is asked (UCC Delegated Act Art. 31), as where it has a site there."""
        asked = self.one_of(self.place.homes)[0]
        self.do(app.request_consultation, c.RequestConsultation(tin=self.tin, asked=asked))
        self.wait(5, 30)
        reply = c.RecordConsultationReply(tin=self.tin, asked=asked, reply="no objection")
        self.do(app.record_consultation_reply, reply)

    def hold(self) -> None:
        """The years as an authorised operator, until the end that its fate has for it."""
        self.wait(30, 200)
        years = 1 + int(self.random() * 6)
        while not self.ended:
            if self.fate != "valid" and years <= 0:
                return self.end()
            self.year()
            years -= 1
        return None

    def year(self) -> None:
        """One year: mostly nothing, sometimes what an officer would remember."""
        tin, chance = self.tin, self.random()
        mine = self.operator.held()[0]
        begun = self.day
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
            self.do(auth.lift_suspension, c.LiftSuspension(tin=tin, reason="remedied"))
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
            partner = min(self.operator.consents, key=str)
            take = c.WithdrawConsent(tin=tin, partner=partner, publication=partner is None)
            self.do(particulars_decisions.withdraw_consent, take)
        self.day = max(self.day + 20 * DAY, begun + 365 * DAY)

    def suspend(self, until: date | None = None) -> None:
        rules = self.place.programme.rules_on(self.day)
        parts = rules.parts(self.operator.held()[0].type)
        part = "S" if "S" in parts and len(parts) > 1 and self.random() < 0.5 else None
        why = "criteria in doubt"
        told = c.SuspendAuthorisation(tin=self.tin, part=part, until=until, reason=why)
        self.do(auth.suspend, told)

    def renew_until(self, day: date) -> None:
        """The terms that lie between, each renewed before its last day."""
        last = None
        while not self.ended and (end := self.operator.held()[0].valid_until) and end < day:
            if end == last:
                break  # the law of that day did not renew it
            last, self.day = end, max(self.day, end - 40 * DAY)
            self.do(auth.renew, c.RenewAuthorisation(tin=self.tin))
        self.day = max(self.day, day)

    def end(self) -> None:
        tin = self.tin
        match self.fate:
            case "suspended":
                self.renew_until(LAST_DAY - timedelta(days=int(80 * self.random())))
                self.suspend()
            case "revoked":
                if self.random() < 0.5:
                    self.suspend()
                    self.wait(20, 80)
                self.do(auth.revoke, c.RevokeAuthorisation(tin=tin, reason="serious infringement"))
            case "annulled":
                # Back to the day of effect, whatever the day: the decision knows it.
                annul = c.AnnulAuthorisation(tin=tin, reason="granted on false information")
                self.do(auth.annul, annul, by_rule=True)
            case "surrendered" | "expired":  # there are programmes whose authorisations last
                give_up = c.SurrenderAuthorisation(tin=tin, reason="no more customs business")
                self.do(auth.surrender, give_up)
            case "merged":
                if successor := self.population.elder(self.number, self.day):
                    merge = c.MergeInto(tin=tin, successor=successor, reason="merged")
                    self.do(particulars_decisions.merge_into, merge)
        self.ended = True

    # ------------------------------------------------------- written down when

    def do(self, decide: Any, command: Any, by_rule: bool = False) -> None:
        """Decided on this day, and written down on it or later. After the last day: not at all."""
        if self.ended:
            return
        late = self.random()
        recorded = self.day
        if late > 0.85:  # a few days lie between most decisions and their entry, if any
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
        except AlreadyRecorded:  # other roles, or another type, by chance those that it had
            return
        except Refusal as refusal:  # the law of that day has the last word, in a made-up life too
            self.refused.append(f"{type(command).__name__} on {self.day}: {refusal}")
            return
        if len(self.operator.pending_events) > len(self.known):
            self.written(recorded)

    def decision(self, today: date, effective: date | None, decided: date) -> Decision:
        # By their places, which takes half as long as by their names.
        return Decision(today, effective, decided, self.home, self.place.law, None, self.programme)

    def written(self, day: date) -> None:
        seconds, known = 32_400 + int(28_800 * self.random()), self.known
        at = begins(day, self.zone) + timedelta(0, seconds)
        if known and at <= known[-1]:
            at = known[-1] + timedelta(0, 1)
        known.append(at)
        self.last = day

    def programme(self, code: str) -> Programme:
        return self.place.programme

    def wait(self, least: int, most: int) -> None:
        self.day += timedelta(least + int((most - least) * self.random()))

    def one_of(self, things: Sequence[Any]) -> Any:
        return things[int(self.random() * len(things))]

    def name(self) -> str:
        return f"Synthetic {self.one_of(ADJECTIVES)} {self.one_of(TRADES)} {self.number} Ltd"
